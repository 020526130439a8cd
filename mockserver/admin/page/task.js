// One task: its graph, what the chosen user does to it through the real API, and the subtask that is chosen in it.

import { badge, button, h, labelled, offered, put, soon } from "./dom.js";
import { control } from "./server.js";
import { createGraph } from "./graph.js";
import { createSubtask } from "./subtask.js";
import { ruleLink } from "./entries.js";

/** What came back from the API, in sentences. `act` says what was asked, and by whom. */
export function answered(act, answer) {
  if (answer.broken) return h("p", {}, h("strong", {}, `${act}: no answer`), ` — ${answer.broken}. Whether it happened, only a look can tell.`);
  const { error } = answer.body ?? {};
  const isFine = answer.status < 400;
  return h("div", {},
    h("p", { class: isFine ? "" : "wrong" }, h("strong", {}, `${act}: ${answer.status}`), isFine ? " — done." : null,
      error ? ` — ${error.code}: ${error.message}` : null),
    answer.hint && h("p", {}, `Hint: ${answer.hint}`),
    answer.rule && h("p", {}, "A rule acted: ", ruleLink(answer.rule)),
    answer.isResent && h("p", {}, "The browser has sent it twice, as browsers do when a connection breaks: this is the answer to its second attempt. ",
      "What became of the first one, ", h("a", { href: "#/requests" }, "the requests"), " tell."),
    answer.contract === "deliberately-invalid" && h("p", {}, "This answer breaks the contract on purpose."),
    answer.contract === "violation" && h("p", { class: "wrong" }, "This answer breaks the contract: a bug of the mock server."),
    typeof answer.body === "string" && answer.body !== "" && h("pre", {}, answer.body.slice(0, 2000)));
}

export function createTask(app) {
  let id = null;
  let task = null;
  const waiting = new Set(); // what can be aborted
  const title = h("h3");
  const status = badge("PENDING");
  const operation = h("span", { class: "soft" });
  const result = h("div", { class: "result", role: "status" });
  const acts = {
    "retry": button("Retry task", () => act("retry", "Retry task")),
    "rollback": button("Roll back", () => act("rollback", "Roll back")),
  };
  const stop = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => waiting.forEach((one) => one.abort()) }, "Stop waiting");
  const graph = createGraph({ chosen: (chosen) => choose(chosen) });
  const subtask = createSubtask(app, { act: actOnSubtask, changed: () => look() });
  const missing = h("p", { hidden: true });
  const body = h("div", {},
    h("div", { class: "row" }, title, status, operation),
    h("div", { class: "row" }, acts.retry, acts.rollback, stop),
    result, graph.element, subtask.element);
  const element = h("article", { class: "task", hidden: true },
    h("p", { class: "back" }, h("a", { href: "#/tasks" }, "← All tasks")), missing, body);

  const look = soon(async () => {
    if (id === null || element.closest("[hidden]")) return;
    const asked = id;
    let isNew = false;
    try {
      const found = await control("GET", `tasks/${asked}`);
      if (asked !== id) return;
      isNew = task === null;
      task = found;
    } catch (error) {
      if (error.status !== 404) throw error;
      task = null;
      put(missing, error.message);
    }
    missing.hidden = task !== null;
    body.hidden = task === null;
    if (task === null) return;
    put(title, `${task.id} ${task.name}`);
    labelled(status, task.status);
    put(operation, task.operation === "EXECUTE" ? "" : task.operation);
    offered(acts.retry, task.status === "FAILED" && task.operation !== "ROLLBACK");
    offered(acts.rollback, task.status === "FAILED");
    graph.update(task.subtasks, app.now());
    if (isNew) choose(task.subtasks.find((one) => one.status === "FAILED")?.id ?? null);
    subtask.update(task, app.now());
  });

  function choose(chosen) {
    graph.choose(chosen);
    subtask.choose(chosen);
    if (task) subtask.update(task, app.now());
  }

  /** Asks the real API, as the chosen user: denials and faults meet it, and its answer is shown. */
  async function asking(what, path) {
    const asked = id;
    const tell = (line) => asked === id && result.replaceChildren(line);
    const one = new AbortController();
    waiting.add(one);
    const slow = setTimeout(() => { stop.hidden = false; }, 500);
    const by = app.user()?.name ?? "nobody";
    try {
      tell(h("p", {}, `${what} as ${by}: waiting for the answer …`));
      const answer = await app.ask("POST", path, one.signal);
      tell(answered(`${what} as ${by}`, { ...answer, isResent: await isResent(answer) }));
    } finally {
      clearTimeout(slow);
      waiting.delete(one);
      stop.hidden = waiting.size === 0;
      look();
    }
  }

  /** Chromium sends even a POST again by itself when a connection that was in use before breaks without a byte. */
  async function isResent({ traceId }) {
    if (!traceId) return false;
    try {
      const { requests } = await control("GET", `requests?traceId=${encodeURIComponent(traceId)}&limit=1`);
      return requests[0]?.resent ?? false;
    } catch {
      return false; // its answer is shown all the same
    }
  }

  const act = (verb, what) => asking(what, `/tasks/instances/${id}/${verb}`);

  async function actOnSubtask(verb, chosen) {
    const what = `${verb[0].toUpperCase()}${verb.slice(1)} ${chosen}`;
    await asking(what, `/tasks/instances/${id}/subtasks/${chosen}/${verb}`);
  }

  return {
    element,
    id: () => id,
    show(shown) {
      if ((shown ?? null) !== id) {
        id = shown ?? null;
        task = null;
        body.hidden = true;
        result.replaceChildren();
        choose(null);
      }
      element.hidden = id === null;
      look();
    },
    tick() {
      if (task === null || element.hidden) return;
      graph.tick(app.now());
      subtask.tick(app.now());
    },
    heard(event, data) {
      if (["hello", "world", "skipped", "clock"].includes(event)) look();
      if (event === "change" && String(data.taskInstanceId) === id) look();
    },
  };
}
