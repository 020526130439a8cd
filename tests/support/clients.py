"""Real clients, and worlds in the form of a fixture file: what the tests of the routes talk with and about."""

import json
import re
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from processes import END_S

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


class Client:
    """A blocking client of one server, over one connection that it keeps open."""

    def __init__(self, mock: MockServer) -> None:
        self.mock = mock
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, self.mock.url + path, timeout=END_S, **options)

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
        self._session.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def filled(path: str) -> str:
    """A control route's path with something in each of its holes: there is no such thing."""
    return re.sub(r"\{\w+\}", "17", path)


def said(answer: requests.Response) -> tuple[int, int | None]:
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
