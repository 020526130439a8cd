// What stands in the columns of the picture, one above the other: in which order, and how high. Pure: numbers only.

export const NODE = { width: 196, height: 72 };
const ROW_GAP = 20; // between two nodes
const LANE = 10; // what a line needs that passes through a column

export const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

export function grouped(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return groups;
}

/** What stands in a column: a node, a net's lane, or nothing (`pad`). `ins`, `outs`: the joints left and right. */
export const itemOf = (of) =>
  ({ node: null, net: null, column: null, pad: false, side: 0, y: 0, ins: [], outs: [], ...of });
export const heightOf = (item) => (item.net ? LANE : NODE.height);
const sizeOf = (item) => (item.net ? LANE : NODE.height + ROW_GAP);

function stacked(column) {
  const height = column.items.reduce((sum, item) => sum + sizeOf(item), 0);
  let y = -height / 2;
  for (const item of column.items) {
    item.y = y + sizeOf(item) / 2;
    y += sizeOf(item);
  }
}

/** Fewer crossings: each item goes to the middle of what it is joined with, to and fro; the best order found stays. */
export function ordered({ columns, nets }) {
  columns.forEach(stacked);
  const joints = nets.flatMap((net) => net.joints);
  const gaps = columns.map((_, gap) => joints.filter((joint) => joint.gap === gap));
  let best = null, fewest = Infinity, found = 0;
  for (let round = 0; round < 10 && fewest > 0 && round - found < 4; round++) {
    const isForth = round % 2 === 0;
    for (const column of isForth ? columns : [...columns].reverse()) {
      const [near, far] = isForth ? ["ins", "lefts"] : ["outs", "rights"];
      const gap = gaps[isForth ? column.index - 1 : column.index] ?? [];
      for (const joint of gap) joint.middle = mean(joint[far].map((item) => item.y));
      for (const item of column.items) {
        item.wish = item[near].length ? mean(item[near].map((joint) => joint.middle)) : item.y;
      }
      column.items.sort((a, b) => a.pad - b.pad || a.side - b.side || a.wish - b.wish || a.y - b.y);
      stacked(column);
    }
    const crossings = gaps.reduce((sum, gap) => sum + crossingsOf(gap), 0);
    if (crossings < fewest) [fewest, found, best] = [crossings, round, columns.map((column) => [...column.items])];
  }
  columns.forEach((column, index) => {
    column.items = best[index];
    stacked(column);
  });
}

function crossingsOf(gap) {
  const lines = gap.flatMap(({ lefts, rights }) => {
    if (lefts.length * rights.length <= 16) return lefts.flatMap((left) => rights.map((right) => [left.y, right.y]));
    const [left, right] = [mean(lefts.map((item) => item.y)), mean(rights.map((item) => item.y))];
    return [...lefts.map((item) => [item.y, right]), ...rights.map((item) => [left, item.y])];
  });
  lines.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return inversions(lines.map((line) => line[1]));
}

/** Pairs that stand the wrong way round, by merging. */
function inversions(numbers) {
  if (numbers.length < 2) return 0;
  const half = numbers.length >> 1;
  const [left, right] = [numbers.slice(0, half), numbers.slice(half)];
  let count = inversions(left) + inversions(right);
  for (let to = 0, i = 0, j = 0; to < numbers.length; to++) {
    if (j >= right.length || (i < left.length && left[i] <= right[j])) numbers[to] = left[i++];
    else {
      numbers[to] = right[j++];
      count += left.length - i;
    }
  }
  return count;
}

/** Heights: each item as level with what it is joined with as the order and the room allow. */
export function levelled({ columns }) {
  for (const { items } of columns) items.filter((item) => item.node).forEach((item, row) => (item.row = row));
  const level = (column, sides) => {
    const wishes = column.items.map((item) => {
      if (item.side) return { y: -item.side * 1e6, weight: 1e-9 }; // a bus lies close to its block
      const others = [];
      for (const [near, far, step] of sides) {
        for (const joint of item[near]) {
          const ys = joint[far].flatMap((other) => (other.side ? [] : [other.y]));
          if (ys.length) others.push({ y: mean(ys), isLane: ys.length === 1 && item.net && joint[far][0].net });
        }
        if (item[near].length && !others.length) { // joined with a bus only: rows of a block stay rows
          const beside = columns[column.index + step]?.items.find((other) => other.node && other.row === item.row);
          if (beside) others.push({ y: beside.y });
        }
      }
      if (!others.length) return { y: item.y, weight: 0.01 };
      return { y: mean(others.map(({ y }) => y)), weight: others.some(({ isLane }) => isLane) ? 8 : 1 };
    });
    const gaps = column.items.map((item, index) => (index ? (sizeOf(item) + sizeOf(column.items[index - 1])) / 2 : 0));
    settled(wishes, gaps).forEach((y, index) => (column.items[index].y = y));
  };
  const left = [["ins", "lefts", -1]], right = [["outs", "rights", 1]];
  for (let round = 0; round < 4; round++) {
    columns.forEach((column) => level(column, left));
    [...columns].reverse().forEach((column) => level(column, right));
  }
  for (let round = 0; round < 2; round++) columns.forEach((column) => level(column, [...left, ...right]));
  for (const column of columns) for (const item of column.items) item.y = Math.round(item.y);
}

/** The places nearest to the wishes [{y, weight}…] that keep the order and the `gaps` before each. */
export function settled(wishes, gaps) {
  const pools = [];
  let offset = 0;
  const offsets = gaps.map((gap) => (offset += gap));
  wishes.forEach(({ y, weight }, index) => {
    let pool = { y: y - offsets[index], weight, count: 1 };
    while (pools.length && pools.at(-1).y > pool.y) {
      const last = pools.pop();
      const sum = last.weight + pool.weight;
      pool = { y: (last.y * last.weight + pool.y * pool.weight) / sum, weight: sum, count: last.count + pool.count };
    }
    pools.push(pool);
  });
  let index = 0;
  return pools.flatMap((pool) => Array.from({ length: pool.count }, () => pool.y + offsets[index++]));
}
