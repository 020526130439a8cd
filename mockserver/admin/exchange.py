"""Control routes of one request: all there is to it, and its copies, made from the world that it met."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from aiohttp import web

from mockserver.admin.calls import Later, id_in_path
from mockserver.admin.copies import javascript, pytest_test
from mockserver.admin.copies import request as copied_request
from mockserver.admin.copies.fixture import as_yaml
from mockserver.admin.copies.request import LOST, Lost, path_in_test, world_before
from mockserver.admin.journal import entry_json, transition
from mockserver.contract.errors import Unprocessable
from mockserver.contract.routes import Route
from mockserver.tasks.transitions import rolled_back
from mockserver.tasks.values import PENDING, Subtask, Task
from mockserver.world.evidence.exchange import Exchange
from mockserver.world.fixture import ClockSetting, Fixture
from mockserver.world.history import Change
from mockserver.world.value import World
from mockserver.world.worlds import Site

COPIED: Final = 2000
"""A world of more subtasks is not copied: it would keep everybody else waiting."""
IN_JAVASCRIPT: Final = ("fetch", "playwright")
"""Mostly they cannot be made for the same reason as the others, which is told once."""
TOO_MUCH: Final = "more has changed since then than the history keeps"


async def get_request(site: Site, request: web.Request) -> object:
    """With what it changed, and how what it was about stood before and after. `why` says what is not known any more."""
    number, entry = found(site, request)
    render, before = site.served.wire.instant, entry.before
    first, last = entry.changes
    changes = [change for _, change in site.served.live.history.numbered(first, last)]
    is_lost = len(changes) < last - first
    why = [] if before is not None else [f"how it was before: {LOST}"]
    if is_lost:
        why.append(f"what it changed: {TOO_MUCH}")
    told = entry_json(number, entry, render)
    return Later(
        lambda: {
            "request": told,
            "changes": [transition(change, render) for change in changes],
            "states": states_of(entry.asked.to, before, changes, is_lost),
            "why": "; ".join(why) or None,
        }
    )


def found(site: Site, request: web.Request) -> tuple[int, Exchange]:
    """Raises Unprocessable (404)."""
    number, journal = id_in_path(request, "id", "request"), site.served.journal
    if number > journal.total:
        raise Unprocessable(f"no request {number} yet: there were {journal.total}", status=404)
    try:
        return number, journal[number]
    except IndexError:
        there = f"the journal has {len(journal)} of {journal.total}, all from {journal.passed + 1} on"
        raise Unprocessable(
            f"no request {number}: {there if number > 0 else 'they count from 1'}", status=404
        ) from None


def states_of(to: Route, world: World | None, changes: list[Change], is_lost: bool) -> list[dict[str, object]]:
    """The task first, then its subtasks: of what it changed, and of what it was about. None if its world is lost."""
    execution = None if world is None or to.task is None else world.tasks.get(to.task)
    if execution is None:
        return []
    before: dict[int | None, Task | Subtask] = {None: execution.task}
    after: dict[int | None, Task | Subtask] = {}
    if to.subtask is not None and to.subtask in execution.subtasks:
        before[to.subtask] = execution.subtasks[to.subtask]
    for change in changes:
        before.setdefault(change.subtask_instance_id, change.was)
        after[change.subtask_instance_id] = change.becomes
    if changes and to.operation is not None and to.operation.id == "rollbackTask":
        for id, subtask in execution.subtasks.items():
            if id not in after and subtask.status != PENDING:  # the history tells changes of status only
                before[id], after[id] = subtask, rolled_back(subtask)
    return [
        {
            "subtaskInstanceId": id,
            "before": state_json(before[id]),
            "after": None if is_lost else state_json(after.get(id, before[id])),
        }
        for id in sorted(before, key=lambda id: (id is not None, id or 0))
    ]


def state_json(value: Task | Subtask) -> dict[str, object]:
    state: dict[str, object] = {"status": value.status, "operation": value.operation}
    return {**state, "runTime": value.run_time} if isinstance(value, Subtask) else state


async def get_request_copies(site: Site, request: web.Request) -> object:
    """As a line for a shell, a call of fetch(), tests for Playwright and pytest, and the world that it met, as YAML.
    null is what cannot be made exactly, and `why` says why."""
    number, entry = found(site, request)
    return Later(lambda: copies(site, request, number, entry))


def copies(site: Site, request: web.Request, number: int, entry: Exchange) -> dict[str, object]:
    makers: Mapping[str, Callable[[], str]] = {
        "curl": lambda: copied_request.curl(entry, *addressed(site, request, entry)),
        "pytest": lambda: pytest_test.source(entry, path_in_test(entry, site.options.prefixes), met(entry)),
        "fixture": lambda: fixture(site, number, entry),
        "fetch": lambda: javascript.fetch(entry, *addressed(site, request, entry)),
        "playwright": lambda: javascript.playwright(
            entry,
            number,
            addressed(site, request, entry)[0],
            site.name,
            met(entry),
            token=bool(site.options.admin_token),
        ),
    }
    made: dict[str, object] = {}
    why: list[str] = []
    for name, make in makers.items():
        try:
            made[name] = make()
        except Lost as error:
            made[name] = None
            if name not in IN_JAVASCRIPT or not any(told.endswith(f": {error}") for told in why):
                why.append(f"{name}: {error}")
    return {**made, "why": "; ".join(why) or None}


def addressed(site: Site, request: web.Request, entry: Exchange) -> tuple[str, str | None]:
    """The server's URL, and the world, if the path does not name it."""
    named_in_path = site.name is None or f"/w/{site.name}/" in entry.asked.target.partition("?")[0]
    return f"{request.scheme}://{request.host}", None if named_in_path else site.name


def fixture(site: Site, number: int, entry: Exchange) -> str:
    whole = met(entry)
    time, method = site.served.wire.instant(whole.clock.now), entry.asked.method
    about = f"# The world just before request {number} ({method}) acted, at {time}, where its clock stands still."
    if any(user.access_keys for user in world_before(entry).users.values()):
        about += "\n# Without the access keys of its users."
    return f"{about}\n{as_yaml(whole)}"


def met(entry: Exchange) -> Fixture:
    """The world just before it acted, whole but for access keys, with a clock that stands still. Raises Lost."""
    world = world_before(entry)
    if any(stub.response.file is not None for stub in world.stubs.values()):
        raise Lost("bodies of stubs are in files, which are not copied")
    count = sum(len(one.subtasks) for one in world.tasks.values())
    if count > COPIED:
        raise Lost(f"the world has {count} subtasks, and more than {COPIED} are not copied")
    whole = world.fixture(ClockSetting("manual", world.now, 1.0, True), entry.traces)
    return replace(whole, users={name: replace(user, access_keys={}) for name, user in whole.users.items()})
