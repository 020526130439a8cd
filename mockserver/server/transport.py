"""What goes to the socket in another way than aiohttp's: every fault of an answer.

After a connection has been closed or aborted a handler still returns a response; it is never sent (`GONE`).
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from itertools import pairwise
from math import inf
from random import Random
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11
from multidict import CIMultiDict

from mockserver.faults.effects import Dribble, TransportFault
from mockserver.server.responses import BUFFERED

RANDOM_BYTES: Final = 64
Wait = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; False if it was let go before."""


class Gone(web.StreamResponse):
    """For a connection that is closed: nothing of it is ever sent."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        return

    @property
    def body_length(self) -> int:
        return 0


def close(request: web.BaseRequest) -> web.StreamResponse:
    """What has been written goes out, then the connection closes."""
    if request.transport is not None:
        request.transport.close()
    return Gone()


def spoil(
    request: web.BaseRequest, fault: TransportFault, headers: CIMultiDict[str], dice: Random
) -> web.StreamResponse:
    """Every transport fault but HANG, which is a wait without end and then a close. `headers` are for the one that has
    some."""
    transport = request.transport
    if transport is None:
        return Gone()
    if fault == "CONNECTION_RESET_BY_PEER":
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        return Gone()
    if fault == "MALFORMED_RESPONSE_CHUNK":
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 200 OK\r\n{''.join(lines)}{hdrs.TRANSFER_ENCODING}: chunked\r\n\r\n"
        transport.write(head.encode() + b"lskdu018973t09sylgasjkfg1][]'./.sdlv\r\n")
    elif fault == "RANDOM_DATA_THEN_CLOSE":
        transport.write(dice.randbytes(RANDOM_BYTES))
    return close(request)


async def hang(request: web.BaseRequest, wait: Wait) -> web.StreamResponse:
    """Until it is let go, or its client has gone."""
    await _rested(request, inf, wait)
    return close(request)


async def truncated(
    request: web.Request, status: int, content: bytes, headers: CIMultiDict[str], fraction: float
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(content)
    response.force_close()
    try:
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            with request.app[BUFFERED].holding(len(content)):
                await response.write(content[: int(len(content) * fraction)])
            close(request)
    except ConnectionError:  # its client has gone
        return Gone()
    return response


async def dribbled(
    request: web.Request, status: int, content: bytes, headers: CIMultiDict[str], effect: Dribble, wait: Wait
) -> web.StreamResponse:
    """Each piece after its share of the time."""
    response = web.StreamResponse(status=status, headers=headers)
    if request.version == HttpVersion11:
        response.enable_chunked_encoding()
    else:
        response.content_length = len(content)
    edges = [len(content) * n // effect.chunks for n in range(effect.chunks + 1)]
    try:
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        with request.app[BUFFERED].holding(len(content)):
            for start, end in pairwise(edges):
                if not await _rested(request, effect.total_ms / 1000 / effect.chunks, wait):
                    return close(request)
                if start < end:
                    await response.write(content[start:end])
        await response.write_eof()
    except ConnectionError:  # its client has gone
        return Gone()
    return response


async def _rested(request: web.BaseRequest, seconds: float, wait: Wait) -> bool:
    """False if it was let go before, or its client has gone."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while request.transport is not None:
        left = max(end - loop.time(), 0.0)
        if not await wait(min(left, 1.0)):
            return False
        if left <= 1.0:
            return True
    return False
