// The settings of a world: at once, for what comes.

import { button, h, say } from "../common/dom.js";
import { control } from "../common/server.js";

const CHOICES = {
  auth: ["Login", { open: "credentials are optional", basic: "credentials are required" }],
  dialect: ["Dialect", {
    "ocp-4.2.2": "OCP V4.2.2",
    "ocp-4.2.1": "OCP V3.1.1 to V4.2.1",
    "ocp-express": "OCP Express, the open-source engine",
  }],
  nulls: ["Unknown values", { absent: "are left out", null: "are null" }],
  arrayOrder: ["Order of arrays", { fixture: "the fixture's", shuffled: "another one in each answer" }],
  fieldNames: ["Field names", { sample: "parallelIdx, downstreams", table: "paralleIdx, downstream" }],
};

export function createSettings() {
  const choices = Object.entries(CHOICES).map(([key, [label, options]]) => [key, label,
    h("select", {}, Object.entries(options).map(([value, text]) => new Option(`${value}: ${text}`, value)))]);
  const dispatch = h("input", { size: 8 });
  const run = h("input", { size: 8 });
  const fields = { ...Object.fromEntries(choices.map(([key, , select]) => [key, select])), dispatch, run };
  let known = {};
  const element = h("fieldset", { disabled: true }, h("legend", {}, "At once, for what comes"),
    choices.map(([, label, select]) => h("div", { class: "row" }, h("label", {}, `${label} `, select))),
    h("div", { class: "row" }, h("label", {}, "READY waits ", dispatch), h("label", {}, "Duration of a run ", run)),
    button("Set", async () => {
      const chosen = Object.fromEntries(choices.map(([key, , select]) => [key, select.value]));
      told(await control("PUT", "settings", { ...chosen, scheduler: { dispatch: dispatch.value, run: run.value } }));
      say("The settings are set.");
    }));

  function told(settings) {
    const values = { ...settings, ...settings.scheduler };
    for (const [key, field] of Object.entries(fields)) {
      if (known[key] !== values[key]) field.value = values[key]; // else what was typed stays
    }
    known = values;
    element.disabled = false; // what one has chosen before they were known would have been lost
  }

  return { element, look: async () => told(await control("GET", "settings")) };
}
