"""Who answers what is not the task API: a stub, else the server that requests are forwarded to, else nobody (a 404).

None of them asks for credentials. A request comes here before its body is read, since a forwarded one is streamed.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from mockserver.server.elsewhere import forwarding, stubbing
from mockserver.server.routing import target_in_world
from mockserver.world.evidence.exchange import Asked
from mockserver.world.worlds import Site

Way = Callable[[Site, web.Request, Asked], Awaitable[web.StreamResponse | None]]
"""None leaves it to the next one, and then nothing has been read, counted or changed. `Asked` has no body yet."""
ORDER: Final[tuple[Way, ...]] = (stubbing.stubbed, forwarding.forwarded)

OURS: Final = re.compile(r"/(__admin|w)(/|\?|$)")
"""Ours also where it leads nowhere: without control routes, or to what is no world."""


def at_once(site: Site, asked: Asked) -> bytes | None:
    """The whole response to a plain request for something in the world without a name. None leaves it to `elsewhere`;
    then nothing has been counted."""
    return stubbing.at_once(site, asked)


async def elsewhere(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
    """None if nobody answers. Preflights of browsers come here, too."""
    if OURS.match(target_in_world(site, request)):
        return None
    for way in ORDER:
        response = await way(site, request, asked)
        if response is not None:
            return response
    return None
