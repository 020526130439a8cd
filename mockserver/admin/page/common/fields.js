// Fields of a form whose names are the keys of a rule. What is no number stays the text that was typed: the server says
// what is wrong with it, and where.

import { h } from "./dom.js";
import { longOf } from "./server.js";

/** A number where it is one, else the text. */
export function numberOf(text) {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** Likewise an id, exact past 2^53. */
export function idOf(text) {
  try {
    return longOf(text);
  } catch {
    return text;
  }
}

/** JSON where it is that, else the text. */
export function jsonOf(text) {
  if (/^-?\d+$/.test(text)) return idOf(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

let count = 0;

/** A label above its input, and below it a hint that describes it. */
export function labelled(label, input, hint) {
  count += 1;
  input.id = `field-${count}`;
  if (hint) input.setAttribute("aria-describedby", `hint-${count}`);
  return h(
    "div",
    { class: "field" },
    h("label", { for: input.id }, label),
    input,
    hint && h("span", { class: "soft", id: `hint-${count}` }, hint),
  );
}

/** `key` is where the value goes, such as `error.status`: a refusal that names it marks the field. */
export function field(label, key, { read = (text) => text, size = 12, hint, tag = "input", ...attributes } = {}) {
  const input = h(tag, {
    "data-key": key,
    spellcheck: "false",
    autocomplete: "off",
    ...(tag === "input" ? { size } : {}),
    ...attributes,
  });
  return {
    element: labelled(label, input, hint),
    input,
    key,
    read: () => (input.value.trim() === "" ? undefined : read(input.value.trim())),
  };
}

export function choice(label, key, options, { value = "" } = {}) {
  const input = h(
    "select",
    { "data-key": key },
    options.map(([name, text]) => new Option(text, name, false, name === value)),
  );
  return { element: labelled(label, input), input, key, read: () => input.value || undefined };
}

/** A user's name: any text, with those that the world knows offered. */
export function userField(app) {
  count += 1;
  const id = `users-${count}`;
  const names = h("datalist", { id });
  const made = field("User", "user", { placeholder: "any", list: id, size: 10 });
  made.input.addEventListener("focus", () => {
    const known = new Set([...app.users.map(({ name }) => name), "anonymous"]);
    names.replaceChildren(...[...known].map((name) => h("option", { value: name })));
  });
  made.element.append(names);
  return made;
}

/** An object of what the fields hold, each under the last part of its key; without those that are empty. */
export function read(fields) {
  const found = fields.map((one) => [one.key.split(".").pop(), one.read()]).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found);
}
