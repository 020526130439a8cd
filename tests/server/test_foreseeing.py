"""An operation on a very long task is drafted in a thread: nobody waits for it, and it does what it does otherwise."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import current_thread
from typing import get_args

import pytest
from clients import RETRY, TASK, Client, failed_world, said
from gates import Gate
from processes import END_S

from mockserver import MockServer
from mockserver.server import handlers, steps
from mockserver.tasks.step import Act, Foreseen, Step
from mockserver.world.fixture import ClockMode

ACTS = ("retry", "rollback")


@pytest.fixture(autouse=True)
def every_task_is_very_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "VERY_LONG", 0)
    monkeypatch.setattr(steps, "LONG", 0)  # the front leaves it to aiohttp


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch, Foreseen, "__init__")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def post(mock: MockServer, act: str) -> tuple[int, int | str | None]:
    with Client(mock) as client:
        return said(client.post(f"{TASK}/{act}"))


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("mode", ["manual", "real"])
def test_it_does_what_it_does_otherwise(monkeypatch: pytest.MonkeyPatch, act: str, mode: str) -> None:
    """Once, and at the same instant."""
    seen, drafts = [], []
    for very_long in (0, 1000):
        monkeypatch.setattr(handlers, "VERY_LONG", very_long)
        real = handlers.WHOLE[f"{act}Task"]
        calls: list[Step] = []

        def counted(step: Step, calls: list[Step] = calls, real: Act = real) -> None:
            calls.append(step)
            real(step)

        monkeypatch.setitem(handlers.WHOLE, f"{act}Task", counted)
        with MockServer({**failed_world(), "clock": {"mode": mode, "now": "2021-01-01T00:00:00Z"}}) as mock:
            assert post(mock, act) == (200, None)
            seen.append([(one["taskInstanceId"], one["subtaskInstanceId"], one["to"]) for one in mock.history()])
            drafts.append(len(calls))
        monkeypatch.setitem(handlers.WHOLE, f"{act}Task", real)
    assert seen[0] == seen[1]
    assert drafts == [1, 1]


def test_meanwhile_others_find_it_as_it_was(failed: Client, gate: Gate, pool: ThreadPoolExecutor) -> None:
    failed.mock.set_clock("real")
    retrying = pool.submit(post, failed.mock, "retry")
    assert gate.reached.acquire(timeout=END_S)
    now = failed.mock.clock()["now"]
    assert failed.get(TASK).json()["data"]["status"] == "FAILED"
    assert failed.mock.clock()["now"] == now, "time stands still"
    gate.open.set()
    assert retrying.result() == (200, None)
    assert failed.get(TASK).json()["data"]["status"] == "RUNNING"


def test_who_changes_it_meanwhile_comes_first(failed: Client, gate: Gate, pool: ThreadPoolExecutor) -> None:
    retrying = pool.submit(post, failed.mock, "retry")
    assert gate.reached.acquire(timeout=END_S)
    assert said(failed.post(RETRY)) == (200, None)
    gate.open.set()
    status, _ = retrying.result()
    assert status == 400, "its task is RUNNING by then"
    assert failed.subtasks()[1] == "READY"


@pytest.mark.parametrize("mode", get_args(ClockMode))
@pytest.mark.parametrize("change", ["edit", "reset"])
def test_it_is_found_out_again_beside_the_loop(
    failed: Client, monkeypatch: pytest.MonkeyPatch, gate: Gate, pool: ThreadPoolExecutor, mode: ClockMode, change: str
) -> None:
    failed.mock.set_clock(mode)
    names = acting_threads(monkeypatch)
    retrying = pool.submit(post, failed.mock, "retry")
    assert gate.reached.acquire(timeout=END_S)
    if change == "edit":
        failed.admin("PATCH", "/tasks/1000/subtasks/10002", {"name": "another"})
    else:
        failed.mock.reset()
    gate.open.set()
    assert retrying.result() == (200, None)
    assert set(names) == {"beside the loop"}
    assert len(names) == 2 or change == "reset", "which may have brought back the very same task"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_that_makes_it_wait_carries_it_out_likewise(
    failed: Client, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    failed.mock.set_clock("real")
    names = acting_threads(monkeypatch)
    failed.admin("POST", "/faults", {"operation": "retryTask", "fixedDelayMilliseconds": 20, "when": when})
    assert post(failed.mock, "retry") == (200, None)
    assert set(names) == {"beside the loop"}
    assert failed.subtasks()[1] != "FAILED"


def acting_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the thread of each draft of a retry of a whole task."""
    names: list[str] = []
    real = handlers.WHOLE["retryTask"]

    def told(step: Step) -> None:
        names.append(current_thread().name)
        real(step)

    monkeypatch.setitem(handlers.WHOLE, "retryTask", told)
    return names


@pytest.mark.parametrize("path", ["1000/rollback", "9999/retry", "x/retry"])
def test_a_refusal_is_the_same(failed: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    failed.post(RETRY)
    answers = []
    for very_long in (0, 1000):
        monkeypatch.setattr(handlers, "VERY_LONG", very_long)
        answer = failed.post(f"/api/v2/tasks/instances/{path}")
        answers.append((answer.status_code, answer.json()["error"], failed.subtasks()))
    assert answers[0] == answers[1]


def test_a_move_of_the_clock_goes_on(failed: Client) -> None:
    """Its hold of the clock is let go."""
    failed.mock.set_clock("real")
    assert post(failed.mock, "retry") == (200, None)
    failed.mock.advance("1h")
    assert failed.subtasks()[1] in ("FAILED", "SUCCESSFUL")
