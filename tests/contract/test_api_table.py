"""Each acting operation against each state, over HTTP: the answer, and what has changed: all else is as it was.

What is expected is written here by hand, from api-facts 4. It must not ask transitions, which it judges.
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any, Final

import pytest
from clients import FOREVER, RETRY, SUBTASK, TASK, Client, Json, said
from slow import slow_but

from mockserver import MockServer

STATUSES: Final = ("PENDING", "READY", "RUNNING", "CANCELING", "FAILED", "SUCCESSFUL")
OPERATIONS: Final = ("EXECUTE", "RETRY", "ROLLBACK", "SKIP", "CANCEL", "ROLLBACK_SKIP")
TASK_OPERATIONS: Final = ("EXECUTE", "RETRY", "ROLLBACK")
"""SKIP and CANCEL, which no operation gives a task, are in the core's table, and below."""
DISPATCHED: Final = "2021-08-25T15:10:14+08:00"
"""A second after the start of a manual clock."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with MockServer({}) as mock, Client(mock) as client:
        yield client


def put(client: Client, operation: str, *subtasks: Json, **task: Any) -> Json:
    """Replaces the world by one task; how its state reads then."""
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "operation": operation, "subtasks": subtasks, **task}]}
    client.admin("PUT", "/state", world)
    return client.state()


def only_task(state: Json) -> Json:
    [task] = state["tasks"]
    return task  # type: ignore[no-any-return]  # JSON is Any


# --- subtasks ------------------------------------------------------------------------------------------------------


def held(status: str, operation: str) -> tuple[Json, ...]:
    """A subtask (10001) between two that run for ever, so that nothing moves it but an operator."""
    subtask: Json = {"id": 10001, "status": status, "operation": operation, "upstreams": [10000]}
    if status == "RUNNING":
        subtask["due"] = None  # a skip would have ended at once
    return (
        {"id": 10000, **FOREVER},
        subtask,
        {"id": 10002, "upstreams": [10001], **FOREVER},
    )


def lonely(status: str, operation: str) -> tuple[Json, ...]:
    """A subtask that is the only one not at rest: if it is FAILED, so is its task."""
    return (
        {"id": 10000, "status": "SUCCESSFUL"},
        {"id": 10001, "status": status, "operation": operation, "upstreams": [10000]},
        {"id": 10002, "upstreams": [10001]},
    )


def expected(act: str, status: str, operation: str, task_operation: str) -> dict[str, Any] | None:
    """What of the subtask is another afterwards; None: refused with TSK10007."""
    rolling_back = task_operation == "ROLLBACK"
    if act == "retry" and status == "FAILED" and operation != "ROLLBACK" and not rolling_back:
        return {"status": "READY", "operation": "RETRY", "runTime": 2, "due": DISPATCHED}
    if act == "skip" and status == "FAILED":
        return {"status": "READY", "operation": "ROLLBACK_SKIP" if rolling_back else "SKIP", "due": DISPATCHED}
    if act == "cancel" and status == "RUNNING":
        return {"status": "CANCELING", "due": DISPATCHED, "log": CANCELLED}
    return None


def act_and_compare(client: Client, act: str, before: Json, changes: dict[str, Any] | None) -> None:
    answer = client.post(f"{SUBTASK}/{act}")
    after = client.state()
    if changes is None:
        assert said(answer) == (400, "TSK10007")
        message = answer.json()["error"]["message"]
        assert "10001" in message
        assert act in message
        assert after == before
        return
    assert said(answer) == (200, None)
    wanted = deepcopy(before)
    task = only_task(wanted)
    task |= {"status": "RUNNING", "finishTime": None}
    if "log" in changes:
        changes["log"] = task["subtasks"][1]["log"] + changes["log"]
    task["subtasks"][1] |= changes
    task["subtasks"][1].pop("outcome", None)
    assert after == wanted
    if act == "retry":
        shown = {key: value for key, value in changes.items() if key != "due"}
        assert shown.items() <= answer.json()["data"].items()
    else:
        assert "data" not in answer.json()


ACTS: Final = ("retry", "skip", "cancel")


def is_unmarked(case: tuple[str, ...]) -> bool:
    """Those that are granted, and of the refusals each pair of two of these words.

    tests/tasks/test_transitions.py holds every cell of the same table against the core.
    """
    numbers = [of.index(word) for of, word in zip(WORDS, case, strict=True)]
    return sum(numbers) % len(TASK_OPERATIONS) == 0 or expected(*case) is not None


CANCELLED: Final = "############{CANCEL}{2021-08-25T15:10:13.000+08:00}############\n"
"""What a cancel adds to the log."""
WORDS: Final = (ACTS, STATUSES, OPERATIONS, TASK_OPERATIONS)
STATES: Final = list(product(*WORDS))


@pytest.mark.parametrize(
    ("act", "status", "operation", "task_operation"), slow_but([*filter(is_unmarked, STATES)], STATES)
)
def test_a_subtask_in_every_state(client: Client, act: str, status: str, operation: str, task_operation: str) -> None:
    """Right answer, right change and no other; a refusal changes nothing at all."""
    before = put(client, task_operation, *held(status, operation))
    assert only_task(before)["subtasks"][1]["status"] == status
    act_and_compare(client, act, before, expected(act, status, operation, task_operation))


@pytest.mark.parametrize("task_operation", TASK_OPERATIONS)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("act", ["retry", "skip", "cancel"])
def test_the_subtask_that_made_its_task_fail(client: Client, act: str, operation: str, task_operation: str) -> None:
    """The same answers where the task is FAILED; one that is granted makes it RUNNING, without a finishTime."""
    before = put(client, task_operation, *lonely("FAILED", operation))
    assert only_task(before)["status"] == "FAILED"
    assert only_task(before)["finishTime"] is not None
    act_and_compare(client, act, before, expected(act, "FAILED", operation, task_operation))


@pytest.mark.parametrize("operation", ["SKIP", "CANCEL"])
def test_a_task_can_say_what_only_the_documents_table_has(client: Client, operation: str) -> None:
    put(client, operation, *lonely("FAILED", "EXECUTE"))
    assert client.get(TASK).json()["data"]["operation"] == operation
    assert client.post(RETRY).status_code == 200


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"FAILED"}))
def test_a_refusal_names_the_state_that_stood_in_the_way(client: Client, status: str) -> None:
    put(client, "EXECUTE", *held(status, "EXECUTE"))
    message = client.post(RETRY).json()["error"]["message"]
    assert "10001" in message
    assert status in message


# --- tasks ---------------------------------------------------------------------------------------------------------


def at_rest(status: str, task_operation: str) -> tuple[Json, ...]:
    """Subtasks that keep a task in this status."""
    end = "PENDING" if task_operation == "ROLLBACK" else "SUCCESSFUL"
    middle: Json = {"RUNNING": FOREVER, "FAILED": {"status": "FAILED"}, "SUCCESSFUL": {"status": end}}[status]
    return {"id": 10000, "status": end}, {"id": 10001, **middle}


@pytest.mark.parametrize(
    ("act", "task_operation", "status"),
    list(product(["retry", "rollback"], TASK_OPERATIONS, ["RUNNING", "SUCCESSFUL"])),
)
def test_a_task_that_has_not_failed_is_neither_retried_nor_rolled_back(
    client: Client, act: str, task_operation: str, status: str
) -> None:
    before = put(client, task_operation, *at_rest(status, task_operation))
    assert only_task(before)["status"] == status
    answer = client.post(f"{TASK}/{act}")
    assert said(answer) == (400, "TSK10007")
    assert "1000" in answer.json()["error"]["message"]
    assert status in answer.json()["error"]["message"]
    assert client.state() == before


@pytest.mark.parametrize("status", ["RUNNING", "SUCCESSFUL"])
def test_a_task_that_prohibits_it_must_have_failed_first(client: Client, status: str) -> None:
    """TSK10007 comes before TSK10009."""
    put(client, "EXECUTE", *at_rest(status, "EXECUTE"), prohibitRollback=True)
    assert said(client.post(f"{TASK}/rollback")) == (400, "TSK10007")


def every_rest() -> list[Json]:
    """A subtask of each status that a FAILED task can have, in each operation; no edges between them but one."""
    states = product(["PENDING", "FAILED", "SUCCESSFUL"], OPERATIONS)
    subtasks: list[Json] = [
        {"id": id, "status": status, "operation": operation, "runTime": 3}
        for id, (status, operation) in enumerate(states, 1)
    ]
    subtasks += [{"id": 100, "status": "SUCCESSFUL"}, {"id": 101, "status": "FAILED", "upstreams": [100]}]
    subtasks += [{"id": 102, "upstreams": [101]}]
    return subtasks


@pytest.mark.parametrize("task_operation", ["EXECUTE", "RETRY"])
def test_a_retried_task_retries_each_failed_subtask_and_no_other(client: Client, task_operation: str) -> None:
    before = put(client, task_operation, *every_rest())
    answer = client.post(f"{TASK}/retry")
    assert said(answer) == (200, None)
    wanted = deepcopy(before)
    task = only_task(wanted)
    task |= {"status": "RUNNING", "operation": "RETRY", "finishTime": None}
    for subtask in task["subtasks"]:
        if subtask["status"] == "FAILED":
            subtask |= {"status": "READY", "operation": "RETRY", "due": DISPATCHED, "runTime": subtask["runTime"] + 1}
    # 7 are READY now, and the limit is 10: the scheduler makes three more so, in order of id
    for subtask in task["subtasks"][:3]:
        subtask |= {"status": "READY", "due": DISPATCHED}
    assert client.state() == wanted
    shown = answer.json()["data"]
    assert (shown["status"], shown["operation"], "finishTime" in shown) == ("RUNNING", "RETRY", False)
    assert [one["status"] for one in shown["subtasks"]] == [one["status"] for one in task["subtasks"]]


def test_a_task_that_rolls_back_is_not_retried(client: Client) -> None:
    before = put(client, "ROLLBACK", *every_rest())
    assert only_task(before)["status"] == "FAILED"
    assert said(client.post(f"{TASK}/retry")) == (400, "TSK10007")
    assert client.state() == before


@pytest.mark.parametrize("task_operation", TASK_OPERATIONS)
def test_a_rollback_begins_with_what_nothing_depends_on(client: Client, task_operation: str) -> None:
    """Every subtask that is not PENDING is in ROLLBACK; READY are those without a downstream that is not PENDING."""
    before = put(client, task_operation, *every_rest())
    answer = client.post(f"{TASK}/rollback")
    assert said(answer) == (200, None)
    wanted = deepcopy(before)
    task = only_task(wanted)
    task |= {"status": "RUNNING", "operation": "ROLLBACK", "finishTime": None}
    for subtask in task["subtasks"]:
        if subtask["status"] != "PENDING":
            subtask["operation"] = "ROLLBACK"
            if subtask["id"] != 100:  # whose downstream, 101, is FAILED
                subtask |= {"status": "READY", "due": DISPATCHED}
    assert client.state() == wanted
    assert answer.json()["data"]["operation"] == "ROLLBACK"


@pytest.mark.parametrize(
    ("prohibiting", "code"),
    [("the task", "TSK10009"), ("FAILED", "TSK10009"), ("SUCCESSFUL", "TSK10009"), ("PENDING", None)],
)
def test_a_rollback_is_prohibited_by_the_task_or_by_what_has_run(
    client: Client, prohibiting: str, code: int | None
) -> None:
    ids = {"SUCCESSFUL": 10000, "FAILED": 10001, "PENDING": 10002}
    subtasks = [one | {"prohibitRollback": ids.get(prohibiting) == one["id"]} for one in lonely("FAILED", "EXECUTE")]
    before = put(client, "EXECUTE", *subtasks, prohibitRollback=prohibiting == "the task")
    answer = client.post(f"{TASK}/rollback")
    assert said(answer) == (200 if code is None else 400, code)
    if code is not None:
        assert str(ids.get(prohibiting, 1000)) in answer.json()["error"]["message"]
        assert client.state() == before


def test_a_retried_task_answers_with_itself(client: Client) -> None:
    """All documented fields of a task that are known, and all subtasks in the fixture's order."""
    put(client, "EXECUTE", *lonely("FAILED", "EXECUTE"))
    data = client.post(f"{TASK}/retry").json()["data"]
    assert data.keys() == {
        *("id", "name", "taskDefinitionId", "status", "type", "creator", "executor"),
        *("createTime", "startTime", "operation", "prohibitRollback", "subtasks"),
    }
    assert [one["id"] for one in data["subtasks"]] == [10000, 10001, 10002]
    assert client.get(TASK).json()["data"] == data
