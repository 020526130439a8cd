"""Clients that do to a server whatever clients do, and keep account of what it has to answer for."""

import json
import socket
import struct
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from http.client import HTTPConnection, HTTPException
from random import Random
from threading import Event
from time import monotonic
from typing import Any, Final

from clients import RETRY, SUBTASK, TASK, TASKS, failed_world
from processes import END_S
from raw_sockets import connected

SMALL: Final = json.dumps(failed_world(clock={"mode": "real", "speed": 100})).encode()
LARGE: Final = json.dumps(
    {"tasks": [{"id": id, "subtasks": [{"id": id * 100 + n} for n in range(40)]} for id in range(1, 26)]}
).encode()
"""A world of 1,000 subtasks."""
JSON: Final = {"Content-Type": "application/json"}
LEISURE_S: Final = 0.1
LEISURE: Final = 8
"""Times what the last step took, at most: so most clients are at rest at any time, also on a machine that is slow."""
FAULTS: Final = (
    {"error": {"status": 503}},
    {"error": {"status": 401}},
    {"fixedDelayMilliseconds": 20},
    {"violate": "random"},
    {"truncateBodyAtFraction": 0.5},
    {"fault": "CONNECTION_RESET_BY_PEER"},
    {"fault": "EMPTY_RESPONSE"},
    {"fault": "MALFORMED_RESPONSE_CHUNK"},
)


class Soaking:
    """One of them: it has a world of its own (`base`), or is one of those that share the one without a name."""

    def __init__(self, number: int, port: int) -> None:
        self.base = f"/w/client-{number}" if number % 2 else ""
        self.tally: Counter[str] = Counter()
        """What it had answered: `replies`, of which `odd` are deliberately invalid; `journal`, of the API's requests
        since the count last began; `refused`, of the world without a name, likewise; and each thing it did."""
        self._port = port
        self._dice = Random(number)
        self._connection: HTTPConnection | None = None
        self._content = b""
        """Of the latest answer."""
        self.steps: dict[str, Callable[[], None]] = {
            "read": self.read,
            "operate": self.operate,
            "meet a fault": self.meet_fault,
            "look": self.look,
            "break an upload off": self.break_off,
            "leave an answer": self.leave_answer,
            "leave a stream": self.leave_stream,
            "send no HTTP": self.send_no_http,
        }
        self.resets = {"reset": self.reset, "reload": self.reload, "put": self.put}
        """What begins a journal anew, or may be refused for that."""

    def run(self, steps: Mapping[str, Callable[[], None]], count: int, end: float, failed: Event) -> None:
        """At most so many of them, until `end` (of the monotonic clock) at most, or until another has `failed`."""
        took = 0.0
        try:
            for _ in range(count):
                if monotonic() > end or failed.wait(self._dice.random() * (LEISURE_S + LEISURE * took)):
                    break
                name, began = self._dice.choice(list(steps)), monotonic()
                steps[name]()
                self.tally[name] += 1
                took = monotonic() - began
        except BaseException:
            failed.set()
            raise

    # --- what it does ------------------------------------------------------------------------------------------------

    def read(self) -> None:
        for path in (TASKS, TASK, f"{SUBTASK}/log", f"{TASKS}?page=1&size=5"):
            self.ask("GET", path)

    def operate(self) -> None:
        """Its own way is to fail, so that there is always something to retry."""
        for path in (RETRY, f"{SUBTASK}/skip", f"{TASK}/retry", f"{TASK}/rollback"):
            self.ask("POST", path)
        self.control("PATCH", "/tasks/1000/subtasks/10001", b'{"status": "FAILED"}', {200, 404, 422})

    def meet_fault(self) -> None:
        fault = self._dice.choice(FAULTS)
        self.tally["journal"] += 1
        self.tally["replies"] += 1
        try:
            answer, verdict = self._asked("GET", f"{self.base}{TASKS}", headers={"X-Mock-Fault": json.dumps(fault)})
        except (HTTPException, ConnectionError, TimeoutError):
            self.hang_up()
            self.tally["odd"] += 1
        else:
            self.tally["odd"] += verdict == "deliberately-invalid"
            assert answer in (200, 401, 503), (fault, answer)

    def look(self) -> None:
        for path in ("/tasks", "/requests?limit=20", "/history?limit=20", "/clock", "/state"):
            self.control("GET", path)

    def break_off(self) -> None:
        """When the server is reading the body: a large one that it says is coming."""
        path, kind = self._dice.choice([("/__admin/state", "PUT"), (RETRY, "POST")])
        head = f"{kind} {self.base}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with connected(self._port) as connection:
            connection.sendall(f"{head}Content-Length: {250 * 10**6}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100 "), "it is reading"
            connection.sendall(b" " * self._dice.choice((1, 1000, 500_000)))
        self.tally["replies"] += path == RETRY
        self.tally["journal"] += path == RETRY

    def leave_answer(self) -> None:
        with connected(self._port) as connection:
            connection.sendall(f"GET {self.base}/__admin/requests HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(12) == b"HTTP/1.1 200"
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def leave_stream(self) -> None:
        with connected(self._port) as connection:
            connection.sendall(f"GET {self.base}/__admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            received = b""
            while b"event: hello" not in received:
                received += connection.recv(65536)

    def send_no_http(self) -> None:
        with connected(self._port) as connection:
            connection.sendall(b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.0 400"
        self.tally["replies"] += 1
        self.tally["refused"] += 1

    def reset(self) -> None:
        self.control("POST", "/reset")

    def reload(self) -> None:
        self.control("POST", "/fixtures/reload")

    def put(self) -> None:
        self.control("PUT", "/state", self._dice.choice((SMALL, LARGE)), {200, 409})

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str) -> None:
        status, verdict = self._asked(method, self.base + path)
        assert (status in (200, 400, 404), verdict) == (True, "valid"), (path, status)
        self.tally["journal"] += 1
        self.tally["replies"] += 1

    def told(self, path: str) -> Any:
        """Of a control route."""
        self.control("GET", path)
        return json.loads(self._content)

    def control(self, method: str, path: str, body: bytes | None = None, statuses: Collection[int] = (200,)) -> None:
        status, verdict = self._asked(method, f"{self.base}/__admin{path}", body)
        assert (status in statuses, verdict) == (True, "valid"), (path, status)

    def _asked(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, str | None]:
        """Status and verdict."""
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self._port, timeout=END_S)
        self._connection.request(method, path, body, {**headers, **(JSON if body else {})})
        answer = self._connection.getresponse()
        self._content = answer.read()
        return answer.status, answer.headers["X-Mock-Contract"]

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
