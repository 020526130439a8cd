"""A task with very many subtasks: while its answer is written, or its patch is read, others are answered."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import current_thread
from typing import Any, Final

import pytest
from clients import TASKS, Client, Json, said
from gates import Gate
from processes import END_S
from waiting import eventually

from mockserver import MockServer
from mockserver.admin import calls, state, tasks
from mockserver.admin.calls import MANY
from mockserver.contract.errors import Problem, Violation
from mockserver.contract.wire import Wire
from mockserver.fixtures import patch as fixture_patch
from mockserver.server import handlers
from mockserver.world import turns
from mockserver.world.turns import Threads

LONG_TASK: Final = {
    "clock": {"mode": "manual"},
    "tasks": [{"id": 1, "subtasks": [{"id": id, "status": "FAILED"} for id in range(1, handlers.LONG + 2)]}],
}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def refused(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize(
    ("fault", "ask", "room", "name"),
    [
        (None, ("POST", f"{TASKS}/1/retry"), Wire, "task"),
        ({"fixedDelayMilliseconds": 0}, ("POST", f"{TASKS}/1/retry"), Wire, "task"),
        (None, ("GET", TASKS), Wire, "page"),
        (None, ("POST", f"{TASKS}/1/downloadDiagnosis"), handlers, "_diagnosis"),
    ],
    ids=["retry", "retry with a fault", "list", "diagnosis"],
)
def test_while_what_came_of_an_operation_is_written_others_are_answered(
    failed: Client,
    monkeypatch: pytest.MonkeyPatch,
    pool: ThreadPoolExecutor,
    fault: Json | None,
    ask: tuple[str, str],
    room: Any,
    name: str,
) -> None:
    """What was asked for has happened by then: who looks sees it."""
    failed.admin("PUT", "/state", LONG_TASK)
    gate = Gate(monkeypatch, room, name)
    headers = {"X-Mock-Fault": json.dumps(fault)} if fault else {}
    with Client(failed.mock) as other:
        asking = pool.submit(partial(other, *ask, headers=headers))
        assert gate.reached.acquire(timeout=END_S)
        before = failed.admin("GET", "/tasks/1/subtasks/1")["status"]
        assert before == ("READY" if "retry" in ask[1] else "FAILED")
        failed.admin("PATCH", "/tasks/1/subtasks/2", {"status": "SUCCESSFUL"})
        gate.open.set()
        answer = asking.result()
    assert answer.status_code == 200
    assert answer.headers["X-Mock-Contract"] == "valid"
    if "retry" in ask[1]:
        assert {one["status"] for one in answer.json()["data"]["subtasks"]} == {"READY"}, "as it was then"


@pytest.mark.planted(1)
def test_what_breaks_its_schema_in_the_thread_is_counted(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failed.admin("PUT", "/state", LONG_TASK)

    def planted(*_: Any) -> None:
        raise Violation("task", [Problem((), "planted")])

    monkeypatch.setattr(Wire, "task", planted)
    assert said(failed.post(f"{TASKS}/1/retry"))[0] == 500


def test_what_goes_wrong_while_an_answer_is_written_is_a_500(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failed.admin("PUT", "/state", LONG_TASK)
    monkeypatch.delattr(Wire, "task")
    assert "The mock server failed: AttributeError" in refused(failed.post(f"{TASKS}/1/retry"), 500)


def test_large_bodies_are_read_one_after_the_other_and_nobody_else_waits(
    failed: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LARGE_BODY", 0)
    monkeypatch.setattr(turns, "LARGE", Threads(1))
    gate = Gate(monkeypatch, state, "read")
    with ThreadPoolExecutor(6) as pool:
        putting = [pool.submit(put_in_world, failed.mock, f"w{number}") for number in range(6)]
        assert gate.reached.acquire(timeout=END_S)
        eventually(lambda: len(turns.LARGE._waiting) == 5)
        assert failed.admin("GET", "/state")["tasks"]
        assert not gate.reached.acquire(blocking=False)
        gate.open.set()
        assert [one.result() for one in putting] == [200] * 6


def put_in_world(mock: MockServer, name: str) -> int:
    with Client(mock) as client:
        status: int = client("PUT", f"/w/{name}/__admin/state", json={"tasks": []}).status_code
        return status


# --- a long task is patched ------------------------------------------------------------------------------------------


@pytest.fixture(params=["many subtasks", "one of a very long task"])
def large(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Every PATCH is, for one reason or the other."""
    monkeypatch.setattr(tasks, *(("MANY", 0) if request.param == "many subtasks" else ("VERY_LONG", 0)))


@pytest.fixture
def patching(large: None, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch, fixture_patch, "patched")


def patched(mock: MockServer) -> Any:
    with Client(mock) as client:
        return client("PATCH", "/__admin/tasks/1", json={"subtasks": [{"id": 1, "status": "SUCCESSFUL"}]})


def test_while_a_patch_is_read_others_are_answered_and_what_they_change_stays(
    failed: Client, patching: Gate, pool: ThreadPoolExecutor
) -> None:
    failed.admin("PUT", "/state", LONG_TASK)
    asking = pool.submit(patched, failed.mock)
    assert patching.reached.acquire(timeout=END_S)
    assert failed.post(f"{TASKS}/1/subtasks/2/retry").status_code == 200
    patching.open.set()
    assert asking.result().status_code == 200
    assert [failed.admin("GET", f"/tasks/1/subtasks/{id}")["status"] for id in (1, 2)] == ["SUCCESSFUL", "READY"]


def test_a_patch_of_a_task_that_goes_meanwhile_is_a_404(
    failed: Client, patching: Gate, pool: ThreadPoolExecutor
) -> None:
    failed.admin("PUT", "/state", LONG_TASK)
    asking = pool.submit(patched, failed.mock)
    assert patching.reached.acquire(timeout=END_S)
    failed.admin("POST", "/reset")
    patching.open.set()
    assert "task 1 is not there any more" in refused(asking.result(), 404)


def test_a_patch_of_what_others_change_again_and_again_is_a_409(
    failed: Client, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed.admin("PUT", "/state", LONG_TASK)
    real, ids = fixture_patch.patched, iter(range(2, 100))

    def overtaken(*arguments: Any) -> Any:
        with Client(failed.mock) as other:
            assert other.post(f"{TASKS}/1/subtasks/{next(ids)}/retry").status_code == 200
        return real(*arguments)

    monkeypatch.setattr(fixture_patch, "patched", overtaken)
    assert "changed again and again" in refused(patched(failed.mock), 409)
    assert next(ids) == 2 + handlers.TRIES, "each time it was found out again"
    assert [failed.admin("GET", f"/tasks/1/subtasks/{id}")["status"] for id in (1, 2)] == ["FAILED", "READY"]
    monkeypatch.setattr(fixture_patch, "patched", real)
    assert patched(failed.mock).status_code == 200, "and nobody is in its way any more"


def test_nobody_waits_for_a_patch_of_many_runs(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """For those that are sent, and for those that are there and written out beside what is sent."""
    threads, real = [], fixture_patch.patched

    def told(*arguments: Any) -> Any:
        threads.append(current_thread().name)
        return real(*arguments)

    monkeypatch.setattr(fixture_patch, "patched", told)
    path = "/tasks/1000/subtasks/10001"
    many = [{"duration": "1s"}] * (MANY + 1)
    for change in ({"name": "a"}, {"runs": many}, {"runs": many[:1]}, {"rollbacks": many}, {"name": "b"}):
        failed.admin("PATCH", path, change)
    assert [name == "beside the loop" for name in threads] == [False, True, True, True, True]
    assert len(failed.admin("GET", path)["rollbacks"]) == len(many)
