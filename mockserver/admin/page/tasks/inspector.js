// The subtask that is chosen: what the user may do and what comes of it; its log and facts; and changing it directly.

import { badge, button, h, keyed, labelled, offered, put, soon } from "../common/dom.js";
import { control } from "../common/server.js";
import { left, msOf, span } from "../common/times.js";
import { createAnswer } from "./answer.js";
import { forbidden, forecast } from "./forecast.js";
import { createRuns } from "./runs.js";

const STATUSES = ["PENDING", "READY", "RUNNING", "CANCELING", "FAILED", "SUCCESSFUL"];
const VERBS = ["retry", "skip", "cancel"];
const capital = (verb) => verb[0].toUpperCase() + verb.slice(1);

/** `act(verb, one, answer)` asks the API; `read(call)` waits for a subtask and takes it as it is then. */
export function createInspector(app, traces, { act, read }) {
  let id = null;
  let task = null;
  let one = null;
  let linesSeen = 0;
  const hint = h("p", { class: "soft" }, "No subtask is chosen: choose one in the graph.");
  const title = h("h3", { class: "cut" });
  const status = badge("PENDING");
  const summary = h("span", { class: "soft cut" });
  const last = h("p", { class: "mono cut last-line" });
  const verbs = VERBS.map((verb) => button(capital(verb), () => act(verb, one, answer),
    { "data-verb": verb, class: verb === "retry" ? "" : "quiet" }));
  const why = h("p", { class: "why", id: "why" });
  verbs[0].setAttribute("aria-describedby", "why");
  const answer = createAnswer(app, traces);
  const more = h("button", { type: "button", class: "plain pull", "aria-expanded": "false", onclick: () => pulled() }, "More");
  const log = h("pre", { tabindex: "0", role: "region", "aria-label": "Log" });
  const facts = h("dl", { class: "facts" });
  const wanted = h("select", {}, STATUSES.map((name) => new Option(name)));
  const runs = createRuns((body) => read(control("PATCH", path(), { runs: body })));
  const body = h("div", { class: "body" },
    h("div", { class: "top" },
      h("div", { class: "title" }, title, more),
      h("div", { class: "stands" }, status, summary), last,
      h("div", { class: "row verbs" }, verbs), why, answer.element),
    h("div", { class: "below" },
      h("details", { open: true }, h("summary", {}, "Log"), log),
      h("details", {}, h("summary", {}, "Facts"), facts),
      h("details", {}, h("summary", {}, "Change the world directly"),
        h("div", { class: "row" }, h("label", {}, "Status ", wanted),
          button("Set status", () => read(control("PATCH", path(), { status: wanted.value })), { class: "quiet" })),
        runs.element)));
  const element = h("section", { class: "inspector", "aria-label": "Subtask" }, hint, body);

  const path = () => `tasks/${task.id}/subtasks/${id}`;

  function pulled(isOut = !element.classList.contains("pulled")) {
    element.classList.toggle("pulled", isOut);
    more.setAttribute("aria-expanded", String(isOut));
    put(more, isOut ? "Less" : "More");
  }

  const look = soon(async () => {
    if (task === null || id === null || one === null || element.closest("[hidden]")) return;
    const asked = path(), since = app.now();
    try {
      const whole = await read(control("GET", asked));
      if (!whole || asked !== path()) return;
      linesSeen = linesWritten(since); // or more, but what has passed since may have come too late for it
      const text = whole.log ?? "";
      put(log, text || "No run has written anything yet.");
      put(last, text.trimEnd().split("\n").pop());
    } catch (error) {
      if (error.status !== 404) throw error; // the world is another one meanwhile
    }
  });

  /** Of the log of the run that is under way: it grows without anything being told. */
  function linesWritten(nowMs) {
    const lines = (one?.outcomeLog ?? "").replace(/\n$/, "").split("\n").length;
    const [from, to] = [one?.outcomeLogFrom, one?.outcomeLogTo].map(Date.parse);
    return Math.floor(Math.min((nowMs - from) / (to - from), 1) * lines);
  }

  /** `next`: the chosen one as it is now, undefined if there is none. */
  function update(whole, next, nowMs) {
    task = whole;
    if (one?.id !== next?.id || wanted.value === one?.status) wanted.value = next?.status; // else somebody has chosen it
    const isAnother = one?.status !== next?.status || one?.runTime !== next?.runTime || one?.id !== next?.id;
    one = next ?? null;
    hint.hidden = one !== null;
    body.hidden = one === null;
    if (one === null) return;
    put(title, `${one.id} ${one.name}`);
    title.title = title.textContent;
    labelled(status, one.status);
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
    runs.update(one);
    tick(nowMs);
    foretell();
    if (isAnother) look();
  }

  /** What a verb would meet, before it is pressed. */
  function foretell() {
    if (one === null) return;
    const told = (verb) => forecast(app, verb, one, task, `/tasks/instances/${task.id}/subtasks/${one.id}/${verb}`);
    verbs.forEach((verb, at) => offered(verb, forbidden(VERBS[at], one, task)));
    const retry = told("retry");
    const others = VERBS.slice(1).filter((verb) => !forbidden(verb, one, task) && retry.includes(forbidden("retry", one, task)));
    const lines = [`as ${app.user()?.name ?? "nobody"}: ${retry.join("; ") || "nothing stands in the way"}`,
      ...others.map((verb) => told(verb).length && `${verb}: ${told(verb).join("; ")}`).filter(Boolean)];
    put(why, lines.join(". "));
    why.title = why.textContent;
    why.classList.toggle("warns", retry.length > 0);
  }

  function tick(nowMs) {
    if (one === null) return;
    const isActive = ["READY", "RUNNING", "CANCELING"].includes(one.status);
    const line = [...facts.children].find((child) => child.dataset.key === "=Remaining");
    if (line) put(line, one.due ? left(one.due, nowMs) : isActive ? "no end" : "—");
    const took = one.startTime && one.finishTime && !isActive && one.status !== "PENDING"
      ? `, took ${span(Math.max(0, msOf(one.finishTime) - msOf(one.startTime)))}` : one.due ? `, ${left(one.due, nowMs)}` : "";
    put(summary, `${one.operation === "EXECUTE" ? "" : `${one.operation}, `}run ${one.runTime}${took}`);
    if (one.outcomeLog && linesWritten(nowMs) !== linesSeen) look();
  }

  app.rules.changed(foretell);
  document.addEventListener("acting", foretell);

  return {
    element,
    update,
    tick,
    look,
    answer,
    id: () => id,
    one: () => one,
    retry: () => verbs[0].click(),
    choose(chosen) {
      const next = chosen === null ? null : String(chosen);
      if (next === id) return;
      id = next;
      one = null;
      hint.hidden = id !== null;
      body.hidden = id === null;
      put(log, "");
      put(last, "");
      answer.forget();
      runs.forget();
    },
  };
}
