"""A request of the journal as a test for pytest: the world that it met, and what was answered. Only text is made.

The world is exact (its rules with their counts, its seed, how many trace ids it had given), so the answer is the same
but for what the machine's own time says.
"""

import json
import math
import re
from pprint import pformat
from typing import Any, Final

from mockserver.admin.copies.fixture import as_data
from mockserver.admin.copies.request import Again, Lost, again
from mockserver.contract.wire import wire_of
from mockserver.faults.effects import Dribble, Response, Transport, Truncate, Violate
from mockserver.faults.rules import Fault
from mockserver.world.evidence.exchange import BODY_BYTES, Exchange
from mockserver.world.fixture import Fixture

PATIENCE_S: Final = 10
IMPATIENCE_S: Final = 1
OF_THE_MACHINE: Final = ("duration", "timestamp")
WIDTH: Final = 110
_CAPITAL: Final = re.compile(r"[A-Z]")


def source(entry: Exchange, path: str, fixture: Fixture) -> str:
    """The source of a test that sends it to a server with this world and expects the same answer. Raises Lost."""
    request, fault, operation = again(entry), entry.fault, entry.asked.to.operation
    if entry.status is None and not (fault is not None and isinstance(fault.effect, Transport)):
        raise Lost("it has no answer (yet)")
    what = operation.id if operation else entry.asked.method
    moment = wire_of(fixture.settings).instant(fixture.clock.now)
    lines = [
        f'"""{what}, as it was answered at {moment}. A copy from the journal of a mock server.',
        "",
        "It needs pytest, requests and ocp-mockserver, whose plugin gives `ocp_mock`.",
        '"""',
        "",
        "import pytest",
        "import requests",
        "",
        f"WORLD = {literal(_world(fixture, fault), 8)}",
        "",
        "",
        "@pytest.mark.ocp_mock(world=WORLD)",
        f"def {_name(entry)}(ocp_mock):",
        *_expected(entry, request, path),
    ]
    return "\n".join(lines) + "\n"


def literal(value: object, indent: int) -> str:
    """As Python's source, whose later lines are indented."""
    text = pformat(value, width=WIDTH - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)


def _world(fixture: Fixture, fault: Fault | None) -> dict[str, Any]:
    """The rule that acted may name a path that a test does not have."""
    data = as_data(fixture)
    for rule in data.get("faults", ()):
        if fault is not None and rule["id"] == fault.id:
            rule.pop("path", None)
    return data


def _name(entry: Exchange) -> str:
    operation, effect = entry.asked.to.operation, entry.fault.effect if entry.fault else None
    what = (
        _CAPITAL.sub(lambda letter: f"_{letter[0].lower()}", operation.id)
        if operation
        else "".join(filter(str.isalnum, entry.asked.method.lower()))
    )
    match effect:
        case Transport():
            how = f"meets_{effect.fault.lower()}"
        case Truncate():
            how = "is_cut_off"
        case Violate():
            how = "breaks_the_contract"
        case _:
            how = f"is_{entry.status}" + "_late" * bool(entry.fault and entry.fault.delay)
    return f"test_{what}_{how}"


def _sending(entry: Exchange, request: Again, path: str) -> str:
    fault, sent, method = entry.fault, request.sent, entry.asked.method
    name, arguments = f"requests.{method.lower()}", [f"ocp_mock.url + {path!r}"]
    if method.lower() not in ("get", "post", "head"):
        name, arguments = "requests.request", [repr(method), *arguments]
    if sent.wrong is None and sent.password is not None:
        arguments.append(f"auth=({_basic(sent.user)}, {_basic(sent.password)})")
    if request.headers:
        arguments.append(f"headers={request.headers!r}")
    if request.body:
        arguments.append(f"data={(request.body.decode() if request.body.isascii() else request.body)!r}")
    if fault is not None and isinstance(fault.effect, Response):
        if 300 <= fault.effect.status < 400:
            arguments.append("allow_redirects=False")
        if _is_encoded(fault.effect):
            arguments.append("stream=True")
    return f"{name}({', '.join([*arguments, f'timeout={_patience_s(fault)}'])})"


def _basic(text: str) -> str:
    return repr(text) if text.isascii() else f"{text!r}.encode()"


def _is_encoded(effect: Response) -> bool:
    return "content-encoding" in map(str.lower, effect.headers)


def _patience_s(fault: Fault | None) -> int:
    if fault is None:
        return PATIENCE_S
    if isinstance(fault.effect, Transport) and fault.effect.fault == "HANG":
        return IMPATIENCE_S
    late_ms = 0.0
    if fault.delay is not None:
        first, second = fault.delay.first, fault.delay.second
        late_ms = max(first, second) if fault.delay.kind != "lognormal" else first * math.exp(min(4 * second, 20))
    if isinstance(fault.effect, Dribble):
        late_ms += fault.effect.total_ms
    return PATIENCE_S + math.ceil(late_ms / 1000)


def _expected(entry: Exchange, request: Again, path: str) -> list[str]:
    effect = entry.fault.effect if entry.fault else None
    is_head = entry.asked.method == "HEAD"
    is_cut = isinstance(effect, Truncate) and effect.fraction < 1 and not is_head
    breaks = isinstance(effect, Transport) and not (is_head and effect.fault == "MALFORMED_RESPONSE_CHUNK")
    if is_cut or breaks:
        return ["    with pytest.raises(requests.RequestException):", f"        {_sending(entry, request, path)}"]
    lines = [
        f"    answer = {_sending(entry, request, path)}",
        f"    assert answer.status_code == {200 if entry.status is None else entry.status}",
    ]
    if is_head or len(entry.content) > BODY_BYTES or (isinstance(effect, Response) and _is_encoded(effect)):
        return lines
    return [*lines, *_said(entry)]


def _said(entry: Exchange) -> list[str]:
    """What is asserted of the body."""
    operation = entry.asked.to.operation
    if operation is not None and operation.media_type != "application/json" and entry.content[:2] == b"PK":
        return ['    assert answer.headers["Content-Type"] == "application/zip"']
    try:
        body = json.loads(entry.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return [f"    assert answer.content == {entry.content!r}"]
    said = {key: value for key, value in body.items() if key not in OF_THE_MACHINE}
    return [
        "    body = answer.json()",
        f"    assert {{key: body[key] for key in body if key not in {OF_THE_MACHINE}}} == {literal(said, 8)}",
    ]
