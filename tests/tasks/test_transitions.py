"""Every transition on its own, with all its fields; every refusal, over every other status. Pure values."""

from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest
from builders import START, TASK, at, derived, pace, run, subtask, task

from mockserver.tasks import transitions, values
from mockserver.tasks.run_log import Growth
from mockserver.tasks.transitions import Refused
from mockserver.tasks.values import (
    OPERATIONS,
    STATUSES,
    TASK_OPERATIONS,
    TASK_STATUSES,
    Operation,
    Pace,
    Run,
    Status,
    Subtask,
    Task,
    TaskOperation,
    TaskStatus,
)
from mockserver.times import NEVER, SECOND

PACE = pace(dispatch=1, run=2)
NOW = START
COMPUTED = int(f"{NEVER}")
"""An equal number is as long, whatever it comes from."""
OPEN: list[TaskOperation] = ["EXECUTE", "RETRY"]
"""The operations of a task that is not rolling back."""


def failed(id: int = 1, operation: Operation = "EXECUTE", run_time: int = 3) -> Subtask:
    return subtask(
        id, status="FAILED", operation=operation, run_time=run_time, start=-9, finish=-5, executor="node", next_run=1
    )


def a_task(status: TaskStatus = "FAILED", operation: TaskOperation = "EXECUTE") -> Task:
    return task(status=status, operation=operation, start=-9, finish=-5).task


def others(*allowed: Status) -> list[Status]:
    return [status for status in STATUSES if status not in allowed]


# --- retrySubtask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one != "ROLLBACK"])
@pytest.mark.parametrize("of_task", OPEN)
def test_a_retry_makes_it_ready_with_one_more_run_time_and_keeps_its_times(
    operation: Operation, of_task: TaskOperation
) -> None:
    before = failed(operation=operation)
    after = transitions.retry(before, a_task(operation=of_task), NOW, PACE)
    assert after == replace(before, status="READY", operation="RETRY", run_time=4, due=at(1))


@pytest.mark.parametrize(("counts", "run_time"), [(True, 4), (False, 3)])
def test_whether_an_operators_retry_of_a_subtask_counts_is_the_paces(counts: bool, run_time: int) -> None:
    """Any other retry does."""
    counting = PACE._replace(counts_retry=counts)
    assert transitions.retry(failed(), a_task(), NOW, counting).run_time == run_time
    assert transitions.retried(failed(), NOW, counting).run_time == 4


@pytest.mark.parametrize(("run_time", "then"), [(2**31 - 2, 2**31 - 1), (2**31 - 1, 2**31 - 1)])
def test_a_run_time_never_leaves_a_java_int(run_time: int, then: int) -> None:
    assert transitions.retry(failed(run_time=run_time), a_task(), NOW, PACE).run_time == then


@pytest.mark.parametrize("status", others("FAILED"))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_a_failed_subtask_is_retried(status: Status, operation: Operation) -> None:
    with pytest.raises(Refused, match=f"it is {status}, and only a FAILED"):
        transitions.retry(subtask(1, status=status, operation=operation), a_task(), NOW, PACE)


def test_a_failed_rollback_is_not_retried() -> None:
    with pytest.raises(Refused, match="its rollback FAILED"):
        transitions.retry(failed(operation="ROLLBACK"), a_task(), NOW, PACE)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", TASK_STATUSES)
def test_nothing_is_retried_in_a_task_that_rolls_back(operation: Operation, status: TaskStatus) -> None:
    """Whatever the task's status: it rolls back while its operation is ROLLBACK."""
    with pytest.raises(Refused):
        transitions.retry(failed(operation=operation), a_task(status, "ROLLBACK"), NOW, PACE)


# --- skipSubtask -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("of_task", "becomes"), [("EXECUTE", "SKIP"), ("RETRY", "SKIP"), ("ROLLBACK", "ROLLBACK_SKIP")]
)
def test_a_skip_makes_it_ready_and_counts_no_run(
    operation: Operation, of_task: TaskOperation, becomes: Operation
) -> None:
    before = failed(operation=operation)
    after = transitions.skip(before, a_task(operation=of_task), NOW, PACE)
    assert after == replace(before, status="READY", operation=becomes, due=at(1))


@pytest.mark.parametrize("status", others("FAILED"))
@pytest.mark.parametrize("of_task", TASK_OPERATIONS)
def test_only_a_failed_subtask_is_skipped(status: Status, of_task: TaskOperation) -> None:
    with pytest.raises(Refused, match=f"it is {status}, and only a FAILED"):
        transitions.skip(subtask(1, status=status), a_task("RUNNING", of_task), NOW, PACE)


@pytest.mark.parametrize("of_task", TASK_OPERATIONS)
@pytest.mark.parametrize("status", STATUSES)
def test_what_cannot_be_skipped_is_refused_for_that_once_it_has_failed(status: Status, of_task: TaskOperation) -> None:
    with pytest.raises(Refused) as caught:
        transitions.skip(subtask(1, status=status, skippable=False), a_task(operation=of_task), NOW, PACE)
    assert caught.value.objection == ("skippable" if status == "FAILED" else "state")


# --- cancelSubtask ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("of_task", TASK_OPERATIONS)
def test_a_cancel_keeps_the_operation_until_it_has_ended(operation: Operation, of_task: TaskOperation) -> None:
    before = subtask(1, status="RUNNING", operation=operation, start=-3, due=7, coming=Run(), executor="node")
    cancelling = transitions.cancel(before, a_task("RUNNING", of_task), NOW, PACE)
    assert cancelling == replace(before, status="CANCELING", due=at(1), coming=None)
    ended = transitions.end(cancelling, at(1))
    assert ended == replace(before, status="FAILED", operation="CANCEL", due=None, coming=None, finish_time=at(1))


@pytest.mark.parametrize("status", others("RUNNING"))
def test_only_a_running_subtask_is_cancelled(status: Status) -> None:
    with pytest.raises(Refused, match=f"it is {status}, and only a RUNNING"):
        transitions.cancel(subtask(1, status=status), a_task(), NOW, PACE)


# --- retryTask -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPEN)
def test_a_task_that_is_retried_runs_again(operation: TaskOperation) -> None:
    before = a_task(operation=operation)
    assert transitions.retry_task(before) == replace(before, status="RUNNING", operation="RETRY", finish_time=None)


@pytest.mark.parametrize("status", ["RUNNING", "SUCCESSFUL"])
@pytest.mark.parametrize("operation", TASK_OPERATIONS)
def test_only_a_failed_task_is_retried(status: TaskStatus, operation: TaskOperation) -> None:
    with pytest.raises(Refused, match=f"it is {status}, and only a FAILED"):
        transitions.retry_task(a_task(status, operation))


def test_a_task_whose_rollback_failed_is_not_retried() -> None:
    with pytest.raises(Refused, match="rolling back"):
        transitions.retry_task(a_task("FAILED", "ROLLBACK"))


# --- rollbackTask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", TASK_OPERATIONS)
def test_a_failed_task_is_rolled_back_and_a_second_time_too(operation: TaskOperation) -> None:
    before = a_task("FAILED", operation)
    after = transitions.rollback_task(before, {1: failed()})
    assert after == replace(before, status="RUNNING", operation="ROLLBACK", finish_time=None)


@pytest.mark.parametrize("status", ["RUNNING", "SUCCESSFUL"])
@pytest.mark.parametrize("operation", TASK_OPERATIONS)
def test_only_a_failed_task_is_rolled_back(status: TaskStatus, operation: TaskOperation) -> None:
    with pytest.raises(Refused, match=f"it is {status}, and only a FAILED") as caught:
        transitions.rollback_task(a_task(status, operation), {})
    assert caught.value.objection == "state"


@pytest.mark.parametrize("status", STATUSES)
def test_a_subtask_prohibits_the_rollback_once_it_has_run(status: Status) -> None:
    subtasks = {1: failed(), 2: subtask(2, status=status, prohibit_rollback=True)}
    if status in ("PENDING", "READY"):
        transitions.rollback_task(a_task(), subtasks)
        return
    with pytest.raises(Refused, match="subtask 2, which has run, prohibits it") as caught:
        transitions.rollback_task(a_task(), subtasks)
    assert caught.value.objection == "prohibited"


def test_a_task_prohibits_its_rollback() -> None:
    prohibiting = task(failed(), prohibit_rollback=True).task
    with pytest.raises(Refused, match="the task itself prohibits it") as caught:
        transitions.rollback_task(prohibiting, {})
    assert caught.value.objection == "prohibited"


def test_a_task_that_did_not_fail_is_refused_for_that_and_not_for_its_prohibition() -> None:
    """TSK10007 before TSK10009: where nothing can be rolled back, nothing is prohibited."""
    prohibiting = task(subtask(1), prohibit_rollback=True).task
    with pytest.raises(Refused) as caught:
        transitions.rollback_task(prohibiting, {})
    assert caught.value.objection == "state"


# --- a run -----------------------------------------------------------------------------------------------------------


def ready(operation: Operation = "EXECUTE", **more: object) -> Subtask:
    return subtask(1, status="READY", operation=operation, due=0, **more)  # type: ignore[arg-type]  # mypy sees `object`


def test_a_first_start_sets_start_time_and_executor() -> None:
    before = ready(finish=-5)
    after = transitions.start(before, NOW, PACE, "node")
    assert after == replace(
        before, status="RUNNING", executor="node", start_time=NOW, finish_time=None, due=at(2), coming=Run()
    )


def test_a_later_start_keeps_start_time_and_forgets_finish_time() -> None:
    after = transitions.start(ready("RETRY", start=-9, finish=-5), NOW, PACE, "node")
    assert (after.start_time, after.finish_time) == (at(-9), None)


@pytest.mark.parametrize("operation", ["EXECUTE", "RETRY", "CANCEL"])
def test_a_run_takes_the_next_entry_and_the_last_one_repeats(operation: Operation) -> None:
    one, two = run("FAILED", 4), run("SUCCESSFUL", 5)
    entries = ready(operation, runs=[one, two])
    first = transitions.start(entries, NOW, PACE, "node")
    second = transitions.start(replace(entries, next_run=first.next_run), NOW, PACE, "node")
    third = transitions.start(replace(entries, next_run=second.next_run), NOW, PACE, "node")
    assert [(one.coming, one.due) for one in (first, second, third)] == [(one, at(4)), (two, at(5)), (two, at(5))]
    assert {one.next_rollback for one in (first, second, third)} == {0}


def test_a_rollback_takes_the_next_entry_of_rollbacks() -> None:
    entries = ready("ROLLBACK", runs=[run("SUCCESSFUL", 9)], rollbacks=[run("FAILED", 4), run("SUCCESSFUL", 5)])
    first = transitions.start(entries, NOW, PACE, "node")
    assert (first.due, first.next_run, first.next_rollback) == (at(4), 0, 1)
    assert transitions.start(replace(entries, next_rollback=1), NOW, PACE, "node").due == at(5)


@pytest.mark.parametrize("operation", ["SKIP", "ROLLBACK_SKIP"])
def test_a_skip_takes_no_time_and_no_entry(operation: Operation) -> None:
    after = transitions.start(
        ready(operation, runs=[run("FAILED", 9)], rollbacks=[run("FAILED", 9)]), NOW, PACE, "node"
    )
    assert (after.due, after.next_run, after.next_rollback) == (NOW, 0, 0)


@pytest.mark.parametrize(
    ("operation", "outcome", "status", "becomes"),
    [
        ("EXECUTE", "SUCCESSFUL", "SUCCESSFUL", "EXECUTE"),
        ("RETRY", "SUCCESSFUL", "SUCCESSFUL", "RETRY"),
        ("CANCEL", "SUCCESSFUL", "SUCCESSFUL", "CANCEL"),
        ("SKIP", "SUCCESSFUL", "SUCCESSFUL", "SKIP"),
        ("ROLLBACK", "SUCCESSFUL", "PENDING", "ROLLBACK"),
        ("ROLLBACK_SKIP", "SUCCESSFUL", "PENDING", "ROLLBACK_SKIP"),
        ("EXECUTE", "FAILED", "FAILED", "EXECUTE"),
        ("RETRY", "FAILED", "FAILED", "RETRY"),
        ("ROLLBACK", "FAILED", "FAILED", "ROLLBACK"),
        ("EXECUTE", "TIMEOUT", "FAILED", "EXECUTE"),
        ("RETRY", "TIMEOUT", "FAILED", "RETRY"),
        ("CANCEL", "TIMEOUT", "FAILED", "CANCEL"),
        ("ROLLBACK", "TIMEOUT", "FAILED", "ROLLBACK"),
    ],
)
def test_a_run_ends_by_its_outcome(
    operation: Operation, outcome: values.Outcome, status: Status, becomes: Operation
) -> None:
    before = subtask(1, status="RUNNING", operation=operation, start=-3, due=0, coming=Run(outcome), run_time=2)
    after = transitions.end(before, NOW)
    assert after == replace(before, status=status, operation=becomes, finish_time=NOW, due=None, coming=None)


@pytest.mark.parametrize(
    ("timeout", "duration", "due", "outcome"),
    [
        pytest.param(3, 2, 2, "SUCCESSFUL", id="shorter"),
        pytest.param(3, 3, 3, "SUCCESSFUL", id="exactly as long is not longer"),
        pytest.param(3, 3.001, 3, "TIMEOUT", id="a millisecond longer"),
        pytest.param(0, 10**6, 10**6, "SUCCESSFUL", id="0 is no timeout"),
        pytest.param(2**31 - 1, 3, 3, "SUCCESSFUL", id="the longest timeout"),
    ],
)
def test_a_run_longer_than_its_timeout_ends_there(timeout: int, duration: float, due: float, outcome: str) -> None:
    after = transitions.start(ready(timeout=timeout, runs=[run("SUCCESSFUL", duration)]), NOW, PACE, "node")
    assert after.coming is not None
    assert (after.due, after.coming.outcome) == (at(due), outcome)


def test_the_schedulers_own_run_times_out_too() -> None:
    after = transitions.start(ready(timeout=1), NOW, PACE, "node")
    assert (after.due, after.coming) == (at(1), Run("TIMEOUT"))


def test_a_run_that_never_ends_lasts_until_its_timeout() -> None:
    after = transitions.start(ready(timeout=3, runs=[Run("SUCCESSFUL", NEVER)]), NOW, PACE, "node")
    assert (after.due, after.coming and after.coming.outcome) == (at(3), "TIMEOUT")


def test_without_a_timeout_it_lasts_for_ever() -> None:
    assert transitions.start(ready(timeout=0, runs=[Run("SUCCESSFUL", COMPUTED)]), NOW, PACE, "node").due is None


@pytest.mark.parametrize(
    ("timeout", "duration", "until"),
    [
        pytest.param(9, 4, 4, id="its duration"),
        pytest.param(9, None, 2, id="the scheduler's"),
        pytest.param(3, 4, 4, id="its own duration, of which a timeout cuts off the end"),
        pytest.param(3, NEVER, 3, id="until the timeout, where nothing else would end it"),
        pytest.param(0, COMPUTED, 0, id="at once, where nothing ends it"),
    ],
)
def test_a_run_writes_its_log_over_its_duration(timeout: int, duration: int | None, until: int) -> None:
    entry = Run("FAILED", duration if duration in (None, NEVER) else duration * SECOND, "one\ntwo")
    for now in (NOW, SECOND):  # also soon after the epoch
        running = transitions.start(ready(timeout=timeout, runs=[entry]), now, PACE, "node")
        assert transitions.log_growth(running, now, PACE) == Growth("one\ntwo", now, now + until * SECOND)


def test_a_run_that_says_nothing_writes_no_log() -> None:
    assert transitions.log_growth(transitions.start(ready(), NOW, PACE, "node"), NOW, PACE) is None


@pytest.mark.parametrize("status", ["READY", "CANCELING"])
def test_where_nothing_is_ever_dispatched_nothing_is_due(status: Status) -> None:
    stopped = Pace(dispatch=COMPUTED)
    assert transitions.counted_from(subtask(1, status=status), NOW, stopped).due is None
    assert transitions.retry(failed(), a_task(), NOW, stopped).due is None


# --- automatic retry -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_it_retries_itself_while_its_retry_count_lasts(status: Status) -> None:
    """FAILED, in EXECUTE or RETRY: after a timeout too, and never after a cancel."""
    for operation, run_time in product(OPERATIONS, range(4)):
        one = subtask(1, status=status, operation=operation, run_time=run_time, retry_count=2)
        expected = status == "FAILED" and operation in ("EXECUTE", "RETRY") and run_time <= 2
        assert transitions.retries_itself(one) is expected, (operation, run_time)


def test_by_default_nothing_retries_itself() -> None:
    assert not transitions.retries_itself(failed(run_time=1))


# --- the task's status -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", TASK_OPERATIONS)
def test_a_task_without_subtasks_is_successful(operation: TaskOperation) -> None:
    assert transitions.derived_status(dict.fromkeys(STATUSES, 0), operation) == "SUCCESSFUL"


@pytest.mark.parametrize(("status", "operation"), [("SUCCESSFUL", "EXECUTE"), ("PENDING", "ROLLBACK")])
def test_a_task_of_a_thousand_subtasks_ends_too(status: Status, operation: TaskOperation) -> None:
    counts = dict.fromkeys(STATUSES, 0) | {status: 1000}
    assert transitions.derived_status(counts, operation) == "SUCCESSFUL"


@pytest.mark.parametrize("operation", TASK_OPERATIONS)
@pytest.mark.parametrize("subtasks", [2, 3])
def test_a_tasks_status_is_what_its_subtasks_give(operation: TaskOperation, subtasks: int) -> None:
    for statuses in product(STATUSES, repeat=subtasks):
        counts = {status: statuses.count(status) for status in STATUSES}
        expected = derived([subtask(id, status=status) for id, status in enumerate(statuses)], operation)
        assert transitions.derived_status(counts, operation) == expected, statuses


# --- a world just loaded ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "SUCCESSFUL"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_not_under_way_is_loaded_as_it_is(status: Status, operation: Operation) -> None:
    before = subtask(1, status=status, operation=operation)
    assert transitions.counted_from(before, NOW, PACE) == before


@pytest.mark.parametrize("status", ["READY", "CANCELING"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_dispatched_is_due_after_dispatch(status: Status, operation: Operation) -> None:
    before = subtask(1, status=status, operation=operation)
    assert transitions.counted_from(before, NOW, PACE) == replace(before, due=at(1))


def test_what_runs_takes_its_first_entry_and_keeps_its_times() -> None:
    first = run("FAILED", 4, "text")
    before = subtask(1, status="RUNNING", runs=[first, run("SUCCESSFUL", 9)], start=-3, executor="elsewhere")
    after = transitions.counted_from(before, NOW, PACE)
    assert after == replace(before, due=at(4), coming=first, next_run=1)


def test_what_runs_without_a_known_start_has_none_made_up() -> None:
    after = transitions.counted_from(subtask(1, status="RUNNING"), NOW, PACE)
    assert (after.start_time, after.executor) == (None, None)


# --- values ----------------------------------------------------------------------------------------------------------


def test_a_transition_changes_no_value() -> None:
    """What it gets stays as it was: changes are new values. (That none is assigned to, mypy sees.)"""
    before = failed()
    same = replace(before)
    transitions.retry(before, a_task(), NOW, PACE)
    transitions.skip(before, a_task(), NOW, PACE)
    assert before == same
    with pytest.raises(AttributeError):
        before.definition.name = "other"  # type: ignore[misc]  # which is the mistake


@pytest.mark.parametrize(
    "definition", [subtask(1).definition, task().task.definition, task()], ids=lambda one: type(one).__name__
)
def test_a_definition_is_itself_and_never_another(definition: Any) -> None:
    """It is compared by identity, as a key too, and nobody can change it."""
    assert replace(definition) != definition
    with pytest.raises(AttributeError):
        setattr(definition, fields(definition)[0].name, None)


def test_the_builders_derive_a_tasks_status() -> None:
    assert (task(failed()).task.status, task(failed()).task.id) == ("FAILED", TASK)
