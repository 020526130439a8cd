// All of a big picture in a corner, with what is in view; a press on it goes there.

import { NODE } from "./columns.js";
import { svg } from "../common/dom.js";

const [WIDE, HIGH] = [180, 110];

export function createMinimap(view) {
  const faces = svg("g");
  const seen = svg("rect", { class: "seen" });
  const element = svg("svg", { class: "minimap", "aria-hidden": "true" }, faces, seen);
  let plan = null, scale = 1;

  function go(event) {
    if (plan === null || !(event.buttons & 1)) return;
    event.stopPropagation();
    const { left, top } = element.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / scale, (event.clientY - top) / scale];
    view.set(view.zoom, x - view.width() / 2 / view.zoom, y - view.height() / 2 / view.zoom);
  }
  element.addEventListener("pointerdown", go);
  element.addEventListener("pointermove", go);

  return {
    element,
    size: () => [element.clientWidth, element.clientHeight],
    planned(next) {
      plan = next;
      scale = Math.min(Math.min(WIDE, view.width() / 3) / plan.width, HIGH / plan.height);
      element.setAttribute("width", Math.ceil(plan.width * scale));
      element.setAttribute("height", Math.ceil(plan.height * scale));
      element.setAttribute("viewBox", `0 0 ${plan.width} ${plan.height}`);
    },
    /** `statusOf(id)`: of each place. One path for each status. */
    draw(statusOf) {
      if (plan === null) return;
      const paths = new Map();
      for (const { id, x, y } of plan.nodes) {
        const status = statusOf(String(id));
        paths.set(status, `${paths.get(status) ?? ""}M${x},${y}h${NODE.width}v${NODE.height}h${-NODE.width}z`);
      }
      faces.replaceChildren(...[...paths].map(([status, d]) => svg("path", { class: `is-${status.toLowerCase()}`, d })));
    },
    moved() {
      const place = { x: view.x, y: view.y, width: view.width() / view.zoom, height: view.height() / view.zoom };
      for (const [name, value] of Object.entries(place)) seen.setAttribute(name, value);
    },
  };
}
