"""How much is in memory at once, over all connections: bodies that are coming, and answers that nobody reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LIMIT: Final = 512 * 1024 * 1024
SMALL: Final = 64 * 1024
"""What a transport buffers of each connection anyway is not counted."""


class Buffered:
    __slots__ = ("limit", "size")

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.size = 0

    @property
    def is_full(self) -> bool:
        """Then nothing more is begun."""
        return self.size > self.limit

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        held = size if size > SMALL else 0
        self.size += held
        try:
            yield
        finally:
            self.size -= held
