"""The requests that came, and what became of each: bounded records, in number and in bytes over all worlds."""

from collections import deque
from collections.abc import Iterator
from operator import attrgetter
from typing import Final, NamedTuple
from weakref import WeakSet

from mockserver.contract.permissions import TASK_MANAGER
from mockserver.world.evidence.exchange import Exchange
from mockserver.world.history import Record

REQUESTS: Final = 1000
BYTES: Final = 64 * 1024 * 1024
"""Of the requests in the journals of all worlds together, roughly."""
NEW_BYTES: Final = 64 * 1024
"""So many of one journal are new before all are added up."""
ARCHIVED: Final = 5000
"""So many requests are kept of journals that were emptied."""

Told = tuple[str | None, int, Exchange]
"""The name of its world, its number there, and the request."""


class Kept(NamedTuple):
    """All that a journal had."""

    entries: tuple[Exchange, ...]
    older: tuple[Exchange, ...]
    total: int


class Journal(Record[Exchange]):
    """The requests of one world: the latest, and in at most half of its room older ones that act.

    So whoever polls drives no operation out. All worlds of a server share a number of bytes.
    """

    __slots__ = ("__weakref__", "_bytes", "_limit", "_new", "_older", "size", "world")

    def __init__(self, limit: int, shared: "SharedBytes") -> None:
        super().__init__(limit)
        self._entries: deque[Exchange] = deque()
        self._older: deque[Exchange] = deque()
        self._limit, self._bytes = limit, shared
        self.size = self._new = 0
        """In bytes, roughly; and how many came since all were added up."""
        self.world: str | None = None
        """The name of its world."""
        shared.journals.add(self)

    def append(self, entry: Exchange) -> None:
        self._entries.append(entry)
        entry.number = self.total = self.total + 1
        entry.size = size = entry.asked.size
        self.size += size
        if len(self._entries) + len(self._older) > self._limit:
            self.drop()

    def answered(self, entry: Exchange) -> None:
        """It has its answer now."""
        if entry.size:
            size = len(entry.content)
            entry.size += size
            self.size += size
            self._new += entry.size
            if self._new > NEW_BYTES:
                self._new = 0
                self._bytes.settle()

    def grown(self, entry: Exchange, size: int) -> None:
        """By a body that came later than the request."""
        if entry.size:
            entry.size += size
            self.size += size

    def drop(self) -> None:
        """One entry, the oldest that does not act, as long as those that do have less than half of the room."""
        entries, older = self._entries, self._older
        while len(older) < len(entries):
            entry = entries.popleft()
            operation = entry.asked.to.operation
            if operation is None or operation.permission != TASK_MANAGER:
                break
            older.append(entry)
        else:
            entry = older.popleft()
        self.size -= entry.size
        entry.size = 0

    def forget(self) -> None:
        self._bytes.keep(self)
        for entry in self:
            entry.size = 0
        super().forget()
        self._older.clear()
        self.size = 0

    def kept(self) -> "Kept":
        return Kept(tuple(self._entries), tuple(self._older), self.total)

    def take_back(self, kept: "Kept") -> None:
        """In the place of what there is."""
        self.forget()
        self._entries.extend(kept.entries)
        self._older.extend(kept.older)
        self.total = kept.total
        for entry in self:
            entry.size = entry.asked.size + len(entry.content)
            self.size += entry.size
        self._bytes.give_back(self)

    @property
    def dropped(self) -> int:
        return self.passed - len(self._older)

    def numbered(self, after: int = 0, until: int | None = None) -> Iterator[tuple[int, Exchange]]:
        for entry in self._older:
            if after < entry.number and (until is None or entry.number <= until):
                yield entry.number, entry
        yield from super().numbered(after, until)

    def __getitem__(self, number: int) -> Exchange:
        if number > self.passed:
            return super().__getitem__(number)
        for entry in self._older:
            if entry.number == number:
                return entry
        raise IndexError(number)

    def __iter__(self) -> Iterator[Exchange]:
        yield from self._older
        yield from self._entries

    def __len__(self) -> int:
        return len(self._older) + len(self._entries)


class SharedBytes:
    """What the journals of all worlds have together: where it is too much, the largest one drops what it has.

    That is looked at now and then only (NEW_BYTES of each journal).
    """

    def __init__(self, limit: int = BYTES) -> None:
        self.journals: WeakSet[Journal] = WeakSet()
        self.limit = limit
        self.past: deque[Told] | None = None
        """What was in journals that were emptied, if somebody wants that: at most ARCHIVED, and `limit` bytes."""
        self._past_size = 0
        self.lost = 0
        """How many entries such journals had dropped, and how many there was no room for in `past`."""

    def keep(self, journal: Journal) -> None:
        """One that will be emptied, or that goes with its world."""
        self.lost += journal.dropped
        if self.past is None:
            return
        for number, entry in journal.numbered():
            entry.before = None  # else whole worlds would stay
            self.past.append((journal.world, number, entry))
            self._past_size += entry.asked.size + len(entry.content)
        while len(self.past) > ARCHIVED or self._past_size > self.limit:
            _, _, entry = self.past.popleft()
            self._past_size -= entry.asked.size + len(entry.content)
            self.lost += 1

    def give_back(self, journal: Journal) -> None:
        """One that was kept, and has its requests again."""
        self.lost -= journal.dropped
        if self.past is None:
            return
        back = {id(entry) for entry in journal}
        past = deque(told for told in self.past if id(told[2]) not in back)
        self.lost -= len(back) - (len(self.past) - len(past))
        self.past = past
        self._past_size = sum(entry.asked.size + len(entry.content) for _, _, entry in past)

    def settle(self) -> None:
        size = sum(journal.size for journal in self.journals)
        while size > self.limit:
            largest = max(self.journals, key=attrgetter("size"))
            size -= largest.size
            largest.drop()
            size += largest.size
