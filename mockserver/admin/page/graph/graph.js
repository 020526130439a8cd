// A task's subtasks as a picture: who waits for whom, how each stands, and what time it has left. Drawn is what is in view.

import { button, h, keyed, put, svg } from "../common/dom.js";
import { NODE } from "./columns.js";
import { createCounts } from "./counts.js";
import { layout } from "./layout.js";
import { arrows, line } from "./lines.js";
import { createMinimap } from "./minimap.js";
import { filled, made, ringOf, timed } from "./node.js";
import { createView } from "./view.js";
import { towards } from "./walk.js";

export { layout };

const PAD = 14; // around the picture: room for the ring of a node that is chosen
const [LEGIBLE, BLOCKS] = [0.7, 0.25]; // at 0.7 a text is 9 px high; below 0.25 there is none
const MAPPED = 50; // of more subtasks there is a minimap
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamped = (number, least, most) => Math.min(most, Math.max(least, number));

/** `chosen(id)` is called when somebody chooses a subtask, `goes(by)` to go so many failures further. `element` has a
 * toolbar and the box with the picture.
 */
export function createGraph({ chosen, goes }) {
  const edges = svg("g", { class: "edges", "aria-hidden": "true" });
  const near = svg("g", { class: "near", "aria-hidden": "true" });
  const nodes = svg("g");
  const world = svg("g", {}, edges, near, nodes);
  const picture = svg("svg", { class: "graph", role: "group", "aria-label": "Subtasks" }, world);
  // listens here, not in the picture: Chromium lets Tab stop at any part of a picture that listens for the focus
  const box = h("div", {
    class: "box", role: "region", tabindex: "0", "aria-label": "Graph of the subtasks",
    onclick: clicked, onkeydown: pressed, onfocusin: focused, onfocusout: lit,
    onpointerover: hovered, onpointerout: hovered,
  }, picture);
  const view = createView(box, moved, () => map.size());
  const map = createMinimap(view);
  box.append(map.element);
  const counts = createCounts({ filtered: () => drawn(true), go: goes });
  const scale = h("output", { class: "soft", "aria-label": "Shown at" });
  const none = h("p", { hidden: true }, "This task has no subtasks.");
  const tool = (text, name, act) => button(text, act, { class: "quiet small", "aria-label": name, title: name });
  const tools = h("div", { class: "tools" }, counts.elements,
    h("span", { class: "sizes", role: "group", "aria-label": "Size of the graph" },
      tool("Fit", "Fit into the box", () => sized("fit")),
      tool("−", "Smaller", () => sized("own", view.zoom / 1.25)),
      tool("+", "Larger", () => sized("own", view.zoom * 1.25)), scale));
  const element = h("div", { class: "graph-frame" }, none, tools, box);

  let structure = null, plan = null, list = [];
  let places = new Map(), subtasks = new Map(), elements = new Map(); // by String(id)
  let mode = "auto", perRow = 0, now = 0;
  let region = null; // of the picture, what is drawn
  let isBlocks = false;
  let current = null, stop = null, over = null; // String(id): chosen, reached by Tab, under the pointer

  new ResizeObserver(() => {
    if (!plan || !box.clientWidth) return;
    if (fitting() !== perRow) planned();
    sized(mode, view.zoom);
  }).observe(box);

  /** So many columns are legible without panning. */
  const fitting = () => clamped(Math.floor((view.width() / LEGIBLE - 60) / (NODE.width + 44)), 2, 8);

  /** "auto": all of it, as long as it is legible, else from what is chosen on; "fit": all of it; "own": as asked for. */
  function sized(how, wanted = 1) {
    mode = how;
    if (!plan) return;
    if (how === "own") return view.zoomed(wanted);
    const [width, height] = [plan.width + 2 * PAD, plan.height + 2 * PAD];
    const whole = Math.min(1, view.width() / width, view.height() / height);
    const zoom = how === "fit" ? whole : Math.max(whole, LEGIBLE);
    const centred = (size, seen) => (size <= seen / zoom ? -PAD - (seen / zoom - size) / 2 : -PAD);
    view.set(zoom, centred(width, view.width()), centred(height, view.height()));
    mode = how;
    if (how === "auto" && current !== null) revealed(current);
  }

  const placeOf = (id) => ({ ...places.get(id), ...NODE });
  function revealed(id) {
    const was = mode;
    view.reveal(placeOf(id));
    mode = was;
  }

  function moved() {
    mode = "own"; // somebody pans: a resize then leaves it so
    world.setAttribute("transform", `scale(${view.zoom}) translate(${-view.x} ${-view.y})`);
    put(scale, `${Math.max(1, Math.round(100 * view.zoom))}%`);
    map.moved();
    drawn();
  }

  function planned() {
    perRow = fitting();
    const known = places;
    plan = layout(list, perRow);
    places = new Map(plan.nodes.map((node) => [String(node.id), node]));
    for (const edge of plan.edges) edge.box = boxOf(edge);
    map.planned(plan);
    map.element.toggleAttribute("hidden", plan.nodes.length <= MAPPED);
    nodes.replaceChildren();
    if (!places.has(over)) over = null;
    if (!places.has(current)) current = null;
    if (!places.has(stop)) stop = current ?? (plan.nodes.length ? String(plan.nodes[0].id) : null);
    region = null;
    return ![...known.keys()].some((id) => places.has(id));
  }

  function boxOf({ ways }) {
    const [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    return ways.flat().reduce(([l, t, r, b], [x, y]) => [Math.min(l, x), Math.min(t, y), Math.max(r, x), Math.max(b, y)],
      [left, top, right, bottom]);
  }

  /** What is in view and some more around it, so that little has to be drawn while one pans. */
  function drawn(isForced = false) {
    if (!plan) return;
    const [width, height] = [view.width() / view.zoom, view.height() / view.zoom];
    const wasBlocks = isBlocks;
    isBlocks = view.zoom < BLOCKS;
    const isWithin = region && view.x >= region[0] && view.y >= region[1] && view.x + width <= region[2] && view.y + height <= region[3];
    if (isWithin && wasBlocks === isBlocks && !isForced) return;
    region = [view.x - width / 2, view.y - height / 2, view.x + 1.5 * width, view.y + 1.5 * height];
    const [left, top, right, bottom] = region;
    const shown = plan.nodes.filter(({ id, x, y }) =>
      (x < right && x + NODE.width > left && y < bottom && y + NODE.height > top) || [stop, current].includes(String(id)));
    if (wasBlocks !== isBlocks) nodes.replaceChildren();
    picture.classList.toggle("blocks", isBlocks);
    const had = document.activeElement;
    keyed(nodes, shown, ({ id }) => id, ({ id, x, y }) => {
      const node = made(isBlocks);
      node.setAttribute("transform", `translate(${x} ${y})`);
      filled(node, subtasks.get(String(id)), now, isBlocks);
      return node;
    });
    elements = new Map([...nodes.children].map((node) => [node.dataset.key, node]));
    if (had !== document.activeElement && nodes.contains(had)) had.focus({ preventScroll: true });
    const inView = plan.edges.filter(({ box: [l, t, r, b] }) => l < right && r > left && t < bottom && b > top);
    edges.replaceChildren(...inView.length > 400
      ? [svg("path", { class: "line", d: inView.flatMap(({ ways }) => ways).map(([[x, y], ...rest]) => `M${x},${y}L${rest.join(" ")}`).join("") })]
      : inView.flatMap(({ ways }) => line("line", ways)),
      svg("path", { class: "head", d: isBlocks ? "" : arrows(inView.flatMap(({ heads }) => heads)) }),
      ...inView.flatMap(({ dots }) => dots.map(([cx, cy]) => svg("circle", { class: "head", cx, cy, r: 4 }))));
    for (const [id, node] of elements) faded(node, id);
    marked();
    lit();
  }

  const faded = (node, id) => node.classList.toggle("faded", counts.isDim(subtasks.get(id).status));

  /** All subtasks, anew. */
  function update(whole, nowMs) {
    now = nowMs;
    list = whole;
    subtasks = new Map(list.map((subtask) => [String(subtask.id), subtask]));
    none.hidden = list.length > 0;
    tools.hidden = box.hidden = !list.length;
    const found = JSON.stringify(list.map(({ id, upstreams }) => [String(id), (upstreams ?? []).map(String)]));
    if (found === structure) return patch(list, nowMs);
    structure = found;
    const isOther = planned();
    if (isOther) sized("auto");
    drawn(true);
    mapped();
    return counted();
  }

  /** Those that have changed, which stand where they stood. */
  function patch(changed, nowMs) {
    now = nowMs;
    for (const subtask of changed) {
      const id = String(subtask.id), node = elements.get(id);
      subtasks.set(id, subtask);
      if (!node) continue;
      filled(node, subtask, now, isBlocks);
      faded(node, id);
    }
    mapped();
    counted();
  }

  let isMapping = false;
  function mapped() {
    if (plan.nodes.length <= MAPPED || isMapping) return;
    isMapping = true;
    setTimeout(() => {
      isMapping = false;
      map.draw((id) => subtasks.get(id)?.status ?? "PENDING");
    }, 250);
  }

  const failures = () => [...subtasks].filter(([, { status }]) => status === "FAILED").map(([id]) => id);

  function counted() {
    const found = {};
    for (const { status } of subtasks.values()) found[status] = (found[status] ?? 0) + 1;
    counts.update(found, failures(), current);
  }

  function tick(nowMs) {
    now = nowMs;
    if (isBlocks) return;
    for (const [id, node] of elements) if (subtasks.get(id)?.due) timed(node, subtasks.get(id), now);
  }

  let marks = [];
  /** Of the node that is chosen, and of the one that Tab reaches; the others are made without. */
  function marked() {
    for (const id of new Set([...marks, current, stop])) {
      const node = elements.get(id);
      if (!node) continue;
      ringOf(node).setAttribute("aria-pressed", String(id === current));
      ringOf(node).setAttribute("tabindex", id === stop ? "0" : "-1");
    }
    marks = [current, stop];
  }

  /** The lines of the node that is looked at: under the pointer, else with the focus, else chosen. */
  function lit() {
    const id = over ?? (nodes.contains(document.activeElement) ? stop : current);
    const place = places.get(id);
    const found = place ? plan.edges.map((edge) => edge.near(place.id)).filter(({ ways }) => ways.length) : [];
    near.replaceChildren(...found.flatMap(({ ways }) => line("line", ways)),
      svg("path", { class: "head", d: arrows(found.flatMap(({ heads }) => heads)) }));
    edges.classList.toggle("dim", found.length > 0);
  }

  const idOf = (event) => event.target.closest?.(".node")?.dataset.key ?? null;

  function hovered(event) {
    const now = event.type === "pointerover" ? idOf(event) : null;
    if (now === over) return;
    over = now;
    lit();
  }

  function focused(event) {
    if (idOf(event) === null) return;
    stop = idOf(event);
    marked();
    lit();
  }

  function clicked(event) {
    const id = idOf(event);
    if (id !== null && !view.wasDrag()) picked(id);
  }

  function picked(id) {
    choose(id);
    chosen(subtasks.get(id).id);
  }

  function pressed(event) {
    const id = idOf(event) ?? stop;
    if (id === null || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") picked(id);
    else {
      let to = null;
      if (event.key in ARROWS) to = idOf(event) === null ? id : towards(plan, places.get(id), ARROWS[event.key]);
      else if (event.key === "Home") to = String(plan.nodes[0].id);
      else if (event.key === "End") to = String(plan.nodes.at(-1).id);
      else return;
      if (to !== null) {
        stop = to;
        revealed(to);
        drawn(!elements.has(to));
        ringOf(elements.get(to)).focus({ preventScroll: true });
      }
    }
    event.preventDefault();
  }

  /** Marks a subtask as the chosen one (null: none) and brings it into view. */
  function choose(id) {
    current = places.has(String(id)) ? String(id) : null;
    if (current !== null) {
      stop = current;
      revealed(current);
      drawn(!elements.has(current));
    }
    marked();
    lit();
    counted();
  }

  return { element, update, patch, tick, choose };
}
