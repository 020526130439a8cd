// Where each subtask stands in the picture: layers from left to right, upstreams left. Pure: numbers only, no element.

import { grouped, heightOf, itemOf, levelled, mean, NODE, ordered } from "./columns.js";
import { coarse } from "./coarse.js";
import { netsOf, routed, tracked } from "./routes.js";

const PART_GAP = 44;
const MANY = 300; // of more subtasks lines go straight: finding ways for them would take seconds
const MARGIN = 38; // left of rows, for up to three lines that come from the row above
const TALLEST = 14; // nodes in one column; a wider layer becomes a block of columns

/** From [{id, upstreams}…]: {width, height, nodes: [{id, x, y, layer, column, row}…], edges: […]}; `routed` has edges.
 *
 * A chain of more than `perRow` columns goes on in the next row, as text does. The same subtasks give the same picture.
 * Unknown upstreams are left out, and so is what would close a cycle.
 */
export function layout(subtasks, perRow = 8) {
  const all = layered(subtasks);
  if (all.length > MANY) return coarse(columnsOf(all));
  const parts = partsOf(all).map((part) => arranged(part, perRow));
  const widest = Math.max(perRow * (NODE.width + 44), ...parts.map((part) => part.width));
  let x = 0, y = 0, tallest = 0, width = 0;
  const edges = [];
  for (const part of parts) {
    if (x > 0 && x + part.width > widest) [x, y, tallest] = [0, y + tallest + PART_GAP, 0];
    edges.push(...routed(part, x, y));
    for (const column of part.columns) {
      for (const item of column.items) {
        if (!item.node) continue;
        item.node.x = x + column.x;
        item.node.y = y + item.y - NODE.height / 2;
        item.node.row = column.row;
        item.node.column = column.index;
      }
    }
    width = Math.max(width, x + part.width);
    tallest = Math.max(tallest, part.height);
    x += part.width + PART_GAP;
  }
  const items = parts.flatMap((part) => part.columns.flatMap((column) => column.items));
  const nodes = items.flatMap((item) => item.node ?? []);
  return {
    width, height: y + tallest, edges,
    nodes: nodes.map(({ id, x, y, layer, column, row }) => ({ id, x, y, layer, column, row })),
  };
}

/** Nodes with `ups`, `downs` and a layer: the first right of all upstreams, or the last left of all downstreams. */
function layered(subtasks) {
  const known = new Map(subtasks.map(({ id }, index) => [String(id), { id, index, layer: 0, ups: [], downs: [] }]));
  for (const { id, upstreams } of subtasks) {
    const node = known.get(String(id));
    for (const name of new Set((upstreams ?? []).map(String))) {
      const up = known.get(name);
      if (up && up !== node) node.ups.push(up);
    }
  }
  const nodes = [...known.values()];
  const order = [], state = new Map();
  for (const first of nodes) {
    const path = [first];
    while (path.length) {
      const node = path.at(-1);
      if (!state.has(node)) state.set(node, "open");
      const next = node.ups.find((up) => !state.has(up));
      if (next) {
        path.push(next);
        continue;
      }
      path.pop();
      if (state.get(node) === "done") continue;
      node.ups = node.ups.filter((up) => state.get(up) === "done");
      state.set(node, "done");
      order.push(node);
    }
  }
  for (const node of order) {
    for (const up of node.ups) {
      up.downs.push(node);
      node.layer = Math.max(node.layer, up.layer + 1);
    }
  }
  for (const node of order.reverse()) {
    if (node.downs.length > node.ups.length) node.layer = Math.min(...node.downs.map((down) => down.layer)) - 1;
  }
  return nodes;
}

/** What hangs together; all that hangs on nothing is the last part. */
function partsOf(nodes) {
  const seen = new Set(), parts = [];
  const alone = nodes.filter((node) => !node.ups.length && !node.downs.length);
  for (const first of nodes) {
    if (seen.has(first) || (!first.ups.length && !first.downs.length)) continue;
    const part = [first];
    seen.add(first);
    for (const node of part) {
      for (const next of [...node.ups, ...node.downs]) {
        if (seen.has(next)) continue;
        seen.add(next);
        part.push(next);
      }
    }
    parts.push(part.sort((a, b) => a.index - b.index));
  }
  for (const node of alone) node.layer = 0;
  return alone.length ? [...parts, alone] : parts;
}

function arranged(nodes, perRow) {
  const columns = columnsOf(nodes);
  const part = { columns, nets: netsOf(nodes, columns) };
  ordered(part);
  levelled(part);
  rowed(part, perRow);
  tracked(part);
  return placed(part);
}

/** Layers, roughly in order, each cut into columns that are not too tall: row by row, so that neighbours stay near. */
function columnsOf(nodes) {
  const layers = [];
  const least = nodes.reduce((found, node) => Math.min(found, node.layer), Infinity);
  for (const node of nodes) (layers[node.layer - least] ??= []).push(node);
  const number = (layer) => layer.forEach((node, index) => (node.rank = index - (layer.length - 1) / 2));
  layers.forEach(number);
  const sweep = (layer, side) => {
    for (const node of layer) node.wish = node[side].length ? mean(node[side].map((other) => other.rank)) : node.rank;
    layer.sort((a, b) => a.wish - b.wish || a.index - b.index);
    number(layer);
  };
  for (let round = 0; round < 3; round++) {
    layers.forEach((layer) => sweep(layer, "ups"));
    [...layers].reverse().forEach((layer) => sweep(layer, "downs"));
  }
  layers.forEach((layer) => sweep(layer, "ups"));
  return layers.flatMap((layer) => {
    const rows = Math.max(TALLEST, Math.round(1.4 * Math.sqrt(layer.length)));
    const many = Math.ceil(layer.length / rows);
    const block = Array.from({ length: many }, () => ({ items: [] }));
    for (const column of block) column.block = block;
    layer.forEach((node, index) => block[index % many].items.push(itemOf({ node })));
    // a place left empty, so that rows stay rows
    for (const column of block.slice(layer.length % many || many)) column.items.push(itemOf({ pad: true }));
    return block;
  }).map((column, index) => {
    for (const item of column.items) if (item.node) [item.node.item, item.node.at] = [item, index];
    return Object.assign(column, { index });
  });
}

/** Breaks a long part into rows, where few lines have to be taken over to the next; not if a row stays long anyway. */
function rowed({ columns, nets }, perRow) {
  const lines = columns.map(() => 0);
  for (const net of nets) for (const joint of net.joints) lines[joint.gap]++;
  const isPlace = (gap) => lines[gap] <= 3 && columns[gap].block.length === 1 && columns[gap + 1].block.length === 1;
  const ideal = Math.ceil(columns.length / Math.ceil(columns.length / perRow));
  const lasts = [];
  let start = 0;
  for (let gap = 0; gap + 2 < columns.length; gap++) {
    if (gap + 1 - start < ideal || !isPlace(gap)) continue;
    lasts.push(gap);
    start = gap + 1;
  }
  const ends = [-1, ...lasts, columns.length - 1];
  const isShort = (end, index) => index === 0 || end - ends[index - 1] <= 1.5 * perRow;
  const isWorthIt = columns.length > perRow + 1 && ends.every(isShort);
  let row = 0;
  for (const column of columns) {
    column.row = row;
    column.isLast = isWorthIt && lasts.includes(column.index);
    if (column.isLast) row++;
  }
}

/** Columns side by side and rows below one another; the part's size with its lines. */
function placed(part) {
  const rows = grouped(part.columns, (column) => column.row);
  let top = 0, width = 0, entry = null;
  for (const columns of rows.values()) {
    const items = columns.flatMap((column) => column.items).filter((item) => !item.pad);
    const reach = (item) => heightOf(item) / 2;
    const above = Math.min(...items.map((item) => item.y - reach(item)));
    for (const column of columns) for (const item of column.items) item.y += top - above;
    let x = rows.size > 1 ? MARGIN : 0;
    if (entry) entry.entry = x - 20;
    for (const column of columns) {
      column.x = x;
      x += NODE.width + (column.width ?? 0);
    }
    top = Math.max(...items.map((item) => item.y + reach(item)));
    width = Math.max(width, x);
    entry = columns.at(-1).isLast ? columns.at(-1) : null;
    if (entry) {
      entry.corridor = top + 18;
      top += 36 + entry.lines * 8;
    }
  }
  return Object.assign(part, { width, height: top });
}
