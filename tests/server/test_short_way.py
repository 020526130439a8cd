"""The short way to the API, past aiohttp's application: what comes back is the same as by the usual way."""

import re
import socket
from typing import Any, Final

import pytest
from clients import failed_world
from processes import END_S

from mockserver import MockServer
from mockserver.server import runner
from mockserver.server.routing import ShortWay

TARGETS: Final = (
    "/api/v2/tasks/instances/1000",
    "/api/v2/tasks/instances/1000/",
    "/api/v2/tasks/instances/1000/subtasks/10001",
    "/api/v2/tasks/instances",
    "/api/v2/tasks/instances?size=1",
    "/api/v2/tasks/instances?size=0",
    "/api/v2/tasks/instances#part",
    "/api/v2/tasks/instances/%31000",
    "/api/v2/tasks%2Finstances",
    "/api/v2/tasks/instances/\xe9",
    "/api/v2//tasks/instances",
    "/api/v2/./tasks/instances",
    "/api/v2/",
    "/api/v2",
    "/api/v20/tasks/instances",
    "/api/tasks/instances",
    "/api/nothing",
    "/w/anna/api/v2/tasks/instances/1000",
    "/openapi.json",
    "/",
    "http://127.0.0.1/api/v2/tasks/instances/1000",
)
HEADERS: Final = ("", "X-Mock-World: anna\r\n", "Origin: http://localhost:3000\r\n", "Expect: 100-continue\r\n")


def asked(mock: MockServer, method: str, target: str, headers: str = "") -> bytes:
    """The whole answer, but for its Date."""
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    with socket.create_connection(("127.0.0.1", mock.port), timeout=END_S) as connection:
        connection.sendall(head.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return re.sub(rb"Date: [^\r]*", b"", answer)


def usually(usual: Any, *_: object) -> Any:
    return usual


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two servers alike, of which the second knows the usual way only."""
    options: dict[str, Any] = {"seed": 7, "api_prefixes": ("/api", "/api/v2")}
    with MockServer(failed_world(), **options) as short:
        monkeypatch.setattr(runner, "ShortWay", usually)
        with MockServer(failed_world(), **options) as long:
            yield short, long


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PURGE"])
def test_every_answer_is_the_same(both: tuple[MockServer, MockServer], method: str) -> None:
    short, long = both
    for target in TARGETS:
        for headers in HEADERS:
            assert asked(short, method, target, headers) == asked(long, method, target, headers), (target, headers)


def test_a_retry_is_the_same(both: tuple[MockServer, MockServer]) -> None:
    target = "/api/v2/tasks/instances/1000/subtasks/10001/retry"
    answers = [[asked(mock, "POST", target) for _ in range(2)] for mock in both]
    assert answers[0] == answers[1]
    assert b'"READY"' in answers[0][0]


def test_it_is_gone_by_the_api_and_by_nothing_else() -> None:
    """Or these tests would compare the usual way with itself."""
    ways: list[str] = []

    class Watched(ShortWay):
        async def __call__(self, request: Any) -> Any:
            answer = await super().__call__(request)
            ways.append("usual" if request._match_info is not None else "short")
            return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runner, "ShortWay", Watched)
        with MockServer(failed_world()) as mock:
            for target in ("/api/v2/tasks/instances/1000", "/api/v2/tasks/instances?size=1", "/__admin/health"):
                asked(mock, "GET", target)
    assert ways == ["short", "usual", "usual"]
