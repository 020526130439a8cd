"""GET /__admin/requests/{id}: one request, what it changed, and how what it was about stood before and after."""

from typing import Any, Final

import pytest
import requests
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json
from raw_sockets import request
from waiting import waiting

from mockserver import MockServer
from mockserver.world.journal import REQUESTS

FAILED_ONE: Final = {"status": "FAILED", "operation": "EXECUTE", "runTime": 1}
READY_ONE: Final = {"status": "READY", "operation": "RETRY", "runTime": 2}
FAILED_TASK: Final = {"status": "FAILED", "operation": "EXECUTE"}
RUNNING_TASK: Final = {"status": "RUNNING", "operation": "EXECUTE"}


def detail(client: Client) -> Json:
    found: Json = client.latest()
    return found


def states(client: Client) -> dict[int | None, tuple[Any, Any]]:
    return {one["subtaskInstanceId"]: (one["before"], one["after"]) for one in detail(client)["states"]}


def test_a_retry_with_what_it_changed(failed: Client) -> None:
    answer = failed.post(RETRY).json()
    found = detail(failed)
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert found["request"] == entry
    assert found["changes"] == failed.admin("GET", "/history")["history"]
    assert {one["cause"] for one in found["changes"]} == {f"request {answer['traceId']}"}
    assert states(failed) == {None: (FAILED_TASK, RUNNING_TASK), 10001: (FAILED_ONE, READY_ONE)}
    assert found["why"] is None


def test_it_stays_as_it_was_whatever_happens_then(failed: Client) -> None:
    failed.post(RETRY)
    before = detail(failed)
    failed.admin("POST", "/clock/advance", {"until": "idle"})
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "SUCCESSFUL"})
    failed.admin("PUT", "/state", {"tasks": []})
    assert detail(failed) == before


def test_what_is_refused_has_changed_nothing(failed: Client) -> None:
    failed.post(f"{SUBTASK}/cancel")
    found = detail(failed)
    assert found["changes"] == []
    assert states(failed) == {None: (FAILED_TASK, FAILED_TASK), 10001: (FAILED_ONE, FAILED_ONE)}


def test_what_is_read_stands_as_it_stood(failed: Client) -> None:
    failed.post(RETRY)
    failed.get(TASK)
    assert states(failed) == {None: (RUNNING_TASK, RUNNING_TASK)}
    failed.get(f"{SUBTASK}/log")
    assert states(failed) == {None: (RUNNING_TASK, RUNNING_TASK), 10001: (READY_ONE, READY_ONE)}


@pytest.mark.parametrize("path", [TASKS, f"{TASKS}/9", f"{TASKS}/x", "/nowhere"])
def test_what_is_about_no_task_has_no_states(failed: Client, path: str) -> None:
    failed.get(path)
    assert detail(failed)["states"] == []


def test_a_subtask_that_there_is_not_is_not_among_them(failed: Client) -> None:
    failed.post(f"{TASK}/subtasks/9/retry")
    assert list(states(failed)) == [None]


def test_a_rollback_changes_operations_too(failed: Client) -> None:
    """The history has only statuses."""
    failed.post(f"{TASK}/rollback")
    assert len(detail(failed)["changes"]) == 2
    after = {id: after for id, (_, after) in states(failed).items()}
    assert after == {
        None: {"status": "RUNNING", "operation": "ROLLBACK"},
        10000: {"status": "SUCCESSFUL", "operation": "ROLLBACK", "runTime": 1},
        10001: {"status": "READY", "operation": "ROLLBACK", "runTime": 1},
    }
    shown = failed.get(TASK).json()["data"]["subtasks"]
    assert [(one["status"], one["operation"]) for one in shown[:2]] == [
        ("SUCCESSFUL", "ROLLBACK"),
        ("READY", "ROLLBACK"),
    ]


@pytest.mark.parametrize(("when", "happens"), [("before", False), ("after", True)])
def test_a_lost_answer_with_what_it_did_all_the_same(failed: Client, when: str, happens: bool) -> None:
    failed.admin("POST", "/faults", {"fault": "EMPTY_RESPONSE", "when": when})
    with pytest.raises(requests.ConnectionError):
        failed.post(RETRY)
    found = detail(failed)
    assert found["request"]["status"] is None
    assert states(failed)[10001] == (FAILED_ONE, READY_ONE if happens else FAILED_ONE)
    assert bool(found["changes"]) == happens


def test_what_waits_has_changed_nothing_yet(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fixedDelayMilliseconds": 60_000})
    with waiting(failed, request(RETRY, "POST")):
        found = detail(failed)
        assert (found["request"]["status"], found["changes"]) == (None, [])
        assert states(failed)[10001] == (FAILED_ONE, FAILED_ONE)


def test_a_trace_id_that_comes_again_is_another_request(failed: Client) -> None:
    """A snapshot that is restored counts its requests as before."""
    failed.admin("POST", "/snapshots", {"name": "then"})
    failed.get(TASK)
    failed.admin("POST", "/snapshots/then/restore")
    failed.post(RETRY)
    first, second = (failed.admin("GET", f"/requests/{number}") for number in (1, 2))
    assert first["request"]["traceId"] == second["request"]["traceId"]
    assert (first["changes"], len(second["changes"])) == ([], 2)


@pytest.mark.slow
def test_what_the_history_has_dropped_is_told_to_be_lost() -> None:
    """What it met is kept with it, what it did is not."""
    endless = {"id": 10001, "status": "FAILED", "retryCount": 10_000, "runs": [{"outcome": "FAILED"}]}
    world = {"tasks": [{"id": 1000, "subtasks": [endless, {"id": 10002, "status": "FAILED"}]}]}
    with MockServer(world) as mock, Client(mock) as client:
        client.post(f"{TASK}/subtasks/10002/retry")
        client.get(TASK)
        mock.advance(until="idle")
        found, copies = client.admin("GET", "/requests/1"), client.admin("GET", "/requests/1/copies")
        read = client.admin("GET", "/requests/2")
    assert found["changes"] == []
    assert [one["after"] for one in found["states"]] == [None, None]
    assert found["states"][1]["before"] == FAILED_ONE
    assert found["why"] == "what it changed: more has changed since then than the history keeps"
    [task] = read["states"]
    assert task["before"] == task["after"] == RUNNING_TASK
    assert (read["why"], copies["why"]) == (None, None)


@pytest.mark.parametrize("number", ["0", "-1", "3", "x", "9223372036854775808", "1.0"])
def test_there_is_no_such_request(failed: Client, number: str) -> None:
    failed.get(TASK)
    failed.get(TASK)
    for below in ("", "/copies"):
        answer = failed.get(f"/__admin/requests/{number}{below}")
        assert answer.status_code == 404
        assert f"no request {number}" in answer.json()["error"]["message"]


@pytest.mark.slow
def test_one_that_is_not_there_yet_or_no_more_is_told_apart(failed: Client) -> None:
    for _ in range(REQUESTS + 1):
        failed.get("/nowhere")
    total, dropped = (failed.admin("GET", "/requests?limit=1")[key] for key in ("total", "dropped"))
    assert dropped == 1
    messages = [failed.get(f"/__admin/requests/{n}").json()["error"]["message"] for n in (dropped, total + 1)]
    assert messages == [
        f"no request {dropped}: the journal has 1000 of {total}, all from {dropped + 1} on",
        f"no request {total + 1} yet: there were {total}",
    ]
    for number in (dropped + 1, total):
        assert failed.admin("GET", f"/requests/{number}")["request"]["id"] == number


def test_the_journal_of_each_world_counts_for_itself(failed: Client) -> None:
    failed.get(TASK.replace("/api", "/w/anna/api"))
    assert failed.get("/w/anna/__admin/requests/1").json()["request"]["operation"] == "getTaskInstance"
    assert failed.get("/__admin/requests/1").status_code == 404
