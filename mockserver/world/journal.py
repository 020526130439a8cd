"""The requests that came, and what became of each: bounded records, in number and in bytes over all worlds."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal, NamedTuple
from weakref import WeakSet

from multidict import MultiMapping

from mockserver.contract.credentials import Sent
from mockserver.contract.errors import ApiError
from mockserver.contract.permissions import TASK_MANAGER
from mockserver.contract.routes import Route
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.tasks.value import value
from mockserver.world.history import Record
from mockserver.world.value import World

REQUESTS: Final = 1000
BYTES: Final = 64 * 1024 * 1024
"""Of the requests in the journals of all worlds together, roughly."""
NEW_BYTES: Final = 64 * 1024
"""So many of one journal are new before all are added up."""
ENTRY_BYTES: Final = 1024
"""What an entry takes without its texts, roughly."""
BODY_BYTES: Final = 16 * 1024
"""Of each body, that much is shown."""
ARCHIVED: Final = 5000
"""So many requests are kept of journals that were emptied."""
KEPT: Final = BODY_BYTES + 1
"""Of each body, that much is kept: one byte more than is shown, so that it shows that there was more."""

Kind = Literal["api", "stub", "forwarded", "refused"]
API: Final = "api"
STUB: Final = "stub"
FORWARDED: Final = "forwarded"
"""These two are answered in `server/elsewhere`, and are no replies of the API's account."""
REFUSED: Final = "refused"
"""What never became a request of the API: the HTTP server refused it, or a foreign page wanted it forwarded."""


@value
class Asked:
    """What a request asks for. It knows nothing of any world, so the same bytes may share one."""

    method: str
    target: str
    """As it was sent: path and query, still encoded."""
    path: str
    """Decoded, without the query."""
    query: str
    """Still encoded."""
    to: Route
    sent: Sent
    headers: MultiMapping[str]
    body: bytes
    """Its first KEPT bytes."""
    size: int = ENTRY_BYTES
    """How many bytes all of this is, roughly: `size_of`."""
    forgiven: str | None = None
    """What leaves the contract in its headers and its body: counted, and never refused."""
    expects: str | None = None
    """The status of the client error that it says it is."""
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    """As they were sent: aiohttp spells some names otherwise."""

    def is_like(self, other: "Asked") -> bool:
        """Whether a client that sends again would send this."""
        return (
            self.method == other.method
            and self.target == other.target
            and self.body == other.body
            and self.headers.get("Authorization") == other.headers.get("Authorization")
        )


def size_of(target: str, headers: Mapping[str, str], body: bytes) -> int:
    return (
        ENTRY_BYTES
        + len(target)
        + min(len(body), KEPT)
        + 2 * sum(len(name) + len(text) for name, text in headers.items())  # they are kept as they were sent, too
    )


@dataclass(slots=True, eq=False)
class Exchange:
    """A request: what was asked, and what it met; later, what was answered. Bodies are as they were on the wire."""

    asked: Asked
    time: int
    """When it came, in nanoseconds of the world's time."""
    trace_id: str
    before: World | None
    """The world just before it acted (or did not); None once that is too old to be kept."""
    traces: int
    """How many trace ids the world had given out before it."""
    generation: int
    """Of the world: how often it had been replaced."""
    began: int
    """When it came, in ticks of the machine."""
    going_round: ApiError | None = None
    """Why its world could not be brought up to now."""
    resent: bool = False
    """Whether it is the same request as one that met a transport fault a moment ago."""
    fault: Fault | None = None
    """The rule that acted on it."""
    rate: Fault | None = None
    """The rate limit that has counted it, as it then was."""
    acted: int | None = None
    """When it acted, if that was not when it came."""
    changes: tuple[int, int] = (0, 0)
    """Its changes are the entries of the history after the first number, up to the second."""
    denial: Denial | None = None
    """The rule that refused it."""
    status: int | None = None
    """None while there is no answer; likewise what follows."""
    content: bytes = b""
    """Of the answer."""
    headers: Mapping[str, str] | None = None
    """Of the answer, but for those that the connection adds: its length, the date, the server's name."""
    ended: int = 0
    """When there was an answer, in ticks of the machine."""
    rule: str | None = None
    """The id of the fault or denial that acted."""
    hint: str | None = None
    client_error: str | None = None
    """In what it left the contract, if it was looked at and did."""
    expected: bool = False
    """Whether that was on purpose."""
    effect: str | None = None
    """What the fault did."""
    kind: Kind = API
    size: int = 0
    """As what it counts in the journal; 0 once it is not there any more."""
    number: int = 0
    """In the journal."""
    let_go: bool = False
    """Whether a late answer never came."""


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

    def settle(self) -> None:
        size = sum(journal.size for journal in self.journals)
        while size > self.limit:
            largest = max(self.journals, key=attrgetter("size"))
            size -= largest.size
            largest.drop()
            size += largest.size
