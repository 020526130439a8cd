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
_NUMBERED: Final = re.compile(r"stub-([0-9]{1,15})")


class Stubs(Mapping[str, Stub]):
    """By id, oldest first. Which of them a method and a URL ask for is remembered: so many stubs cost a request no more
    than a few."""

    __slots__ = ("_asked_for", "_first_to_last", "_stubs", "files", "has_login")

    def __init__(self, stubs: Iterable[Stub] = (), files: tuple[str, ...] = ()) -> None:
        """`files` are the folders `__files` in which bodies are. Of two with the same id the newer stays."""
        self._stubs: dict[str, Stub] = {}
        for stub in stubs:
            self._stubs.pop(stub.id, None)
            self._stubs[stub.id] = stub
        self.files = files
        self.has_login = any(stub.response.session is not None for stub in self._stubs.values())
        newest_first = [*reversed(self._stubs.values())]
        self._first_to_last = sorted(newest_first, key=lambda stub: stub.priority)
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
        return Stubs([stub for id, stub in self._stubs.items() if ids and id not in ids], self.files)

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
    """Each with an id; those without one are `stub-1` and so on, after the highest number of those that are `there`."""
    bodies = list(bodies)
    ids = [*there, *filter(None, map(id_in, bodies))]
    numbers = count(1 + max((int(match[1]) for id in ids if (match := _NUMBERED.fullmatch(id))), default=0))
    return [from_json(body, id_in(body) or f"stub-{next(numbers)}") for body in bodies]
