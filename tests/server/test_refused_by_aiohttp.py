"""What never becomes a request of the application's: aiohttp refuses it, and we answer, in the API's envelope.

It is in the journal as `refused`, and in the account a reply and a client error, of the world without a name. By the
front and by aiohttp alone it is the same.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from http.client import HTTPResponse
from typing import Any, NamedTuple

import pytest
import requests
from aiohttp.http_exceptions import BadHttpMessage, BadStatusLine, HttpProcessingError, InvalidHeader, InvalidURLError
from processes import END_S, run_anew
from raw_sockets import connected

from mockserver import MockServer
from mockserver.contract.dialects import DIALECTS, DialectName
from mockserver.server import answer
from mockserver.server.front.connection import why

HOST = b" HTTP/1.1\r\nHost: localhost\r\n"
LIST = "/api/v2/tasks/instances"
GET = f"GET {LIST}".encode() + HOST
RETRY = f"POST {LIST}/1/subtasks/1/retry".encode() + HOST
SECRET = "c2VjcmV0OnNlY3JldA"


class Case(NamedTuple):
    sent: bytes
    status: int
    asked: tuple[str, str]
    """Method and path."""
    why: str
    """In the message of the error."""
    closes: bool = True


CASES: Mapping[str, Case] = {
    "a raw path": Case(b"GET /api/v2/\xff\xfe?a=b" + HOST + b"\r\n", 400, ("GET", "/api/v2/%FF%FE"), "Invalid char"),
    "a raw query": Case(b"GET /?a=\xe9" + HOST + b"\r\n", 400, ("GET", "/"), "Invalid char in url query"),
    "a target too large": Case(
        f"GET {LIST}?password={SECRET}&{'x' * 9000}".encode() + HOST + b"\r\n",
        400,
        ("GET", LIST),
        "more than 8190 bytes",
    ),
    "a header too large": Case(GET + b"X: " + b"x" * 9000 + b"\r\n\r\n", 400, ("GET", LIST), "more than 8190 bytes"),
    "too many headers": Case(GET + b"X: x\r\n" * 200 + b"\r\n", 400, ("GET", LIST), "Too many headers"),
    "a body in br": Case(
        RETRY + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        400,
        ("POST", f"{LIST}/1/subtasks/1/retry"),
        "brotli (br)",
    ),
    "a body in zstd": Case(
        RETRY + b"Content-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx",
        400,
        ("POST", f"{LIST}/1/subtasks/1/retry"),
        "zstd",
    ),
    "no chunk": Case(
        RETRY + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, ("POST", f"{LIST}/1/subtasks/1/retry"), "chunk size"
    ),
    "two lengths": Case(GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, ("GET", LIST), "Content-Length"),
    "no header": Case(
        GET + f"Authorization Basic {SECRET}\r\n\r\n".encode(), 400, ("GET", LIST), "Invalid header token"
    ),
    "a control character": Case(
        GET + f"Authorization: Basic {SECRET}\x00\r\n\r\n".encode(), 400, ("GET", LIST), "Invalid header value"
    ),
    "no URL": Case(b"GET http://a:b/" + HOST + b"\r\n", 400, ("GET", "http://a:b/"), "not a URL"),
    "no HTTP": Case(b"nonsense\r\n\r\n", 400, ("", ""), "Invalid method"),
    "TLS": Case(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, ("", ""), "HTTPS"),
    "HTTP/2": Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ("PRI", "*"), "PRI"),
    "an expectation": Case(GET + b"Expect: x\r\n\r\n", 417, ("GET", LIST), "Unknown Expect: x", closes=False),
    "an expectation in no letters": Case(
        GET + b"Expect: x\xff\r\n\r\n", 417, ("GET", LIST), "Unknown Expect: x?", closes=False
    ),
    "an expectation of the page": Case(
        b"GET /__admin/" + HOST + b"Expect: x\r\n\r\n", 417, ("GET", "/__admin/"), "Unknown Expect: x", closes=False
    ),
    "OPTIONS *": Case(b"OPTIONS *" + HOST + b"\r\n", 404, ("OPTIONS", "*"), "No route *", closes=False),
    "CONNECT": Case(
        b"CONNECT localhost:80" + HOST + b"\r\n",
        404,
        ("CONNECT", "localhost:80"),
        "No route localhost:80",
        closes=False,
    ),
    "CONNECT of nothing": Case(b"CONNECT \r\nHost: localhost\r\n\r\n", 404, ("CONNECT", ""), "No route", closes=False),
}


BODIES = ("a body in br", "a body in zstd", "no chunk", "two lengths")
"""The cases in which it is the body that is broken."""


def received(port: int, sent: bytes) -> tuple[bytes, Any, bool]:
    """The head and the JSON body of the answer, and whether the connection closes after it."""
    with connected(port) as connection:
        connection.sendall(sent)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        while len(body) < int(length[1]):
            body += connection.recv(65536)
        closes = b"HTTP/1.0 " in head or b"Connection: close" in head
        if closes:
            assert connection.recv(1) == b""
    return head, json.loads(body), closes


@pytest.fixture(params=["in front", "by aiohttp alone"])
def mock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    if request.param != "in front":
        monkeypatch.setattr(answer, "at_once", lambda *_: None)
    with MockServer("empty", seed=7) as mock:
        yield mock


@pytest.mark.parametrize("name", CASES)
def test_it_is_answered_in_the_envelope_and_told(mock: MockServer, name: str) -> None:
    case = CASES[name]
    head, body, closes = received(mock.port, case.sent)
    assert (int(head.split()[1]), closes) == (case.status, case.closes)
    assert re.search(rb"(?i)content-type: application/json", head)
    assert re.search(rb"(?i)x-mock-contract: valid", head)
    assert (body["successful"], body["status"]) == (False, case.status)
    code = "COM10003" if name in BODIES else "COM10002" if case.status == 404 else "COM10001"
    assert body["error"]["code"] == code
    assert case.why in body["error"]["message"]
    (entry,) = mock.requests()
    assert (entry["kind"], entry["operation"], entry["user"]) == ("refused", None, None)
    assert (entry["method"], entry["path"], entry["status"]) == (*case.asked, case.status)
    assert entry["clientError"] == body["error"]["message"]
    assert (entry["responseBody"], entry["traceId"]) == (body, body["traceId"])
    assert SECRET not in json.dumps([body, entry])


@pytest.mark.parametrize("name", CASES)
def test_it_counts_as_a_reply_and_a_client_error(mock: MockServer, name: str) -> None:
    before = mock.contract()
    received(mock.port, CASES[name].sent)
    after = mock.contract()
    assert {key: after[key] - before[key] for key in after} == {
        "replies": 1,
        "valid": 1,
        "deliberatelyInvalid": 0,
        "violations": 0,
        "clientErrors": 1,
        "expectedErrors": 0,
    }


def test_its_kind_is_a_filter(mock: MockServer) -> None:
    with connected(mock.port) as connection:
        connection.sendall(GET + b"\r\n")
        connection.recv(65536)
    received(mock.port, CASES["no HTTP"].sent)
    assert [one["id"] for one in mock.requests(kind="api")] == [1]
    assert [one["id"] for one in mock.requests(kind="refused")] == [2]


def test_a_kind_that_is_none_is_refused(mock: MockServer) -> None:
    answer = requests.get(f"{mock.url}/__admin/requests?kind=odd", timeout=END_S)
    assert answer.status_code == 422
    assert "none of api, stub, forwarded, refused" in answer.json()["error"]["details"][0]["message"]


def test_a_connection_goes_on_after_an_expectation(mock: MockServer) -> None:
    with connected(mock.port) as connection:
        for sent, status in ((CASES["an expectation"].sent, b"417"), (GET + b"\r\n", b"200")):
            connection.sendall(sent)
            assert connection.recv(65536)[9:12] == status


def test_an_expectation_of_a_page_may_be_read_by_it(mock: MockServer) -> None:
    head, _, _ = received(mock.port, GET + b"Expect: x\r\nOrigin: http://localhost:3000\r\n\r\n")
    assert b"Access-Control-Allow-Origin: http://localhost:3000" in head


def test_what_comes_in_pieces_is_told_by_its_first_line(mock: MockServer) -> None:
    with connected(mock.port) as connection:
        connection.sendall(GET)
        mock.contract()  # when this is answered, the server has had that piece
        connection.sendall(CASES["a header too large"].sent.removeprefix(GET))
        assert connection.recv(12).startswith(b"HTTP/1.0 400")
    assert mock.requests()[0]["path"] == LIST


def test_it_has_nothing_to_do_with_a_named_world(mock: MockServer) -> None:
    received(mock.port, b"GET /w/anna/\xff" + HOST + b"X-Mock-World: anna\r\n\r\n")
    assert len(mock.requests()) == 1
    assert mock.connect(mock.url, world="anna").requests() == []


@pytest.mark.parametrize("name", DIALECTS)
def test_the_code_is_the_dialects(name: DialectName) -> None:
    with MockServer("empty", dialect=name) as mock:
        _, body, _ = received(mock.port, CASES["no HTTP"].sent)
    assert body["error"]["code"] == DIALECTS[name].code("bad parameter")


def test_it_can_be_looked_at(mock: MockServer) -> None:
    """Its detail, and its copies, of which there are none."""
    received(mock.port, CASES["no HTTP"].sent)
    assert requests.get(f"{mock.url}/__admin/requests/1", timeout=END_S).json()["request"]["kind"] == "refused"
    copies = requests.get(f"{mock.url}/__admin/requests/1/copies", timeout=END_S)
    assert copies.status_code == 200
    assert (copies.json()["curl"], copies.json()["pytest"]) == (None, None)


def test_the_log_has_one_line_of_it(mock: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        received(mock.port, CASES["a control character"].sent)
    (line,) = [one for one in caplog.messages if "400" in one]
    assert SECRET not in line
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.slow
def test_exec_strict_does_not_pass() -> None:
    script = (
        "import os, socket, urllib.parse as u; at = u.urlsplit(os.environ['OCP_BASE_URL']);"
        "c = socket.create_connection((at.hostname, at.port));"
        "c.sendall(b'OPTIONS * HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');"
        "assert b'404' in c.recv(100)"
    )
    ended = run_anew("exec", "empty", "--strict", "--", "python3", "-c", script)
    assert ended.returncode == 3, ended.stderr
    assert "1 client error" in ended.stderr


# --- what was sent is not shown --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            BadHttpMessage(f"Invalid header value char:\n\n  b'Authorization: {SECRET}'\n   ^"),
            "Invalid header value char",
        ),
        (
            BadStatusLine(error=f"Bad status line:\n  Invalid version:\n\n  b'{SECRET}'"),
            "Bad status line: Invalid version",
        ),
        (BadStatusLine(f"GET {SECRET}"), "Bad status line"),
        (InvalidHeader(SECRET.encode()), "Invalid HTTP header"),
        (InvalidURLError(f"user:{SECRET}@host"), "not a URL"),
        (BadHttpMessage("Missing 'Host' header in request."), "Missing 'Host' header in request"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_http_is_told_without_what_was_sent(error: HttpProcessingError, said: str) -> None:
    assert why(error) == said


# --- a body that breaks after it has begun ---------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [[b"zz\r\n"], [b"3\r\nabc\r\n", b"zz\r\n"], [b"3\r\nabcd\r\n"]], ids=str)
def test_a_chunk_that_is_none_is_refused_at_once_also_when_it_comes_later(mock: MockServer, parts: list[bytes]) -> None:
    """aiohttp's parser forgets the body that it was in, and nobody would ever be told of its end."""
    with connected(mock.port) as connection:
        connection.sendall(RETRY + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue"), "it is being read"
        for part in parts:
            connection.sendall(part)
        answered = HTTPResponse(connection)
        answered.begin()
        assert (answered.status, json.loads(answered.read())["error"]["code"]) == (400, "COM10003")
    assert [entry["status"] for entry in mock.requests(limit=1)] == [400]
