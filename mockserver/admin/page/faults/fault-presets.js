// Faults by name, each a button; and the form that says for which requests they are.

import { h, put } from "../common/dom.js";
import { choice, field, idOf, numberOf, read, userField } from "../common/fields.js";
import { often, OPERATIONS, permissionOf, requestsOf } from "./fault-words.js";

const PROXY =
  "<html><head><title>502 Bad Gateway</title></head>" +
  "<body><center><h1>502 Bad Gateway</h1></center><hr>nginx</body></html>\n";

/** `does` is what the client sees. A preset acts until it is removed: browsers send a request again by themselves. */
const PRESETS = [
  {
    name: "Lost answer",
    effect: { when: "after", fault: "CONNECTION_RESET_BY_PEER" },
    does: "It does happen, but its answer is lost: the connection is reset.",
  },
  {
    name: "503",
    effect: { error: { status: 503 } },
    does: "An error envelope with status 503; nothing happens.",
  },
  { name: "Slow (2 s)", effect: { fixedDelayMilliseconds: 2000 }, does: "The right answer, two seconds late." },
  {
    name: "Hang",
    effect: { fault: "HANG" },
    does: "No byte ever comes back, until the client gives up or the rule is removed.",
  },
  {
    name: "Connection reset",
    effect: { fault: "CONNECTION_RESET_BY_PEER" },
    does: "The connection breaks before an answer; nothing happens.",
  },
  {
    name: "HTML from a proxy",
    effect: { response: { status: 502, headers: { "Content-Type": "text/html" }, body: PROXY } },
    does: "A proxy's page of HTML with status 502, where JSON is expected.",
  },
  {
    name: "Broken contract",
    effect: { violate: "random" },
    does: "The right answer, but one field of it breaks the contract.",
  },
  {
    name: "Rate limit",
    effect: { rateLimit: { limit: 5, perSeconds: 10 } },
    does: "429 with Retry-After, above 5 requests in 10 seconds of the world's time.",
  },
];
const REVOKED = "Permission revoked";

/** `add(kind, body)` posts a rule: kind is "faults" or "denials". */
export function createPresets(app, add) {
  const fields = [
    choice("Operation", "operation", [["", "any"], ...OPERATIONS.map((name) => [name, name])], {
      value: "retrySubtask",
    }),
    userField(app),
    field("Task id", "taskInstanceId", { read: idOf, placeholder: "any", inputmode: "numeric", size: 19 }),
    field("Subtask id", "subtaskInstanceId", { read: idOf, placeholder: "any", inputmode: "numeric", size: 19 }),
  ];
  const howOften = choice("How often", "", [
    ["", "until removed"],
    ["1", "once"],
    ["2", "twice"],
    ["n", "so many times"],
  ]);
  const times = field("Times", "times", { read: numberOf, inputmode: "numeric", size: 5 });
  times.input.value = "3";
  const target = h(
    "form",
    { class: "fields", onsubmit: (event) => event.preventDefault(), oninput: () => update() },
    [...fields, howOften, times].map(({ element }) => element),
  );
  const aim = h("p", { class: "soft", role: "status" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const presets = h("ul", { class: "plain presets" });
  const lines = [...PRESETS, { name: REVOKED }].map((preset, number) => line(preset, number));
  presets.append(...lines.map(({ element }) => element));
  const element = h(
    "div",
    {},
    h("h3", {}, "Presets"),
    h("fieldset", {}, h("legend", {}, "For which requests"), target, aim),
    wrong,
    presets,
  );

  const timesOf = () => ({ 1: 1, 2: 2, n: times.read() ?? "" })[howOften.input.value];

  function line(preset, number) {
    const id = `preset-${number}`;
    const act = h("button", { type: "button", class: "quiet", "aria-describedby": id, onclick: () => press(preset, act) });
    const does = h("span", { id });
    return { preset, act, does, element: h("li", {}, act, does) };
  }

  function update() {
    times.element.hidden = howOften.input.value !== "n";
    const aimed = read(fields);
    put(aim, `A preset acts on ${requestsOf(aimed)}.`);
    for (const { preset, act, does } of lines) {
      const count = timesOf();
      const lasts = count === undefined ? "until removed" : often(count);
      put(act, preset.name);
      put(does, `${preset.does ?? revoked(aimed)} ${lasts[0].toUpperCase()}${lasts.slice(1)}.`);
    }
  }

  function revoked({ operation, user, subtaskInstanceId }) {
    const permission = permissionOf(operation);
    const reads = permission === "TASK_MANAGER" ? "; reading stays allowed" : "";
    const whole = subtaskInstanceId === undefined ? "" : " A denial names no subtask: it holds for all of the task.";
    return `403: ${user ?? "everybody"} loses ${permission}${reads}.${whole}`;
  }

  async function press(preset, act) {
    if (act.getAttribute("aria-disabled") === "true") return;
    act.setAttribute("aria-disabled", "true");
    put(wrong, "");
    const count = timesOf();
    const { subtaskInstanceId, ...rest } = read(fields);
    const lasts = count === undefined ? {} : { times: count };
    try {
      if (preset.name === REVOKED)
        await add("denials", { permission: permissionOf(rest.operation), ...rest, ...lasts });
      else
        await add("faults", {
          ...rest,
          ...(subtaskInstanceId === undefined ? {} : { subtaskInstanceId }),
          ...preset.effect,
          ...lasts,
        });
    } catch (error) {
      put(
        wrong,
        [
          `Not added: ${error.message}.`,
          ...(error.details ?? []).map(({ path, message }) => `${path}: ${message}.`),
        ].join(" "),
      );
    } finally {
      act.removeAttribute("aria-disabled");
    }
  }

  update();
  return { element };
}
