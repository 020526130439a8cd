"""What happened: bounded records, and the changes of a world. What a record has dropped, it counts."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

from mockserver.tasks.value import value
from mockserver.tasks.values import Subtask, Task

CHANGES: Final = 10_000

T = TypeVar("T")


class Record(Generic[T]):
    """The last `limit` entries, oldest first, and how many there ever were."""

    __slots__ = ("_entries", "epoch", "total")

    def __init__(self, limit: int) -> None:
        self._entries: deque[T] = deque(maxlen=limit)
        self.total = 0
        """How many there ever were since it was emptied: entries are numbered from 1."""
        self.epoch: object = object()
        """Another one after each `forget`: then numbers begin again."""

    def append(self, entry: T) -> None:
        self._entries.append(entry)
        self.total += 1

    def extend(self, entries: Iterable[T], total: int) -> None:
        """By `total` entries, of which those that it would drop at once need not be given."""
        self._entries.extend(entries)
        self.total += total

    def follow(self, later: "Record[T]") -> None:
        """What another record has that was begun after this one."""
        self._entries.extend(later._entries)
        self.total += later.total

    def forget(self) -> None:
        self._entries.clear()
        self.total = 0
        self.epoch = object()

    @property
    def dropped(self) -> int:
        return self.passed

    @property
    def passed(self) -> int:
        """From the next number on, every entry is there."""
        return self.total - len(self._entries)

    def numbered(self, after: int = 0, until: int | None = None) -> Iterator[tuple[int, T]]:
        """The entries with numbers above `after`, and up to `until`; those that are dropped are passed over."""
        passed, last = self.passed, self.total if until is None else min(until, self.total)
        first = max(after, passed)
        return enumerate(islice(self._entries, first - passed, max(last - passed, 0)), first + 1)

    def __getitem__(self, number: int) -> T:
        """The entry with that number. Raises IndexError."""
        place = number - 1 - self.passed
        if place < 0:
            raise IndexError(number)
        return self._entries[place]

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@value
class Change:
    """A task or subtask that became another value, as the history keeps it. `time` is in nanoseconds."""

    time: int
    task_instance_id: int
    was: Subtask | Task
    becomes: Subtask | Task
    cause: str
    """`time`, a control call, or the trace id of the request."""

    @property
    def subtask_instance_id(self) -> int | None:
        """None for the task itself."""
        return self.becomes.id if isinstance(self.becomes, Subtask) else None

    @property
    def before(self) -> str:
        return self.was.status

    @property
    def after(self) -> str:
        return self.becomes.status

    @property
    def operation(self) -> str:
        return self.becomes.operation
