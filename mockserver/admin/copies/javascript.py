"""A request of the journal in JavaScript: a call of fetch(), and a test for Playwright. Only text is made."""

import base64
import json
from typing import Final

from mockserver.admin.copies.fixture import as_yaml
from mockserver.admin.copies.request import Again, Lost, again, has_dots, target
from mockserver.faults.effects import Transport
from mockserver.world.evidence.exchange import Exchange
from mockserver.world.fixture import Fixture

NOT_BY_FETCH: Final = frozenset({"CONNECT", "TRACE"})
IMPATIENCE_MS: Final = 1000


def fetch(entry: Exchange, base: str, world: str | None) -> str:
    """A call that sends it again, from node or from a page of that origin, as `curl` does. Raises Lost."""
    if entry.asked.method in NOT_BY_FETCH:
        raise Lost(f"fetch sends no {entry.asked.method}")
    request = again(entry)
    if request.body and entry.asked.method in ("GET", "HEAD"):
        raise Lost(f"fetch sends no body with {entry.asked.method}")
    options = _options(entry, request, {} if world is None else {"X-Mock-World": world})
    told = ".then(async (answer) => console.log(answer.status, await answer.text()));"
    return f"fetch({json.dumps(base + _path(entry))}, {literal(options)}){told}\n"


def playwright(entry: Exchange, number: int, base: str, world: str | None, fixture: Fixture, *, token: bool) -> str:
    """A test that puts the world that it met into one of its own, sends it, and expects that answer. Raises Lost."""
    transport = entry.fault is not None and isinstance(entry.fault.effect, Transport)
    if entry.status is None and not transport:
        raise Lost("it has no answer (yet)")
    request, path = again(entry), _path(entry)
    if world is not None:
        path = path.replace(f"/w/{world}/", "/", 1)
    operation = entry.asked.to.operation
    what, how = operation.id if operation else entry.asked.method, f"is {entry.status}"
    secret = ", Authorization: `Bearer ${process.env.OCP_MOCK_ADMIN_TOKEN}`" if token else ""
    options = _options(entry, request, {}, "data")
    if entry.status is None:
        options["timeout"], how = IMPATIENCE_MS, "breaks off"
    sending = f"request.fetch(world + {json.dumps(path)}, {literal(options, 2)})"
    if entry.status is None:
        expected = [f"  await expect({sending}).rejects.toThrow();"]
    else:
        expected = [f"  const answer = await {sending};", f"  expect(answer.status()).toBe({entry.status});"]
        code = _code(entry)
        if code is not None:
            expected.append(f"  expect((await answer.json()).error.code).toBe({json.dumps(code)});")
    return "\n".join(
        [
            'import { expect, test } from "@playwright/test";',
            "",
            "// The server with the mock; the test takes a world of its own there.",
            f"const base = process.env.OCP_BASE_URL ?? {json.dumps(base)};",
            f"const world = `${{base}}/w/copied-{number}`;",
            f"const WORLD = `{_in_template(as_yaml(fixture))}`;",
            "",
            f'test("{what} {how}", async ({{ request }}) => {{',
            "  const put = await request.put(`${world}/__admin/state`, {",
            f'    headers: {{ "Content-Type": "application/yaml"{secret} }}, data: WORLD,',
            "  });",
            "  expect(put.status(), await put.text()).toBe(200);",
            *expected,
            "});",
            "",
        ]
    )


def _code(entry: Exchange) -> object:
    """The error code of its answer; None without one."""
    try:
        return json.loads(entry.content)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None


def literal(value: object, indent: int = 0) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + " " * indent)


def _path(entry: Exchange) -> str:
    path = target(entry)
    if has_dots(path):
        raise Lost("JavaScript tidies up a path with dots")
    return path


def _options(entry: Exchange, request: Again, more: dict[str, str], body: str = "body") -> dict[str, object]:
    headers = {**request.headers, **more}
    if request.sent.wrong is None and request.sent.password is not None:
        login = f"{request.sent.user}:{request.sent.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
    options: dict[str, object] = {"method": entry.asked.method}
    if headers:
        options["headers"] = headers
    if request.body:
        try:
            text = request.body.decode()
        except UnicodeDecodeError:
            raise Lost("its body is no text") from None
        options[body] = text
    return options


def _in_template(text: str) -> str:
    return text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
