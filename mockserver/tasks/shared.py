"""A mapping whose keys are fixed and whose copies share what did not change. Pure.

Tasks and subtasks come and go only with a whole world, so a value is kept by the position of its key, in lists of 32
that nobody changes: a copy with one other value copies one of those and the list of them. The order is that of the keys
given.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shared(Mapping[K, V], Generic[K, V]):
    __slots__ = ("_at", "_chunks")

    def __init__(self, items: Iterable[tuple[K, V]]) -> None:
        pairs = list(items)
        values = [value for _, value in pairs]
        self._at: dict[K, int] = {key: place for place, (key, _) in enumerate(pairs)}
        self._chunks: list[list[V]] = [values[start : start + 32] for start in range(0, len(values), 32)]

    def set(self, key: K, value: V) -> "Shared[K, V]":
        """The same with another value of a key that it has. Raises KeyError."""
        place = self._at[key]
        chunks = self._chunks.copy()
        chunk = chunks[place >> 5] = chunks[place >> 5].copy()
        chunk[place & 31] = value
        new: Shared[K, V] = object.__new__(Shared)
        new._at, new._chunks = self._at, chunks
        return new

    def __getitem__(self, key: K) -> V:
        place = self._at[key]
        return self._chunks[place >> 5][place & 31]

    def get(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]  # Mapping takes any default
        """Mapping's own asks twice."""
        try:
            place = self._at[key]
        except KeyError:
            return default
        return self._chunks[place >> 5][place & 31]

    def __contains__(self, key: object) -> bool:
        return key in self._at

    def __iter__(self) -> Iterator[K]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


class Draft(Shared[K, V]):
    """A copy that one owner changes in place, until it is `done`: it copies each list once, however much changes."""

    __slots__ = ("_own",)

    def __init__(self, shared: Shared[K, V]) -> None:
        self._at, self._chunks = shared._at, shared._chunks.copy()
        self._own: set[int] = set()
        """The lists that are copies already."""

    def set(self, key: K, value: V) -> "Draft[K, V]":
        place = self._at[key]
        number = place >> 5
        if number not in self._own:
            self._own.add(number)
            self._chunks[number] = self._chunks[number].copy()
        self._chunks[number][place & 31] = value
        return self

    def done(self) -> Shared[K, V]:
        new: Shared[K, V] = object.__new__(Shared)
        new._at, new._chunks = self._at, self._chunks
        return new
