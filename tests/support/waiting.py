"""Waiting until something is so, and looking at who waits."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from books import BOOKS
from clients import Client
from processes import END_S
from raw_sockets import connected


def eventually(so: Callable[[], bool]) -> None:
    """Returns once it is so; what never is so is a failure."""
    deadline = time.monotonic() + END_S
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@contextmanager
def waiting(client: Client, *sent: bytes, held: bool = True) -> Iterator[list[socket.socket]]:
    """A connection for each request that is sent; when the block begins, all of them are held, or no longer held."""
    before = len(BOOKS.latest.served.held) + BOOKS.answered
    connections = []
    try:
        for one in sent:
            connections.append(connected(client.mock.port))
            connections[-1].sendall(one)
        eventually(lambda: len(BOOKS.latest.served.held) + BOOKS.answered >= before + len(sent) or not held)
        yield connections
    finally:
        for connection in connections:
            connection.close()
