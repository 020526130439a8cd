"""The seed's flow, with curl: a subtask has FAILED and is retried until it succeeds."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from clients import RETRY, TASK, Json
from processes import END_S, needed

from mockserver import MockServer

FIELDS = {
    *("id", "name", "seriesId", "description", "className", "timeout", "status", "operation", "executor", "runTime"),
    *("context", "createTime", "startTime", "finishTime", "nodeType", "parallelIdx", "upstreams", "downstreams"),
    "prohibitRollback",
}
"""The nineteen of the seed, as its sample spells them."""
ENVELOPE = {"data", "successful", "timestamp", "duration", "status", "traceId", "server"}


@pytest.fixture
def url() -> Iterator[str]:
    with MockServer("failed-subtask") as mock:
        yield mock.url


def curl(*arguments: str) -> tuple[int, Any]:
    """HTTP status and body of what curl gets."""
    command = [needed("curl"), "-sS", "-w", "\n%{http_code}", "--noproxy", "*", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=True)
    body, _, status = ended.stdout.rpartition("\n")
    return int(status), json.loads(body)


def retry(url: str) -> tuple[int, Any]:
    return curl("-X", "POST", url + RETRY)


def advance(url: str, **how: str) -> Json:
    asked = ["-H", "Content-Type: application/json", "-d", json.dumps(how)]
    status, answer = curl("-X", "POST", f"{url}/__admin/clock/advance", *asked)
    assert status == 200
    return answer  # type: ignore[no-any-return]  # JSON is Any


def task(url: str) -> tuple[str, list[str]]:
    """How the task stands, and how its subtasks do."""
    _, answer = curl(url + TASK)
    return answer["data"]["status"], [one["status"] for one in answer["data"]["subtasks"]]


def test_a_retry_answers_with_every_documented_field(url: str) -> None:
    """READY / RETRY with one more runTime, in an envelope; and nothing that the seed does not list."""
    status, answer = retry(url)
    assert status == 200
    assert answer.keys() == ENVELOPE
    assert answer["data"].keys() == FIELDS
    assert len(FIELDS) == 19
    assert {"status": "READY", "operation": "RETRY", "runTime": 2, "id": 10001}.items() <= answer["data"].items()
    assert (answer["successful"], answer["status"], answer["server"]) == (True, 200, "192.168.0.10")
    assert (answer["duration"], answer["timestamp"]) == (0, "2021-08-25T15:10:13.121+08:00")


def test_a_retry_leaves_the_times_of_the_run_that_failed(url: str) -> None:
    """startTime is the first start and finishTime the last end, until it runs."""
    _, before = curl(url + TASK)
    _, answer = retry(url)
    failed = before["data"]["subtasks"][1]
    assert {key: answer["data"][key] for key in FIELDS - {"status", "operation", "runTime"}} == {
        key: failed[key] for key in FIELDS - {"status", "operation", "runTime"}
    }


def test_a_second_retry_is_refused_and_changes_nothing(url: str) -> None:
    retry(url)
    _, before = curl(url + TASK)
    status, answer = retry(url)
    assert (status, answer["error"]["code"]) == (400, "TSK10007")
    assert answer.keys() == ENVELOPE - {"data"} | {"error"}
    assert "10001" in answer["error"]["message"]
    assert "READY" in answer["error"]["message"]
    assert curl(url + TASK)[1]["data"] == before["data"]


def test_a_retry_that_fails_again_is_retried_until_all_is_well(url: str) -> None:
    """dispatch 1 s and the first run 4 s: FAILED again; then dispatch and 2 s: SUCCESSFUL, and what waited is READY."""
    assert retry(url)[0] == 200
    assert task(url) == ("RUNNING", ["SUCCESSFUL", "READY", "PENDING"])
    advance(url, by="1s")
    assert task(url) == ("RUNNING", ["SUCCESSFUL", "RUNNING", "PENDING"])
    advance(url, by="4s")
    assert task(url) == ("FAILED", ["SUCCESSFUL", "FAILED", "PENDING"])
    assert retry(url)[1]["data"]["runTime"] == 3
    advance(url, by="3s")
    assert task(url) == ("RUNNING", ["SUCCESSFUL", "SUCCESSFUL", "READY"])
    advance(url, until="idle")
    assert task(url) == ("SUCCESSFUL", ["SUCCESSFUL"] * 3)


def test_advance_tells_what_happened_on_the_way(url: str) -> None:
    """Each change of status at its own instant, a subtask's before its task's."""
    retry(url)
    told = advance(url, by="10s")["transitions"]
    assert [(one["time"][17:23], one["subtaskInstanceId"], one["from"], one["to"]) for one in told] == [
        ("14.121", 10001, "READY", "RUNNING"),
        ("18.121", 10001, "RUNNING", "FAILED"),
        ("18.121", None, "RUNNING", "FAILED"),
    ]


def test_a_body_a_query_and_any_content_type_are_ignored(url: str) -> None:
    """A real client sends its path parameters again, as query and as body."""
    more = ["-H", "Content-Type: text/plain", "-d", "taskInstanceId=5", f"{url}{RETRY}?taskInstanceId=1&size=x"]
    status, answer = curl("-X", "POST", *more)
    assert (status, answer["data"]["id"]) == (200, 10001)
