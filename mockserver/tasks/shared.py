"""A mapping whose keys are fixed and whose copies share what did not change. Pure.

Tasks and subtasks come and go only with a whole world, so a value is kept by the position of its key, in lists that
nobody changes: a copy with one other value copies one of those and the list of them, which are about as long as each
other. The order is that of the keys given.
"""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shared(Mapping[K, V], Generic[K, V]):
    __slots__ = ("_at", "_bits", "_chunks", "_mask")

    def __init__(self, items: Iterable[tuple[K, V]]) -> None:
        pairs = list(items)
        values = [value for _, value in pairs]
        self._at: dict[K, int] = {key: place for place, (key, _) in enumerate(pairs)}
        self._bits: int = max((len(values).bit_length() + 1) // 2, 5)
        width = 1 << self._bits
        self._mask: int = width - 1
        self._chunks: list[list[V]] = [values[start : start + width] for start in range(0, len(values), width)]

    def set(self, key: K, value: V) -> "Shared[K, V]":
        """The same with another value of a key that it has. Raises KeyError."""
        place = self._at[key]
        chunks, number = self._chunks.copy(), place >> self._bits
        chunk = chunks[number] = chunks[number].copy()
        chunk[place & self._mask] = value
        new: Shared[K, V] = object.__new__(Shared)
        new._at, new._bits, new._mask, new._chunks = self._at, self._bits, self._mask, chunks
        return new

    def __getitem__(self, key: K) -> V:
        place = self._at[key]
        return self._chunks[place >> self._bits][place & self._mask]

    def get(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]  # Mapping takes any default
        """Mapping's own asks twice."""
        try:
            place = self._at[key]
        except KeyError:
            return default
        return self._chunks[place >> self._bits][place & self._mask]

    def values(self) -> ValuesView[V]:
        return _Values(self)

    def items(self) -> ItemsView[K, V]:
        return _Items(self)

    def __contains__(self, key: object) -> bool:
        return key in self._at

    def __iter__(self) -> Iterator[K]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


class _Values(ValuesView[V]):
    """Mapping's own looks up each key."""

    _mapping: Shared[object, V]

    def __iter__(self) -> Iterator[V]:
        return chain.from_iterable(self._mapping._chunks)


class _Items(ItemsView[K, V]):
    _mapping: Shared[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return zip(self._mapping._at, chain.from_iterable(self._mapping._chunks), strict=True)


class Draft(Shared[K, V]):
    """A copy that one owner changes in place, until it is `done`: it copies each list once, however much changes."""

    __slots__ = ("_own",)

    def __init__(self, shared: Shared[K, V]) -> None:
        self._at, self._bits, self._mask, self._chunks = shared._at, shared._bits, shared._mask, shared._chunks.copy()
        self._own: set[int] = set()
        """The lists that are copies already."""

    def set(self, key: K, value: V) -> "Draft[K, V]":
        place = self._at[key]
        number = place >> self._bits
        if number not in self._own:
            self._own.add(number)
            self._chunks[number] = self._chunks[number].copy()
        self._chunks[number][place & self._mask] = value
        return self

    def done(self) -> Shared[K, V]:
        new: Shared[K, V] = object.__new__(Shared)
        new._at, new._bits, new._mask, new._chunks = self._at, self._bits, self._mask, self._chunks
        return new
