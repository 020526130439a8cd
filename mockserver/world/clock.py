"""The only room that reads the time: the machine's, out of reach of what freezes it for a test (freezegun).

That replaces the functions of `time` wherever a module has them. Here they are those of a copy of `time`, which nobody
else has, even if that is imported when they are replaced already.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any, Final

from mockserver.times import LATEST_NOW, MS
from mockserver.world.fixture import ClockMode, ClockSetting

MANUAL: Final = "manual"


def _copied(module: ModuleType) -> Any:
    spec = module.__spec__
    assert spec is not None
    assert spec.loader is not None
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


_TIME: Final = _copied(time)


def wall() -> int:
    """The machine's own time: nanoseconds since 1970, in whole milliseconds, as OCP's timestamps are."""
    now: int = _TIME.time_ns()
    return now // MS * MS


ticks: Final[Callable[[], int]] = _TIME.monotonic_ns
"""Nanoseconds that only ever grow: for measuring how long something took."""


def loop_time() -> float:
    """The same in seconds, as an event loop has it."""
    now: float = _TIME.monotonic()
    return now


class Clock:
    """A world's clock. `rate` 0 is frozen (manual), 1 is real, 10 is ten times as fast; it can be moved at any rate."""

    __slots__ = ("_base", "_holders", "_pace", "_since", "_still", "rate")

    def __init__(self, now: int, rate: float) -> None:
        self.rate = self._pace = rate
        self._base = self._still = now
        self._since = ticks()
        self._holders = 0

    @classmethod
    def of(cls, setting: ClockSetting) -> "Clock":
        return cls(setting.now, 0 if setting.mode == MANUAL else setting.speed)

    @property
    def mode(self) -> ClockMode:
        return "real" if self.rate else "manual"

    @property
    def origin(self) -> tuple[float, int]:
        """Another one once it is set or moved; never by itself."""
        return self.rate, self._base

    def now(self) -> int:
        """Nanoseconds; whole milliseconds but for what a manual clock was told."""
        pace = self._pace
        if not pace:
            return self._still
        passed = ticks() - self._since
        now = self._base + (passed if pace == 1 else int(passed * pace)) // MS * MS
        return now if now < LATEST_NOW else LATEST_NOW

    def move(self, now: int) -> None:
        """Never called with an instant before `now()`."""
        self._base = self._still = now
        self._since = ticks()

    @contextmanager
    def held(self) -> Iterator[None]:
        """It shows what it shows, whatever its rate, until nobody holds it any more; then it is where it would have
        been without."""
        if not self._holders:
            self._still, self._pace = self.now(), 0
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._still, self._pace = self._base, self.rate

    def setting(self) -> ClockSetting:
        return ClockSetting(self.mode, self.now(), self.rate or 1.0, True)
