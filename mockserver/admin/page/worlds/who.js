// Who may what: the permissions matrix, in which a cell takes a permission away or gives it back; and the account.

import { button, h, keyed, put, soon } from "../common/dom.js";
import { control } from "../common/server.js";

const ANYBODY = "*";
const ACCOUNT = {
  replies: "Answers of the API in this world",
  valid: "Valid: proven against their schemas",
  deliberatelyInvalid: "Deliberately invalid: a fault asked for it",
  violations: "Violations: bugs of the mock server",
  clientErrors: "Client errors: requests that left the contract",
  expectedErrors: "Expected errors: those that a test makes on purpose",
};

/** A name that may be broken before its capitals: "retry" and "Subtask". */
const folding = (name) => name.split(/(?=[A-Z])/).flatMap((part, at) => (at === 0 ? [part] : [h("wbr"), part]));

export function create(app) {
  const head = h("tr");
  const rows = h("tbody");
  const facts = h("dl", { class: "facts" });
  const broken = h("p", { role: "status" });
  const element = h("section", { class: "who" },
    h("h2", {}, "Permissions"),
    h("p", { class: "soft" }, "A button takes a permission away from a user, for one operation, or gives it back. Nobody is asked to log in again."),
    h("div", { class: "box", role: "region", "aria-label": "Permissions matrix", tabindex: "0" },
      h("table", { class: "matrix" }, h("caption", {}, "Each user with each operation"), h("thead", {}, head), rows)),
    h("div", { class: "row" }, button("Give all back", () => control("DELETE", "denials"), { class: "quiet" })),
    h("h3", {}, "Contract"), broken, facts);
  let isShown = false;

  const look = soon(async () => {
    if (!isShown) return;
    const { permissions } = await control("GET", "permissions");
    const operations = [...new Set(permissions.map(({ operation }) => operation))];
    const users = [...new Set(permissions.map(({ user }) => user))];
    keyed(head, ["User", ...operations], (name) => name, (name) => h("th", { scope: "col" }, folding(name)));
    keyed(rows, users, (user) => user, () => h("tr"), (row, user) =>
      keyed(row, [{ user, operation: "" }, ...permissions.filter((one) => one.user === user)], (one) => one.operation, made, updated));
    await account();
  }, 300);

  const named = (user) => (user === ANYBODY ? "anybody" : user);

  function made({ user, operation }) {
    if (operation === "") return h("th", { scope: "row" }, named(user));
    const cell = h("td");
    cell.append(button("", () => cell.act()), h("p", { class: "soft" }));
    return cell;
  }

  function updated(cell, one) {
    if (one.operation === "") return;
    const [toggle, why] = cell.children;
    const who = named(one.user);
    const lacks = !one.allowed && one.rule === null;
    put(toggle, one.allowed ? "✓ may" : lacks ? "✕ may not" : "✕ denied");
    toggle.className = one.allowed ? "quiet may" : "quiet may-not";
    toggle.disabled = lacks;
    toggle.setAttribute("aria-label", one.allowed ? `${who} may ${one.operation}: deny it`
      : lacks ? `${who} may not ${one.operation}: ${one.reason}` : `${who} is denied ${one.operation}: give it back`);
    const exceptions = one.exceptions.map(({ taskInstanceId, reason }) => `task ${taskInstanceId}: ${reason}`);
    put(why, [one.reason, ...exceptions].filter(Boolean).join("; "));
    cell.act = async () => {
      if (one.allowed) {
        const from = one.user === ANYBODY ? {} : { user: one.user };
        await control("POST", "denials", { permission: one.permission, operation: one.operation, ...from });
      } else await control("DELETE", `denials/${one.rule}`);
    };
  }

  async function account() {
    const found = await control("GET", "contract");
    keyed(facts, Object.entries(ACCOUNT).flatMap(([key, text]) => [[text, text, "dt"], [key, found[key], "dd"]]), ([key]) => key,
      ([, text, tag]) => h(tag, {}, String(text)), (line, [, text]) => put(line, text));
    put(broken, found.violations === 0 ? "✓ No answer has broken the contract." : `✕ ${found.violations} answers broke the contract: see the server's log.`);
    broken.classList.toggle("wrong", found.violations > 0);
  }

  return {
    element,
    show() {
      isShown = true;
      look();
    },
    heard(event) {
      if (["hello", "world", "skipped", "denial", "request", "contract"].includes(event) && !element.hidden) look();
    },
  };
}
