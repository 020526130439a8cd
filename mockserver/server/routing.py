"""How aiohttp finds the API: one resource for all that is under a prefix; and the shorter way there."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import hdrs, web
from multidict import istr

from mockserver.world.worlds import NAME, Site

ANY: Final = {"*"}
WORLD: Final = f"/w/{{world:{NAME}}}"
"""Where in the application a named world is."""
WORLD_HEADER: Final = istr("X-Mock-World")
SITE: Final = web.AppKey("site", Site)


class ApiResource(web.PlainResource):
    """All paths under an API prefix, by any method: what they are the contract's own table says (`operations.route`).

    aiohttp looks resources up by the start of their path, the longest first; `below` is a start that is common, so that
    these are found in fewer steps. (A resource with a pattern costs three times as much.)
    """

    def __init__(
        self, prefix: str, below: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> None:
        super().__init__(prefix + below)
        self._stem = prefix + "/"
        self._only = self.add_route("*", handler)

    def add_prefix(self, prefix: str) -> None:
        super().add_prefix(prefix)
        self._stem = prefix + self._stem

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        path, stem = request.rel_url.path_safe, self._stem
        if not path.startswith(stem):
            return None, set()
        # path_safe leaves %2F and %25 as they were sent: a slash in an id is no separator, and no Long either
        return web.UrlMappingMatchInfo({"path": path[len(stem) :]}, self._only), ANY


class ShortWay:
    """A server's handler that answers the API itself and leaves all else to the application's (`usual`).

    An API request needs nothing of what aiohttp's application does for it, which is a tenth of the time of a retry.
    Only for an application that runs alone (no middleware, no signal, no other app around it).
    """

    def __init__(
        self,
        usual: Callable[[Any], Awaitable[web.StreamResponse]],
        answer: Callable[[web.Request, str], Awaitable[web.StreamResponse]],
        prefixes: Sequence[str],
    ) -> None:
        """`answer` gets what follows the prefix and a slash."""
        self.usual, self.answer = usual, answer
        self._stems = sorted((f"{prefix}/" for prefix in prefixes if prefix), key=len, reverse=True)

    async def __call__(self, request: Any) -> web.StreamResponse:
        raw = request.raw_path
        for stem in self._stems:
            if raw.startswith(stem):
                # what is encoded, has a query or waits for a 100 goes the usual way
                if "%" in raw or "?" in raw or "#" in raw or not raw.isascii() or hdrs.EXPECT in request.headers:
                    break
                return await self.answer(request, raw[len(stem) :])
        return await self.usual(request)


async def in_world(
    site: Site, handler: Callable[[Site, web.Request], Awaitable[web.StreamResponse]], request: web.Request
) -> web.StreamResponse:
    """A handler in the world that the path names."""
    return await handler(site.worlds.named(request.match_info["world"]), request)
