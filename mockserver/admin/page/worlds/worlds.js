// The world: begin again, another fixture, snapshots, what has happened; and the other worlds of this server.

import { badge, button, copy, h, keyed, put, say, soon } from "../common/dom.js";
import { control, written } from "../common/server.js";
import { createFixtures } from "./fixtures.js";
import { createSettings } from "./settings.js";

const CHANGES = 200;
const UNDO_MS = 58_000; // the server keeps what was for a minute
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
  const fixtures = createFixtures();
  let forgets = null;
  const undo = button("Undo the reset", async () => {
    await control("POST", "reset/undo");
    undo.hidden = true;
    say("The world is as it was before the reset.");
  }, { class: "", hidden: true });
  async function reset() {
    await control("POST", "reset");
    undo.hidden = false;
    clearTimeout(forgets);
    forgets = setTimeout(() => { undo.hidden = true; }, UNDO_MS);
    say("The world is as its fixture gave it. For a minute this can be undone.");
  }
  const submitting = (form, act) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act();
    });
    return form;
  };
  const take = button("Take it", async () => {
    if (!taking.reportValidity()) return;
    const taken = snapshot.value;
    await control("POST", "snapshots", { name: taken });
    if (snapshot.value === taken) snapshot.value = "";
    look();
  });
  const taking = submitting(h("form", { class: "row" }, h("label", {}, "Name of a snapshot ", snapshot), take), () => take.click());
  const open = submitting(h("form", { class: "row" }, h("label", {}, "Name of a world ", name), h("button", {}, "Open it")),
    () => location.assign(other(name.value)));

  const element = h("section", { class: "worlds" },
    h("h2", {}, "World"),
    h("div", { class: "row" },
      button("Reset", reset, { class: "quiet danger" }), undo,
      button("Reload the fixture", async () => { await control("POST", "fixtures/reload"); say("The files were read again."); }, { class: "quiet" }),
      button("Copy fixture of now", async () => {
        fixture.value = written(await control("GET", "state", undefined, BigInt), 1);
        fixture.hidden = false;
        await copy(fixture.value, "fixture of now");
      }, { class: "quiet" })),
    fixture,
    h("div", { class: "sides" },
      h("div", {}, fixtures.element, h("h3", {}, "What has happened"), count, h("div", { class: "box tall", role: "region", "aria-label": "Changes", tabindex: "0" }, changes)),
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
      h("a", { href: app.address(change) }, change.subtaskInstanceId === null ? `task ${change.taskInstanceId}` : `subtask ${change.subtaskInstanceId}`), " ",
      badge(change.from), " → ", badge(change.to), " ", h("span", { class: "soft" }, `${change.operation}, by ${change.cause}`)));
  }, 300);

  return {
    element,
    show() {
      isShown = true;
      worlds.replaceChildren();
      look();
      lookBack();
      fixtures.look();
    },
    heard(event, data) {
      if (event === "world" && data.cause.includes("fixture")) undo.hidden = true; // it is another world
      if (event === "hello" || event === "world") fixture.hidden = true; // it is of now no more
      if (element.hidden) return;
      if (["hello", "world", "worlds"].includes(event)) look();
      if (["hello", "world", "skipped", "change"].includes(event)) lookBack();
    },
  };
}
