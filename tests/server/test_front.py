"""The protocol in front: what it answers and what it hands over comes out as by aiohttp alone, byte by byte.

The API here is a stub: it echoes, and it is answered in front and by a handler of aiohttp's alike.
"""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple

import pytest
from aiohttp import web
from bytes_read import Heard, counting
from multidict import CIMultiDict
from processes import END_S

from mockserver import create_app
from mockserver.server import answer, runner
from mockserver.server.front import head
from mockserver.server.front.buffered import Buffered
from mockserver.server.front.protocol import Front, Fronts
from mockserver.server.front.reader import PlainRequest, Reader
from mockserver.world.worlds import Site

GET: Final = "GET /api/task HTTP/1.1\r\nHost: localhost\r\n"
POST: Final = GET.replace("GET", "POST")
LAST: Final = GET + "Connection: close\r\n\r\n"
LARGE: Final = 100_000


def echoed(method: str, target: str) -> tuple[int, CIMultiDict[str], bytes]:
    headers = CIMultiDict({"Content-Type": "application/json", "X-Mock-Contract": "valid"})
    if target == "/api/nothing":
        headers["X-Mock-Hint"] = "nothing is here"
        return 404, headers, b'{"successful":false}'
    if target == "/api/broken":
        raise RuntimeError("a bug")
    size = LARGE if target == "/api/large" else 0
    return 200, headers, json.dumps({"asked": f"{method} {target}", "more": "x" * size}).encode()


async def handler(request: web.BaseRequest) -> web.Response:
    """aiohttp's way."""
    await request.read()
    status, headers, content = echoed(request.method, request.raw_path)
    return web.Response(status=status, headers=headers, body=content)


class Served:
    """aiohttp's server, alone or with fronts, and what was answered in front."""

    def __init__(self, keepalive_s: float = END_S) -> None:
        self.server = web.Server(handler)
        self.asked: list[str] = []
        reader = Reader(["/api"], asyncio.get_running_loop())
        self.fronts = Fronts(reader, self.answer, self.server, Buffered(), keepalive_s=keepalive_s)
        self.port = 0
        self.listener: asyncio.Server

    def answer(self, request: PlainRequest) -> bytes | None:
        if request.path == "later":
            return None
        self.asked.append(request.target)
        return head.response(*echoed(request.method, request.target))

    @property
    def front(self) -> Front:
        (front,) = self.fronts.open
        return front

    async def listen(self, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self.listener = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]


@asynccontextmanager
async def serving(*, in_front: bool = True, keepalive_s: float = END_S) -> AsyncIterator[Served]:
    served, errors, loop = Served(keepalive_s), list[Any](), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    await served.listen(served.fronts if in_front else served.server)
    try:
        async with asyncio.timeout(END_S):
            yield served
    finally:
        served.listener.close()
        await served.fronts.close()
        served.fronts.abort()
        await served.fronts.closed()
        await served.server.shutdown(1)
    assert not errors, "asyncio had to step in"


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return counting(monkeypatch)


async def eventually(so: Callable[[], object]) -> None:
    """Returns once it is so; what never is so is a failure."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + END_S
    while not so():
        assert loop.time() < deadline
        await asyncio.sleep(0)


async def connected(port: int, limit: int = 2**20) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, limit=limit)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def exchanged(heard: Heard, port: int, parts: list[bytes]) -> bytes:
    """All that comes until the server closes. Each part is sent when the one before has been read."""
    reader, writer = await connected(port)
    sent = heard.total
    for part in parts:
        writer.write(part)
        sent += len(part)
        await eventually(lambda: heard.total == sent or reader.at_eof())  # noqa: B023 - called here and now
    received = await reader.read()
    await closed(writer)
    return received


async def one_answer(reader: asyncio.StreamReader) -> bytes:
    start = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: ([0-9]+)", start)
    assert length
    return start + await reader.readexactly(int(length[1]))


@pytest.fixture(autouse=True)
def _same_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Date` is the same for both."""
    for name in ("aiohttp.web_response", "mockserver.server.front.head"):
        monkeypatch.setattr(f"{name}.rfc822_formatted_time", lambda: "Wed, 25 Aug 2021 07:10:13 GMT")


# --- the same bytes ------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    parts: list[str]
    """What a client sends, each part read by itself. LAST follows, where the connection is still open."""
    in_front: int = 0
    """How many of its requests aiohttp never sees."""
    open: bool = True
    """Whether the last of these leaves the connection open."""


WHOLE: Final = GET + "\r\n"
CASES: Final = {
    "a request": Case([WHOLE], 1),
    "two": Case([WHOLE, POST + "\r\n"], 2),
    "a refusal": Case([WHOLE.replace("task", "nothing"), WHOLE], 2),
    "a large answer": Case([WHOLE.replace("task", "large"), WHOLE], 2),
    "one that is left to aiohttp": Case([WHOLE, WHOLE.replace("task", "later"), WHOLE], 1),
    "what real clients send": Case([POST + "Content-Length: 0\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n"], 1),
    "lower case": Case([WHOLE.replace("Host", "host") + ""], 1),
    "upper case": Case([WHOLE.replace("Host", "HOST")], 1),
    "in two halves": Case([WHOLE[:20], WHOLE[20:], WHOLE]),
    "two pipelined": Case([WHOLE * 2]),
    "one and a half": Case([WHOLE + WHOLE[:30], WHOLE[30:]]),
    "pipelined after one": Case([WHOLE, WHOLE * 3], 1),
    "more than fits": Case([WHOLE * 1500]),
    "a body": Case([POST + "Content-Length: 2\r\n\r\n{}", WHOLE]),
    "a body that comes later": Case([POST + "Content-Length: 2\r\n\r\n", "{}", WHOLE]),
    "a body that looks like an end": Case([POST + "Content-Length: 4\r\n\r\n\r\n\r\n", WHOLE]),
    "a GET with a body": Case([GET + "Content-Length: 3\r\n\r\nabc" + WHOLE]),
    "a chunked body": Case([POST + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + WHOLE]),
    "an empty chunked body": Case([POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", WHOLE]),
    "a compressed body that is none": Case([POST + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", WHOLE]),
    "HTTP/1.0": Case([WHOLE.replace("1.1", "1.0")], open=False),
    "HTTP/1.0, kept": Case([GET.replace("1.1", "1.0") + "Connection: keep-alive\r\n\r\n"]),
    "HTTP/1.2": Case([WHOLE.replace("1.1", "1.2")], open=False),
    "HTTP/2.0": Case([WHOLE.replace("1.1", "2.0")], open=False),
    "closed": Case([LAST], open=False),
    "closed, in another case": Case([WHOLE, GET + "connection: Close\r\n\r\n"], 1, open=False),
    "a body that it was asked to wait for": Case(
        [POST + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", "{}", WHOLE]
    ),
    "an expectation of nothing": Case([GET + "Expect: 100-continue\r\n\r\n"]),
    "HEAD": Case([WHOLE.replace("GET", "HEAD"), WHOLE]),
    "a method in lower case": Case([WHOLE.replace("GET", "get")], open=False),
    "a query": Case([WHOLE.replace("task", "task?size=1")]),
    "a fragment": Case([WHOLE.replace("task", "task#part")]),
    "an escape": Case([WHOLE.replace("task", "t%61sk")]),
    "dots": Case([WHOLE.replace("task", "../api/task"), WHOLE.replace("task", "./task")]),
    "an empty segment": Case([WHOLE.replace("/task", "//task")]),
    "the absolute form": Case([WHOLE.replace("/api", "http://localhost/api")]),
    "a path elsewhere": Case([WHOLE.replace("/api", "/else")]),
    "a target in latin-1": Case([WHOLE.replace("task", "t\xe4sk")], open=False),
    "a header in latin-1": Case([GET + "X-Name: \xfc\r\n\r\n"], 1),
    "a folded header": Case([GET + "X-Name: a\r\n b\r\n\r\n"], open=False),
    "bare line feeds": Case([WHOLE.replace("\r\n", "\n")], open=False),
    "a bare line feed at the end": Case([GET + "\n"], open=False),
    "a NUL": Case([GET + "X-Name: a\0b\r\n\r\n"], open=False),
    "a control character": Case([GET + "X-Name: a\x01b\r\n\r\n"], open=False),
    "a header without a colon": Case([GET + "nonsense\r\n\r\n"], open=False),
    "a header without a name": Case([GET + ": value\r\n\r\n"], open=False),
    "a space before the colon": Case([GET + "X-Name : value\r\n\r\n"], open=False),
    "no host": Case(["GET /api/task HTTP/1.1\r\n\r\n"], open=False),
    "two hosts": Case([GET + "Host: another\r\n\r\n"], open=False),
    "Content-Length twice": Case([POST + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"], open=False),
    "a list of Content-Lengths": Case([POST + "Content-Length: 0, 0\r\n\r\n"], open=False),
    "a Content-Length with a sign": Case([POST + "Content-Length: +0\r\n\r\n"], open=False),
    "an upgrade, as Java's client asks for": Case(
        [GET + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAE\r\n\r\n"]
    ),
    "a long header": Case([GET + f"X-Long: {'x' * 9000}\r\n\r\n"], open=False),
    "many headers": Case([GET + "".join(f"X-{n}: {n}\r\n" for n in range(140)) + "\r\n"], open=False),
    "long, but not too long": Case([GET + f"X-Long: {'x' * 6000}\r\n\r\n"]),
    "no HTTP": Case(["nonsense\r\n\r\n"], open=False),
    "TLS": Case(["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], open=False),
    "no HTTP later": Case([WHOLE, WHOLE, "nonsense\r\n\r\n"], 2, open=False),
    "empty lines before": Case(["\r\n\r\n" + WHOLE]),
    "a bug": Case([WHOLE.replace("task", "broken")], 1, open=False),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("case", CASES)
async def test_the_same_bytes_as_aiohttps_own(heard: Heard, case: str) -> None:
    parts, in_front, still_open = CASES[case]
    sent = [part.encode("latin-1") for part in ([*parts, LAST] if still_open else parts)]
    async with serving(in_front=False) as alone, serving() as fronted:
        expected = await exchanged(heard, alone.port, sent)
        assert await exchanged(heard, fronted.port, sent) == expected
    assert expected.startswith(b"HTTP/")
    assert (len(fronted.asked), len(alone.asked)) == (in_front, 0)


@pytest.mark.asyncio
async def test_split_at_every_byte(heard: Heard) -> None:
    async with serving(in_front=False) as alone, serving() as fronted:
        whole = WHOLE.encode()
        for at in range(1, len(whole)):
            parts = [whole, whole[:at], whole[at:], LAST.encode()]
            assert await exchanged(heard, fronted.port, parts) == await exchanged(heard, alone.port, parts), at
    assert len(fronted.asked) == len(whole) - 1


@pytest.mark.asyncio
async def test_byte_by_byte(heard: Heard) -> None:
    async with serving(in_front=False) as alone, serving() as fronted:
        parts = [bytes([byte]) for byte in LAST.encode()]
        assert await exchanged(heard, fronted.port, parts) == await exchanged(heard, alone.port, parts)


# --- a connection's life -------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_what_is_handed_over_is_aiohttps_for_good() -> None:
    """It is counted by aiohttp's server, which ends it; and no longer by the fronts."""
    async with serving() as served:
        reader, writer = await connected(served.port)
        for target, fronts, inner in [("task", 1, 0), ("later", 0, 1), ("task", 0, 1)]:
            writer.write(WHOLE.replace("task", target).encode())
            assert f"/api/{target}".encode() in await one_answer(reader)
            assert (len(served.fronts.open), len(served.server.connections)) == (fronts, inner)
        assert served.asked == ["/api/task"]
        await closed(writer)


@pytest.mark.asyncio
async def test_a_client_that_sends_no_more_gets_its_answer() -> None:
    async with serving() as served:
        reader, writer = await connected(served.port)
        writer.write(WHOLE.replace("task", "large").encode())
        writer.write_eof()
        received = await reader.read()
        assert len(received) > LARGE
        await closed(writer)
        await eventually(lambda: not served.fronts.open)


@pytest.mark.asyncio
async def test_a_client_that_has_gone_leaves_nothing() -> None:
    async with serving() as served:
        _, writer = await connected(served.port)
        await eventually(lambda: served.fronts.open)
        front = served.front
        writer.transport.abort()
        await eventually(lambda: not served.fronts.open)
        assert front._timer is not None
        assert front._timer.cancelled()


@pytest.mark.asyncio
async def test_a_client_that_never_reads_is_not_read(heard: Heard) -> None:
    """What is kept for it has a limit; once it reads, it gets every answer, in order, and whole."""
    async with serving() as served, narrow(served.listener.sockets[0]) as client:
        count, loop = 40, asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", served.port))
        await eventually(lambda: served.fronts.open)
        front = served.front
        names = [f"{number:02}" if number % 2 else "large" for number in range(count)]
        sent = 0
        for name in names:
            request = WHOLE.replace("task", name).encode()
            await loop.sock_sendall(client, request)
            sent += len(request)
            await eventually(lambda: heard.total == sent or not front.transport.is_reading())  # noqa: B023 - as above
        assert not front.transport.is_reading()
        assert len(served.asked) < count
        assert front.transport.get_write_buffer_size() < 2**16 + 2 * LARGE
        front.expired()
        front.expired()
        assert not front.transport.is_closing(), "it waits for its reader"
        await loop.sock_sendall(client, LAST.encode())
        received = b"".join([chunk async for chunk in chunks(client)])
    asked = re.findall(rb'"asked": "GET /api/(\w+)"', received)
    assert [one.decode() for one in asked] == [*names, "task"]
    assert received.count(b"x") == LARGE * count // 2


@asynccontextmanager
async def narrow(listener: Any) -> AsyncIterator[socket.socket]:
    """A client of a listener between whom the system keeps little."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        yield client


async def chunks(client: socket.socket) -> AsyncIterator[bytes]:
    while chunk := await asyncio.get_running_loop().sock_recv(client, 2**18):
        yield chunk


@pytest.mark.asyncio
async def test_time_passes_on_a_connection() -> None:
    """One that was used is kept; one that was not, since the timer began to run, is closed."""
    async with serving() as served:
        reader, writer = await connected(served.port)
        for _ in range(2):
            writer.write(WHOLE.encode())
            await one_answer(reader)
            served.front.expired()
        served.front.expired()
        assert await reader.read() == b""
        await closed(writer)
    assert len(served.asked) == 2


@pytest.mark.asyncio
async def test_an_idle_connection_is_closed_when_its_time_is_over() -> None:
    async with serving(keepalive_s=0.001) as served:
        reader, writer = await connected(served.port)
        assert await reader.read() == b""
        await closed(writer)


@pytest.mark.asyncio
async def test_connections_are_probed_while_they_are_silent() -> None:
    """As aiohttp's are: else a client that was switched off would stay for ever."""
    async with serving() as served:
        _, writer = await connected(served.port)
        await eventually(lambda: served.fronts.open)
        sock = served.front.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        await closed(writer)


@pytest.mark.asyncio
async def test_two_servers_in_two_threads_share_no_buffer() -> None:
    async with serving() as one, serving() as another:
        assert one.fronts.received.obj is not another.fronts.received.obj


@pytest.mark.asyncio
async def test_a_bug_is_logged_and_answered_once(heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    """What it did before it failed is not done again by another way."""
    async with serving() as served:
        received = await exchanged(heard, served.port, [WHOLE.replace("task", "broken").encode()])
    assert received.startswith(b"HTTP/1.1 500 ")
    assert b"Connection: close\r\n" in received
    assert served.asked == ["/api/broken"]
    (record,) = [record for record in caplog.records if record.name == "mockserver"]
    assert record.exc_info
    assert "GET /api/broken HTTP/1.1" in record.getMessage()


# --- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_at_the_end_what_has_come_is_answered() -> None:
    async with serving() as served:
        reader, writer = await connected(served.port)
        writer.write(WHOLE.encode())
        await one_answer(reader)
        writer.write(WHOLE.encode())
        await served.fronts.close()
        assert b'"GET /api/task"' in await reader.read()
        await closed(writer)


@pytest.mark.asyncio
async def test_at_the_end_all_are_closed_and_none_begins() -> None:
    """A listener waits for its connections from Python 3.12.1 on."""
    async with serving() as served:
        reader, writer = await connected(served.port)
        writer.write(WHOLE.encode())
        await one_answer(reader)
        await served.fronts.close()
        late_reader, late_writer = await connected(served.port)
        assert await reader.read() == await late_reader.read() == b""
        served.listener.close()
        await served.fronts.closed()
        await served.listener.wait_closed()
        await closed(writer)
        await closed(late_writer)


async def slow(entered: asyncio.Event, released: asyncio.Event, request: web.Request) -> web.Response:
    entered.set()
    await released.wait()
    return web.Response(text="slow")


def echo(_: Site, request: PlainRequest) -> bytes:
    return head.response(*echoed(request.method, request.target))


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    sockets = runner.bound("127.0.0.1", 0)
    yield sockets
    for one in sockets:
        one.close()


def api(*more: tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]) -> web.Application:
    app = create_app(api_prefixes=["/api"], admin=False)
    app.router.add_routes([web.get(path, handler) for path, handler in more])
    return app


@pytest.mark.asyncio
async def test_a_runner_ends_what_is_idle_and_waits_for_what_is_not(
    sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "at_once", echo)
    entered, released = asyncio.Event(), asyncio.Event()
    app, port = api(("/slow", partial(slow, entered, released))), runner.port_of(sockets)
    async with asyncio.timeout(END_S):
        async with runner.running(app, sockets, grace_s=END_S):
            idle, idle_writer = await connected(port)
            idle_writer.write(WHOLE.encode())
            assert b'"GET /api/task"' in await one_answer(idle)
            busy, busy_writer = await connected(port)
            busy_writer.write(WHOLE.encode())
            await one_answer(busy)
            busy_writer.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await entered.wait()

            async def release() -> None:
                assert await idle.read() == b""
                released.set()

            releasing = asyncio.create_task(release())
        await releasing
        assert (await one_answer(busy)).endswith(b"\r\n\r\nslow")
        assert await busy.read() == b""
        await closed(idle_writer)
        await closed(busy_writer)


@pytest.mark.asyncio
async def test_a_runner_does_not_wait_for_one_who_never_reads(
    heard: Heard, sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "at_once", lambda *_: b"x" * 2**22)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(END_S), narrow(sockets[0]) as client:
        async with runner.running(api(), sockets, grace_s=0.01):
            await loop.sock_connect(client, ("127.0.0.1", runner.port_of(sockets)))
            await loop.sock_sendall(client, WHOLE.encode())
            await eventually(lambda: heard.total)
        received = [chunk async for chunk in chunks(client)]
    assert 0 < sum(map(len, received)) < 2**22


@pytest.mark.asyncio
@pytest.mark.parametrize("around", ["nothing", "middleware", "signal", "access log"])
async def test_a_runner_has_a_front_only_where_the_application_is_alone(
    sockets: list[socket.socket], around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "at_once", echo)
    app = api()
    if around == "middleware":
        app.middlewares.append(web.normalize_path_middleware())
    elif around == "signal":

        async def on_prepare(*_: object) -> None:
            return

        app.on_response_prepare.append(on_prepare)
    async with (
        asyncio.timeout(END_S),
        runner.running(app, sockets, grace_s=1, access_log=around == "access log"),
    ):
        reader, writer = await connected(runner.port_of(sockets))
        writer.write(WHOLE.encode())
        assert ((await one_answer(reader)).startswith(b"HTTP/1.1 200")) == (around == "nothing")
        await closed(writer)
