"""The nine operations of the task API as data: route, permission, parameters, and what a success carries.

This is the only place that lists them: router, request check and OpenAPI document are made from it. Nothing here does
I/O or knows HTTP objects. Source, where nothing else is said: api-facts 1, from the public OCP reference (*document*);
`retrySubtask` is the seed's. The operations' names are ours.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal, NamedTuple, TypedDict

Kind = Literal["string", "long", "integer", "enum", "enums"]
"""`enum` is one of the choices; `enums` is any number of them, comma-separated or repeated."""
Method = Literal["GET", "POST"]

LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1
INT_MAX: Final = 2**31 - 1
_DECIMAL: Final = re.compile(r"([+-]?)0*([0-9]+)")


class SubError(TypedDict):
    """One rejected parameter, as `sub-error.schema.json` has it."""

    object: str
    field: str
    rejectedValue: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter, by any of its names; a path parameter has neither alias nor default."""

    name: str
    kind: Kind
    description: str
    aliases: tuple[str, ...] = ()
    """Other spellings that are accepted; the first name that was sent counts, in this order."""
    choices: tuple[str, ...] = ()
    minimum: int = LONG_MIN
    maximum: int = LONG_MAX
    default: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    method: Method
    path: str
    """Without the prefix, with `{taskInstanceId}` and `{subtaskInstanceId}` where they stand."""
    permission: str
    data: str | None
    """The schema of a success's `data`, by its name in schemas/; None if a success has no such key."""
    media_type: str = "application/json"
    acts: bool = False
    """Changes the world. Accepts and ignores any query and any body: a real client sends its path parameters again."""
    refusals: tuple[int, ...] = ()
    """The error codes with which the present state can say no."""
    query: tuple[Parameter, ...] = ()
    summary: str
    description: str
    source: str

    @property
    def path_parameters(self) -> tuple[Parameter, ...]:
        return _named_in(self.path)


@cache
def _named_in(path: str) -> tuple[Parameter, ...]:
    return tuple(PATH_PARAMETERS[name] for name in re.findall(r"\{(\w+)\}", path))


TASKS: Final = "/tasks/instances"
TASK: Final = TASKS + "/{taskInstanceId}"
SUBTASK: Final = TASK + "/subtasks/{subtaskInstanceId}"
VIEWER: Final = "TASK_VIEWER"
MANAGER: Final = "TASK_MANAGER"
TASK_STATUSES: Final = ("RUNNING", "FAILED", "SUCCESSFUL")
TASK_TYPES: Final = ("MANUAL", "SYS_ONCE", "SCHEDULED", "SYS_SCHEDULED")
SORTS: Final = ("id,desc", "id,asc")

PATH_PARAMETERS: Final[dict[str, Parameter]] = {
    "taskInstanceId": Parameter(name="taskInstanceId", kind="long", description="The task's id."),
    "subtaskInstanceId": Parameter(name="subtaskInstanceId", kind="long", description="The id of a subtask of it."),
}

LIST_QUERY: Final = (
    Parameter(
        name="name",
        aliases=("keyword",),
        kind="string",
        description="Only tasks whose name contains this, in upper or lower case.",
    ),
    Parameter(
        name="status",
        kind="enums",
        choices=TASK_STATUSES,
        description="Only tasks with one of these statuses: repeated, or separated by commas.",
    ),
    Parameter(
        name="type",
        kind="enums",
        choices=TASK_TYPES,
        description="Only tasks of one of these types: repeated, or separated by commas.",
    ),
    Parameter(
        name="clusterName",
        aliases=("cluterName",),  # the document's misspelling
        kind="string",
        description="Only tasks about the cluster of this name.",
    ),
    Parameter(name="clusterId", kind="long", description="Only tasks about the cluster with this id."),
    Parameter(name="tenantName", kind="string", description="Only tasks about the tenant of this name."),
    Parameter(name="tenantId", kind="long", description="Only tasks about the tenant with this id."),
    Parameter(name="hostId", kind="long", description="Only tasks about the host with this id."),
    Parameter(name="page", kind="integer", minimum=1, maximum=INT_MAX, default=1, description="Which page, from 1."),
    Parameter(
        name="size", kind="integer", minimum=1, maximum=2000, default=10, description="How many tasks a page holds."
    ),
    Parameter(name="sort", kind="enum", choices=SORTS, default="id,desc", description="In which order of id."),
)

OPERATIONS: Final[dict[str, Operation]] = {
    operation.id: operation
    for operation in (
        Operation(
            id="listTaskInstances",
            method="GET",
            path=TASKS,
            permission=VIEWER,
            data="task-page",
            query=LIST_QUERY,
            summary="List tasks",
            description="One page of the tasks that pass every filter, with their subtasks in short.",
            source="document",
        ),
        Operation(
            id="getTaskInstance",
            method="GET",
            path=TASK,
            permission=VIEWER,
            data="wrapped-task-instance",
            summary="Get a task",
            description="A task with all its subtasks.",
            source="document",
        ),
        Operation(
            id="retryTask",
            method="POST",
            path=TASK + "/retry",
            permission=MANAGER,
            data="wrapped-task-instance",
            acts=True,
            refusals=(20003,),
            summary="Retry a failed task",
            description="Makes every FAILED subtask of a FAILED task READY again. Not while the task rolls back.",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="rollbackTask",
            method="POST",
            path=TASK + "/rollback",
            permission=MANAGER,
            data="wrapped-task-instance",
            acts=True,
            refusals=(20003, 20004),
            summary="Roll a failed task back",
            description="Undoes the subtasks of a FAILED task in the reverse order of its graph, unless one that has "
            "run, or the task itself, prohibits it.",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="retrySubtask",
            method="POST",
            path=SUBTASK + "/retry",
            permission=MANAGER,
            data="subtask-instance",
            acts=True,
            refusals=(20003,),
            summary="Retry a failed subtask",
            description="Makes a FAILED subtask READY again, in operation RETRY and with one more runTime. The answer "
            "is the subtask as it is then: it runs later. Not while its task rolls back.",
            source="seed; the rule is the engine's, and ours where it looks at the task",
        ),
        Operation(
            id="skipSubtask",
            method="POST",
            path=SUBTASK + "/skip",
            permission=MANAGER,
            data=None,
            acts=True,
            refusals=(20003,),
            summary="Skip a failed subtask",
            description="Makes a FAILED subtask READY in operation SKIP: when its turn comes it does nothing and ends "
            "SUCCESSFUL (in a task that rolls back: PENDING).",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="cancelSubtask",
            method="POST",
            path=SUBTASK + "/cancel",
            permission=MANAGER,
            data=None,
            acts=True,
            refusals=(20003,),
            summary="Cancel a running subtask",
            description="Makes a RUNNING subtask CANCELING, and after a while FAILED in operation CANCEL.",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="getSubtaskLog",
            method="GET",
            path=SUBTASK + "/log",
            permission=VIEWER,
            data="subtask-log",
            summary="Get the log of a subtask",
            description="The kept runs in order, each opened by a line of twelve number signs, the run's operation, "
            "its time and twelve number signs again.",
            source="document; the header line is the engine's",
        ),
        Operation(
            id="downloadTaskDiagnosis",
            method="POST",
            path=TASK + "/downloadDiagnosis",
            permission=VIEWER,
            data=None,
            media_type="application/zip",
            summary="Download what helps to diagnose a task",
            description="A zip with task_info.txt (a line for each subtask in topological order) and a "
            "subtask_{id}_{run}.log for each run that happened. Changes nothing.",
            source="document; the files are the engine's",
        ),
    )
}


def parse_long(text: str) -> int:
    """A Java Long in ASCII digits: `-1`, `0`, `+1`, `007`. Raises ValueError for all else (`1e0`, ` 1`, 2^63)."""
    match = _DECIMAL.fullmatch(text)
    if match is None or len(match[2]) > 19:  # int() refuses a very long text in other words
        raise ValueError("not a decimal Long")
    number = int(match[1] + match[2])
    if not LONG_MIN <= number <= LONG_MAX:
        raise ValueError("outside the range of a Long")
    return number


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
    ids, wrong = parse_path(operation, texts)
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


def parse_path(operation: Operation, texts: Sequence[str]) -> tuple[dict[str, int], list[SubError]]:
    """The path parameters by name, and a sub-error for each that is not a Long."""
    parsed: dict[str, int] = {}
    wrong: list[SubError] = []
    for name, text in zip(PATH_PARAMETERS, texts, strict=False):
        try:
            parsed[name] = parse_long(text)
        except ValueError as error:
            wrong.append(_rejected(operation, name, text, error))
    return parsed, wrong


def parse_query(operation: Operation, query: Mapping[str, Sequence[str]]) -> tuple[dict[str, object], list[SubError]]:
    """The query parameters by their proper names, defaults included, and a sub-error for each value that is wrong.

    `query` has the values of each name in the order they were sent. Of a scalar that is repeated the first counts.
    What comes back is str, int or, for `enums`, a tuple of the different ones. An empty string is no filter where a
    string is due, and wrong elsewhere. Names that are no parameters are ignored.
    """
    parsed: dict[str, object] = {}
    wrong: list[SubError] = []
    for parameter in operation.query:
        name = next((name for name in (parameter.name, *parameter.aliases) if query.get(name)), None)
        if name is None:
            if parameter.default is not None:
                parsed[parameter.name] = parameter.default
            continue
        if parameter.kind == "enums":
            texts = list(dict.fromkeys(part for text in query[name] for part in text.split(",")))
        else:
            texts = [query[name][0]]
        values: list[object] = []
        for text in texts:
            try:
                values.append(_value(parameter, text))
            except ValueError as error:
                wrong.append(_rejected(operation, name, text, error))
        if parameter.kind == "enums":
            parsed[parameter.name] = tuple(values)
        elif values and values[0] != "":
            parsed[parameter.name] = values[0]
    return parsed, wrong


def _value(parameter: Parameter, text: str) -> int | str:
    """Raises ValueError, which says what is wrong with it."""
    match parameter.kind:
        case "string":
            return text
        case "enum" | "enums":
            if text not in parameter.choices:
                raise ValueError("none of " + ", ".join(parameter.choices))
            return text
        case "long":
            return parse_long(text)
        case "integer":
            number = parse_long(text)
            if not parameter.minimum <= number <= parameter.maximum:
                raise ValueError(f"not between {parameter.minimum} and {parameter.maximum}")
            return number


def _rejected(operation: Operation, field: str, text: str, error: ValueError) -> SubError:
    return {"object": operation.id, "field": field, "rejectedValue": text, "message": f"{field} is {error}"}
