"""Who may drive /__admin: not a web page that somebody visits, and with a token only who knows it.

A page cannot send another Host than the name it was loaded from (which stops DNS rebinding), cannot hide its Origin,
and cannot send a JSON content type to another origin without a preflight, which /__admin never grants.
"""

import ipaddress
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from mockserver.contract.errors import Unprocessable
from mockserver.world.worlds import Options

FOREIGN_SITES: Final = ("cross-site", "same-site")
"""A browser's word for who asks, in Sec-Fetch-Site: an image or a script of another page's has no Origin. A link to a
control route, which shows what it answers in a window of its own, is followed."""
CHALLENGE: Final[dict[str, str]] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="ocp-mockserver"'}


def check(options: Options, request: web.BaseRequest, *, needs_token: bool = True) -> None:
    """Raises Unprocessable: 403 for a foreign Host or page, 401 for a token that is missing or wrong."""
    host = request.headers.get(hdrs.HOST, "")
    name = _name(host)
    if host and not (name == "localhost" or (name and name in options.allowed_hosts) or _is_address(name)):
        advice = f": --allow-host {name} would allow it" if name else ""
        raise Unprocessable(f"the Host {host} is foreign{advice}", status=403)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and not _is_of(origin, host):
        raise Unprocessable(f"the Origin {origin} is foreign: /__admin is not for other sites' pages", status=403)
    if request.headers.get("Sec-Fetch-Site") in FOREIGN_SITES and request.headers.get("Sec-Fetch-Dest") != "document":
        raise Unprocessable("a foreign page asks for it: /__admin is not for other sites' pages", status=403)
    token = options.admin_token if needs_token else None
    if token is not None:
        scheme, _, sent = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(
            sent.strip().encode("utf-8", "surrogateescape"), token.encode()
        ):
            raise Unprocessable(
                "/__admin wants Authorization: Bearer, with the --admin-token", status=401, headers=CHALLENGE
            )


def _is_of(origin: str, host: str) -> bool:
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:  # half an IPv6 address
        return False
    return netloc != "" and netloc.lower() == host.lower()


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
