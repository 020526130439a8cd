"""What a plain request is: what aiohttp's own parser says it is, remembered by the request's bytes.

Plain is one whole GET or POST by HTTP/1.1, without a body, of a path of the API, and with no header that asks for
anything but the usual. All else is aiohttp's business, mistakes too. Nothing here answers or knows what a task is.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp import EMPTY_PAYLOAD, hdrs
from aiohttp.http import HttpVersion11
from multidict import CIMultiDictProxy

from mockserver.contract.credentials import SESSION

LONGEST: Final = 4096
KNOWN: Final = 1024
"""How many requests are remembered, of at most LONGEST bytes each: 4 MiB at worst, beside what was read from them."""
METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_POST})
NOT_PLAIN: Final = (
    *(hdrs.EXPECT, hdrs.ORIGIN, hdrs.UPGRADE, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING),
    "Prefer",
)
OURS: Final = "x-mock-"
_END: Final = b"\r\n\r\n"
_TARGET: Final = re.compile(r"(?:/[A-Za-z0-9_~-]+)+/?")
"""No escape, query, dot or empty segment: what the path is, is what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlainRequest:
    """One that comes again in the same bytes may be the same object, and nothing else is the same as it."""

    method: str
    """GET or POST."""
    target: str
    """The path as it was sent."""
    path: str
    """What follows the API's prefix and a slash."""
    headers: CIMultiDictProxy[str]
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    """As they were sent."""


class Reader:
    """Reads plain requests under the prefixes of an API. For one thread."""

    def __init__(self, prefixes: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        """Under no prefix ("") nothing is plain: other things than the API are there too."""
        self._stems = sorted((f"{prefix}/" for prefix in prefixes if prefix), key=len, reverse=True)
        self._known: dict[bytes, PlainRequest] = {}
        self._parser = _parsers(loop)

    def read(self, data: bytes) -> PlainRequest | None:
        """What came in one piece. None if that is not one plain request and nothing more."""
        request = self._known.get(data)
        if request is None and len(data) <= LONGEST and data.find(_END) == len(data) - len(_END):
            request = self._parsed(data)
            if request is not None:
                if len(self._known) >= KNOWN:
                    self._known.clear()
                self._known[data] = request
        return request

    def _parsed(self, data: bytes) -> PlainRequest | None:
        try:
            messages, *_ = self._parser().feed_data(data)  # an upgrade has a header, or is a CONNECT
            ((message, payload),) = messages
            headers: CIMultiDictProxy[str] = message.headers
            target: str = message.path
            stem = next((stem for stem in self._stems if target.startswith(stem)), None)
            if (
                stem is None
                or payload is not EMPTY_PAYLOAD
                or message.version != HttpVersion11
                or message.should_close
                or message.method not in METHODS
                or not _TARGET.fullmatch(target)
                or any(name in headers for name in NOT_PLAIN)
                or any(name.lower().startswith(OURS) for name in headers)
                or any(SESSION in cookie for cookie in headers.getall(hdrs.COOKIE, ()))
            ):
                return None
        except Exception:  # not a request; or a parser that is no longer as we know it
            return None
        return PlainRequest(
            method=message.method,
            target=target,
            path=target[len(stem) :],
            headers=headers,
            raw_headers=message.raw_headers,
        )


def _parsers(loop: asyncio.AbstractEventLoop) -> Callable[[], Any]:
    """Makes a parser such as each connection of aiohttp's has. (aiohttp does not document it.)"""
    try:
        from aiohttp.base_protocol import BaseProtocol
        from aiohttp.http import HttpRequestParser
    except ImportError:
        return lambda: None  # which parses nothing
    return partial(HttpRequestParser, BaseProtocol(loop), loop, 2**16)
