"""Why, and what would have worked: the X-Mock-Hint of a refusal. It costs nothing where nothing is refused."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Final, NamedTuple

from mockserver.contract.errors import (
    BAD_CREDENTIALS,
    BAD_PARAMETER,
    CANNOT_SKIP,
    CANNOT_SORT,
    LARGE_BODY,
    NO_ROUTE,
    NO_SUBTASK,
    NO_TASK,
    NOT_ALLOWED,
    ROLLBACK_PROHIBITED,
    SLOW_BODY,
    ApiError,
)
from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.routes import NOWHERE, Route, route
from mockserver.tasks import transitions
from mockserver.tasks.execution import Execution
from mockserver.tasks.transitions import Refused
from mockserver.tasks.values import Subtask
from mockserver.world.value import World
from mockserver.world.worlds import NAME, NAMES

SHOWN: Final = 5
LOOKED: Final = 10_000
"""Of more users the others are not asked: while a refusal is made, nobody else is answered."""
ELSEWHERE: Final = (
    "; for what is not the task API there are stubs (POST /__admin/stubs) and --forward URL [--forward-path GLOB]"
)
_PARAMETER: Final = re.compile(r"/\{\w+\}")
_ID: Final = re.compile(r"/-?[0-9]+(?=/|$)")


class Place(NamedTuple):
    """Where a request went, and where the API is."""

    method: str
    path: str
    """The whole of the request's."""
    prefixes: Sequence[str]
    mount: str = ""
    """What comes before every prefix, in another application."""


def hint(failure: ApiError, world: World, to: Route, place: Place) -> str | None:
    """For an error that has none of its own."""
    row = failure.row
    if row is NO_ROUTE:
        return f"{nearest_route(place)}{ELSEWHERE}"
    if row is NO_TASK:
        return nearest("task", to.task, world.tasks)
    if row is NO_SUBTASK and to.task is not None:
        return nearest_subtask(to.task, to.subtask, world)
    if row in (NOT_ALLOWED, CANNOT_SKIP, ROLLBACK_PROHIBITED) and to.task is not None:
        return legal_now(world, world.tasks[to.task], to.subtask)
    if row in (BAD_PARAMETER, CANNOT_SORT):
        mount, prefix = place.mount, place.prefixes[0]
        return f"{mount}{prefix} is described at {mount}/openapi.json, with the values of every parameter"
    if row is BAD_CREDENTIALS:
        return "send user:password in base64, as curl -u does"
    if row in (LARGE_BODY, SLOW_BODY):
        return "no operation needs a body"
    return None


def holders(world: World, operation: Operation, task: int | None) -> str:
    """Who has the permission for an operation, after all denials: of the first LOOKED users."""
    permission, id = operation.permission, operation.id
    without = {
        denial.user
        for denial in world.denials.values()
        if not denial.used_up and denial.matches(permission, denial.user or "", id, task)
    }
    if None in without:
        return "nobody has it"
    users = islice(world.users, LOOKED)
    found = [name for name in users if name not in without and permission in world.allowed(name)]
    if len(world.users) > LOOKED:
        more, nobody = " and others" if found else "", f"none of the first {LOOKED} users has it"
    else:
        more, nobody = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "", "nobody has it"
    return f"who has it: {', '.join(found[:SHOWN])}{more}" if found else nobody


def nearest_route(place: Place) -> str:
    """The same path without its trailing slash, under our prefix, or the most alike of those there are."""
    method, path, prefixes, mount = place
    named = re.match(rf"{re.escape(mount)}/w/([^/]+)/", path)
    if named is not None and not re.fullmatch(NAME, named[1]):
        return f"{NAMES}: {mount}/w/{{name}}{prefixes[0]}/tasks/instances"
    if named is not None:
        mount = named[0].rstrip("/")
    path = path.removeprefix(mount)
    for prefix in prefixes:
        for start in {prefix, *(path[: len(path) - len(tail)] for tail in _tails(path))}:
            rest = path.removeprefix(start) if path.startswith(start) else ""
            for candidate in (rest.strip("/"), rest.strip("/").lower()):
                found = route(method, candidate)
                if candidate and found != NOWHERE:
                    allowed = method if found.operation else found.allowed[0]
                    return f"did you mean {allowed} {mount}{prefix}/{candidate}?"
    templates = [f"{prefix}{operation.path}" for prefix in prefixes for operation in OPERATIONS.values()]
    by_shape = {_PARAMETER.sub("/{}", template): template for template in templates}
    close = get_close_matches(_ID.sub("/{}", path), by_shape, n=1, cutoff=0.6)
    if close:
        return f"did you mean {mount}{by_shape[close[0]]}?"
    places = " and ".join(mount + prefix or "/" for prefix in prefixes)
    return f"the API is under {places}, e.g. GET {mount}{prefixes[0]}/tasks/instances"


def _tails(path: str) -> Iterable[str]:
    """From each of its first slashes on: what could follow another prefix."""
    at = -1
    for _ in range(4):
        at = path.find("/", at + 1)
        if at < 0:
            return
        yield path[at:]


def nearest(kind: str, id: int | None, known: Iterable[int], there: str = "there is") -> str:
    """Of tasks or subtasks: the ids that there are."""
    known = list(known)
    if id is not None and abs(id) >= 2**53:
        rounded = [other for other in known if float(other) == float(id)]
        if rounded:
            return f"{kind} {rounded[0]} exists: JavaScript has rounded the id, which is past 2^53 - 1"
    if not known:
        return f"{there} no {kind}"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"{there} {kind} {', '.join(map(str, known[:SHOWN]))}{more}"


def nearest_subtask(task: int, subtask: int | None, world: World) -> str:
    """The task that has it, or which there are in this one."""
    owners = [str(owner) for owner, other in world.tasks.items() if subtask in other.subtasks][:3]
    if owners:
        return f"subtask {subtask} is in task {' and '.join(owners)}"
    return nearest("subtask", subtask, world.tasks[task].subtasks, f"task {task} has")


def legal_now(world: World, execution: Execution, subtask: int | None) -> str:
    """The operations that this state allows, of the subtask (if there is one) and of its task."""
    task = execution.task
    legal = legal_of_task(execution)
    if subtask is not None and subtask in execution.subtasks:
        legal = [*legal_of_subtask(world, execution, execution.subtasks[subtask]), *legal]
    if legal:
        return f"legal now: {', '.join(legal)}"
    return f"nothing is legal now: task {task.id} is {task.status}"


def legal_of_subtask(world: World, execution: Execution, subtask: Subtask) -> list[str]:
    acts = {"retrySubtask": transitions.retry, "skipSubtask": transitions.skip, "cancelSubtask": transitions.cancel}
    found = []
    for name, act in acts.items():
        try:
            act(subtask, execution.task, world.now, world.settings.pace)
        except Refused:
            continue
        found.append(name)
    return found


def legal_of_task(execution: Execution) -> list[str]:
    found = []
    try:
        transitions.retry_task(execution.task)
        found.append("retryTask")
    except Refused:
        pass
    try:
        transitions.rollback_task(execution.task, execution.subtasks)
        found.append("rollbackTask")
    except Refused:
        pass
    return found
