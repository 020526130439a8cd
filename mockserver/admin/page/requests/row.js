// A row of the list of requests.

import { h, put } from "../common/dom.js";
import { ofDay } from "../common/times.js";
import { answered, reasonOf, tailOf } from "./entries.js";

export const HEAD = [["#", "number"], ["Time", "time"], ["Method", "method"], ["Path", "path"], ["User", "user"],
  ["Status", "status"], ["Reason", "reason"], ["ms", "ms"], ["Rule", "rule"]];

export function madeRow(app, entry) {
  const cells = {
    number: h("a", { href: `#/requests/${entry.id}`, class: "opens" }, entry.id),
    time: ofDay(entry.time),
    method: entry.method,
    path: [h("span", { class: "operation" }, entry.operation ?? (entry.kind === "api" ? "" : entry.kind)), " ", h("span", { class: "soft" }, tailOf(entry))],
    user: entry.user ?? "nobody",
    status: h("span"),
    reason: "", ms: "",
    rule: [h("span"), app.isOwn(entry) && h("span", { class: "soft", title: "Sent by this page's buttons" }, " · page")],
  };
  const row = h("tr", {}, HEAD.map(([, name]) => h("td", { class: name }, cells[name])));
  row.children[1].title = app.time(entry.time);
  row.children[3].title = entry.path;
  if (entry.user === null) row.children[4].classList.add("soft");
  return row;
}

export function filledRow(row, entry) {
  const [, , , , , status, reason, ms, rule] = row.children;
  answered(status.firstChild, entry);
  row.classList.toggle("is-wrong", entry.status === null || entry.status >= 400);
  put(reason, reasonOf(entry));
  reason.title = reason.textContent;
  put(ms, typeof entry.duration !== "number" ? "" : entry.duration.toFixed(entry.duration < 10 ? 1 : 0));
  put(rule.firstChild, [entry.rule, entry.resent && "resent"].filter(Boolean).join(", "));
}
