"""A request of the journal as a test for pytest: the world that it met, the rule that acted, and what was answered.

A test is made only if the request, played again here in the world that the test will have, is answered as it was: what
is not exact is no copy (`Lost`). Text is all that is made here.
"""

import json
import math
import re
from collections.abc import Collection
from typing import Any, Final

from mockserver.admin.copies.literals import call, in_a_line, literal
from mockserver.admin.copies.replay import Played
from mockserver.admin.copies.request import Asked, asked
from mockserver.contract.wire import wire_of
from mockserver.faults.effects import Dribble, Error, RateLimit, Response, Transport, Truncate, Violate
from mockserver.faults.rules import Fault
from mockserver.fixtures.pruning import as_data
from mockserver.server.fault_injection import OWN, PREFERRED
from mockserver.tasks import run_log
from mockserver.tasks.lifecycle import Subtask
from mockserver.world.fixture import Fixture
from mockserver.world.journal import BODY_BYTES, Exchange
from mockserver.world.moments import Lost

PATIENCE_S: Final = 10
IMPATIENCE_S: Final = 1
COUNTED: Final = ("id", "skip", "times", "probability", "hits", "matches", "window")
"""What a rule has that one for a single request does without."""
VOLATILE: Final = frozenset({"timestamp", "duration", "traceId", "server"})
_CAPITAL: Final = re.compile(r"[A-Z]")


def source(entry: Exchange, fixture: Fixture, path: str, logs: Collection[int] = ()) -> str:
    """The source of a test that sends it to a server with this world and expects the same answer. Raises Lost."""
    request, fault = asked(entry), entry.fault
    if entry.status is None and not (fault is not None and isinstance(fault.effect, Transport)):
        raise Lost("it has no answer (yet)")
    expected = _expected(entry, fixture, path, request)
    name = _name(entry)
    answer = f"{entry.to.operation.id if entry.to.operation else entry.method}, as it was answered at"
    moment = wire_of(fixture.settings).instant(fixture.clock.now)
    lines = [
        f'"""{answer} {moment}. A copy from the journal of a mock server.',
        "",
        "It needs pytest, requests and ocp-mockserver, whose plugin gives `ocp_mock`.",
        '"""',
        "",
        "import pytest",
        "import requests",
        "",
        f"WORLD = {literal(as_data(fixture, logs), len('WORLD = '))}",
        "",
        "",
        "@pytest.mark.ocp_mock(world=WORLD)",
        f"def {name}(ocp_mock):",
        *_rules(entry, request),
        *expected,
    ]
    return "\n".join(lines) + "\n"


def log_in(body: bytes, subtask: Subtask) -> run_log.Log | None:
    """The log that an answer has, if it has one."""
    try:
        text = json.loads(body)["data"]["log"]
    except (ValueError, KeyError, TypeError):
        return None
    time = subtask.definition.create_time if subtask.start_time is None else subtask.start_time
    return run_log.parsed(text, subtask.operation, time) if text else ()


def _name(entry: Exchange) -> str:
    operation, effect = entry.to.operation, entry.fault.effect if entry.fault else None
    what = _snake(operation.id) if operation else "".join(filter(str.isalnum, entry.method.lower()))
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


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda letter: f"_{letter[0].lower()}", name)


def _rules(entry: Exchange, request: Asked) -> list[str]:
    """The rules that acted, as the handle of a test takes them."""
    lines = []
    fault, operation = entry.fault, entry.to.operation
    if entry.denial is not None and operation is not None:
        denied = [("", in_a_line(operation.permission)), ("user", in_a_line(request.sent.user)), ("times", "1")]
        lines.append("    " + call("ocp_mock.deny", denied, 4))
    if fault is None or request.is_own:
        return lines
    rule = {key: value for key, value in fault.to_json().items() if key not in COUNTED}
    if rule["when"] == "before":
        del rule["when"]
    if fault.path is not None:
        del rule["path"]  # a test's is another, perhaps
    if isinstance(fault.effect, RateLimit):
        rule["rateLimit"]["limit"] = 0
    for key in ("rateLimit", "chunkedDribbleDelay", "delayDistribution"):
        if key in rule:
            rule[key] = {_snake(inner): value for inner, value in rule[key].items()}
    given = [(_snake(key), literal(value, 8 + len(key), 8)) for key, value in {**rule, "times": 1}.items()]
    return [*lines, "    " + call("ocp_mock.fault", given, 4)]


def _sending(entry: Exchange, request: Asked, path: str, indent: int) -> str:
    fault, sent = entry.fault, request.sent
    headers, more = dict(request.headers), []
    method = entry.method.lower()
    arguments = [("", f"ocp_mock.url + {in_a_line(path)}")]
    name = f"requests.{method}"
    if method not in ("get", "post", "head"):
        name, arguments = "requests.request", [("", in_a_line(entry.method)), *arguments]
    if sent.wrong is None and sent.password is not None:
        more.append(("auth", f"({_basic(sent.user)}, {_basic(sent.password)})"))
    if headers:
        more.append(("headers", literal(headers, indent + 12, indent + 4)))
    if request.body:
        more.append(("data", in_a_line(request.body.decode()) if request.body.isascii() else repr(request.body)))
    if fault is not None and isinstance(fault.effect, Response):
        if 300 <= fault.effect.status < 400:
            more.append(("allow_redirects", "False"))
        if _is_encoded(fault.effect):
            more.append(("stream", "True"))
    return call(name, [*arguments, *more, ("timeout", str(_patience_s(fault)))], indent)


def _basic(text: str) -> str:
    return in_a_line(text) if text.isascii() else f"{in_a_line(text)}.encode()"


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


# --- what it expects -----------------------------------------------------------------------------------------------


def _expected(entry: Exchange, fixture: Fixture, path: str, request: Asked) -> list[str]:
    effect = entry.fault.effect if entry.fault else None
    head = entry.method == "HEAD"
    cut = isinstance(effect, Truncate) and effect.fraction < 1 and not head
    if isinstance(effect, Transport) and not (head and effect.fault == "MALFORMED_RESPONSE_CHUNK"):
        return _raising(entry, request, path)
    played = Played.of(fixture, entry, path, request.sent)
    if not isinstance(effect, Error | RateLimit | Response | Transport):
        played.hold_against(entry, violated=isinstance(effect, Violate))
    if cut:
        return _raising(entry, request, path)
    lines = [
        f"    answer = {_sending(entry, request, path, 4)}",
        f"    assert answer.status_code == {200 if entry.status is None else entry.status}",
    ]
    if head or len(entry.response_body) > BODY_BYTES:
        return lines
    return [*lines, *_said(entry, effect, played)]


def _raising(entry: Exchange, request: Asked, path: str) -> list[str]:
    return ["    with pytest.raises(requests.RequestException):", f"        {_sending(entry, request, path, 8)}"]


def _said(entry: Exchange, effect: object, played: Played) -> list[str]:
    """What is asserted of the body."""
    operation = entry.to.operation
    if isinstance(effect, Response):
        if _is_encoded(effect):
            return []
        if effect.body is not None and not isinstance(effect.body, str) and effect.status not in (204, 304):
            return [f"    assert answer.json() == {literal(effect.body, 28, 4)}"]
        return [f"    assert answer.content == {entry.response_body!r}"]
    is_file = operation is not None and operation.media_type != "application/json" and entry.status == 200
    if isinstance(effect, Violate) and (is_file or (effect.remove is None and effect.set is None)):
        return ['    assert answer.headers["X-Mock-Contract"] == "deliberately-invalid"']
    if is_file:
        return ['    assert answer.headers["Content-Type"] == "application/zip"']
    body = json.loads(entry.response_body)
    if isinstance(effect, Violate):
        return _violated(body, effect)
    if "error" not in body:
        if "data" not in body:
            return ['    assert "data" not in answer.json()']
        return [f'    assert answer.json()["data"] == {literal(body["data"], 36, 4)}']
    code, message = body["error"]["code"], body["error"]["message"]
    if not _repeats(entry, effect, played, message):
        return [f'    assert answer.json()["error"]["code"] == {code}']
    return [
        '    error = answer.json()["error"]',
        f'    assert (error["code"], error["message"]) == {_pair(code, message)}',
    ]


def _pair(code: int, message: str) -> str:
    return f"({code}, {in_a_line(message)})"


def _repeats(entry: Exchange, effect: object, played: Played, message: str) -> bool:
    """Whether the sentence of an error is the same each time. Rules have other names in a test."""
    if isinstance(effect, Error):
        return effect.message is not None or (entry.fault is not None and entry.fault.id in (OWN, PREFERRED))
    return not isinstance(effect, RateLimit) and played.message == message


def _violated(body: Any, effect: Violate) -> list[str]:
    if not isinstance(body, dict):
        return [f"    assert answer.json() == {literal(body, 28, 4)}"]
    put = {pointer[1:] for pointer in effect.set or ()}
    kept = {key: value for key, value in body.items() if key not in VOLATILE or key in put}
    lines = ["    body = answer.json()"]
    for key, value in kept.items():
        at = f"    assert body[{in_a_line(key)}] == "
        lines.append(at + literal(value, len(at), 4))
    gone = {"successful", "status", *VOLATILE} - body.keys()
    if body.get("successful") is True and effect.remove == "/data":
        gone.add("data")
    return lines + [f"    assert {in_a_line(key)} not in body" for key in sorted(gone)]
