"""Long work on a loop that others are on too: in slices, between which they get their turn, in a thread, or not all at
once."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from threading import BoundedSemaphore, Thread
from typing import Final, TypeVar, cast

from mockserver.times import MS
from mockserver.world.clock import ticks

SLICE: Final = 5 * MS
"""So long it goes on before others get their turn. One step alone can take longer: it happens as a whole."""

ENOUGH: Final = 50 * MS
"""So long a request may hold others up with what has become due before it."""

COMPUTING: Final = BoundedSemaphore(4)
"""So many threads compute at a time, of all servers in the process. They take turns with the loop, and more of them
would do no more together: each only makes the loop wait longer for its own turn."""

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


async def in_thread(call: Callable[[], Result]) -> Result:
    """Unlike asyncio's own `to_thread`, it keeps no process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if not future.done():
            future.set_exception(error) if error is not None else future.set_result(cast(Result, result))

    def run() -> None:
        result, error = None, None
        try:
            with COMPUTING:
                result = call()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # nobody is there any more
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=run, name="beside the loop", daemon=True).start()
    return await future
