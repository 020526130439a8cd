"""A request in raw bytes over a plain socket, and all that comes back."""

import socket
from typing import NamedTuple

from clients import TASK
from processes import END_S


class Heard(NamedTuple):
    received: bytes
    end: str
    """`closed`, `reset`, or `silent`: nothing for a while."""

    @property
    def head(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=END_S)


def request(path: str = TASK, method: str = "GET", version: str = "1.1", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def heard(connection: socket.socket) -> Heard:
    """Everything until the end of the connection, or until nothing comes for a moment."""
    received = b""
    while True:
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            return Heard(received, "reset")
        except TimeoutError:
            return Heard(received, "silent")
        if not chunk:
            return Heard(received, "closed")
        received += chunk
