// The clock of the world: what time it is, how it passes, and the steps; and what the last step caused.

import { attempt, badge, button, h, put } from "./dom.js";
import { control } from "./server.js";

const MODES = [["manual", "frozen"], ["1", "real time"], ["10", "10 × as fast"], ["60", "60 × as fast"]];

/** Date and time with milliseconds, as the server writes it, without the offset. */
export const short = (instant) => (instant ?? "").replace("T", " ").replace(/([+-]\d\d:\d\d|Z)$/, "");

/** Milliseconds since 1970. An instant may have nanoseconds. */
export const msOf = (instant) => Date.parse(instant.replace(/(\.\d{3})\d+/, "$1"));

/** A length of time for people: "4.0 s", "20 s", "1 m 20 s", "2 h 5 m", "3 d 1 h". */
export function span(ms) {
  if (ms < 10_000) return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
  const s = Math.ceil(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** How long until `due`, likewise. */
export function left(due, nowMs) {
  const ms = msOf(due) - nowMs;
  return ms <= 0 ? "due" : `in ${span(ms)}`;
}

/** A number is of seconds, as in a fixture. Throws for what is no duration. */
function durationOf(text) {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^\d+(\.\d+)?(ms|s|m|h)$/.test(text)) throw new Error(`“${text}” is no step: write 5s, 250ms, 2m or 1h.`);
  return text;
}

/** Adds `now` and `time` to `app`. Gives { elements, heard }. */
export function createClock(app) {
  let at = { ms: Date.now(), since: performance.now(), rate: 0, offset: "+00:00" };

  app.now = () => at.ms + (performance.now() - at.since) * at.rate;
  app.time = short;

  const now = h("output", { class: "mono", "aria-label": "Time of the world" });
  const mode = h("select", { "aria-label": "How time passes", onchange: () => attempt(mode, setMode) },
    MODES.map(([value, text]) => new Option(text, value)));
  const by = h("input", { "aria-label": "Step by", value: "5s", size: 5, spellcheck: false });
  const caused = h("ol", { class: "caused" });
  const summary = h("summary", {}, "No step yet");
  const last = h("details", { class: "step" }, summary, caused);
  const form = h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); stepBy(); } },
    by, h("button", {}, "Step"));
  const stepBy = () => attempt(form.lastChild, () => advance({ by: durationOf(by.value.trim()) }));
  const elements = [
    h("label", {}, "Clock ", mode), now, form,
    button("To the next event", () => advance({ until: "next" })),
    button("Until idle", () => advance({ until: "idle" })),
    h("div", { role: "status" }, last),
  ];

  async function setMode() {
    const body = mode.value === "manual" ? { mode: "manual" } : { mode: "real", speed: Number(mode.value) };
    told(await control("PUT", "clock", body));
  }

  async function advance(body) {
    const { transitions, omitted } = await control("POST", "clock/advance", body);
    const count = transitions.length + omitted;
    put(summary, count === 0 ? "The step changed nothing" : `The step changed ${count === 1 ? "1 thing" : `${count} things`}`);
    caused.replaceChildren(...transitions.slice(-200).map((change) => h("li", {},
      h("span", { class: "mono" }, short(change.time)), " ",
      h("a", { href: `#/tasks/${change.taskInstanceId}` }, `task ${change.taskInstanceId}`),
      change.subtaskInstanceId === null ? " " : ` subtask ${change.subtaskInstanceId} `,
      badge(change.from), " → ", badge(change.to))));
    if (count > caused.children.length) caused.prepend(h("li", {}, `… ${count - caused.children.length} before these`));
    last.open = count > 0;
    told(await control("GET", "clock"));
  }

  function told(clock) {
    at = {
      ms: msOf(clock.now),
      since: performance.now(),
      rate: clock.mode === "manual" ? 0 : clock.speed,
      offset: /(?:[+-]\d\d:\d\d|Z)$/.exec(clock.now)[0],
    };
    const value = clock.mode === "manual" ? "manual" : String(clock.speed);
    if (![...mode.options].some((option) => option.value === value)) mode.append(new Option(`${value} × as fast`, value));
    mode.value = value;
    tick();
  }

  function tick() {
    const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(at.offset) ?? [null, "+", "0", "0"];
    const shift = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
    put(now, new Date(app.now() + shift).toISOString().replace("T", " ").slice(0, -1));
  }

  setInterval(() => at.rate && tick(), 100);

  return {
    elements,
    heard(name, data) {
      if (name === "hello") told(data.clock);
      if (name === "clock") told(data);
    },
  };
}
