"""A request that is passed on to another system, and its answer back, both streamed.

What one side breaks off ends the other. No web page of another origin gets here, and no answer has CORS of ours.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final
from urllib.parse import unquote

import aiohttp
from aiohttp import hdrs, web

from mockserver.contract.credentials import redacted
from mockserver.contract.errors import ApiError, Row, Unprocessable
from mockserver.server import responses, steps, transport
from mockserver.server.elsewhere import faults
from mockserver.server.elsewhere.foreign import check_page
from mockserver.server.elsewhere.passing import Passing
from mockserver.server.elsewhere.tunnel import Tunnel, is_websocket
from mockserver.server.elsewhere.upstream import Passage, Upstream
from mockserver.server.logs import escaped
from mockserver.server.routing import origin_form, target_in_world
from mockserver.world.journal import FORWARDED, Asked, Exchange
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")

CONNECT_S: Final = 10
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
        self._under_way: set[asyncio.Task[web.StreamResponse]] = set()

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made in the loop that serves. A connection for each request: one that is kept breaks just when it is used."""
        if self._session is None:
            tls = self.upstream.tls
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=True if tls is None else tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                skip_auto_headers=(hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT),
                auto_decompress=False,
                max_line_size=HEADERS,
                max_field_size=HEADERS,
            )
        return self._session

    async def while_asked(
        self, request: web.Request, answering: Coroutine[Any, Any, web.StreamResponse]
    ) -> web.StreamResponse:
        """Until it is done, who asked has gone, or everybody is let go."""
        task = asyncio.create_task(answering)
        self._under_way.add(task)
        try:
            while not (await asyncio.wait([task], timeout=LOOK_S))[0]:
                if request.transport is None:
                    task.cancel()
        finally:
            task.cancel()
            self._under_way.discard(task)
        return transport.close(request) if task.cancelled() else task.result()

    async def let_go(self, _: web.Application) -> None:
        for task in self._under_way:
            task.cancel()

    async def close(self, _: web.Application) -> None:
        if self._session is not None:
            await self._session.close()


FORWARDING: Final = web.AppKey("forwarding", Forwarding)
"""Of an application that forwards."""


async def forwarded(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
    """None where nothing is forwarded, and what is at no path that is."""
    forwarding, target = request.app.get(FORWARDING), target_in_world(site, request)
    if forwarding is None or not forwarding.upstream.takes(unquote(target.partition("?")[0])):
        return None
    exchange = steps.arrived(site.served, asked)
    exchange.kind = FORWARDED
    try:
        check_page(site.options, request, SYSTEM)
    except Unprocessable as error:
        problem, _, advice = error.message.partition("; ")
        return refused(site, exchange, request, ApiError(FOREIGN_PAGE, problem=problem, hint=advice or None))
    base = origin_form(request.raw_path).removesuffix(target)
    passage = Passage(upstream=forwarding.upstream, host=request.headers.get(hdrs.HOST, request.host), base=base)
    way = Tunnel if is_websocket(request) else Passing
    site.calls += 1
    try:
        passing = way(forwarding.session, passage, target, request, site.served, exchange)
        return await forwarding.while_asked(request, answered(site, exchange, request, passing))
    finally:
        site.calls -= 1


async def answered(
    site: Site, exchange: Exchange, request: web.Request, passing: Passing | Tunnel
) -> web.StreamResponse:
    exchange.let_go = True  # until it is answered
    failure = exchange.going_round or faults.meet(site.served, exchange)
    try:
        if failure is None:
            if exchange.fault is not None:
                return await faults.spoiled(site, exchange, request, passing)
            await passing.ask()
            return await passing.send()
    except ApiError as error:
        failure = error
    finally:
        passing.close()
        if failure is None:
            site.served.journal.answered(exchange)
    return refused(site, exchange, request, failure)


def refused(site: Site, exchange: Exchange, request: web.Request, failure: ApiError) -> web.Response:
    """An envelope of ours, which no page of another origin can read."""
    if failure.row.status >= 500:
        path = redacted(exchange.asked.path)
        log.warning("%s", escaped(f"{exchange.asked.method} {path}: {failure.row.status}: {failure.message}"))
    reply = steps.concluded(site, exchange, steps.refuse(site, exchange, failure))
    exchange.let_go = False
    headers = {name: text for name, text in reply.headers.items() if name != responses.CONTRACT}
    response = web.Response(status=reply.status, body=reply.content, headers=headers)
    if request.body_exists and not request.content.is_eof():
        response.force_close()  # the rest of the body is not wanted
    return response
