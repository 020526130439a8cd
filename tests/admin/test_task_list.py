"""GET /__admin/tasks: the tasks in short, with what is due next; quick in a large world too."""

import time
from collections import Counter
from typing import Any, Final

import pytest
from clients import FOREVER, RETRY, Client, Json

from mockserver import MockServer
from mockserver.tasks.values import STATUSES

SOME: Final[Json] = {
    "clock": {"mode": "manual"},
    "tasks": [
        {"id": 1, "name": "Create tenant"},
        {"id": 3, "name": "ÄNDERN", "subtasks": [{"id": 31, **FOREVER}, {"id": 30, "status": "READY", "due": None}]},
        {"id": 2, "name": "create cluster", "subtasks": [{"id": id} for id in (21, 20, 22)]},
        {"id": -1, "operation": "ROLLBACK", "subtasks": [{"id": 1, "status": "FAILED", "operation": "ROLLBACK"}]},
    ],
}


@pytest.fixture
def some() -> Any:
    with MockServer(SOME) as mock, Client(mock) as client:
        yield client


def listed(client: Client, query: str = "") -> list[int]:
    return [one["id"] for one in client.admin("GET", f"/tasks{query}")["tasks"]]


def test_a_task_in_short(failed: Client) -> None:
    failed.post(RETRY)
    counts = dict.fromkeys(STATUSES, 0) | {"SUCCESSFUL": 1, "READY": 1, "PENDING": 1}
    assert failed.admin("GET", "/tasks") == {
        "tasks": [
            {
                "id": 1000,
                "name": "Task 1000",
                "status": "RUNNING",
                "operation": "EXECUTE",
                "subtasks": 3,
                "counts": counts,
                "next": {"due": "2021-08-25T15:10:14+08:00", "subtaskInstanceId": 10001, "status": "READY"},
            }
        ],
        "total": 1,
    }


def test_the_newest_comes_first(some: Client) -> None:
    assert listed(some) == [3, 2, 1, -1]


@pytest.mark.parametrize(
    ("query", "ids", "total"),
    [
        ("?name=CREATE", [2, 1], 2),
        ("?name=%C3%A4ndern", [3], 1),
        ("?name=", [3, 2, 1, -1], 4),
        ("?name=nothing", [], 0),
        ("?limit=2", [3, 2], 4),
        ("?name=create&limit=1", [2], 2),
        ("?limit=1000000", [3, 2, 1, -1], 4),
    ],
)
def test_it_is_narrowed_by_name_and_number(some: Client, query: str, ids: list[int], total: int) -> None:
    assert listed(some, query) == ids
    assert some.admin("GET", f"/tasks{query}")["total"] == total


@pytest.mark.parametrize("query", ["?limit=0", "?limit=x", "?status=FAILED", "?nam=x"])
def test_another_filter_is_refused(some: Client, query: str) -> None:
    assert some.get(f"/__admin/tasks{query}").status_code == 422


def test_of_what_is_due_at_once_the_least_id_is_next(some: Client) -> None:
    found = {one["id"]: one["next"] for one in some.admin("GET", "/tasks")["tasks"]}
    assert found[2]["subtaskInstanceId"] == 20
    assert (found[1], found[-1]) == (None, None)


def test_nothing_is_next_where_nothing_ever_ends(some: Client) -> None:
    assert some.admin("GET", "/tasks?limit=1")["tasks"][0]["next"] is None


def test_it_is_brought_up_to_now_and_follows_what_happens(failed: Client) -> None:
    failed.post(RETRY)
    for _ in range(4):
        [task] = failed.admin("GET", "/tasks")["tasks"]
        assert {status: n for status, n in task["counts"].items() if n} == Counter(failed.subtasks())
        assert task["status"] == failed.state()["tasks"][0]["status"]
        failed.admin("POST", "/clock/advance", {"until": "next"})
    assert task["next"] is None or task["next"]["status"] == "RUNNING"


def test_a_world_of_its_own_has_a_list_of_its_own(failed: Client) -> None:
    failed("PUT", "/w/anna/__admin/state", json={"tasks": []})
    assert failed.get("/w/anna/__admin/tasks").json() == {"tasks": [], "total": 0}
    assert listed(failed) == [1000]


@pytest.mark.slow
@pytest.mark.alone
def test_a_large_world_is_listed_quickly() -> None:
    """1,000 tasks of 100 subtasks each, something under way in every one."""
    subtasks = [[{"id": task * 1000 + id, "upstreams": []} for id in range(100)] for task in range(1200)]
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": id, "subtasks": one} for id, one in enumerate(subtasks)]}
    with MockServer(world) as mock, Client(mock) as client:
        began = time.perf_counter()
        answer = client.admin("GET", "/tasks")
        took = time.perf_counter() - began
    assert (len(answer["tasks"]), answer["total"]) == (1000, 1200)
    assert took < 2
