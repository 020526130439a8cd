// The editor of `runs`: what each coming run of a subtask does.

import { button, h, put } from "../common/dom.js";

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

/** It is filled when a subtask is chosen, and after it was saved. */
export function createRuns(save) {
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
      button("Set runs", set)));

  async function set() {
    const sent = typed();
    await save(read());
    if (typed() === sent) shown = null; // else somebody types on
  }

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
