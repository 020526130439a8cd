// Keys of one letter, and the help that lists them. They can be switched off (WCAG 2.1.4).

import { h } from "../common/dom.js";

const OFF = "ocp-mockserver keys";
const PANELS = ["tasks", "faults", "requests", "who", "worlds"];

export function createKeys(app, tasks) {
  const acts = {
    r: ["Retry the chosen subtask", () => tasks.retry()],
    s: ["Step", () => app.step()],
    i: ["Run until idle", () => app.idle()],
    n: ["Next failure", () => tasks.fail(1)],
    p: ["Previous failure", () => tasks.fail(-1)],
    ...Object.fromEntries(PANELS.map((name, at) => [String(at + 1), [null, () => app.go(`#/${name}`)]])),
    "?": ["This help", () => help.togglePopover()],
    Escape: ["Close what is open", () => close()],
  };
  const help = document.getElementById("help");
  const toggle = h("input", { type: "checkbox", checked: localStorage.getItem(OFF) === null, onchange: () => {
    if (toggle.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "off");
  } });
  const lines = Object.entries(acts).filter(([, [words]]) => words !== null).map(([key, [words]]) => [key, words]);
  lines.splice(-2, 0, ["1 – 5", "The panels"]);
  help.append(h("h2", { id: "help-title" }, "Keys"),
    h("dl", { class: "facts" }, lines.map(([key, words]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)])),
    h("label", {}, toggle, "Keys of one letter are on"));

  function close() {
    const [, panel, ...parts] = location.hash.split("?")[0].split("/");
    if (parts.length) app.go(`#/${panel}`);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.repeat) return;
    if (!Object.hasOwn(acts, event.key) || (!toggle.checked && event.key !== "Escape")) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) return;
    if (event.key === "Escape" && document.querySelector(":popover-open")) return;
    event.preventDefault();
    acts[event.key][1]();
  });
}
