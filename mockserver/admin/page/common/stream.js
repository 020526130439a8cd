// The stream of events, listened to for as long as the page is open.

import { authorized, parse, reached, refusal, token } from "./server.js";

const PATIENCE_MS = 25_000; // the server pings every 10 s
const UNSEEN_MS = 20_000;
const CROWDED_MS = 5000;

/** The events of a stream, as they come: { event, id, data }, texts all. */
async function* eventsIn(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line)).filter(Boolean);
      yield Object.fromEntries(lines.map(([, name, text]) => [name, text]));
    }
  }
}

const once = (target, name) => new Promise((happened) => target.addEventListener(name, happened, { once: true }));

/** Listens to ./events for as long as the page is open, and begins again where it was when the connection is lost. A
 * page that nobody sees lets go of its connection: a browser has six for each server.
 *
 * `heard(name, data, number)` gets each event, `stands(isConnected, why, isRefused)` how the connection stands.
 */
export async function listen(heard, stands) {
  let last = null;
  for (let waitMs = 250; ; waitMs = Math.min(2 * waitMs, 4000)) {
    const stop = new AbortController(), sent = token.get();
    let patience, unseen, why = "the server ended the stream", isRefused = false;
    const crowded = setTimeout(() => stands(false, "no answer yet. A browser has six connections to a server, and other "
      + "tabs of it may hold them: close some"), CROWDED_MS);
    const ends = (reason) => () => {
      why = reason;
      stop.abort();
    };
    const seen = () => {
      clearTimeout(unseen);
      if (document.hidden) unseen = setTimeout(ends("nobody sees this page"), UNSEEN_MS);
    };
    const alive = () => {
      clearTimeout(patience);
      patience = setTimeout(ends("nothing was heard of it"), PATIENCE_MS);
    };
    document.addEventListener("visibilitychange", seen);
    try {
      seen();
      alive();
      const headers = { ...authorized(), ...(last === null ? {} : { "Last-Event-ID": last }) };
      const answer = await reached("./events", { headers, signal: stop.signal });
      clearTimeout(crowded);
      if (!answer.ok) throw await refusal(answer, sent);
      stands(true);
      waitMs = 125;
      for await (const { event, id, data } of eventsIn(answer.body)) {
        alive();
        last = id ?? last;
        if (data !== undefined) heard(event, parse(data), id === undefined ? undefined : Number(id));
      }
    } catch (error) {
      if (error.name !== "AbortError") why = error.status === 401 ? "it wants the admin token" : error.message;
      isRefused = error.status === 403; // a foreign Host or Origin: the message names the flag
      if (error.status === 401) {
        stands(false, why);
        if (sent === token.get()) await once(document, "token-given");
        waitMs = 125;
      }
    } finally {
      document.removeEventListener("visibilitychange", seen);
      [crowded, patience, unseen].forEach(clearTimeout);
      stop.abort();
    }
    stands(false, why, isRefused);
    await new Promise((done) => setTimeout(done, waitMs));
    if (document.hidden && why === "nobody sees this page") await once(document, "visibilitychange");
  }
}
