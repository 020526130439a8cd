// The page: who acts, where one is, what the stream says; and the panels, each of which keeps itself up to date.

import { h, put, say, soon } from "./dom.js";
import { asked, control, forgetApi, listen, token } from "./server.js";
import { createClock } from "./clock.js";
import * as faults from "./faults.js";
import * as requests from "./requests.js";
import * as tasks from "./tasks.js";
import * as who from "./who.js";
import * as worlds from "./worlds.js";

const $ = (id) => document.getElementById(id);
const ANYBODY = "";
const SOMEBODY = { name: "somebody", password: "somebody", permissions: ["any credentials will do"] };
const base = new URL("..", location.href).href.replace(/\/$/, "");

// --- who acts

const app = {
  base,
  users: [],
  world: null,
  user: () => app.users.find((user) => user.name === $("user").value) ?? null,
  go: (hash) => { location.hash = hash; },
  ask: (method, path, signal) => asked(method, path, app.user(), signal),
};

const lookAtUsers = soon(async () => {
  const chosen = $("user").value;
  const { users } = await control("GET", "users");
  const known = users.length > 0 ? users : [SOMEBODY];
  if (JSON.stringify(known) === JSON.stringify(app.users)) return; // the list may be open
  app.users = known;
  const options = [new Option("nobody (no credentials)", ANYBODY), ...app.users.map(({ name, permissions }) =>
    new Option(`${name} (${permissions.join(", ") || "no permission"})`, name))];
  $("user").replaceChildren(...options);
  if (app.users.some(({ name }) => name === chosen)) $("user").value = chosen;
});

// --- the clock and the panels

const clock = createClock(app);
$("clock").append(...clock.elements);
const panels = {};
for (const [name, { create }] of Object.entries({ tasks, faults, requests, who, worlds })) {
  panels[name] = create(app);
  panels[name].element.hidden = true;
  $("main").append(panels[name].element);
}

/** Where a hash leads: "#/tasks/1000" is ["tasks", "1000"]. */
function named(hash) {
  try {
    return hash.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return []; // somebody has typed it
  }
}

function show() {
  const [name, ...parts] = named(location.hash);
  if (!Object.hasOwn(panels, name)) {
    history.replaceState(null, "", "#/tasks");
    show();
    return;
  }
  for (const [other, { element }] of Object.entries(panels)) element.hidden = other !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (link.hash === `#/${name}`) link.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  panels[name].show(parts);
  document.title = [...parts, panels[name].element.querySelector("h2").textContent, "ocp-mockserver"].join(" · ");
}

// --- what the stream says

function heard(name, data) {
  if (name === "hello") {
    app.world = data.world;
    $("where").replaceChildren("world ", h("a", { href: "#/worlds" }, data.world ?? "main"));
  }
  if (name === "hello" || name === "world") {
    forgetApi();
    lookAtUsers();
  }
  if (["hello", "world", "skipped", "contract"].includes(name)) lookAtVerdict();
  for (const one of [clock, ...Object.values(panels)]) one.heard(name, data);
}

/** A violation is our bug, and hard to miss. */
const lookAtVerdict = soon(async () => {
  const { violations } = await control("GET", "contract");
  $("verdict").hidden = violations === 0;
  put($("verdict"), violations === 1 ? "1 answer broke the contract" : `${violations} answers broke the contract`);
});

function stands(isConnected, why, isRefused = false) {
  const lost = isRefused ? `○ the server refuses this page: ${why}` : `○ connection lost: ${why}; trying again`;
  put($("connection"), isConnected ? "● connected" : lost);
  $("connection").classList.toggle("lost", !isConnected);
}

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
addEventListener("hashchange", () => {
  show();
  $("main").focus({ preventScroll: true });
});
addEventListener("unhandledrejection", ({ reason }) => say(String(reason?.message ?? reason), true));
put($("connection"), "○ connecting …");
show();
listen(heard, stands);
