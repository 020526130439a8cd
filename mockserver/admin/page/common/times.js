// Instants and lengths of time, as the server writes them and as people read them.

/** Date and time, as the server writes it, without the offset. */
export const short = (instant) => (instant ?? "").replace("T", " ").replace(/([+-]\d\d:\d\d|Z)$/, "");

/** Of it the time of day, without fractions. */
export const ofDay = (instant) => short(instant).split(" ").pop().split(".")[0];

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
export function durationOf(text) {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^\d+(\.\d+)?(ms|s|m|h)$/.test(text)) throw new Error(`“${text}” is no step: write 5s, 250ms, 2m or 1h.`);
  return text;
}
