"""A websocket between who asks and the upstream: message by message, pings and the reason of a close included."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import WSMsgType, hdrs, web
from multidict import CIMultiDict

from mockserver.contract.errors import ApiError
from mockserver.server.elsewhere.passing import ANSWER_S, DEAD_UPSTREAM, Forwarded, unanswered
from mockserver.world.clock import ticks

MESSAGE: Final = 16 * 1024 * 1024
"""The largest message, as it is held whole."""
CLOSE_S: Final = 1
"""So long the upstream has to say that it has heard of the end."""
OF_ONE_SIDE: Final = "sec-websocket-"
PASSED: Final = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)
Side = web.WebSocketResponse | aiohttp.ClientWebSocketResponse[bool]


def is_websocket(request: web.Request) -> bool:
    return request.method == hdrs.METH_GET and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


@dataclass(eq=False)
class Tunnel(Forwarded):
    """Of a websocket."""

    _there: aiohttp.ClientWebSocketResponse[bool] | None = field(default=None, init=False)
    _refused: aiohttp.WSServerHandshakeError | None = field(default=None, init=False)

    async def ask(self) -> None:
        headers = self.passage.asked(self.request.headers)
        for name in [name for name in headers if name.lower().startswith(OF_ONE_SIDE)]:
            headers.popall(name, None)
        offered = ",".join(self.request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ()))
        try:
            async with asyncio.timeout(ANSWER_S):
                self._there = await self.session.ws_connect(
                    self.url,
                    protocols=[name for one in offered.split(",") if (name := one.strip())],
                    headers=headers,
                    autoping=False,
                    max_msg_size=MESSAGE,
                    decode_text=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status < 400:
                problem = "it takes no websocket there"
                raise ApiError(DEAD_UPSTREAM, upstream=self.passage.upstream.origin, problem=problem) from None
            self._refused = error
            self.headers = self.passage.answered(error.headers or CIMultiDict())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unanswered(self.passage, error) from None

    async def send(self) -> web.StreamResponse:
        there = self._there
        if there is None:
            assert self._refused is not None
            return self._refusal(self._refused.status)
        chosen = (there.protocol,) if there.protocol else ()
        here = web.WebSocketResponse(protocols=chosen, autoping=False, max_msg_size=MESSAGE, decode_text=False)
        here.headers.extend(self.headers)
        await here.prepare(self.request)
        self.exchange.status, self.exchange.headers, self.exchange.ended = 101, self.headers, ticks()
        ways = [asyncio.create_task(passed_on(here, there)), asyncio.create_task(passed_on(there, here))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            if not here.closed and self.request.transport is not None:
                self.request.transport.abort()
        return here

    async def whole(self) -> None:
        """There is no body."""

    async def close(self) -> None:
        """Tells the upstream, if it has not been told; the other side is aiohttp's to close."""
        if self._there is not None:
            with suppress(aiohttp.ClientError, OSError):
                await self._there.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def _refusal(self, status: int) -> web.Response:
        """Without its body, which no browser shows, and aiohttp does not give."""
        self.exchange.status, self.exchange.headers, self.exchange.ended = status, self.headers, ticks()
        for name in (hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING, hdrs.CONTENT_TYPE):
            self.headers.popall(name, None)
        return web.Response(status=status, headers=self.headers)


async def passed_on(source: Side, target: Side) -> None:
    """Until one of them closes, and then the other has been closed for the same reason; or breaks off."""
    with suppress(aiohttp.ClientError, OSError):
        while True:
            message = await source.receive()
            if message.type in PASSED:
                await target.send_frame(message.data, message.type)
            elif message.type is WSMsgType.CLOSE:
                await target.close(code=message.data or aiohttp.WSCloseCode.OK, message=(message.extra or "").encode())
                return
            else:
                return
