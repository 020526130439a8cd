"""Control routes of the fixtures that can be loaded by their names: shipped ones, the files served, and scenarios."""

from difflib import get_close_matches
from functools import partial

from aiohttp import web

from mockserver.admin.calls import Later, checked_body
from mockserver.admin.state import health_json
from mockserver.contract.errors import Problem, Unprocessable
from mockserver.fixtures.mistakes import FixtureError
from mockserver.world.fixture import Fixture
from mockserver.world.live import LiveWorld
from mockserver.world.turns import in_thread
from mockserver.world.worlds import Library, Site


def library(site: Site) -> Library:
    assert site.worlds.library is not None
    return site.worlds.library


async def get_fixtures(site: Site, request: web.Request) -> object:
    """Each with the first line of its first comment."""
    return Later(lambda: {"fixtures": [one._asdict() for one in library(site).listed()]})


async def load_fixture(site: Site, request: web.Request) -> object:
    """In the place of this world, which resets to it from now on. Journal and history stay, sessions end. The keys of
    the body, usually none, win over it, as those do that the server was started with."""
    overrides = await checked_body("fixture", request)
    served = site.served
    async with served.being_replaced:
        generation = served.generation
        live, fixture = await in_thread(partial(read, library(site), request.match_info["name"], overrides))
        if site.served is not served or served.generation != generation:
            raise Unprocessable("another world was loaded while this one was read: nothing was changed", status=409)
        served.become(live, fixture.clock)
        site.loaded = request.match_info["name"]
    return health_json(site)


def read(library: Library, name: str, overrides: dict[str, object]) -> tuple[LiveWorld, Fixture]:
    """Raises Unprocessable, and TooManyEvents for a world that goes round at once."""
    try:
        fixture = library.load(name, overrides)
    except KeyError:
        names = [one.name for one in library.listed()]
        near = get_close_matches(name, names, n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise Unprocessable(f"no fixture {name}{guess}: there are {', '.join(names)}", status=404) from None
    except ValueError as error:
        raise Unprocessable(str(error), status=404) from None
    except FixtureError as error:
        problems = [Problem(one.path, str(one)) for one in error.problems]
        raise Unprocessable("the fixture has mistakes: nothing was changed", problems) from None
    live = LiveWorld(fixture)
    live.copy().advance(fixture.clock.now)
    return live, fixture
