"""What one step leaves behind beside the values: logs, timers, and what the history is told."""

from dataclasses import replace
from typing import Final

import pytest
from builders import PACE, at, pace, run, subtask, task

from mockserver.tasks import transitions
from mockserver.tasks.execution import Execution
from mockserver.tasks.run_log import Growth, Logged, LogRun
from mockserver.tasks.step import Foreseen, Step, Transition
from mockserver.tasks.values import (
    CANCEL,
    EXECUTE,
    RETRY,
    ROLLBACK,
    SKIP,
    TASK_OPERATIONS,
    TASK_STATUSES,
    Operation,
    Status,
    Subtask,
    TaskOperation,
    TaskStatus,
)


def step(*subtasks: Subtask) -> Step:
    return Step(Execution.of(task(*subtasks)), at(10), pace(), "server")


def logged(it: Step, id: int = 1) -> tuple[LogRun, ...]:
    log = it.logs[id]
    return () if log is None else tuple(log.runs())


def test_a_cancel_begins_a_run_of_its_own_in_the_log() -> None:
    it = step(subtask(1, status="RUNNING", start=0, due=20))
    assert it.act(1, transitions.cancel) is it.subtasks[1]
    assert logged(it) == (LogRun(CANCEL, at(10), ""),)


def test_what_was_written_until_the_cancel_stays() -> None:
    it = step(subtask(1, status="READY", due=10, runs=[run("SUCCESSFUL", 10, "1\n2\n")]))
    it.happen(it.subtasks[1])
    it.now = at(15)
    it.act(1, transitions.cancel)
    assert [one.text for one in logged(it)] == ["1\n", ""]


@pytest.mark.parametrize("act", [transitions.retry, transitions.skip])
def test_what_makes_it_ready_begins_none(act: Transition) -> None:
    it = step(subtask(1, status="FAILED"))
    it.act(1, act)
    assert logged(it) == ()


@pytest.mark.parametrize("operation", [EXECUTE, RETRY, SKIP])
def test_a_run_begins_in_the_log_when_it_begins(operation: Operation) -> None:
    it = step(subtask(1, status="READY", operation=operation, due=10))
    it.happen(it.subtasks[1])
    assert logged(it) == (LogRun(operation, at(10), ""),)


@pytest.mark.parametrize(("due", "voided"), [(9, 0), (10, 0), (12, 1)])
def test_a_timer_of_the_future_is_void_when_something_else_comes_first(due: int, voided: int) -> None:
    it = step(subtask(1, status="RUNNING", start=0, due=due))
    it.act(1, transitions.cancel)
    assert (it.voided, it.timers) == (voided, [(at(11), 1)])


def test_what_stays_due_has_no_second_timer() -> None:
    it = step(subtask(1, status="RUNNING", due=20))
    before = it.subtasks[1]
    it.put(before, replace(before, executor="other", due=at(20)))
    assert (it.voided, it.timers, it.changes) == (0, [], [])


@pytest.mark.parametrize(
    ("status", "operation", "told"),
    [
        ("FAILED", EXECUTE, False),
        ("SUCCESSFUL", EXECUTE, True),
        ("CANCELING", EXECUTE, True),
        ("FAILED", SKIP, True),
        ("FAILED", CANCEL, True),
    ],
)
def test_of_values_that_are_set_the_history_is_told_a_status_and_an_operation(
    status: Status, operation: Operation, told: bool
) -> None:
    it = step(subtask(1, status="FAILED"), subtask(2, status="FAILED"))
    before = it.subtasks[1]
    after = replace(before, status=status, operation=operation, executor="other")
    it.replace(it.task, {1: after}, {1: (LogRun(SKIP, at(0), "said\n"),)})
    assert logged(it) == (LogRun(SKIP, at(0), "said\n"),)
    assert it.changes == ([(before, after)] if told else [])
    assert it.subtasks[1] is after


@pytest.mark.parametrize("was", ["FAILED", "SUCCESSFUL"])
@pytest.mark.parametrize("status", TASK_STATUSES)
@pytest.mark.parametrize("operation", TASK_OPERATIONS)
def test_of_a_task_that_is_set_the_history_is_told_a_status_or_an_operation_once(
    was: TaskStatus, status: TaskStatus, operation: TaskOperation
) -> None:
    it = Step(Execution.of(task(subtask(1, status=was), operation=RETRY)), at(10), pace(), "server")
    before, after = it.task, replace(it.task, status=status, operation=operation)
    it.replace(after, {}, {})
    told = [(before, after)] if (status, operation) != (before.status, before.operation) else []
    assert [change for change in it.changes if change[0] is before] == told


def test_what_is_set_has_consequences() -> None:
    it = step(subtask(1, status="RUNNING", due=20), subtask(2, 1))
    it.replace(it.task, {1: replace(it.subtasks[1], status="SUCCESSFUL", due=None)}, {1: ()})
    assert it.subtasks[2].status == "READY"


def test_a_task_that_has_ended_does_not_end_again_when_something_in_it_is_set() -> None:
    it = Step(Execution.of(task(subtask(1, status="SUCCESSFUL"), finish=5)), at(10), pace(), "server")
    it.replace(it.task, {1: replace(it.subtasks[1], executor="other")}, {1: ()})
    assert (it.task.status, it.task.finish_time) == ("SUCCESSFUL", at(5))


@pytest.mark.parametrize("operation", [ROLLBACK, RETRY])
@pytest.mark.parametrize("count", [1, 2, 3, 300])
def test_the_last_of_its_entries_is_that_of_every_later_run(operation: Operation, count: int) -> None:
    entries = [run("FAILED", seconds) for seconds in range(count)]
    it, taken = subtask(1, status="READY", operation=operation, runs=entries, rollbacks=entries), []
    for _ in range(count + 2):
        running = transitions.start(it, at(0), pace(), "server")
        taken.append(running.coming)
        it = replace(running, status="READY")
    assert taken == [*entries, entries[-1], entries[-1]]


def test_a_run_that_is_under_way_writes_later_if_it_is_moved() -> None:
    growing = Logged(None, LogRun(EXECUTE, at(0), "", Growth("a\nb\n", at(0), at(2))))
    growth = growing.moved(5).run.growth
    assert growth == Growth("a\nb\n", at(0) + 5, at(2) + 5)
    still = Logged(None, LogRun(EXECUTE, at(0), "a"))
    assert still.moved(5) is still


OTHERS: Final = {
    "the same": (at(10), PACE, "m"),
    "earlier": (at(9), PACE, "m"),
    "later": (at(11), PACE, "m"),
    "another pace": (at(10), pace(concurrency=1), "m"),
    "a slower pace": (at(10), pace(dispatch=9), "m"),
    "another server": (at(10), PACE, "a"),
    "a third server": (at(10), PACE, "z"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("is_changed", [False, True])
def test_what_was_foreseen_holds_for_the_same_moment_only(name: str, is_changed: bool) -> None:
    failed = Execution.of(task(subtask(1, status="FAILED"), subtask(2, status="FAILED")))
    acts: list[Step] = []

    def act(step: Step) -> None:
        acts.append(step)
        step.retry_task()

    foreseen = Foreseen(act, Step(failed, *OTHERS["the same"]))
    now = Execution.of(failed.state()) if is_changed else failed
    found, expected = Step(now, *OTHERS[name]), Step(now, *OTHERS[name])
    foreseen(found)
    expected.retry_task()
    assert len(acts) == (1 if name == "the same" and not is_changed else 2)
    assert (found.timers, found.voided, found.counts) == (expected.timers, expected.voided, expected.counts)
