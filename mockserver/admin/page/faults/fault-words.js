// Rules in words: what a fault or a denial does, to which requests, and what is left of it.

export const OPERATIONS = [
  "listTaskInstances",
  "getTaskInstance",
  "retryTask",
  "rollbackTask",
  "retrySubtask",
  "skipSubtask",
  "cancelSubtask",
  "getSubtaskLog",
  "downloadTaskDiagnosis",
];
const READING = new Set(["listTaskInstances", "getTaskInstance", "getSubtaskLog", "downloadTaskDiagnosis"]);

/** What an operation needs; without one, what all that act need. */
export const permissionOf = (operation) => (READING.has(operation) ? "TASK_VIEWER" : "TASK_MANAGER");

export const KINDS = {
  CONNECTION_RESET_BY_PEER: "the connection is reset",
  EMPTY_RESPONSE: "the connection closes without a byte",
  MALFORMED_RESPONSE_CHUNK: "a status, then a malformed chunk, then a close",
  RANDOM_DATA_THEN_CLOSE: "random bytes, then a close",
  HANG: "no byte ever comes back",
};

export const often = (times) => (times === 1 ? "once" : times === 2 ? "twice" : `${times} times`);
const seconds = (ms) => `${Number(ms) / 1000} s`;

/** To which requests, as in "retrySubtask by viewer, on subtask 10001". */
export function requestsOf({ operation, method, path, user, taskInstanceId, subtaskInstanceId }) {
  const what = operation ? `${operation}${method ? ` (${method})` : ""}` : method ? `every ${method}` : "every request";
  const parts = [
    user !== undefined && `by ${user}`,
    subtaskInstanceId !== undefined && `on subtask ${subtaskInstanceId}`,
    taskInstanceId !== undefined && `on task ${taskInstanceId}`,
    path !== undefined && `to ${path}`,
  ];
  return [what, ...parts.filter(Boolean)].join(" ");
}

function violated(violate) {
  if (violate === "random") return "the answer breaks the contract, somewhere";
  if (violate.remove !== undefined) return `the answer lacks ${violate.remove}`;
  const set = Object.entries(violate.set ?? {}).map(([pointer, value]) => `${pointer} = ${JSON.stringify(value)}`);
  return `the answer has ${set.join(", ")}`;
}

const EFFECTS = {
  error: ({ status, code, message }) =>
    `error ${status}${code === undefined ? "" : `, code ${code}`}${message === undefined ? "" : `, “${message}”`}`,
  fault: (kind) => KINDS[kind] ?? kind,
  response: ({ status }) => `an answer of its own, with status ${status}`,
  truncateBodyAtFraction: (fraction) => `the body breaks off after ${Math.round(1000 * fraction) / 10} %`,
  chunkedDribbleDelay: ({ numberOfChunks, totalDuration }) =>
    `the body comes in ${numberOfChunks} pieces over ${seconds(totalDuration)}`,
  violate: violated,
  rateLimit: ({ limit, perSeconds }) => `429 above ${limit} requests in ${perSeconds} s`,
  fixedDelayMilliseconds: (ms) => `${seconds(ms)} late`,
  delayDistribution: ({ type, lower, upper, median, sigma }) =>
    type === "uniform"
      ? `${seconds(lower)} to ${seconds(upper)} late`
      : `about ${seconds(median)} late (lognormal, sigma ${sigma})`,
};

/** What a fault does. */
export function effectOf(rule) {
  const does = Object.entries(EFFECTS)
    .filter(([key]) => rule[key] !== undefined)
    .map(([key, words]) => words(rule[key]));
  return `${does.join(", ")}${rule.when === "after" ? ", after it has happened" : ""}`;
}

/** What it does and to which requests, in a sentence. `rule` is a fault, or a denial. */
export function inWords(rule) {
  if (rule.permission !== undefined) {
    const { user, ...rest } = rule;
    const whole = rest.operation ?? rest.taskInstanceId;
    const where = whole === undefined ? "" : `, for ${requestsOf(rest)}`;
    return `${rule.permission} is taken from ${user ?? "everybody"}${where}`;
  }
  const skips = rule.skip ? `, not the first ${rule.skip === 1 ? "one" : rule.skip}` : "";
  const share = rule.probability !== undefined && rule.probability < 1 ? `, with probability ${rule.probability}` : "";
  return `${requestsOf(rule)}: ${effectOf(rule)}${skips}${share}`;
}
