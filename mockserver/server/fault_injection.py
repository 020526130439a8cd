"""A request that met a fault: when it waits, whether it happens, what its client sees, and the account of it.

The steps are those of `answer`, some of them later.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict

from mockserver.contract.errors import Violation
from mockserver.contract.json_text import in_pieces, is_longer
from mockserver.contract.routes import Route
from mockserver.contract.schemas import Checker
from mockserver.contract.wire import Wire
from mockserver.faults import mutation
from mockserver.faults.effects import Dribble, Error, RateLimit, Response, Transport, Truncate, Violate
from mockserver.faults.header import PREFERRED
from mockserver.faults.rules import AFTER, BEFORE, Fault
from mockserver.server import cors, handlers, responses, steps, transport
from mockserver.server.responses import Reply
from mockserver.times import MS
from mockserver.world.account import DELIBERATELY_INVALID, VALID, VIOLATION, Verdict
from mockserver.world.clock import ticks
from mockserver.world.evidence.exchange import KEPT, Exchange
from mockserver.world.live import TooManyEvents
from mockserver.world.served import Served
from mockserver.world.turns import Result, in_thread
from mockserver.world.worlds import Site

APPLIED: Final = "Preference-Applied"
AT_ONCE: Final = 16 * 1024
"""A body of more characters, about, is written in a thread."""


async def spoiled(site: Site, exchange: Exchange, request: web.Request) -> web.StreamResponse:
    """What `exchange.fault` makes of it. The journal has the exchange already, and gets what becomes of it."""
    served, fault = site.served, exchange.fault
    assert fault is not None
    effect = fault.effect
    dice = fault.dice(fault.matches, served.world.settings.seed)
    dice.random()  # the rule's own probability has had that one
    began = ticks()
    exchange.rule, exchange.effect = fault.id, described(fault)
    done, wire = steps.Done(), served.wire
    happens = not fault.replaces or fault.when == AFTER
    if happens and fault.when == AFTER:
        done, wire = await late(site, exchange)
    if fault.delay is not None and not await served.held.wait(fault.id, fault.delay.seconds(dice)):
        exchange.let_go = True
        site.account.deliberately_invalid += 1
        account_for(site, exchange)
        return transport.close(request)
    if happens and fault.when == BEFORE:
        done, wire = await late(site, exchange)
    if isinstance(done.data, Violation):
        effect = None  # our bug comes first

    async def wait(seconds: float) -> bool:
        return await served.held.wait(fault.id, seconds)

    if isinstance(effect, Transport):
        site.account.deliberately_invalid += 1
        account_for(site, exchange)
        if effect.fault == "HANG":
            return await transport.hang(request, wait)
        served.remember_spoiled(exchange.asked)
        head = Reply(200, b"", CIMultiDict({hdrs.CONTENT_TYPE: "application/json"}), DELIBERATELY_INVALID)
        return transport.spoil(request, effect.fault, decorated(head, served, exchange, request), dice)

    duration = (ticks() - began) // MS if served.clock.rate else 0
    if isinstance(effect, Response):
        reply = await made(effect, partial(replaced, effect, wire, exchange.asked.to))
    else:
        reply = written(served, wire, exchange, done, duration)
    if isinstance(effect, Truncate) and reply.verdict != VIOLATION:
        reply = replace(reply, verdict=DELIBERATELY_INVALID)
    if isinstance(effect, Violate) and reply.verdict != VIOLATION:
        breaking = partial(broken, reply, effect, wire, exchange.asked.to, dice)
        reply, exchange.effect = await in_thread(breaking)  # an answer can have 100,000 subtasks
    site.account.count(reply.verdict)
    headers = decorated(reply, served, exchange, request)
    exchange.status, exchange.content, exchange.hint = reply.status, reply.content[:KEPT], headers.get(responses.HINT)
    exchange.headers, exchange.ended = headers, ticks()
    served.journal.answered(exchange)
    account_for(site, exchange)
    if isinstance(effect, Truncate):
        return await transport.truncated(request, reply.status, reply.content, headers, effect.fraction)
    if isinstance(effect, Dribble):
        return await transport.dribbled(request, reply.status, reply.content, headers, effect, wait)
    return responses.response(reply.status, [reply.content], headers)


def account_for(site: Site, exchange: Exchange) -> None:
    """What became of it, in the account of its world."""
    site.account.faults += 1
    if exchange.client_error is not None or exchange.asked.expects is not None:
        steps.judge(site, exchange)


async def late(site: Site, exchange: Exchange) -> tuple[steps.Done, Wire]:
    """The operation is carried out, perhaps later than the request came; the other is of when it was."""
    served = site.served
    async with handlers.foreseeing(served, exchange.asked.to):
        done, wire = acted(site, exchange), served.wire
        served.foreseen.clear()
    return await steps.whole(exchange, done), wire


def acted(site: Site, exchange: Exchange) -> steps.Done:
    served = site.served
    try:
        world = served.up_to_now()
    except TooManyEvents as error:
        return steps.refuse(site, exchange, steps.endless(error))
    came = exchange.before
    if came is not None:  # its rules, its dice and its trace id are those of when it came
        settings = world.settings._replace(seed=came.settings.seed)
        exchange.before = world.with_settings(settings).with_faults(came.faults)
    exchange.acted = world.now
    return steps.carry_out(site, exchange)


def described(fault: Fault) -> str:
    """The effect and the delay, as the journal names them."""
    parts = [*(fault.effect.to_json() if fault.effect else ()), *(fault.delay.to_json() if fault.delay else ())]
    return " and ".join(
        fault.effect.fault if part == "fault" and isinstance(fault.effect, Transport) else part for part in parts
    )


# --- replies -------------------------------------------------------------------------------------------------------


async def made(effect: Response, make: Callable[[], Result]) -> Result:
    """In a thread, if a rule's body is large: it has no limit but that of a control call."""
    return await in_thread(make) if is_longer(effect.body, AT_ONCE) else make()


def written(served: Served, wire: Wire, exchange: Exchange, done: steps.Done, duration: int) -> Reply:
    """The operation's own answer, or the error that replaces it; proven either way, and not broken yet.

    `wire` is of when the data was made: the settings may be others by now.
    """
    fault, data, failure = exchange.fault, done.data, done.failure
    assert fault is not None
    assert not isinstance(data, handlers.Unwritten)
    effect = None if isinstance(data, Violation) else fault.effect
    if isinstance(effect, Error):
        data, failure = None, responses.injected(fault, effect, exchange.asked.headers)
    elif isinstance(effect, RateLimit):
        data, failure = None, responses.limited(fault, effect, served.world.now)
    now = served.clock.now() if served.clock.rate else served.world.now
    operation = exchange.asked.to.operation
    return responses.proven(wire, operation, data, failure, duration, now, exchange.trace_id)


def replaced(effect: Response, wire: Wire, to: Route) -> Reply:
    """Anything. It is valid if it happens to be: the right schema's JSON, and said to be JSON."""
    headers, content = replacing(effect)
    checker, body, valid = schema_of(effect.status, wire, to), effect.body, False
    if checker is not None and headers.get(hdrs.CONTENT_TYPE, "").startswith("application/json"):
        with suppress(ValueError):
            valid = checker.accepts(json.loads(body) if isinstance(body, str) else body)
    return Reply(effect.status, content, headers, VALID if valid else DELIBERATELY_INVALID)


def replacing(effect: Response) -> tuple[CIMultiDict[str], bytes]:
    """Headers and body."""
    headers = CIMultiDict(effect.headers)
    if effect.body is None:
        return headers, b""
    if isinstance(effect.body, str):
        headers.setdefault(hdrs.CONTENT_TYPE, "text/plain; charset=utf-8")
        return headers, effect.body.encode("utf-8", "replace")
    headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
    return headers, "".join(in_pieces(effect.body)).encode("utf-8", "replace")


def broken(reply: Reply, effect: Violate, wire: Wire, to: Route, dice: Random) -> tuple[Reply, str]:
    """The reply with its contract broken, and how. One that the schema still accepts is valid, and said to be.

    No single call takes long, so that other threads get their turns."""
    checker = schema_of(reply.status, wire, to)
    if checker is None:  # a file
        return replace(reply, content=b"violated" + reply.content[8:], verdict=DELIBERATELY_INVALID), "violate the file"
    value = json.loads(reply.content, object_pairs_hook=_in_python)
    verdict: Verdict = DELIBERATELY_INVALID
    if effect.remove is None and effect.set is None:
        drawn = mutation.drawn(value, checker, dice)
        assert drawn is not None, "the schema of an answer rejects something"
        changed, what = drawn
    else:
        changed, what = mutation.violated(value, effect)
        verdict = VALID if checker.accepts(changed) else DELIBERATELY_INVALID
    text = "".join(in_pieces(changed, ",", ":"))
    return replace(reply, content=text.encode("utf-8", "replace"), verdict=verdict), f"violate: {what}"


def _in_python(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return dict(pairs)


def schema_of(status: int, wire: Wire, to: Route) -> Checker | None:
    """What an answer with this status must be; None for a file."""
    if status != 200:
        return wire.contract.error(status) if status >= 400 else None
    assert to.operation is not None
    return None if to.operation.media_type != "application/json" else wire.contract.response(to.operation.id)


def decorated(reply: Reply, served: Served, exchange: Exchange, request: web.Request) -> CIMultiDict[str]:
    """The headers, with those that say what acted, and who may read it."""
    headers, fault = CIMultiDict(reply.headers), exchange.fault
    assert fault is not None
    if exchange.rate is not None:
        for name, value in responses.rate_headers(exchange.rate, served.world.now).items():
            headers.setdefault(name, value)
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
