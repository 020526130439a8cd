"""A request that a stub answers."""

from aiohttp import web

from mockserver.world.journal import Asked
from mockserver.world.worlds import Site


async def stubbed(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
    return None
