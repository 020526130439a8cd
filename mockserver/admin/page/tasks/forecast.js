// What a verb would meet if it were pressed now: a fault, no credentials, a denial, a missing permission, a wrong state.

import { isUsedUp, leftOf } from "../common/rules.js";
import { effectOf } from "../faults/fault-words.js";

const NOBODY = "anonymous";
const SOMEBODY = "*";

const STATES = {
  retry: ({ status, operation }, task) =>
    [operation, task.operation].includes("ROLLBACK") ? "what is rolled back cannot be retried"
      : status === "FAILED" ? "" : "only a FAILED subtask can be retried",
  skip: ({ status, skippable }) => (status !== "FAILED" ? "only a FAILED subtask can be skipped" : skippable ? "" : "this subtask is not skippable"),
  cancel: ({ status }) => (status === "RUNNING" ? "" : "only a RUNNING subtask can be canceled"),
  "retry task": (_, { status, operation }) =>
    status !== "FAILED" ? "only a FAILED task can be retried" : operation === "ROLLBACK" ? "what is rolled back cannot be retried" : "",
  "roll back": (_, { status }) => (status === "FAILED" ? "" : "only a FAILED task can be rolled back"),
};
const OPERATIONS = { retry: "retrySubtask", skip: "skipSubtask", cancel: "cancelSubtask", "retry task": "retryTask", "roll back": "rollbackTask" };

/** Why the state forbids it; "" if it does not. */
export const forbidden = (verb, one, task) => STATES[verb](one, task);

/** In the order of the server's checks, each in words. `path` is that of the request. */
export function forecast(app, verb, one, task, path) {
  const operation = OPERATIONS[verb], user = app.user()?.name;
  const found = [];
  const fault = [...app.rules.faults.values()].reverse().find((rule) =>
    !isUsedUp(rule) && !(rule.skip > (rule.matches ?? 0)) && rule.probability !== 0 && matches(rule, { operation, user, one, task, path }));
  if (fault) found.push(`${fault.id}: ${effectOf(fault)}, ${leftOf(fault)}${fault.probability < 1 ? ", by chance" : ""}`);
  const rows = app.rules.permissions.filter((row) => row.operation === operation);
  const name = user ?? NOBODY;
  const row = rows.find((row) => row.user === name) ?? (user && rows.find((row) => row.user === SOMEBODY));
  if (!row && app.rules.isKnown) found.push("401: nobody is not let in; choose a user");
  else if (row) {
    const here = row.exceptions.find((other) => other.taskInstanceId === task.id);
    const { reason } = here ?? row;
    if (reason) found.push(`403: ${user ?? "nobody"} ${reason.startsWith("lacks") ? reason : `is ${reason}`}`);
  }
  const state = forbidden(verb, one, task);
  if (state) found.push(state);
  return found;
}

function matches(rule, { operation, user, one, task, path }) {
  const wanted = { operation, method: "POST", user, taskInstanceId: task.id, subtaskInstanceId: one?.id };
  const fits = Object.entries(wanted).every(([key, value]) => rule[key] === undefined || String(rule[key]) === String(value));
  return fits && (rule.path === undefined || globbed(rule.path).test(path));
}

const globbed = (glob) =>
  new RegExp(`^${glob.replace(/[.+^$()|{}\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`);
