"""In front and by aiohttp alone: the same request gets the same bytes, and leaves the same in journal and account.

What the front makes of anything that is not a plain request is in test_front, against a stub.
"""

import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Json
from processes import END_S

from mockserver import MockServer
from mockserver.contract.operations import OPERATIONS
from mockserver.server import answer
from mockserver.server.front.reader import PlainRequest
from mockserver.world.worlds import Site

FORWARD: Final = {"X-Forwarded-For": "10.0.0.1", "Cookie": "a=b", "Accept-Encoding": "gzip", "User-Agent": "curl/8"}
BASIC: Final = {
    "operator": "Basic b3BlcmF0b3I6b3BlcmF0b3I=",
    "viewer": "Basic dmlld2VyOnZpZXdlcg==",
    "nobody": "Basic bm9ib2R5Om5vYm9keQ==",
    "broken": "Basic ???",
    "other": "Bearer x",
}
TARGETS: Final = (
    f"{TASKS}?size=1",
    f"{TASKS}?size=0",
    f"{TASK}#part",
    "/api/v2/tasks/instances/%31000",
    "/api/v2/tasks%2Finstances",
    "/api/v2/tasks/instances/\xe9",
    "/api/v2//tasks/instances",
    "/api/v2/./tasks/instances",
    f"{TASK}/",
    "/api/v2/",
    "/api/v2",
    "/api/v20/tasks/instances",
    "/api/tasks/instances",
    "/api/nothing",
    f"/w/anna{TASK}",
    "/openapi.json",
    "/",
    f"http://127.0.0.1{TASK}",
    f"{TASKS}/0{2**70}",
    f"{TASKS}/{2**63}",
    f"{TASKS}/7",
    f"{TASK}/subtasks/7",
    f"{TASK}/subtasks/7/retry",
)


def fixture(**more: Any) -> Json:
    """Something for each operation to act on, and to be refused by."""
    subtasks = [
        {"id": 10000, "status": "SUCCESSFUL", "log": "done\n"},
        {"id": 10001, "status": "FAILED", "upstreams": [10000], "runs": [{"outcome": "FAILED", "duration": 0}]},
        {"id": 10002, "upstreams": [10001]},
    ]
    users = {
        "operator": {"password": "operator", "permissions": ["TASK_MANAGER"]},
        "viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"]},
    }
    return {
        "clock": {"mode": "manual"},
        "seed": 7,
        "users": users,
        "tasks": [{"id": 1000, "subtasks": subtasks}, {"id": 1001, "subtasks": [{"id": 11000, "status": "RUNNING"}]}],
        **more,
    }


class Way:
    """A server, and a connection to it that stays."""

    def __init__(self, mock: MockServer) -> None:
        self.mock = mock
        self.in_front = 0
        self._connection: socket.socket | None = None

    def ask(self, method: str, target: str, headers: Mapping[str, str]) -> bytes:
        """The whole answer, but for its Date."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self.mock.port), timeout=END_S)
        self._connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode("latin-1"))
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, content = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length is not None and method != "HEAD" and len(content) < int(length[1]):
            content += self._received()
        if length is None or b"Connection: close" in head:
            self.hang_up()
        return re.sub(rb"\r\nDate: [^\r]*", b"", head) + b"\r\n\r\n" + content

    def _received(self) -> bytes:
        assert self._connection is not None
        received = self._connection.recv(65536)
        assert received, "the server has hung up"
        return received

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def left(self) -> object:
        """What is told of the requests: journal (but for how long each took), account and world."""
        journal = [{**entry, "duration": None} for entry in self.mock.requests()]
        return journal, self.mock.contract(), self.mock.state()


class Both:
    def __init__(self, front: Way, aiohttp: Way) -> None:
        self.front, self.aiohttp = front, aiohttp

    def ask(self, method: str, target: str, headers: Mapping[str, str] = {}) -> bytes:
        one, other = (way.ask(method, target, headers) for way in (self.front, self.aiohttp))
        assert one == other
        return one

    def __iter__(self) -> Iterator[Way]:
        return iter((self.front, self.aiohttp))


@pytest.fixture
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """Two servers alike, of which the second answers nothing in front."""
    at_once, more = answer.at_once, getattr(request, "param", {})

    def counted(site: Site, plain: PlainRequest) -> bytes | None:
        response = at_once(site, plain)
        ways.front.in_front += response is not None
        return response

    options: dict[str, Any] = {"api_prefixes": ("/api", "/api/v2")}
    monkeypatch.setattr(answer, "at_once", counted)
    with MockServer(fixture(**more), **options) as front:
        monkeypatch.setattr(answer, "at_once", lambda *_: None)
        with MockServer(fixture(**more), **options) as aiohttp:
            ways = Both(Way(front), Way(aiohttp))
            yield ways
            assert ways.front.left() == ways.aiohttp.left()
            for way in ways:
                way.hang_up()


def targets() -> list[tuple[str, str]]:
    """Every operation, of what is there and of what is not."""
    return [
        (one.method, "/api/v2" + one.path.format(taskInstanceId=task, subtaskInstanceId=subtask))
        for one in OPERATIONS.values()
        for task, subtask in ((1000, 10001), (1000, 10002), (1001, 11000), (1000, 9), (9, 9), ("x", "-1"))
    ]


EVERYTHING: Final = {b"200", b"400", b"404"}
UNKNOWN: Final = {b"401"}
MET: Final[dict[str, tuple[set[bytes], set[bytes]]]] = {
    "operator": (EVERYTHING, EVERYTHING),
    "viewer": ({b"200", b"400", b"403", b"404"},) * 2,
    "nobody": (UNKNOWN, UNKNOWN),
    "broken": (UNKNOWN, UNKNOWN),
    "other": (EVERYTHING, UNKNOWN),
    "": (EVERYTHING, UNKNOWN),
}
"""In open, and in basic."""
MODES: Final = ("open", "basic")


@pytest.mark.parametrize(
    ("both", "user", "met"),
    [({"auth": mode}, user, met) for user, all_met in MET.items() for mode, met in zip(MODES, all_met, strict=True)],
    indirect=["both"],
)
def test_every_operation_and_every_refusal(both: Both, user: str, met: set[bytes]) -> None:
    headers = {"Authorization": BASIC[user]} if user else {}
    answers = [both.ask(method, target, headers) for method, target in targets()]
    assert both.front.in_front == len(answers)
    assert {answer[9:12] for answer in answers} == met


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PURGE"])
def test_what_is_another_path_or_method(both: Both, method: str) -> None:
    for target in TARGETS:
        for way in both:
            way.hang_up()  # or everything after the first that is not plain would go aiohttp's way
        both.ask(method, target)


@pytest.mark.parametrize(
    "headers",
    [
        FORWARD,
        {"connection": "keep-alive", "content-length": "0"},
        {"CONNECTION": "KEEP-ALIVE", "ACCEPT": "*/*", "AUTHORIZATION": BASIC["operator"]},
        {"Connection": "close"},
        {"Origin": "http://localhost:3000"},
        {"Prefer": "code=503"},
        {"X-Mock-Fault": '{"error": {"status": 500}}'},
        {"X-Mock-Fault": "no JSON"},
        {"X-Mock-World": "anna"},
        {"X-Mock-World": "no name"},
        {"X-Anything": "\xe9"},
        {"Authorization": "Basic \xe9"},
    ],
)
def test_every_header(both: Both, headers: dict[str, str]) -> None:
    for method, target in (("GET", TASK), ("POST", RETRY), ("GET", RETRY), ("GET", f"{SUBTASK}/log")):
        both.ask(method, target, headers)


RULES: Final[list[Json]] = [
    {"error": {"status": 503}, "times": 1},
    {"error": {"status": 503}, "operation": "retrySubtask", "skip": 1},
    {"violate": "random", "taskInstanceId": 1000},
    {"response": {"status": 200, "body": {"a": 1}}, "user": "anonymous"},
    {"fixedDelayMilliseconds": 1, "probability": 0.5},
    {"rateLimit": {"limit": 2, "perSeconds": 1}},
    {"truncateBodyAtFraction": 1, "subtaskInstanceId": 10001, "times": 1},
]


@pytest.mark.parametrize("both", [{"faults": [rule]} for rule in RULES], indirect=True, ids=map("-".join, RULES))
def test_every_fault(both: Both) -> None:
    for _ in range(2):
        for method, target in (("GET", TASK), ("POST", RETRY), ("POST", f"{TASK}/retry"), ("GET", f"{TASKS}/1001")):
            for way in both:
                way.hang_up()
            both.ask(method, target)


@pytest.mark.parametrize("both", [{"faults": [{"error": {"status": 503}, "taskInstanceId": 1001}]}], indirect=True)
def test_a_rule_for_others_leaves_a_request_in_front(both: Both) -> None:
    both.ask("GET", TASK)
    assert both.front.in_front == 1
    both.ask("GET", f"{TASKS}/1001")
    assert both.front.in_front == 1


def test_a_denial_counts(both: Both) -> None:
    for way in both:
        way.mock.deny("TASK_MANAGER", times=1)
    assert [both.ask("POST", RETRY)[9:12] for _ in range(2)] == [b"403", b"200"]
    assert both.front.in_front == 2


STUBS: Final[list[Json]] = [
    {"jsonBody": {"a": [1, "ä"]}},
    {"status": 503, "body": "down", "headers": {"X-Two": ["1", "2"], "x-mock-hint": "mine"}},
    {"status": 302, "headers": {"Location": "/login"}},
    {"status": 404, "body": "", "headers": {"content-type": "text/html"}},
    {"body": "late", "fixedDelayMilliseconds": 1},
    {"body": "x", "headers": {"Date": "Tue, 17 Jan 2023 04:14:02 GMT", "Server": "theirs"}},
    {"body": "x" * 70_000},
    {"status": 204},
]


@pytest.mark.parametrize("both", [{"stubs": [{"response": one}]} for one in STUBS], indirect=True)
def test_a_stub(both: Both) -> None:
    for method, headers in (("GET", {}), ("POST", {"Authorization": BASIC["nobody"]}), ("GET", {"Cookie": "a=b"})):
        both.ask(method, "/api/v2/info", headers)


def test_a_stub_s_request_is_in_the_journal_as_the_stub_s(both: Both) -> None:
    for way in both:
        way.mock.stub({"response": {"jsonBody": {}}})
    both.ask("GET", "/api/v2/info")
    assert both.front.in_front == 1
    assert [way.mock.requests()[-1]["kind"] for way in both] == ["stub", "stub"]
