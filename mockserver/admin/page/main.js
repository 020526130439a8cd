// The page: who acts, where one is, what the stream says; and the panels, each of which keeps itself up to date.

import { put, say, soon, unloaded } from "./common/dom.js";
import { createRules } from "./common/rules.js";
import { asked, control, token } from "./common/server.js";
import { listen } from "./common/stream.js";
import { short } from "./common/times.js";
import { createClock } from "./header/clock.js";
import { createPlace } from "./header/place.js";
import * as tasks from "./tasks/tasks.js";

const $ = (id) => document.getElementById(id);
const ANYBODY = "";
const SOMEBODY = { name: "somebody", password: "somebody", permissions: ["any credentials will do"] };
const base = new URL("..", location.href).href.replace(/\/$/, "");

// --- who acts, and where

let health = null;
let changes = 0; // of what `health` says (another dialect's API is elsewhere): by this page, or told by the stream
let healthAfter = -1; // how many of them `health` has seen
let coming = { after: -1 }; // the health that is on its way
const own = new Set(); // trace ids of this page's requests
const app = {
  base,
  time: short,
  users: [],
  world: null,
  rules: createRules(),
  user: () => app.users.find((user) => user.name === $("user").value) ?? null,
  go: (hash) => { location.hash = hash; },
  /** The address of a task or subtask. */
  address: ({ taskInstanceId, subtaskInstanceId }) =>
    `#/tasks/${taskInstanceId}${subtaskInstanceId === null || subtaskInstanceId === undefined ? "" : `/${subtaskInstanceId}`}`,
  /** Where one is, in the address, without a step in the history; unless one is on the way to another panel. */
  note(hash) {
    if (location.hash !== "" && named(location.hash)[0] !== named(hash)[0]) return;
    history.replaceState(null, "", hash);
    titled();
  },
  async ask(method, path, signal) {
    const { api } = healthAfter === changes ? health : await (coming.after === changes ? coming.found : app.lookAtHealth());
    const answer = await asked(`${base.replace(location.origin, "")}${api}${path}`, method, app.user(), signal);
    own.add(answer.traceId);
    return answer;
  },
  api: () => health?.api ?? "",
  hasMoved: false, // by somebody who is on the page
  isAnother: false, // whether a hello is not the stream's first: what one has seen may be of another world
  isOwn: ({ traceId }) => own.has(traceId),
  async lookAtHealth() {
    const after = changes;
    coming = { after, found: control("GET", "health") };
    coming.found.catch(() => { coming = { after: -1 }; });
    const found = await coming.found;
    if (after >= healthAfter) {
      health = found;
      healthAfter = after;
      place.told(health);
    }
    return found;
  },
};

const lookAtUsers = soon(async () => {
  const { users } = await control("GET", "users");
  const chosen = $("user").value;
  const known = users.length > 0 ? users : [SOMEBODY];
  if (JSON.stringify(known) === JSON.stringify(app.users)) return; // the list may be open
  app.users = known;
  const options = [new Option("nobody (no credentials)", ANYBODY), ...app.users.map(({ name, permissions }) =>
    new Option(`${name} (${permissions.join(", ") || "no permission"})`, name))];
  $("user").replaceChildren(...options);
  if (app.users.some(({ name }) => name === chosen)) $("user").value = chosen;
  acting();
});
const acting = () => document.dispatchEvent(new Event("acting"));
$("user").addEventListener("change", acting);

// --- the header and the panels

const clock = createClock(app);
const place = createPlace(app, clock);
const scripts = { // of panels: they come when somebody wants to see one
  tasks: () => tasks,
  faults: () => import("./faults/faults.js"),
  requests: () => import("./requests/requests.js"),
  who: () => import("./worlds/who.js"),
  worlds: () => import("./worlds/worlds.js"),
};
const panels = {};
made("tasks", tasks);
import("./header/keys.js").then(({ createKeys }) => createKeys(app, panels.tasks), unloaded);

function made(name, { create }) {
  if (panels[name]) return;
  panels[name] = create(app);
  panels[name].element.hidden = true;
  $("main").append(panels[name].element);
}

/** Where a hash leads: "#/tasks/1000" is ["tasks", "1000"]. What follows a "?" is the panel's. */
function named(hash) {
  try {
    return hash.split("?")[0].split("/").slice(1).map(decodeURIComponent);
  } catch {
    return []; // somebody has typed it
  }
}

async function show() {
  const [name, ...parts] = named(location.hash);
  if (!Object.hasOwn(scripts, name)) {
    history.replaceState(null, "", "#/tasks");
    return show();
  }
  if (!panels[name]) {
    const script = await scripts[name]().catch(unloaded);
    if (!script) return undefined;
    made(name, script);
    if (named(location.hash)[0] !== name) return undefined; // one has gone on meanwhile
  }
  for (const [other, { element }] of Object.entries(panels)) element.hidden = other !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  panels[name].show(parts, new URLSearchParams(location.hash.split("?")[1]));
  titled();
  return undefined;
}

function titled() {
  const [name, ...parts] = named(location.hash);
  if (panels[name]) document.title = [...parts, panels[name].element.querySelector("h2").textContent, "ocp-mockserver"].join(" · ");
}

// --- what the stream says

const ANOTHER = 100_000; // another stream's numbers begin a thousand for each millisecond later
let latest = null;

function heard(name, data, id) {
  if (name === "hello") {
    app.world = data.world;
    app.isAnother = latest !== null;
    if (app.isAnother) say(id - latest > ANOTHER ? "The server was restarted: this is a new world." : "Much has happened meanwhile: this is how it stands now.");
    place.mistakes(data.mistakes);
  }
  if (name === "mistakes") place.mistakes(data.mistakes);
  if (name === "hello" || name === "world") changes += 1;
  latest = id ?? latest;
  for (const one of [...Object.values(panels), clock, app.rules]) one.heard(name, data); // what is looked at asks first
  if (name === "hello" || name === "world") lookAtUsers();
  if (["hello", "world", "skipped", "contract"].includes(name)) lookAtVerdict();
}

/** A violation is our bug, and hard to miss. */
const lookAtVerdict = soon(async () => {
  const { violations } = await control("GET", "contract");
  $("verdict").hidden = violations === 0;
  put($("verdict"), violations === 1 ? "1 answer broke the contract" : `${violations} answers broke the contract`);
});

document.addEventListener("controlled", ({ detail: path }) => {
  if (!path.startsWith("clock")) changes += 1; // its event may come later than the next press
});

// --- the admin token

document.addEventListener("token-wanted", () => {
  put($("login-wrong"), token.get() ? "That is not the token." : "");
  if (!$("login").open) $("login").showModal();
});
$("login").addEventListener("cancel", (event) => event.preventDefault());
$("login").addEventListener("close", () => {
  token.set($("token").value);
  $("token").value = "";
  document.dispatchEvent(new Event("token-given"));
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // a hash names a panel
  $("main").focus();
});
addEventListener("hashchange", async () => {
  for (const open of document.querySelectorAll(":popover-open")) open.hidePopover();
  const before = document.activeElement;
  app.hasMoved = true;
  await show();
  if (document.activeElement === before) $("main").focus({ preventScroll: true });
});
addEventListener("unhandledrejection", ({ reason }) => say(String(reason?.message ?? reason), true));
if (location.hash === "") panels.tasks.openFirst();
show();
listen(heard, place.stands);
