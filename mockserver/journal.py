"""What happened: bounded records of requests and of state changes. What a record has dropped, it counts."""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from mockserver.operations import Route

REQUESTS: Final = 1000
CHANGES: Final = 10_000
SLACK: Final = 64
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
            self._dropped += len(self) - self.limit
            del self[: -self.limit]

    def twin(self) -> "Record[T]":
        return Record(self.limit, self, self._dropped)

    def forget(self) -> None:
        self.clear()
        self._dropped = 0


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
    effect: str | None = None
    """What the fault did."""
