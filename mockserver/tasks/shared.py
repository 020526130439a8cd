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
