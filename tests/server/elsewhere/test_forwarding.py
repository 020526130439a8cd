"""Requests that are passed on to a real small system, and its answers back: what each side sees of the other."""

import gzip
import json
import zlib
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
import requests
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from clients import TASK, failed_world
from processes import END_S
from raw_sockets import connected, heard, request
from upstreams import Upstream, upstream

from mockserver import MockServer, create_app

GONE = "http://evil.example"


async def compressed(_: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(b"compressed"), headers={"Content-Encoding": "gzip", "Etag": '"a"'})


async def redirects(asked: web.Request) -> web.Response:
    to = asked.query["to"].replace("UPSTREAM", f"http://{asked.host}")
    return web.Response(status=302, headers={"Location": to})


async def with_cookies(_: web.Request) -> web.Response:
    answer = web.Response()
    answer.headers.add("Set-Cookie", "id=1; Domain=127.0.0.1; Secure; SameSite=None; Path=/")
    answer.headers.add("Set-Cookie", "theme=dark; HttpOnly")
    return answer


async def bare(asked: web.Request) -> web.Response:
    return web.Response(status=int(asked.match_info["status"]), headers={"Etag": '"a"'})


async def sized(_: web.Request) -> web.Response:
    return web.Response(text="five!", headers={"X-Size": "5"})


async def chunked(_: web.Request) -> web.StreamResponse:
    async def pieces() -> Any:
        for piece in (b"one ", b"two ", b"three"):
            yield piece

    return web.Response(body=pieces(), content_type="text/plain", reason="As It Was")


async def sharing(_: web.Request) -> web.Response:
    return web.Response(text="theirs", headers={"Access-Control-Allow-Origin": "http://theirs.test"})


HANDLERS = {
    "/compressed": compressed,
    "/redirects": redirects,
    "/cookies": with_cookies,
    "/bare/{status}": bare,
    "/sized": sized,
    "/chunked": chunked,
    "/sharing": sharing,
}


@pytest.fixture(scope="module")
def system() -> Iterator[Upstream]:
    with upstream(HANDLERS) as running:
        yield running


@pytest.fixture(scope="module")
def server(system: Upstream) -> Iterator[MockServer]:
    with MockServer(failed_world(auth="basic"), forward=system.url) as mock:
        yield mock


@pytest.fixture
def mock(server: MockServer) -> MockServer:
    server.reset()
    return server


def asked(mock: MockServer, path: str, method: str = "GET", **more: Any) -> requests.Response:
    return requests.request(method, mock.url + path, timeout=END_S, allow_redirects=False, **more)


# --- requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_path_query_and_body_are_as_they_were_sent(mock: MockServer, method: str) -> None:
    target = "/a//b/%2F/..%2e/%C3%BC?x=%20&x=a+b&&;"
    with connected(mock.port) as connection:
        head = request("/TARGET", method, Connection="close").replace(b"/TARGET", target.encode())
        connection.sendall(head.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"))
        received = heard(connection)
    assert json.loads(received.body) == {"method": method, "target": target, "body": "abc"}


def test_headers_are_passed_on_and_those_of_the_place_are_the_upstreams(mock: MockServer, system: Upstream) -> None:
    sent = {
        "Origin": mock.url,
        "Referer": f"{mock.url}/page?a",
        "Cookie": "a=1; OCP_MOCK_SESSION=ours",
        "Authorization": "Bearer theirs",
        "X-Mock-World": "anna",
        "X-Their": "ü",
        "Accept-Encoding": "br",
    }
    asked(mock, "/any", headers=sent)
    told = system.latest.headers
    assert told["Host"] == system.url.removeprefix("http://")
    assert (told["Origin"], told["Referer"]) == (system.url, f"{system.url}/page?a")
    assert (told["Cookie"], told["Authorization"], told["X-Their"]) == ("a=1", "Bearer theirs", "ü")
    assert told["Accept-Encoding"] == "br"
    assert "X-Mock-World" not in told


def test_nothing_is_added_to_a_bare_request(mock: MockServer, system: Upstream) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request("/any", Connection="close"))
        assert b" 200 " in heard(connection).head
    assert set(system.latest.headers) == {"Host", "Connection"}


def test_a_chunked_body_is_passed_on(mock: MockServer, system: Upstream) -> None:
    pieces = (piece for piece in (b"one ", b"two ", b"three"))
    assert asked(mock, "/any", "POST", data=pieces).json()["body"] == "one two three"
    assert system.latest.headers["Transfer-Encoding"] == "chunked"


def test_a_compressed_body_arrives_as_what_it_is(mock: MockServer) -> None:
    """aiohttp's server has unpacked it: so it is passed on without saying that it is packed."""
    body = zlib.compress(b"long " * 100)
    answer = asked(mock, "/any", "POST", data=body, headers={"Content-Encoding": "deflate"})
    assert answer.json()["body"] == "long " * 100


def test_who_expects_to_be_told_to_go_on_is(mock: MockServer, system: Upstream) -> None:
    with connected(mock.port) as connection:
        head = request("/any", "POST", Connection="close", Expect="100-continue")
        connection.sendall(head.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"abc")
        assert json.loads(heard(connection).body)["body"] == "abc"
    assert "Expect" not in system.latest.headers


def test_http_1_0_is_served_too(mock: MockServer) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request("/chunked", version="1.0"))
        received = heard(connection)
    assert received.body == b"one two three"
    assert b"transfer-encoding" not in received.head.lower()


def test_a_target_with_scheme_and_host_is_passed_on_without(mock: MockServer) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request(f"{mock.url}/any?a", Connection="close"))
        assert json.loads(heard(connection).body)["target"] == "/any?a"


# --- answers -------------------------------------------------------------------------------------------------------


def test_an_answer_comes_as_it_was(mock: MockServer) -> None:
    answer = asked(mock, "/chunked")
    assert (answer.status_code, answer.reason, answer.text) == (200, "As It Was", "one two three")
    assert not [name for name in answer.headers if name.startswith(("X-Mock", "Access-Control"))]


def test_a_compressed_one_stays_compressed(mock: MockServer) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request("/compressed", Connection="close"))
        received = heard(connection)
    assert gzip.decompress(received.body) == b"compressed"
    assert b"Content-Encoding: gzip" in received.head


def test_a_redirect_of_the_upstreams_leads_to_us(mock: MockServer, system: Upstream) -> None:
    for to, location in (
        ("UPSTREAM/a?b", f"{mock.url}/a?b"),
        ("/a?b", "/a?b"),
        ("a", "a"),
        ("http://else.test/a", "http://else.test/a"),
    ):
        answer = asked(mock, "/redirects", params={"to": to})
        assert (answer.status_code, answer.headers["Location"]) == (302, location)
    assert requests.get(f"{mock.url}/redirects?to=UPSTREAM/a", timeout=END_S).json()["target"] == "/a"


def test_a_redirect_in_a_world_leads_to_the_world(mock: MockServer) -> None:
    for to, location in (("UPSTREAM/a", f"{mock.url}/w/anna/a"), ("/a", "/w/anna/a"), ("a", "a")):
        assert asked(mock, "/w/anna/redirects", params={"to": to}).headers["Location"] == location


def test_cookies_are_such_that_a_browser_keeps_them(mock: MockServer) -> None:
    lines = asked(mock, "/cookies").raw.headers.getlist("Set-Cookie")
    assert lines == ["id=1; Path=/", "theme=dark; HttpOnly"]
    (world,) = [SimpleCookie(line) for line in asked(mock, "/w/anna/cookies").raw.headers.getlist("Set-Cookie")][:1]
    assert world["id"]["path"] == "/w/anna/"


@pytest.mark.parametrize("status", [204, 304, 404, 500])
def test_a_status_without_a_body_has_none(mock: MockServer, status: int) -> None:
    with connected(mock.port) as connection:
        connection.sendall(request(f"/bare/{status}", Connection="close"))
        received = heard(connection)
    assert received.received.startswith(f"HTTP/1.1 {status} ".encode())
    assert received.body == b""
    assert b'Etag: "a"' in received.head
    assert b"Transfer-Encoding" not in received.head


def test_head_is_head(mock: MockServer, system: Upstream) -> None:
    answer = asked(mock, "/sized", "HEAD")
    assert (answer.headers["Content-Length"], answer.headers["X-Size"], answer.content) == ("5", "5", b"")
    assert system.latest.method == "HEAD"


def test_an_answer_without_a_type_gets_none(mock: MockServer, system: Upstream) -> None:
    """A browser guesses then; octet-stream it would save to disk."""

    async def raw(asked: web.Request) -> web.StreamResponse:
        assert asked.transport is not None
        asked.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")
        asked.transport.close()
        return web.Response()

    with upstream({"/": raw}) as other, MockServer(forward=other.url) as mock:
        answer = asked(mock, "/")
    assert (answer.text, set(answer.headers)) == ("<html>", {"Content-Length", "Date"})


# --- who is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TASK, "/w/anna" + TASK])
def test_the_task_api_is_never_passed_on(mock: MockServer, system: Upstream, path: str) -> None:
    before = len(system.requests)
    for method in ("GET", "DELETE"):
        assert asked(mock, path, method, auth=("operator", "operator")).json()["traceId"]
    assert len(system.requests) == before


@pytest.mark.parametrize("path", ["/__admin/nothing", "/__admin/", "/w/anna/__admin/nothing", "/w/-/any", "/w/"])
def test_nor_is_what_is_ours(mock: MockServer, system: Upstream, path: str) -> None:
    before = len(system.requests)
    asked(mock, path)
    assert len(system.requests) == before


@pytest.mark.asyncio
async def test_without_control_routes_their_paths_are_ours_all_the_same(
    system: Upstream, aiohttp_client: AiohttpClient
) -> None:
    client = await aiohttp_client(create_app("failed-subtask", admin=False, forward=system.url))
    for path, status in (("/__admin/clock", 404), ("/w/anna/__admin/clock", 404), ("/any", 200)):
        async with client.get(path) as answer:
            assert answer.status == status


@pytest.mark.parametrize("path", ["/", "/any", "/api/v1/info", "/api/v2/tasks", "/api/v2/tasks/instances/1/more"])
def test_everything_else_is_and_needs_no_credentials_of_ours(mock: MockServer, path: str) -> None:
    assert asked(mock, path).json()["target"] == path
    assert asked(mock, f"/w/anna{path}").json()["target"] == path


def test_paths_can_be_narrowed(system: Upstream) -> None:
    with MockServer(forward=system.url, forward_paths=["/api/v1/*", "/login"]) as mock:
        assert asked(mock, "/w/anna/api/v1/info").status_code == 200
        assert asked(mock, "/login").status_code == 200
        refused = asked(mock, "/menu")
        assert (refused.status_code, asked(mock, "/login/x").status_code) == (404, 404)
    assert "--forward" in refused.headers["X-Mock-Hint"]


@pytest.mark.asyncio
async def test_embedded_it_knows_where_it_is(system: Upstream, aiohttp_client: AiohttpClient) -> None:
    outer = web.Application()
    outer.add_subapp("/mocks/ocp", create_app("failed-subtask", forward=system.url))
    client = await aiohttp_client(outer)
    async with client.get("/mocks/ocp/w/anna/redirects?to=/a", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/mocks/ocp/w/anna/a"


# --- pages of other origins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": GONE},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
        {"Origin": GONE, "Access-Control-Request-Method": "POST"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_page_is_refused_and_reads_nothing(
    mock: MockServer, system: Upstream, method: str, headers: dict[str, str]
) -> None:
    before = len(system.requests)
    answer = asked(mock, "/any", method, headers=headers)
    assert (answer.status_code, answer.json()["error"]["message"][:14]) == (403, "Not forwarded:")
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert len(system.requests) == before


def test_the_refusal_says_what_would_allow_it(mock: MockServer) -> None:
    assert asked(mock, "/any", headers={"Origin": GONE}).headers["X-Mock-Hint"].startswith(f"--allow-origin {GONE}")


@pytest.mark.asyncio
async def test_an_origin_that_is_allowed_is_passed_on(system: Upstream, aiohttp_client: AiohttpClient) -> None:
    app = create_app("failed-subtask", forward=system.url, allowed_origins=["http://localhost:5173"])
    client = await aiohttp_client(app)
    async with client.post("/any", headers={"Origin": "http://localhost:5173"}) as answer:
        assert answer.status == 200
    assert system.latest.headers["Origin"] == system.url


def test_a_forwarded_answer_has_only_the_upstreams_cors(mock: MockServer) -> None:
    for path, shared in (("/sharing", "http://theirs.test"), ("/sized", None)):
        answer = asked(mock, path, headers={"Origin": mock.url})
        assert answer.status_code == 200
        assert answer.headers.get("Access-Control-Allow-Origin") == shared
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_link_to_it_is_followed(mock: MockServer) -> None:
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert asked(mock, "/any", headers=sent).status_code == 200


# --- the journal, and the account ----------------------------------------------------------------------------------


def test_it_stands_in_the_journal_with_bodies_that_are_text(mock: MockServer) -> None:
    asked(mock, "/any?a=1", "POST", json={"user": "ann", "password": "secret"})
    asked(mock, "/compressed")
    asked(mock, "/any", "POST", data=b"\0\1", headers={"Content-Type": "image/png"})
    text, packed, binary = mock.requests(kind="forwarded")
    assert (text["method"], text["path"], text["status"], text["operation"]) == ("POST", "/any", 200, None)
    assert text["requestBody"] == {"user": "ann", "password": "[redacted]"}
    assert text["responseBody"]["target"] == "/any?a=1"
    assert (packed["status"], packed["responseBody"]) == (200, None)
    assert binary["requestBody"] is None


def test_a_refusal_stands_there_too(mock: MockServer) -> None:
    asked(mock, "/any", headers={"Origin": GONE})
    (entry,) = mock.requests()
    assert (entry["kind"], entry["status"], entry["clientError"]) == ("refused", 403, None)


def test_each_world_has_its_own(mock: MockServer) -> None:
    asked(mock, "/w/forward-anna/any")
    asked(mock, "/any", headers={"X-Mock-World": "forward-anna"})
    assert mock.requests() == []
    found = asked(mock, "/w/forward-anna/__admin/requests").json()["requests"]
    assert [one["path"] for one in found] == ["/w/forward-anna/any", "/any"]


def test_the_account_is_the_apis_alone(mock: MockServer) -> None:
    before = mock.contract()
    for path, headers in (("/any", {}), ("/any", {"Origin": GONE}), ("/any", {"X-Mock-Fault": "none"})):
        asked(mock, path, headers=headers)
    assert mock.contract() == before


def test_a_journal_with_bodies_stays_within_its_bytes(mock: MockServer) -> None:
    asked(mock, "/any", "POST", data="x" * 100_000, headers={"Content-Type": "text/plain"})
    (entry,) = mock.requests()
    assert entry["truncated"] is True
    assert len(entry["requestBody"]) == len(entry["responseBody"]) == 16 * 1024
