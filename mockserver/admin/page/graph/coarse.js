// Places for very many subtasks: the same layers, but lines go straight from node to node. Pure: numbers only.

import { NODE } from "./columns.js";

const [ACROSS, DOWN] = [NODE.width + 56, NODE.height + 18];
const BAND_GAP = 60;
const WIDE = 1.6; // how much wider than high the picture is

/** From columns of items, as `layout` has them: its plan. Columns go on in the next band, as text does. */
export function coarse(columns) {
  const rows = Math.max(...columns.map(({ items }) => items.length));
  const mean = columns.reduce((sum, { items }) => sum + items.length, 0) / columns.length;
  const high = ((rows + mean) / 2) * DOWN + BAND_GAP;
  const perBand = Math.max(1, Math.ceil(Math.sqrt((WIDE * columns.length * high) / ACROSS)));
  const nodes = [];
  let top = 0, width = 0;
  for (let first = 0; first < columns.length; first += perBand) {
    const band = columns.slice(first, first + perBand);
    const tallest = Math.max(...band.map(({ items }) => items.length)) * DOWN;
    band.forEach(({ items }, at) => {
      items.forEach(({ node }, row) => {
        if (!node) return;
        node.x = at * ACROSS;
        node.y = top + (tallest - items.length * DOWN) / 2 + row * DOWN;
        nodes.push(node);
      });
    });
    top += tallest + BAND_GAP;
    width = Math.max(width, band.length * ACROSS);
  }
  const middle = NODE.height / 2;
  const edges = nodes.flatMap((node) => node.ups.map((up) => {
    const end = [node.x, node.y + middle];
    const edge = { sources: [up.id], targets: [node.id], ways: [[[up.x + NODE.width, up.y + middle], [end[0] - 6, end[1]]]], heads: [end], dots: [] };
    return { ...edge, near: (id) => (id === up.id || id === node.id ? edge : NOTHING) };
  }));
  return { width: width - 56, height: top - BAND_GAP, nodes: nodes.map(({ id, x, y, layer }) => ({ id, x, y, layer })), edges };
}

const NOTHING = { ways: [], heads: [] };
