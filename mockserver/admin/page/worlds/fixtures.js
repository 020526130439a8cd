// The fixtures that this world can be made from, each at a click.

import { button, h, keyed, say, soon } from "../common/dom.js";
import { control } from "../common/server.js";

export function createFixtures() {
  const lines = h("ul", { class: "plain fixtures" });
  const element = h("div", { hidden: true }, h("h3", {}, "Fixtures"), h("div", { class: "box some", role: "region", "aria-label": "Fixtures", tabindex: "0" }, lines));

  const made = ({ name, about }) => h("li", {},
    h("div", {}, h("strong", {}, name), h("p", { class: "soft" }, about)),
    button("Load", async () => {
      await control("POST", `fixtures/${encodeURIComponent(name)}/load`);
      say(`This world is made from ${name} now.`);
    }, { class: "quiet", "aria-label": `Load ${name}` }));

  return {
    element,
    look: soon(async () => {
      try {
        const { fixtures } = await control("GET", "fixtures");
        element.hidden = false;
        keyed(lines, fixtures, ({ name }) => name, made);
      } catch (error) {
        if (error.status !== 404) throw error;
      }
    }),
  };
}
