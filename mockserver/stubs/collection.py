"""The stubs of a world, as a value; and which of them answers a request."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final

from multidict import MultiMapping

from mockserver.stubs.mapping import Stub, from_json, id_in
from mockserver.stubs.matchers import Target

MOST: Final = 10_000
REMEMBERED: Final = 1024
PARTS: Final = 300_000
"""Of all patterns of a world, their repetitions written out; what is no pattern is one part."""
AT_ONCE: Final = 200_000
"""Steps, a part's with a character each: of more, to choose `is_slow`."""
_NUMBERED: Final = re.compile(r"stub-([0-9]{1,15})")


class TooMany(ValueError):
    """More than a world has, in words."""


def bounded(stubs: Iterable[Stub]) -> Iterator[Stub]:
    """The same ones. Raises TooMany at the first beyond what a world has, before the next is made."""
    parts = 0
    for number, stub in enumerate(stubs, 1):
        parts += stub.request.target_parts + stub.request.header_parts
        if number > MOST:
            raise TooMany(f"more than {MOST} stubs")
        if parts > PARTS:
            raise TooMany(f"the patterns of all stubs have more than {PARTS} parts, their repetitions written out")
        yield stub


class Stubs(Mapping[str, Stub]):
    """By id, oldest first. Which of them a method and a URL ask for is remembered: so many stubs cost a request no more
    than a few."""

    __slots__ = ("_asked_for", "_first_to_last", "_header_parts", "_stubs", "_target_parts", "files", "has_login")

    def __init__(self, stubs: Iterable[Stub] = (), files: tuple[str, ...] = ()) -> None:
        """`files` are the folders `__files` in which bodies are. Of two with the same id the newer stays. Raises
        TooMany."""
        self._stubs: dict[str, Stub] = {}
        for stub in stubs:
            self._stubs.pop(stub.id, None)
            self._stubs[stub.id] = stub
        self.files = files
        self.has_login = any(stub.response.session is not None for stub in self._stubs.values())
        newest_first = [*bounded(reversed(self._stubs.values()))]
        self._first_to_last = sorted(newest_first, key=lambda stub: stub.priority)
        self._target_parts = sum(stub.request.target_parts for stub in newest_first)
        self._header_parts = sum(stub.request.header_parts for stub in newest_first)
        self._asked_for: dict[Target, tuple[Stub, ...]] = {}

    def __getitem__(self, id: str) -> Stub:
        return self._stubs[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stubs)

    def __len__(self) -> int:
        return len(self._stubs)

    def added(self, stubs: Iterable[Stub]) -> "Stubs":
        return Stubs([*self._stubs.values(), *stubs], self.files)

    def without(self, *ids: str) -> "Stubs":
        """Without these; without any, none is left."""
        gone = {*(ids or self._stubs)}
        return Stubs([stub for id, stub in self._stubs.items() if id not in gone], self.files)

    def is_slow(self, target: Target, headers: MultiMapping[str]) -> bool:
        """Whether it may take long to choose: then nobody should wait for it."""
        steps = 0 if target in self._asked_for else self._target_parts * len(target.url)
        if self._header_parts:
            steps += self._header_parts * sum(map(len, headers.values()))
        return steps > AT_ONCE

    def choose(self, target: Target, headers: MultiMapping[str]) -> Stub | None:
        """The one that answers: the lowest priority that fits, of those the newest."""
        return next((stub for stub in self.asked_for(target) if stub.request.is_sent_with(headers)), None)

    def asked_for(self, target: Target) -> tuple[Stub, ...]:
        """Those whose method and URL are right, the first first."""
        known = self._asked_for.get(target)
        if known is None:
            if len(self._asked_for) >= REMEMBERED:
                self._asked_for.clear()
            known = self._asked_for[target] = tuple(
                stub for stub in self._first_to_last if stub.request.asks_for(target)
            )
        return known


def stubs_of(bodies: Iterable[Mapping[str, Any]], there: Iterable[str] = ()) -> list[Stub]:
    """Each with an id; those without one are `stub-1` and so on, after the highest number of those that are `there`.
    Raises TooMany."""
    bodies = list(bodies)
    ids = [*there, *filter(None, map(id_in, bodies))]
    numbers = count(1 + max((int(match[1]) for id in ids if (match := _NUMBERED.fullmatch(id))), default=0))
    return [*bounded(from_json(body, id_in(body) or f"stub-{next(numbers)}") for body in bodies)]
