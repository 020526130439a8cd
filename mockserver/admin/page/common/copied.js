// A text that was copied, shown too: where there is no clipboard it can be selected.

import { copy, h, put } from "./dom.js";

let count = 0;

/** `show(text, what)` copies and shows; `refuse(what, why)` says why there is nothing to copy. */
export function createCopied() {
  count += 1;
  const id = `copied-${count}`;
  const label = h("label", { for: id });
  const text = h("textarea", { id, class: "code", readonly: true, rows: 8, spellcheck: "false", wrap: "off" });
  const why = h("p", { role: "status", class: "wrong" });
  const shown = h("div", { class: "copied", hidden: true }, label, text);
  return {
    element: h("div", {}, why, shown),
    async show(copied, what) {
      put(why, "");
      put(label, what[0].toUpperCase() + what.slice(1));
      text.value = copied;
      shown.hidden = false;
      if (!(await copy(copied, what))) text.select();
    },
    refuse(what, reason) {
      shown.hidden = true;
      put(why, `There is no ${what}: ${reason}`);
    },
    hide() {
      shown.hidden = true;
      put(why, "");
    },
  };
}
