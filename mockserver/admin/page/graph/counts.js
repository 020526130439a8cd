// How many subtasks stand in each status: each count dims all others; and from failure to failure.

import { h, put, shape } from "../common/dom.js";

const STATUSES = ["FAILED", "RUNNING", "READY", "CANCELING", "PENDING", "SUCCESSFUL"];

/** `filtered()` is called when another status is wanted, `go(by)` to go to another failure. */
export function createCounts({ filtered, go }) {
  const wanted = new Set();
  const chips = STATUSES.map((status) => h("button", {
    type: "button", class: `chip is-${status.toLowerCase()}`, "aria-pressed": "false",
    onclick: (event) => {
      if (wanted.has(status)) wanted.delete(status);
      else wanted.add(status);
      event.currentTarget.setAttribute("aria-pressed", String(wanted.has(status)));
      filtered();
    },
  }));
  const place = h("span", { class: "place" });
  const step = (text, by, name) => h("button", { type: "button", class: "quiet small", "aria-label": name, title: name, onclick: () => go(by) }, text);
  const steps = h("span", { class: "failures" }, step("‹", -1, "Previous failure"), place, step("›", 1, "Next failure"));
  const all = h("span", { class: "chips", role: "group", "aria-label": "Statuses" }, chips);
  return {
    elements: [all, steps],
    isDim: (status) => wanted.size > 0 && !wanted.has(status),
    update(counts, failures, current) {
      const digits = String(Object.values(counts).reduce((sum, count) => sum + count, 0)).length;
      for (const one of [all, steps]) one.style.setProperty("--digits", digits); // room for any count: none moves another
      STATUSES.forEach((status, at) => {
        put(chips[at], `${shape(status)} ${counts[status] ?? 0}`);
        chips[at].setAttribute("aria-label", `${chips[at].textContent} ${status}`);
        chips[at].title = `${counts[status] ?? 0} ${status}`;
        chips[at].classList.toggle("none", !counts[status]);
      });
      const at = failures.indexOf(current);
      put(place, failures.length === 0 ? "0/0" : `${at < 0 ? "–" : at + 1}/${failures.length}`);
    },
  };
}
