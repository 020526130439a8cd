// The subtask that is chosen: its facts and its log; what the user may do, and what the director sets.

import { badge, button, h, keyed, labelled, offered, put } from "./dom.js";
import { control } from "./server.js";
import { left } from "./clock.js";

const STATUSES = ["PENDING", "READY", "RUNNING", "CANCELING", "FAILED", "SUCCESSFUL"];
const PRESETS = {
  "Succeed": [{ outcome: "SUCCESSFUL" }],
  "Fail always": [{ outcome: "FAILED", duration: "2s", log: "It failed again." }],
  "Fail twice, then succeed": [
    { outcome: "FAILED", duration: "2s", log: "It failed once." },
    { outcome: "FAILED", duration: "2s", log: "It failed twice." },
    { outcome: "SUCCESSFUL", duration: "2s" },
  ],
  "Never end": [{ duration: "never" }],
};

/** `act(verb, id)` asks the API; `changed()` looks again after the director has set something. */
export function createSubtask(app, { act, changed }) {
  let id = null;
  let task = null;
  let one = null;
  let linesSeen = 0;
  const hint = h("p", { class: "soft" }, "Choose a subtask in the graph to act on it.");
  const title = h("h4");
  const status = badge("PENDING");
  const facts = h("dl", { class: "facts" });
  const verbs = ["retry", "skip", "cancel"].map((verb) =>
    button(verb[0].toUpperCase() + verb.slice(1), () => act(verb, id), { "data-verb": verb }));
  const log = h("pre", { hidden: true, tabindex: "0", role: "region", "aria-label": "Log" });
  const showLog = button("Show log", toggleLog, { class: "quiet", "aria-expanded": "false" });
  const wanted = h("select", {}, STATUSES.map((name) => new Option(name)));
  const runs = createRuns(async (body) => { await control("PATCH", path(), { runs: body }); changed(); });
  const directing = h("details", {}, h("summary", {}, "As the director"),
    h("div", { class: "row" }, h("label", {}, "Status ", wanted),
      button("Set status", async () => { await control("PATCH", path(), { status: wanted.value }); changed(); })),
    runs.element);
  const body = h("div", { hidden: true },
    h("div", { class: "row" }, title, status),
    h("div", { class: "row" }, verbs, showLog), log, facts, directing);
  const element = h("section", { class: "subtask", "aria-label": "Subtask" }, hint, body);

  const path = () => `tasks/${task.id}/subtasks/${id}`;

  async function toggleLog() {
    if (log.hidden) await lookAtLog();
    log.hidden = !log.hidden;
    showLog.setAttribute("aria-expanded", String(!log.hidden));
    put(showLog, log.hidden ? "Show log" : "Hide log");
  }

  async function lookAtLog() {
    linesSeen = linesWritten(app.now());
    put(log, (await control("GET", path())).log ?? "No run has written anything yet.");
  }

  /** Of the log of the run that is under way: it grows without anything being told. */
  function linesWritten(nowMs) {
    const lines = (one?.outcomeLog ?? "").replace(/\n$/, "").split("\n").length;
    const [from, to] = [one?.outcomeLogFrom, one?.outcomeLogTo].map(Date.parse);
    return Math.floor(Math.min((nowMs - from) / (to - from), 1) * lines);
  }

  function update(whole, nowMs) {
    task = whole;
    const found = id === null ? undefined : whole.subtasks.find((other) => String(other.id) === id);
    const isAnother = one?.status !== found?.status || one?.runTime !== found?.runTime;
    one = found ?? null;
    hint.hidden = one !== null;
    body.hidden = one === null;
    if (one === null) return;
    put(title, `${one.id} ${one.name}`);
    labelled(status, one.status);
    const [retry, skip, cancel] = verbs;
    offered(retry, one.status === "FAILED" && ![one.operation, whole.operation].includes("ROLLBACK"));
    offered(skip, one.status === "FAILED" && one.skippable);
    offered(cancel, one.status === "RUNNING");
    const values = [
      ["Operation", one.operation],
      ["Run time", String(one.runTime)],
      ["Remaining", ""],
      ["Started", app.time(one.startTime) || "—"],
      ["Finished", app.time(one.finishTime) || "—"],
      ["Executor", one.executor ?? "—"],
      ["Upstreams", one.upstreams.join(", ") || "none"],
      ["Downstreams", one.downstreams.join(", ") || "none"],
      ["Timeout", one.timeout ? `${one.timeout} s` : "none"],
      ["Automatic retries", String(one.retryCount)],
    ];
    keyed(facts, values.flatMap(([name, value]) => [[name, name, "dt"], [`=${name}`, value, "dd"]]), ([key]) => key,
      ([, text, tag]) => h(tag, {}, text), (line, [key, text]) => key === "=Remaining" || put(line, text));
    if (isAnother) wanted.value = one.status;
    runs.update(one);
    tick(nowMs);
    if (!log.hidden && isAnother) lookAtLog();
  }

  function tick(nowMs) {
    if (one === null || body.hidden) return;
    const isActive = ["READY", "RUNNING", "CANCELING"].includes(one.status);
    const line = [...facts.children].find((child) => child.dataset.key === "=Remaining");
    if (line) put(line, one.due ? left(one.due, nowMs) : isActive ? "no end" : "—");
    if (!log.hidden && one.outcomeLog && linesWritten(nowMs) !== linesSeen) lookAtLog();
  }

  return {
    element,
    update,
    tick,
    choose(chosen) {
      id = chosen === null ? null : String(chosen);
      one = null;
      hint.hidden = id !== null;
      body.hidden = id === null;
      log.hidden = true;
      put(showLog, "Show log");
      showLog.setAttribute("aria-expanded", "false");
      runs.forget();
    },
  };
}

/** The editor of `runs`: what each coming run does. It is filled when a subtask is chosen, and after it was saved. */
function createRuns(save) {
  let shown = null;
  let filled = "";
  const lines = h("ol", { class: "runs" });
  const next = h("p", { class: "soft" });
  const presets = Object.entries(PRESETS).map(([name, runs]) =>
    h("button", { type: "button", class: "quiet", onclick: () => fill(runs) }, name));
  const element = h("fieldset", {}, h("legend", {}, "Runs: what each coming run does (the last one repeats)"),
    h("div", { class: "row" }, presets), lines, next,
    h("div", { class: "row" },
      h("button", { type: "button", class: "quiet", onclick: () => add({}) }, "Add a run"),
      button("Set runs", async () => { await save(read()); shown = null; })));

  function add({ outcome = "SUCCESSFUL", duration = "", log = "" }) {
    const line = h("li", {}, h("div", { class: "row" },
      h("select", { "aria-label": "Outcome" }, ["SUCCESSFUL", "FAILED"].map((name) => new Option(name, name, false, name === outcome))),
      h("input", { "aria-label": "Duration", placeholder: "as usual", size: 8, value: String(duration) }),
      h("input", { "aria-label": "Log", placeholder: "log", size: 24, value: log }),
      h("button", { type: "button", class: "plain", "aria-label": "Remove this run", onclick: () => line.remove() }, "×")));
    lines.append(line);
  }

  function fill(runs) {
    lines.replaceChildren();
    runs.forEach(add);
  }

  const typed = () => JSON.stringify(read());

  function read() {
    return [...lines.children].map((line) => {
      const [outcome, duration, log] = line.querySelectorAll("select, input");
      return {
        outcome: outcome.value,
        ...(duration.value.trim() ? { duration: duration.value.trim() } : {}),
        ...(log.value ? { log: log.value } : {}),
      };
    });
  }

  return {
    element,
    forget() { shown = null; },
    update({ runs, nextRun }) {
      put(next, `${Math.min(nextRun + 1, runs.length)} of ${runs.length} comes next.`);
      const text = JSON.stringify(runs);
      if (text === shown || (shown !== null && typed() !== filled)) return;
      fill(runs);
      shown = text;
      filled = typed();
    },
  };
}
