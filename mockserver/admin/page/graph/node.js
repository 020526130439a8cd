// One subtask in the graph: what its node says, to eyes and to a screen reader.

import { put, shape, svg } from "../common/dom.js";
import { msOf, span } from "../common/times.js";
import { NODE } from "./columns.js";

const INSIDE = NODE.width - 24; // for its texts

let pen = null;
function widthOf(text) {
  if (pen === null) {
    pen = document.createElement("canvas").getContext("2d");
    pen.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  }
  return pen.measureText(text).width;
}

/** The text, or as much of its beginning (its end, for an id) as is that wide. */
function fitted(text, width, isEnd = false) {
  if (widthOf(text) <= width) return text;
  const letters = [...text];
  const cut = (count) => (isEnd ? `…${letters.slice(-count).join("")}` : `${letters.slice(0, count).join("")}…`);
  let [fits, not] = [1, letters.length];
  while (not - fits > 1) {
    const half = (fits + not) >> 1;
    if (widthOf(cut(half)) <= width) fits = half;
    else not = half;
  }
  return cut(fits);
}

/** What time is left, for people: "4.0 s", "1 m 20 s", "due"; "no end"; "" where nothing is to be said. */
function remaining({ status, due }, now) {
  if (!["READY", "RUNNING", "CANCELING"].includes(status)) return "";
  if (!due) return status === "RUNNING" ? "no end" : "";
  const left = msOf(due) - now;
  return left <= 0 ? "due" : span(left);
}

const happened = ({ operation, runTime }) =>
  [operation === "EXECUTE" ? null : operation, runTime > 1 ? `run ${runTime}` : null].filter(Boolean);

function labelOf(subtask, now) {
  const time = remaining(subtask, now).replace(".0 s", " s");
  const left = time && time !== "due" && time !== "no end" ? `${time} left` : time;
  return [`${subtask.id} ${subtask.name}`, subtask.status, ...happened(subtask), left].filter(Boolean).join(", ");
}

/** What is seen, and over it what is operated: a button whose label says it all. */
export function made(isBlock) {
  const { width, height } = NODE;
  const rect = (name, by, rx) =>
    ({ class: name, x: by, y: by, width: width - 2 * by, height: height - 2 * by, rx });
  const text = (name, x, y, anchor = "start") => svg("text", { class: name, x, y, "text-anchor": anchor });
  const seen = isBlock ? [svg("rect", rect("face", 0, 7))] : [
    svg("rect", rect("face", 0, 7)), svg("rect", rect("inner", 3.5, 4)),
    text("word", 12, 22), text("time", width - 12, 22, "end"),
    text("name", 12, 42), text("run", width - 12, 42, "end"),
    text("id", 12, 61), text("facts", width - 12, 61, "end"),
  ];
  const ring = svg("rect", { ...rect("ring", -4, 10), role: "button", tabindex: "-1", "aria-pressed": "false" }, svg("title"));
  return svg("g", {}, svg("g", { "aria-hidden": "true" }, ...seen), ring);
}
export const ringOf = (node) => node.lastElementChild;

/** Shows a subtask in its node. */
export function filled(node, subtask, now, isBlock) {
  node.setAttribute("class", `node is-${subtask.status.toLowerCase()}`);
  if (isBlock) return labelledAs(node, subtask, now);
  const part = (name, text) => put(node.querySelector(`.${name}`), text);
  const id = String(subtask.id), facts = happened(subtask);
  const room = (text) => INSIDE - (text ? widthOf(text) + 10 : 0);
  const run = facts.length > 1 && room(facts.join(" · ")) < widthOf(id) ? facts.pop() : ""; // no room in its line
  part("word", `${shape(subtask.status)} ${subtask.status}`);
  part("name", fitted(subtask.name ?? "", room(run)));
  part("run", run);
  part("facts", facts.join(" · "));
  part("id", fitted(id, room(facts.join(" · ")), true));
  timed(node, subtask, now, true);
}

/** Shows the time left. A node that has the focus keeps its label meanwhile: it would be read out again and again. */
export function timed(node, subtask, now, isNew = false) {
  put(node.querySelector(".time"), remaining(subtask, now));
  if (!isNew && ringOf(node) === document.activeElement) return;
  labelledAs(node, subtask, now, isNew);
}

function labelledAs(node, subtask, now, isNew = true) {
  const label = labelOf(subtask, now);
  if (isNew) put(node.querySelector("title"), labelOf({ ...subtask, due: null }, now).replace(", no end", ""));
  if (ringOf(node).getAttribute("aria-label") !== label) ringOf(node).setAttribute("aria-label", label);
}
