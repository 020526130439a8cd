// What a journal entry says of itself: its subject, and its answer in a word. Used by the list and by the one opened.

import { h } from "./dom.js";

const LET_GO = /, let go$/; // a late answer whose rule was removed, or whose world was reset
const BREAKS = /CONNECTION_RESET_BY_PEER|EMPTY_RESPONSE|MALFORMED_RESPONSE_CHUNK|RANDOM_DATA_THEN_CLOSE/;
const ASKED_BY_ITSELF = new Set(["X-Mock-Fault", "Prefer"]);

/** { task, subtask } as texts, from the path: ids past 2^53 are exact in it. */
export function subjectOf({ path }) {
  const [, task, subtask] = /\/tasks\/instances\/([+-]?\d+)(?:\/subtasks\/([+-]?\d+))?/.exec(path) ?? [];
  return { task, subtask };
}

export function subjectText(entry) {
  const { task, subtask } = subjectOf(entry);
  if (task === undefined) return "";
  return subtask === undefined ? `task ${task}` : `task ${task}, subtask ${subtask}`;
}

/** The status class that the filter knows: 2, 4, 5, or none. */
export const classOf = ({ status }) => (status === null ? "none" : String(Math.floor(status / 100)));

const HANGS = /HANG/;
/** Whether its answer may still come. */
export const waits = ({ status, effect }) =>
  status === null && ![BREAKS, HANGS, LET_GO].some((ended) => ended.test(effect ?? ""));

/** The status, and what it means: by number, in a word, by colour. */
export function answered(element, entry) {
  const { status, effect } = entry;
  const [look, word] = waits(entry)
    ? ["pending", "waits"]
    : status === null
      ? HANGS.test(effect)
        ? ["pending", "no answer"]
        : ["failed", "broke off"]
      : status < 300
        ? ["successful", "ok"]
        : status < 500
          ? ["ready", "refused"]
          : ["failed", "broken"];
  const text = status === null ? word : `${status} ${word}`;
  if (element.textContent !== text) {
    element.textContent = text;
    element.className = `badge is-${look}`;
  }
  return element;
}

/** A link to the rule that acted; a request's own wish is no rule that stands. */
export function ruleLink(rule) {
  if (rule === null) return "none";
  return ASKED_BY_ITSELF.has(rule)
    ? `${rule}: the request asked for it`
    : h("a", { href: `#/faults/${encodeURIComponent(rule)}` }, rule);
}
