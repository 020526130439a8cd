// Requests: the journal, live, as a browser's network panel has it, the oldest first; and beside it the one that is open.

import { button, copy, h, keyed, put, say, soon } from "../common/dom.js";
import { labelled } from "../common/fields.js";
import { control } from "../common/server.js";
import { OPERATIONS } from "../faults/fault-words.js";
import { classOf, NOBODY, wordOf } from "./entries.js";
import { createRequest } from "./request.js";
import { filledRow, HEAD, madeRow } from "./row.js";

const KEPT = 1000; // by the server
const SHOWN = 200;
const CLASSES = [["", "any"], ["2", "2xx ok"], ["4", "4xx refused"], ["5", "5xx broken"], ["none", "none yet"]];

export function create(app) {
  const request = createRequest(app);
  const entries = new Map(); // by id, without bodies
  let total = 0, dropped = 0;
  let early = []; // what the stream said while the list was on its way
  let isLooking = false, hasLooked = false, isShown = false;
  let seen = 0; // the newest that has been in view

  const options = (pairs) => pairs.map(([value, text]) => new Option(text, value));
  const changed = () => {
    app.note(address(request.id()));
    draw();
    if (needsMore()) look();
  };
  const fields = {
    text: h("input", { type: "search", size: 14, spellcheck: "false", oninput: changed }),
    operation: h("select", { onchange: changed }, options([["", "any"], ...OPERATIONS.map((name) => [name, name])])),
    status: h("select", { onchange: changed }, options(CLASSES)),
    user: h("select", { onchange: changed }),
  };
  const { text, operation, status, user } = fields;
  const count = h("p", { class: "soft count" }); // no live region: busy traffic would be read out all the time
  const rows = h("tbody", { onclick: (event) => opened(event) });
  const table = h("div", { class: "scroll", role: "region", "aria-label": "List of requests", tabindex: "0", onscroll: () => noticed() },
    h("table", {}, h("caption", { class: "unseen" }, "The oldest first"),
      h("thead", {}, h("tr", {}, HEAD.map(([name, className]) => h("th", { scope: "col", class: className }, name)))), rows));
  const fresh = h("button", { type: "button", class: "quiet small fresh", onclick: () => toEnd() }, "");
  const follows = h("input", { type: "checkbox", onchange: () => follows.checked && toEnd() });
  const nothing = h("div", { class: "nothing" },
    h("p", {}, "No request has come yet. Point your client here:"),
    h("pre", { tabindex: "0", role: "region", "aria-label": "Base URL and proxy" }, pointing()),
    button("Copy these lines", () => copy(pointing(), "base URL and proxy"), { class: "quiet" }));
  const list = h("div", { class: "list" },
    h("div", { class: "head" }, h("h2", {}, "Requests"), count, h("span", { class: "gap" }), fresh,
      h("label", { class: "follow" }, follows, "Follow"), button("Empty the journal", empty, { class: "quiet small" })),
    h("div", { class: "fields" }, labelled("Contains", text), labelled("Operation", operation),
      labelled("Status", status), labelled("User", user)),
    table, nothing);
  const element = h("section", { class: "requests panes" }, list, request.element);

  const isFiltered = () => Object.values(fields).some(({ value }) => value !== "");
  const needsMore = () => isFiltered() && entries.size < Math.min(total, KEPT);

  /** The filters are part of the address. */
  function address(id) {
    const query = new URLSearchParams(Object.entries(fields).filter(([, { value }]) => value !== "").map(([name, { value }]) => [name, value]));
    return `#/requests${id === undefined ? "" : `/${id}`}${query.size ? `?${query}` : ""}`;
  }

  function pointing() {
    const { origin, host } = new URL(app.base);
    return [`base URL          ${app.base}`, `OCP_BASE_URL=${app.base}`, "",
      "// vite.config.js", `server: { proxy: { "/api": "${app.base}" } }`, "",
      "# nginx", `location /api/ { proxy_pass ${app.base === origin ? `http://${host}` : app.base}; }`].join("\n");
  }

  const look = soon(async () => {
    if (!isShown) return;
    isLooking = true;
    early = [];
    const isFirst = !hasLooked;
    try {
      const found = await control("GET", `requests?limit=${isFiltered() ? KEPT : SHOWN}`);
      ({ total, dropped } = found);
      entries.clear();
      for (const { requestBody, responseBody, requestHeaders, responseHeaders, ...entry } of found.requests) entries.set(entry.id, entry);
      hasLooked = true;
      early.forEach(take);
    } finally {
      isLooking = false;
    }
    draw();
    if (isFirst) toEnd();
  });

  function take(entry) {
    entries.set(entry.id, entry);
    total = Math.max(total, entry.id);
    dropped = Math.max(dropped, total - KEPT);
    entries.delete(entry.id - KEPT);
  }

  const drawSoon = soon(async () => draw(), 100);

  function fits(entry) {
    const words = [entry.operation, entry.method, entry.path, entry.user, entry.rule, entry.effect, entry.traceId, wordOf(entry)];
    return (
      (operation.value === "" || entry.operation === operation.value) &&
      (status.value === "" || classOf(entry) === status.value) &&
      (user.value === "" || (entry.user ?? NOBODY) === user.value) &&
      words.join(" ").toLowerCase().includes(text.value.trim().toLowerCase())
    );
  }

  /** Rows do not move while somebody points at one: those that fall out of the list go later. */
  const isHeld = () => table.matches(":hover") || table.contains(document.activeElement);

  function draw() {
    if (!isShown || !hasLooked) return;
    const all = [...entries.values()].sort((one, other) => one.id - other.id);
    named(all);
    const fitting = all.filter(fits);
    const had = new Set(isHeld() ? [...rows.children].map(({ dataset }) => dataset.key) : []);
    const shown = fitting.filter(({ id }, at) => at >= fitting.length - SHOWN || had.has(String(id)));
    keyed(rows, shown, ({ id }) => id, (entry) => madeRow(app, entry), filledRow);
    table.hidden = total === 0;
    nothing.hidden = total > 0;
    put(count, counted(fitting.length));
    mark();
    if (follows.checked && !isHeld()) toEnd();
    else noticed();
  }

  function named(all) {
    const users = [...new Set([...app.users.map(({ name }) => name), ...all.map((entry) => entry.user ?? NOBODY), user.value])].filter(Boolean);
    keyed(user, ["", ...users.sort()], (name) => name,
      (name) => new Option(name === "" ? "any" : name === NOBODY ? "nobody" : name, name));
  }

  const isAtEnd = () => table.scrollTop + table.clientHeight >= table.scrollHeight - 4;

  function toEnd() {
    table.scrollTop = table.scrollHeight;
    noticed();
  }

  /** "12 new": so many have come below what is in view. */
  function noticed() {
    if (isAtEnd()) seen = total;
    const unseen = [...rows.children].filter(({ dataset }) => Number(dataset.key) > seen).length;
    fresh.classList.toggle("none", unseen === 0);
    put(fresh, unseen === 0 ? "" : `${unseen} new ↓`);
  }

  function counted(fitting) {
    if (total === 0) return "";
    const lost = dropped > 0 ? `, of which the oldest ${dropped} are dropped` : "";
    const all = `${total === 1 ? "1 request" : `${total} requests`}${lost}`;
    if (!isFiltered()) return Math.min(total, KEPT) > SHOWN ? `${all}. The newest ${SHOWN} are shown.` : `${all}.`;
    const shown = fitting > SHOWN ? `, the newest ${SHOWN} are shown` : "";
    return `${all}; ${fitting} ${fitting === 1 ? "fits" : "fit"}${shown}.`;
  }

  function opened(event) {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("a") && getSelection().isCollapsed) app.go(address(row.dataset.key));
    else if (row && event.target.closest(".opens")) {
      event.preventDefault(); // with the filters
      app.go(address(row.dataset.key));
    }
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
    seen = 0;
    look();
    say("The journal is empty.");
  }

  return {
    element,
    show([id], query) {
      const before = request.id();
      isShown = true;
      draw(); // so that a user whom the address names can be chosen
      for (const [name, field] of Object.entries(fields)) {
        const value = query.get(name) ?? "";
        if (name === "user" && value && ![...user.options].some((option) => option.value === value)) user.append(new Option(value, value));
        field.value = value;
      }
      element.classList.toggle("open", id !== undefined);
      request.show(id, address());
      mark();
      look();
      if (before === undefined && id === undefined) return;
      // Opened: read on there. Closed: go on from the row.
      const row = [...rows.children].find(({ dataset }) => dataset.key === before);
      setTimeout(() => (id !== undefined ? request.title : (row?.querySelector("a") ?? table)).focus({ preventScroll: true }));
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
