"""What faults cost: answers that hang, rules that do not apply, and records that must not grow."""

import json
import socket
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import load, worlds

HANGING = 50
RULES = 20
CONNECTIONS = 8
REQUESTS = 20_000
WARM_UP = 4_000
ROUNDS = 9
KEPT = 1000
CHANGES = 10_000

Promise = Callable[[bool, str], None]
Json = dict[str, Any]


def rules() -> list[Json]:
    """Faults that match no request of the load, each by another matcher."""
    unrelated: list[Json] = [
        {"operation": "cancelSubtask"},
        {"operation": "retryTask"},
        {"taskInstanceId": 999},
        {"subtaskInstanceId": 999},
        {"operation": "rollbackTask", "user": "viewer"},
    ]
    return [{"error": {"status": 500 + n}, **unrelated[n % len(unrelated)]} for n in range(RULES)]


@contextmanager
def hanging(port: int, path: str, count: int) -> Iterator[None]:
    """So many answers that are held back while the block lasts."""
    connections = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Mock-Fault: {{"fault": "HANG"}}\r\n\r\n'.encode())
        connections.append(one)
    try:
        yield
    finally:
        for one in connections:
            one.setblocking(False)
            try:
                one.recv(1)
            except BlockingIOError:
                one.close()
            else:
                raise AssertionError("it did not hang")


def beside_hanging(port: int, requests: Mapping[str, bytes], path: str, promise: Promise) -> None:
    """A thousand answers while fifty hang, against a thousand before: on the same server, taking turns."""
    for name, request in requests.items():
        ratios = []
        load.run(port, request, 1000, CONNECTIONS)
        for _ in range(ROUNDS):
            usual = load.run(port, request, 1000, CONNECTIONS)
            with hanging(port, path, HANGING):
                beside = load.run(port, request, 1000, CONNECTIONS)
            assert usual.succeeded == beside.succeeded == 1000
            ratios.append(beside.per_second / usual.per_second)
        middle = statistics.median(ratios)
        promise(middle >= 0.7, f"{name} while {HANGING} answers hang: {middle:.2f} of the usual speed, at least 0.7")


def memory_mb(pid: int) -> float:
    """What a process has in memory."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / 2**20


def bounded(
    port: int, pid: int, requests: Mapping[str, bytes], ask: Callable[[int, str, str], bytes], promise: Promise
) -> None:
    """20,000 requests, of which each tenth is spoiled, after some to warm up."""
    before = json.loads(ask(port, "GET", "/__admin/requests?limit=1"))["total"]
    sent, sizes = 0, []
    for count in (2 * WARM_UP, REQUESTS // 2, REQUESTS // 2):
        for request, share in zip(requests.values(), (6, 3, 1), strict=True):
            load.run(port, request, count * share // 10, CONNECTIONS)
        sent += count
        sizes.append(memory_mb(pid))
    journal = json.loads(ask(port, "GET", "/__admin/requests"))
    total, kept, dropped = journal["total"] - before, len(journal["requests"]), journal["dropped"]
    promise(
        (total, kept, dropped) == (sent, KEPT, sent + before - KEPT),
        f"after {sent} requests the journal has {kept}, counts {total} and {dropped} dropped",
    )
    history = json.loads(ask(port, "GET", "/__admin/history"))
    changes = len(history["history"])
    promise(
        changes == CHANGES and history["total"] == changes + history["dropped"],
        f"history has {changes} changes, counts {history['total']} and {history['dropped']} dropped",
    )
    growth = sizes[-1] / sizes[0] - 1
    told = ", ".join(f"{size:.1f}" for size in sizes)
    promise(growth < 0.1, f"memory is flat: {growth:+.1%} over {REQUESTS} requests ({told} MiB), under +10%")


def world() -> Json:
    """The small one, with rules that never apply and one that spoils what asks for the log."""
    spoiling = {"operation": "getSubtaskLog", "response": {"status": 200, "body": "x" * 2000}}
    return {**worlds.small(), "faults": [*rules(), spoiling]}
