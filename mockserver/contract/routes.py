"""Routes: which operation a method and a path ask for, with the ids in the path. Made from the operations; pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.parameters import SubError, parse_path
from mockserver.tasks.value import value


@value
class Route:
    """What a method and a path under a prefix ask for."""

    operation: Operation | None
    allowed: tuple[str, ...] = ()
    """Where there is no such operation: the methods that this very path has."""
    task: int | None = None
    """The path parameters; None where there is none, or one that is no Long."""
    subtask: int | None = None
    wrong: tuple[SubError, ...] = ()
    """One for each path parameter that is no Long."""
    ids: tuple[int, ...] = ()
    """All path parameters, where none is wrong."""
    is_api: bool = True
    """Whether the path is under a prefix of the API: outside, nothing asks for credentials."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether the path is none of the task API's, whatever the method: others may answer it."""
        return self.operation is None and not self.allowed


NOWHERE: Final = Route(None)
OUTSIDE: Final = Route(None, is_api=False)


def _paths() -> Iterator[tuple[re.Pattern[str], dict[str, Operation]]]:
    """Each path as a pattern whose groups are its parameters, and its operations by method."""
    for path in dict.fromkeys(operation.path for operation in OPERATIONS.values()):
        here: dict[str, Operation] = {one.method: one for one in OPERATIONS.values() if one.path == path}
        if "GET" in here:
            here["HEAD"] = here["GET"]
        yield re.compile(re.sub(r"\{\w+\}", "([^/]+)", path[1:])), here


_PATHS: Final = tuple(_paths())


@lru_cache(maxsize=1024)
def route(method: str, path: str) -> Route:
    """`path` is what follows the prefix and a slash. HEAD is allowed where GET is."""
    for pattern, here in _PATHS:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        operation = here.get(method)
        if operation is None:
            return Route(None, tuple(here))
        ids, wrong = parse_path(operation.id, match.groups())
        return Route(
            operation, (), ids.get("taskInstanceId"), ids.get("subtaskInstanceId"), tuple(wrong), tuple(ids.values())
        )
    return NOWHERE
