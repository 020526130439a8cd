// From node to node by arrow keys. Pure: numbers only.

import { NODE } from "./columns.js";

/** The nearest node in a direction: what lies straight ahead counts as nearer. At the end of a row: in the next one. */
export function towards(plan, from, [dx, dy]) {
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
