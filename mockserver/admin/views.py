"""Control routes that show a world as people look at it: its tasks in short, and one request with all there is to it.

What a request met was kept with it (`moments`); its copies are made when they are asked for.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any, Final

from aiohttp import web

from mockserver.admin.copies import pytest_test as copied_test
from mockserver.admin.copies import request as copied_request
from mockserver.admin.evidence import asked, entry_json
from mockserver.admin.state import transition
from mockserver.contract.errors import Unprocessable
from mockserver.contract.parameters import parse_long
from mockserver.contract.wire import Wire
from mockserver.faults.effects import Violate
from mockserver.fixtures.pruning import Unwritable, as_yaml
from mockserver.tasks.lifecycle import CANCELING, PENDING, READY, RUNNING, Subtask, Task, rolled_back
from mockserver.tasks.scheduler import Execution
from mockserver.tasks.state import TaskState
from mockserver.world import moments
from mockserver.world.fixture import Fixture
from mockserver.world.journal import Exchange
from mockserver.world.moments import Lost
from mockserver.world.site import Site
from mockserver.world.world import change_of

TASKS: Final = 1000
"""At most so many are listed."""
COPIED: Final = 2000
"""A world of more subtasks is not copied: it would keep everybody else waiting."""

# --- tasks ---------------------------------------------------------------------------------------------------------


async def get_tasks(site: Site, request: web.Request) -> object:
    """The newest first, 1,000 at most, each with how many of its subtasks are in each status and what is next."""
    wanted, _, limit = asked(request, "name", "limit")
    world, wire = site.hosted.up_to_now(), site.hosted.wire
    name = str(wanted.get("name", "")).casefold()
    found = [one for one in world.executions.values() if name in one.task.definition.name.casefold()]
    found.sort(key=lambda one: one.id, reverse=True)
    shown = found[: min(limit or TASKS, TASKS)]
    return {"tasks": [task_json(one, wire) for one in shown], "total": len(found)}


def task_json(execution: Execution, wire: Wire) -> dict[str, object]:
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
    counts = execution.counts
    if not counts[READY] and not counts[RUNNING] and not counts[CANCELING]:
        return None
    due = [(one.due, one.definition.id) for one in execution.subtasks.values() if one.due is not None]
    if not due:
        return None
    instant, id = min(due)
    return {"due": wire.instant(instant), "subtaskInstanceId": id, "status": execution.subtasks[id].status}


# --- one request ---------------------------------------------------------------------------------------------------


async def get_request(site: Site, request: web.Request) -> object:
    """With what it changed, and how what it was about stood before and after. `why` says what is not known any more."""
    number, entry = found(site, request)
    history = site.hosted.world.history
    place = moments.place_of(entry.latest, history)
    mine = [] if place is None else history[place : _end(site, entry, number, place)]
    steps = list(takewhile(lambda step: step[4] == entry.trace_id, mine))
    states, why = states_of(site, entry, None if place is None else steps)
    render = site.hosted.wire.instant
    return {
        "request": entry_json(number, entry, render),
        "changes": [transition(change_of(step), render) for step in steps],
        "states": states,
        "why": why,
    }


def found(site: Site, request: web.Request) -> tuple[int, Exchange]:
    """Raises Unprocessable (404)."""
    text, journal = request.match_info["id"], site.hosted.journal
    kept = journal.kept
    dropped = journal.total - len(kept)
    try:
        number = parse_long(text)
    except ValueError as error:
        raise Unprocessable(f"no request {text}: it is {error}", status=404) from None
    if number > journal.total:
        raise Unprocessable(f"no request {number} yet: there were {journal.total}", status=404)
    if number <= dropped:
        there = f"the journal keeps the last {len(kept)}, from {dropped + 1} on" if number > 0 else "they count from 1"
        raise Unprocessable(f"no request {number}: {there}", status=404)
    return number, Exchange._make(kept[number - dropped - 1])


def _end(site: Site, entry: Exchange, number: int, place: int) -> int:
    """Where in the history its changes end at the latest. In a world that was put back, a trace id comes again."""
    history, journal = site.hosted.world.history, site.hosted.journal
    ends = [len(history)]
    for other in map(Exchange._make, journal[len(journal) - journal.total + number :]):
        if other.trace_id == entry.trace_id:
            ends.append(moments.place_of(other.latest, history) or place)
    return min(ends)


def states_of(site: Site, entry: Exchange, steps: list[Any] | None) -> tuple[list[dict[str, object]], str | None]:
    """The task first, then its subtasks: of what it changed, and of what it was about. `steps` are its changes, None if
    they are not known any more. Also why something is not told."""
    why: list[str] = []
    operation = entry.to.operation
    before: dict[int | None, Task | Subtask] = {}
    after: dict[int | None, Task | Subtask] = {}
    subtasks: dict[int, Subtask] = {}
    try:
        task, subtasks = moments.told(site.hosted, entry)
        if task is not None:
            before[None] = task
            why += [moments.too_many(task)] if entry.base.subtasks is None else []
    except Lost as error:
        why.append(f"how it was before: {error}")
    if entry.to.subtask in subtasks:
        before[entry.to.subtask] = subtasks[entry.to.subtask]
    for _, _, was, becomes, _ in steps or ():
        id = becomes.id if isinstance(becomes, Subtask) else None
        before.setdefault(id, was)
        after[id] = becomes
    if steps and operation is not None and operation.id == "rollbackTask":
        for id, subtask in subtasks.items():
            if id not in after and subtask.status != PENDING:
                before[id], after[id] = subtask, rolled_back(subtask)
    lost = steps is None and operation is not None and operation.acts
    if lost:
        why.append(f"what it changed: {moments.TOO_MUCH}")
    states: list[dict[str, object]] = [
        {
            "subtaskInstanceId": id,
            "before": state_json(before[id]),
            "after": None if lost else state_json(after.get(id, before[id])),
        }
        for id in sorted(before, key=lambda id: (id is not None, id or 0))
    ]
    return states, "; ".join(why) or None


def state_json(value: Task | Subtask) -> dict[str, object]:
    state: dict[str, object] = {"status": value.status, "operation": value.operation}
    return {**state, "runTime": value.run_time} if isinstance(value, Subtask) else state


# --- its copies ----------------------------------------------------------------------------------------------------


async def get_request_copies(site: Site, request: web.Request) -> object:
    """As a line for a shell, as a test for pytest, and the world that it met as a fixture. null is what cannot be made
    exactly, and `why` says why."""
    number, entry = found(site, request)
    makers: Mapping[str, Any] = {
        "curl": lambda: curl(site, request, entry),
        "pytest": lambda: pytest_test(site, entry),
        "fixture": lambda: fixture(site, number, entry),
    }
    made: dict[str, object] = {}
    why = []
    for name, make in makers.items():
        try:
            made[name] = make()
        except (Lost, Unwritable) as error:
            made[name] = None
            why.append(f"{name}: {error}")
    return {**made, "why": "; ".join(why) or None}


def curl(site: Site, request: web.Request, entry: Exchange) -> str:
    named_in_path = site.name is None or f"/w/{site.name}/" in entry.path.partition("?")[0]
    return copied_request.curl(entry, f"{request.scheme}://{request.host}", None if named_in_path else site.name)


def pytest_test(site: Site, entry: Exchange) -> str:
    path = copied_request.path_in_test(entry, site.options.prefixes)
    states, logs = _met(site, entry)
    return copied_test.source(entry, moments.fixture_of(entry, states), path, logs)


def _met(site: Site, entry: Exchange) -> tuple[list[TaskState], list[int]]:
    """The tasks that its answer comes from, and the subtasks whose logs do. Raises Lost."""
    operation, fault, id = entry.to.operation, entry.fault, entry.to.subtask
    replaced = entry.status != 200 or (fault is not None and fault.replaces)
    name = None if operation is None or replaced else operation.id
    if name == "listTaskInstances":
        return [replace(state, logs={}) for state in everything(site, entry)], []
    if name != "getSubtaskLog" or id is None:
        return moments.task_before(site.hosted, entry), []
    if fault is not None and isinstance(fault.effect, Violate):
        return [state for state in everything(site, entry) if state.task.id == entry.to.task], [id]
    states = moments.task_before(site.hosted, entry)
    log = copied_test.log_in(entry.response_body, states[0].subtasks[id]) if states else None
    return [replace(state, logs={} if log is None else {id: log}) for state in states], [] if log is None else [id]


def everything(site: Site, entry: Exchange) -> list[TaskState]:
    """Every task as it was. Raises Lost."""
    count = sum(len(one.subtasks) for one in site.hosted.world.executions.values())
    if count > COPIED:
        raise Lost(f"the world has {count} subtasks, and more than {COPIED} are not copied")
    return moments.tasks_before(site.hosted, entry)


def fixture(site: Site, number: int, entry: Exchange) -> str:
    whole: Fixture = moments.fixture_of(entry, everything(site, entry), **moments.rules_of(entry))
    time = site.hosted.wire.instant(whole.clock.now)
    about = f"# The world just before request {number} ({entry.method}) acted, at {time}, where its clock stands still."
    rules = "# Of the rules it has the one that acted on the request, or none." if entry.rule else ""
    return "\n".join(filter(None, [about, rules, as_yaml(whole)]))
