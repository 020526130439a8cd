// Requests: the journal, live, newest first; and beside it the one that is open.

import { button, h, keyed, put, say, soon } from "./dom.js";
import { control } from "./server.js";
import { answered, classOf, subjectText } from "./entries.js";
import { labelled } from "./fields.js";
import { OPERATIONS } from "./fault-words.js";
import { createRequest } from "./request.js";

const KEPT = 1000; // by the server
const SHOWN = 200;
const LONGEST = 80;
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
const NOBODY = "\u0000";
const CLASSES = [
  ["", "any"],
  ["2", "2xx ok"],
  ["4", "4xx refused"],
  ["5", "5xx broken"],
  ["none", "none yet"],
];

export function create(app) {
  const request = createRequest(app);
  const entries = new Map(); // by id, without bodies
  let total = 0;
  let dropped = 0;
  let early = []; // what the stream said while the list was on its way
  let isLooking = false;
  let hasLooked = false;
  let isShown = false;

  const options = (pairs) => pairs.map(([value, text]) => new Option(text, value));
  const changed = () => {
    draw();
    if (needsMore()) look();
  };
  const text = h("input", { type: "search", size: 18, spellcheck: "false", oninput: changed });
  const operation = h(
    "select",
    { onchange: changed },
    options([["", "any"], ...OPERATIONS.map((name) => [name, name])]),
  );
  const status = h("select", { onchange: changed }, options(CLASSES));
  const user = h("select", { onchange: changed });
  const count = h("p", { class: "soft" }); // no live region: busy traffic would be read out all the time
  const rows = h("tbody", { role: "rowgroup" });
  // On a phone a row is no row any more: the roles say that it still is one.
  const head = ["Time", "Request", "User", "Answer"].map((name) =>
    h("th", { scope: "col", role: "columnheader" }, name),
  );
  const table = h(
    "div",
    { class: "box", role: "region", "aria-label": "List of requests", tabindex: "0" },
    h(
      "table",
      { role: "table" },
      h("caption", {}, "The newest first"),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      rows,
    ),
  );
  const list = h(
    "div",
    { class: "list" },
    h(
      "div",
      { class: "fields" },
      labelled("Contains", text),
      labelled("Operation", operation),
      labelled("Status", status),
      labelled("User", user),
    ),
    h("div", { class: "row" }, count, button("Empty the journal", empty, { class: "quiet" })),
    table,
  );
  const title = h("h2", {}, "Requests");
  const element = h("section", { class: "requests" }, title, h("div", { class: "halves" }, list, request.element));

  const isFiltered = () => [text, operation, status, user].some(({ value }) => value !== "");
  const needsMore = () => isFiltered() && entries.size < Math.min(total, KEPT);

  const look = soon(async () => {
    if (!isShown) return;
    isLooking = true;
    early = [];
    try {
      const found = await control("GET", `requests?limit=${isFiltered() ? KEPT : SHOWN}`);
      ({ total, dropped } = found);
      entries.clear();
      for (const { requestBody, responseBody, ...entry } of found.requests) entries.set(entry.id, entry);
      hasLooked = true;
      early.forEach(take);
    } finally {
      isLooking = false;
    }
    draw();
  });

  function take(entry) {
    entries.set(entry.id, entry);
    total = Math.max(total, entry.id);
    dropped = Math.max(dropped, total - KEPT);
    entries.delete(entry.id - KEPT);
  }

  const drawSoon = soon(async () => draw(), 100);

  function fits(entry) {
    const words = [entry.operation, entry.method, entry.path, entry.user, entry.rule, entry.effect, entry.traceId];
    return (
      (operation.value === "" || entry.operation === operation.value) &&
      (status.value === "" || classOf(entry) === status.value) &&
      (user.value === "" || (entry.user ?? NOBODY) === user.value) &&
      words.join(" ").toLowerCase().includes(text.value.trim().toLowerCase())
    );
  }

  function draw() {
    if (!isShown || !hasLooked) return;
    const newest = [...entries.values()].sort((one, other) => other.id - one.id);
    const users = [
      ...new Set([...app.users.map(({ name }) => name), ...newest.map((entry) => entry.user ?? NOBODY), user.value]),
    ].filter(Boolean);
    keyed(
      user,
      ["", ...users.sort()],
      (name) => name,
      (name) => new Option(name === "" ? "any" : name === NOBODY ? "nobody" : name, name),
    );
    const fitting = newest.filter(fits);
    const focused = document.activeElement;
    keyed(rows, fitting.slice(0, SHOWN), ({ id }) => id, made, updated);
    if (focused?.isConnected === false) table.focus();
    table.hidden = fitting.length === 0;
    put(count, counted(fitting.length));
    mark();
  }

  function counted(fitting) {
    if (total === 0) return "No request has come yet. Those of this page's own buttons count too.";
    const lost = dropped > 0 ? `, of which the oldest ${dropped} are dropped` : "";
    const all = `${total === 1 ? "1 request" : `${total} requests`}${lost}`;
    if (!isFiltered()) return Math.min(total, KEPT) > SHOWN ? `${all}. The newest ${SHOWN} are shown.` : `${all}.`;
    const shown = fitting > SHOWN ? `, the newest ${SHOWN} are shown` : "";
    return `${all}; ${fitting} ${fitting === 1 ? "fits" : "fit"}${shown}.`;
  }

  function made(entry) {
    const time = app.time(entry.time);
    const subject = subjectText(entry);
    const cell = (attributes, ...children) => h("td", { role: "cell", ...attributes }, children);
    return h(
      "tr",
      { role: "row" },
      cell({ class: "mono", title: time }, time.split(" ").pop()),
      cell(
        {},
        h("a", { href: `#/requests/${entry.id}` }, entry.operation ?? short(`${entry.method} ${entry.path}`)),
        " ",
        subject && h("span", { class: "soft subject" }, subject),
      ),
      cell(entry.user === null ? { class: "soft" } : {}, entry.user ?? "nobody"),
      cell({}, h("span"), " ", h("span", { class: "soft acted" })),
    );
  }

  function updated(row, entry) {
    const [answer, acted] = row.lastChild.children;
    answered(answer, entry);
    put(acted, [entry.rule, entry.resent && "resent"].filter(Boolean).join(", "));
  }

  function mark() {
    for (const row of rows.children) {
      const link = row.querySelector("a");
      if (row.dataset.key === request.id()) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  async function empty() {
    await control("DELETE", "requests");
    entries.clear();
    total = dropped = 0;
    draw();
    say("The journal is empty.");
  }

  return {
    element,
    show([id]) {
      const before = request.id();
      isShown = true;
      element.classList.toggle("open", id !== undefined);
      request.show(id);
      mark();
      look();
      if (before === undefined && id === undefined) return;
      // Opened: read on there. Closed: go on from the row.
      const row = [...rows.children].find(({ dataset }) => dataset.key === before);
      setTimeout(() => (id !== undefined ? request.title : (row?.querySelector("a") ?? table)).focus());
    },
    heard(name, data) {
      if (["hello", "world", "skipped"].includes(name)) look();
      if (name === "request") {
        take(data);
        if (isLooking) early.push(data);
        drawSoon();
      }
      request.heard(name, data);
    },
  };
}
