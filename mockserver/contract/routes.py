"""Routes: which operation a method and a path ask for, with the ids in the path. Made from the operations; pure."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.parameters import SubError, parse_path


class Route(NamedTuple):
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


NOWHERE: Final = Route(None)


@lru_cache(maxsize=1024)
def route(method: str, path: str) -> Route:
    """`path` is what follows the prefix and a slash. HEAD is allowed where GET is."""
    node = _ROUTES
    texts: list[str] = []
    for segment in path.split("/"):
        step = node.get(segment)
        if step is None:
            step = node.get("{}")
            if step is None or not segment:
                return NOWHERE
            texts.append(segment)
        node = step
    here = node.get(None)
    if here is None:
        return NOWHERE
    operation = here.get(method)
    if operation is None:
        return Route(None, tuple(here))
    ids, wrong = parse_path(operation.id, texts)
    return Route(
        operation, (), ids.get("taskInstanceId"), ids.get("subtaskInstanceId"), tuple(wrong), tuple(ids.values())
    )


def _routes() -> dict[Any, Any]:
    """A tree of path segments, `{}` for a parameter; at None, the operations of that very path by method."""
    root: dict[Any, Any] = {}
    for operation in OPERATIONS.values():
        node = root
        for segment in operation.path[1:].split("/"):
            node = node.setdefault("{}" if segment.startswith("{") else segment, {})
        here = node.setdefault(None, {})
        here[operation.method] = operation
        if operation.method == "GET":
            here["HEAD"] = operation
    return root


_ROUTES: Final = _routes()
