"""The page at /__admin/ and its files, as they are in `page/`. What it shows and does goes through the other routes.

Nothing secret is in them, so they need no token, and are served whatever the Host and the Origin: behind a proxy that
changes the Host, the page can then say which call was refused, and which flag would let it in. No other site's page
gets, reads or frames them.
"""

import gzip
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
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
    return served("index.html", request)


async def get_page_file(site: Site, request: web.Request) -> object:
    return served(request.match_info["file"], request)


def served(name: str, request: web.Request) -> web.Response:
    """Raises Unprocessable (404) for what is no file of the page."""
    kind, file = TYPES.get(PurePosixPath(name).suffix), found(FILES, name)
    if kind is None or file is None:
        raise Unprocessable(f"the page has no file {name}", status=404)
    body, headers = file.read_bytes(), {hdrs.CONTENT_TYPE: kind, hdrs.VARY: hdrs.ACCEPT_ENCODING, **HEADERS}
    if kind == TYPES[".svg"]:
        headers[hdrs.CACHE_CONTROL] = "max-age=3600"  # it is shown in several places
    if takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
        body, headers[hdrs.CONTENT_ENCODING] = packed(body), "gzip"
    return web.Response(body=body, headers=headers)


def found(folder: Traversable, name: str) -> Traversable | None:
    """A file below a folder, by names that are there: none leads out of it."""
    first, _, rest = name.partition("/")
    one = next((one for one in folder.iterdir() if one.name == first), None)
    if one is None or one.is_dir() != bool(rest):
        return None
    return found(one, rest) if rest else one


def takes_gzip(accepted: str) -> bool:
    offers = [offer.replace(" ", "").lower().partition(";q=") for offer in accepted.split(",")]
    return any(name == "gzip" and (not mark or quality.strip("0.") != "") for name, mark, quality in offers)


@lru_cache(maxsize=64)
def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


async def get_page_folder(site: Site, request: web.Request) -> object:
    """The page's address without its last slash."""
    return web.Response(status=308, headers={hdrs.LOCATION: f"{request.path.rpartition('/')[2]}/", **HEADERS})
