"""What happens in a world, as numbered events, of which the last are kept: for who listens, and for who comes back.

The records that a world keeps anyway are the queue, and a feed remembers how far it has read in each. So a request
costs nothing more while somebody listens, and what happened while nobody did is still to be read. Nothing here is HTTP.
"""

import logging
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Final, Generic, TypeVar

from mockserver import __version__
from mockserver.admin.clock import clock_json
from mockserver.admin.journal import entry_json, transition
from mockserver.contract.errors import Violation
from mockserver.contract.json_text import is_longer
from mockserver.contract.schemas import contract
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.tasks.values import Subtask
from mockserver.times import MS, SECOND
from mockserver.world.clock import ticks, wall
from mockserver.world.evidence.exchange import Exchange
from mockserver.world.history import Record
from mockserver.world.live import TooManyEvents
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")

KEPT: Final = 1000
"""Events that are kept; and who has more than that to read in the records skips them."""
AT_ONCE: Final = 100
LARGEST: Final = 16 * 1024
"""Of one event's data: a rule can hold any answer."""
PAUSE: Final = SECOND
"""After a world that cannot be brought up to now."""
EVENTS: Final[dict[str, str]] = {
    "hello": "event-hello",
    "change": "event-change",
    "request": "event-request",
    "fault": "event-fault",
    "denial": "event-denial",
    "clock": "clock-reply",
    "world": "event-world",
    "worlds": "event-worlds",
    "contract": "contract-account",
    "mistakes": "event-mistakes",
    "skipped": "event-skipped",
    "ping": "event-ping",
}
"""The schema of each event's data."""

NO_RUN: Final[dict[str, object]] = {"runTime": None, "due": None}
"""Of a task."""

T = TypeVar("T")
Rule = Fault | Denial


class Cursor(Generic[T]):
    """How far a record has been read."""

    __slots__ = ("_epoch", "_read")

    def __init__(self, record: Record[T]) -> None:
        self._epoch, self._read = record.epoch, record.total

    def has_begun_again(self, record: Record[T]) -> bool:
        """Whether the record was emptied, or is another one: then it is read from its beginning."""
        if record.epoch is self._epoch:
            return False
        self._epoch, self._read = record.epoch, 0
        return True

    def left(self, record: Record[T]) -> int:
        return record.total - self._read

    def misses(self, record: Record[T]) -> bool:
        """Whether some of the next ones are dropped already."""
        return self._read < record.passed

    def take(self, record: Record[T], most: int) -> list[tuple[int, T]]:
        """The next ones, with their numbers, counted from 1."""
        before, self._read = self._read, min(self._read + most, record.total)
        return list(record.numbered(before, self._read))

    def skip(self, record: Record[T]) -> None:
        self._read = record.total


class Feed:
    """Of one world, by whatever it is replaced; it begins with what happens next."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.latest = wall() // MS * 1000
        """The number of the latest event. Numbers only grow, also from one run of the server to the next, and are
        below 2^53."""
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._again = 0
        served = self._hosted = site.served
        world, self._edits = served.world, served.edits
        self._changes = Cursor(served.live.history)
        self._requests = Cursor(served.journal)
        self._unanswered: dict[int, Exchange] = {}
        """Entries of the journal whose answer has not come, by their numbers."""
        self._faults: dict[str, Rule] = dict(world.faults)
        self._denials: dict[str, Rule] = dict(world.denials)
        self._clock = served.clock.origin
        self._names = sorted(site.worlds.names())
        self._violations = site.account.violations
        self._mistakes = site.worlds.mistakes

    def since(self, number: int | None) -> bytes:
        """The events after that one; or `hello`, if they are not all known."""
        oldest = self.latest - len(self._kept)
        if number is None or not oldest <= number <= self.latest:
            data = {
                "version": __version__,
                "world": self.site.name,
                "clock": clock_json(self.site.served),
                "mistakes": self._mistakes_json(),
            }
            return _event("hello", self._proven("hello", data), self.latest)
        return b"".join(islice(self._kept, number - oldest, None))

    def ping(self) -> bytes:
        return _event("ping", self._proven("ping", {"now": clock_json(self.site.served)["now"]}))

    def collect(self) -> bool:
        """Brings the world up to now and reads what is new, but no more than AT_ONCE changes and requests. Whether
        more of those is left."""
        served = self.site.served
        if ticks() >= self._again:
            try:
                served.up_to_now()
            except TooManyEvents:
                self._again = ticks() + PAUSE
        if (served, served.edits) != (self._hosted, self._edits):
            self._hosted, self._edits = served, served.edits
            self._add("world", {"cause": served.edited_by})
        names = sorted(self.site.worlds.names())
        if names != self._names:
            self._names = names
            self._add("worlds", {"worlds": names})
        if served.clock.origin != self._clock:
            self._clock = served.clock.origin
            self._add("clock", clock_json(served))
        self._compare("fault", self._faults, served.world.faults)
        self._compare("denial", self._denials, served.world.denials)
        left = self._read()
        account = self.site.account
        if account.violations > self._violations:
            self._add("contract", account.to_json())
            self._violations = account.violations
        if self.site.worlds.mistakes is not self._mistakes:
            self._mistakes = self.site.worlds.mistakes
            self._add("mistakes", {"mistakes": self._mistakes_json()})
        return left

    def _mistakes_json(self) -> list[dict[str, object]]:
        return [one._asdict() for one in self._mistakes]

    def _compare(self, kind: str, known: dict[str, Rule], rules: Mapping[str, Rule]) -> None:
        """Rules are frozen values: one that has changed is another object."""
        changed = [id for id, rule in rules.items() if known.get(id) is not rule and known.get(id) != rule]
        gone = [id for id in known if id not in rules]
        if not changed and not gone:
            return
        known.clear()
        known.update(rules)
        if len(changed) + len(gone) > AT_ONCE:
            self._skipped()
            return
        for id in gone:
            self._add(kind, {"id": id, "rule": None})
        for id in changed:
            self._add(kind, {"id": id, "rule": rules[id].to_json()})

    def _read(self) -> bool:
        """Changes and requests. Whether some are left."""
        history, journal = self._hosted.live.history, self._hosted.journal
        self._changes.has_begun_again(history)
        if self._requests.has_begun_again(journal):
            self._unanswered.clear()
        changes, requests = self._changes.left(history), self._requests.left(journal)
        if changes + requests > KEPT or self._requests.misses(journal):
            self._changes.skip(history)
            self._requests.skip(journal)
            self._unanswered.clear()
            self._skipped(changes, requests)
            return False
        instant = self._hosted.wire.instant
        new = self._changes.take(history, AT_ONCE)
        for _, change in new:
            now = change.becomes
            more = {"runTime": now.run_time, "due": instant(now.due)} if isinstance(now, Subtask) else NO_RUN
            self._add("change", {**transition(change, instant), **more})
        for number, entry in list(self._unanswered.items()):
            if entry.status is not None or entry.let_go:
                del self._unanswered[number]
                self._add("request", entry_json(number, entry, instant, whole=False))
            elif not entry.size:  # it is dropped
                del self._unanswered[number]
        for number, entry in self._requests.take(journal, AT_ONCE - len(new)):
            self._add("request", entry_json(number, entry, instant, whole=False))
            if entry.status is None:
                self._unanswered[number] = entry
        return self._changes.left(history) + self._requests.left(journal) > 0

    def _skipped(self, changes: int = 0, requests: int = 0) -> None:
        self._add("skipped", {"changes": changes, "requests": requests})

    def _add(self, name: str, data: object) -> None:
        if is_longer(data, LARGEST):  # to prove it first would hold everybody up
            self._skipped()
            return
        text = self._proven(name, data)
        if text is not None and len(text) > LARGEST:
            self._skipped()
        elif text is not None:
            self.latest += 1
            self._kept.append(_event(name, text, self.latest))

    def _proven(self, name: str, data: object) -> str | None:
        """None for what breaks its schema: that is our bug, and is never sent."""
        try:
            return contract().checker(EVENTS[name]).prove(data).text
        except Violation as violation:
            log.error("contract violation: %s", violation)
            self.site.account.violations += 1
            return None


def _event(name: str, text: str | None, number: int | None = None) -> bytes:
    """As it is sent. JSON text has no line breaks."""
    if text is None:
        return b""
    id = "" if number is None else f"id: {number}\n"
    return f"event: {name}\n{id}data: {text}\n\n".encode("utf-8", "replace")
