"""What happened: bounded records of requests and of state changes. What a record has dropped, it counts."""

from collections import deque
from typing import Final, NamedTuple, TypeVar

from mockserver.errors import ApiError
from mockserver.operations import Route

REQUESTS: Final = 1000
CHANGES: Final = 10_000
BODY_BYTES: Final = 16 * 1024
"""Of each body, that much is kept."""

T = TypeVar("T")


class Record(deque[T]):
    """The last `maxlen` entries, oldest first. Who appends one counts it in `total`: a method would cost more than both."""

    total: int = 0

    @property
    def dropped(self) -> int:
        return self.total - len(self)

    def twin(self) -> "Record[T]":
        twin = Record(self, self.maxlen)
        twin.total = self.total
        return twin

    def forget(self) -> None:
        self.clear()
        self.total = 0


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

    id: int
    time: int
    to: Route
    method: str
    path: str
    authorization: str | None
    request_body: bytes
    status: int
    response_body: bytes
    failure: ApiError | None
    trace_id: str
