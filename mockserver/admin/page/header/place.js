// Which world this is: fixture, base URL, dialect, active rules, and how the connection stands. On a phone most of it is
// behind one button.

import { copy, h, put } from "../common/dom.js";

const PHONE = matchMedia("(max-width: 719px)");
const $ = (id) => document.getElementById(id);

export function createPlace(app, clock) {
  const base = h("code", {}, app.base);
  const copying = h("button", { type: "button", class: "plain", "aria-label": "Copy the base URL", title: "Copy the base URL",
    onclick: () => copy(app.base, "base URL") }, "copy");
  $("base").append(base, copying);

  /** The same elements, in two lines or in one and a menu. */
  function arrange() {
    const [world, line, menu] = [$("world"), $("clock"), $("menu")];
    const { mode, now, next, toNext, form, idle, summary } = clock;
    const of = { brand: $("brand"), where: $("where"), base: $("base"), dialect: $("dialect"), acting: $("acting") };
    const more = [$("menu-button"), $("help-button")];
    if (PHONE.matches) {
      line.replaceChildren(more[0], now, toNext, $("rules"), $("verdict"), $("connection"));
      menu.replaceChildren(of.brand, of.where, of.base, of.dialect, of.acting, mode, next, form, idle, summary, more[1]);
      world.replaceChildren();
    } else {
      world.replaceChildren(of.brand, of.where, of.base, of.dialect, $("connection"), $("verdict"), $("rules"), of.acting, more[1], more[0]);
      line.replaceChildren(mode, now, next, toNext, form, idle, summary);
      menu.replaceChildren();
    }
  }
  PHONE.addEventListener("change", arrange);
  $("bars").before(clock.list, clock.said);
  arrange();

  const [many, words] = [h("span"), h("span", { class: "words" })]; // a phone has no room for these, but for their number
  $("rules").append(many, " ", words);
  app.rules.changed(() => {
    const count = app.rules.active().length;
    $("rules").hidden = count === 0;
    put(many, `! ${count}`);
    put(words, count === 1 ? "active rule" : "active rules");
  });

  return {
    told({ fixture, world, dialect }) {
      put($("where"), `${fixture} @ ${world ?? "main"}`);
      $("where").title = `Made from ${fixture}; world ${world ?? "main"}`;
      put($("dialect"), dialect);
    },
    stands(isConnected, why, isRefused) {
      put($("connection"), isConnected ? "● live" : "○ lost");
      $("connection").classList.toggle("lost", !isConnected);
      put($("lost"), isConnected ? "" : isRefused ? `The server refuses this page: ${why}` : `Connection lost: ${why}; trying again.`);
    },
    mistakes(found) {
      const bar = $("mistakes");
      bar.hidden = found.length === 0;
      const lines = found.map(({ file, line, column, message }) =>
        h("li", {}, h("code", {}, [file, line, column].filter((part) => part !== null).join(":")), ` ${message}`));
      bar.replaceChildren(h("strong", {}, "Saved with mistakes: the world stays as it was."), h("ul", {}, lines));
    },
  };
}
