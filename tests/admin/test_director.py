"""The director's routes: values and settings that are set while the server runs; what is refused sets none."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, failed_world, said

from mockserver import MockServer
from mockserver.tasks.values import OPERATIONS, STATUSES

NEXT = "/tasks/1000/subtasks/10001"
WIDE = {
    "clock": {"mode": "manual"},
    "scheduler": {"dispatch": "1s", "run": "10s", "concurrency": 2},
    "tasks": [{"id": 1000, "subtasks": [{"id": id, "runs": [{"duration": "5s"}]} for id in (1, 2, 3, 4)]}],
}


def at(seconds: float) -> str:
    fraction = f".{round(seconds % 1 * 1000):03d}".rstrip("0") if seconds % 1 else ""
    return f"2021-08-25T15:10:{13 + int(seconds):02d}{fraction}+08:00"


@pytest.fixture
def wide() -> Iterator[Client]:
    """Four subtasks side by side, of which two run at a time."""
    with MockServer(WIDE) as mock, Client(mock) as client:
        yield client


def patch(client: Client, path: str = NEXT, /, **fields: Any) -> Json:
    answer: Json = client.admin("PATCH", path, fields)
    return answer


def subtask(client: Client, id: int = 10001) -> Json:
    found: Json = next(one for one in client.state()["tasks"][0]["subtasks"] if one["id"] == id)
    return found


def refused(client: Client, method: str, path: str, body: Any, status: int = 422) -> dict[str, str]:
    """What is said of each place. Nothing has changed, and the refusal is an answer like any other."""
    before = client.admin("GET", "/state"), client.admin("GET", "/history")
    answer = client(method, f"/__admin{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert (client.admin("GET", "/state"), client.admin("GET", "/history")) == before
    return {one["path"]: one["message"] for one in answer.json()["error"]["details"]}


# --- a subtask's status ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_every_status_can_be_set_whatever_it_was(before: str, after: str) -> None:
    """It is sound: PUT takes it back unchanged, the API's answers keep the contract, and a timer counts from now."""
    world: Json = {
        "clock": {"mode": "manual"},
        "tasks": [{"id": 1000, "subtasks": [{"id": 10001, "status": before}, {"id": 10002, "upstreams": [10001]}]}],
    }
    with MockServer(world) as mock, Client(mock) as client:
        client.mock.advance("500ms")
        set_to = patch(client, status=after)
        becomes = "READY" if after == "PENDING" else after  # it has no upstream
        assert set_to == subtask(client)
        assert set_to["status"] == becomes
        due = {"READY": at(1.5), "CANCELING": at(1.5), "RUNNING": at(2.5)}.get(becomes)
        assert set_to.get("due") == due
        if becomes not in ("READY", "PENDING"):
            assert (set_to["executor"], set_to["startTime"] is None) == ("127.0.0.1", False)
            assert (set_to["finishTime"] is None) == (becomes in ("RUNNING", "CANCELING"))
        state = client.state()
        client.admin("PUT", "/state", client.admin("GET", "/state"))
        assert client.state() == state
        assert client.get(TASK).json()["data"]["subtasks"][0]["status"] == becomes
        assert client.get(f"{SUBTASK}/log").status_code == 200
        client.mock.advance(until="idle")
        assert client.admin("GET", "/contract")["violations"] == 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_can_be_set(failed: Client, operation: str) -> None:
    assert patch(failed, operation=operation)["operation"] == operation
    assert failed.subtasks()[1] == "FAILED"


def test_a_subtask_is_made_to_fail_and_its_task_with_it(wide: Client) -> None:
    for id in (1, 2, 3, 4):
        wide.admin("PATCH", f"/tasks/1000/subtasks/{id}", {"status": "FAILED" if id == 3 else "SUCCESSFUL"})
    task = wide.get(TASK).json()["data"]
    assert (task["status"], task["finishTime"]) == ("FAILED", at(0))
    assert said(wide.post(f"{TASK}/subtasks/3/retry")) == (200, None)


def test_a_subtask_that_succeeds_lets_the_next_become_ready(failed: Client) -> None:
    assert patch(failed, status="SUCCESSFUL")["finishTime"] == at(0)
    assert failed.subtasks() == ["SUCCESSFUL", "SUCCESSFUL", "READY"]
    task = failed.get(TASK).json()["data"]
    assert (task["status"], task.get("finishTime")) == ("RUNNING", None)


def test_a_subtask_that_is_pending_again_has_never_run(failed: Client) -> None:
    failed.admin("PATCH", "/tasks/1000/subtasks/10000", {"status": "FAILED"})
    cleared = patch(failed, status="PENDING")
    assert [cleared[key] for key in ("status", "startTime", "finishTime", "executor")] == ["PENDING", None, None, None]


def test_only_that_subtasks_timer_starts_anew(wide: Client) -> None:
    wide.mock.advance("1500ms")
    assert [subtask(wide, id)["due"] for id in (1, 2)] == [at(6), at(6)]
    assert wide.admin("PATCH", "/tasks/1000/subtasks/2", {"status": "RUNNING"})["due"] == at(6.5)
    assert subtask(wide, 1)["due"] == at(6)
    changes = wide.mock.advance("5s")["transitions"]
    ends = [(one["time"], one["subtaskInstanceId"]) for one in changes if one["to"] == "SUCCESSFUL"]
    assert ends == [(at(6), 1), (at(6.5), 2)], "each once: the old timer is void"


def test_a_timer_goes_on_unless_status_or_operation_is_set(wide: Client) -> None:
    wide.mock.advance("1500ms")
    path = "/tasks/1000/subtasks/1"
    for fields in ({"name": "x"}, {"timeout": 1}, {"runs": [{"duration": "1s"}]}, {"log": "x"}, {}, {"runTime": 7}):
        assert wide.admin("PATCH", path, fields)["due"] == at(6)
    assert wide.admin("PATCH", path, {"operation": "RETRY"})["due"] == at(2.5)


def test_given_times_and_executor_are_taken(failed: Client) -> None:
    given = {"executor": "node-7", "startTime": at(-3), "finishTime": None, "createTime": at(-9)}
    shown = patch(failed, status="RUNNING", **given)
    assert {key: shown[key] for key in given} == given


def test_due_can_be_set_alone(wide: Client) -> None:
    assert wide.admin("PATCH", "/tasks/1000/subtasks/1", {"due": at(7)})["due"] == at(7)
    assert wide.admin("PATCH", "/tasks/1000/subtasks/2", {"due": None})["due"] is None
    wide.mock.advance("7s")
    assert [subtask(wide, id)["status"] for id in (1, 2)] == ["RUNNING", "READY"]


def test_how_a_run_will_end_can_be_set_alone(failed: Client) -> None:
    patch(failed, status="RUNNING")
    assert patch(failed, outcome="SUCCESSFUL", outcomeLog="fine")["due"] == at(4)
    failed.mock.advance("4s")
    assert subtask(failed)["status"] == "SUCCESSFUL"
    assert subtask(failed)["log"].endswith("fine\n")


# --- what coming runs do ---------------------------------------------------------------------------------------------


def test_coming_runs_are_set_from_their_first_entry(failed: Client) -> None:
    failed.post(RETRY)
    failed.mock.advance("5s")
    assert subtask(failed)["nextRun"] == 1
    shown = patch(failed, runs=[{"outcome": "FAILED", "duration": "3s", "log": "no"}, {"outcome": "SUCCESSFUL"}])
    assert (shown["nextRun"], shown["status"]) == (0, "FAILED")
    failed.post(RETRY)
    failed.mock.advance("4s")
    assert failed.subtasks()[1] == "FAILED"
    assert failed.get(f"{SUBTASK}/log").json()["data"]["log"].endswith("############\nno\n")
    failed.post(RETRY)
    failed.mock.advance("3s")
    assert failed.subtasks()[1] == "SUCCESSFUL"


def test_a_run_that_is_under_way_is_left_alone(failed: Client) -> None:
    failed.post(RETRY)
    failed.mock.advance("1s")
    before = subtask(failed)
    shown = patch(failed, runs=[{"outcome": "SUCCESSFUL", "duration": "1s"}], rollbacks=[{"outcome": "FAILED"}])
    assert [shown[key] for key in ("due", "outcome")] == [before["due"], "FAILED"]
    failed.mock.advance("4s")
    assert failed.subtasks()[1] == "FAILED"


def test_a_running_subtask_takes_its_next_entry(failed: Client) -> None:
    first = patch(failed, status="RUNNING")
    assert (first["nextRun"], first["outcome"], first["due"]) == (1, "FAILED", at(4))
    second = patch(failed, status="RUNNING")
    assert (second["nextRun"], second["outcome"], second["due"]) == (1, "SUCCESSFUL", at(2))
    assert second["log"].count("############{EXECUTE}") == 3, "the fixture's run, and two that were set"


HALF_DONE: Json = {"outcome": "FAILED", "duration": "4s", "log": "half\ndone"}


def test_a_run_that_is_ended_keeps_what_it_has_written(failed: Client) -> None:
    patch(failed, status="RUNNING", runs=[HALF_DONE])
    failed.mock.advance("2s")
    assert patch(failed, status="FAILED")["log"].endswith("############\nhalf\n")
    failed.mock.advance("60s")
    assert subtask(failed)["log"].endswith("############\nhalf\n")


def test_a_run_that_is_cancelled_keeps_what_it_has_written_and_the_cancel_has_its_header(failed: Client) -> None:
    patch(failed, status="RUNNING", runs=[HALF_DONE])
    failed.mock.advance("2s")
    log = patch(failed, status="CANCELING")["log"]
    assert log.endswith("############\nhalf\n############{CANCEL}{2021-08-25T15:10:15.000+08:00}############\n")
    failed.mock.advance("1s")
    assert (subtask(failed)["operation"], subtask(failed)["log"]) == ("CANCEL", log)


def test_what_a_run_still_writes_is_left_alone_and_can_be_set(failed: Client) -> None:
    first = patch(failed, status="RUNNING", runs=[HALF_DONE])
    assert [first[key] for key in ("outcomeLogFrom", "outcomeLogTo")] == [at(0), at(4)]
    failed.mock.advance("2s")
    assert patch(failed, timeout=9, outcome="SUCCESSFUL")["log"].endswith("############\nhalf\n")
    assert patch(failed, log="other")["log"].endswith("############\nother\n")
    assert patch(failed, due=at(3))["outcomeLogTo"] == at(4)
    shown = patch(failed, outcomeLog="and now this")
    assert [shown[key] for key in ("outcomeLogFrom", "outcomeLogTo")] == [at(2), at(3)]
    failed.mock.advance("1s")
    assert subtask(failed)["log"].endswith("############\nother\nand now this\n")
    assert "outcomeLog" not in subtask(failed)


def test_a_log_can_be_set_and_taken_away(failed: Client) -> None:
    assert patch(failed, log="ssh: no route")["log"].endswith("+08:00}############\nssh: no route\n")
    assert patch(failed, log=None)["log"] is None
    assert failed.get(f"{SUBTASK}/log").json()["data"] == {"log": ""}


@pytest.mark.parametrize(("count", "status"), [(1, "READY"), (0, "FAILED")])
def test_automatic_retries_go_by_the_new_count(count: int, status: str) -> None:
    world = failed_world()
    world["tasks"][0]["subtasks"].append({"id": 10003, "status": "RUNNING", "runs": [{"duration": "never"}]})
    world["tasks"][0]["subtasks"][1] |= {"runTime": 2, "retryCount": 1}
    with MockServer(world) as mock, Client(mock) as client:
        patch(client, runTime=1, retryCount=count)
        assert subtask(client)["status"] == status


def test_a_retry_that_was_to_come_by_itself_does_not_come_once_its_count_is_zero() -> None:
    """Both have FAILED, and 1 would be retried as soon as its task is RUNNING again."""
    subtasks = [{"id": 1, "status": "FAILED", "retryCount": 1}, {"id": 2, "status": "FAILED"}]
    with MockServer({"tasks": [{"id": 1000, "subtasks": subtasks}]}) as mock, Client(mock) as client:
        client.admin("PATCH", "/tasks/1000/subtasks/1", {"retryCount": 0})
        client.admin("PATCH", "/tasks/1000/subtasks/2", {"status": "READY"})
        assert client.subtasks() == ["FAILED", "READY"]


# --- how it is written -----------------------------------------------------------------------------------------------


def test_what_was_written_before_is_written_anew(failed: Client) -> None:
    """Texts of a subtask are kept: with another name or timeout they are others."""
    failed.get(TASK)
    failed.get(TASKS)
    changed = {
        "name": "Renamed",
        "timeout": 60,
        "context": {"a": [1]},
        "nodeType": "X",
        "parallelIdx": 3,
        "seriesId": 9,
    }
    patch(failed, **changed)
    shown = failed.get(TASK).json()["data"]["subtasks"][1]
    assert {key: shown[key] for key in changed} == changed
    retried = failed.post(RETRY).json()["data"]
    assert {key: retried[key] for key in changed} == changed
    assert failed.get(TASKS).json()["data"]["contents"][0]["subtasks"][1]["name"] == "Renamed"


def test_a_real_answer_can_be_pasted(failed: Client) -> None:
    """The nineteen fields as the API sends them, in either spelling, set what they say."""
    data = failed.get(TASK).json()["data"]["subtasks"][1]
    before = subtask(failed)
    assert patch(failed, **data) == before
    failed.admin("PUT", "/settings", {"fieldNames": "table"})
    table = failed.get(TASK).json()["data"]["subtasks"][1]
    assert patch(failed, **table | {"clusterName": "com.example.Uninstall"})["className"] == "com.example.Uninstall"


def test_a_reset_forgets_what_was_set(failed: Client) -> None:
    before, shown = failed.state(), failed.get(TASK).json()["data"]
    patch(failed, name="Renamed", status="RUNNING")
    failed.admin("PATCH", "/tasks/1000", {"name": "Renamed too"})
    assert failed.get(TASK).json()["data"] != shown
    failed.admin("POST", "/reset")
    assert failed.state() == before
    assert failed.get(TASK).json()["data"] == shown


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"id": 10002}, ["$.id"]),
        ({"upstreams": []}, ["$.upstreams"]),
        ({"downstreams": [10000], "downstream": []}, ["$.downstreams", "$.downstream"]),
        ({"status": "STOPPED"}, ["$.status"]),
        ({"status": None}, ["$.status"]),
        ({"statsu": "FAILED"}, ["$.statsu"]),
        ({"server": "x"}, ["$.server"]),
        ({"operation": "retry", "timeout": -1}, ["$.operation", "$.timeout"]),
        ({"runs": []}, ["$.runs"]),
        ({"runs": [{"outcome": "FAILED"}, {"outcom": "FAILED"}]}, ["$.runs[1].outcom"]),
        ({"runs": [{"duration": "200000h"}, {"duration": "900000h"}]}, ["$.runs[1].duration"]),
        ({"nextRun": 2}, ["$.nextRun"]),
        ({"rollbacks": [{}], "nextRollback": 1}, ["$.nextRollback"]),
        ({"due": at(5)}, ["$.due"]),
        ({"status": "READY", "due": at(-1)}, ["$.due"]),
        ({"outcome": "FAILED"}, ["$.outcome"]),
        ({"startTime": "2021-02-30T00:00:00+08:00"}, ["$.startTime"]),
        ({"createTime": None}, ["$.createTime"]),
        ({"parallelIdx": 1, "paralleIdx": 2}, ["$.paralleIdx"]),
        ({"name": "x", "timeout": "1s"}, ["$.timeout"]),
        ([], ["$"]),
    ],
    ids=str,
)
def test_a_bad_value_of_a_subtask_is_refused_with_its_place(failed: Client, body: Any, paths: list[str]) -> None:
    assert sorted(refused(failed, "PATCH", NEXT, body)) == sorted(paths)


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"status": "SUCCESSFUL"}, "$.status", "make it FAILED"),
        ({"id": 1}, "$.id", "can't be changed"),
        ({"subtasks": [{"status": "READY"}]}, "$.subtasks[0]", "id is missing"),
        ({"subtasks": [{"id": 10009}]}, "$.subtasks[0].id", "adds none"),
        ({"subtasks": [{"id": 10000}, {"id": 10000}]}, "$.subtasks[1].id", "given twice"),
        ({"subtasks": [{"id": 10002, "upstreams": [10000]}]}, "$.subtasks[0].upstreams", "graph"),
        ({"subtasks": [{"id": 10002, "nextRun": 1}]}, "$.subtasks[0].nextRun", "counted from 0"),
        ({"subtasks": [{"id": 10002, "stauts": "READY"}]}, "$.subtasks[0].stauts", "did you mean status?"),
        ({"creator": {"nme": "x"}}, "$.creator.nme", "did you mean name?"),
        ({"type": "manual"}, "$.type", "MANUAL"),
        ({"operation": "ROLLBACK_SKIP"}, "$.operation", "EXECUTE"),
        ({"finishTime": "now"}, "$.finishTime", ""),
    ],
    ids=str,
)
def test_a_bad_value_of_a_task_is_refused_with_its_place(failed: Client, body: Any, path: str, words: str) -> None:
    told = refused(failed, "PATCH", "/tasks/1000", body)
    assert list(told) == [path]
    assert words in told[path]


@pytest.mark.parametrize(
    "path",
    [
        "/tasks/1",
        "/tasks/x",
        "/tasks/9223372036854775808",
        "/tasks/1/subtasks/10001",
        "/tasks/1000/subtasks/1",
        "/tasks/1000/subtasks/1e3",
    ],
)
def test_what_is_not_there_is_refused(failed: Client, path: str) -> None:
    refused(failed, "PATCH", path, {"name": "x"}, status=404)


# --- a task ----------------------------------------------------------------------------------------------------------


def test_fields_of_a_task_are_set(failed: Client) -> None:
    given = {
        "name": "Create tenant",
        "taskDefinitionId": 7,
        "type": "SCHEDULED",
        "creator": {"id": 1, "name": "admin"},
        "cluster": {"id": 2, "name": "c", "obClusterId": 3, "type": "PRIMARY"},
        "tenant": {"id": 4, "name": "t", "obTenantId": 6, "mode": "MYSQL"},
        "executor": "node-7",
        "createTime": at(-9),
        "startTime": at(-8),
        "finishTime": at(-1),
        "prohibitRollback": True,
    }
    shown = failed.admin("PATCH", "/tasks/1000", {**given, "hostId": 5, "status": "FAILED", "id": 1000})
    assert shown == failed.state()["tasks"][0]
    data = failed.get(TASK).json()["data"]
    assert {key: data[key] for key in given} == given
    assert failed.get(f"{TASKS}?hostId=5&clusterName=c").json()["data"]["page"]["totalElements"] == 1
    assert said(failed.post(f"{TASK}/rollback")) == (400, "TSK10009")


@pytest.mark.slow
def test_a_task_that_is_set_rolling_back_rolls_back() -> None:
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "subtasks": [{"id": 1, "status": "SUCCESSFUL"}]}]}
    with MockServer(world) as mock, Client(mock) as client:
        shown = client.admin("PATCH", "/tasks/1000", {"operation": "ROLLBACK"})
        assert (shown["status"], shown["finishTime"]) == ("RUNNING", None)
        assert (shown["subtasks"][0]["status"], shown["subtasks"][0]["operation"]) == ("READY", "ROLLBACK")
        client.mock.advance(until="idle")
        assert client.get(TASK).json()["data"]["status"] == "SUCCESSFUL"
        assert client.state()["tasks"][0]["subtasks"][0]["status"] == "PENDING"


def test_several_subtasks_are_set_at_once(wide: Client) -> None:
    """Between them nothing happens: had 1 alone SUCCEEDED first, 3 would have become READY."""
    body = {"status": "FAILED", "subtasks": [{"id": id, "status": "SUCCESSFUL"} for id in (1, 2, 4)]}
    body["subtasks"].append({"id": 3, "status": "FAILED"})  # type: ignore[attr-defined]  # mypy sees `object`
    shown = wide.admin("PATCH", "/tasks/1000", body)
    assert [one["status"] for one in shown["subtasks"]] == ["SUCCESSFUL", "SUCCESSFUL", "FAILED", "SUCCESSFUL"]
    assert shown["status"] == "FAILED"
    assert [one["to"] for one in wide.admin("GET", "/history?subtaskInstanceId=3")["history"]] == ["FAILED"]


def test_what_a_whole_task_says_can_be_sent_back(failed: Client) -> None:
    failed.post(RETRY)
    failed.mock.advance("2s")
    task = failed.state()["tasks"][0]
    for one in task["subtasks"]:
        del one["status"], one["operation"]  # either starts its timer anew
    before = failed.state()
    failed.admin("PATCH", "/tasks/1000", task)
    assert failed.state() == before


# --- settings --------------------------------------------------------------------------------------------------------

SETTINGS = {
    "auth": "open",
    "dialect": "ocp-4.2.2",
    "nulls": "absent",
    "arrayOrder": "fixture",
    "fieldNames": "sample",
    "scheduler": {"dispatch": "1s", "run": "2s", "concurrency": 10},
    "server": "127.0.0.1",
    "seed": 0,
}


def test_settings_are_shown_whole_and_set_one_by_one(failed: Client) -> None:
    assert failed.admin("GET", "/settings") == SETTINGS
    shown = failed.admin("PUT", "/settings", {"server": "elsewhere", "scheduler": {"run": "250ms"}})
    expected = {**SETTINGS, "server": "elsewhere", "scheduler": {"dispatch": "1s", "run": "250ms", "concurrency": 10}}
    assert shown == failed.admin("GET", "/settings") == expected
    assert failed.admin("PUT", "/settings", {}) == expected


def test_a_reset_brings_the_settings_of_the_file_back(failed: Client) -> None:
    first = failed.get(TASK).json()
    failed.admin("PUT", "/settings", {"fieldNames": "table", "auth": "basic", "seed": 9, "server": "elsewhere"})
    assert said(failed.get(TASK)) == (401, "IAM10000")
    failed.admin("POST", "/reset")
    assert failed.admin("GET", "/settings") == SETTINGS
    assert failed.get(TASK).json() == first


@pytest.mark.parametrize("times", [1, 2])
def test_answers_are_written_in_the_new_spelling_at_once(failed: Client, times: int) -> None:
    """There and back: what was written and kept in the one spelling is never sent in the other."""
    for _ in range(times):
        for spelling, name in (("table", "downstream"), ("sample", "downstreams")):
            failed.admin("PUT", "/settings", {"fieldNames": spelling})
            data = failed.get(TASK).json()["data"]
            assert data["subtasks"][0][name] == [10001]
            assert name in json.dumps(failed.get("/openapi.json").json())
    failed.admin("PUT", "/settings", {"fieldNames": "table"})
    assert failed.post(RETRY).json()["data"]["downstream"] == [10002]
    assert failed.admin("GET", "/contract")["violations"] == 0


def test_the_server_is_another_at_once(failed: Client) -> None:
    failed.admin("PUT", "/settings", {"server": "a83ad33525"})
    assert failed.get(TASK).json()["server"] == "a83ad33525"
    failed.post(RETRY)
    failed.mock.advance("1s")
    assert subtask(failed)["executor"] == "127.0.0.1", "the node that ran it first"


def test_trace_ids_follow_another_seed_from_the_same_count(failed: Client) -> None:
    with MockServer(failed_world(seed=5)) as mock, Client(mock) as other:
        failed.get(TASK)
        other.get(TASK)
        failed.admin("PUT", "/settings", {"seed": 5})
        assert failed.get(TASK).json()["traceId"] == other.get(TASK).json()["traceId"]


def test_what_is_under_way_keeps_its_due(wide: Client) -> None:
    wide.admin("PUT", "/settings", {"scheduler": {"dispatch": "30s"}})
    assert subtask(wide, 1)["due"] == at(1)
    wide.mock.advance("6s")
    assert (subtask(wide, 1)["status"], subtask(wide, 3)["due"]) == ("SUCCESSFUL", at(36))


def test_more_slots_are_taken_at_once(wide: Client) -> None:
    assert [subtask(wide, id)["status"] for id in (1, 2, 3, 4)] == ["READY", "READY", "PENDING", "PENDING"]
    wide.admin("PUT", "/settings", {"scheduler": {"concurrency": 3}})
    assert [subtask(wide, id)["status"] for id in (1, 2, 3, 4)] == ["READY", "READY", "READY", "PENDING"]
    wide.admin("PUT", "/settings", {"scheduler": {"concurrency": 1}})
    assert subtask(wide, 3)["status"] == "READY"
    assert [one["cause"] for one in wide.admin("GET", "/history")["history"]] == ["PUT /__admin/settings"]


def test_time_may_stand_still_between_ready_and_running(wide: Client) -> None:
    wide.admin("PUT", "/settings", {"scheduler": {"dispatch": "never"}})
    wide.mock.advance(until="idle")
    assert [subtask(wide, id)["status"] for id in (1, 2, 3)] == ["SUCCESSFUL", "SUCCESSFUL", "READY"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"auth": "none"}, "$.auth"),
        ({"fieldNames": "both"}, "$.fieldNames"),
        ({"seed": -1}, "$.seed"),
        ({"seed": 2**64}, "$.seed"),
        ({"server": None}, "$.server"),
        ({"sede": 1}, "$.sede"),
        ({"clock": {"mode": "real"}}, "$.clock"),
        ({"scheduler": {"dispach": "1s"}}, "$.scheduler.dispach"),
        ({"scheduler": {"run": "900000h"}}, "$.scheduler.run"),
        ({"server": "x", "scheduler": {"run": "1s", "concurrency": 0}}, "$.scheduler.concurrency"),
    ],
    ids=str,
)
def test_a_bad_setting_is_refused_with_its_place(failed: Client, body: Any, path: str) -> None:
    assert list(refused(failed, "PUT", "/settings", body)) == [path]


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", NEXT), ("PATCH", "/tasks/1000"), ("PUT", "/settings"), ("POST", "/snapshots")]
)
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ('{"name": "a", "name": "a"}', "application/json", 400),
        ('{"name": NaN}', "application/json", 400),
        ('{"context": {"a": 1e999}}', "application/json", 400),
        ('{"name": "\\ud800"}', "application/json", 400),
        ("{}", "text/plain", 415),
        ("{}", "application/yaml", 415),
    ],
)
def test_a_body_that_is_none_is_refused(
    failed: Client, method: str, path: str, body: str, kind: str, status: int
) -> None:
    before = failed.state()
    answer = failed(method, f"/__admin{path}", data=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert failed.state() == before
