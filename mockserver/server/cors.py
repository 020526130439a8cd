"""CORS for the API (and never for /__admin): a page on any origin may call it, with credentials.

aiohttp-cors leaves its headers off 404 and 405 and lets a preflight meet the authentication; these lines do not.
"""

from collections.abc import MutableMapping
from typing import Final

from aiohttp import hdrs, web

EXPOSED: Final = (
    "X-Mock-Contract, X-Mock-Rule, X-Mock-Hint, Preference-Applied, Allow, Content-Disposition, Retry-After"
)


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
    headers: dict[str, str] = {}
    share(headers, request.headers[hdrs.ORIGIN])
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",")
    more = [name.strip() for name in asked if name.strip().lower().startswith("x-mock-")]
    headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join(["Authorization", "Content-Type", "Prefer", *more])
    headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, HEAD, POST, OPTIONS"
    headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
    if "Access-Control-Request-Private-Network" in request.headers:
        headers["Access-Control-Allow-Private-Network"] = "true"
    headers[hdrs.VARY] = "Origin, Access-Control-Request-Headers"
    return web.Response(status=204, headers=headers)
