// The clock of the world: what time it is, how it passes, what is next, the steps; and what the last step caused.

import { attempt, badge, button, clearAlerts, h, put, soon } from "../common/dom.js";
import { control } from "../common/server.js";
import { durationOf, left, msOf, ofDay } from "../common/times.js";

const MODES = [["manual", "frozen"], ["1", "real time"], ["10", "10 × as fast"], ["60", "60 × as fast"]];
const LISTED = 200;

/** Adds `now`, `step` and `until` to `app`. */
export function createClock(app) {
  let at = { ms: Date.now(), since: performance.now(), rate: 0, offset: "+00:00" };
  let coming = null; // what is next
  let shown = "manual", chosen = null; // how time passes; and how it is to, until the server has said that it does

  app.instant = () => now.textContent;
  app.now = () => at.ms + (performance.now() - at.since) * at.rate;

  const [date, time, thousandths] = ["date", "time", "ms"].map((name) => h("span", { class: name }));
  const now = h("span", { role: "timer", class: "mono now", "aria-label": "Time of the world" }, date, time, thousandths);
  const mode = h("select", { "aria-label": "How time passes", onchange: () => { chosen = mode.value; setMode(); } },
    MODES.map(([value, text]) => new Option(text, value)));
  const next = h("a", { class: "next soft", href: "#/tasks" }, "");
  const by = h("input", { "aria-label": "Step by", value: "5s", size: 4, spellcheck: false });
  const caused = h("ol", { class: "caused" });
  const summary = h("button", { type: "button", class: "quiet last", popovertarget: "caused", disabled: true }, "No step yet");
  const list = h("div", { id: "caused", popover: "auto", class: "popover", role: "dialog", "aria-labelledby": "caused-title" },
    h("h2", { id: "caused-title" }, "What the last step changed"), caused);
  const said = h("p", { role: "status", class: "unseen" });
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); app.step(); } },
    by, h("button", { class: "quiet" }, "Step"));
  const idle = button("Run until idle", () => advance({ until: "idle" }), { class: "quiet" });
  const toNext = button("Next event", () => advance({ until: "next" }), { class: "quiet" });
  app.step = () => attempt(form.lastChild, () => advance({ by: durationOf(by.value.trim()) }));
  app.idle = () => idle.click();

  const setMode = soon(async () => {
    const sent = chosen, before = at;
    try {
      const clock = await control("PUT", "clock", sent === "manual" ? { mode: "manual" } : { mode: "real", speed: Number(sent) });
      if (sent !== chosen) return; // somebody has chosen again meanwhile
      chosen = null;
      if (at === before) told(clock); // else the stream has said more
      else mode.value = shown;
      clearAlerts();
    } catch (error) {
      if (sent === chosen) {
        chosen = null;
        mode.value = shown;
      }
      throw error;
    }
  }, 0);

  async function advance(body) {
    const before = at;
    const { now: to, transitions, omitted } = await control("POST", "clock/advance", body);
    const count = transitions.length + omitted;
    const changes = count === 1 ? "1 change" : `${count} changes`;
    put(summary, count === 0 ? "No change" : changes);
    summary.disabled = count === 0;
    const failed = transitions.filter((change) => change.to === "FAILED" && change.subtaskInstanceId !== null).length;
    const failures = failed ? `, ${failed === 1 ? "1 subtask has" : `${failed} subtasks have`} failed` : "";
    put(said, `${ofDay(to)}: ${count === 0 ? "nothing changed" : changes}${failures}.`);
    caused.replaceChildren(...transitions.slice(-LISTED).map((change) => h("li", {},
      h("span", { class: "mono" }, ofDay(change.time)), " ",
      h("a", { href: app.address(change) }, change.subtaskInstanceId === null ? `task ${change.taskInstanceId}` : `subtask ${change.subtaskInstanceId}`), " ",
      badge(change.from), " → ", badge(change.to))));
    if (count > caused.children.length) caused.prepend(h("li", {}, `… ${count - caused.children.length} before these`));
    if (at === before && at.rate === 0) set(msOf(to), to); // else the stream has said more
    lookAhead();
  }

  const lookAhead = soon(async () => {
    const health = await app.lookAtHealth();
    coming = health.next;
    tick();
  }, 300);

  function set(ms, instant) {
    at = { ...at, ms, since: performance.now(), offset: /(?:[+-]\d\d:\d\d|Z)$/.exec(instant)[0] };
    tick();
  }

  function told(clock) {
    at.rate = clock.mode === "manual" ? 0 : clock.speed;
    set(msOf(clock.now), clock.now);
    const value = clock.mode === "manual" ? "manual" : String(clock.speed);
    if (![...mode.options].some((option) => option.value === value)) mode.append(new Option(`${value} × as fast`, value));
    shown = value;
    if (chosen === null) mode.value = shown;
  }

  function tick() {
    const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(at.offset) ?? [null, "+", "0", "0"];
    const shift = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
    const whole = new Date(app.now() + shift).toISOString().replace("T", " ").slice(0, -1);
    [whole.slice(0, 11), whole.slice(11, 19), whole.slice(19)].forEach((text, at) => put(now.children[at], text));
    put(next, coming === null ? "nothing is due" : `next: ${coming.subtaskInstanceId} ${coming.status} ${left(coming.due, app.now())}`);
    next.href = coming === null ? "#/tasks" : app.address(coming);
  }

  setInterval(() => at.rate && tick(), 100);

  return {
    now, mode, next, toNext, form, idle, summary, list, said,
    heard(name, data) {
      if (name === "hello") told(data.clock);
      if (name === "clock") told(data);
      if ((name === "hello" && app.isAnother) || name === "world") {
        put(summary, "No step yet");
        summary.disabled = true;
        caused.replaceChildren();
        put(said, "");
        if (list.matches(":popover-open")) list.hidePopover();
      }
      if (["hello", "world", "skipped", "change", "clock"].includes(name)) lookAhead();
    },
  };
}
