// Faults and denials: add one by name or in full; and those that stand, live.

import { button, h, keyed, put, say } from "../common/dom.js";
import { control } from "../common/server.js";
import { createFaultForm } from "./fault-form.js";
import { createPresets } from "./fault-presets.js";
import { inWords } from "./fault-words.js";
import { isUsedUp, leftOf } from "../common/rules.js";

export function create(app) {
  let isShown = false;
  let wanted = null; // the rule that the hash names

  const rules = h("ul", { class: "plain rules", "aria-label": "Active faults" });
  const title = h("h3", { tabindex: "-1" }, "Active faults");
  const usedUp = h("ul", { class: "plain rules", "aria-label": "Used up" });
  const summary = h("summary");
  const folded = h("details", { hidden: true }, summary, usedUp);
  const count = h("p", { class: "soft", role: "status" });
  const missing = h("p", { role: "status" });
  const all = button("Remove all", removeAll, { class: "quiet" });
  const element = h(
    "section",
    { class: "faults" },
    h("h2", {}, "Faults"),
    h(
      "p",
      { class: "soft" },
      "A fault spoils answers of the API; a denial takes a permission away. ",
      "They act on your client, and on the acts of this page.",
    ),
    h(
      "div",
      { class: "halves" },
      createPresets(app, add).element,
      h("div", { class: "stand" }, title, count, missing, rules, folded, h("div", { class: "row" }, all)),
      createFaultForm(app, add).element,
    ),
  );

  async function add(kind, body) {
    const rule = await control("POST", kind, body);
    say(`Added ${rule.id}. ${inWords(rule)}, ${leftOf(rule)}.`);
  }

  const { rules: known } = app;
  known.changed(() => draw());

  function draw() {
    if (!isShown || !known.isKnown) return;
    const stand = [...known.faults.values()].reverse().map((rule) => ["faults", rule]);
    stand.push(...[...known.denials.values()].reverse().map((rule) => ["denials", rule]));
    const focused = [...rules.children].findIndex((line) => line.contains(document.activeElement));
    const active = stand.filter(([, rule]) => !isUsedUp(rule)), used = stand.filter(([, rule]) => isUsedUp(rule));
    keyed(rules, active, ([kind, { id }]) => `${kind}/${id}`, made, updated);
    keyed(usedUp, used, ([kind, { id }]) => `${kind}/${id}`, made, updated);
    if (focused >= 0 && !element.contains(document.activeElement)) focusNear(focused);
    all.hidden = stand.length === 0;
    folded.hidden = used.length === 0;
    put(summary, `${used.length} used up`);
    put(
      count,
      active.length === 0
        ? "No rule is active: every answer is the right one. A preset adds one."
        : active.length === 1
          ? "1 rule."
          : `${active.length} rules, the newest first. Of the faults that match a request, the newest acts.`,
    );
    mark();
  }

  /** The button that was pressed is gone: the next one, or the list's title. */
  function focusNear(at) {
    const line = rules.children[Math.min(at, rules.children.length - 1)];
    (line?.querySelector("button") ?? title).focus();
  }

  function made([kind, { id }]) {
    const remove = button(
      "Remove",
      async () => {
        try {
          await control("DELETE", `${kind}/${encodeURIComponent(id)}`);
        } catch (error) {
          if (error.status !== 404) throw error; // somebody was faster
        }
      },
      { class: "quiet", "aria-label": `Remove ${id}` },
    );
    return h(
      "li",
      { tabindex: "-1" },
      h("code", {}, id),
      h("span", { class: "does" }),
      h("span", { class: "left" }, h("span"), " ", h("strong")),
      remove,
    );
  }

  function updated(line, [, rule]) {
    const [, does, left] = line.children;
    put(does, inWords(rule));
    put(left.firstElementChild, `${rule.hits === 1 ? "1 hit" : `${rule.hits} hits`},`);
    put(left.lastElementChild, leftOf(rule));
    line.classList.toggle("used", leftOf(rule) === "used up");
  }

  async function removeAll() {
    await Promise.all([control("DELETE", "faults"), control("DELETE", "denials")]);
    title.focus();
  }

  function mark() {
    let found = false;
    for (const line of [...rules.children, ...usedUp.children]) {
      const isWanted = wanted !== null && line.dataset.key.split("/")[1] === wanted.id;
      found ||= isWanted;
      line.classList.toggle("wanted", isWanted);
      if (isWanted && !wanted.isSeen) {
        wanted.isSeen = true;
        if (usedUp.contains(line)) folded.open = true;
        setTimeout(() => line.focus());
      }
    }
    put(missing, wanted !== null && !found && known.isKnown ? `There is no rule ${wanted.id} any more.` : "");
  }

  return {
    element,
    show([id]) {
      isShown = true;
      wanted = id === undefined ? null : { id, isSeen: false };
      draw();
    },
    heard() {},
  };
}
