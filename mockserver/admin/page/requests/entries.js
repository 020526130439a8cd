// What a journal entry says of itself: its subject, and its answer in a word. Used by the list and by the one opened.

import { h } from "../common/dom.js";

const LET_GO = /, let go$/; // a late answer whose rule was removed, or whose world was reset
const BREAKS = /CONNECTION_RESET_BY_PEER|EMPTY_RESPONSE|MALFORMED_RESPONSE_CHUNK|RANDOM_DATA_THEN_CLOSE/;
const ASKED_BY_ITSELF = new Set(["X-Mock-Fault", "Prefer"]);

/** { task, subtask } as texts, from the path: ids past 2^53 are exact in it. */
export function subjectOf({ path }) {
  const [, task, subtask] = /\/tasks\/instances\/([+-]?\d+)(?:\/subtasks\/([+-]?\d+))?/.exec(path) ?? [];
  return { task, subtask };
}

export const NOBODY = "\u0000";

/** As it was sent, secrets left out; "" if there is none. */
export function queryOf({ query = {} }) {
  const pairs = Object.entries(query).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}

/** The part of a path that tells requests apart: an API's prefix is all the same. */
export const tailOf = (entry) => entry.path.replace(/^.*?\/tasks\/instances\/?/, "…/") + queryOf(entry);

/** Why it was refused or spoiled, in a line. */
export const reasonOf = ({ errorCode, hint, clientError, effect }) =>
  [errorCode, clientError ?? effect ?? hint].filter(Boolean).join(": ");

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

export function wordOf(entry) {
  const { status, effect } = entry;
  if (waits(entry)) return "waits";
  if (status === null) return HANGS.test(effect) ? "no answer" : "broke off";
  return status < 300 ? "ok" : status < 400 ? "moved" : status < 500 ? "refused" : "broken";
}
const LOOKS = { waits: "pending", "no answer": "pending", ok: "successful", moved: "successful", refused: "ready" };

/** The status, and what it means: by number, in a word, by colour. */
export function answered(element, entry) {
  const word = wordOf(entry), look = LOOKS[word] ?? "failed";
  const text = entry.status === null ? word : `${entry.status} ${word}`;
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
