"""How long others wait for a server, asked from another process; and what a process holds in memory.

A busy machine makes everybody wait, and that is no wait for the server. What the server computes while somebody waits
is: the time that it had a processor (Linux tells it). So is the time in which it sleeps; but of threads that have ended
nobody tells any more how long they were ready to run and were not let, so that is known only roughly.
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
    computing_s: float = 0.0
    """The longest wait, of what the server had of a processor in it."""
    rough_s: float = 0.0
    """The longest wait, without the time for which others had the processor, as far as that is known."""


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
        waits = Waits(0)
        told.send(None)
        while not told.poll(PAUSE_S):
            kept, computed_s, began = _kept_from_running(pid), _computed_s(pid), monotonic()
            assert session.get(f"{url}/__admin/health", timeout=END_S).status_code == 200
            waited_s, computed_s = monotonic() - began, _computed_s(pid) - computed_s
            by_others = sum(ns - kept.get(thread, 0) for thread, ns in _kept_from_running(pid).items())
            rough_s = waited_s - by_others / 1e9
            waits = Waits(
                waits.asked + 1, max(waits.computing_s, min(rough_s, computed_s)), max(waits.rough_s, rough_s)
            )
        told.send(waits)


def _computed_s(pid: int) -> float:
    """By all its threads, also those that have ended."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


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
