"""What a server that runs alone writes is what aiohttp would have written: held against it over a socket, byte by byte.

One server runs alone, as MockServer and `serve` run it; the other is the same application under aiohttp's own runner.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from clients import RETRY, SUBTASK, TASK, TASKS, failed_world
from processes import END_S

from mockserver import MockServer, create_app
from mockserver.server.front import head

GET = f"GET {TASK} HTTP/1.1\r\nHost: localhost\r\n"
POST = f"POST {RETRY} HTTP/1.1\r\nHost: localhost\r\n"
LAST = GET + "Connection: close\r\n\r\n"
CASES: dict[str, list[str]] = {
    "a task": [GET + "\r\n"],
    "twice on one connection": [GET + "\r\n", GET + "\r\n"],
    "pipelined": [(GET + "\r\n") * 5],
    "pipelined, with a body and a refusal": [
        POST + "Content-Length: 2\r\n\r\n{}" + POST + "Content-Length: 2\r\n\r\n{}" + GET + "\r\n"
    ],
    "in two halves": [GET[:20], GET[20:] + "\r\n"],
    "the list": [f"GET {TASKS}?size=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "a log": [f"GET {SUBTASK}/log HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "a retry": [POST + "Content-Length: 0\r\n\r\n"],
    "a retry with no length": [POST + "\r\n"],
    "a skip": [f"POST {SUBTASK}/skip HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "a chunked body": [POST + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + GET + "\r\n"],
    "a chunked body in parts": [POST + "Transfer-Encoding: chunked\r\n\r\n3\r\nab", "c\r\n0\r\n\r\n", GET + "\r\n"],
    "a body that it was asked to wait for": [POST + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", "{}"],
    "a GET with a body": [GET + "Content-Length: 3\r\n\r\nabc" + GET + "\r\n"],
    "HEAD": [GET.replace("GET", "HEAD") + "\r\n", GET + "\r\n"],
    "HTTP/1.0": [GET.replace("1.1", "1.0") + "\r\n"],
    "HTTP/1.0, kept": [GET.replace("1.1", "1.0") + "Connection: keep-alive\r\n\r\n"],
    "closed": [LAST],
    "closed, in another case": [GET + "connection: Close\r\n\r\n"],
    "with an origin": [GET + "Origin: http://localhost:3000\r\n\r\n"],
    "a preflight": [
        f"OPTIONS {RETRY} HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    ],
    "compression": [GET + "Accept-Encoding: gzip, deflate, br\r\n\r\n"],
    "a range": [GET + "Range: bytes=0-9\r\nIf-None-Match: *\r\n\r\n"],
    "an upgrade, as Java's client asks for": [GET + "Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"],
    "a file": [f"POST {TASK}/downloadDiagnosis HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "an error": [f"GET {TASKS}/7 HTTP/1.1\r\nHost: localhost\r\n\r\n", GET + "\r\n"],
    "a wrong method": [f"PUT {TASK} HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "no route": ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "wrong credentials": [GET + "Authorization: Bearer x\r\n\r\n"],
    "a body too large": [POST + f"Content-Length: {2**20 + 1}\r\n\r\n" + "x" * (2**20 + 1)],
    "a control route": ["GET /__admin/clock HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "nothing left": ["DELETE /__admin/faults HTTP/1.1\r\nHost: localhost\r\n\r\n"],
}
"""What a client sends, in its parts."""
CLOSING = {
    *("HTTP/1.0", "closed", "closed, in another case", "an upgrade, as Java's client asks for"),
    "a body too large",
}
"""After which the connection is at its end; the others are followed by LAST."""


@pytest.fixture(autouse=True)
def _same_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Date` is the same for both."""
    monkeypatch.setattr(head, "rfc822_formatted_time", lambda: "Wed, 25 Aug 2021 07:10:13 GMT")
    monkeypatch.setattr("aiohttp.web_response.rfc822_formatted_time", lambda: "Wed, 25 Aug 2021 07:10:13 GMT")


@pytest.fixture
def alone() -> Iterator[int]:
    with MockServer(failed_world()) as mock:
        yield mock.port


@asynccontextmanager
async def accompanied() -> AsyncIterator[int]:
    runner = web.AppRunner(create_app(failed_world()), shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield site.port
    finally:
        await runner.cleanup()


async def exchanged(port: int, parts: list[str]) -> list[tuple[bytes, list[bytes], bytes]]:
    """Each answer that comes until the server closes: status line, headers in order of name, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(END_S):
        for part in parts:
            writer.write(part.encode())
            await writer.drain()
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answers(received, re.findall(r"([A-Z]+) \S+ HTTP/1", "".join(parts)))


def answers(received: bytes, methods: list[str]) -> list[tuple[bytes, list[bytes], bytes]]:
    found, asked = [], iter(methods)
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        code = status.split(b" ")[1]
        length = re.search(rb"Content-Length: ([0-9]+)", head)
        bodiless = code in (b"100", b"204") or (next(asked, "") == "HEAD")
        size = 0 if bodiless or length is None else int(length[1])
        assert len(received) >= size
        found.append((status, sorted(headers), received[:size]))
        received = received[size:]
    return found


@pytest.mark.asyncio
@pytest.mark.parametrize("case", CASES)
async def test_the_same_bytes_as_aiohttps_own(alone: int, case: str) -> None:
    """Status line, names and values of headers, body, how many answers there are, and who closes."""
    parts = CASES[case] if case in CLOSING else [*CASES[case], LAST]
    async with accompanied() as port:
        expected = await exchanged(port, parts)
    assert await exchanged(alone, parts) == expected
    assert len(expected) >= len(re.findall("HTTP/1", "".join(parts)))


@pytest.mark.asyncio
async def test_a_reader_that_is_slow_gets_all_the_same(alone: int) -> None:
    """Hundreds of answers that nobody has read yet: in order, and each whole."""
    asked = (GET + "\r\n").encode() * 500
    reader, writer = await asyncio.open_connection("127.0.0.1", alone, limit=1024)
    async with asyncio.timeout(END_S):
        writer.write(asked + LAST.encode())
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    told = answers(received, [])
    assert len(told) == 501
    assert {status for status, _, _ in told} == {b"HTTP/1.1 200 OK"}
    traces = [re.search(rb'"traceId":"(\w+)"', body) for _, _, body in told]
    assert len({trace[1] for trace in traces if trace}) == 501


def test_a_date_is_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a head is kept for its own second only."""
    dates = ["Wed, 25 Aug 2021 07:10:13 GMT", "Wed, 25 Aug 2021 07:10:14 GMT"]
    for date in (*dates, dates[0]):
        monkeypatch.setattr(head, "rfc822_formatted_time", lambda date=date: date)
        assert f"\r\nDate: {date}\r\n".encode() in head.response(200, {"Content-Type": "text/plain"}, b"x")
