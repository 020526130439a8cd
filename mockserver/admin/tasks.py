"""Control routes of tasks and subtasks: a list for the page, each one by itself, and changing it."""

from typing import Any, Final

from aiohttp import web

from mockserver.admin.calls import MANY, Later, checked_body, id_in_path
from mockserver.admin.journal import asked
from mockserver.contract.errors import Problem, Unprocessable
from mockserver.contract.wire import Wire
from mockserver.fixtures import patch as fixture_patch
from mockserver.fixtures.writer import subtask_data, task_data
from mockserver.server.handlers import VERY_LONG, Overtaken, foreseen
from mockserver.tasks.execution import Execution
from mockserver.tasks.step import Step
from mockserver.tasks.values import CANCELING, READY, RUNNING
from mockserver.world.live import UnknownTask
from mockserver.world.worlds import Site

TASKS: Final = 1000


async def get_tasks(site: Site, request: web.Request) -> object:
    """The newest first, 1,000 at most, each with how many of its subtasks are in each status and what is next."""
    wanted, _, limit = asked(request, "name", "limit")
    world, wire = site.served.as_far_as_it_comes(), site.served.wire
    name = str(wanted.get("name", "")).casefold()

    def told() -> object:
        found = [one for one in world.tasks.values() if name in one.task.definition.name.casefold()]
        found.sort(key=lambda one: one.id, reverse=True)
        shown = found[: min(limit or TASKS, TASKS)]
        return {"tasks": [summary_json(one, wire) for one in shown], "total": len(found)}

    return Later(told)


def summary_json(execution: Execution, wire: Wire) -> dict[str, object]:
    task = execution.task
    return {
        "id": task.id,
        "name": task.definition.name,
        "status": task.status,
        "operation": task.operation,
        "subtasks": len(execution.subtasks),
        "counts": dict(execution.counts),
        "next": next_json(execution, wire),
    }


def next_json(execution: Execution, wire: Wire) -> dict[str, object] | None:
    """Its subtask that is due first."""
    if not any(execution.counts[status] for status in (READY, RUNNING, CANCELING)):
        return None
    due = [(one.due, one.definition.id) for one in execution.subtasks.values() if one.due is not None]
    if not due:
        return None
    instant, id = min(due)
    return {"due": wire.instant(instant), "subtaskInstanceId": id, "status": execution.subtasks[id].status}


async def get_task(site: Site, request: web.Request) -> object:
    return task_json(found_task(site, request), site)


async def get_subtask(site: Site, request: web.Request) -> object:
    execution = found_task(site, request)
    return subtask_json(execution, found_subtask(execution, request), site)


async def patch_task(site: Site, request: web.Request) -> object:
    body = await checked_body("task-patch", request)
    execution = found_task(site, request)
    patched = await patch(site, execution, body, f"PATCH /__admin/tasks/{execution.id}")
    return task_json(patched, site)


async def patch_subtask(site: Site, request: web.Request) -> object:
    body = await checked_body("subtask-patch", request)
    execution = found_task(site, request)
    id = found_subtask(execution, request)
    if body.setdefault("id", id) != id:
        raise Unprocessable("not a subtask-patch", [Problem(("id",), fixture_patch.SAME_ID)])
    cause = f"PATCH /__admin/tasks/{execution.id}/subtasks/{id}"
    patched = await patch(site, execution, {"subtasks": [body]}, cause, within=("subtasks", 0))
    return subtask_json(patched, id, site)


def task_json(execution: Execution, site: Site) -> Later:
    world = site.served.world
    return Later(lambda: task_data(execution.state(), world.settings.offset_s, world.now))


def subtask_json(execution: Execution, id: int, site: Site) -> Later:
    logged, world = execution.logs[id], site.served.world
    runs = () if logged is None else logged.runs()
    return Later(lambda: subtask_data(execution.subtasks[id], runs, world.settings.offset_s, world.now))


def found_task(site: Site, request: web.Request) -> Execution:
    tasks = site.served.as_far_as_it_comes().tasks
    id = id_in_path(request, "taskInstanceId", "task")
    if id not in tasks:
        raise Unprocessable(f"task {id} does not exist", status=404)
    return tasks[id]


def found_subtask(execution: Execution, request: web.Request) -> int:
    id = id_in_path(request, "subtaskInstanceId", "subtask")
    if id not in execution.subtasks:
        raise Unprocessable(f"subtask {id} does not exist in task {execution.id}", status=404)
    return id


async def patch(
    site: Site, execution: Execution, body: dict[str, Any], cause: str, within: tuple[str | int, ...] = ()
) -> Execution:
    """`within` leads to the part of `body` that was sent. Raises Unprocessable."""

    def replace(step: Step) -> None:
        settings = site.served.world.settings
        step.replace(*fixture_patch.patched(step.done().state(), body, settings, step.now))

    id = execution.id
    try:
        if not is_large(body, execution):
            return site.served.patch(replace, cause, id)
        async with foreseen(site.served, id, replace) as act:
            return site.served.patch(act, cause, id)
    except UnknownTask:
        raise Unprocessable(f"task {id} is not there any more", status=404) from None
    except Overtaken:
        message = f"task {id} was changed again and again while this was read: nothing was changed by it"
        raise Unprocessable(message, status=409) from None
    except Unprocessable as error:
        problems = [Problem(path[len(within) :], message) for path, message in error.problems]
        raise Unprocessable(error.message, problems) from None


def is_large(body: dict[str, Any], execution: Execution) -> bool:
    """Whether others would wait for it: for what is sent, or for what is written out beside that."""
    parts = body.get("subtasks", ())
    sent = len(parts) + sum(len(value) for part in parts for value in part.values() if isinstance(value, list))
    ones = [one.definition for part in parts if (one := execution.subtasks.get(part.get("id"))) is not None]
    there = sum(len(one.runs) + len(one.rollbacks) for one in ones)
    return sent + there > MANY or len(execution.subtasks) > VERY_LONG
