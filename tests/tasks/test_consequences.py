"""What an operator may do and what happens by itself, in small worlds by hand: one idea each, on a clock that only we
move."""

from collections.abc import Callable
from typing import Any

import pytest
from builders import (
    FOREVER,
    at,
    cancel,
    changes,
    execution,
    moments,
    one,
    pace,
    retry,
    retry_task,
    rollback_task,
    run,
    skip,
    statuses,
    subtask,
    task,
    values,
    world,
)

from mockserver.tasks.step import UnknownSubtask
from mockserver.tasks.transitions import Refused, rollback_prohibition
from mockserver.tasks.values import OPERATIONS, STATUSES, Operation, Run, Status
from mockserver.world.live import LiveWorld, UnknownTask

FAIL = run("FAILED", 2)


def refused(live: LiveWorld, act: Callable[..., object], *id: int) -> Refused:
    """A refusal, which has changed nothing."""
    before = values(live)
    with pytest.raises(Refused) as caught:
        act(live, *id)
    assert values(live) == before
    return caught.value


# --- the way of one subtask ------------------------------------------------------------------------------------------


def test_it_is_ready_at_once_runs_after_dispatch_and_ends_after_run() -> None:
    it = world(task(subtask(1)), pace=pace(dispatch=1, run=2))
    assert statuses(it) == {1: "READY"}
    it.advance(at(0.999))
    assert statuses(it) == {1: "READY"}
    it.advance(at(1))
    assert statuses(it) == {1: "RUNNING"}
    it.advance(at(2.999))
    assert statuses(it) == {1: "RUNNING"}
    it.advance(at(3))
    assert statuses(it) == {1: "SUCCESSFUL"}


def test_however_long_nobody_looked_each_hop_has_its_own_instant() -> None:
    it = world(task(subtask(1), subtask(2, 1), subtask(3, 2)), pace=pace(1, 2))
    it.advance(at(1000))
    assert moments(it, 1) == [(1, "RUNNING"), (3, "SUCCESSFUL")]
    assert moments(it, 2) == [(3, "READY"), (4, "RUNNING"), (6, "SUCCESSFUL")]
    assert moments(it, 3) == [(6, "READY"), (7, "RUNNING"), (9, "SUCCESSFUL")]
    assert moments(it, None) == [(9, "SUCCESSFUL")]
    assert it.world.now == at(1000)


def test_a_subtask_has_its_times_and_executor_from_its_run() -> None:
    it = world(task(subtask(1)), pace=pace(1, 2))
    assert (one(it, 1).start_time, one(it, 1).finish_time, one(it, 1).executor) == (None, None, None)
    it.advance(at(1))
    assert (one(it, 1).start_time, one(it, 1).finish_time, one(it, 1).executor) == (at(1), None, "127.0.0.1")
    it.advance(at(10))
    assert (one(it, 1).start_time, one(it, 1).finish_time) == (at(1), at(3))


def test_a_task_has_its_times_from_its_first_start_and_its_end() -> None:
    it = world(task(subtask(1), subtask(2, 1)), pace=pace(1, 2))
    assert (execution(it).task.start_time, execution(it).task.executor) == (None, None)
    it.advance(at(5))
    assert (execution(it).task.start_time, execution(it).task.finish_time) == (at(1), None)
    it.advance(at(6))
    assert (execution(it).task.start_time, execution(it).task.finish_time) == (at(1), at(6))
    assert execution(it).task.executor == "127.0.0.1"


def test_a_retry_keeps_the_first_start_and_forgets_the_last_end_when_it_runs() -> None:
    it = world(task(subtask(1, runs=[FAIL])), pace=pace(1, 2))
    it.advance(at(10))
    retry(it, 1)
    assert (one(it, 1).start_time, one(it, 1).finish_time) == (at(1), at(3))
    it.advance(at(11))
    assert (one(it, 1).start_time, one(it, 1).finish_time) == (at(1), None)
    it.advance(at(13))
    assert (one(it, 1).start_time, one(it, 1).finish_time) == (at(1), at(13))
    assert (one(it, 1).run_time, one(it, 1).operation) == (2, "RETRY")


def test_a_failed_run_fails_its_task_and_a_retry_resumes_it() -> None:
    it = world(task(subtask(1, runs=[FAIL, run("SUCCESSFUL", 2)])), pace=pace(1, 2))
    it.advance(at(10))
    assert (execution(it).task.status, execution(it).task.finish_time) == ("FAILED", at(3))
    retry(it, 1)
    assert (execution(it).task.status, execution(it).task.finish_time) == ("RUNNING", None)
    assert (execution(it).task.operation, execution(it).task.start_time) == ("EXECUTE", at(1))
    it.advance(at(13))
    assert (execution(it).task.status, execution(it).task.finish_time) == ("SUCCESSFUL", at(13))


def test_two_clicks_at_once_are_one_retry() -> None:
    it = world(task(subtask(1, status="FAILED")))
    retry(it, 1)
    assert "only a FAILED subtask" in refused(it, retry, 1).reason
    assert one(it, 1).run_time == 2


def test_a_run_that_lasts_for_ever_is_never_due() -> None:
    it = world(task(subtask(1, timeout=0, runs=[FOREVER])))
    it.advance(at(10**9))
    assert (statuses(it), it.next_due()) == ({1: "RUNNING"}, None)


def test_a_run_too_long_fails_at_its_timeout_and_keeps_its_operation() -> None:
    it = world(task(subtask(1, timeout=5, runs=[run("SUCCESSFUL", 9, "text")])))
    it.advance(at(100))
    assert moments(it, 1) == [(1, "RUNNING"), (6, "FAILED")]
    assert (one(it, 1).operation, one(it, 1).finish_time, one(it, 1).run_time) == ("EXECUTE", at(6), 1)


# --- becoming READY --------------------------------------------------------------------------------------------------


def test_a_subtask_waits_for_all_its_upstreams() -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 2)]), subtask(2, runs=[run("SUCCESSFUL", 5)]), subtask(3, 1, 2)))
    it.advance(at(100))
    assert moments(it, 3)[0] == (6, "READY")


def test_no_more_become_ready_than_there_are_slots_and_in_order_of_id() -> None:
    it = world(task(*(subtask(id) for id in (5, 3, 4, 1, 2))), pace=pace(1, 2, concurrency=2))
    assert statuses(it) == {1: "READY", 2: "READY", 3: "PENDING", 4: "PENDING", 5: "PENDING"}
    it.advance(at(3))
    assert statuses(it) == {1: "SUCCESSFUL", 2: "SUCCESSFUL", 3: "READY", 4: "READY", 5: "PENDING"}


def test_ten_become_ready_by_default() -> None:
    it = world(task(*(subtask(id) for id in range(1, 13))))
    assert [id for id, status in statuses(it).items() if status == "READY"] == list(range(1, 11))


def test_each_task_has_its_own_slots() -> None:
    it = world(*(task(subtask(1), subtask(2), id=id) for id in (1, 2)), pace=pace(concurrency=1))
    assert [statuses(it, id) for id in (1, 2)] == [{1: "READY", 2: "PENDING"}] * 2


def test_a_canceling_subtask_holds_no_slot() -> None:
    it = world(task(subtask(1, runs=[FOREVER]), subtask(2)), pace=pace(1, 2, concurrency=1))
    it.advance(at(1))
    cancel(it, 1)
    assert statuses(it) == {1: "CANCELING", 2: "READY"}


def test_nothing_becomes_ready_while_one_is_failed() -> None:
    """What is under way goes on; what waits goes on waiting, and the task fails once nothing is under way."""
    it = world(task(subtask(1, runs=[FAIL]), subtask(2, runs=[run("SUCCESSFUL", 5)]), subtask(3, 2)))
    it.advance(at(5))
    assert (statuses(it), execution(it).task.status) == ({1: "FAILED", 2: "RUNNING", 3: "PENDING"}, "RUNNING")
    it.advance(at(100))
    assert statuses(it) == {1: "FAILED", 2: "SUCCESSFUL", 3: "PENDING"}
    assert moments(it, None) == [(6, "FAILED")]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_failed_subtask_blocks_whatever_its_operation(operation: Operation) -> None:
    it = world(task(subtask(1, status="FAILED", operation=operation), subtask(2), subtask(3, status="RUNNING")))
    assert statuses(it)[2] == "PENDING"


@pytest.mark.parametrize("act", [lambda it: retry(it, 1), retry_task], ids=["of the subtask", "of the task"])
def test_the_block_ends_with_the_retry_at_the_same_instant(act: Callable[[LiveWorld], object]) -> None:
    it = world(task(subtask(1, status="FAILED"), subtask(2, status="SUCCESSFUL"), subtask(3, 2)))
    act(it)
    assert statuses(it) == {1: "READY", 2: "SUCCESSFUL", 3: "READY"}


def test_while_more_are_under_way_than_there_are_slots_none_becomes_ready() -> None:
    it = world(
        task(*(subtask(id, status="RUNNING") for id in (1, 2)), subtask(3), subtask(4)), pace=pace(concurrency=1)
    )
    assert statuses(it) == {1: "RUNNING", 2: "RUNNING", 3: "PENDING", 4: "PENDING"}


def test_an_operator_ignores_the_limit_and_the_block() -> None:
    failed = [subtask(id, status="FAILED") for id in (1, 2, 3)]
    it = world(task(*failed), pace=pace(concurrency=1))
    retry(it, 2)
    skip(it, 3)
    assert statuses(it) == {1: "FAILED", 2: "READY", 3: "READY"}


def test_a_failed_task_of_a_fixture_stays_as_it_is() -> None:
    """Nothing in it becomes READY by itself, and nothing in it retries itself."""
    it = world(task(subtask(1, status="FAILED", retry_count=5), subtask(2)))
    it.advance(at(1000))
    assert (statuses(it), changes(it)) == ({1: "FAILED", 2: "PENDING"}, [])


def test_a_task_that_is_resumed_does_what_it_could_not() -> None:
    it = world(task(subtask(1, status="FAILED", retry_count=5), subtask(2, status="FAILED")))
    skip(it, 2)
    assert (one(it, 1).status, one(it, 1).operation, one(it, 1).run_time) == ("READY", "RETRY", 2)


def test_a_task_without_subtasks_is_successful_and_stays_so() -> None:
    it = world(task())
    it.advance(at(10))
    assert execution(it).task.status == "SUCCESSFUL"
    assert "it is SUCCESSFUL" in refused(it, retry_task).reason
    assert "it is SUCCESSFUL" in refused(it, rollback_task).reason


# --- automatic retry -------------------------------------------------------------------------------------------------


def test_it_retries_itself_at_the_instant_of_its_failure() -> None:
    it = world(task(subtask(1, retry_count=2, runs=[FAIL])), pace=pace(1, 2))
    it.advance(at(100))
    assert moments(it, 1) == [
        *((1, "RUNNING"), (3, "FAILED"), (3, "READY")),
        *((4, "RUNNING"), (6, "FAILED"), (6, "READY")),
        *((7, "RUNNING"), (9, "FAILED")),
    ]
    assert (one(it, 1).run_time, one(it, 1).operation) == (3, "RETRY")
    assert moments(it, None) == [(9, "FAILED")]


def test_it_retries_itself_after_a_timeout() -> None:
    it = world(task(subtask(1, retry_count=1, timeout=5, runs=[run("SUCCESSFUL", 9), run("SUCCESSFUL", 2)])))
    it.advance(at(100))
    assert moments(it, 1) == [(1, "RUNNING"), (6, "FAILED"), (6, "READY"), (7, "RUNNING"), (9, "SUCCESSFUL")]
    assert (one(it, 1).run_time, one(it, 1).operation) == (2, "RETRY")


def test_an_automatic_retry_forgets_the_last_end_and_an_operators_keeps_it_until_it_runs() -> None:
    it = world(task(subtask(1, retry_count=1, runs=[FAIL])), pace=pace(1, 2))
    it.advance(at(3))
    assert (one(it, 1).status, one(it, 1).start_time, one(it, 1).finish_time) == ("READY", at(1), None)
    it.advance(at(6))
    retry(it, 1)
    assert (one(it, 1).status, one(it, 1).start_time, one(it, 1).finish_time) == ("READY", at(1), at(6))


def test_an_automatic_retry_ignores_the_limit_and_the_block() -> None:
    it = world(
        task(
            subtask(1, retry_count=1, runs=[FAIL]),
            subtask(2, status="FAILED"),
            subtask(3, status="RUNNING", runs=[FOREVER]),
            subtask(4, status="RUNNING", runs=[FOREVER]),
        ),
        pace=pace(1, 2, concurrency=1),
    )
    assert statuses(it)[1] == "PENDING"
    it = world(
        task(
            subtask(1, status="RUNNING", retry_count=1, runs=[FAIL]),
            subtask(2, status="FAILED"),
            subtask(3, status="RUNNING", runs=[FOREVER]),
        ),
        pace=pace(1, 2, concurrency=1),
    )
    it.advance(at(2))
    assert statuses(it) == {1: "READY", 2: "FAILED", 3: "RUNNING"}


def test_a_cancelled_run_is_not_retried_by_itself() -> None:
    it = world(task(subtask(1, retry_count=9)))
    it.advance(at(1))
    cancel(it, 1)
    it.advance(at(100))
    assert moments(it, 1) == [(1, "RUNNING"), (1, "CANCELING"), (2, "FAILED")]


def test_an_automatic_retry_goes_before_what_becomes_ready() -> None:
    """It takes a slot that a PENDING subtask of a smaller id had waited for."""
    it = world(
        task(subtask(1, 3), subtask(2, status="RUNNING", retry_count=1, runs=[FAIL]), subtask(3, status="SUCCESSFUL")),
        pace=pace(1, 2, concurrency=1),
    )
    it.advance(at(2))
    assert statuses(it) == {1: "PENDING", 2: "READY", 3: "SUCCESSFUL"}


def test_automatic_retries_come_in_order_of_id() -> None:
    it = world(task(*(subtask(id, status="FAILED", retry_count=1) for id in (3, 1, 2)), subtask(9, status="FAILED")))
    skip(it, 9)
    assert [change.subtask_instance_id for change in changes(it)] == [9, None, 1, 2, 3]


def test_one_that_an_operator_retries_first_is_not_retried_again_with_the_others() -> None:
    it = world(task(*(subtask(id, status="FAILED", retry_count=1) for id in (1, 2, 3))))
    retry(it, 2)
    assert [one(it, id).run_time for id in (1, 2, 3)] == [2, 2, 2]


# --- skip and cancel -------------------------------------------------------------------------------------------------


def test_a_skipped_subtask_does_nothing_and_is_successful() -> None:
    it = world(task(subtask(1, status="FAILED", runs=[FAIL]), subtask(2, 1)), pace=pace(1, 2))
    skip(it, 1)
    it.advance(at(1))
    assert moments(it, 1) == [(0, "READY"), (1, "RUNNING"), (1, "SUCCESSFUL")]
    assert (one(it, 1).operation, one(it, 1).run_time, one(it, 1).next_run) == ("SKIP", 1, 0)
    assert statuses(it)[2] == "READY"


def test_a_cancelled_run_ends_after_dispatch_and_not_when_it_would_have() -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 9), run("SUCCESSFUL", 5)])), pace=pace(1, 2))
    it.advance(at(3))
    cancel(it, 1)
    it.advance(at(4))
    assert (one(it, 1).status, one(it, 1).operation, one(it, 1).finish_time) == ("FAILED", "CANCEL", at(4))
    retry(it, 1)
    it.advance(at(100))
    assert moments(it, 1)[-2:] == [(5, "RUNNING"), (10, "SUCCESSFUL")]


def test_the_end_that_a_cancel_overtook_does_not_end_the_next_run() -> None:
    """It was due at 10; by then another run of the same subtask is under way."""
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 9), run("SUCCESSFUL", 20)])), pace=pace(1, 2))
    it.advance(at(3))
    cancel(it, 1)
    it.advance(at(4))
    retry(it, 1)
    it.advance(at(12))
    assert statuses(it) == {1: "RUNNING"}
    assert it.next_due() == at(25)


# --- retryTask -------------------------------------------------------------------------------------------------------


def test_a_task_that_is_retried_retries_every_failed_subtask_and_no_other() -> None:
    it = world(
        task(
            subtask(1, status="SUCCESSFUL", run_time=4),
            subtask(2, 1, status="FAILED", operation="CANCEL", run_time=2),
            subtask(3, 1, status="FAILED", operation="ROLLBACK"),
            subtask(4, 2, 3),
        ),
        pace=pace(concurrency=1),
    )
    before = one(it, 1), one(it, 4)
    retry_task(it)
    assert (execution(it).task.status, execution(it).task.operation) == ("RUNNING", "RETRY")
    assert [(one(it, id).status, one(it, id).operation, one(it, id).run_time) for id in (2, 3)] == [
        ("READY", "RETRY", 3),
        ("READY", "RETRY", 2),
    ]
    assert (one(it, 1), one(it, 4)) == before


# --- rolling back ----------------------------------------------------------------------------------------------------


def chain(*given: Status, **more: Any) -> LiveWorld:
    """1 → 2 → 3 …, in these statuses."""
    return world(
        task(*(subtask(id, *([id - 1] if id > 1 else []), status=status) for id, status in enumerate(given, 1)), **more)
    )


def test_a_rollback_goes_back_in_reverse_order_until_all_are_pending() -> None:
    it = chain("SUCCESSFUL", "SUCCESSFUL", "FAILED", "PENDING")
    rollback_task(it)
    assert statuses(it) == {1: "SUCCESSFUL", 2: "SUCCESSFUL", 3: "READY", 4: "PENDING"}
    assert [one(it, id).operation for id in (1, 2, 3, 4)] == ["ROLLBACK", "ROLLBACK", "ROLLBACK", "EXECUTE"]
    it.advance(at(100))
    assert [moments(it, id) for id in (3, 2, 1, 4)] == [
        [(0, "READY"), (1, "RUNNING"), (3, "PENDING")],
        [(3, "READY"), (4, "RUNNING"), (6, "PENDING")],
        [(6, "READY"), (7, "RUNNING"), (9, "PENDING")],
        [],
    ]
    assert moments(it, None) == [(0, "RUNNING"), (9, "SUCCESSFUL")]
    assert (execution(it).task.operation, execution(it).task.finish_time) == ("ROLLBACK", at(9))
    assert {one(it, id).run_time for id in (1, 2, 3, 4)} == {1}


def test_an_upstream_is_rolled_back_after_all_its_downstreams() -> None:
    it = world(
        task(
            subtask(1, status="SUCCESSFUL"),
            subtask(2, 1, status="SUCCESSFUL", rollbacks=[run("SUCCESSFUL", 9)]),
            subtask(3, 1, status="FAILED"),
        )
    )
    rollback_task(it)
    it.advance(at(9))
    assert statuses(it) == {1: "SUCCESSFUL", 2: "RUNNING", 3: "PENDING"}
    it.advance(at(10))
    assert statuses(it)[1] == "READY"


def test_a_downstream_that_is_being_cancelled_keeps_its_upstream_from_rolling_back() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="CANCELING"), operation="ROLLBACK"))
    assert statuses(it) == {1: "SUCCESSFUL", 2: "CANCELING"}


def test_a_rollback_itself_ignores_the_limit_and_its_scheduler_keeps_it() -> None:
    done = [subtask(id, status="SUCCESSFUL") for id in (1, 2)]
    leaves = [subtask(id, 1, 2, status="FAILED") for id in (3, 4)]
    it = world(task(*done, *leaves), pace=pace(1, 2, concurrency=1))
    rollback_task(it)
    assert statuses(it) == {1: "SUCCESSFUL", 2: "SUCCESSFUL", 3: "READY", 4: "READY"}
    it.advance(at(3))
    assert statuses(it) == {1: "READY", 2: "SUCCESSFUL", 3: "PENDING", 4: "PENDING"}


def test_a_rollback_that_fails_leaves_failed_in_operation_rollback() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED", rollbacks=[FAIL, Run()])))
    rollback_task(it)
    it.advance(at(100))
    assert (one(it, 2).status, one(it, 2).operation, execution(it).task.status) == ("FAILED", "ROLLBACK", "FAILED")
    assert "a rollback is not retried" in refused(it, retry, 2).reason
    assert refused(it, retry_task).reason == "it is rolling back"


def test_a_second_rollback_leads_on_from_one_that_failed() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED", rollbacks=[FAIL, Run()])))
    rollback_task(it)
    it.advance(at(100))
    rollback_task(it)
    it.advance(at(200))
    assert (statuses(it), execution(it).task.status) == ({1: "PENDING", 2: "PENDING"}, "SUCCESSFUL")


def test_a_skip_leads_on_from_a_rollback_that_failed() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED", rollbacks=[FAIL])))
    rollback_task(it)
    it.advance(at(10))
    skip(it, 2)
    assert (one(it, 2).operation, execution(it).task.operation) == ("ROLLBACK_SKIP", "ROLLBACK")
    it.advance(at(11))
    assert moments(it, 2)[-2:] == [(11, "RUNNING"), (11, "PENDING")]
    it.advance(at(100))
    assert (statuses(it), execution(it).task.status) == ({1: "PENDING", 2: "PENDING"}, "SUCCESSFUL")


def test_a_failed_subtask_between_others_stays_failed_and_blocks_the_rollback() -> None:
    """Possible only by a fixture: its downstreams are not all PENDING when the rollback comes."""
    it = chain("SUCCESSFUL", "FAILED", "SUCCESSFUL")
    rollback_task(it)
    assert (one(it, 2).status, one(it, 2).operation) == ("FAILED", "ROLLBACK")
    it.advance(at(100))
    assert (statuses(it), execution(it).task.status) == ({1: "SUCCESSFUL", 2: "FAILED", 3: "PENDING"}, "FAILED")
    rollback_task(it)
    it.advance(at(200))
    assert (set(statuses(it).values()), execution(it).task.status) == ({"PENDING"}, "SUCCESSFUL")


def test_nothing_leads_back_from_a_rollback() -> None:
    it = chain("FAILED", "PENDING")
    rollback_task(it)
    it.advance(at(1000))
    assert statuses(it) == {1: "PENDING", 2: "PENDING"}
    for act in (retry_task, rollback_task):
        assert "it is SUCCESSFUL" in refused(it, act).reason


@pytest.mark.parametrize("where", ["task", "subtask"])
def test_a_prohibited_rollback_changes_nothing(where: str) -> None:
    it = world(
        task(subtask(1, status="FAILED", prohibit_rollback=where == "subtask"), prohibit_rollback=where == "task")
    )
    assert refused(it, rollback_task).objection == "prohibited"


def test_a_task_prohibits_its_rollback_as_soon_as_a_subtask_that_does_has_started() -> None:
    it = world(task(subtask(1, prohibit_rollback=True)))
    found = []
    for instant in (0, 1, 3):
        it.advance(at(instant))
        found.append((one(it, 1).status, rollback_prohibition(execution(it).task, execution(it).subtasks)))
    said = "subtask 1, which has run, prohibits it"
    assert found == [("READY", None), ("RUNNING", said), ("SUCCESSFUL", said)]


# --- refusals --------------------------------------------------------------------------------------------------------

ACTS: dict[Callable[..., object], Status] = {retry: "FAILED", skip: "FAILED", cancel: "RUNNING"}


@pytest.mark.parametrize(
    ("act", "status"), [(act, status) for act in ACTS for status in STATUSES if status != ACTS[act]]
)
def test_what_the_state_does_not_allow_changes_nothing(act: Callable[..., object], status: Status) -> None:
    """4 keeps what is PENDING as it is."""
    busy = [subtask(id, status="RUNNING", runs=[FOREVER]) for id in (2, 4)]
    it = world(task(subtask(1, 4, status=status), *busy))
    assert refused(it, act, 1).objection == "state"


@pytest.mark.parametrize("act", [*ACTS, retry_task, rollback_task])
def test_what_does_not_exist_is_not_found(act: Callable[..., object]) -> None:
    it = world(task(subtask(1, status="FAILED")), task(subtask(2, status="FAILED"), id=2000))
    before = values(it)
    with pytest.raises(UnknownTask):
        act(it, *((1,) if act in ACTS else ()), task=9)
    if act in ACTS:
        with pytest.raises(UnknownSubtask):
            act(it, 2)
    assert values(it) == before
