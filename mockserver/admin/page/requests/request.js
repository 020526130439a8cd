// One request of the journal, opened: what was asked and answered, what it changed, and copies of it.

import { badge, h, put, soon } from "../common/dom.js";
import { control, written } from "../common/server.js";
import { answered, queryOf, ruleLink, subjectOf, subjectText, waits } from "./entries.js";
import { createCopied } from "../common/copied.js";
import { createCopies } from "./copies.js";

const CUT = "A body was too long: only its beginning was kept.";

export function createRequest(app) {
  let id; // as the hash has it, undefined while none is open
  let traceId = null;
  const title = h("h2", { tabindex: "-1", class: "cut" });
  const back = h("a", { href: "#/requests", "aria-label": "Back to the list" }, "×");
  const lost = h("p", { role: "status" });
  const facts = h("dl", { class: "facts" });
  const summary = h("p");
  const changed = h("ul", { class: "plain changed" });
  const unknown = h("p", { class: "soft" });
  const bodies = { requestBody: body("Request body"), responseBody: body("Response body") };
  const cut = h("p", { class: "soft" }, CUT);
  const copied = createCopied();
  const copying = createCopies(() => id, copied);
  const content = h(
    "div",
    { hidden: true },
    facts,
    h("h3", {}, "What it changed"),
    summary,
    changed,
    unknown,
    copied.element,
    Object.values(bodies).map(({ element }) => element),
    cut,
  );
  const element = h(
    "section",
    { class: "request", "aria-label": "The request that is open", hidden: true },
    h("div", { class: "head" }, title, h("span", { class: "gap" }), copying, back),
    lost,
    content,
  );

  function body(label) {
    const headers = h("dl", { class: "facts headers mono" });
    const text = h("pre", { tabindex: "0", role: "region", "aria-label": label });
    return { text, headers, element: h("div", {}, h("h3", {}, label.split(" ")[0]), text, headers) };
  }

  const look = soon(async () => {
    const asked = id;
    if (asked === undefined) return;
    let found;
    try {
      if (!/^\d+$/.test(asked)) return gone();
      found = await control("GET", `requests/${asked}`, undefined, BigInt);
    } catch (error) {
      if (error.status !== 404) throw error;
      if (asked === id) gone();
      return;
    }
    if (asked === id) draw(found);
  });

  function gone() {
    put(title, `Request ${id}`);
    put(lost, `The journal has no request ${id}: it has been dropped or emptied, or never came.`);
    content.hidden = true;
  }

  function draw({ request, states, why }) {
    traceId = request.traceId;
    put(lost, "");
    content.hidden = false;
    put(title, `Request ${request.id}: ${request.operation ?? "no route"}`);
    const { task, subtask } = subjectOf(request);
    const lines = [
      ["Asked", h("code", {}, `${request.method} ${request.path}${queryOf(request)}`)],
      ["Subject", task !== undefined && h("a", { href: `#/tasks/${task}${subtask ? `/${subtask}` : ""}` }, subjectText(request))],
      ["User", request.user ?? "nobody (no credentials)"],
      ["Time", app.time(request.time)],
      ["Status", answered(h("span"), request)],
      ["Error code", request.errorCode && String(request.errorCode)],
      ["Took", typeof request.duration === "number" && `${request.duration} ms`],
      ["Rule", request.rule !== null && ruleLink(request.rule)],
      ["Effect", request.effect],
      ["Hint", request.hint],
      ["Client error", request.clientError],
      ["Resent", request.resent && "yes: it looks like an HTTP client's own repetition"],
      ["Trace id", h("code", {}, request.traceId)],
    ];
    const text = lines.filter(([, value]) => value).map(([name, value]) => [name, value]);
    refill(
      facts,
      text.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    put(summary, summed(request, states));
    refill(
      changed,
      states.map((one) => state(one, task)),
    );
    put(unknown, why ?? "");
    for (const [key, { text, headers }] of Object.entries(bodies)) {
      put(text, pretty(request[key]));
      const named = Object.entries(request[key.replace("Body", "Headers")] ?? {});
      refill(headers, named.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, [value].flat().join(", "))]));
    }
    cut.hidden = !request.truncated;
  }

  function summed(request, states) {
    if (states.some(({ before, after }) => after === null || differs(before, after))) return "";
    return waits(request) ? "It has changed nothing so far." : "It changed nothing.";
  }

  function state({ subtaskInstanceId, before, after }, task) {
    const what = subtaskInstanceId === null ? `task ${task ?? ""}` : `subtask ${subtaskInstanceId}`;
    if (after === null) return h("li", {}, `${what} was `, badge(before.status), " and is not known after it");
    if (!differs(before, after)) return h("li", {}, `${what} stayed `, badge(after.status));
    const moves = Object.entries({ operation: "operation", runTime: "run time" })
      .filter(([key]) => before[key] !== after[key])
      .map(([key, name]) => `${name} ${before[key]} → ${after[key]}`);
    const more = h("span", { class: "soft" }, moves.join(", "));
    return h("li", {}, `${what} `, badge(before.status), " → ", badge(after.status), " ", more);
  }

  return {
    element,
    title,
    id: () => id,
    show(shown, list) {
      back.href = list;
      if (shown === id) return;
      id = shown;
      traceId = null;
      element.hidden = id === undefined;
      content.hidden = true;
      copied.hide();
      put(lost, "");
      put(title, id === undefined ? "" : `Request ${id}`);
      look();
    },
    heard(name, data) {
      if (id === undefined) return;
      const isOfIt =
        (name === "request" && String(data.id) === id) || (name === "change" && data.cause === `request ${traceId}`);
      if (isOfIt || ["hello", "world", "skipped"].includes(name)) look();
    },
  };
}

const differs = (before, after) => ["status", "operation", "runTime"].some((key) => before[key] !== after[key]);

/** Only if it looks different, so that focus and a selection stay. */
function refill(element, children) {
  const next = element.cloneNode(false);
  next.append(...children);
  if (!next.isEqualNode(element)) element.replaceChildren(...next.childNodes);
}

function pretty(body) {
  if (body === null) return "none";
  return typeof body === "string" ? body : written(body, 2);
}
