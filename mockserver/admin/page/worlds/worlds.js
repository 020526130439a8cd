// The world: begin again, snapshots, settings, what has happened; and the other worlds of this server.

import { badge, button, copy, h, keyed, put, say, soon } from "../common/dom.js";
import { control, written } from "../common/server.js";

const CHANGES = 200;
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

export function create(app) {
  const other = (name) => `${app.world === null ? ".." : "../../.."}/${name === null ? "" : `w/${encodeURIComponent(name)}/`}__admin/`;
  const snapshots = h("ul", { class: "plain" });
  const worlds = h("ul", { class: "plain" });
  const changes = h("ol", { class: "plain" });
  const count = h("p", { class: "soft" });
  const fixture = h("textarea", { class: "code", readonly: true, rows: 12, "aria-label": "Fixture of now", hidden: true });
  const named = { required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}", size: 16, title: "Letters, digits, dots, dashes and underscores" };
  const name = h("input", named);
  const snapshot = h("input", named);
  const settings = createSettings();
  const submitting = (form, act) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act();
    });
    return form;
  };
  const take = button("Take it", async () => {
    if (!taking.reportValidity()) return;
    await control("POST", "snapshots", { name: snapshot.value });
    snapshot.value = "";
    look();
  });
  const taking = submitting(h("form", { class: "row" }, h("label", {}, "Name of a snapshot ", snapshot), take), () => take.click());
  const open = submitting(h("form", { class: "row" }, h("label", {}, "Name of a world ", name), h("button", {}, "Open it")),
    () => location.assign(other(name.value)));

  const element = h("section", { class: "worlds" },
    h("h2", {}, "World"),
    h("div", { class: "row" },
      button("Reset", async () => { await control("POST", "reset"); say("The world is as its fixture gave it."); }),
      button("Reload the fixture", async () => { await control("POST", "fixtures/reload"); say("The files were read again."); }, { class: "quiet" }),
      button("Copy fixture of now", async () => {
        fixture.value = written(await control("GET", "state", undefined, BigInt), 1);
        fixture.hidden = false;
        await copy(fixture.value, "fixture of now");
      }, { class: "quiet" })),
    fixture,
    h("div", { class: "sides" },
      h("div", {}, h("h3", {}, "What has happened"), count, h("div", { class: "box tall", role: "region", "aria-label": "Changes", tabindex: "0" }, changes)),
      h("div", {},
        h("h3", {}, "Worlds of this server"),
        h("p", { class: "soft" }, "Each has its own state, clock, rules and journal. A client gets into one by its base URL."),
        worlds, open,
        h("h3", {}, "Snapshots"), taking, snapshots,
        h("h3", {}, "Settings"), settings.element)));
  let isShown = false;

  const look = soon(async () => {
    if (!isShown) return;
    const [{ snapshots: taken }, { worlds: names }] = await Promise.all([control("GET", "snapshots"), control("GET", "worlds")]);
    keyed(snapshots, taken, (one) => one.name, (one) => h("li", { class: "row" }, h("span"),
      button("Restore", async () => { await control("POST", `snapshots/${encodeURIComponent(one.name)}/restore`); say(`The world is as it was in ${one.name}.`); }),
      button("Remove", async () => { await control("DELETE", `snapshots/${encodeURIComponent(one.name)}`); look(); }, { class: "quiet" })),
    (line, one) => put(line.firstChild, `${one.name} (${app.time(one.time)})`));
    keyed(worlds, [null, ...names], (world) => world ?? "", (world) => h("li", { class: "row" },
      world === app.world ? h("strong", {}, `${world ?? "main"} (this one)`) : h("a", { href: other(world) }, world ?? "main"),
      h("code", {}, `${root()}${world === null ? "" : `/w/${world}`}`),
      world !== null && world !== app.world &&
        button("Remove", async () => { await control("DELETE", `worlds/${encodeURIComponent(world)}`); look(); }, { class: "quiet", "aria-label": `Remove the world ${world}` })));
    await settings.look();
  }, 300);

  const root = () => (app.world === null ? app.base : app.base.replace(/\/w\/[^/]+$/, ""));

  const lookBack = soon(async () => {
    if (!isShown) return;
    const { history, total } = await control("GET", `history?limit=${CHANGES}`);
    put(count, total === 0 ? "Nothing yet." : `${total === 1 ? "1 change" : `${total} changes`}, the newest first.`);
    keyed(changes, history.reverse().map((change, at) => [total - at, change]), ([number]) => number, ([, change]) => h("li", {},
      h("span", { class: "mono soft" }, app.time(change.time)), " ",
      h("a", { href: `#/tasks/${change.taskInstanceId}` }, change.subtaskInstanceId === null ? `task ${change.taskInstanceId}` : `subtask ${change.subtaskInstanceId}`), " ",
      badge(change.from), " → ", badge(change.to), " ", h("span", { class: "soft" }, `${change.operation}, by ${change.cause}`)));
  }, 300);

  return {
    element,
    show() {
      isShown = true;
      worlds.replaceChildren();
      look();
      lookBack();
    },
    heard(event) {
      if (element.hidden) return;
      if (["hello", "world", "worlds"].includes(event)) look();
      if (["hello", "world", "skipped", "change"].includes(event)) lookBack();
    },
  };
}

function createSettings() {
  const choices = Object.entries(CHOICES).map(([key, [label, options]]) => [key, label,
    h("select", {}, Object.entries(options).map(([value, text]) => new Option(`${value}: ${text}`, value)))]);
  const dispatch = h("input", { size: 8 });
  const run = h("input", { size: 8 });
  const fields = { ...Object.fromEntries(choices.map(([key, , select]) => [key, select])), dispatch, run };
  let known = {};
  const element = h("fieldset", {}, h("legend", {}, "At once, for what comes"),
    choices.map(([, label, select]) => h("div", { class: "row" }, h("label", {}, `${label} `, select))),
    h("div", { class: "row" }, h("label", {}, "READY waits ", dispatch), h("label", {}, "A run takes ", run)),
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
  }

  return { element, look: async () => told(await control("GET", "settings")) };
}
