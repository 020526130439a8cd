// What stands between a request and its right answer: faults, denials and permissions, as the stream tells of them. (An
// answer to a call of the page's own may be older than that.)

import { soon } from "./dom.js";
import { control } from "./server.js";

export const leftOf = ({ times, hits = 0 }) =>
  times === undefined ? "until removed" : hits >= times ? "used up" : `${times - hits} of ${times} left`;
export const isUsedUp = ({ times, hits = 0 }) => times !== undefined && hits >= times;

export function createRules() {
  const early = []; // what the stream said while the lists were on their way
  const listeners = [];
  let isLooking = false;

  const rules = {
    faults: new Map(),
    denials: new Map(),
    permissions: [],
    isKnown: false,
    look,
    /** `told()` is called after every change. */
    changed: (told) => listeners.push(told),
    active: () => [...rules.faults.values(), ...rules.denials.values()].filter((rule) => !isUsedUp(rule)),
    heard(name, data) {
      if (["hello", "world", "skipped"].includes(name)) lookSoon();
      if (name !== "fault" && name !== "denial") return;
      if (isLooking) early.push([`${name}s`, data]);
      took(`${name}s`, data);
      if (name === "denial") lookSoon();
      tellSoon();
    },
  };
  const lookSoon = soon(look, 100);
  const tell = () => listeners.forEach((told) => told());
  const tellSoon = soon(async () => tell(), 60);

  async function look() {
    isLooking = true;
    early.length = 0;
    try {
      const names = ["faults", "denials", "permissions"];
      const found = await Promise.all(names.map((name) => control("GET", name)));
      const [{ faults }, { denials }, { permissions }] = found;
      rules.faults = new Map(faults.map((rule) => [rule.id, rule]));
      rules.denials = new Map(denials.map((rule) => [rule.id, rule]));
      rules.permissions = permissions;
      rules.isKnown = true;
      early.forEach(([kind, data]) => took(kind, data));
    } finally {
      isLooking = false;
    }
    tell();
  }

  function took(kind, { id, rule }) {
    if (rule === null) rules[kind].delete(id);
    else rules[kind].set(id, rule);
  }

  return rules;
}
