// A fault of one's own: every key that a rule can have, and the JSON that will be sent.

import { attempt, button, h, keyed, put } from "../common/dom.js";
import { token, written } from "../common/server.js";
import { createCopied } from "../common/copied.js";
import { choice, field, idOf, jsonOf, numberOf, read, userField } from "../common/fields.js";
import { KINDS, OPERATIONS } from "./fault-words.js";

const number = (label, key, hint) => field(label, key, { read: numberOf, hint, inputmode: "decimal", size: 8 });
const whole = (label, key, hint) => field(label, key, { read: numberOf, hint, inputmode: "numeric", size: 8 });
const id = (label, key) => field(label, key, { read: idOf, placeholder: "any", inputmode: "numeric", size: 19 });
const lines = (label, key, hint, sign, valueOf) =>
  field(label, key, { tag: "textarea", class: "code", rows: 3, hint, read: (text) => pairs(text, sign, valueOf) });

/** A line each, a name and its value. A line without the sign is a name with an empty value. */
function pairs(text, sign, valueOf) {
  const found = text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => {
      const at = line.indexOf(sign);
      return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), valueOf(line.slice(at + 1).trim())];
    });
  return Object.fromEntries(found);
}

/** By name: the words, the fields, and what they make of themselves. */
const effects = () => ({
  error: [
    "An error envelope",
    [
      whole("Status", "error.status", "400 to 599"),
      field("Code", "error.code", { read: numberOf, hint: "empty: by the status" }),
      field("Message", "error.message", { size: 30, hint: "empty: one that says it was injected" }),
    ],
    (fields) => ({ error: read(fields) }),
  ],
  fault: [
    "A broken connection",
    [
      choice(
        "What happens",
        "fault",
        Object.entries(KINDS).map(([kind, words]) => [kind, `${kind}: ${words}`]),
      ),
    ],
    ([kind]) => ({ fault: kind.read() }),
  ],
  response: [
    "A response of your own",
    [
      whole("Status", "response.status", "200 to 599"),
      lines("Headers", "response.headers", "Name: value, a line each", ":", (text) => text),
      field("Body", "response.body", { tag: "textarea", class: "code", rows: 4, hint: "sent as it is" }),
    ],
    (fields) => ({ response: { ...read(fields), ...(fields[2].input.value ? { body: fields[2].input.value } : {}) } }),
  ],
  truncate: [
    "A body that breaks off",
    [number("After which share", "truncateBodyAtFraction", "0 to 1")],
    ([share]) => ({ truncateBodyAtFraction: share.read() }),
  ],
  dribble: [
    "A body in pieces",
    [
      whole("Pieces", "chunkedDribbleDelay.numberOfChunks"),
      number("Over how long", "chunkedDribbleDelay.totalDuration", "ms"),
    ],
    (fields) => ({ chunkedDribbleDelay: read(fields) }),
  ],
  remove: [
    "Contract broken: something removed",
    [field("JSON pointer", "violate.remove", { hint: "such as /data/status", size: 24 })],
    (fields) => ({ violate: read(fields) }),
  ],
  set: [
    "Contract broken: something set",
    [lines("Values", "violate.set", "/data/status = EXPLODED, a line each", "=", jsonOf)],
    (fields) => ({ violate: read(fields) }),
  ],
  random: ["Contract broken: at random", [], () => ({ violate: "random" })],
  rateLimit: [
    "A rate limit",
    [
      whole("Requests", "rateLimit.limit"),
      number("In how many seconds", "rateLimit.perSeconds", "of the world's time"),
    ],
    (fields) => ({ rateLimit: read(fields) }),
  ],
  none: ["Nothing but a delay", [], () => ({})],
});
const delays = () => ({
  none: ["none", [], () => ({})],
  fixed: [
    "fixed",
    [number("Milliseconds", "fixedDelayMilliseconds")],
    ([ms]) => ({ fixedDelayMilliseconds: ms.read() }),
  ],
  uniform: [
    "uniform",
    [number("From", "delayDistribution.lower", "ms"), number("To", "delayDistribution.upper", "ms")],
    (fields) => ({ delayDistribution: { type: "uniform", ...read(fields) } }),
  ],
  lognormal: [
    "lognormal",
    [
      number("Median", "delayDistribution.median", "ms"),
      number("Sigma", "delayDistribution.sigma", "the spread; 0: none"),
    ],
    (fields) => ({ delayDistribution: { type: "lognormal", ...read(fields) } }),
  ],
});
const SUGGESTED = {
  "error.status": "503",
  "response.status": "502",
  truncateBodyAtFraction: "0.5",
  "chunkedDribbleDelay.numberOfChunks": "5",
  "chunkedDribbleDelay.totalDuration": "3000",
  "violate.remove": "/data/status",
  "violate.set": "/data/status = EXPLODED",
  "rateLimit.limit": "5",
  "rateLimit.perSeconds": "1",
  fixedDelayMilliseconds: "2000",
  "delayDistribution.lower": "100",
  "delayDistribution.upper": "2000",
  "delayDistribution.median": "200",
  "delayDistribution.sigma": "0.5",
  "response.headers": "Content-Type: text/html",
  "response.body": "<h1>502 Bad Gateway</h1>",
};

/** A select by which the fields of one kind appear. What was typed into the others stays in them. */
function variants(label, key, kinds) {
  const chosen = choice(
    label,
    key,
    Object.entries(kinds).map(([name, [words]]) => [name, words]),
  );
  const groups = Object.entries(kinds).map(([name, [, fields]]) => {
    for (const one of fields) if (one.key in SUGGESTED) one.input.value = SUGGESTED[one.key];
    return h(
      "div",
      { class: "fields", "data-kind": name },
      fields.map(({ element }) => element),
    );
  });
  const show = () => {
    for (const group of groups) group.hidden = group.dataset.kind !== chosen.input.value || !group.children.length;
  };
  show();
  return {
    elements: [h("div", { class: "fields" }, chosen.element), groups],
    show,
    read: () => {
      const [, fields, make] = kinds[chosen.input.value];
      return make(fields);
    },
  };
}

export function createFaultForm(app, add) {
  const which = [
    choice("Operation", "operation", [["", "any"], ...OPERATIONS.map((name) => [name, name])]),
    choice("Method", "method", [
      ["", "any"],
      ["GET", "GET"],
      ["HEAD", "HEAD"],
      ["POST", "POST"],
    ]),
    field("Path", "path", { placeholder: "any", hint: "a glob; * crosses slashes", size: 20 }),
    id("Task id", "taskInstanceId"),
    id("Subtask id", "subtaskInstanceId"),
    userField(app),
  ];
  const when = [
    choice("The operation itself", "when", [
      ["", "does not happen (before)"],
      ["after", "does happen (after)"],
    ]),
    whole("Skip the first", "skip"),
    whole("Times", "times", "empty: until removed"),
    number("Probability", "probability", "0 to 1"),
  ];
  const effect = variants("Effect", "", effects());
  const delay = variants("Delay", "", delays());
  const body = () => ({ ...read(which), ...read(when), ...effect.read(), ...delay.read() });

  const json = h("pre", { tabindex: "0", role: "region", "aria-label": "JSON that will be sent" });
  const message = h("p");
  const details = h("ul");
  const alert = h("div", { class: "wrong", role: "alert" }, message, details);
  const copied = createCopied();
  const send = h("button", { type: "submit" }, "Add this fault");
  const group = (legend, ...children) => h("fieldset", {}, h("legend", {}, legend), children);
  const form = h(
    "form",
    { novalidate: true, oninput: update, onsubmit: submit },
    group(
      "Which requests",
      h(
        "div",
        { class: "fields" },
        which.map(({ element }) => element),
      ),
    ),
    group(
      "When and how often",
      h(
        "div",
        { class: "fields" },
        when.map(({ element }) => element),
      ),
      h(
        "p",
        { class: "soft" },
        "“Does happen” is for errors, broken connections, responses of your own and rate limits; ",
        "the other effects keep what the operation does.",
      ),
    ),
    group("What the client sees", effect.elements, delay.elements),
    h("h4", {}, "JSON that will be sent"),
    json,
    alert,
    h(
      "div",
      { class: "row" },
      send,
      button("Copy as curl", () => copied.show(curl(body()), "curl command"), { class: "quiet" }),
    ),
    copied.element,
  );
  const element = h("details", { class: "own" }, h("summary", {}, h("h3", {}, "Your own fault")), form);

  function update() {
    effect.show();
    delay.show();
    put(json, written(body(), 2));
    copied.hide();
  }

  function refused(text, found) {
    put(message, text);
    keyed(
      details,
      found.map(({ path, message }, at) => [at, `${path}: ${message}`]),
      ([at]) => at,
      () => h("li"),
      (line, [, text]) => put(line, text),
    );
    for (const input of form.querySelectorAll("[data-key]")) {
      const at = `$.${input.dataset.key}`;
      const isWrong =
        input.dataset.key !== "" &&
        found.some(({ path }) => path === at || path.startsWith(`${at}.`) || path.startsWith(`${at}[`));
      if (isWrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  function submit(event) {
    event.preventDefault();
    attempt(send, async () => {
      try {
        await add("faults", body());
        refused("", []);
      } catch (error) {
        refused(`Not added: ${error.message}.`, error.details ?? []);
      }
    });
  }

  update();
  return { element };
}

function curl(body) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const secret = token.get() ? ` \\\n  -H "Authorization: Bearer $OCP_MOCK_ADMIN_TOKEN"` : "";
  const url = new URL("./faults", location.href.split("#")[0]).href;
  const type = `-H 'Content-Type: application/json'${secret}`;
  return `curl -X POST ${quoted(url)} \\\n  ${type} \\\n  -d ${quoted(written(body))}\n`;
}
