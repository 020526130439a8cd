// A request to take away: one menu, of what the server makes of it.

import { createMenu } from "../common/menu.js";
import { h } from "../common/dom.js";
import { control } from "../common/server.js";

const COPIES = {
  curl: ["curl", "curl command"],
  fetch: ["fetch (JavaScript)", "fetch call"],
  playwright: ["Playwright test", "Playwright test"],
  pytest: ["pytest test", "pytest test"],
  fixture: ["fixture of this moment (YAML)", "fixture of this moment"],
};

/** `idOf()` says which request, `show(text, what)` gets the copy, `refuse(what, why)` why there is none. */
export function createCopies(idOf, { show, refuse }, attributes) {
  async function take(kind, what, give = (text) => show(text, what)) {
    const copies = await control("GET", `requests/${idOf()}/copies`);
    if (copies[kind] === null) refuse(what, partOf(copies.why, kind));
    else await give(copies[kind]);
  }
  return createMenu("Copy …", [
    ...Object.entries(COPIES).map(([kind, [text, what]]) => [text, () => take(kind, what)]),
    ["Download the fixture", () => take("fixture", COPIES.fixture[1], (text) => download(text, `request-${idOf()}.yaml`))],
  ], attributes);
}

/** Of "pytest: …; fixture: …" the part about one of them. */
function partOf(why, kind) {
  const part = why.split("; ").find((one) => one.startsWith(`${kind}: `));
  return part === undefined ? why : part.slice(kind.length + 2);
}

function download(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
