"""What is passed on is streamed: nothing waits for its end, nothing of it is held, and what breaks off ends both."""

import asyncio
import re
import socket
import tracemalloc
from collections.abc import Iterator
from threading import Event
from typing import Any, Final

import memory
import pytest
import requests
from aiohttp import web
from processes import END_S
from raw_sockets import connected, heard, request
from upstreams import MEGABYTE, Upstream, upstream
from waiting import eventually

from mockserver import MockServer
from mockserver.server.elsewhere import passing

PIECE: Final = b"x" * (MEGABYTE // 16)
LARGE: Final = 50 * MEGABYTE
HELD: Final = 10 * MEGABYTE
"""More than all the buffers on the way, of this process's three parties together."""


class System:
    """What its handlers are waiting for, and what they have seen."""

    def __init__(self) -> None:
        self.asked, self.go_on, self.ended = Event(), Event(), Event()
        self.received = 0

    async def wait(self, event: Event) -> None:
        await asyncio.get_running_loop().run_in_executor(None, event.wait, END_S)

    async def two_pieces(self, asked: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(asked)
        await answer.write(b"first ")
        await self.wait(self.go_on)
        await answer.write(b"second")
        return answer

    async def hang(self, _: web.Request) -> web.StreamResponse:
        self.asked.set()
        try:
            await asyncio.sleep(END_S)
        finally:
            self.ended.set()
        raise AssertionError

    async def endless(self, asked: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(asked)
        try:
            while True:
                await answer.write(PIECE)
        finally:
            self.ended.set()

    async def large(self, asked: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        if "sized" in asked.query:
            answer.content_length = LARGE
        await answer.prepare(asked)
        for _ in range(LARGE // len(PIECE)):
            await answer.write(PIECE)
        return answer

    async def sink(self, asked: web.Request) -> web.StreamResponse:
        self.received = 0
        try:
            async for piece in asked.content.iter_any():
                self.received += len(piece)
                self.asked.set()
        finally:
            self.ended.set()
        return web.Response(text=str(self.received))

    async def full(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=413, text="too much")

    async def cut(self, asked: web.Request) -> web.StreamResponse:
        """Breaks off in the middle of an answer: with a length, or of chunks; or before it."""
        assert asked.transport is not None
        if "head" in asked.query:
            answer = web.StreamResponse()
            if "sized" in asked.query:
                answer.content_length = 100
            await answer.prepare(asked)
            await answer.write(b"begun")
        asked.transport.close()
        return web.Response()


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def running(system: System) -> Iterator[Upstream]:
    names = ("two_pieces", "hang", "endless", "large", "sink", "full", "cut")
    with upstream({f"/{name}": getattr(system, name) for name in names}) as running:
        yield running
        system.go_on.set()


@pytest.fixture
def mock(running: Upstream) -> Iterator[MockServer]:
    with MockServer("failed-subtask", forward=running.url) as mock:
        yield mock


def sending(mock: MockServer, path: str, length: int = LARGE) -> socket.socket:
    """An upload that has begun."""
    connection = connected(mock.port)
    head = request(path, "POST").replace(b"\r\n\r\n", f"\r\nContent-Length: {length}\r\n\r\n".encode())
    connection.sendall(head + PIECE)
    return connection


# --- nothing waits for an end --------------------------------------------------------------------------------------


def test_an_answer_begins_before_it_ends(mock: MockServer, system: System) -> None:
    with requests.get(f"{mock.url}/two_pieces", stream=True, timeout=END_S) as answer:
        assert answer.raw.read(6) == b"first "
        system.go_on.set()
        assert answer.raw.read() == b"second"


def test_a_body_begins_before_it_ends(mock: MockServer, system: System) -> None:
    with sending(mock, "/sink", len(PIECE) + 3) as connection:
        assert system.asked.wait(END_S)
        connection.sendall(b"end")
        received = heard_answer(connection)
    assert int(received) == len(PIECE) + 3


def heard_answer(connection: socket.socket) -> bytes:
    """The body of an answer on a connection that stays open."""
    received = b""
    while not (found := re.search(rb"Content-Length: (\d+)\r\n(?:.*\r\n)*?\r\n(.*)", received, re.IGNORECASE)) or (
        len(found[2]) < int(found[1])
    ):
        received += connection.recv(65536)
    return found[2]


def test_the_journal_has_it_while_it_goes_on(mock: MockServer, system: System) -> None:
    with requests.get(f"{mock.url}/two_pieces", stream=True, timeout=END_S) as answer:
        assert mock.requests()[0]["status"] == 200
        system.go_on.set()
        assert answer.text == "first second"
    eventually(lambda: mock.requests()[0]["responseBody"] == "first second")


# --- nothing is held -----------------------------------------------------------------------------------------------


@pytest.fixture
def peak() -> Iterator[Any]:
    """How much was allocated at most, in the test and in both servers."""
    tracemalloc.start(1)
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "?sized"])
def test_an_answer_of_50_mb_is_not_held(mock: MockServer, peak: Any, query: str) -> None:
    with requests.get(f"{mock.url}/large{query}", stream=True, timeout=END_S) as answer:
        assert sum(map(len, answer.iter_content(65536))) == LARGE
    assert peak() < HELD


@pytest.mark.slow
@pytest.mark.parametrize("sized", [False, True])
def test_a_body_of_50_mb_is_not_held(mock: MockServer, peak: Any, sized: bool) -> None:
    pieces = (PIECE for _ in range(LARGE // len(PIECE)))
    headers = {"Content-Length": str(LARGE)} if sized else {}
    if sized:
        with sending(mock, "/sink") as connection:
            for _ in range(LARGE // len(PIECE) - 1):
                connection.sendall(PIECE)
            assert int(heard_answer(connection)) == LARGE
    else:
        answer = requests.post(f"{mock.url}/sink", data=pieces, headers=headers, timeout=END_S)
        assert int(answer.text) == LARGE
    assert peak() < HELD


@pytest.mark.slow
def test_who_reads_slowly_slows_the_upstream(mock: MockServer, peak: Any) -> None:
    with requests.get(f"{mock.url}/endless", stream=True, timeout=END_S) as answer:
        for _ in range(800):
            answer.raw.read(65536)
    assert peak() < HELD


uncollected = pytest.fixture(memory.uncollected)


@pytest.mark.parametrize("way", ["hung up on", "dead"])
def test_nothing_is_kept_of_what_breaks_off(
    mock: MockServer, running: Upstream, system: System, uncollected: None, way: str
) -> None:
    if way == "dead":
        running.kill()
    for _ in range(8):
        system.ended.clear()
        with sending(mock, "/sink") as connection:
            for _ in range(31):
                connection.sendall(PIECE)
            if way == "dead":
                assert connection.recv(12) == b"HTTP/1.1 502"
        assert way == "dead" or system.ended.wait(END_S)
    eventually(lambda: tracemalloc.get_traced_memory()[0] < MEGABYTE)


# --- what breaks off -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/hang", "/endless"])
def test_who_hangs_up_ends_it_for_the_upstream(mock: MockServer, system: System, path: str) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request(path))
        if path == "/hang":
            assert system.asked.wait(END_S)
        else:
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert system.ended.wait(END_S)


def test_who_breaks_off_a_body_ends_it_for_the_upstream(mock: MockServer, system: System) -> None:
    with sending(mock, "/sink"):
        assert system.asked.wait(END_S)
    assert system.ended.wait(END_S)
    assert system.received < LARGE


def test_what_was_hung_up_on_stands_in_the_journal_without_an_answer(mock: MockServer, system: System) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request("/hang"))
        assert system.asked.wait(END_S)
    assert system.ended.wait(END_S)
    (entry,) = mock.requests()
    assert (entry["kind"], entry["status"]) == ("forwarded", None)


@pytest.mark.parametrize("query", ["?head", "?head&sized"])
def test_an_answer_that_breaks_off_breaks_off_here(mock: MockServer, query: str) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request(f"/cut{query}"))
        received = heard(connection)
    assert received.received.startswith(b"HTTP/1.1 200 OK")
    assert b"begun" in received.body
    assert not received.body.endswith(b"0\r\n\r\n")
    assert received.end == "closed"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_an_upstream_that_says_nothing_is_a_502(mock: MockServer, running: Upstream, method: str) -> None:
    """And is asked once: who sends again is not for us to say."""
    answer = requests.request(method, f"{mock.url}/cut", data=b"abc", timeout=END_S)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "COM10999")
    assert answer.json()["error"]["message"] == f"{running.url} cannot be asked: Server disconnected."
    assert len(running.requests) == 1


def test_one_that_is_killed_is_a_502(mock: MockServer, running: Upstream) -> None:
    running.kill()
    answer = requests.post(f"{mock.url}/any", data=b"abc", timeout=END_S)
    assert (answer.status_code, answer.json()["status"]) == (502, 502)
    assert "Connection refused" in answer.json()["error"]["message"]
    assert requests.get(f"{mock.url}/api/v2/tasks/instances", timeout=END_S).status_code == 200


def test_one_that_is_killed_while_it_is_asked_too(mock: MockServer, running: Upstream, system: System) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request("/hang", Connection="close"))
        assert system.asked.wait(END_S)
        running.kill()
        assert heard(connection).head.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize(
    "said",
    [
        *(b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n"),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_a_502(said: bytes) -> None:
    async def nonsense(asked: web.Request) -> web.StreamResponse:
        assert asked.transport is not None
        asked.transport.write(said)
        asked.transport.close()
        return web.Response()

    with upstream({"/": nonsense}) as other, MockServer(forward=other.url) as mock:
        answer = requests.get(f"{mock.url}/?token=hush", timeout=END_S)
    assert answer.status_code == 502
    assert answer.json()["error"]["message"].startswith(f"{other.url} cannot be asked: what comes is no answer")
    assert "hush" not in answer.text


def test_one_that_is_slow_is_a_504(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "ANSWER_S", 0.05)
    answer = requests.get(f"{mock.url}/hang", timeout=END_S)
    assert (answer.status_code, answer.json()["status"]) == (504, 504)
    assert "does not answer" in answer.json()["error"]["message"]


def test_an_upstream_may_answer_before_it_has_read_the_body(mock: MockServer) -> None:
    with sending(mock, "/full") as connection:
        assert heard_answer(connection) == b"too much"


def test_a_body_that_turns_out_to_be_none_is_a_400(mock: MockServer, system: System) -> None:
    with connected(mock.port) as connection:
        head = request("/sink", "POST").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(head + b"3\r\nabc\r\n")
        assert system.asked.wait(END_S)
        connection.sendall(b"nonsense\r\n")
        received = heard(connection)
    assert received.head.startswith(b"HTTP/1.1 400 ")


def test_the_end_of_the_server_lets_go_of_all(mock: MockServer, system: System) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request("/hang"))
        assert system.asked.wait(END_S)
        mock.stop()
        assert heard(connection) == (b"", "closed")
    assert system.ended.wait(END_S)
