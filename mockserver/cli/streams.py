"""Standard streams on which nobody waits: what is written is queued, and a thread of the stream's own writes it out.

A pipe that nobody reads, a terminal that is stopped, a disk that is full: then lines are dropped, whole ones, and
counted. How many is told where they are missing, once there is room again. The end waits a moment for a reader.
"""

import atexit
import io
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Final

LIMIT: Final = 1024 * 1024
"""Bytes that wait, of each stream."""
AT_ONCE: Final = 32 * 1024
MOMENT_S: Final = 1.0


def install() -> None:
    """For the rest of the process. (A console of Windows is written to in its own ways; there all stays as it is.)"""
    if os.name != "posix":
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:  # not what a test has put in its place
            stream.flush()
            setattr(sys, name, Unwaited(stream.fileno(), stream.encoding, is_terminal=stream.isatty()))
    atexit.register(drain)


def drain() -> None:
    """Waits until all is written, or for a moment."""
    deadline = time.monotonic() + MOMENT_S
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Unwaited):
            stream.drain(deadline)


def dropped(count: int) -> str:
    return f"ocp-mockserver: lines dropped here, since nobody read them: {count}"


class Unwaited(io.TextIOBase):
    """Of any thread, and of a signal's handler too."""

    def __init__(self, descriptor: int, encoding: str = "utf-8", *, is_terminal: bool = False, limit: int = LIMIT):
        self.told: Callable[[int], str] = dropped
        """The line that tells how many lines are missing."""
        self._descriptor, self._encoding, self._terminal, self._limit = descriptor, encoding, is_terminal, limit
        self._changed = Condition()
        self._begun = ""
        """The line that is being written."""
        self._lines: deque[bytes] = deque()
        self._size = 0
        """Bytes in the lines, and in those that are on their way."""
        self._missing = 0
        Thread(target=self._write_out, name=f"stream {descriptor}", daemon=True).start()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute there, CPython a property
        return self._encoding

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._terminal

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str, /) -> int:
        with self._changed:
            whole, end, rest = (self._begun + text).rpartition("\n")
            self._begun = rest
            if end and not self._add(whole + end):
                self._missing += whole.count("\n") + 1
        return len(text)

    def flush(self) -> None:
        """What has been written is on its way. Waits for nothing."""
        with self._changed:
            begun, self._begun = self._begun, ""
            if begun and not self._add(begun):
                self._missing += 1

    def drain(self, deadline: float) -> None:
        """Waits until all is written, or the deadline (of the monotonic clock) has come."""
        self.flush()
        with self._changed:
            while self._size and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

    def _add(self, text: str) -> bool:
        """Whether there is room for it."""
        line = text.encode(self._encoding, "backslashreplace")
        if self._size + len(line) > self._limit:
            return False
        self._lines.append(line)
        self._size += len(line)
        self._changed.notify_all()
        return True

    def _write_out(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the main thread
        while True:
            taken = self._taken()
            is_written = _written(self._descriptor, b"".join(taken))
            with self._changed:
                self._size -= sum(map(len, taken))
                if not is_written:
                    self._missing += len(taken)
                elif self._missing and self._add(self.told(self._missing) + "\n"):
                    self._missing = 0
                self._changed.notify_all()

    def _taken(self) -> list[bytes]:
        with self._changed:
            while not self._lines:
                self._changed.wait()
            taken, size = [self._lines.popleft()], 0
            while self._lines and (size := size + len(taken[-1])) < AT_ONCE:
                taken.append(self._lines.popleft())
            return taken


def _written(descriptor: int, data: bytes) -> bool:
    """All of it, however long that takes. False if it cannot be."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # whoever has its other end, or shares ours, has made it so
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True
