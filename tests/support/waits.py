"""How long others wait for a server, asked from another process; and what a process holds in memory.

A busy machine makes everybody wait. So the time in which a thread of the server, or who asks, was ready to run and was
not let (Linux tells it) is no wait for the server: what is left is what the server itself makes others wait.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from processes import END_S, missing

PAUSE_S = 0.01


class Waits(NamedTuple):
    asked: int
    longest_s: float


class Asking:
    """Who asks, and what came of it when the block has ended."""

    waits: Waits


@contextmanager
def asking(url: str, pid: int) -> Iterator[Asking]:
    """Asks a server, the process `pid`, how it is, a hundred times a second while the block lasts."""
    if not Path(f"/proc/{pid}/schedstat").exists():
        missing("how long a process waits for a processor is told by Linux only")
    context, asking = get_context("spawn"), Asking()
    ours, theirs = context.Pipe()
    process = context.Process(target=_ask, args=(url, pid, theirs), daemon=True)
    process.start()
    assert ours.poll(END_S)
    ours.recv()
    try:
        yield asking
    finally:
        ours.send(None)
        assert ours.poll(END_S)
        asking.waits = ours.recv()
        process.join(END_S)


def _ask(url: str, pid: int, told: Connection) -> None:
    import requests

    with requests.Session() as session:
        asked, longest_s = 0, 0.0
        told.send(None)
        while not told.poll(PAUSE_S):
            kept, began = _kept_from_running(pid), monotonic()
            assert session.get(f"{url}/__admin/health", timeout=END_S).status_code == 200
            waited_s = monotonic() - began
            by_others = sum(ns - kept.get(thread, 0) for thread, ns in _kept_from_running(pid).items())
            asked, longest_s = asked + 1, max(longest_s, waited_s - by_others / 1e9)
        told.send(Waits(asked, longest_s))


def _kept_from_running(pid: int) -> dict[Path, int]:
    """Nanoseconds, of each thread of that process and of ours."""
    found = {}
    for process in (pid, os.getpid()):
        for thread in Path(f"/proc/{process}/task").iterdir():
            try:
                found[thread] = int((thread / "schedstat").read_text().split()[1])
            except OSError:  # it has ended
                continue
    return found


def resident(pid: int) -> int:
    """In bytes."""
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024
