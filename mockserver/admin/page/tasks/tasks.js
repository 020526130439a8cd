// Tasks: the list, live, those that have failed first; and beside it the one that is open.

import { badge, h, keyed, labelled, put, shape, soon, unloaded } from "../common/dom.js";
import { control } from "../common/server.js";
import { left } from "../common/times.js";

const STATUSES = ["FAILED", "RUNNING", "SUCCESSFUL"];
const LIST = "tasks?limit=500";

export function create(app) {
  let task = null, asked = []; // the one that is open: its scripts come after the list
  const rows = h("ul", { class: "plain rows", "aria-label": "List of tasks" });
  const count = h("p", { class: "soft count" });
  const empty = h("div", { hidden: true });
  const name = h("input", { type: "search", "aria-label": "Name", placeholder: "Name", oninput: () => look(), size: 10 });
  const filters = ["", ...STATUSES].map((status) => h("button", {
    type: "button", class: "chip", "aria-pressed": "false", "data-status": status,
    onclick: () => { wanted = wanted === status ? "" : status; draw(); },
  }));
  const list = h("div", { class: "list" },
    h("div", { class: "head" }, h("h2", {}, "Tasks"), name),
    h("div", { class: "chips", role: "group", "aria-label": "Status of a task" }, filters), count,
    h("div", { class: "scroll" }, rows, empty));
  const element = h("section", { class: "tasks panes" }, list);
  const open = () => {
    if (task) return task.show(...asked);
    readAhead();
    coming ??= import("./task.js").then(({ createTask }) => {
      task = createTask(app, (id) => {
        const reading = ahead?.id === id ? ahead.reading : null;
        ahead = null;
        return reading;
      });
      element.append(task.element);
      task.show(...asked);
    }, () => {
      coming = null;
      unloaded();
    });
    return undefined;
  };
  let coming = null;
  let ahead = null, isLive = false; // the task that will be shown is read while its scripts come, unless it changes
  function readAhead() {
    if (!isLive || task || asked[0] === undefined) return;
    ahead = { id: asked[0], reading: control("GET", `tasks/${asked[0]}`) };
    ahead.reading.catch(() => {}); // whoever waits for it hears of it
  }
  let known = [], total = 0;
  let wanted = "";
  let isShown = false, isFirst = false;
  const order = new Map(); // where a task stands once it was seen: rows do not move under the pointer

  const look = soon(async () => {
    if (!isShown) return;
    const query = name.value ? `${LIST}&${new URLSearchParams({ name: name.value })}` : LIST;
    ({ tasks: known, total } = await control("GET", query));
    const urgency = ({ status, counts }) => (status === "FAILED" ? 0 : counts.FAILED ? 1 : status === "RUNNING" ? 2 : 3);
    if (known.some(({ id }) => !order.has(id))) {
      const sorted = [...known].sort((one, other) => urgency(one) - urgency(other)); // the newest first among equals
      const isAllNew = order.size === 0;
      const fresh = sorted.filter(({ id }) => !order.has(id));
      fresh.forEach(({ id }, at) => order.set(id, isAllNew ? at : at - order.size - fresh.length));
    }
    known.sort((one, other) => order.get(one.id) - order.get(other.id));
    draw();
    if (isFirst && known.length) {
      isFirst = false;
      app.note(app.address({ taskInstanceId: known[0].id }));
      element.classList.add("open");
      asked = [String(known[0].id)];
      open();
      mark();
    }
  }, 250);

  function draw() {
    const of = (status) => (status === "" ? known.length : known.filter((one) => one.status === status).length);
    for (const filter of filters) {
      const { status } = filter.dataset;
      put(filter, status === "" ? `all ${of(status)}` : `${shape(status)} ${of(status)}`);
      filter.title = status === "" ? "All tasks" : `Only ${status}`;
      filter.setAttribute("aria-label", status === "" ? filter.textContent : `${filter.textContent} ${status}`);
      filter.setAttribute("aria-pressed", String(status === wanted));
    }
    const shown = known.filter(({ status }) => wanted === "" || status === wanted);
    put(count, total > known.length ? `The newest ${known.length} of ${total} tasks` : `${shown.length === 1 ? "1 task" : `${shown.length} tasks`}`);
    empty.hidden = total > 0 || name.value !== "";
    keyed(rows, shown, ({ id }) => id, made, updated);
    mark();
  }

  const made = ({ id, name }) => h("li", {}, h("a", { href: `#/tasks/${id}` },
    h("span", { class: "title" }, h("span", { class: "mono" }, id), " ", h("span", {}, name)),
    badge("PENDING"),
    h("span", { class: "soft progress" }), h("span", { class: "soft due" })));

  function updated(row, one) {
    const [title, status, progress] = row.firstChild.children;
    put(title.lastChild, one.name);
    labelled(status, one.status);
    const parts = Object.entries(one.counts).filter(([, n]) => n > 0);
    const done = one.operation === "ROLLBACK" ? one.counts.PENDING : one.counts.SUCCESSFUL;
    const failed = one.counts.FAILED ? `${one.counts.FAILED} failed, ` : "";
    put(progress, `${failed}${done} of ${one.subtasks}${one.operation === "EXECUTE" ? "" : ` · ${one.operation}`}`);
    progress.title = parts.map(([status, n]) => `${n} ${status}`).join(", ");
    nexts(row, one);
  }

  function nexts(row, { next }) {
    put(row.firstChild.lastChild, next === null ? "" : `${next.subtaskInstanceId}: ${left(next.due, app.now())}`);
  }

  function mark() {
    for (const row of rows.children) {
      const link = row.firstChild;
      if (row.dataset.key === asked[0]) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  setInterval(() => {
    if (element.hidden) return;
    const of = new Map(known.map((one) => [String(one.id), one]));
    for (const row of rows.children) if (of.has(row.dataset.key)) nexts(row, of.get(row.dataset.key));
    task?.tick();
  }, 250);

  empty.append(h("p", {}, "This world has no tasks. A fixture gives it some."), h("p", {}, h("a", { href: "#/worlds" }, "Choose a fixture")));

  return {
    element,
    /** The task that one comes for is open at the start: the first of the list. */
    openFirst() { isFirst = true; },
    retry: () => element.hidden || task?.retry(), // what nobody sees is not retried
    fail: (by) => element.hidden || task?.fail(by),
    show([id, subtask]) {
      isShown = true;
      if (id !== undefined) isFirst = false;
      element.classList.toggle("open", id !== undefined);
      asked = [id, subtask];
      if (id !== undefined || task) open();
      mark();
      look();
    },
    heard(event, data) {
      if (event === "hello" || event === "world") order.clear();
      if (["hello", "world", "skipped", "change"].includes(event)) ahead = null;
      isLive = true;
      if (event === "hello") readAhead();
      if (["hello", "world", "skipped", "change", "clock"].includes(event)) look();
      task?.heard(event, data);
    },
  };
}
