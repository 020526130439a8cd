"""Control routes that look at the world and change it: state, clock, single values, settings, snapshots.

One short function a route; the rules are the world's, and its clock's (`worlds`).
"""

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from mockserver import __version__
from mockserver.admin.calls import (
    JSON_TYPE,
    body_of,
    checked,
    checked_body,
    decoded,
    duration,
    id_in_path,
    instant,
    raw_body,
)
from mockserver.contract.errors import InFile, Problem, Unprocessable
from mockserver.fixtures import patch as fixture_patch
from mockserver.fixtures import source
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.writer import scheduler_data, subtask_data, task_data, to_data
from mockserver.tasks.execution import Execution
from mockserver.world.fixture import ClockSetting
from mockserver.world.live import TIME, Change
from mockserver.world.served import MAX_SNAPSHOTS, Served, Snapshot
from mockserver.world.value import World
from mockserver.world.worlds import Site

TASK_STATUSES: Final = ("RUNNING", "FAILED", "SUCCESSFUL")


async def health(site: Site, request: web.Request) -> object:
    return health_json(site)


def health_json(site: Site) -> dict[str, object]:
    executions = site.served.world.tasks.values()
    subtasks = sum(len(execution.subtasks) for execution in executions)
    worlds = site.worlds
    return {
        "status": "healthy",
        "version": __version__,
        "tasks": len(executions),
        "subtasks": subtasks,
        "worlds": len(worlds.names()),
        "evictedWorlds": worlds.evicted,
    }


async def reset(site: Site, request: web.Request) -> object:
    await body_of(request)
    site.served.reset()
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
    return health_json(site)


async def get_state(site: Site, request: web.Request) -> object:
    return to_data(site.served.state())


async def put_state(site: Site, request: web.Request) -> object:
    raw, kind = await raw_body(request)
    text = decoded(raw)
    if not text.strip() or text.strip() == "null":
        raise Unprocessable("no world was sent: {} would be an empty one")
    try:
        fixture = source.load(source.Text(text, kind="json" if kind == JSON_TYPE else "yaml"))
    except FixtureError as error:
        status = 400 if error.unreadable else 422
        problems = [Problem(one.path, str(one)) for one in error.problems]
        raise Unprocessable("not a world", problems, status=status) from None
    site.served.replace(fixture)
    return await get_state(site, request)


# --- the clock -----------------------------------------------------------------------------------------------------


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
    served.set_clock(ClockSetting(body["mode"], now, float(body.get("speed", 1)), "now" in body))
    return await get_clock(site, request)


async def advance(site: Site, request: web.Request) -> object:
    body = await checked_body("advance", request)
    if len(body) != 1:
        raise Unprocessable("one of by, to and until says how far", [Problem((), f"{len(body)} of them are there")])
    served = site.served
    if "by" in body:
        by = duration(body["by"], "by")
        changes, omitted = served.advance_by(by)
    elif "to" in body:
        changes, omitted = served.advance_to(instant(body["to"], "to"))
    elif body["until"] == "next":
        changes, omitted = served.advance_to_next()
    else:
        reached = None if body["until"] == "idle" else condition(served.up_to_now(), body["until"])
        changes, omitted = served.advance_until(reached)
    wire = served.wire
    return {
        "now": wire.instant(served.world.now),
        "transitions": [transition(change, wire.instant) for change in changes],
        "omitted": omitted,
    }


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


def transition(change: Change, render: Callable[[int], str | None]) -> dict[str, object]:
    cause = change.cause
    return {
        "time": render(change.time),
        "taskInstanceId": change.task_instance_id,
        "subtaskInstanceId": change.subtask_instance_id,
        "from": change.before,
        "to": change.after,
        "operation": change.operation,
        "cause": cause if cause == TIME or " " in cause else f"request {cause}",
    }


# --- single values -------------------------------------------------------------------------------------------------


async def get_task(site: Site, request: web.Request) -> object:
    world = site.served.up_to_now()
    return task_data(found_task(world, request).state(), world.settings.offset_s)


async def get_subtask(site: Site, request: web.Request) -> object:
    world = site.served.up_to_now()
    execution = found_task(world, request)
    id = found_subtask(execution, request)
    return subtask_json(execution, id, world.settings.offset_s)


async def patch_task(site: Site, request: web.Request) -> object:
    sent = await body_of(request)
    world = site.served.up_to_now()
    execution = found_task(world, request)
    patch(site, execution, checked("task-patch", sent), f"PATCH /__admin/tasks/{execution.id}")
    return task_data(site.served.world.tasks[execution.id].state(), world.settings.offset_s)


async def patch_subtask(site: Site, request: web.Request) -> object:
    sent = await body_of(request)
    world = site.served.up_to_now()
    execution = found_task(world, request)
    id = found_subtask(execution, request)
    body = checked("subtask-patch", sent)
    if body.setdefault("id", id) != id:
        raise Unprocessable("not a subtask-patch", [Problem(("id",), fixture_patch.SAME_ID)])
    cause = f"PATCH /__admin/tasks/{execution.id}/subtasks/{id}"
    patch(site, execution, {"subtasks": [body]}, cause, within=("subtasks", 0))
    execution = site.served.world.tasks[execution.id]
    return subtask_json(execution, id, world.settings.offset_s)


def subtask_json(execution: Execution, id: int, offset_s: int) -> dict[str, Any]:
    logged = execution.logs[id]
    return subtask_data(execution.subtasks[id], None if logged is None else logged.runs(), offset_s)


def found_task(world: World, request: web.Request) -> Execution:
    id = id_in_path(request, "taskInstanceId", "task")
    if id not in world.tasks:
        raise Unprocessable(f"task {id} does not exist", status=404)
    return world.tasks[id]


def found_subtask(execution: Execution, request: web.Request) -> int:
    id = id_in_path(request, "subtaskInstanceId", "subtask")
    if id not in execution.subtasks:
        raise Unprocessable(f"subtask {id} does not exist in task {execution.id}", status=404)
    return id


def patch(
    site: Site, execution: Execution, body: dict[str, Any], cause: str, within: tuple[str | int, ...] = ()
) -> None:
    """`within` leads to the part of `body` that was sent."""
    world = site.served.world
    try:
        patched = fixture_patch.patched(execution.state(), body, world.settings, world.now)
    except Unprocessable as error:
        problems = [Problem(path[len(within) :], message) for path, message in error.problems]
        raise Unprocessable(error.message, problems) from None
    site.served.patch(patched.task, patched.subtasks, patched.logs, cause)


# --- settings ------------------------------------------------------------------------------------------------------


async def get_settings(site: Site, request: web.Request) -> object:
    settings = site.served.world.settings
    return {
        "auth": settings.auth,
        "fieldNames": settings.field_names,
        "scheduler": scheduler_data(settings.pace),
        "server": settings.server,
        "seed": settings.seed,
    }


async def put_settings(site: Site, request: web.Request) -> object:
    """Only the keys that are given. What is under way keeps its `due`."""
    body = await checked_body("settings", request)
    settings = site.served.up_to_now().settings
    names = {"auth": "auth", "fieldNames": "field_names", "server": "server", "seed": "seed"}
    given = {name: body[key] for key, name in names.items() if key in body}
    if "seed" in given:
        given["seed"] = int(given["seed"])  # 7.0 is an integer in JSON
    pace = body.get("scheduler", {})
    times = {key: duration(pace[key], "scheduler", key, endless=True) for key in ("dispatch", "run") if key in pace}
    if "concurrency" in pace:
        times["concurrency"] = int(pace["concurrency"])
    changed = settings._replace(**given, pace=settings.pace._replace(**times))
    site.served.change_settings(changed, "PUT /__admin/settings")
    return await get_settings(site, request)


# --- snapshots -----------------------------------------------------------------------------------------------------


async def get_snapshots(site: Site, request: web.Request) -> object:
    return {"snapshots": [snapshot_json(site, one) for one in site.served.snapshots.values()]}


async def post_snapshot(site: Site, request: web.Request) -> object:
    """One of the same name is replaced."""
    name = (await checked_body("snapshot", request))["name"]
    served = site.served
    if name not in served.snapshots and len(served.snapshots) >= MAX_SNAPSHOTS:
        raise Unprocessable(f"there are {MAX_SNAPSHOTS} snapshots already: delete some")
    return snapshot_json(site, served.take_snapshot(name))


async def restore_snapshot(site: Site, request: web.Request) -> object:
    await body_of(request)
    snapshot = found_snapshot(site, request)
    site.served.restore(snapshot)
    return snapshot_json(site, snapshot)


async def delete_snapshot(site: Site, request: web.Request) -> object:
    del site.served.snapshots[found_snapshot(site, request).name]
    return None


def found_snapshot(site: Site, request: web.Request) -> Snapshot:
    name, snapshots = request.match_info["name"], site.served.snapshots
    if name not in snapshots:
        raise Unprocessable(
            f"no snapshot {name}: there are {', '.join(snapshots) or 'none'} (a reset removes them)", status=404
        )
    return snapshots[name]


def snapshot_json(site: Site, snapshot: Snapshot) -> dict[str, object]:
    time = site.served.wire.instant(snapshot.clock.now)
    return {"name": snapshot.name, "time": time, "tasks": len(snapshot.live.world.tasks)}
