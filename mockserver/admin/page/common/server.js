// The server behind the page: control calls, and the real API as a chosen user.

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

export const authorized = () => (token.get() ? { Authorization: `Bearer ${token.get()}` } : {});

export async function reached(path, options) {
  try {
    return await fetch(path, { credentials: "omit", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the server cannot be reached");
  }
}

/** `sent`: the token that it was asked with. Another one may have been given since. */
export async function refusal(answer, sent) {
  if (answer.status === 401 && sent === token.get()) document.dispatchEvent(new Event("token-wanted"));
  let error = {};
  try {
    error = parse(await answer.text()).error ?? {};
  } catch {
    // it was not JSON: the status says enough
  }
  return new Refused(error.message ?? `the server answered ${answer.status}`, answer.status, error.details);
}

/** What index.html preloads, in a browser's way to do so: asked for in another way it would come twice. */
let preloaded = token.get() ? null : "tasks?limit=500";

/** A control call: `control("GET", "clock")`. Gives its JSON (`long` as of `parse`); undefined for none. Throws Refused. */
export async function control(method, path, body, long) {
  const options = { method, headers: authorized() }, sent = token.get();
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = written(body);
  }
  if (method === "GET" && path === preloaded) {
    preloaded = null;
    Object.assign(options, { credentials: "same-origin", cache: "default" });
  }
  const answer = await reached(`./${path}`, options);
  if (!answer.ok) throw await refusal(answer, sent);
  if (method !== "GET") document.dispatchEvent(new CustomEvent("controlled", { detail: path }));
  return answer.status === 204 ? undefined : parse(await answer.text(), long);
}

/** A request to the real API, of which `url` is the address: denials and faults meet it. `user` is {name, password}, or null for no credentials.
 *
 * Gives {status, body, rule, hint, contract, traceId}; or {broken: why} when no whole answer came.
 */
export async function asked(url, method, user, signal) {
  const headers = {};
  if (user) headers.Authorization = `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user.name}:${user.password}`)))}`;
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
