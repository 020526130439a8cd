"""What breaks off is not kept, and what is kept at once has a limit.

A frame that holds the exception that came through it holds itself, and every body and answer in it, until the garbage
collector comes; and `serve` lets it come rarely. So it is off here, and what is allocated is counted.
"""

import gzip
import json
import os
import socket
import struct
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import memory
import pytest
import requests
from processes import END_S
from raw_sockets import connected
from waiting import eventually

from mockserver import MockServer
from mockserver.admin.calls import Later
from mockserver.admin.routes import made
from mockserver.contract.errors import ApiError
from mockserver.server import responses
from mockserver.server.front.buffered import Buffered

SIZE = 6 * 2**20
TIMES = 4
WORLD = {"tasks": [{"id": 1, "name": "x" * SIZE, "subtasks": [{"id": 1}]}]}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(WORLD) as mock:
        yield mock


uncollected = pytest.fixture(memory.uncollected)


Exchange = Callable[[int], None]


def exchange(
    line: str, body: bytes = b"", *, length: int | None = None, answered: bool = True, **headers: str
) -> Exchange:
    """Sends a request, of whose answer only the beginning is read, if it is `answered`, and hangs up."""
    headers = {"Host": "localhost", "Content-Length": str(len(body) if length is None else length), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    def exchanged(port: int) -> None:
        with connected(port) as connection:
            connection.sendall(f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body)
            if answered:
                assert connection.recv(12).startswith(b"HTTP/1.")
            else:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return exchanged


PUT, JSON = "PUT /__admin/state", "application/json"
RETRY = "POST /api/v2/tasks/instances/1/retry"
SMALLER = os.urandom(2**20 - 1)
BODY = b'"' + b"x" * (SIZE - 2) + b'"'
CASES: Mapping[str, Exchange] = {
    "a state that breaks off": exchange(PUT, BODY, length=2 * SIZE, answered=False, Content_Type=JSON),
    "a state that is no JSON": exchange(PUT, BODY[:-1], Content_Type=JSON),
    "a state that is none": exchange(PUT, b'{"x": ' + BODY + b"}", Content_Type=JSON),
    "a state that is no YAML": exchange(PUT, b"x: [" + BODY, Content_Type="application/yaml"),
    "a state of another type": exchange(PUT, BODY, Content_Type="text/plain"),
    "a body from a foreign page": exchange(PUT, BODY, Origin="http://a.example", Content_Type=JSON),
    "a body that is too large": exchange(RETRY, BODY),
    "a body that breaks off": exchange(RETRY, SMALLER, length=2**20, answered=False),
    "a body that is no JSON": exchange(RETRY, SMALLER, Content_Type=JSON),
    "a body that was not compressed": exchange(RETRY, SMALLER, Content_Encoding="gzip"),
    "a body that is too large uncompressed": exchange(RETRY, gzip.compress(BODY), Content_Encoding="gzip"),
    "a body that nobody waited for": exchange(RETRY, BODY, Expect="x"),
    "a header that is too large": exchange("GET /", X="x" * SIZE),
    "an answer in front that nobody reads": exchange("GET /api/v2/tasks/instances/1"),
    "an answer that nobody reads": exchange("GET /api/v2/tasks/instances/1?x=1"),
    "a state that nobody reads": exchange("GET /__admin/state"),
}


@pytest.mark.slow
@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("case", CASES)
def test_nothing_of_it_is_kept(server: MockServer, case: str) -> None:
    def traced() -> int:
        server.contract()  # the latest exchange is not the last of its thread
        return tracemalloc.get_traced_memory()[0]

    def once() -> None:
        with suppress(ConnectionError):  # the server may hang up before all is sent
            CASES[case](server.port)

    once()
    before = traced()
    for _ in range(TIMES):
        once()
    eventually(lambda: traced() < before + SIZE // 2)


# --- the limit -----------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow() -> Iterator[MockServer]:
    """A server that holds 1 MiB at once."""
    with MockServer(WORLD) as mock:
        buffered_by(mock).limit = 2**20
        yield mock


def buffered_by(mock: MockServer) -> Buffered:
    return mock._app[responses.BUFFERED]


def status_of(connection: socket.socket) -> bytes:
    return connection.recv(65536)[9:12]


def asked(mock: MockServer, path: str) -> tuple[int, Any]:
    answer = requests.get(mock.url + path, timeout=END_S)
    return answer.status_code, answer.json()


def begun(mock: MockServer, size: int) -> socket.socket:
    connection = connected(mock.port)
    head = f"{PUT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {2**22}\r\n\r\n"
    connection.sendall(head.encode() + b" " * size)
    return connection


def test_bodies_of_many_connections_have_a_limit_together(narrow: MockServer) -> None:
    buffered = buffered_by(narrow)
    with begun(narrow, 2**19):
        eventually(lambda: buffered.size == 2**19)
        with begun(narrow, 2**19) as second:
            eventually(lambda: buffered.size == 2**20)
            second.sendall(b" ")
            assert status_of(second) == b"503"
        eventually(lambda: buffered.size == 2**19)
    eventually(lambda: buffered.size == 0)
    assert narrow.contract()["violations"] == 0


UNREAD = {
    "in front": "/api/v2/tasks/instances/1",
    "by aiohttp": "/api/v2/tasks/instances/1?x=1",
    "state": "/__admin/state",
}


@pytest.mark.slow
@pytest.mark.parametrize("path", UNREAD.values(), ids=UNREAD)
def test_answers_that_nobody_reads_have_a_limit_too(narrow: MockServer, path: str) -> None:
    """Nothing more is begun then: neither an operation nor a control call."""
    buffered = buffered_by(narrow)
    with connected(narrow.port) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        eventually(lambda: buffered.is_full)
        for other in ("/api/v2/tasks/instances", "/api/v2/tasks/instances?size=1"):
            status, answer = asked(narrow, other)
            assert (status, answer["error"]["message"]) == (503, responses.too_much(buffered).message)
        assert asked(narrow, "/__admin/state")[0] == 503
        assert asked(narrow, "/__admin/health")[0] == 200
    eventually(lambda: buffered.size == 0)
    assert asked(narrow, "/api/v2/tasks/instances")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        {"chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 600_000}},
        {"chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 0}},
        {"truncateBodyAtFraction": 0.9},
    ],
    ids=str,
)
def test_nor_is_an_answer_kept_that_a_fault_holds_back(narrow: MockServer, fault: dict[str, Any]) -> None:
    """Longer than its client is there."""
    buffered = buffered_by(narrow)
    head = f"GET {UNREAD['in front']} HTTP/1.1\r\nHost: localhost\r\nX-Mock-Fault: {json.dumps(fault)}\r\n\r\n"
    with connected(narrow.port) as connection:
        connection.sendall(head.encode())
        eventually(lambda: buffered.is_full)
        assert asked(narrow, "/api/v2/tasks/instances")[0] == 503
    eventually(lambda: buffered.size == 0)


def test_what_waits_for_its_turn_is_not_made_where_there_is_too_much_by_then() -> None:
    buffered, makes = Buffered(10), Later(lambda: {"schema": "none"})
    with buffered.holding(2**20), pytest.raises(ApiError):
        made(makes, None, buffered)
    assert made(makes, None, buffered) == made(makes, None, None) == [b""]


def test_what_is_small_is_not_counted() -> None:
    buffered = Buffered(10)
    with buffered.holding(64 * 1024):
        assert buffered.size == 0
    with buffered.holding(64 * 1024 + 1):
        assert buffered.is_full
    assert not buffered.is_full
