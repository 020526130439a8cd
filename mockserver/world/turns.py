"""Long work on a loop that others are on too: in slices, between which they get their turn, in a thread, or not all at
once."""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from threading import Lock, Thread
from typing import Final, TypeVar, cast

from mockserver.times import MS
from mockserver.world.clock import ticks

SLICE: Final = 5 * MS
"""So long it goes on before others get their turn. One step alone can take longer: it happens as a whole."""

ENOUGH: Final = 50 * MS
"""So long a request may hold others up with what has become due before it."""


class Threads:
    """So many at a time and no more, each of which goes on with what waits, and then ends.

    They take turns with the loop, and more of them would do no more together: each only makes the loop wait longer for
    its own turn, and has memory of its own. The standard library's pool would keep a process from ending.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting = deque[Callable[[], None]]()
        self._lock = Lock()

    def do(self, job: Callable[[], None]) -> None:
        """`job` raises nothing."""
        with self._lock:
            if not self._free:
                self._waiting.append(job)
                return
            self._free -= 1
        try:
            Thread(target=self._work, args=(job,), name="beside the loop", daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            with self._lock:
                self._free += 1
            raise

    def _work(self, job: Callable[[], None]) -> None:
        while True:
            job()
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                job = self._waiting.popleft()


THREADS: Final = Threads(4)
"""Of all servers in the process."""
LARGE: Final = Threads(1)
"""For bodies of megabytes, one after the other: else four would take all turns, and each takes many times its size."""

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Something that takes long, and stops for a moment after each of its steps."""


async def in_slices(steps: Steps[Result]) -> Result:
    with closing(steps):
        began = ticks()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            if ticks() - began >= SLICE:
                await asyncio.sleep(0)
                began = ticks()


async def in_thread(call: Callable[[], Result], *, is_large: bool = False) -> Result:
    """Unlike asyncio's own `to_thread`, it keeps no process from ending; and what is cancelled before it has begun is
    not called."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if not future.done():
            future.set_exception(error) if error is not None else future.set_result(cast(Result, result))

    def run() -> None:
        if future.cancelled():
            return
        result, error = None, None
        try:
            result = call()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # nobody is there any more
            loop.call_soon_threadsafe(settle, result, error)

    (LARGE if is_large else THREADS).do(run)
    return await future
