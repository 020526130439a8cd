"""A request that is passed on to another server, and its answer back."""

from aiohttp import web

from mockserver.world.journal import Asked
from mockserver.world.worlds import Site


async def forwarded(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
    return None
