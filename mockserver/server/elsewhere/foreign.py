"""Which web pages are foreign: what /__admin and a forwarded system do not answer, so that no page that somebody visits
can drive either.

A page cannot send another Host than the name that it was loaded from (which stops DNS rebinding), nor hide its Origin.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from mockserver.contract.errors import Unprocessable
from mockserver.redaction import shown_site
from mockserver.world.worlds import Options

FOREIGN_SITES: Final = ("cross-site", "same-site")
"""A browser's word for who asks, in Sec-Fetch-Site: an image or a script of another page's has no Origin. A link, which
shows what is answered in a window of its own, is followed."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s]+")


def check_page(options: Options, request: web.BaseRequest, what: str) -> None:
    """Raises Unprocessable, 403, with the flag that would let it in. `what` a foreign page would ask for."""
    host = request.headers.get(hdrs.HOST, "")
    name = _name(host)
    if host and not (name == "localhost" or (name and name in options.allowed_hosts) or _is_address(name)):
        shown = shown_site(host)
        advice = f": --allow-host {name} would allow it" if name and _name(shown) == name else ""
        raise Unprocessable(f"the Host {shown} is foreign{advice}", status=403)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        _check_origin(options, origin, host, what)  # if it is not foreign, its page is not either
    else:
        check_site(request, what)


def is_foreign_page(options: Options, request: web.BaseRequest) -> bool:
    """Whether a page of another origin asks, by what it cannot hide."""
    origin = request.headers.get(hdrs.ORIGIN)
    try:
        if origin is not None:
            _check_origin(options, origin, request.headers.get(hdrs.HOST, ""), "")
    except Unprocessable:
        return True
    return False


def check_site(request: web.BaseRequest, what: str) -> None:
    headers = request.headers
    if headers.get("Sec-Fetch-Site") in FOREIGN_SITES and headers.get("Sec-Fetch-Dest") != "document":
        raise Unprocessable(f"a foreign page asks for it: {_not_for_others(what)}", status=403)


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


def _check_origin(options: Options, origin: str, host: str, what: str) -> None:
    try:
        normal = normal_origin(origin)
        own = normal_origin(f"{normal.partition('://')[0]}://{host}") if host else None
    except ValueError:  # null, say
        raise Unprocessable(
            f"the Origin {shown_site(origin)} is foreign: {_not_for_others(what)}", status=403
        ) from None
    if normal not in (own, *options.allowed_origins):
        advice = f"--allow-origin {normal} would allow it"
        raise Unprocessable(
            f"the Origin {shown_site(origin)} is foreign: {_not_for_others(what)}; {advice}", status=403
        )


def _not_for_others(what: str) -> str:
    return f"{what} is not for other sites' pages"


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
