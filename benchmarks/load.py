"""Load over loopback: some connections, each sending its next request when its answer has come.

A client that waits in epoll, as clients do, from a core of its own where there are two.
"""

import os
import select
import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    per_second: float
    succeeded: int
    """Answers with status 200."""


def pin(core: int) -> None:
    """This process to one core; the server's is 0, the load's is 1."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def run(port: int, request: bytes, count: int, connections: int) -> Result:
    """Raises TimeoutError when nothing comes for ten seconds."""
    sockets: dict[int, socket.socket] = {}
    wanted: dict[int, int] = {}
    with select.epoll() as poll:
        for _ in range(connections):
            one = socket.create_connection(("127.0.0.1", port), timeout=10)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sockets[one.fileno()] = one
            wanted[one.fileno()] = 0
            poll.register(one, select.EPOLLIN)
        sent = done = succeeded = 0
        began = time.perf_counter()
        for one in sockets.values():
            one.sendall(request)
            sent += 1
        while done < sent:
            events = poll.poll(10)
            if not events:
                raise TimeoutError(f"{sent - done} answers are missing")
            for number, _ in events:
                chunk = sockets[number].recv(262144)
                if not wanted[number]:
                    head, _, body = chunk.partition(b"\r\n\r\n")
                    at = head.index(b"Content-Length: ") + 16
                    wanted[number] = int(head[at:].partition(b"\r\n")[0]) - len(body)
                    succeeded += head.startswith(b"HTTP/1.1 200")
                else:
                    wanted[number] -= len(chunk)
                if wanted[number] == 0:
                    done += 1
                    if sent < count:
                        sockets[number].sendall(request)
                        sent += 1
        took = time.perf_counter() - began
    for one in sockets.values():
        one.close()
    return Result(count / took, succeeded)
