// The lines of the picture. Edges that share their ends are one net; between two columns a net is a joint, with at most
// one vertical line (its track); through a column that it only passes it has a lane. So no line meets a node that is
// not its end.

import { grouped, heightOf, itemOf, mean, NODE, settled } from "./columns.js";

const TRACK = 8; // between two vertical lines
const [BEFORE, AFTER, LEAST] = [14, 20, 44]; // of a gap: left of its tracks, right of them (arrow heads), in all
const REACH = NODE.height / 2 - 10; // how far from a node's middle a line may begin

/** The edges as complete nets: every source of a net is an upstream of every target. The columns get their lanes. */
export function netsOf(nodes, columns) {
  const nets = [];
  const left = new Map(nodes.map((node) => [node, new Set(node.ups)])); // by target: the edges that are in no net yet
  const add = (sources, targets) => {
    for (const target of targets) for (const source of sources) left.get(target).delete(source);
    nets.push({ sources, targets, joints: [], lanes: new Map() });
  };
  const alike = (ends, othersOf) => {
    const found = grouped(ends, (end) => othersOf(end).map((node) => node.index).sort((a, b) => a - b).join());
    return [...found.values()].filter((same) => same.length > 1 && othersOf(same[0]).length > 1);
  };
  const upsOf = (node) => [...left.get(node)];
  for (const targets of alike(nodes, upsOf)) add(upsOf(targets[0]), targets);
  const downsOf = (node) => node.downs.filter((down) => left.get(down).has(node));
  for (const sources of alike(nodes, downsOf)) add(sources, downsOf(sources[0]));
  const fans = new Map(nodes.map((node) => [node, downsOf(node)]));
  for (const node of nodes) {
    const fan = fans.get(node).filter((down) => fans.get(node).length >= left.get(down).size);
    fans.set(node, fan);
  }
  for (const [node, fan] of fans) if (fan.length) add([node], fan);
  for (const node of nodes) if (left.get(node).size) add(upsOf(node), [node]);
  for (const net of nets) spanned(net, columns);
  return nets;
}

/** A net's lanes and joints. It gathers its sources up to gap `hub`, and spreads to its targets from there. */
function spanned(net, columns) {
  const first = net.sources.reduce((least, node) => Math.min(least, node.at), Infinity);
  const last = net.targets.reduce((most, node) => Math.max(most, node.at), 0);
  net.hub = net.sources.reduce((most, node) => Math.max(most, node.at), 0);
  const sources = grouped(net.sources, (node) => node.at), targets = grouped(net.targets, (node) => node.at);
  const inBlock = (ends, { block }) => block.reduce((sum, column) => sum + (ends.get(column.index)?.length ?? 0), 0);
  for (let at = first + 1; at < last; at++) {
    const column = columns[at], lane = itemOf({ net, column });
    // a bus of a block goes along its edge: what comes, above; what leaves, below
    if (column.block.length > 1) lane.side = inBlock(targets, column) > 4 ? -1 : inBlock(sources, column) > 4 ? 1 : 0;
    net.lanes.set(at, lane);
    column.items.push(lane);
  }
  for (let gap = first; gap < last; gap++) {
    const items = (ends, at) => [...(ends.get(at) ?? []).map((node) => node.item), net.lanes.get(at) ?? []].flat();
    const joint = { net, gap, lefts: items(sources, gap), rights: items(targets, gap + 1), level: 0 };
    net.joints.push(joint);
    for (const item of joint.lefts) item.outs.push(joint);
    for (const item of joint.rights) item.ins.push(joint);
  }
}

const clamped = (number, most) => Math.min(most, Math.max(-most, number));
const leftY = (joint, item) => item.y + (item.starts?.get(joint) ?? 0);
const rightY = (joint, item) => item.y + (item.ends?.get(joint) ?? 0);

/** Where lines begin and end at the nodes, and which track each joint has; a gap is as wide as its tracks want. */
export function tracked({ columns, nets }) {
  const gaps = columns.map(() => []);
  for (const net of nets) for (const joint of net.joints) gaps[joint.gap].push(joint);
  for (const column of columns) {
    for (const item of column.items) {
      if (!item.node) continue;
      item.starts = ports(item, item.outs, ({ rights }) => rights.map((right) => right.y), column.isLast);
    }
  }
  for (const column of columns) {
    for (const item of column.items) {
      if (!item.node) continue;
      const isFirst = column.index > 0 && columns[column.index - 1].isLast;
      item.ends = ports(item, item.ins, (joint) => joint.lefts.map((left) => leftY(joint, left)), isFirst);
    }
  }
  columns.slice(0, -1).forEach((column, gap) => {
    column.lines = gaps[gap].length;
    for (const joint of gaps[gap]) {
      joint.left = joint.lefts.map((item) => leftY(joint, item));
      joint.right = joint.rights.map((item) => rightY(joint, item));
      [joint.low, joint.high] = [Math.min(...joint.left, ...joint.right), Math.max(...joint.left, ...joint.right)];
    }
    const lowestFirst = [...gaps[gap]].sort((a, b) => Math.max(...b.left) - Math.max(...a.left));
    if (column.isLast) {
      lowestFirst.forEach((joint, level) => (joint.level = level));
      column.width = BEFORE + TRACK * column.lines;
      return;
    }
    const joints = sifted(lowestFirst.filter((joint) => joint.high - joint.low >= 1));
    joints.forEach((joint, index) => {
      for (const other of joints.slice(0, index)) {
        if (other.low > joint.high + 16 || joint.low > other.high + 16) continue;
        joint.level = Math.max(joint.level, other.level + 1);
      }
    });
    apart(joints, gaps[gap]);
    const wide = TRACK * joints.reduce((most, joint) => Math.max(most, joint.level), 0);
    column.width = Math.max(LEAST, BEFORE + wide + AFTER);
    column.track = BEFORE + (column.width - BEFORE - wide - AFTER) / 2;
  });
}

/** By joint: how far from the node's middle its line meets the node; level with its other end where that is near. */
function ports(item, joints, far, isBroken) {
  const least = Math.min(9, (2 * REACH) / (joints.length - 1 || 1));
  const wished = joints.map((joint) => {
    const others = far(joint);
    const away = isBroken ? 0 : mean(others) - item.y;
    if (others.length === 1 && Math.abs(away) <= REACH) return { joint, away, y: away, weight: 20 };
    return { joint, away, y: joints.length === 1 ? 0 : clamped(away, 14), weight: 1 };
  }).sort((a, b) => a.away - b.away);
  let places = settled(wished, wished.map((_, index) => (index ? least : 0)));
  if (places.at(-1) - places[0] > 2 * REACH) places = places.map((_, index) => index * least - REACH);
  const shift = Math.max(0, -REACH - places[0]) - Math.max(0, places.at(-1) - REACH);
  return new Map(wished.map(({ joint }, index) => [joint, Math.round(places[index] + shift)]));
}

/** How the lines of two joints meet when the first one's track is left of the second one's: crossings, overlaps. */
function meeting(first, second) {
  if (first.low > second.high + 4 || second.low > first.high + 4) return 0;
  const within = (y, joint) => joint.low < y && y < joint.high;
  let cost = 0;
  for (const y of first.right) cost += within(y, second);
  for (const y of second.left) cost += within(y, first);
  if (first.right.length * second.left.length > 100) return cost;
  for (const right of first.right) for (const left of second.left) if (Math.abs(right - left) < 4) cost += 20;
  return cost;
}

/** Tracks from left to right, so that few lines cross: each joint goes where it costs least, until nothing is won. */
function sifted(joints) {
  const costs = new Map();
  const cost = (a, b) => {
    if (!costs.has(a)) costs.set(a, new Map());
    const known = costs.get(a);
    if (!known.has(b)) known.set(b, meeting(a, b) - meeting(b, a));
    return known.get(b);
  };
  const far = joints.length > 80 ? 12 : joints.length;
  for (let round = 0, won = true; won && round < 6; round++) {
    won = false;
    for (const joint of [...joints]) {
      const from = joints.indexOf(joint);
      let best = 0, to = from;
      for (let at = from + 1, sum = 0; at < joints.length && at <= from + far; at++) {
        sum += cost(joints[at], joint);
        if (sum < best) [best, to] = [sum, at];
      }
      for (let at = from - 1, sum = 0; at >= 0 && at >= from - far; at--) {
        sum += cost(joint, joints[at]);
        if (sum < best) [best, to] = [sum, at];
      }
      if (to === from) continue;
      joints.splice(from, 1);
      joints.splice(to, 0, joint);
      won = true;
    }
  }
  return joints;
}

/** Moves an end where two lines would lie on one another: one's way to its track, the other's from a track before. */
function apart(joints, all) {
  for (const joint of joints) {
    for (const other of joints) {
      if (other.level >= joint.level) continue;
      joint.left.forEach((from, l) => other.right.forEach((to, r) => {
        if (Math.abs(from - to) >= 4) return;
        const ends = () => moved(other.rights[r], "ends", other, all.flatMap(({ left }) => left));
        const starts = () =>
          joint.lefts[l].node && moved(joint.lefts[l], "starts", joint, all.flatMap(({ right }) => right));
        if (other.rights[r].node) ends() || starts();
        else starts() || ends();
        other.right[r] = rightY(other, other.rights[r]);
        joint.left[l] = leftY(joint, joint.lefts[l]);
      }));
    }
  }
}

/** Whether there was room for it elsewhere. */
function moved(item, side, joint, across) {
  const isCrossFree = (to) => across.every((y) => Math.abs(y - to) >= 4);
  if (item.net) {
    const isFree = (to) => isCrossFree(to) && item.column.items.every((other) =>
      other === item || other.pad || Math.abs(other.y - to) >= heightOf(other) / 2);
    const to = [item.y + 4, item.y - 4, item.y + 5, item.y - 5].find(isFree);
    item.y = to ?? item.y;
    return to !== undefined;
  }
  const ports = item[side], at = ports.get(joint);
  const isFree = (to) => Math.abs(to) <= REACH + 4 && isCrossFree(item.y + to) &&
    [...ports].every(([other, port]) => other === joint || Math.abs(port - to) >= 5);
  const to = [5, -5, 8, -8, 12, -12].map((by) => at + by).find(isFree);
  ports.set(joint, to ?? at);
  return to !== undefined;
}

/** A part's nets as lines: [{sources, targets, ways, heads, dots, near(id)}…].
 *
 * `ways` are polylines [[x, y]…], `heads` the tips of arrows, `dots` where many meet to go to many. `near(id)` gives
 * the ways and heads that join one source with all targets, or one target with all sources.
 */
export function routed({ columns, nets }, x, y) {
  return nets.map((net) => {
    for (const joint of net.joints) drawn(joint, columns, x, y);
    const lanes = (from, to) => [...net.lanes].filter(([at]) => from < at && at < to).map(([at, lane]) => {
      const left = x + columns[at].x;
      return [[left, y + lane.y], [left + NODE.width, y + lane.y]];
    });
    const headsOf = (targets) => targets.map((node) => {
      const joint = net.joints[node.at - 1 - net.joints[0].gap];
      return [x + columns[node.at].x, y + rightY(joint, node.item)];
    });
    const itemAt = (node, at) => (node.at === at ? node.item : net.lanes.get(at));
    const near = (id) => {
      const source = net.sources.find((node) => node.id === id);
      const target = net.targets.find((node) => node.id === id);
      if (source) {
        const ways = net.joints.filter(({ gap }) => gap >= source.at).flatMap(({ gap, comes, goes }) => [
          gap <= net.hub ? comes.get(itemAt(source, gap)) : null, ...(gap >= net.hub ? goes.values() : [])]);
        return { ways: [...ways.filter(Boolean), ...lanes(source.at, Infinity)], heads: headsOf(net.targets) };
      }
      if (!target) return { ways: [], heads: [] };
      const ways = net.joints.filter(({ gap }) => gap < target.at).flatMap(({ gap, comes, goes }) => [
        gap >= net.hub ? goes.get(itemAt(target, gap + 1)) : null, ...(gap <= net.hub ? comes.values() : [])]);
      return { ways: [...ways.filter(Boolean), ...lanes(-1, target.at)], heads: headsOf([target]) };
    };
    return {
      sources: net.sources.map(({ id }) => id), targets: net.targets.map(({ id }) => id),
      near, heads: headsOf(net.targets),
      ways: [...net.joints.flatMap(({ comes, goes }) => [...comes.values(), ...goes.values()]), ...lanes(-1, Infinity)],
      dots: net.joints.flatMap(({ dot }) => (dot ? [dot] : [])),
    };
  });
}

/** Sets a joint's `comes` and `goes`: by item left or right of it, the way to its middle, or past it if that is all. */
function drawn(joint, columns, x, y) {
  const column = columns[joint.gap], next = columns[joint.gap + 1];
  const from = (item) => [x + column.x + NODE.width, y + leftY(joint, item)];
  const to = (item) => [x + next.x - (item.net ? 0 : 5), y + rightY(joint, item)];
  const track = x + column.x + NODE.width + (column.isLast ? BEFORE : column.track) + TRACK * joint.level;
  let middle;
  if (column.isLast) { // down, back to the left, and into the next row
    const corridor = y + column.corridor + TRACK * joint.level;
    const entry = x + column.entry - TRACK * (column.lines - 1 - joint.level);
    middle = [[track, corridor], [entry, corridor]];
  } else {
    const ys = [...joint.lefts.map(from), ...joint.rights.map(to)].map((point) => point[1]).sort((a, b) => a - b);
    middle = [[track, ys[ys.length >> 1]]];
  }
  const before = (item) => [from(item), [middle[0][0], from(item)[1]]];
  const after = (item) => [[middle.at(-1)[0], to(item)[1]], to(item)];
  const through = column.isLast ? middle : [];
  const { lefts, rights } = joint;
  [joint.comes, joint.goes, joint.dot] = [new Map(), new Map(), null];
  const whole = (left, right) => [...before(left), ...through, ...after(right)];
  if (rights.length === 1 && joint.gap <= joint.net.hub) {
    for (const left of lefts) joint.comes.set(left, whole(left, rights[0]));
  } else if (lefts.length === 1) {
    for (const right of rights) joint.goes.set(right, whole(lefts[0], right));
  } else {
    const half = mean(middle.map((point) => point[0]));
    joint.dot = [half, middle[0][1]];
    const [down, back] = column.isLast ? [[middle[0]], [middle[1]]] : [[], []];
    for (const left of lefts) joint.comes.set(left, [...before(left), ...down, joint.dot]);
    for (const right of rights) joint.goes.set(right, [joint.dot, ...back, ...after(right)]);
  }
}
