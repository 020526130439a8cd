"""What a fault does to a request that is passed on: which one acts is the rules' business, as of the API's requests.

What replaces the answer, delays it or breaks the connection can do so to any; what truncates or dribbles needs the
whole of the answer, and leaves a large one or a stream as it is. There is no contract that could be violated.
"""

from aiohttp import hdrs, web
from multidict import CIMultiDict

from mockserver.contract.errors import ApiError
from mockserver.faults.effects import Dribble, Error, RateLimit, Response, Transport, Truncate, Violate
from mockserver.faults.header import FAULT_HEADER, own_fault
from mockserver.faults.rules import AFTER, Incoming
from mockserver.server import fault_injection, responses, transport
from mockserver.server.elsewhere.passing import Passing
from mockserver.server.elsewhere.tunnel import Tunnel
from mockserver.world.journal import KEPT, Exchange
from mockserver.world.served import Served
from mockserver.world.worlds import Site


def meet(served: Served, exchange: Exchange) -> ApiError | None:
    """Which fault acts on it (`exchange.fault`): one of its own, or a rule that names a path. Returns what is wrong
    with its own."""
    asked = exchange.asked
    if FAULT_HEADER in asked.headers:
        try:
            exchange.fault = own_fault(asked.headers, exchange.traces + 1, served.world.settings.variant.row)
        except ApiError as error:
            return error
    before = served.live.world.faults
    if exchange.fault is None and before.ids:
        incoming = Incoming("", asked.method, asked.path, asked.sent.user, None, None)
        exchange.fault = served.live.choose_fault(incoming)
        exchange.rate = served.live.world.faults.rate_of(before, incoming, exchange.time)
    return None


async def spoiled(
    site: Site, exchange: Exchange, request: web.Request, passing: Passing | Tunnel
) -> web.StreamResponse:
    """What `exchange.fault` makes of it. Raises ApiError: an answer that replaces that of the upstream."""
    served, fault = site.served, exchange.fault
    assert fault is not None
    effect = fault.effect
    dice = fault.dice(fault.matches, served.world.settings.seed)
    dice.random()  # the rule's own probability has had that one
    exchange.rule, exchange.effect = fault.id, fault_injection.described(fault)

    async def wait(seconds: float) -> bool:
        return await served.held.wait(fault.id, seconds)

    if fault.when == AFTER:
        await passing.ask()
    if fault.delay is not None and not await wait(fault.delay.seconds(dice)):
        return transport.close(request)
    if isinstance(effect, Transport):
        exchange.let_go = False
        if effect.fault == "HANG":
            return await transport.hang(request, wait)
        served.remember_spoiled(exchange.asked)
        return transport.spoil(request, effect.fault, CIMultiDict({hdrs.CONTENT_TYPE: "application/json"}), dice)
    if isinstance(effect, Error):
        raise responses.injected(fault, effect, exchange.asked.headers)
    if isinstance(effect, RateLimit):
        raise responses.limited(fault, effect, served.world.now)
    if isinstance(effect, Response):
        return replaced(exchange, effect)
    if fault.when != AFTER:
        await passing.ask()
    passing.headers[responses.RULE] = fault.id
    if isinstance(effect, Truncate | Dribble):
        answer = await passing.whole()
        if answer is not None:
            status, content = answer
            headers = passing.headers
            headers.popall(hdrs.CONTENT_LENGTH, None)
            if isinstance(effect, Truncate):
                return await transport.truncated(request, status, content, headers, effect.fraction)
            return await transport.dribbled(request, status, content, headers, effect, wait)
        exchange.effect += ": not done, since the answer is large or has no end"
    elif isinstance(effect, Violate):
        exchange.effect += ": not done, since a forwarded answer has no contract"
    return await passing.send()


def replaced(exchange: Exchange, effect: Response) -> web.Response:
    headers, content = fault_injection.anything(effect)
    assert exchange.rule is not None
    headers[responses.RULE] = exchange.rule
    exchange.status, exchange.content, exchange.let_go = effect.status, content[:KEPT], False
    return web.Response(status=effect.status, body=content, headers=headers)
