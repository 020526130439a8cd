"""Faults on what is passed on: rules that name a path, and a request's own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from aiohttp import web
from processes import END_S
from raw_sockets import connected, heard, request
from upstreams import MEGABYTE, Upstream, upstream

from mockserver import MockServer

TEXT = "ten signs!"


async def text(_: web.Request) -> web.Response:
    return web.Response(text=TEXT)


async def large(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * 2 * MEGABYTE)


async def events(asked: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(asked)
    await answer.write(b"data: 1\n\n")
    return answer


@pytest.fixture(scope="module")
def system() -> Iterator[Upstream]:
    with upstream({"/text": text, "/large": large, "/events": events}) as running:
        yield running


@pytest.fixture(scope="module")
def server(system: Upstream) -> Iterator[MockServer]:
    with MockServer("failed-subtask", forward=system.url) as mock:
        yield mock


@pytest.fixture
def mock(server: MockServer, system: Upstream) -> MockServer:
    server.reset()
    system.requests.clear()
    return server


def asked(mock: MockServer, path: str = "/text", method: str = "GET", **more: Any) -> requests.Response:
    return requests.request(method, mock.url + path, timeout=END_S, **more)


def received(mock: MockServer, path: str = "/text") -> Any:
    with connected(mock.port) as connection:
        connection.sendall(request(path, Connection="close"))
        return heard(connection)


def test_an_error_takes_the_place_of_the_answer(mock: MockServer, system: Upstream) -> None:
    mock.fault(path="/te*", error={"status": 503, "message": "Maintenance", "headers": {"X-A": "b"}}, times=1)
    answer = asked(mock)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "Maintenance")
    assert (answer.headers["X-Mock-Rule"], answer.headers["X-A"]) == ("fault-1", "b")
    assert not system.requests
    assert asked(mock).text == TEXT
    first, second = mock.requests()
    assert (first["rule"], first["effect"], first["status"]) == ("fault-1", "error", 503)
    assert (second["rule"], second["effect"], second["status"]) == (None, None, 200)


@pytest.mark.parametrize("rule", [{}, {"method": "GET"}, {"user": "anonymous"}, {"operation": "retrySubtask"}])
def test_only_a_rule_with_a_path_reaches_it(mock: MockServer, rule: Any) -> None:
    mock.fault(error={"status": 503}, **rule)
    assert asked(mock).status_code == 200
    assert mock.faults()[0]["hits"] == 0


def test_a_path_with_a_method_reaches_it_too(mock: MockServer) -> None:
    mock.fault(error={"status": 503}, path="*", method="PUT")
    assert (asked(mock).status_code, asked(mock, method="PUT").status_code) == (200, 503)


def test_after_it_happens_and_the_answer_is_lost(mock: MockServer, system: Upstream) -> None:
    mock.fault(error={"status": 500}, path="*", when="after")
    assert asked(mock, "/any", "POST", data=b"abc").status_code == 500
    assert [one.method for one in system.requests] == ["POST"]


def test_a_response_may_be_anything(mock: MockServer, system: Upstream) -> None:
    mock.fault(path="*", response={"status": 200, "headers": {"X-A": "b"}, "body": {"any": "thing"}})
    answer = asked(mock)
    assert (answer.status_code, answer.json(), answer.headers["X-A"]) == (200, {"any": "thing"}, "b")
    assert "X-Mock-Contract" not in answer.headers
    assert not system.requests


def test_a_rate_limit_counts_it(mock: MockServer) -> None:
    mock.fault(path="/text", rate_limit={"limit": 1, "perSeconds": 60})
    assert [asked(mock).status_code for _ in range(2)] == [200, 429]


def test_a_delay_comes_before_and_the_upstream_is_asked_then(mock: MockServer, system: Upstream) -> None:
    mock.fault(path="*", fixed_delay_milliseconds=60_000)
    with connected(mock.port) as connection:
        connection.sendall(request("/text"))
        connection.settimeout(0.05)
        assert heard(connection) == (b"", "silent")
        assert not system.requests
        mock.clear_faults()
        connection.settimeout(END_S)
        assert heard(connection) == (b"", "closed")
    assert not system.requests


def test_a_short_delay_is_only_that(mock: MockServer) -> None:
    mock.fault(path="*", fixed_delay_milliseconds=1)
    answer = asked(mock)
    assert (answer.text, answer.headers["X-Mock-Rule"]) == (TEXT, "fault-1")


@pytest.mark.parametrize(
    ("fault", "end"),
    [("CONNECTION_RESET_BY_PEER", "reset"), ("EMPTY_RESPONSE", "closed"), ("RANDOM_DATA_THEN_CLOSE", "closed")],
)
def test_a_connection_breaks(mock: MockServer, system: Upstream, fault: str, end: str) -> None:
    mock.fault(path="*", fault=fault)
    assert received(mock).end == end
    assert not system.requests
    assert mock.requests()[0]["effect"] == fault


def test_truncation_needs_the_whole_and_gets_it(mock: MockServer) -> None:
    mock.fault(path="*", truncate_body_at_fraction=0.5)
    answer = received(mock)
    assert (answer.body, answer.end) == (TEXT[:5].encode(), "closed")
    assert b"Content-Length: 10" in answer.head


def test_so_does_dribble(mock: MockServer) -> None:
    mock.fault(path="*", chunked_dribble_delay={"numberOfChunks": 2, "totalDuration": 1})
    answer = asked(mock)
    assert (answer.text, answer.headers["Transfer-Encoding"]) == (TEXT, "chunked")
    assert mock.requests()[0]["responseBody"] == TEXT


@pytest.mark.parametrize("path", ["/large", "/events"])
def test_what_is_large_or_has_no_end_is_passed_on_whole(mock: MockServer, path: str) -> None:
    whole = asked(mock, path).content
    mock.fault(path="*", truncate_body_at_fraction=0.5)
    assert asked(mock, path).content == whole
    assert mock.requests()[-1]["effect"].startswith("truncateBodyAtFraction: not done")


def test_there_is_no_contract_to_be_violated(mock: MockServer) -> None:
    mock.fault(path="*", violate="random")
    assert asked(mock).text == TEXT
    assert mock.faults()[0]["hits"] == 0


def test_a_request_asks_for_its_own(mock: MockServer, system: Upstream) -> None:
    own = {"X-Mock-Fault": json.dumps({"error": {"status": 418}})}
    assert asked(mock, headers=own).status_code == 418
    assert asked(mock, headers={"X-Mock-Fault": "nonsense"}).status_code == 400
    assert asked(mock, headers={"Prefer": "code=418"}).status_code == 418
    assert not system.requests


def test_no_fault_of_it_is_in_the_account(mock: MockServer) -> None:
    mock.fault(path="*", fault="EMPTY_RESPONSE", times=1)
    mock.fault(path="*", response={"status": 200}, times=1)
    before = mock.contract()
    received(mock)
    received(mock)
    assert mock.contract()["deliberatelyInvalid"] == before["deliberatelyInvalid"]
