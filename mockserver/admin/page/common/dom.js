// Elements, and what every panel does with them. Text gets in as text only, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const UNAUTHORIZED = 401; // the dialog asks for the token: nothing more is to be said

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** `h("a", {href: "#", onclick: act}, "text", child)`; null, undefined and false are left out. */
export const h = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), Object.fromEntries(Object.entries(attributes).map(([name, value]) =>
    [name, typeof value === "number" ? String(value) : value])), children);

/** Makes `parent` have one child for each item, in order; those that stay are updated, so that focus and text stay too. */
export function keyed(parent, items, key, make, update = () => {}) {
  const names = new Set(items.map((item) => String(key(item))));
  for (const child of [...parent.children]) if (!names.has(child.dataset.key)) child.remove();
  const had = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = had.get(name);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = name;
    }
    update(child, item);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}

/** Sets a text only when it is another one, so that a selection in it stays. */
export function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

const SHAPES = { PENDING: "○", READY: "◔", RUNNING: "▶", CANCELING: "■", FAILED: "✕", SUCCESSFUL: "✓" };
export const shape = (status) => SHAPES[status] ?? "?";

/** A status: by colour, by shape and in words. */
export function badge(status) {
  return labelled(h("span"), status);
}

export function labelled(element, status) {
  if (element.dataset.status !== status) {
    element.className = `badge is-${status.toLowerCase()}`;
    element.dataset.status = status;
    element.replaceChildren(h("span", { "aria-hidden": "true" }, shape(status)), ` ${status}`);
  }
  return element;
}

/** Tells it to who listens to the page, and shows it: what went well for some seconds, and it ends what went wrong. */
export function say(text, isWrong = false) {
  const place = document.getElementById(isWrong ? "alerts" : "news");
  const line = h("p", {}, text, " ", h("button", { type: "button", class: "plain", "aria-label": "Dismiss", onclick: () => line.remove() }, "×"));
  place.replaceChildren(line);
  if (!isWrong) {
    clearAlerts();
    setTimeout(() => line.remove(), 6000);
  }
}
export const clearAlerts = () => document.getElementById("alerts").replaceChildren();

/** Runs what a button asks for, and says what was refused. The button waits meanwhile. */
export async function attempt(button, act) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await act();
    clearAlerts();
  } catch (error) {
    if (error.status !== UNAUTHORIZED) say(told(error), true);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** Instead of a script that is loaded when it is needed, and did not come. */
export const unloaded = () => say("A part of this page could not be loaded. Reload the page once the server answers.", true);

/** A refusal in one sentence, with every detail that came with it. */
export function told(error) {
  const details = (error.details ?? []).map(({ path, message }) => `${path}: ${message}`);
  return [error.message, ...details].join("; ");
}

export function button(text, act, attributes = {}) {
  const made = h("button", { type: "button", ...attributes, onclick: () => attempt(made, act) }, text);
  return made;
}

/** Marks a button whose act would be refused, and says why. It can be pressed all the same, to see the refusal. */
export function offered(button, why = "") {
  button.classList.toggle("refused", why !== "");
  button.title = why;
}

/** To the clipboard, where there is one (a page that is not from localhost has none). Gives whether it is there now. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied: ${what}.`);
    return true;
  } catch {
    say(`This page may not use the clipboard: select the ${what} below and copy it.`);
    return false;
  }
}

/** Calls `look` soon after it was asked for, however often that was, and never twice at a time. */
export function soon(look, everyMs = 150) {
  let wanted = false, running = false;
  const run = async () => {
    running = true;
    while (wanted) {
      wanted = false;
      try {
        await look();
      } catch (error) {
        if (!error.isLost && error.status !== UNAUTHORIZED) say(told(error), true);
      }
      await new Promise((done) => setTimeout(done, everyMs));
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running) run();
  };
}
