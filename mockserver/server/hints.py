"""Why, and what would have worked: the X-Mock-Hint of a refusal. It costs nothing where nothing is refused."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from mockserver.contract.errors import (
    BAD_CREDENTIALS,
    BAD_PARAMETER,
    CANNOT_SKIP,
    LARGE_BODY,
    NO_ROUTE,
    NO_TASK,
    NOT_ALLOWED,
    ROLLBACK_PROHIBITED,
    SLOW_BODY,
    ApiError,
)
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.routes import NOWHERE, Route, route
from mockserver.tasks import transitions
from mockserver.tasks.execution import Execution
from mockserver.tasks.transitions import Refused
from mockserver.tasks.values import Subtask
from mockserver.world.value import World

SHOWN: Final = 5
_PARAMETER: Final = re.compile(r"/\{\w+\}")
_ID: Final = re.compile(r"/-?[0-9]+(?=/|$)")


def hint(failure: ApiError, world: World, to: Route, method: str, path: str, prefixes: Sequence[str]) -> str | None:
    """For an error that has none of its own. `path` is the whole path of the request."""
    row = failure.row
    if row is NO_ROUTE:
        return nearest_route(method, path, prefixes)
    if row is NO_TASK:
        return nearest_task(to.task, world.tasks)
    if row in (NOT_ALLOWED, CANNOT_SKIP, ROLLBACK_PROHIBITED) and to.task is not None:
        return legal_now(world, world.tasks[to.task], to.subtask)
    if row is BAD_PARAMETER:
        return f"{prefixes[0]} is described at /openapi.json, with the values of every parameter"
    if row is BAD_CREDENTIALS:
        return "send user:password in base64, as curl -u does"
    if row in (LARGE_BODY, SLOW_BODY):
        return "no operation needs a body"
    return None


def nearest_route(method: str, path: str, prefixes: Sequence[str]) -> str:
    """The same path without its trailing slash, under our prefix, or the most alike of those there are."""
    for prefix in prefixes:
        for start in {prefix, *(path[: len(path) - len(tail)] for tail in _tails(path))}:
            rest = path.removeprefix(start) if path.startswith(start) else ""
            for candidate in (rest.strip("/"), rest.strip("/").lower()):
                found = route(method, candidate)
                if candidate and found != NOWHERE:
                    allowed = method if found.operation else found.allowed[0]
                    return f"did you mean {allowed} {prefix}/{candidate}?"
    templates = [f"{prefix}{operation.path}" for prefix in prefixes for operation in OPERATIONS.values()]
    by_shape = {_PARAMETER.sub("/{}", template): template for template in templates}
    close = get_close_matches(_ID.sub("/{}", path), by_shape, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_shape[close[0]]}?"
    places = " and ".join(prefix or "/" for prefix in prefixes)
    return f"the API is under {places}, e.g. GET {prefixes[0]}/tasks/instances"


def _tails(path: str) -> Iterable[str]:
    """From each of its first slashes on: what could follow another prefix."""
    at = -1
    for _ in range(4):
        at = path.find("/", at + 1)
        if at < 0:
            return
        yield path[at:]


def nearest_task(id: int | None, tasks: Iterable[int]) -> str:
    known = list(tasks)
    if id is not None and abs(id) >= 2**53:
        rounded = [other for other in known if float(other) == float(id)]
        if rounded:
            return f"task {rounded[0]} exists: JavaScript has rounded the id, which is past 2^53 - 1"
    if not known:
        return "the world has no tasks"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"there is task {', '.join(map(str, known[:SHOWN]))}{more}"


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
