// What came back from the API: under the verb that asked for it, dated by the world's clock, until it is about the past.

import { copy, h, say } from "../common/dom.js";
import { ofDay } from "../common/times.js";
import { createCopies } from "../requests/copies.js";
import { ruleLink } from "../requests/entries.js";

const KEPT = 50;
const CLIPBOARD = { show: copy, refuse: (what, why) => say(`There is no ${what}: ${why}`, true) };
const PAST_MS = 4000;

/** Of the stream's entries of the journal the latest, by their trace ids: an answer leads to its request. */
export function createTraces() {
  const entries = new Map();
  const waiting = new Map();
  return {
    heard(entry) {
      entries.set(entry.traceId, entry);
      if (entries.size > KEPT) entries.delete(entries.keys().next().value);
      waiting.get(entry.traceId)?.(entry);
      waiting.delete(entry.traceId);
    },
    /** Calls `found(entry)` as soon as it is known. */
    of(traceId, found) {
      if (entries.has(traceId)) found(entries.get(traceId));
      else if (traceId) waiting.set(traceId, found);
    },
    forget() {
      entries.clear();
      waiting.clear();
    },
  };
}

export function createAnswer(app, traces) {
  const element = h("div", { class: "result", role: "status" });
  let of = {}; // what was asked last: an answer that came late is none

  function shown(act, answer, instant) {
    const { error } = answer.body ?? {};
    const isFine = answer.status < 400;
    const link = h("span", { class: "request-link" });
    const head = h("p", { class: isFine ? "" : "wrong" }, h("span", { class: "soft mono" }, `${ofDay(instant)} `));
    const lines = [head];
    if (answer.broken) {
      head.classList.add("wrong");
      head.append(h("strong", {}, `${act}: no answer`), ` — ${answer.broken}. Whether it happened, only a look can tell. `, link);
    } else {
      head.append(h("strong", {}, `${act}: ${answer.status}`), isFine ? " — done. " : error ? ` — ${error.code}: ${error.message} ` : " ", link);
    }
    const more = h("p", { class: "wrong" });
    lines.push(
      answer.hint && h("p", {}, `Hint: ${answer.hint}`),
      answer.rule && h("p", {}, "A rule acted: ", ruleLink(answer.rule)),
      answer.contract === "deliberately-invalid" && h("p", {}, "This answer breaks the contract on purpose."),
      answer.contract === "violation" && h("p", { class: "wrong" }, "This answer breaks the contract: a bug of the mock server."),
      typeof answer.body === "string" && answer.body !== "" && h("pre", { tabindex: "0" }, answer.body.slice(0, 2000)),
      more);
    traces.of(answer.traceId, ({ id, resent }) => {
      link.replaceChildren("→ ", h("a", { href: `#/requests/${id}` }, `request ${id}`), " ", createCopies(() => id, CLIPBOARD, { class: "quiet small", "aria-label": "Copy … of the answer" }));
      if (resent) more.append("The browser has sent it twice, as browsers do when a connection breaks: this is the answer to its second attempt.");
    });
    return lines.filter(Boolean);
  }

  function forget() {
    of = {};
    element.classList.remove("past");
    element.replaceChildren();
  }

  return {
    element,
    waits(act) {
      of = {};
      element.classList.remove("past");
      element.replaceChildren(h("p", {}, `${act}: waiting for the answer …`));
      return of;
    },
    tell(asked, act, answer, instant) {
      if (asked !== of) return;
      Object.assign(of, { isTold: true, traceId: answer.traceId });
      element.replaceChildren(...shown(act, answer, instant));
    },
    /** What it was about has changed, by something else: it is of the past, and soon gone. */
    dim(cause) {
      if (!of.isTold || cause === `request ${of.traceId}` || element.classList.contains("past")) return;
      const past = of;
      element.classList.add("past");
      setTimeout(() => past === of && forget(), PAST_MS);
    },
    forget,
  };
}
