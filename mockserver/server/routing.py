"""How aiohttp finds the API: one resource for all that is under a prefix."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from multidict import istr

from mockserver.server.elsewhere.foreign import is_foreign_page
from mockserver.world.worlds import NAME, Site

ANY: Final = {"*"}
WORLD: Final = f"/w/{{world:{NAME}}}"
"""Where in the application a named world is."""
WORLD_HEADER: Final = istr("X-Mock-World")
_AUTHORITY: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
SITE: Final = web.AppKey("site", Site)


class ApiResource(web.PlainResource):
    """All paths under an API prefix, by any method: what they are the contract's own table says (`operations.route`).

    aiohttp looks resources up by the start of their path, the longest first; `below` is a start that is common, so that
    these are found in fewer steps. (A resource with a pattern costs three times as much.)
    """

    def __init__(
        self,
        prefix: str,
        below: str,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        mounted: Callable[[str], None],
    ) -> None:
        """`mounted` is told the path under which another application has this one."""
        super().__init__(prefix + below)
        self._mount, self._mounted = "", mounted
        self._stem = prefix + "/"
        self._only = self.add_route("*", handler)

    def add_prefix(self, prefix: str) -> None:
        super().add_prefix(prefix)
        self._stem = prefix + self._stem
        self._mount = prefix + self._mount
        self._mounted(self._mount)

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        path, stem = request.rel_url.path_safe, self._stem
        if not path.startswith(stem):
            return None, set()
        # path_safe leaves %2F and %25 as they were sent: a slash in an id is no separator, and no Long either
        return web.UrlMappingMatchInfo({"path": path[len(stem) :]}, self._only), ANY


def origin_form(target: str) -> str:
    """Path and query, as they were sent; a client of a proxy's sends scheme and host too (RFC 9112, section 3.2.2)."""
    authority = _AUTHORITY.match(target)
    if authority is None:
        return target
    rest = target[authority.end() :]
    return rest if rest.startswith("/") else f"/{rest}"


def target_in_world(site: Site, request: web.Request) -> str:
    """Path and query as they were sent, below what names the world, and below another application."""
    target, base = origin_form(request.raw_path), site.worlds.mount
    if "world" in request.match_info:
        base += "/w/…"
    for _ in range(base.count("/")):  # a name may have been sent in escapes
        target = target[target.find("/", 1) :] if "/" in target[1:] else "/"
    return target


async def in_world(
    site: Site,
    handler: Callable[[Site, web.Request], Awaitable[web.StreamResponse]],
    request: web.Request,
    *,
    only_looks: bool = False,
) -> web.StreamResponse:
    """A handler in the world that the path names, which is made for it unless it `only_looks`."""
    worlds, name = site.worlds, request.match_info["world"]
    worlds.settle()  # before a name is looked up: else it would be one of a world that is about to go
    if only_looks:
        return await handler(worlds.look(name), request)
    return await handler(worlds.named(name, for_page=is_foreign_page(site.options, request)), request)
