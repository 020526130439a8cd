"""What is a plain request, and what is not: aiohttp's own parser says so, and one that has changed says nothing is."""

import asyncio
from collections.abc import Iterator

import aiohttp.http
import pytest

from mockserver.server.front import reader
from mockserver.server.front.reader import Reader

HEAD = "GET /api/v2/tasks HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def plain(loop: asyncio.AbstractEventLoop) -> Reader:
    return Reader(["/api", "/api/v2", ""], loop)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/api/v2/tasks/instances/1000", "tasks/instances/1000"),
        ("/api/v2/tasks/instances/", "tasks/instances/"),
        ("/api/nothing~of_the-kind", "nothing~of_the-kind"),
        ("/api/v20/tasks", "v20/tasks"),
        ("/api/v2/", ""),
        ("/api/v2", "v2"),
        ("/api/", ""),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_plain_request(plain: Reader, method: str, target: str, path: str) -> None:
    request = plain.read(f"{method} {target} HTTP/1.1\r\nhOsT: localhost\r\nAuthorization: Bearer x\r\n\r\n".encode())
    assert request is not None
    assert (request.method, request.target, request.path) == (method, target, path)
    assert request.headers == {"Host": "localhost", "Authorization": "Bearer x"}


@pytest.mark.parametrize(
    "header",
    [
        *("Content-Length: 0", "Connection: keep-alive", "connection: Keep-Alive", "Accept-Encoding: gzip, br"),
        *("Cookie: a=b", "Content-Type: application/json", "User-Agent: \xfc", "X-Request-Id: 7", "X-Mocked: no"),
    ],
)
def test_what_real_clients_send_is_plain(plain: Reader, header: str) -> None:
    assert plain.read(f"{HEAD}{header}\r\n\r\n".encode("latin-1")) is not None


@pytest.mark.parametrize(
    "target",
    [
        *("/api", "/", "*", "/apis/tasks", "/__admin/clock", "/w/anna/api/v2/tasks"),
        *("/api/v2//tasks", "/api/v2/tasks//", "//api/v2/tasks", "/api/./tasks", "/api/../tasks", "/api/v2/.."),
        *("/api/v2/a.b", "/api/v2/tasks?size=1", "/api/v2/tasks#part", "/api/v2/%74asks", "/api/v2/t\xe4sks"),
        *("http://localhost/api/v2/tasks", "api/v2/tasks", "/api/v2/tasks;x", "/api/v2/tasks\\", "/api/v2/ta\nsks"),
    ],
)
def test_a_target_that_is_not_plain(plain: Reader, target: str) -> None:
    assert plain.read(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1")) is None


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "get", "Post", "CONNECT", "NONSENSE"])
def test_a_method_that_is_not_plain(plain: Reader, method: str) -> None:
    assert plain.read(HEAD.replace("GET", method).encode() + b"\r\n") is None


@pytest.mark.parametrize(
    "header",
    [
        *("Expect: 100-continue", "Origin: null", "Upgrade: h2c", "Transfer-Encoding: chunked", "Prefer: status=500"),
        *("Content-Encoding: gzip", "X-Mock-World: anna", "x-mock-fault: reset", "X-MOCK-Anything: new"),
        *("prefer: x", "oRIGIN: null", "Connection: close", "Connection: Upgrade\r\nUpgrade: websocket"),
        *("Content-Length: 1", "Content-Length: +0", "Content-Length: 0, 0", "Content-Length: 0\r\nContent-Length: 0"),
        *("Host: another", "no colon", ": no name", "Name : space", "X-Folded: a\r\n b", "X-Zero: \0", "X-Bell: \7"),
    ],
)
def test_a_header_that_is_not_plain(plain: Reader, header: str) -> None:
    assert plain.read(f"{HEAD}{header}\r\n\r\n".encode()) is None


@pytest.mark.parametrize(
    "data",
    [
        *(HEAD + "\r\n" + HEAD + "\r\n", HEAD + "\r\n" + HEAD, HEAD + "\r\nx", HEAD, "", "\r\n\r\n", "x\r\n\r\n"),
        *("\r\n\r\n" + HEAD + "\r\n", HEAD.replace("1.1", "1.0") + "\r\n", HEAD.replace("1.1", "2.0") + "\r\n"),
        *((HEAD + "\r\n").replace("\r\n", "\n"), HEAD + "\n\r\n", HEAD.replace("Host", "Hosts") + "\r\n"),
        HEAD + "Content-Length: 4\r\n\r\n\r\n\r\n",
        HEAD + f"X-Long: {'x' * reader.LONGEST}\r\n\r\n",
        HEAD + "a:b\r\n" * 200 + "\r\n",
    ],
)
def test_what_is_not_one_whole_request(plain: Reader, data: str) -> None:
    assert plain.read(data.encode()) is None


def test_a_request_is_remembered_and_not_for_good(plain: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "KNOWN", 2)
    requests = [f"{HEAD}X-Number: {number}\r\n\r\n".encode() for number in range(3)]
    first = plain.read(requests[0])
    assert first is not None
    assert plain.read(bytes(bytearray(requests[0]))) is first
    for one in requests[1:]:
        plain.read(one)
    assert len(plain._known) <= 2
    again = plain.read(requests[0])
    assert again is not None
    assert (again.method, again.target, again.headers) == (first.method, first.target, first.headers)
    assert again is not first


def test_what_is_not_plain_is_not_remembered(plain: Reader) -> None:
    for number in range(10):
        plain.read(f"{HEAD}Origin: {number}\r\n\r\n".encode())
    assert not plain._known


def test_without_aiohttps_parser_nothing_is_plain(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(aiohttp.http, "HttpRequestParser")
    assert Reader(["/api/v2"], loop).read(f"{HEAD}\r\n".encode()) is None


class Another:
    """A parser of an aiohttp to come."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def feed_data(self, data: bytes) -> object:
        return [object()]


class Stricter:
    """Another one, that takes nothing that we give it."""

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize("other", [Another, Stricter])
def test_a_parser_that_is_not_understood_finds_nothing_plain(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, other: type
) -> None:
    monkeypatch.setattr(aiohttp.http, "HttpRequestParser", other)
    assert Reader(["/api/v2"], loop).read(f"{HEAD}\r\n".encode()) is None
