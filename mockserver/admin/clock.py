"""Control routes of the clock: what it shows, setting it, and moving it."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from mockserver.admin.calls import MANY, Later, checked_body, duration, instant
from mockserver.admin.journal import transition
from mockserver.contract.errors import Problem, Unprocessable
from mockserver.tasks.values import TASK_STATUSES
from mockserver.world import moves
from mockserver.world.fixture import ClockSetting
from mockserver.world.served import Served
from mockserver.world.turns import in_slices
from mockserver.world.value import World
from mockserver.world.worlds import Site


async def get_clock(site: Site, request: web.Request) -> object:
    return clock_json(site.served)


def clock_json(served: Served) -> dict[str, object]:
    clock = served.clock
    now = served.wire.instant(clock.now() if clock.rate else served.world.now)
    return {"mode": clock.mode, "now": now, "speed": clock.rate or 1}


async def put_clock(site: Site, request: web.Request) -> object:
    body = await checked_body("clock", request)
    served = site.served
    now = instant(body["now"], "now") if "now" in body else served.clock.now()
    if body["mode"] == "manual" and "speed" in body:
        raise Unprocessable("a manual clock has no speed", [Problem(("speed",), "only a real clock has one")])
    setting = ClockSetting(body["mode"], now, float(body.get("speed", 1)), "now" in body)
    await in_slices(served.setting_clock(setting))
    return await get_clock(site, request)


async def advance(site: Site, request: web.Request) -> object:
    """In slices: others are answered meanwhile, and find the world as it was before. Their retries and settings count,
    and this call does not: it is refused (409), as is another move of the same world's clock."""
    body = await checked_body("advance", request)
    if len(body) != 1:
        raise Unprocessable("one of by, to and until says how far", [Problem((), f"{len(body)} of them are there")])
    served = site.served
    if "by" in body:
        way = moves.by(duration(body["by"], "by"))
    elif "to" in body:
        way = moves.to(instant(body["to"], "to"))
    elif body["until"] == "next":
        way = moves.to_next
    else:
        served.check_unmoved()
        way = moves.until(None if body["until"] == "idle" else condition(served.up_to_now(), body["until"]))
    changes, omitted = await in_slices(served.moving(way))
    now, render = served.world.now, served.wire.instant

    def told() -> dict[str, object]:
        return {
            "now": render(now),
            "transitions": [transition(change, render) for change in changes],
            "omitted": omitted,
        }

    return Later(told) if len(changes) > MANY else told()


def condition(world: World, until: dict[str, Any]) -> Callable[[World], bool]:
    task, subtask, status = until["taskInstanceId"], until.get("subtaskInstanceId"), until["status"]
    execution = world.tasks.get(task)
    if execution is None:
        raise Unprocessable(
            f"task {task} does not exist", [Problem(("until", "taskInstanceId"), "unknown")], status=404
        )
    if subtask is None:
        if status not in TASK_STATUSES:
            raise Unprocessable("not a task's status", [Problem(("until", "status"), f"{status} is only a subtask's")])
        return lambda world: world.tasks[task].task.status == status
    if subtask not in execution.subtasks:
        path = ("until", "subtaskInstanceId")
        raise Unprocessable(f"subtask {subtask} does not exist in task {task}", [Problem(path, "unknown")], status=404)
    return lambda world: world.tasks[task].subtasks[subtask].status == status
