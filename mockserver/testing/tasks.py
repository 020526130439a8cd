"""A task and a subtask on a server, as a test holds them. Each attribute is asked of the server whenever it is read.

`status` is what it is now, not what it was. Names are those of a fixture file, in snake_case.
"""

from typing import Any, Generic, Never, Self, TypeVar, cast, overload

from mockserver.testing.client import Json, Line
from mockserver.testing.naming import camel, camel_keys, refuse_unknown

T = TypeVar("T")


class Field(Generic[T]):
    """One field, to read. It is changed by `set`, with others if need be, in one call."""

    __slots__ = ("_name",)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, thing: None, owner: type) -> Self: ...
    @overload
    def __get__(self, thing: "_Thing", owner: type) -> T: ...
    def __get__(self, thing: "_Thing | None", owner: type) -> Self | T:
        if thing is None:
            return self
        return cast(T, thing.json().get(camel(self._name)))

    def __set__(self, thing: "_Thing", value: Never) -> None:
        raise AttributeError(f"{self._name} is for reading: use set({self._name}=…)")


class _Thing:
    __slots__ = ("_line", "_path", "id")

    def __init__(self, line: Line, path: str, id: int) -> None:
        if type(id) is not int:
            raise TypeError(f"an id is an int, not {id!r}")
        self._line = line
        self._path = f"{path}/{id}"
        self.id = id

    def json(self) -> Json:
        """All of it, as a fixture has it. Raises ControlError (404) if it does not exist."""
        return self._line.call("GET", self._path)

    def set(self, **fields: Any) -> Json:
        """Changes these fields, all or none, and answers with all of it as it then is.

        `status="FAILED"`, `runs=[{"outcome": "FAILED"}]`, `run_time=3` (or `runTime`, as on the wire). Setting a
        status or an operation starts the timer anew; the task's status is derived again. Raises TypeError for a field
        that there is not, and ControlError for a value that cannot be.
        """
        refuse_unknown("set()", fields, self._settable())
        return self._line.call("PATCH", self._path, camel_keys(fields))

    @classmethod
    def _settable(cls) -> list[str]:
        return [name for name, field in vars(cls).items() if isinstance(field, Field | property)]

    def __repr__(self) -> str:
        return f"<{self._line.url}{self._path}>"


class SubtaskHandle(_Thing):
    """One subtask: `mock.task(1000).subtask(10001)`."""

    __slots__ = ()

    name = Field[str]()
    status = Field[str]()
    """PENDING, READY, RUNNING, CANCELING, FAILED or SUCCESSFUL."""
    operation = Field[str]()
    """EXECUTE, RETRY, ROLLBACK, SKIP, CANCEL or ROLLBACK_SKIP."""
    run_time = Field[int]()
    """Which run this is: one more with each retry."""
    executor = Field[str | None]()
    start_time = Field[str | None]()
    """When it first started."""
    finish_time = Field[str | None]()
    """When it last ended; None while it runs."""
    create_time = Field[str]()
    log = Field[str | None]()
    context = Field[str | dict[str, Any] | None]()
    upstreams = Field[list[int]]()
    downstreams = Field[list[int]]()
    runs = Field[list[dict[str, Any]]]()
    """What each coming run does, as in a fixture; the last one repeats."""
    rollbacks = Field[list[dict[str, Any]]]()
    next_run = Field[int]()
    next_rollback = Field[int]()
    due = Field[str | None]()
    """When it goes on by itself; None if it does not."""
    outcome = Field[str | None]()
    """How the run that is under way will end; None if none is."""
    outcome_log = Field[str | None]()
    """What that run writes in the course of it, while some is still to come."""
    outcome_log_from = Field[str | None]()
    outcome_log_to = Field[str | None]()
    timeout = Field[int]()
    """In seconds; 0 is none."""
    retry_count = Field[int]()
    prohibit_rollback = Field[bool]()
    skippable = Field[bool]()
    series_id = Field[int]()
    description = Field[str | None]()
    class_name = Field[str | None]()
    node_type = Field[str]()
    parallel_idx = Field[int]()


class TaskHandle(_Thing):
    """One task: `mock.task(1000)`."""

    __slots__ = ()

    name = Field[str]()
    status = Field[str]()
    """RUNNING, FAILED or SUCCESSFUL: what its subtasks give it."""
    operation = Field[str]()
    """EXECUTE, RETRY or ROLLBACK; or what its fixture says."""
    type = Field[str]()
    executor = Field[str | None]()
    create_time = Field[str]()
    start_time = Field[str | None]()
    finish_time = Field[str | None]()
    prohibit_rollback = Field[bool]()
    creator = Field[dict[str, Any]]()
    cluster = Field[dict[str, Any] | None]()
    tenant = Field[dict[str, Any] | None]()
    host_id = Field[int | None]()
    task_definition_id = Field[int]()

    def subtask(self, id: int) -> SubtaskHandle:
        """Does not ask whether there is one."""
        return SubtaskHandle(self._line, f"{self._path}/subtasks", id)

    @property
    def subtasks(self) -> list[SubtaskHandle]:
        """Those that there are now, in order of id."""
        return [self.subtask(one["id"]) for one in self.json()["subtasks"]]
