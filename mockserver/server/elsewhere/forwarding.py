"""A request that is passed on to another system, and its answer back, both streamed.

What one side breaks off ends the other. No web page of another origin gets here, and no answer has CORS of ours.
"""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from typing import Any, Final
from urllib.parse import unquote
from weakref import WeakSet

import aiohttp
from aiohttp import hdrs, web

from mockserver.contract.errors import ApiError, Row, Unprocessable
from mockserver.faults.effects import Dribble, Truncate
from mockserver.redaction import shown_target
from mockserver.server import steps, transport
from mockserver.server.elsewhere.answering import Answer, answered, refusal
from mockserver.server.elsewhere.foreign import check_page
from mockserver.server.elsewhere.passing import Passing
from mockserver.server.elsewhere.tunnel import Tunnel, is_websocket
from mockserver.server.elsewhere.upstream import Passage, Upstream
from mockserver.server.logs import escaped
from mockserver.server.routing import origin_form, target_in_world
from mockserver.world.evidence.exchange import FORWARDED, REFUSED, Asked, Exchange
from mockserver.world.served import Served
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")

CONNECT_S: Final = 10
CLOSED_S: Final = 1
LOOKS: Final = 200
"""At the end, within that time, whether every connection is closed."""
LOOK_S: Final = 0.25
"""So often it is looked whether who asked is still there: aiohttp tells nobody."""
HEADERS: Final = 64 * 1024
"""So long each header of an answer may be."""
FOREIGN_PAGE: Final = Row("no permission", "ours", 403, "Not forwarded: {problem}.")
SYSTEM: Final = "the system that is forwarded to"


class Forwarding:
    """Of an application: its upstream, and all that is on its way there."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._session: aiohttp.ClientSession | None = None
        self._sockets = WeakSet[socket.socket]()
        self._under_way: set[asyncio.Task[web.StreamResponse]] = set()

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made in the loop that serves. A connection for each request: one that is kept breaks just when it is used."""
        if self._session is None:
            tls = self.upstream.tls
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, force_close=True, ssl=True if tls is None else tls, socket_factory=self._socket
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                skip_auto_headers=(hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT),
                auto_decompress=False,
                max_line_size=HEADERS,
                max_field_size=HEADERS,
            )
        return self._session

    def _socket(self, to: aiohttp.AddrInfoType) -> socket.socket:
        made = socket.socket(*to[:3])
        self._sockets.add(made)
        return made

    async def while_asked(
        self, request: web.Request, answering: Coroutine[Any, Any, web.StreamResponse]
    ) -> web.StreamResponse | None:
        """None if who asked has gone, or everybody was let go."""
        task = asyncio.create_task(answering)
        self._under_way.add(task)
        try:
            while not (await asyncio.wait([task], timeout=LOOK_S))[0]:
                if request.transport is None:
                    task.cancel()
        finally:
            task.cancel()
            self._under_way.discard(task)
        return None if task.cancelled() else task.result()

    async def let_go(self, _: web.Application) -> None:
        for task in self._under_way:
            task.cancel()

    async def close(self, _: web.Application) -> None:
        """A connection with TLS that was given back says good-bye first, for which a session does not wait."""
        if self._session is None:
            return
        await self._session.close()
        for _look in range(LOOKS):  # nobody tells when a socket is closed
            if all(one.fileno() == -1 for one in self._sockets):
                return
            await asyncio.sleep(CLOSED_S / LOOKS)


FORWARDING: Final = web.AppKey("forwarding", Forwarding)
"""Of an application that forwards."""


async def forwarded(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
    """None where nothing is forwarded, and what is at no path that is."""
    forwarding, target = request.app.get(FORWARDING), target_in_world(site, request)
    if forwarding is None or not forwarding.upstream.takes(unquote(target.partition("?")[0])):
        return None
    served = site.served
    exchange = steps.arrived(served, asked)
    exchange.kind = FORWARDED
    base = origin_form(request.raw_path).removesuffix(target)
    passage = Passage(upstream=forwarding.upstream, host=request.headers.get(hdrs.HOST, request.host), base=base)
    way = Tunnel if is_websocket(request) else Passing
    passing = way(forwarding.session, passage, target, request, served, exchange)
    failure = foreign(site, request)
    if failure is not None:
        exchange.kind = REFUSED
    else:
        failure = steps.choose_fault(served, exchange)

    async def own() -> Answer:
        try:
            if failure is not None:
                return refused(served, exchange, failure)
            await passing.ask()
            return await answer_of(exchange, passing)
        except ApiError as error:
            return refused(served, exchange, error)

    site.calls += 1
    try:
        response = await forwarding.while_asked(request, answered(site, exchange, request, own))
    finally:
        site.calls -= 1
        await passing.close()
    if response is None:
        exchange.let_go = exchange.status is None
        return transport.close(request)
    return response


def foreign(site: Site, request: web.Request) -> ApiError | None:
    """Why it is not for whose page asks."""
    try:
        check_page(site.options, request, SYSTEM)
    except Unprocessable as error:
        problem, _, advice = error.message.partition("; ")
        return ApiError(FOREIGN_PAGE, problem=problem, hint=advice or None)
    return None


async def answer_of(exchange: Exchange, passing: Passing | Tunnel) -> Answer:
    """That of the upstream. Whole, if a fault truncates it or dribbles, unless it is large or has no end."""
    if exchange.fault is not None and isinstance(exchange.fault.effect, Truncate | Dribble):
        whole = await passing.whole()
        if whole is not None:
            return whole
        exchange.effect = f"{exchange.effect}: not done, since the answer is large or has no end"
    return Answer(0, b"", passing.headers, stream=passing.send)


def refused(served: Served, exchange: Exchange, failure: ApiError) -> Answer:
    asked, advice = exchange.asked, f" ({failure.hint})" if failure.hint else ""
    line = f"{asked.method} {shown_target(asked.path)}: {failure.row.status}: {failure.message}{advice}"
    log.warning("%s", escaped(line))
    return refusal(served, exchange, failure)
