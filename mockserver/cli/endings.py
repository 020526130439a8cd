"""A process that is told to end: what its exit code is to be is settled then, and no further signal changes it.

Supervisors signal twice, and impatient people press Ctrl-C again. As the interpreter shuts down, it gives every signal
that has a handler back to the system: the next one would kill the process, as if it had crashed. What is blocked by
then, or ignored, does nothing.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from mockserver.cli import streams

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def on_signal(handler: Callable[[int, FrameType | None], None]) -> None:
    """What a signal that asks a process to end does from now on. Where SIGHUP is ignored (nohup), it stays so."""
    for number in ENDING:
        if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


@contextmanager
def waking() -> Iterator[int]:
    """A descriptor that can be read once a signal has come. One that comes just before a system call, or to another
    thread, does not interrupt the call, and its handler would run only after it. (Not on Windows.)"""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def begin() -> bool:
    """For a handler: blocks further signals in this thread, the main one. False if the end had already begun.

    The handlers stay: of a signal that is already on its way to one that is gone, Python would complain on stderr.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return True
    return signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


def leave(code: int) -> NoReturn:
    """When nothing is to be tidied up: by a handler, or at the end. Not by an exception, which whoever was interrupted,
    an import or a `__del__`, might catch; nor by the interpreter's own way, which takes a second or two where a thread
    is still at something large."""
    begin()
    streams.drain()
    os._exit(code)


def finish() -> None:
    """When nothing is left to do but to exit: other threads, which may not be quite gone, are not killed either."""
    begin()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
