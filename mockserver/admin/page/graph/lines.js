// The lines of the picture as paths.

import { svg } from "../common/dom.js";

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
export const arrows = (heads) => heads.map(([x, y]) => `M${x},${y}l-9,-4.5v9z`).join("");

/** A line, with room around it where it crosses another one: the two do not look joined. */
export const line = (name, ways) => {
  const d = drawn(ways);
  return [svg("path", { class: "room", d }), svg("path", { class: name, d })];
};
