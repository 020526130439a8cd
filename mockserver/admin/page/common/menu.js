// One button that opens a list of acts.

import { attempt, h } from "./dom.js";

let count = 0;

/** `items` are [text, act] pairs. */
export function createMenu(text, items, attributes = {}) {
  count += 1;
  const id = `menu-${count}`;
  const list = h("div", { id, popover: "auto", class: "popover menu", role: "menu", "aria-label": text, onkeydown: moved },
    items.map(([words, act]) => {
      const item = h("button", { type: "button", role: "menuitem", class: "item", tabindex: "-1", onclick: () => {
        list.hidePopover();
        opener.focus();
        attempt(opener, act);
      } }, words);
      return item;
    }));
  const opener = h("button", { type: "button", class: "quiet", "aria-haspopup": "menu", popovertarget: id, ...attributes }, text);
  list.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open") return;
    const { left, bottom } = opener.getBoundingClientRect();
    list.style.inset = `${Math.max(8, Math.min(bottom + 2, innerHeight - 40 * items.length))}px auto auto ${Math.max(8, Math.min(left, innerWidth - 250))}px`;
  });
  list.addEventListener("toggle", ({ newState }) => newState === "open" && list.firstElementChild.focus());

  function moved(event) {
    const all = [...list.children], at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  }

  return h("span", { class: "menu-of" }, opener, list);
}
