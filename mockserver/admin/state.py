"""Control routes of a whole world: health, reset, reload, its state, its settings; and the worlds by name."""

from functools import partial
from typing import Any

from aiohttp import web

from mockserver import __version__
from mockserver.admin import calls
from mockserver.admin.calls import JSON_TYPE, Later, body_of, checked_body, decoded, duration, name_in_path, raw_body
from mockserver.contract.errors import InFile, Problem, Unprocessable
from mockserver.faults import effects
from mockserver.fixtures import source
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.text.constructor import Kind
from mockserver.fixtures.writer import scheduler_data, settings_data, to_data
from mockserver.world.fixture import SETTINGS, ClockSetting
from mockserver.world.live import LiveWorld
from mockserver.world.served import Served
from mockserver.world.turns import in_thread
from mockserver.world.worlds import Site


async def health(site: Site, request: web.Request) -> object:
    return health_json(site)


def health_json(site: Site) -> dict[str, object]:
    executions = site.served.world.tasks.values()
    subtasks = sum(len(execution.subtasks) for execution in executions)
    worlds, variant = site.worlds, site.served.world.settings.variant
    return {
        "status": "healthy",
        "version": __version__,
        "tasks": len(executions),
        "subtasks": subtasks,
        "worlds": len(worlds.names()),
        "evictedWorlds": worlds.evicted,
        "world": site.name,
        "fixture": site.fixture,
        "dialect": variant.dialect,
        "api": site.prefixes[0],
        "next": next_json(site),
    }


def next_json(site: Site) -> dict[str, object] | None:
    """What happens next by itself, and when."""
    timer = site.served.live.next_timer()
    if timer is None:
        return None
    due, subtask, task = timer
    status = site.served.world.tasks[task].subtasks[subtask].status
    return {
        "due": site.served.wire.instant(due),
        "taskInstanceId": task,
        "subtaskInstanceId": subtask,
        "status": status,
    }


async def reset(site: Site, request: web.Request) -> object:
    await body_of(request)
    site.served.reset()
    return health_json(site)


async def undo_reset(site: Site, request: web.Request) -> object:
    """Within a minute of a reset: world, rules, clock, journal and history as they were before it, snapshots and
    sessions too."""
    await body_of(request)
    site.served.undo_reset()
    return health_json(site)


async def reload_fixtures(site: Site, request: web.Request) -> object:
    await body_of(request)
    if site.worlds.reload is None:
        raise Unprocessable("there are no files to read again: this world was given as data")
    try:
        await site.worlds.reload()
    except FixtureError as error:
        problems = [InFile((one.where,), one.message) for one in error.problems]
        raise Unprocessable("the files have mistakes: every world stays as it was", problems) from None
    except OSError as error:
        why = f"the files cannot be read now ({error.strerror}): every world stays as it was"
        raise Unprocessable(why, status=503) from None
    return health_json(site)


async def get_state(site: Site, request: web.Request) -> object:
    return whole(site.served)


def whole(served: Served) -> Later:
    """As it is now; if it goes round in no time, as far as it comes."""
    state = served.state()
    return Later(lambda: to_data(state()))


async def put_state(site: Site, request: web.Request) -> object:
    """The world is read and made in a thread. Until it is there, the old one is served; what came meanwhile happened to
    that one and is gone with it, as everything before it is: the journal and the history have it. Of two PUTs the one
    that came first is carried out first. If meanwhile the world was reset, restored or loaded anew, it stays so, and
    this is refused (409)."""
    raw, kind = await raw_body(request)
    served = site.served
    async with served.being_replaced:
        generation = served.generation
        files = served.world.stubs.files
        reading = partial(read, raw, "json" if kind == JSON_TYPE else "yaml", files)
        live, setting = await in_thread(reading, is_large=len(raw) > calls.LARGE_BODY)
        if site.served is not served or served.generation != generation:
            raise Unprocessable("another world was loaded while this one was read: nothing was changed", status=409)
        served.replace(live, setting)
    return whole(served)


def read(raw: bytes, kind: Kind, files: tuple[str, ...]) -> tuple[LiveWorld, ClockSetting]:
    """Raises Unprocessable, and TooManyEvents for a world that goes round at once."""
    text = decoded(raw)
    if not text.strip() or text.strip() == "null":
        raise Unprocessable("no world was sent: {} would be an empty one")
    try:
        fixture = source.load(source.Text(text, kind=kind), files=files)
    except FixtureError as error:
        status = 400 if error.unreadable else 422
        problems = [Problem(one.path, str(one)) for one in error.problems]
        raise Unprocessable("not a world", problems, status=status) from None
    live = LiveWorld(fixture)
    live.advance(fixture.clock.now)
    return live, fixture.clock


async def get_settings(site: Site, request: web.Request) -> object:
    settings = site.served.world.settings
    return {**settings_data(settings), "scheduler": scheduler_data(settings.pace)}


async def put_settings(site: Site, request: web.Request) -> object:
    """Only the keys that are given. What is under way keeps its `due`. A dialect that a fault does not fit is refused:
    the state could not be put back."""
    body = await checked_body("settings", request)
    world = site.served.as_far_as_it_comes()
    settings = world.settings
    given = {name: body[key] for key, name in SETTINGS.items() if key in body}
    if "seed" in given:
        given["seed"] = int(given["seed"])  # 7.0 is an integer in JSON
    pace = body.get("scheduler", {})
    changes: dict[str, Any] = {
        key: duration(pace[key], "scheduler", key, endless=True) for key in ("dispatch", "run") if key in pace
    }
    if "concurrency" in pace:
        changes["concurrency"] = int(pace["concurrency"])
    changed = settings._replace(**given, pace=settings.pace._replace(**changes)).behaving()
    wrong = [
        Problem(("dialect",), f"{fault.id}: {problem.message}")
        for fault in world.faults.values()
        for problem in effects.code_problems(fault.to_json(), changed.variant.row)
    ]
    if wrong:
        raise Unprocessable("not settings for the faults of this world", wrong)
    site.served.change_settings(changed, "PUT /__admin/settings")
    return await get_settings(site, request)


async def get_worlds(site: Site, request: web.Request) -> object:
    """The least recently used one first."""
    return {"worlds": site.worlds.names(), "limit": site.worlds.limit, "evicted": site.worlds.evicted}


async def delete_world(site: Site, request: web.Request) -> None:
    site.worlds.remove(name_in_path(request, "name", "world", site.worlds.names()))
