// The server behind the page: control calls, the real API as a chosen user, and the stream of events.

const TOKEN = "ocp-mockserver admin token";
export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? "",
  set: (text) => sessionStorage.setItem(TOKEN, text),
};

const LONG = "\uE000"; // begins a string that stands for a number, on its way

/** Numbers that JavaScript would change become strings (or what `long` makes of them): ids are Java's longs. */
export function parse(text, long = String) {
  const exact = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const changes = (number) => /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number));
  const marked = text.replace(exact, (found) => (changes(found) ? `"${LONG}${found}"` : found));
  const revived = (_, value) => (typeof value === "string" && /^\uE000-?\d+$/.test(value) ? long(value.slice(1)) : value);
  return marked === text ? JSON.parse(text) : JSON.parse(marked, revived);
}

/** An id from a field: a number where JavaScript can hold it, else a BigInt. Throws for what is no id. */
export function longOf(text) {
  if (!/^[+-]?\d+$/.test(text.trim())) throw new Error(`${text} is not an id`);
  const exact = BigInt(text.trim().replace("+", ""));
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

/** JSON, in which a BigInt is a number. */
export const written = (body, indent) =>
  JSON.stringify(body, (_, value) => (typeof value === "bigint" ? `${LONG}${value}` : value), indent)
    .replace(/"\uE000(-?\d+)"/g, "$1");

/** What the server refused: `status`, `details` [{path, message}]. `isLost`: it could not be reached at all. */
export class Refused extends Error {
  constructor(message, status = 0, details = []) {
    super(message);
    this.status = status;
    this.details = details;
    this.isLost = status === 0;
  }
}

const authorized = () => (token.get() ? { Authorization: `Bearer ${token.get()}` } : {});

async function reached(path, options) {
  try {
    return await fetch(path, { credentials: "omit", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the server cannot be reached");
  }
}

async function refusal(answer) {
  if (answer.status === 401) document.dispatchEvent(new Event("token-wanted"));
  let error = {};
  try {
    error = parse(await answer.text()).error ?? {};
  } catch {
    // it was not JSON: the status says enough
  }
  return new Refused(error.message ?? `the server answered ${answer.status}`, answer.status, error.details);
}

/** A control call: `control("GET", "clock")`. Gives its JSON (`long` as of `parse`); undefined for none. Throws Refused. */
export async function control(method, path, body, long) {
  const options = { method, headers: authorized() };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = written(body);
  }
  const answer = await reached(`./${path}`, options);
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? undefined : parse(await answer.text(), long);
}

let api = null;

/** The world may speak another dialect now, whose API is elsewhere. */
export const forgetApi = () => { api = null; };

/** Where the API is, seen from here: a proxy before the server may have taken something off the paths. */
async function locatedApi() {
  const { servers } = await (await reached("../openapi.json", {})).json();
  const own = new URL("..", location.href).pathname.replace(/\/$/, "");
  const ends = own.split("/").map((_, at, parts) => ["", ...parts.slice(at + 1)].join("/"));
  const known = ends.find((end) => `${servers[0].url}/`.startsWith(`${end}/`));
  return own + servers[0].url.slice(known.length).replace(/\/$/, "");
}

async function apiBase() {
  api ??= locatedApi();
  try {
    return await api;
  } catch (error) {
    forgetApi();
    throw error;
  }
}

/** A request to the real API: denials and faults meet it. `user` is {name, password}, or null for no credentials.
 *
 * Gives {status, body, rule, hint, contract, traceId}; or {broken: why} when no whole answer came.
 */
export async function asked(method, path, user, signal) {
  const headers = {};
  if (user) headers.Authorization = `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user.name}:${user.password}`)))}`;
  const url = (await apiBase()) + path;
  let answer;
  try {
    answer = await fetch(url, { method, headers, signal, credentials: "omit", cache: "no-store" });
    const text = await answer.text();
    const mock = (name) => answer.headers.get(`X-Mock-${name}`);
    let body = text;
    try {
      body = parse(text);
    } catch {
      // a proxy's page, a file, nothing: shown as the text that it is
    }
    const facts = { rule: mock("Rule"), hint: mock("Hint"), contract: mock("Contract"), traceId: body?.traceId ?? null };
    return { status: answer.status, body, ...facts };
  } catch (error) {
    if (error.name === "AbortError") return { broken: "you stopped waiting" };
    if (answer) return { broken: `the connection broke within the answer, which began with status ${answer.status}` };
    return { broken: "the connection broke before an answer" };
  }
}

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
 * `heard(name, data)` gets each event, `stands(isConnected, why, isRefused)` how the connection stands.
 */
export async function listen(heard, stands) {
  let last = null;
  for (let waitMs = 250; ; waitMs = Math.min(2 * waitMs, 4000)) {
    const stop = new AbortController();
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
      if (!answer.ok) throw await refusal(answer);
      stands(true);
      waitMs = 125;
      for await (const { event, id, data } of eventsIn(answer.body)) {
        alive();
        last = id ?? last;
        if (data !== undefined) heard(event, parse(data));
      }
    } catch (error) {
      if (error.name !== "AbortError") why = error.status === 401 ? "it wants the admin token" : error.message;
      isRefused = error.status === 403; // a foreign Host or Origin: the message names the flag
      if (error.status === 401) {
        stands(false, why);
        await once(document, "token-given");
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
