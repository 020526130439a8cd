"""Real clients, and worlds in the form of a fixture file: what the tests of the routes talk with and about."""

import gzip
import json
import re
from base64 import b64encode
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from processes import END_S
from requests.structures import CaseInsensitiveDict
from urllib3.util.wait import wait_for_read

from mockserver import MockServer

Json = dict[str, Any]
API: Final = "/api/v2"
TASKS: Final = f"{API}/tasks/instances"
TASK: Final = f"{TASKS}/1000"
SUBTASK: Final = f"{TASK}/subtasks/10001"
RETRY: Final = f"{SUBTASK}/retry"
START: Final = "2021-08-25T15:10:13+08:00"
"""Where a manual clock starts."""
FOREVER: Final[Json] = {"status": "RUNNING", "runs": [{"duration": "never"}], "timeout": 0}


def failed_world(**more: Any) -> Json:
    """A task whose middle subtask has FAILED; its retry fails once more after 4 s and then succeeds."""
    runs = [{"outcome": "FAILED", "duration": "4s"}, {"outcome": "SUCCESSFUL"}]
    subtasks = [
        {"id": 10000, "status": "SUCCESSFUL"},
        {"id": 10001, "status": "FAILED", "upstreams": [10000], "runs": runs},
        {"id": 10002, "upstreams": [10001]},
    ]
    return {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "subtasks": subtasks}], **more}


def world_of(count: int) -> Json:
    """One task with so many subtasks."""
    return {"tasks": [{"id": 1, "subtasks": [{"id": id} for id in range(1, count + 1)]}]}


PLAIN: Final = re.compile(r"(?:/[\w-][\w.~-]*)+(?:\?[\w.~=&-]*)?", re.ASCII)
"""A path that requests would send as it is."""


class Client:
    """A blocking client of one server, over one connection that it keeps open.

    It answers and fails as requests does. What requests would only pass on goes out by the standard library, which
    takes a third of the time: thousands of tests wait for it.
    """

    def __init__(self, mock: MockServer) -> None:
        self.mock = mock
        self._plain: HTTPConnection | None = None
        self._session: requests.Session | None = None

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        body, headers, auth = options.get("data"), options.get("headers") or {}, options.get("auth")
        is_plain = options.keys() <= {"json", "data", "headers", "auth"} and isinstance(body, str | bytes | None)
        is_plain = is_plain and isinstance(auth, tuple | None)
        if is_plain and PLAIN.fullmatch(path) and not path.endswith("/__admin"):  # which redirects
            if options.get("json") is not None and not body:
                body = json.dumps(options["json"], allow_nan=False)
                headers = {"Content-Type": "application/json", **headers}
            if auth is not None:
                headers = {**headers, "Authorization": "Basic " + b64encode(":".join(auth).encode("latin-1")).decode()}
            return self._send(method, path, body.encode() if isinstance(body, str) else body, headers)
        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False
        return self._session.request(method, self.mock.url + path, timeout=END_S, **options)

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> requests.Response:
        sent = requests.utils.default_headers()
        sent.update(headers)
        if body is None and method not in ("GET", "HEAD"):
            body = b""  # of which the length is sent
        connection, prefix = self._connection()
        begun = monotonic()
        try:
            connection.request(method, prefix + path, body, dict(sent))
            received = connection.getresponse()
            content = received.read()
            if received.getheader("Content-Encoding") == "gzip" and content:
                content = gzip.decompress(content)
        except (OSError, HTTPException) as error:
            connection.close()
            raise requests.ConnectionError(error) from error
        answer = requests.Response()
        answer.status_code, answer.reason, answer.url = received.status, received.reason, self.mock.url + path
        answer.headers = _joined(received.getheaders())
        answer.encoding = requests.utils.get_encoding_from_headers(answer.headers)
        answer._content, answer.elapsed = content, timedelta(seconds=monotonic() - begun)
        return answer

    def _connection(self) -> tuple[HTTPConnection, str]:
        """And what its server's URL has before every path."""
        parts = urlsplit(self.mock.url)
        plain = self._plain
        if plain is None or (plain.host, plain.port) != (parts.hostname, parts.port):
            self.close()
            plain = self._plain = HTTPConnection(parts.hostname or "", parts.port, timeout=END_S)
        elif plain.sock is not None and wait_for_read(plain.sock, timeout=0):
            plain.close()  # the server has hung up; the next request opens another
        return plain, parts.path

    def get(self, path: str, **options: Any) -> requests.Response:
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self("POST", path, **options)

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """A control call that succeeds: what it answers."""
        answer = self(method, f"/__admin{path}", json=body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def fault(self, status: int = 503, **rule: Any) -> Json:
        """Adds a rule that answers with an error of this status."""
        added: Json = self.admin("POST", "/faults", {"error": {"status": status}, **rule})
        return added

    def state(self) -> Json:
        """The whole world, but for the number of requests that it has answered."""
        state: Json = self.admin("GET", "/state")
        del state["counters"]["trace"]
        return state

    def latest(self, below: str = "") -> Any:
        """Of the request that the journal has last: the whole of it, or what there is `below` its path."""
        number = self.admin("GET", "/requests")["total"]
        return self.admin("GET", f"/requests/{number}{below}")

    def subtasks(self) -> list[str]:
        """How the subtasks of task 1000 stand."""
        return [one["status"] for one in self.state()["tasks"][0]["subtasks"]]

    def close(self) -> None:
        for one in (self._plain, self._session):
            if one is not None:
                one.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _joined(fields: list[tuple[str, str]]) -> CaseInsensitiveDict[str]:
    """Header fields of one name are one, as for requests."""
    found: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for name, value in fields:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def filled(path: str) -> str:
    """A control route's path with something in each of its holes: there is no such thing."""
    return re.sub(r"\{\w+\}", "17", path)


def said(answer: requests.Response) -> tuple[int, int | str | None]:
    """HTTP status and error code; no code where it succeeded."""
    error = answer.json().get("error")
    return answer.status_code, None if error is None else error["code"]


def as_sent(url: str, method: str, path: str, **headers: str) -> tuple[int, Json]:
    """Status and JSON of a request whose path goes out as it is; requests would have tidied it up."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=END_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
