"""CORS for the API (and never for /__admin): a page on any origin may call it by any method, with credentials and
whatever headers it likes.

aiohttp-cors leaves its headers off 404 and 405 and lets a preflight meet the authentication; these lines do not.
"""

import re
from collections.abc import MutableMapping
from typing import Final

from aiohttp import hdrs, web

EXPOSED: Final = (
    "X-Mock-Contract, X-Mock-Rule, X-Mock-Hint, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    "Preference-Applied, Allow, Content-Disposition, Retry-After"
)
"""With credentials a * would be the name of a header."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2: what a method or the name of a header is."""


def share(headers: MutableMapping[str, str], origin: str) -> None:
    headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
    headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
    headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
    headers[hdrs.VARY] = "Origin"


def is_preflight(request: web.BaseRequest) -> bool:
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ORIGIN in request.headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )


def preflight(request: web.BaseRequest) -> web.Response:
    """What it asks for is granted: what is wrong with it, the request itself is told."""
    headers: dict[str, str] = {}
    share(headers, request.headers[hdrs.ORIGIN])
    headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _names(request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, ""))
    headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _names(request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD])
    headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
    if "Access-Control-Request-Private-Network" in request.headers:
        headers["Access-Control-Allow-Private-Network"] = "true"
    headers[hdrs.VARY] = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    return web.Response(status=204, headers=headers)


def _names(asked: str) -> str:
    return ", ".join(filter(_TOKEN.fullmatch, map(str.strip, asked.split(","))))
