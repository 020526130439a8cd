"""What happened: bounded records of requests and of state changes. What a record has dropped, it counts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from mockserver.contract.permissions import User
from mockserver.contract.routes import Route
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.tasks.lifecycle import Subtask, Task
from mockserver.world.fixture import Settings

REQUESTS: Final = 1000
CHANGES: Final = 10_000
SLACK: Final = 64
AGE: Final = 1024
BODY_BYTES: Final = 16 * 1024
"""Of each body, that much is kept."""

T = TypeVar("T")


class Record(list[T]):
    """Oldest first, and bounded: at least the last `limit` entries are kept, and some more until they are trimmed.

    A list, because nothing appends faster; whoever has appended calls `trim`, or does so when there are `most`.
    """

    def __init__(self, limit: int, entries: Iterable[T] = (), dropped: int = 0) -> None:
        super().__init__(entries)
        self.limit = limit
        self.most = limit + SLACK
        self._dropped = dropped
        self.epoch: object = object()
        """Another one after each `forget`: then `total` has begun again."""
        self.notes: dict[object, Any] = {}
        """What a higher room made of its entries; forgotten when AGE of them are dropped."""

    @property
    def total(self) -> int:
        """How many there ever were since it was cleared."""
        return self._dropped + len(self)

    @property
    def kept(self) -> list[T]:
        """The last `limit` entries; `total - len(kept)` are dropped."""
        return self[-self.limit :]

    def trim(self) -> None:
        if len(self) >= self.most:
            more = len(self) - self.limit
            self._dropped += more
            del self[:more]
            if self._dropped % AGE < more:
                self.notes.clear()

    def twin(self) -> "Record[T]":
        twin = Record(self.limit, self, self._dropped)
        twin.epoch = self.epoch
        return twin

    def forget(self) -> None:
        self.clear()
        self._dropped = 0
        self.epoch = object()
        self.notes.clear()


class Change(NamedTuple):
    """A task (`subtask_instance_id` None) or subtask that changed its status. `time` is in nanoseconds."""

    time: int
    task_instance_id: int
    subtask_instance_id: int | None
    before: str
    after: str
    operation: str
    cause: str
    """`time`, a control call, or the trace id of the request."""


class Base(NamedTuple):
    """A world, and one of its tasks, at some moment: what came later is told from it by the history."""

    edits: int
    """How often the world had been replaced or edited (see `worlds.Hosted`)."""
    until: int
    """How long the history may grow before another base is better, so that a request is not lost with an old one."""
    latest: tuple[Any, ...] | None
    """The latest change there was, None if there was none."""
    settings: Settings
    users: Mapping[str, User]
    task: Task | None
    """None where it is about no task that there is."""
    subtasks: tuple[Subtask, ...] | None
    """None where they are too many to be kept."""


class Exchange(NamedTuple):
    """A request and its answer. Bodies are as they were on the wire; what is shown of them is cut at BODY_BYTES."""

    time: int
    to: Route
    method: str
    path: str
    authorization: str | None
    request_body: bytes
    trace_id: str
    resent: bool
    """Whether it is the same request as one that met a transport fault a moment ago."""
    status: int | None
    """None while there is no answer; likewise what follows."""
    response_body: bytes
    rule: str | None
    """The id of the fault or denial that acted."""
    hint: str | None
    effect: str | None
    """What the fault did."""
    content_type: str | None
    """Of the request's body, if it had one."""
    latest: tuple[Any, ...] | None
    """The latest change that the history had seen when it acted (or did not); None if it had seen none."""
    base: Base
    """A moment that is not later, of the task that it is about."""
    denial: Denial | None
    """The one that refused it; likewise the fault that acted."""
    fault: Fault | None
    acted: int | None
    """When, if that was not when it came."""


ANSWERED: Final = slice(8, 13)
MET: Final = slice(14, 16)
DENIAL: Final = 16
ACTED: Final = 18
"""Fields of an entry that is a list, because its answer is yet to come."""
