"""What a retry costs while a hundred listen: `python -m benchmarks.listeners PORT COUNT` is who listens."""

import select
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import load
from benchmarks.faults import CONNECTIONS, Promise

LISTENERS = 100
REQUESTS = 5000
ROUNDS = 11
MOST = 1.25
ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def listening(port: int) -> Iterator[None]:
    """So many listeners that read, in a process of their own, while the block lasts."""
    command = [sys.executable, "-m", "benchmarks.listeners", str(port), str(LISTENERS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "listening\n"
        yield
        child.stdin.close()
        least = int(child.stdout.readline())
    assert least > 0, "every listener was told of the retries"


def beside_listeners(port: int, retry: bytes, promise: Promise) -> None:
    """Retries while they listen, against retries before: on the same server, taking turns."""
    ratios = []
    load.run(port, retry, REQUESTS, CONNECTIONS)
    for _ in range(ROUNDS):
        alone = load.run(port, retry, REQUESTS, CONNECTIONS)
        with listening(port):
            beside = load.run(port, retry, REQUESTS, CONNECTIONS)
        assert alone.succeeded == beside.succeeded == REQUESTS
        ratios.append(alone.per_second / beside.per_second)
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4)
    found = f"a retry while {LISTENERS} listen costs {middle:.3f} of the usual (quartiles {low:.2f} to {high:.2f})"
    promise(middle < MOST, f"{found}, less than {MOST}")


def listen(port: int, count: int) -> None:
    """Until there is no more to read on stdin; then says how many events the one has read that has read the fewest."""
    load.pin(1)
    request = b"GET /__admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    listeners = {}
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(request)
        listeners[one.fileno()] = one
    events, beginnings = dict.fromkeys(listeners, 0), dict.fromkeys(listeners, b"")
    for number, one in listeners.items():
        while b"event: hello" not in beginnings[number]:
            beginnings[number] += one.recv(65536)
    print("listening", flush=True)
    with select.epoll() as poll:
        poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        for number in listeners:
            poll.register(number, select.EPOLLIN)
        while True:
            for number, _ in poll.poll():
                if number not in listeners:
                    print(min(events.values()))
                    return
                received = listeners[number].recv(65536)
                assert received, "a listener that reads was dropped"
                events[number] += received.count(b"\nevent: ")


if __name__ == "__main__":
    listen(int(sys.argv[1]), int(sys.argv[2]))
