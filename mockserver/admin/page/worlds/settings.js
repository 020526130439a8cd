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
  const waits = h("input", { size: 8 });
  const lasts = h("input", { size: 8 });
  const fields = { ...Object.fromEntries(choices.map(([key, , select]) => [key, select])), dispatch: waits, run: lasts };
  let known = {};
  const element = h("fieldset", { disabled: true }, h("legend", {}, "At once, for what comes"),
    choices.map(([, label, select]) => h("div", { class: "row" }, h("label", {}, `${label} `, select))),
    h("div", { class: "row" }, h("label", {}, "READY waits ", waits), h("label", {}, "Duration of a run ", lasts)),
    button("Set", async () => {
      const sent = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.value]));
      const { dispatch, run, ...chosen } = sent;
      told(await control("PUT", "settings", { ...chosen, scheduler: { dispatch, run } }), sent);
      say("The settings are set.");
    }));

  /** What somebody has chosen and not yet set stays. `sent` was set. */
  function told(settings, sent = known) {
    const values = { ...settings, ...settings.scheduler };
    for (const [key, field] of Object.entries(fields)) {
      if (known[key] === undefined || field.value === sent[key]) field.value = values[key];
    }
    known = values;
    element.disabled = false; // what one has chosen before they were known would have been lost
  }

  return { element, look: async () => told(await control("GET", "settings")) };
}
