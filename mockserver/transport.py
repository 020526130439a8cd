"""Answers that go to the socket without aiohttp's own way of writing them."""

from functools import lru_cache
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11

from mockserver.account import VALID

LARGEST: Final = 64 * 1024
_HEAD: Final = (
    f"HTTP/1.1 200 OK\r\n{hdrs.CONTENT_TYPE}: application/json\r\nX-Mock-Contract: {VALID}\r\n"
    f"{hdrs.SERVER}: {SERVER_SOFTWARE}\r\n{hdrs.DATE}: %s\r\n{hdrs.CONTENT_LENGTH}: "
)


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
