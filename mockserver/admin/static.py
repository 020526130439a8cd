"""The page at /__admin/ and its files, as they are in `page/`. What it shows and does goes through the other routes.

Nothing secret is in them, so they need no token, and are served whatever the Host and the Origin: behind a proxy that
changes the Host, the page can then say which call was refused, and which flag would let it in. No other site's page
gets, reads or frames them.
"""

from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from aiohttp import hdrs, web

from mockserver.contract.errors import Unprocessable
from mockserver.server import responses
from mockserver.world.account import VALID
from mockserver.world.worlds import Site

FILES: Final = files("mockserver") / "admin" / "page"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    hdrs.CACHE_CONTROL: "no-cache",
    responses.CONTRACT: VALID,
}


async def get_page(site: Site, request: web.Request) -> object:
    """Tasks, clock, faults, requests and permissions of the world, live, and what can be done to them."""
    return served("index.html")


async def get_page_file(site: Site, request: web.Request) -> object:
    return served(request.match_info["file"])


def served(name: str) -> web.Response:
    """Raises Unprocessable (404) for what is no file of the page."""
    kind = TYPES.get(PurePosixPath(name).suffix)
    file = next((one for one in FILES.iterdir() if one.name == name), None)
    if kind is None or file is None:
        raise Unprocessable(f"the page has no file {name}", status=404)
    return web.Response(body=file.read_bytes(), headers={hdrs.CONTENT_TYPE: kind, **HEADERS})


async def get_page_folder(site: Site, request: web.Request) -> object:
    """The page's address without its last slash."""
    return web.Response(status=308, headers={hdrs.LOCATION: f"{request.path.rpartition('/')[2]}/", **HEADERS})
