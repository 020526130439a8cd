"""An answer that is not the task API's, and a fault rule that may act on it: what its client sees of the two.

It is in the journal, and in no account: no schema says what it must be.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from random import Random

from aiohttp import hdrs, web
from multidict import CIMultiDict

from mockserver.contract.errors import ApiError
from mockserver.faults.effects import Delay, Dribble, Error, RateLimit, Response, Transport, TransportFault, Truncate
from mockserver.faults.rules import AFTER, BEFORE, Fault
from mockserver.server import cors, fault_injection, responses, transport
from mockserver.tasks.value import value
from mockserver.world.clock import ticks
from mockserver.world.evidence.exchange import KEPT, STUB, Exchange
from mockserver.world.served import Served
from mockserver.world.worlds import Site


@value
class Answer:
    """Before it is bytes on a socket."""

    status: int
    content: bytes
    headers: CIMultiDict[str]
    reason: str | None = None
    fault: TransportFault | None = None
    """What happens to the connection instead."""
    dribble: Dribble | None = None
    fraction: float | None = None
    """Of the body, that is sent."""
    stream: Callable[[], Awaitable[web.StreamResponse]] | None = None
    """Sends it instead: the body is not there yet, and `headers` are what it sends. The journal is its business."""


Own = Callable[[], Awaitable[Answer | None]]
"""Carries out what was asked for. None if it was let go before."""


async def answered(site: Site, exchange: Exchange, request: web.Request, own: Own) -> web.StreamResponse:
    """By `own`, or as `exchange.fault` has it; the journal gets what becomes of it."""
    answer = await own() if exchange.fault is None else await spoiled(site, exchange, exchange.fault, own)
    if answer is None:
        exchange.let_go = True
        return transport.close(request)
    return await sent(site, exchange, request, answer)


async def spoiled(site: Site, exchange: Exchange, fault: Fault, own: Own) -> Answer | None:
    """What is asked for happens at the same moment as an operation of the API would."""
    served, effect = site.served, fault.effect
    exchange.rule, exchange.effect = fault.id, fault_injection.described(fault)
    answer = None
    if fault.when == AFTER and (answer := await own()) is None:
        return None
    if fault.delay is not None and not await delayed(served, exchange, fault.id, fault.delay):
        return None
    if fault.when == BEFORE and not fault.replaces and (answer := await own()) is None:
        return None
    match effect:
        case Error():
            return refusal(served, exchange, responses.injected(fault, effect, exchange.asked.headers))
        case RateLimit():
            return refusal(served, exchange, responses.limited(fault, effect, served.world.now))
        case Response():
            headers, content = await fault_injection.made(effect, partial(fault_injection.replacing, effect))
            return Answer(effect.status, content, headers)
        case Transport():
            return Answer(200, b"", CIMultiDict(), fault=effect.fault)
    assert answer is not None
    if isinstance(effect, Truncate):
        return replace(answer, fraction=effect.fraction)
    return replace(answer, dribble=effect) if isinstance(effect, Dribble) else answer


async def delayed(served: Served, exchange: Exchange, id: str, delay: Delay) -> bool:
    """False if it was let go. `id` is the rule's or the stub's that holds it."""
    return await served.held.wait(id, delay.seconds(dice(served, exchange)))


def dice(served: Served, exchange: Exchange) -> Random:
    return Random(f"{served.world.settings.seed} {exchange.trace_id}")


def refusal(served: Served, exchange: Exchange, failure: ApiError) -> Answer:
    """In the envelope of the API's errors, of which it is none."""
    reply = responses.proven(served.wire, None, None, failure, 0, served.world.now, exchange.trace_id)
    headers = CIMultiDict(reply.headers)
    headers.pop(responses.CONTRACT, None)
    exchange.hint = failure.hint
    return Answer(reply.status, reply.content, headers)


async def sent(site: Site, exchange: Exchange, request: web.Request, answer: Answer) -> web.StreamResponse:
    served, headers, fault = site.served, answer.headers, exchange.fault
    if fault is not None:
        headers[responses.RULE] = fault.id
    if exchange.rate is not None:
        headers.update(responses.rate_headers(exchange.rate, served.world.now))
    if hdrs.ORIGIN in request.headers and exchange.kind == STUB:
        cors.share(headers, request.headers[hdrs.ORIGIN])
    if answer.fault is not None:
        if answer.fault == "HANG":
            return await transport.hang(request, partial(served.held.wait, holder(exchange)))
        served.remember_spoiled(exchange.asked)
        headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
        return transport.spoil(request, answer.fault, headers, dice(served, exchange))
    if answer.stream is not None:
        return await answer.stream()
    exchange.status, exchange.content = answer.status, answer.content[:KEPT]
    exchange.headers, exchange.ended = headers, ticks()
    served.journal.answered(exchange)
    status, content = answer.status, answer.content
    if answer.fraction is not None:
        return await transport.truncated(request, status, content, headers, answer.fraction)
    if answer.dribble is not None:
        wait = partial(served.held.wait, holder(exchange))
        return await transport.dribbled(request, status, content, headers, answer.dribble, wait)
    return web.Response(status=status, reason=answer.reason, body=content, headers=headers)


def holder(exchange: Exchange) -> str:
    """Of an answer that waits: the rule's id, else that of what answers."""
    return exchange.rule or exchange.kind
