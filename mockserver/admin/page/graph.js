// A task's subtasks as a picture: who waits for whom, how each stands, and what time it has left.

import { NODE } from "./columns.js";
import { button, h, keyed, put, svg } from "./dom.js";
import { layout } from "./layout.js";
import { filled, made, ringOf, timed } from "./node.js";

export { layout };

const PAD = 10; // around the picture: room for the ring of a node that is chosen
const [LEAST_ZOOM, MOST_ZOOM, LEGIBLE] = [0.1, 2, 0.7]; // at 0.7 a text is 9 px high
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamped = (number, least, most) => Math.min(most, Math.max(least, number));

/** Polylines as one path, with round corners. */
function drawn(ways) {
  return ways.map((way) => {
    const points = way.filter((point, index) => index === 0 || String(point) !== String(way[index - 1]));
    let path = `M${points[0]}`;
    for (let index = 1; index + 1 < points.length; index++) {
      const [[x0, y0], [x, y], [x1, y1]] = points.slice(index - 1, index + 2);
      const [before, after] = [Math.hypot(x - x0, y - y0), Math.hypot(x1 - x, y1 - y)];
      const r = Math.min(8, before / 2, after / 2);
      const towards = (x1, y1, all) => `${x + ((x1 - x) * r) / all},${y + ((y1 - y) * r) / all}`;
      path += `L${towards(x0, y0, before)}Q${x},${y} ${towards(x1, y1, after)}`;
    }
    return `${path}L${points.at(-1)}`;
  }).join("");
}
const arrows = (heads) => heads.map(([x, y]) => `M${x},${y}l-9,-4.5v9z`).join("");

/** A line, with room around it where it crosses another one: the two do not look joined. */
const line = (name, ways) => {
  const d = drawn(ways);
  return [svg("path", { class: "room", d }), svg("path", { class: name, d })];
};

/** `chosen(id)` is called when somebody chooses a subtask. `element` has a toolbar and the box with the picture. */
export function createGraph({ chosen }) {
  const edges = svg("g", { class: "edges", "aria-hidden": "true" });
  const near = svg("g", { class: "near", "aria-hidden": "true" });
  const nodes = svg("g");
  const picture = svg("svg", { class: "graph", role: "group", "aria-label": "Subtasks" }, edges, near, nodes);
  // listens here, not in the picture: Chromium lets Tab stop at any part of a picture that listens for the focus
  const box = h("div", {
    class: "box", role: "region", tabindex: "0", "aria-label": "Graph of the subtasks",
    onclick: clicked, onkeydown: pressed, onfocusin: focused, onfocusout: lit,
    onpointerover: hovered, onpointerout: hovered,
  }, picture);
  const scale = h("output", { class: "soft" });
  const none = h("p", { hidden: true }, "This task has no subtasks.");
  const tools = h("div", { class: "row", role: "group", "aria-label": "Size of the graph" },
    button("Fit", () => zoomed("fit"), { class: "quiet", "aria-label": "Fit into the box" }),
    button("−", () => zoomed("own", zoom / 1.25), { class: "quiet", "aria-label": "Smaller" }),
    button("+", () => zoomed("own", zoom * 1.25), { class: "quiet", "aria-label": "Larger" }),
    button("100%", () => zoomed("own", 1), { class: "quiet", "aria-label": "100% Full size" }), scale,
    h("span", { class: "soft hint" }, "Arrow keys go from subtask to subtask, Enter chooses one."));
  const element = h("div", { class: "graph-frame" }, none, tools, box);

  let structure = null, plan = null;
  let places = new Map(), subtasks = new Map(), elements = new Map(); // by String(id)
  let mode = "auto", zoom = 1, seenWidth = 0, perRow = 0;
  let current = null, stop = null, over = null; // String(id): chosen, reached by Tab, under the pointer

  new ResizeObserver(() => {
    if (box.offsetWidth === seenWidth || !box.offsetWidth) return;
    seenWidth = box.offsetWidth;
    if (plan && fitting() !== perRow) {
      built();
      lit();
    } else zoomed(mode, zoom);
  }).observe(box);

  const wide = () => (box.offsetWidth || seenWidth || 1000) - 20;
  /** So many columns are legible without scrolling. */
  const fitting = () => clamped(Math.floor((wide() / LEGIBLE - 60) / (NODE.width + 44)), 2, 8);

  /** "auto": as wide as the box, as long as it is legible; "fit": all of it; "own": as asked for. The middle stays. */
  function zoomed(how, wanted = 1) {
    mode = how;
    if (!plan) return;
    const [width, height] = [plan.width + 2 * PAD, plan.height + 2 * PAD];
    const high = (parseFloat(getComputedStyle(box).maxHeight) || 600) - 20;
    const middle = [(box.scrollLeft + box.clientWidth / 2) / zoom, (box.scrollTop + box.clientHeight / 2) / zoom];
    const had = zoom;
    if (how === "auto") zoom = clamped(wide() / width, LEGIBLE, 1);
    else zoom = clamped(how === "fit" ? Math.min(1, wide() / width, high / height) : wanted, LEAST_ZOOM, MOST_ZOOM);
    picture.setAttribute("width", Math.round(width * zoom));
    picture.setAttribute("height", Math.round(height * zoom));
    put(scale, `Shown at ${Math.round(100 * zoom)}%`);
    if (zoom === had) return;
    box.scrollLeft = how === "auto" ? box.scrollLeft : middle[0] * zoom - box.clientWidth / 2;
    box.scrollTop = how === "auto" ? box.scrollTop : middle[1] * zoom - box.clientHeight / 2;
  }

  function planned() {
    const known = plan ? plan.nodes.map(({ id }) => String(id)) : [];
    perRow = fitting();
    plan = layout([...subtasks.values()], perRow);
    places = new Map(plan.nodes.map((node) => [String(node.id), node]));
    picture.setAttribute("viewBox", `${-PAD} ${-PAD} ${plan.width + 2 * PAD} ${plan.height + 2 * PAD}`);
    edges.replaceChildren(...plan.edges.flatMap(({ ways }) => line("line", ways)),
      svg("path", { class: "head", d: arrows(plan.edges.flatMap(({ heads }) => heads)) }),
      ...plan.edges.flatMap(({ dots }) => dots.map(([cx, cy]) => svg("circle", { class: "head", cx, cy, r: 4 }))));
    const isOther = !known.some((id) => places.has(id));
    if (!places.has(current)) current = null;
    if (!places.has(over)) over = null;
    if (!places.has(stop)) stop = current ?? (plan.nodes.length ? String(plan.nodes[0].id) : null);
    if (isOther) {
      zoomed("auto");
      const first = plan.nodes[0] ?? { x: 0, y: 0 };
      [box.scrollLeft, box.scrollTop] = [0, (first.y + NODE.height / 2 + PAD) * zoom - box.clientHeight / 2];
    } else zoomed(mode, zoom);
  }

  /** Lays out, and puts the nodes where they belong: those that stay keep the focus. */
  function built() {
    const had = document.activeElement;
    planned();
    const moved = (node, { x, y }) => node.setAttribute("transform", `translate(${x} ${y})`);
    keyed(nodes, plan.nodes, ({ id }) => id, made, moved);
    elements = new Map([...nodes.children].map((node) => [node.dataset.key, node]));
    if (had !== document.activeElement && nodes.contains(had)) had.focus({ preventScroll: true });
  }

  function update(list, now) {
    subtasks = new Map(list.map((subtask) => [String(subtask.id), subtask]));
    none.hidden = list.length > 0;
    tools.hidden = box.hidden = !list.length;
    const found = JSON.stringify(list.map(({ id, upstreams }) => [String(id), (upstreams ?? []).map(String)]));
    const isNew = found !== structure;
    structure = found;
    if (isNew) built();
    for (const [id, node] of elements) filled(node, subtasks.get(id), now);
    if (isNew) {
      marked();
      lit();
    }
  }

  function tick(now) {
    for (const [id, node] of elements) if (subtasks.get(id).due) timed(node, subtasks.get(id), now);
  }

  function marked() {
    for (const [id, node] of elements) {
      ringOf(node).setAttribute("aria-pressed", String(id === current));
      ringOf(node).setAttribute("tabindex", id === stop ? "0" : "-1");
    }
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
    if (id !== null) picked(id);
  }

  function picked(id) {
    choose(id);
    chosen(subtasks.get(id).id);
  }

  /** The nearest node in a direction: what lies straight ahead counts as nearer. At the end of a row: in the next one. */
  function towards(from, [dx, dy]) {
    let [best, least] = [null, Infinity];
    for (const { id, x, y } of plan.nodes) {
      const ahead = (x - from.x) * dx + (y - from.y) * dy;
      const aside = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
      if (ahead < (dx ? NODE.width : NODE.height) || (dy && aside >= NODE.width)) continue;
      if (ahead + 2 * aside < least) [best, least] = [String(id), ahead + 2 * aside];
    }
    const [here, there] = dx > 0 ? ["sources", "targets"] : ["targets", "sources"];
    if (best !== null || !dx) return best;
    const beyond = plan.edges.find((edge) => edge[here].includes(from.id))?.[there][0];
    return beyond === undefined ? null : String(beyond);
  }

  function pressed(event) {
    const id = idOf(event);
    if (id === null || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") picked(id);
    else {
      let to = null;
      if (event.key in ARROWS) to = towards(places.get(id), ARROWS[event.key]);
      else if (event.key === "Home") to = String(plan.nodes[0].id);
      else if (event.key === "End") to = String(plan.nodes.at(-1).id);
      else return;
      if (to !== null) {
        ringOf(elements.get(to)).focus({ preventScroll: true });
        ringOf(elements.get(to)).scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    }
    event.preventDefault();
  }

  /** Marks a subtask as the chosen one (null: none) and brings it into view within the box. */
  function choose(id) {
    current = places.has(String(id)) ? String(id) : null;
    if (current !== null) {
      stop = current;
      const { x, y } = places.get(current);
      const seen = (at, size, scrolled, room) =>
        clamped(scrolled, (at + size + 2 * PAD + 8) * zoom - room, Math.max(0, at * zoom - 8));
      box.scrollLeft = seen(x, NODE.width, box.scrollLeft, box.clientWidth);
      box.scrollTop = seen(y, NODE.height, box.scrollTop, box.clientHeight);
    }
    marked();
    lit();
  }

  return { element, update, tick, choose };
}
