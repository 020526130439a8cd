"""What goes to the socket in another way than aiohttp's: a plain answer written in one go, and every fault of one.

After a connection has been closed or aborted a handler still returns a response; it is never sent (`GONE`).
"""

import socket
import struct
from collections.abc import Awaitable, Callable
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11
from multidict import CIMultiDict

from mockserver.contract.account import VALID
from mockserver.faults.effects import Dribble, TransportFault

LARGEST: Final = 64 * 1024
RANDOM_BYTES: Final = 64
_HEAD: Final = (
    f"HTTP/1.1 200 OK\r\n{hdrs.CONTENT_TYPE}: application/json\r\nX-Mock-Contract: {VALID}\r\n"
    f"{hdrs.SERVER}: {SERVER_SOFTWARE}\r\n{hdrs.DATE}: %s\r\n{hdrs.CONTENT_LENGTH}: "
)
Wait = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; False if it was let go before."""


@lru_cache(maxsize=2)
def _head(date: str) -> bytes:
    return (_HEAD % date).encode()


class Plain(web.StreamResponse):
    """A proven JSON answer with status 200 that nothing can want to change, written in one go.

    The same bytes as a web.Response, in two thirds of the time of a whole request: what the proof costs is earned here.
    Only for an application that runs alone (no middleware, no signal), and only where `suits` says so.
    """

    _eof_sent = False
    _payload_writer = None
    _status = 200
    keep_alive = True

    def __init__(self, content: bytes) -> None:  # not aiohttp's: there are no headers to keep
        self._content = content

    async def prepare(self, request: web.BaseRequest) -> Any:
        if request.transport is not None:
            content = self._content
            request.transport.write(b"%b%d\r\n\r\n%b" % (_head(rfc822_formatted_time()), len(content), content))

    async def write_eof(self, data: bytes = b"") -> None:
        self._eof_sent = True

    @property
    def body_length(self) -> int:
        return len(self._content)


def suits(request: web.Request, content: bytes) -> bool:
    """HTTP/1.1, kept alive, not HEAD, and nothing of an earlier answer is still waiting for its reader."""
    transport = request.transport
    return (
        request.version == HttpVersion11
        and request.keep_alive
        and request.method != hdrs.METH_HEAD
        and len(content) <= LARGEST
        and transport is not None
        and not transport.get_write_buffer_size()
    )


# --- faults --------------------------------------------------------------------------------------------------------


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
    while request.transport is not None and await wait(1.0):
        pass
    return close(request)


async def truncated(
    request: web.BaseRequest, status: int, content: bytes, headers: CIMultiDict[str], fraction: float
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(content)
    response.force_close()
    try:
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await response.write(content[: int(len(content) * fraction)])
            close(request)
    except ConnectionError:  # its client has gone
        return Gone()
    return response


async def dribbled(
    request: web.BaseRequest, status: int, content: bytes, headers: CIMultiDict[str], effect: Dribble, wait: Wait
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
        for start, end in pairwise(edges):
            if not await wait(effect.total_ms / 1000 / effect.chunks):
                return close(request)
            if start < end:
                await response.write(content[start:end])
        await response.write_eof()
    except ConnectionError:  # its client has gone
        return Gone()
    return response
