"""The head of a response in bytes: those that aiohttp's web.Response writes for the same status, headers and content.

So it does not matter which of the two a client was answered by. Nothing here sends anything.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""RFC 9110, section 5.5: a line could be smuggled into the head with them."""


def response(status: int, headers: Mapping[str, str], content: bytes, *, close: bool = False) -> bytes:
    """A whole response to a GET or POST by HTTP/1.1.

    `status` is one that has content: not 1xx, 204 or 304. `headers` have a Content-Type, and nothing of what is added
    here: Content-Length, Date, Server and, for one that closes, Connection.
    Raises ValueError for a header with a control character.
    """
    start, end = _start(status, tuple(headers.items())), _end(rfc822_formatted_time(), close)
    return b"%b%d%b%b" % (start, len(content), end, content)


@lru_cache(maxsize=256)
def _start(status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    """Up to the number of Content-Length."""
    for line in headers:
        if any(map(_FORBIDDEN.search, line)):
            raise ValueError(f"a control character in a header: {line}")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {PHRASES.get(status, '')}\r\n{lines}{hdrs.CONTENT_LENGTH}: ".encode()


@lru_cache(maxsize=2)
def _end(date: str, close: bool) -> bytes:
    """From the end of that line on."""
    last = f"{hdrs.CONNECTION}: close\r\n" if close else ""
    return f"\r\n{hdrs.DATE}: {date}\r\n{hdrs.SERVER}: {SERVER_SOFTWARE}\r\n{last}\r\n".encode()
