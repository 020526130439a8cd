// Tasks: the list, live; and beside it the one that is open.

import { badge, h, keyed, labelled, put, soon } from "./dom.js";
import { left } from "./clock.js";
import { control } from "./server.js";
import { createTask } from "./task.js";

export function create(app) {
  const task = createTask(app);
  // On a phone a row is no row any more: the roles say that it still is one.
  const rows = h("tbody", { role: "rowgroup" });
  const count = h("caption");
  const empty = h("p", { hidden: true }, "This world has no tasks. A fixture gives it some: ", h("code", {}, "ocp-mockserver serve tour"), ".");
  const name = h("input", { type: "search", oninput: () => look(), size: 16 });
  const head = ["Task", "Status", "Progress", "Next"].map((text) => h("th", { scope: "col", role: "columnheader" }, text));
  const list = h("div", { class: "list" },
    h("label", {}, "Name ", name),
    h("div", { class: "box", role: "region", "aria-label": "List of tasks", tabindex: "0" },
      h("table", { role: "table" }, count, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), rows)),
    empty);
  const element = h("section", { class: "tasks" }, h("h2", {}, "Tasks"), h("div", { class: "sides" }, list, task.element));
  let known = [];
  let isShown = false;

  const look = soon(async () => {
    if (!isShown) return;
    const query = new URLSearchParams({ limit: 500, ...(name.value ? { name: name.value } : {}) });
    const { tasks, total } = await control("GET", `tasks?${query}`);
    known = tasks;
    put(count, total > tasks.length ? `The newest ${tasks.length} of ${total} tasks` : `${total === 1 ? "1 task" : `${total} tasks`}`);
    empty.hidden = total > 0 || name.value !== "";
    keyed(rows, tasks, ({ id }) => id, made, updated);
    mark();
  });

  const cell = (...children) => h("td", { role: "cell" }, children);
  const made = ({ id, name }) => h("tr", { role: "row" },
    cell(h("a", { href: `#/tasks/${id}` }, h("span", { class: "mono" }, id), " ", h("span", {}, name))),
    cell(badge("PENDING"), h("span", { class: "soft" })),
    cell(h("span", { class: "progress" })),
    cell(h("span", { class: "soft" })));

  function updated(row, one) {
    const [title, status, progress] = row.children;
    put(title.querySelector("span:last-child"), one.name);
    labelled(status.firstChild, one.status);
    put(status.lastChild, one.operation === "EXECUTE" ? "" : ` ${one.operation}`);
    const parts = Object.entries(one.counts).filter(([, n]) => n > 0);
    const done = one.operation === "ROLLBACK" ? one.counts.PENDING : one.counts.SUCCESSFUL;
    const failed = one.counts.FAILED ? `, ${one.counts.FAILED} failed` : "";
    put(progress.firstChild, `${done} of ${one.subtasks}${failed}`);
    progress.firstChild.title = parts.map(([status, n]) => `${n} ${status}`).join(", ");
    nexts(row, one);
  }

  function nexts(row, { next }) {
    put(row.lastChild.firstChild, next === null ? "—" : `${next.subtaskInstanceId}: ${left(next.due, app.now())}`);
  }

  function mark() {
    for (const row of rows.children) {
      const link = row.querySelector("a");
      if (row.dataset.key === task.id()) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  setInterval(() => {
    if (element.hidden) return;
    const of = new Map(known.map((one) => [String(one.id), one]));
    for (const row of rows.children) if (of.has(row.dataset.key)) nexts(row, of.get(row.dataset.key));
    task.tick();
  }, 250);

  return {
    element,
    show([id]) {
      isShown = true;
      element.classList.toggle("open", id !== undefined);
      task.show(id);
      mark();
      look();
    },
    heard(event, data) {
      if (["hello", "world", "skipped", "change", "clock"].includes(event)) look();
      task.heard(event, data);
    },
  };
}
