"""Who may drive /__admin: not a web page that somebody visits, and with a token only who knows it.

A page cannot send another Host than the name it was loaded from (which stops DNS rebinding), cannot hide its Origin,
and cannot send a JSON content type to another origin without a preflight, which /__admin never grants.
"""

import ipaddress
import logging
import re
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from mockserver.contract.credentials import redacted
from mockserver.contract.errors import Unprocessable
from mockserver.server.responses import header_safe
from mockserver.world.worlds import Options

log = logging.getLogger("mockserver")

FOREIGN_SITES: Final = ("cross-site", "same-site")
"""A browser's word for who asks, in Sec-Fetch-Site: an image or a script of another page's has no Origin. A link to a
control route, which shows what it answers in a window of its own, is followed."""
CHALLENGE: Final[dict[str, str]] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="ocp-mockserver"'}
NOT_FOR_OTHERS: Final = "/__admin is not for other sites' pages"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s]+")


def check(options: Options, request: web.BaseRequest, *, is_public: bool = False) -> None:
    """Raises Unprocessable: 403 for a foreign Host or page, 401 for a token that is missing or wrong. Each is logged,
    with the flag that would let it in. What `is_public` is only not to be embedded in a foreign page."""
    try:
        if is_public:
            _check_site(request)
        else:
            _check_page(options, request)
            _check_token(options, request)
    except Unprocessable as error:
        path = header_safe(redacted(request.raw_path))
        log.warning("%s %s: %s: %s", request.method, path, error.status, header_safe(error.message))
        raise


def normal_origin(text: str) -> str:
    """`http://name:8080`; without a port that its scheme has anyway. Raises ValueError for what is no origin."""
    try:
        parts = urlsplit(text)
        scheme, name, port = parts.scheme, parts.hostname, parts.port
    except ValueError:  # half an IPv6 address, or no port
        name = None
    if not name or not _ORIGIN.fullmatch(text):
        raise ValueError(f"{text!r} is not an origin such as https://ocp.test:8443")
    shown = f"[{name}]" if ":" in name else name
    return f"{scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS.get(scheme)) else f":{port}")


def _check_page(options: Options, request: web.BaseRequest) -> None:
    host = request.headers.get(hdrs.HOST, "")
    name = _name(host)
    if host and not (name == "localhost" or (name and name in options.allowed_hosts) or _is_address(name)):
        advice = f": --allow-host {name} would allow it" if name else ""
        raise Unprocessable(f"the Host {host} is foreign{advice}", status=403)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        _check_origin(options, origin, host)  # if it is not foreign, its page is not either
    else:
        _check_site(request)


def _check_site(request: web.BaseRequest) -> None:
    headers = request.headers
    if headers.get("Sec-Fetch-Site") in FOREIGN_SITES and headers.get("Sec-Fetch-Dest") != "document":
        raise Unprocessable(f"a foreign page asks for it: {NOT_FOR_OTHERS}", status=403)


def _check_origin(options: Options, origin: str, host: str) -> None:
    try:
        normal = normal_origin(origin)
        own = normal_origin(f"{normal.partition('://')[0]}://{host}") if host else None
    except ValueError:  # null, say
        raise Unprocessable(f"the Origin {origin} is foreign: {NOT_FOR_OTHERS}", status=403) from None
    if normal not in (own, *options.allowed_origins):
        advice = f"--allow-origin {normal} would allow it"
        raise Unprocessable(f"the Origin {origin} is foreign: {NOT_FOR_OTHERS}; {advice}", status=403)


def _check_token(options: Options, request: web.BaseRequest) -> None:
    token = options.admin_token
    if token is not None:
        scheme, _, sent = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(
            sent.strip().encode("utf-8", "surrogateescape"), token.encode()
        ):
            raise Unprocessable(
                "/__admin wants Authorization: Bearer, with the --admin-token", status=401, headers=CHALLENGE
            )


def _name(host: str) -> str:
    """Without its port; "" for what is no host."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
