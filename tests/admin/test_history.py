"""GET /__admin/history: every change of a status, in its order, with its cause; bounded, and filtered."""

from typing import Any

import pytest
from clients import RETRY, TASK, Client, Json, failed_world

from mockserver import MockServer
from mockserver.world.history import CHANGES


def history(client: Client, query: str = "") -> list[Json]:
    entries: list[Json] = client.admin("GET", f"/history{query}")["history"]
    return entries


def told(entries: list[Json]) -> list[tuple[Any, ...]]:
    """Seconds of the minute, who, from what, to what."""
    return [(one["time"][17:19], one["subtaskInstanceId"], one["from"], one["to"]) for one in entries]


def test_the_history_of_a_task_reads_as_its_story(failed: Client) -> None:
    """A failed subtask is retried, fails again, is retried, succeeds, and the next one runs."""
    first = failed.post(RETRY).json()["traceId"]
    failed.mock.advance("5s")
    second = failed.post(RETRY).json()["traceId"]
    failed.mock.advance(until="idle")
    story = history(failed, "?taskInstanceId=1000")
    assert told(story) == [
        ("13", 10001, "FAILED", "READY"),
        ("13", None, "FAILED", "RUNNING"),
        ("14", 10001, "READY", "RUNNING"),
        ("18", 10001, "RUNNING", "FAILED"),
        ("18", None, "RUNNING", "FAILED"),
        ("18", 10001, "FAILED", "READY"),
        ("18", None, "FAILED", "RUNNING"),
        ("19", 10001, "READY", "RUNNING"),
        ("21", 10001, "RUNNING", "SUCCESSFUL"),
        ("21", 10002, "PENDING", "READY"),
        ("22", 10002, "READY", "RUNNING"),
        ("24", 10002, "RUNNING", "SUCCESSFUL"),
        ("24", None, "RUNNING", "SUCCESSFUL"),
    ]
    causes = [one["cause"] for one in story]
    by_first, by_second = f"request {first}", f"request {second}"
    assert causes == [by_first] * 2 + ["time"] * 3 + [by_second] * 2 + ["time"] * 6
    assert [one["operation"] for one in story[:3]] == ["RETRY", "EXECUTE", "RETRY"]


def test_an_entry_is_whole(failed: Client) -> None:
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "SUCCESSFUL"})
    entry = history(failed)[0]
    assert entry == {
        "time": "2021-08-25T15:10:13+08:00",
        "taskInstanceId": 1000,
        "subtaskInstanceId": 10001,
        "from": "FAILED",
        "to": "SUCCESSFUL",
        "operation": "EXECUTE",
        "cause": "PATCH /__admin/tasks/1000/subtasks/10001",
    }


def test_what_follows_from_a_call_has_its_cause(failed: Client) -> None:
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "SUCCESSFUL"})
    caused = [(one["subtaskInstanceId"], one["to"], one["cause"][:5]) for one in history(failed)]
    assert caused == [(10001, "SUCCESSFUL", "PATCH"), (None, "RUNNING", "PATCH"), (10002, "READY", "PATCH")]


def test_an_operation_that_is_set_is_a_change_and_another_field_is_none(failed: Client) -> None:
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"name": "x", "runTime": 4})
    assert history(failed) == []
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"operation": "CANCEL"})
    assert told(history(failed)) == [("13", 10001, "FAILED", "FAILED")]


def test_what_is_refused_or_lost_is_no_change(failed: Client) -> None:
    failed.fault(operation="retrySubtask", when="before", times=1)
    failed.post(RETRY)
    failed.post(f"{TASK}/subtasks/10000/retry")
    assert history(failed) == []
    failed.fault(operation="retrySubtask", when="after", times=1)
    failed.post(RETRY)
    assert [one["to"] for one in history(failed)] == ["READY", "RUNNING"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 10),
        ("?taskInstanceId=1000", 5),
        ("?taskInstanceId=2000", 5),
        ("?taskInstanceId=3", 0),
        ("?subtaskInstanceId=10001", 3),
        ("?taskInstanceId=2000&subtaskInstanceId=10001", 0),
        ("?since=2021-08-25T15:10:14%2B08:00", 6),
        ("?since=2021-08-25T15:10:14+08:00", 6),
        ("?limit=1", 1),
        ("?taskInstanceId=1000&limit=2", 2),
        ("?limit=100", 10),
    ],
)
def test_filters_must_all_hold_and_a_limit_keeps_the_last(query: str, count: int) -> None:
    world = failed_world()
    world["tasks"].append({"id": 2000, "subtasks": [{"id": 1, "status": "FAILED"}]})
    with MockServer(world) as mock, Client(mock) as client:
        client.post("/api/v2/tasks/instances/2000/subtasks/1/retry")
        client.post(RETRY)
        client.mock.advance("3s")
        client.mock.advance("2s")
        everything = history(client)
        answer = client.admin("GET", f"/history{query}")
        assert len(answer["history"]) == count
        assert (answer["total"], answer["dropped"]) == (len(everything), 0) == (10, 0)
        if "limit" in query:
            assert answer["history"][-1] == everything[-1]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("since=yesterday", "since"),
        ("taskInstanceId=1e3", "taskInstanceId"),
        ("subtaskInstanceId=", "subtaskInstanceId"),
        ("operation=retrySubtask", "operation"),
        ("task=1000", "task"),
    ],
)
def test_what_is_no_filter_is_refused(failed: Client, query: str, key: str) -> None:
    answer = failed.get(f"/__admin/history?{query}")
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["error"]["details"]] == [f"$.{key}"]


def test_a_change_that_nobody_has_looked_at_is_there() -> None:
    """On a real clock, too, the history is that of now."""
    with MockServer(failed_world(), speed=1000.0) as mock, Client(mock) as client:
        client.post(RETRY)
        client.admin("POST", "/clock/advance", {"by": "5s"})
        assert history(client)[-1]["to"] == "FAILED"


@pytest.mark.slow
def test_the_history_is_bounded_and_says_what_it_has_dropped(failed: Client) -> None:
    """4 changes a round: what the last ones are is still told in order."""
    runs = [{"outcome": "FAILED", "duration": "1ms"}]
    fields = {"runs": runs, "retryCount": 10**9, "status": "RUNNING"}
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", fields)
    failed.admin("PUT", "/settings", {"scheduler": {"dispatch": "1ms"}})
    omitted = failed.mock.advance("10s")["omitted"]
    answer = failed.admin("GET", "/history")
    assert len(answer["history"]) == CHANGES
    assert answer["total"] == answer["dropped"] + CHANGES > omitted > 4000
    assert answer["history"][-1]["time"] == "2021-08-25T15:10:23+08:00"
    assert answer == failed.admin("GET", "/history")


def test_a_reset_empties_it_and_a_world_that_is_put_does_not(failed: Client) -> None:
    failed.post(RETRY)
    failed.admin("PUT", "/state", failed.admin("GET", "/state"))
    assert len(history(failed)) == 2
    failed.admin("POST", "/reset")
    assert failed.admin("GET", "/history") == {"history": [], "total": 0, "dropped": 0}
