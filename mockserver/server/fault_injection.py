"""A request that met a fault: when it waits, whether it happens, what its client sees, and the account of it.

The straight line without a fault is `app.answer`; this is its other branch. `perform` carries the operation out as that
line does.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final, NamedTuple

from aiohttp import hdrs, web
from multidict import CIMultiDict, istr

from mockserver.contract.account import DELIBERATELY_INVALID, VALID, VIOLATION, Account, Verdict
from mockserver.contract.errors import BAD_PARAMETER, ApiError, Problem, Violation
from mockserver.contract.json_text import strict_json
from mockserver.contract.routes import Route
from mockserver.contract.schemas import Checker, contract
from mockserver.contract.wire import Wire
from mockserver.faults import mutation
from mockserver.faults.effects import (
    DELAYS,
    EFFECTS,
    Dribble,
    Effect,
    Error,
    RateLimit,
    Response,
    Transport,
    Truncate,
    Violate,
    problems,
)
from mockserver.faults.rules import AFTER, BEFORE, Fault, from_json
from mockserver.server import cors, responses, transport
from mockserver.server.handlers import Data
from mockserver.times import MS
from mockserver.world.clock import ticks
from mockserver.world.journal import ANSWERED, BODY_BYTES
from mockserver.world.site import Site

OWN: Final = "X-Mock-Fault"
PREFERRED: Final = "Prefer"
"""The ids of the faults that a request asks for itself are the headers' names."""
FAULT_HEADER: Final = istr(OWN)  # looked up in every request, and an istr is in half of the time
PREFER: Final = istr(PREFERRED)
APPLIED: Final = "Preference-Applied"
LET_GO: Final = ", let go"
"""What the journal says after the effect of a late answer that never came."""
KEPT: Final = BODY_BYTES + 1
"""Of a body, in the journal: one byte more than is shown, so that it shows that there was more."""
Done = tuple[Data | Violation, ApiError | None]
Perform = Callable[[], Done]
"""Brings the world up to now and carries the operation out, all checks included."""


class Reply(NamedTuple):
    status: int
    content: bytes
    headers: CIMultiDict[str]
    verdict: Verdict
    failure: ApiError | None


async def spoiled(
    site: Site, fault: Fault, request: web.Request, to: Route, trace_id: str, perform: Perform, entry: list[Any]
) -> web.StreamResponse:
    """`entry` is the request's in the journal, which gets what becomes of it."""
    hosted, effect = site.hosted, fault.effect
    dice = fault.dice(fault.matches, hosted.world.settings.seed)
    dice.random()  # the rule's own probability has had that one
    began = ticks()
    delay_s = None if fault.delay is None else fault.delay.seconds(dice)
    done: Done = (None, None)
    happens = not fault.replaces or fault.when == AFTER

    def told(status: int | None, content: bytes, hint: str | None, what: str) -> None:
        entry[ANSWERED] = [status, content[:KEPT], fault.id, hint, what]

    told(None, b"", None, described(fault))
    if happens and fault.when == AFTER:
        done = perform()
    if delay_s is not None and not await hosted.held.wait(fault.id, delay_s):
        told(None, b"", None, described(fault) + LET_GO)
        site.account.deliberately_invalid += 1
        return transport.close(request)
    if happens and fault.when == BEFORE:
        done = perform()

    async def wait(seconds: float) -> bool:
        return await hosted.held.wait(fault.id, seconds)

    if isinstance(done[0], Violation):
        effect = None  # our bug comes first
    if isinstance(effect, Transport):
        site.account.deliberately_invalid += 1
        if effect.fault == "HANG":
            return await transport.hang(request, wait)
        hosted.remember_spoiled(entry)
        head = Reply(200, b"", CIMultiDict({hdrs.CONTENT_TYPE: "application/json"}), DELIBERATELY_INVALID, None)
        return transport.spoil(request, effect.fault, decorated(head, fault, request), dice)

    what = described(fault)
    if isinstance(effect, Response):
        reply = replaced(effect, hosted.wire, to)
    else:
        duration = (ticks() - began) // MS if hosted.clock.rate else 0
        reply = written(site, to, fault, effect, done, duration, trace_id)
        if isinstance(effect, Violate) and reply.verdict != VIOLATION:
            reply, what = broken(reply, effect, hosted.wire, to, dice)
        elif isinstance(effect, Truncate) and reply.verdict != VIOLATION:
            reply = reply._replace(verdict=DELIBERATELY_INVALID)
    site.account.count(reply.verdict)
    headers = decorated(reply, fault, request)
    told(reply.status, reply.content, headers.get(responses.HINT), what)
    if isinstance(effect, Truncate):
        return await transport.truncated(request, reply.status, reply.content, headers, effect.fraction)
    if isinstance(effect, Dribble):
        return await transport.dribbled(request, reply.status, reply.content, headers, effect, wait)
    return web.Response(status=reply.status, body=reply.content, headers=headers)


def described(fault: Fault) -> str:
    """The effect and the delay, as the journal names them."""
    parts = [*(fault.effect.to_json() if fault.effect else ()), *(fault.delay.to_json() if fault.delay else ())]
    return " and ".join(
        fault.effect.fault if part == "fault" and isinstance(fault.effect, Transport) else part for part in parts
    )


# --- replies -------------------------------------------------------------------------------------------------------


def written(
    site: Site, to: Route, fault: Fault, effect: Effect | None, done: Done, duration: int, trace_id: str
) -> Reply:
    """The operation's own answer, or the error that replaces it; proven either way."""
    hosted, (data, failure) = site.hosted, done
    if isinstance(effect, Error):
        data, failure = None, responses.injected(fault, effect)
    elif isinstance(effect, RateLimit):
        data, failure = None, responses.limited(fault, effect, hosted.world.now)
    scratch = Account()
    now = hosted.clock.now() if hosted.clock.rate else hosted.world.now
    status, content, headers = responses.proven(scratch, hosted.wire, to, data, failure, duration, now, trace_id)
    return Reply(status, content, headers, VIOLATION if scratch.violations else VALID, failure)


def replaced(effect: Response, wire: Wire, to: Route) -> Reply:
    """Anything. It is valid if it happens to be: the right schema's JSON, and said to be JSON."""
    headers = CIMultiDict(effect.headers)
    if effect.body is None:
        content = b""
    elif isinstance(effect.body, str):
        content = effect.body.encode("utf-8", "replace")
        headers.setdefault(hdrs.CONTENT_TYPE, "text/plain; charset=utf-8")
    else:
        content = json.dumps(effect.body, ensure_ascii=False).encode("utf-8", "replace")
        headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
    checker = schema_of(effect.status, wire, to)
    valid = False
    if checker is not None and headers.get(hdrs.CONTENT_TYPE, "").startswith("application/json"):
        try:
            valid = checker.accepts(json.loads(content))
        except ValueError:
            valid = False
    return Reply(effect.status, content, headers, VALID if valid else DELIBERATELY_INVALID, None)


def broken(reply: Reply, effect: Violate, wire: Wire, to: Route, dice: Random) -> tuple[Reply, str]:
    """The reply with its contract broken, and how. One that the schema still accepts is valid, and said to be."""
    checker = schema_of(reply.status, wire, to)
    if checker is None:  # a file
        return reply._replace(content=b"violated" + reply.content[8:], verdict=DELIBERATELY_INVALID), "violate the file"
    value = json.loads(reply.content)
    if effect.remove is None and effect.set is None:
        drawn = mutation.drawn(value, checker, dice)
        assert drawn is not None, "the schema of an answer rejects something"
        changed, what = drawn
    else:
        changed, what = mutation.violated(value, effect)
    content = json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    verdict: Verdict = VALID if checker.accepts(changed) else DELIBERATELY_INVALID
    return reply._replace(content=content, verdict=verdict), f"violate: {what}"


def schema_of(status: int, wire: Wire, to: Route) -> Checker | None:
    """What an answer with this status must be; None for a file."""
    if status != 200:
        return wire.contract.checker("error") if status >= 400 else None
    assert to.operation is not None
    return None if to.operation.media_type != "application/json" else wire.envelope(to.operation.id)


def decorated(reply: Reply, fault: Fault, request: web.Request) -> CIMultiDict[str]:
    headers = reply.headers.copy()
    headers[responses.CONTRACT] = reply.verdict
    if fault.id == PREFERRED:
        headers[APPLIED] = f"code={reply.status}"
    headers[responses.RULE] = fault.id
    if 400 <= reply.status < 500 and responses.HINT not in headers:
        headers[responses.HINT] = responses.header_safe(f"{fault.id} acted: {described(fault)}")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        cors.share(headers, origin)
    return headers


# --- what a request asks for itself --------------------------------------------------------------------------------


_PREFERENCE: Final = re.compile(
    r"""
    \s* (?i:code) \s*=\s* (?P<quote>"?)(?P<code>[45][0-9]{2})(?P=quote) \s* (?:;[^,]*)? (?:,|\Z)
    | (?:[^,"]|"[^"]*"?)* (?:,|\Z)
    """,
    re.VERBOSE,
)
"""One of a Prefer header's: a code that can be met, perhaps in quotes and with parameters; or anything else."""


def own_fault(request: web.Request, number: int) -> Fault | None:
    """The fault that a request's own headers ask for; `number` is the request's, for its dice.

    Raises ApiError for an X-Mock-Fault that is none. A preference that cannot be met is ignored, as RFC 7240 has it.
    """
    text = request.headers.get(FAULT_HEADER)
    if text is not None:
        return replace(from_json(_checked(text), OWN), matches=number)
    for preference in _PREFERENCE.finditer(",".join(request.headers.getall(PREFER, []))):
        if preference["code"]:
            return Fault(id=PREFERRED, effect=Error(status=int(preference["code"])), matches=number)
    return None


def _checked(text: str) -> dict[str, Any]:
    allowed = {*EFFECTS, *DELAYS, "when"} - {"rateLimit"}
    try:
        body = strict_json(text)
    except (ValueError, RecursionError) as error:
        raise _bad(text, [f"not JSON: {error}"]) from None
    checker = contract().checker("fault")
    found: list[Problem] = [] if checker.accepts(body) else checker.problems(body)
    if not found:
        found = problems(body)
        found += [Problem((key,), "not for one request") for key in body if key not in allowed]
    if found:
        raise _bad(text, [f"{one.json_path}: {one.message}" for one in found])
    assert isinstance(body, dict)
    return body


def _bad(text: str, messages: list[str]) -> ApiError:
    wrong = [
        {"object": "request", "field": OWN, "rejectedValue": text[:200], "message": message} for message in messages
    ]
    return ApiError(BAD_PARAMETER, sub_errors=wrong, problem=f"{OWN}: {'; '.join(messages)}")
