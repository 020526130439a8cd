"""What happens by itself, and when: small worlds by hand, one idea each, on a clock that only we move."""

from typing import Any

import pytest
from builders import (
    FOREVER,
    START,
    TASK,
    at,
    changes,
    execution,
    fixture,
    moments,
    one,
    pace,
    run,
    statuses,
    subtask,
    task,
    values,
    world,
)
from mockserver.tasks.scheduler import topological

from mockserver.contract.errors import ApiError
from mockserver.faults.denials import Denial
from mockserver.tasks.lifecycle import OPERATIONS, STATUSES, Operation, Run, Status
from mockserver.times import MS
from mockserver.world.journal import CHANGES
from mockserver.world.live import EVENTS_AT_ONE_INSTANT, TooManyEvents
from mockserver.world.value import World

FAIL = run("FAILED", 2)


def act(world: World, name: str, *ids: int) -> Any:
    return getattr(world, name)(*ids, "an operator")


def refused(world: World, name: str, *ids: int) -> tuple[int, int]:
    """The status and code of a refusal, which has changed nothing."""
    before = values(world)
    with pytest.raises(ApiError) as caught:
        act(world, name, *ids)
    assert values(world) == before
    return caught.value.row.status, caught.value.row.code


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
    assert it.now == at(1000)


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
    act(it, "retry_subtask", TASK, 1)
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
    act(it, "retry_subtask", TASK, 1)
    assert (execution(it).task.status, execution(it).task.finish_time) == ("RUNNING", None)
    assert (execution(it).task.operation, execution(it).task.start_time) == ("EXECUTE", at(1))
    it.advance(at(13))
    assert (execution(it).task.status, execution(it).task.finish_time) == ("SUCCESSFUL", at(13))


def test_two_clicks_at_once_are_one_retry() -> None:
    it = world(task(subtask(1, status="FAILED")))
    act(it, "retry_subtask", TASK, 1)
    assert refused(it, "retry_subtask", TASK, 1) == (400, 20003)
    assert one(it, 1).run_time == 2


def test_a_run_that_lasts_for_ever_is_never_due() -> None:
    it = world(task(subtask(1, timeout=0, runs=[FOREVER])))
    it.advance(at(10**9))
    assert (statuses(it), it.next_due()) == ({1: "RUNNING"}, None)


def test_a_run_too_long_fails_at_its_timeout_in_operation_cancel() -> None:
    it = world(task(subtask(1, timeout=5, runs=[run("SUCCESSFUL", 9, "text")], retry_count=9)))
    it.advance(at(100))
    assert moments(it, 1) == [(1, "RUNNING"), (6, "FAILED")]
    assert (one(it, 1).operation, one(it, 1).finish_time, one(it, 1).run_time) == ("CANCEL", at(6), 1)


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
    act(it, "cancel_subtask", TASK, 1)
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


def test_the_block_ends_with_the_retry_at_the_same_instant() -> None:
    it = world(task(subtask(1, status="FAILED"), subtask(2, status="SUCCESSFUL"), subtask(3, 2)))
    act(it, "retry_subtask", TASK, 1)
    assert statuses(it) == {1: "READY", 2: "SUCCESSFUL", 3: "READY"}


def test_an_operator_ignores_the_limit_and_the_block() -> None:
    failed = [subtask(id, status="FAILED") for id in (1, 2, 3)]
    it = world(task(*failed), pace=pace(concurrency=1))
    act(it, "retry_subtask", TASK, 2)
    act(it, "skip_subtask", TASK, 3)
    assert statuses(it) == {1: "FAILED", 2: "READY", 3: "READY"}


def test_a_failed_task_of_a_fixture_stays_as_it_is() -> None:
    """Nothing in it becomes READY by itself, and nothing in it retries itself."""
    it = world(task(subtask(1, status="FAILED", retry_count=5), subtask(2)))
    it.advance(at(1000))
    assert (statuses(it), changes(it)) == ({1: "FAILED", 2: "PENDING"}, [])


def test_a_task_that_is_resumed_does_what_it_could_not() -> None:
    it = world(task(subtask(1, status="FAILED", retry_count=5), subtask(2, status="FAILED")))
    act(it, "skip_subtask", TASK, 2)
    assert (one(it, 1).status, one(it, 1).operation, one(it, 1).run_time) == ("READY", "RETRY", 2)


def test_a_task_without_subtasks_is_successful_and_stays_so() -> None:
    it = world(task())
    it.advance(at(10))
    assert execution(it).task.status == "SUCCESSFUL"
    assert refused(it, "retry_task", TASK) == refused(it, "rollback_task", TASK) == (400, 20003)


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
    act(it, "cancel_subtask", TASK, 1)
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
    act(it, "skip_subtask", TASK, 9)
    assert [change.subtask_instance_id for change in changes(it)] == [9, None, 1, 2, 3]


# --- skip and cancel -------------------------------------------------------------------------------------------------


def test_a_skipped_subtask_does_nothing_and_is_successful() -> None:
    it = world(task(subtask(1, status="FAILED", runs=[FAIL]), subtask(2, 1)), pace=pace(1, 2))
    act(it, "skip_subtask", TASK, 1)
    it.advance(at(1))
    assert moments(it, 1) == [(0, "READY"), (1, "RUNNING"), (1, "SUCCESSFUL")]
    assert (one(it, 1).operation, one(it, 1).run_time, one(it, 1).next_run) == ("SKIP", 1, 0)
    assert statuses(it)[2] == "READY"


def test_a_cancelled_run_ends_after_dispatch_and_not_when_it_would_have() -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 9), run("SUCCESSFUL", 5)])), pace=pace(1, 2))
    it.advance(at(3))
    act(it, "cancel_subtask", TASK, 1)
    it.advance(at(4))
    assert (one(it, 1).status, one(it, 1).operation, one(it, 1).finish_time) == ("FAILED", "CANCEL", at(4))
    act(it, "retry_subtask", TASK, 1)
    it.advance(at(100))
    assert moments(it, 1)[-2:] == [(5, "RUNNING"), (10, "SUCCESSFUL")]


def test_the_end_that_a_cancel_overtook_does_not_end_the_next_run() -> None:
    """It was due at 10; by then another run of the same subtask is under way."""
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 9), run("SUCCESSFUL", 20)])), pace=pace(1, 2))
    it.advance(at(3))
    act(it, "cancel_subtask", TASK, 1)
    it.advance(at(4))
    act(it, "retry_subtask", TASK, 1)
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
    act(it, "retry_task", TASK)
    assert (execution(it).task.status, execution(it).task.operation) == ("RUNNING", "RETRY")
    assert [(one(it, id).status, one(it, id).operation, one(it, id).run_time) for id in (2, 3)] == [
        ("READY", "RETRY", 3),
        ("READY", "RETRY", 2),
    ]
    assert (one(it, 1), one(it, 4)) == before


# --- rolling back ----------------------------------------------------------------------------------------------------


def chain(*given: Status, **more: Any) -> World:
    """1 → 2 → 3 …, in these statuses."""
    return world(
        task(*(subtask(id, *([id - 1] if id > 1 else []), status=status) for id, status in enumerate(given, 1)), **more)
    )


def test_a_rollback_goes_back_in_reverse_order_until_all_are_pending() -> None:
    it = chain("SUCCESSFUL", "SUCCESSFUL", "FAILED", "PENDING")
    act(it, "rollback_task", TASK)
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
    act(it, "rollback_task", TASK)
    it.advance(at(9))
    assert statuses(it) == {1: "SUCCESSFUL", 2: "RUNNING", 3: "PENDING"}
    it.advance(at(10))
    assert statuses(it)[1] == "READY"


def test_a_rollback_itself_ignores_the_limit_and_its_scheduler_keeps_it() -> None:
    done = [subtask(id, status="SUCCESSFUL") for id in (1, 2)]
    leaves = [subtask(id, 1, 2, status="FAILED") for id in (3, 4)]
    it = world(task(*done, *leaves), pace=pace(1, 2, concurrency=1))
    act(it, "rollback_task", TASK)
    assert statuses(it) == {1: "SUCCESSFUL", 2: "SUCCESSFUL", 3: "READY", 4: "READY"}
    it.advance(at(3))
    assert statuses(it) == {1: "READY", 2: "SUCCESSFUL", 3: "PENDING", 4: "PENDING"}


def test_a_rollback_that_fails_leaves_failed_in_operation_rollback() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED", rollbacks=[FAIL, Run()])))
    act(it, "rollback_task", TASK)
    it.advance(at(100))
    assert (one(it, 2).status, one(it, 2).operation, execution(it).task.status) == ("FAILED", "ROLLBACK", "FAILED")
    assert refused(it, "retry_subtask", TASK, 2) == refused(it, "retry_task", TASK) == (400, 20003)


def test_a_second_rollback_leads_on_from_one_that_failed() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED", rollbacks=[FAIL, Run()])))
    act(it, "rollback_task", TASK)
    it.advance(at(100))
    act(it, "rollback_task", TASK)
    it.advance(at(200))
    assert (statuses(it), execution(it).task.status) == ({1: "PENDING", 2: "PENDING"}, "SUCCESSFUL")


def test_a_skip_leads_on_from_a_rollback_that_failed() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED", rollbacks=[FAIL])))
    act(it, "rollback_task", TASK)
    it.advance(at(10))
    act(it, "skip_subtask", TASK, 2)
    assert (one(it, 2).operation, execution(it).task.operation) == ("ROLLBACK_SKIP", "ROLLBACK")
    it.advance(at(11))
    assert moments(it, 2)[-2:] == [(11, "RUNNING"), (11, "PENDING")]
    it.advance(at(100))
    assert (statuses(it), execution(it).task.status) == ({1: "PENDING", 2: "PENDING"}, "SUCCESSFUL")


def test_a_failed_subtask_between_others_stays_failed_and_blocks_the_rollback() -> None:
    """Possible only by a fixture: its downstreams are not all PENDING when the rollback comes."""
    it = chain("SUCCESSFUL", "FAILED", "SUCCESSFUL")
    act(it, "rollback_task", TASK)
    assert (one(it, 2).status, one(it, 2).operation) == ("FAILED", "ROLLBACK")
    it.advance(at(100))
    assert (statuses(it), execution(it).task.status) == ({1: "SUCCESSFUL", 2: "FAILED", 3: "PENDING"}, "FAILED")
    act(it, "rollback_task", TASK)
    it.advance(at(200))
    assert (set(statuses(it).values()), execution(it).task.status) == ({"PENDING"}, "SUCCESSFUL")


def test_nothing_leads_back_from_a_rollback() -> None:
    it = chain("FAILED", "PENDING")
    act(it, "rollback_task", TASK)
    it.advance(at(1000))
    assert statuses(it) == {1: "PENDING", 2: "PENDING"}
    assert {refused(it, name, TASK) for name in ("retry_task", "rollback_task")} == {(400, 20003)}


@pytest.mark.parametrize("where", ["task", "subtask"])
def test_a_prohibited_rollback_changes_nothing(where: str) -> None:
    it = world(
        task(subtask(1, status="FAILED", prohibit_rollback=where == "subtask"), prohibit_rollback=where == "task")
    )
    assert refused(it, "rollback_task", TASK) == (400, 20004)


# --- refusals --------------------------------------------------------------------------------------------------------

ACTS = {"retry_subtask": "FAILED", "skip_subtask": "FAILED", "cancel_subtask": "RUNNING"}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", ACTS)
def test_what_the_state_does_not_allow_changes_nothing(name: str, status: Status) -> None:
    it = world(task(subtask(1, status=status, runs=[FOREVER]), subtask(2, status="RUNNING", runs=[FOREVER])))
    if status == ACTS[name] or (name == "cancel_subtask" and status == "RUNNING"):
        act(it, name, TASK, 1)
    else:
        if status == "PENDING":  # it became READY when it was loaded
            it = world(task(subtask(1, 3), subtask(3, status="RUNNING", runs=[FOREVER])))
        assert refused(it, name, TASK, 1) == (400, 20003)


@pytest.mark.parametrize("name", [*ACTS, "retry_task", "rollback_task"])
def test_what_does_not_exist_is_not_found(name: str) -> None:
    it = world(task(subtask(1, status="FAILED")), task(subtask(2, status="FAILED"), id=2000))
    ids = (1,) if name in ACTS else ()
    assert refused(it, name, 9, *ids) == (404, 20000)
    if ids:
        assert refused(it, name, TASK, 2) == (404, 20000)


def test_a_subtask_of_another_task_is_pointed_at() -> None:
    it = world(task(subtask(1)), task(subtask(2), id=2000))
    with pytest.raises(ApiError) as caught:
        it.retry_subtask(TASK, 2, "an operator")
    assert caught.value.hint == "subtask 2 is in task 2000"


# --- instants --------------------------------------------------------------------------------------------------------


def test_what_is_due_at_one_instant_happens_in_order_of_subtask_id() -> None:
    """Across tasks too; of equal ids the smaller task's goes first."""
    it = world(task(subtask(2), subtask(7), id=1), task(subtask(1), subtask(2), id=2))
    it.advance(at(1))
    assert [(change.subtask_instance_id, change.task_instance_id) for change in changes(it)] == [
        *((1, 2), (2, 1), (2, 2), (7, 1))
    ]


def test_what_becomes_due_at_an_instant_joins_its_queue() -> None:
    """1 ends, starts 3 without delay, and 3 comes before 9, which has waited for longer."""
    it = world(
        task(
            subtask(1, status="RUNNING", runs=[run("SUCCESSFUL", 2)]),
            subtask(3, 1, runs=[run("SUCCESSFUL", 0)]),
            subtask(9, status="RUNNING", runs=[run("SUCCESSFUL", 2)]),
        ),
        pace=pace(dispatch=0),
    )
    it.advance(at(2))
    assert [(change.subtask_instance_id, change.after) for change in changes(it)] == [
        *((1, "SUCCESSFUL"), (3, "READY"), (3, "RUNNING"), (3, "SUCCESSFUL"), (9, "SUCCESSFUL"), (None, "SUCCESSFUL"))
    ]


def test_at_one_instant_a_start_and_its_end_wait_for_smaller_ids() -> None:
    """5 starts a run that takes no time, but 2, due at the same instant, ends first."""
    it = world(
        task(
            subtask(2, 5, status="RUNNING", runs=[run("SUCCESSFUL", 1)]),
            subtask(5, runs=[run("SUCCESSFUL", 0)]),
            subtask(6, 2),
        ),
        pace=pace(dispatch=1),
    )
    it.advance(at(1))
    assert [(change.subtask_instance_id, change.after) for change in changes(it)] == [
        *((2, "SUCCESSFUL"), (6, "READY"), (5, "RUNNING"), (5, "SUCCESSFUL"))
    ]


def test_a_task_fails_once_its_last_run_has_ended_at_that_instant() -> None:
    it = world(task(subtask(1, status="RUNNING", runs=[FAIL]), subtask(2, status="RUNNING", runs=[FAIL])))
    it.advance(at(2))
    assert [(change.subtask_instance_id, change.after) for change in changes(it)] == [
        *((1, "FAILED"), (2, "FAILED"), (None, "FAILED"))
    ]


def test_without_delay_an_answer_shows_its_own_effect_and_the_next_what_came_of_it() -> None:
    it = world(task(subtask(1, status="FAILED", runs=[run("SUCCESSFUL", 0)])), pace=pace(dispatch=0, run=0))
    answer = act(it, "retry_subtask", TASK, 1)
    assert (answer.status, answer.operation, answer.run_time) == ("READY", "RETRY", 2)
    assert statuses(it) == {1: "READY"}
    it.advance(it.now)
    assert (statuses(it), execution(it).task.status) == ({1: "SUCCESSFUL"}, "SUCCESSFUL")


def test_the_next_due_is_the_earliest_that_still_counts() -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 2)]), subtask(2, runs=[run("SUCCESSFUL", 9)])))
    it.advance(at(1))
    assert it.next_due() == at(3)
    it.advance(at(2))
    act(it, "cancel_subtask", TASK, 1)
    it.advance(at(3))
    assert it.next_due() == at(10)


def test_an_advance_to_the_past_moves_nothing() -> None:
    it = world(task(subtask(1)))
    it.advance(at(5))
    before = values(it)
    assert it.advance(at(1)) == 0
    assert values(it) == before


def test_an_advance_says_how_many_events_it_took() -> None:
    it = world(task(subtask(1), subtask(2, 1)))
    assert it.advance(at(100)) == 4
    assert it.advance(at(200)) == 0


# --- going round -----------------------------------------------------------------------------------------------------


def rounds(count: int = 10**9, seconds: float = 0) -> World:
    """A subtask that fails and retries itself again and again, in no time."""
    one = subtask(1, status="RUNNING", retry_count=count, runs=[run("FAILED", seconds)], due=1, coming=FAIL)
    return world(task(one), pace=pace(dispatch=0))


def test_what_goes_round_at_one_instant_is_stopped_after_a_bounded_number_of_events() -> None:
    it = rounds()
    with pytest.raises(
        TooManyEvents, match=f"more than {EVENTS_AT_ONE_INSTANT} events at one instant, .* subtask 1 of"
    ):
        it.advance(at(5))
    assert it.now == at(1)
    assert execution(it).task.status == "RUNNING"


def test_what_goes_round_in_time_is_stopped_by_the_budget() -> None:
    it = rounds(seconds=1)
    with pytest.raises(TooManyEvents, match=r"^more than 10000000 events in one call$"):
        it.advance(at(10**6), budget=50)
    before = it.now
    it.advance(before + MS)
    assert it.now == before + MS, "it can go on from there"


def test_history_is_bounded_also_while_much_happens_in_one_go() -> None:
    it = rounds(seconds=1)
    with pytest.raises(TooManyEvents):
        it.advance(at(10**6), budget=20_000)
    assert it.history.total == 3 * CHANGES
    assert len(it.history) <= 2 * CHANGES + 10


def test_many_rounds_at_one_instant_are_fine() -> None:
    it = rounds(count=1000)
    it.advance(at(5))
    assert (one(it, 1).run_time, one(it, 1).status) == (1001, "FAILED")


# --- loading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("rolling_back", [False, True])
def test_every_status_in_every_operation_loads(status: Status, operation: Operation, rolling_back: bool) -> None:
    """And only becoming READY is a consequence of it."""
    state = task(subtask(1, status=status, operation=operation), operation="ROLLBACK" if rolling_back else "EXECUTE")
    loaded = one(world(state), 1)
    if status == ("SUCCESSFUL" if rolling_back else "PENDING"):
        assert (loaded.status, loaded.operation) == ("READY", "ROLLBACK" if rolling_back else operation)
    else:
        assert (loaded.status, loaded.operation) == (status, operation)


def test_a_status_is_not_judged_by_its_upstreams() -> None:
    it = world(task(subtask(1, status="FAILED"), subtask(2, 1, status="RUNNING"), subtask(3, 2, status="SUCCESSFUL")))
    assert statuses(it) == {1: "FAILED", 2: "RUNNING", 3: "SUCCESSFUL"}


def test_consequences_are_applied_once_when_a_world_is_loaded_and_are_no_history() -> None:
    it = world(task(subtask(1, status="SUCCESSFUL"), subtask(2, 1)))
    assert statuses(it)[2] == "READY"
    assert (changes(it), it.history.total) == ([], 0)


def test_what_says_when_it_is_due_keeps_to_it() -> None:
    it = world(
        task(
            subtask(1, status="READY", due=7),
            subtask(2, status="CANCELING", due=8),
            subtask(3, status="RUNNING", due=9, coming=FAIL),
        )
    )
    it.advance(at(100))
    assert [moments(it, id)[0] for id in (1, 2, 3)] == [(7, "RUNNING"), (8, "FAILED"), (9, "FAILED")]


def test_a_world_that_starts_later_keeps_the_time_that_is_left() -> None:
    it = world(task(subtask(1), subtask(2, status="RUNNING", due=5, coming=Run()), subtask(3, status="SUCCESSFUL")))
    it.start_at(at(1000))
    assert it.now == at(1000)
    assert it.next_due() == at(1001)
    it.advance(at(2000))
    assert (moments(it, 1)[0], moments(it, 2)[0]) == ((1001, "RUNNING"), (1005, "SUCCESSFUL"))


def test_a_copy_that_starts_later_leaves_the_original_where_it_was() -> None:
    it = world(task(subtask(1)))
    before = values(it)
    it.copy().start_at(at(1000))
    assert values(it) == before


# --- history, logs, copies -------------------------------------------------------------------------------------------


def test_history_says_who_caused_what() -> None:
    it = world(task(subtask(1, status="FAILED"), subtask(2, 1)))
    it.retry_subtask(TASK, 1, "4f2a")
    it.advance(at(3))
    assert [(change.subtask_instance_id, change.after, change.operation, change.cause) for change in changes(it)] == [
        (1, "READY", "RETRY", "4f2a"),
        (None, "RUNNING", "EXECUTE", "4f2a"),
        (1, "RUNNING", "RETRY", "time"),
        (1, "SUCCESSFUL", "RETRY", "time"),
        (2, "READY", "EXECUTE", "time"),
    ]


def test_a_log_has_a_header_when_a_run_starts_and_its_text_when_it_ends() -> None:
    it = world(task(subtask(1, runs=[run("FAILED", 2, "no"), run("SUCCESSFUL", 2, "yes\n")])))
    logs = execution(it).logs
    assert logs == {}
    it.advance(at(1))
    assert logs_of(it) == [("EXECUTE", 1, "")]
    it.advance(at(3))
    assert logs_of(it) == [("EXECUTE", 1, "no\n")]
    it.advance(at(4))
    act(it, "retry_subtask", TASK, 1)
    it.advance(at(100))
    assert logs_of(it) == [("EXECUTE", 1, "no\n"), ("RETRY", 5, "yes\n")]


@pytest.mark.parametrize(("end", "text"), [("cancel", "so far\n"), ("timeout", "so far\n"), ("none", "")])
def test_the_text_of_a_run_that_is_interrupted_comes_with_its_end(end: str, text: str) -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 9, "so far")], timeout=5 if end == "timeout" else 0)))
    it.advance(at(2))
    if end == "cancel":
        act(it, "cancel_subtask", TASK, 1)
    it.advance(at(6))
    assert logs_of(it) == [("EXECUTE", 1, text)]


def test_a_skip_and_a_rollback_have_headers_of_their_own() -> None:
    it = world(task(subtask(1, status="FAILED", rollbacks=[run("FAILED", 1, "stuck")])))
    act(it, "rollback_task", TASK)
    it.advance(at(2))
    act(it, "skip_subtask", TASK, 1)
    it.advance(at(100))
    assert logs_of(it) == [("ROLLBACK", 1, "stuck\n"), ("ROLLBACK_SKIP", 3, "")]


def test_a_log_keeps_the_last_hundred_runs() -> None:
    it = world(task(subtask(1, retry_count=149, runs=[run("FAILED", 1)])), pace=pace(dispatch=0))
    it.advance(at(1000))
    assert one(it, 1).run_time == 150
    assert [time for _, time, _ in logs_of(it)] == list(range(50, 150))


def logs_of(world: World, id: int = 1) -> list[tuple[str, float, str]]:
    return [(name, (time - START) / 10**9, text) for name, time, text in execution(world).logs[id]]


def test_a_copy_and_its_original_do_not_disturb_each_other() -> None:
    it = world(task(subtask(1, status="FAILED")), task(subtask(1, runs=[run("FAILED", 2, "text")]), id=2000))
    it.advance(at(1))
    before, copy = values(it), it.copy()
    act(copy, "retry_subtask", TASK, 1)
    copy.advance(at(50))
    assert values(it) == before
    after = values(copy)
    act(it, "skip_subtask", TASK, 1)
    it.advance(at(70))
    assert values(copy) == after


def test_a_state_as_a_fixture_is_a_value() -> None:
    """It says what was, whatever the world does next."""
    it = world(task(subtask(1)))
    clock = fixture().clock
    state = it.as_fixture(clock)
    it.advance(at(3))
    it.add_denial(lambda id: Denial(id, "TASK_MANAGER"))
    assert state.tasks[TASK].subtasks[1].status == "READY"
    assert (dict(state.denials), dict(state.tasks[TASK].logs)) == ({}, {})


def test_a_topological_order_has_upstreams_first_and_goes_by_id_otherwise() -> None:
    state = task(subtask(1, 9), subtask(2), subtask(9), subtask(5, 1, 2), subtask(4, 1)).subtasks
    assert [one.id for one in topological(dict(state))] == [2, 9, 1, 4, 5]
