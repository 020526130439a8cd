// One task: its graph, what the chosen user does to it through the real API, and the subtask that is chosen in it.

import { badge, button, clearAlerts, copy, h, labelled, offered, put, soon, unloaded } from "../common/dom.js";
import { createMenu } from "../common/menu.js";
import { control, written } from "../common/server.js";
import { createAnswer, createTraces } from "./answer.js";
import { forecast } from "./forecast.js";
import { createInspector } from "./inspector.js";

const MANY = 300;
const ACTIVE = ["READY", "RUNNING", "CANCELING", "FAILED"];

/** `ahead(id)` gives a promise of the task, if it is being read already. */
export function createTask(app, ahead) {
  let id = null;
  let era = 0; // grows with another task and another world
  let task = null;
  let wanted; // the subtask that the address names
  let follows = true; // whether a failure is chosen when what is chosen has ended
  let isStale = false; // more than events say has changed while another panel was shown
  const touched = new Set(); // places of subtasks that have changed since they were drawn
  let indices = new Map(); // and those places by String(id)
  const waiting = new Set(); // what can be aborted
  const readings = new Set(); // what is being read: of each, the changes that were told meanwhile
  const traces = createTraces();
  const title = h("h2", { tabindex: "-1", class: "cut", id: "task-title" });
  const status = badge("PENDING");
  const operation = h("span", { class: "soft" });
  const answer = createAnswer(app, traces);
  const acts = {
    "retry task": button("Retry task", () => act("retry task", `${id}/retry`, `Retry task ${id}`, answer), { class: "quiet" }),
    "roll back": button("Roll back", () => act("roll back", `${id}/rollback`, `Roll back ${id}`, answer), { class: "quiet danger" }),
  };
  const copying = createMenu("Copy …", [
    ["curl", () => copy(`curl -i ${app.base}${app.api()}/tasks/instances/${id}`, "curl command")],
    ["fetch (JavaScript)", () => copy(`fetch("${app.base}${app.api()}/tasks/instances/${id}").then(async (answer) => console.log(answer.status, await answer.text()));\n`, "fetch call")],
    ["fixture of now (YAML)", async () => copy(written(await control("GET", "state", undefined, BigInt), 1), "fixture of now")],
  ], { "aria-label": "Copy … of the task" });
  const stop = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => waiting.forEach((one) => one.abort()) }, "Stop waiting");
  const inspector = createInspector(app, traces, { act: actOnSubtask, read: (call) => reading(call, found) });
  let isComing = false; // somebody has gone to it, and reads on there once it is shown
  let graph = null; // it comes after what one acts with
  const missing = h("p", { hidden: true, class: "missing" });
  const body = h("div", { class: "middle" },
    h("div", { class: "head" },
      h("a", { href: "#/tasks", class: "back", "aria-label": "All tasks" }, "←"),
      title, status, operation, h("span", { class: "gap" }, stop), copying, Object.values(acts)),
    h("div", { class: "over" }, answer.element));
  const element = h("article", { class: "task", "aria-labelledby": "task-title", hidden: true }, missing, body, inspector.element);

  const look = soon(async () => {
    if (id === null) return;
    isStale = element.closest("[hidden]") !== null;
    if (isStale) return;
    const asked = id;
    try {
      const found = await reading(ahead(asked) ?? control("GET", `tasks/${asked}`), took);
      if (!found) return;
    } catch (error) {
      if (error.status !== 404) throw error;
      if (asked !== id) return;
      task = null;
      put(missing, error.message);
    }
    missing.hidden = task !== null;
    body.hidden = inspector.element.hidden = task === null;
    if (task === null) return;
    if (isComing && document.activeElement === document.getElementById("main")) title.focus({ preventScroll: true });
    isComing = false;
    graph?.update(task.subtasks, app.now());
    if (wanted !== undefined) {
      if (indices.has(wanted)) choose(wanted, true);
      wanted = undefined;
    }
    drawn();
  });

  import("../graph/graph.js").then(({ createGraph }) => {
    graph = createGraph({ chosen: pick, goes: fail });
    body.append(graph.element);
    if (task === null) return;
    graph.update(task.subtasks, app.now());
    graph.choose(inspector.id());
  }, unloaded);

  /** Changes that are told while something is read are as new as that, or newer: they are taken once more. What was
   * asked of another task, or of the world before, is not used.
   */
  async function reading(call, use) {
    const told = [], of = era;
    readings.add(told);
    try {
      const found = await call;
      if (of !== era) return undefined;
      use(found);
      told.forEach(applied);
      return found;
    } finally {
      readings.delete(told);
    }
  }

  function took(whole) {
    task = whole;
    touched.clear();
    indices = new Map(task.subtasks.map((one, at) => [String(one.id), at]));
  }

  const failures = () => task.subtasks.filter(({ status }) => status === "FAILED").map(({ id }) => String(id));

  /** All but the nodes, which have been drawn. */
  function drawn() {
    put(title, `${task.id} ${task.name}`);
    title.title = title.textContent;
    labelled(status, task.status);
    put(operation, task.operation === "EXECUTE" ? "" : task.operation);
    const failed = failures().length;
    put(acts["retry task"], failed > 1 ? `Retry all ${failed} failed` : "Retry task");
    foretell();
    follow();
    inspector.update(task, task.subtasks[indices.get(inspector.id())], app.now());
  }

  function foretell() {
    if (task === null) return;
    for (const [verb, button] of Object.entries(acts)) {
      const path = `/tasks/instances/${task.id}/${verb === "roll back" ? "rollback" : "retry"}`;
      offered(button, forecast(app, verb, null, task, path).join("; "));
    }
  }
  app.rules.changed(foretell);
  document.addEventListener("acting", foretell);

  /** A failure is chosen where nothing is, or where what was has come to its end. */
  function follow() {
    const now = task.subtasks[indices.get(inspector.id())];
    if (now && (!follows || ACTIVE.includes(now.status))) return;
    const failed = failures()[0];
    if (failed !== undefined) choose(failed, false);
    else if (!now && inspector.id() !== null) choose(null, false);
  }

  function choose(chosen, isNoted) {
    const next = chosen === null ? null : String(chosen);
    const one = task?.subtasks[indices.get(next)];
    follows = !one || ACTIVE.includes(one.status);
    graph?.choose(next);
    inspector.choose(next);
    if (!isNoted && !element.closest("[hidden]")) app.note(app.address({ taskInstanceId: id, subtaskInstanceId: next }));
  }

  function pick(chosen) {
    if (String(chosen) !== inspector.id()) clearAlerts();
    choose(chosen, false);
    inspector.update(task, task.subtasks[indices.get(inspector.id())], app.now());
  }

  /** A subtask as it is now, from a call of its own. */
  function found(one) {
    const at = task === null ? undefined : indices.get(String(one.id));
    if (at === undefined) return undefined;
    const { log, ...rest } = one;
    if (String(rest.upstreams) !== String(task.subtasks[at].upstreams)) return look();
    changed(at, rest);
    return flush();
  }

  function told(change) {
    if (String(change.taskInstanceId) !== id) return;
    readings.forEach((reading) => reading.push(change));
    if (task === null) return;
    applied(change);
    if (String(change.subtaskInstanceId) === inspector.id()) inspector.answer.dim(change.cause);
    answer.dim(change.cause);
    flush();
  }
  function applied({ taskInstanceId, subtaskInstanceId, to, operation, runTime, due }) {
    if (task === null || String(taskInstanceId) !== id) return;
    const at = indices.get(String(subtaskInstanceId));
    if (subtaskInstanceId === null) Object.assign(task, { status: to, operation });
    else if (at === undefined) look();
    else changed(at, { ...task.subtasks[at], status: to, operation, runTime, due });
  }
  function changed(at, one) {
    task.subtasks[at] = one;
    touched.add(at);
  }
  let isFlushing = false;
  /** Once a frame; of a big graph less often. */
  function flush() {
    if (isFlushing) return;
    isFlushing = true;
    const later = task.subtasks.length > MANY ? (draw) => setTimeout(draw, 120) : requestAnimationFrame;
    later(() => {
      isFlushing = false;
      if (task !== null && !element.closest("[hidden]")) redraw();
    });
  }
  function redraw() {
    graph?.patch([...touched].map((at) => task.subtasks[at]), app.now());
    touched.clear();
    drawn();
  }

  /** Asks the real API, as the chosen user: denials and faults meet it, and its answer is shown. */
  async function act(verb, path, what, place) {
    const one = new AbortController();
    waiting.add(one);
    const slow = setTimeout(() => { stop.hidden = false; }, 500);
    const words = `${what} as ${app.user()?.name ?? "nobody"}`;
    const of = place.waits(words);
    try {
      const answer = await app.ask("POST", `/tasks/instances/${path}`, one.signal);
      place.tell(of, words, answer, app.instant());
    } catch (error) {
      place.forget();
      throw error;
    } finally {
      clearTimeout(slow);
      waiting.delete(one);
      stop.hidden = waiting.size === 0;
    }
  }

  async function actOnSubtask(verb, { id: chosen }, place) {
    await act(verb, `${id}/subtasks/${chosen}/${verb}`, `${verb[0].toUpperCase()}${verb.slice(1)} ${chosen}`, place);
  }

  /** To the next failure, or the one before. */
  function fail(by) {
    const failed = task === null ? [] : failures();
    if (!failed.length) return;
    const at = failed.indexOf(inspector.id());
    pick(failed[(at < 0 ? (by > 0 ? 0 : failed.length - 1) : at + by + failed.length) % failed.length]);
  }

  function forget() {
    era += 1;
    clearAlerts();
    traces.forget();
    answer.forget();
    inspector.answer.forget();
  }

  return {
    element,
    id: () => id,
    retry: () => task && inspector.retry(),
    fail,
    show(shown, subtask) {
      const isOther = (shown ?? null) !== id;
      if (isOther) {
        id = shown ?? null;
        task = null;
        body.hidden = inspector.element.hidden = missing.hidden = true;
        forget();
        choose(null, true);
        wanted = subtask;
        isComing = app.hasMoved;
      } else if (task === null) wanted = subtask ?? wanted;
      else if (subtask !== undefined && subtask !== inspector.id()) {
        choose(subtask, true);
        drawn();
      }
      element.hidden = id === null;
      if (task === null || isStale) look();
      else redraw();
    },
    tick() {
      if (task === null || element.hidden) return;
      graph?.tick(app.now());
      inspector.tick(app.now());
    },
    heard(event, data) {
      if (event === "change") told(data);
      if (event === "request") traces.heard(data);
      if (event === "skipped") look();
      if (event === "hello") {
        if (app.isAnother) forget();
        else era += 1;
        look();
      }
      if (event === "world") edited(data.cause);
    },
  };

  /** The world was edited: all of it, or one task or subtask of it. */
  function edited(cause) {
    const [, other, one] = /^PATCH .*\/tasks\/([+-]?\d+)(?:\/subtasks\/([+-]?\d+))?$/.exec(cause) ?? [];
    if (other === undefined) {
      if (!/settings|requests|snapshots$/.test(cause)) forget();
      look();
    } else if (other === id && one !== undefined && task) {
      reading(control("GET", `tasks/${other}/subtasks/${one}`), found).catch(() => look());
    } else if (other === id) look();
  }
}
