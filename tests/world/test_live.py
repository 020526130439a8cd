"""A world while it lives: what happens at one instant and in which order, loading, history, logs and copies."""

import pytest
from builders import (
    START,
    TASK,
    at,
    cancel,
    changes,
    execution,
    fixture,
    moments,
    one,
    pace,
    retry,
    rollback_task,
    run,
    skip,
    statuses,
    subtask,
    task,
    values,
    world,
)
from slow import slow_but

from mockserver.faults.denials import Denial
from mockserver.tasks import transitions
from mockserver.tasks.run_log import written
from mockserver.tasks.values import OPERATIONS, STATUSES, Operation, Run, Status
from mockserver.times import MS, NEVER, SECOND
from mockserver.world.history import CHANGES
from mockserver.world.live import EVENTS_AT_ONE_INSTANT, LiveWorld, TooManyEvents

FAIL = run("FAILED", 2)


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
    answer = retry(it, 1)
    assert (answer.status, answer.operation, answer.run_time) == ("READY", "RETRY", 2)
    assert statuses(it) == {1: "READY"}
    it.advance(it.world.now)
    assert (statuses(it), execution(it).task.status) == ({1: "SUCCESSFUL"}, "SUCCESSFUL")


def test_the_next_due_is_the_earliest_that_still_counts() -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 2)]), subtask(2, runs=[run("SUCCESSFUL", 9)])))
    it.advance(at(1))
    assert it.next_due() == at(3)
    it.advance(at(2))
    cancel(it, 1)
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


def rounds(count: int = 10**9, seconds: float = 0) -> LiveWorld:
    """A subtask that fails and retries itself again and again, in no time."""
    one = subtask(1, status="RUNNING", retry_count=count, runs=[run("FAILED", seconds)], due=1, coming=FAIL)
    return world(task(one), pace=pace(dispatch=0))


@pytest.mark.parametrize("most", slow_but([500], [500, EVENTS_AT_ONE_INSTANT]))
def test_what_goes_round_at_one_instant_is_stopped_after_a_bounded_number_of_events(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockserver.world.live.EVENTS_AT_ONE_INSTANT", most)
    it = rounds()
    with pytest.raises(TooManyEvents, match=f"more than {most} events at one instant, .* subtask 1 of"):
        it.advance(at(5))
    assert it.world.now == at(1)
    assert execution(it).task.status == "RUNNING"


def test_what_goes_round_in_time_is_stopped_by_the_budget() -> None:
    it = rounds(seconds=1)
    with pytest.raises(TooManyEvents, match=r"^more than 10000000 events in one call$"):
        it.advance(at(10**6), budget=50)
    before = it.world.now
    it.advance(before + MS)
    assert it.world.now == before + MS, "it can go on from there"


@pytest.mark.slow
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
    assert it.world.now == at(1000)
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
    it.act(transitions.retry, "4f2a", TASK, 1)
    it.advance(at(3))
    assert [(change.subtask_instance_id, change.after, change.operation, change.cause) for change in changes(it)] == [
        (1, "READY", "RETRY", "4f2a"),
        (None, "RUNNING", "EXECUTE", "4f2a"),
        (1, "RUNNING", "RETRY", "time"),
        (1, "SUCCESSFUL", "RETRY", "time"),
        (2, "READY", "EXECUTE", "time"),
    ]


def test_a_log_has_a_header_when_a_run_starts_and_its_last_line_when_it_ends() -> None:
    it = world(task(subtask(1, runs=[run("FAILED", 2, "no"), run("SUCCESSFUL", 2, "yes\n")])))
    assert execution(it).logs[1] is None
    it.advance(at(1))
    assert logs_of(it) == [("EXECUTE", 1, "")]
    it.advance(at(3))
    assert logs_of(it) == [("EXECUTE", 1, "no\n")]
    it.advance(at(4))
    retry(it, 1)
    it.advance(at(100))
    assert logs_of(it) == [("EXECUTE", 1, "no\n"), ("RETRY", 5, "yes\n")]


LINES = ["one\n", "two\n", "three\n", "four\n", "five\n"]


def test_a_log_grows_line_by_line_while_its_run_lasts() -> None:
    """However often somebody looks: none of it is an event."""
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 10, "".join(LINES))])))
    for second in range(1, 12):
        it.advance(at(second))
        assert logs_of(it) == [("EXECUTE", 1, "".join(LINES[: (second - 1) // 2]))]
    assert moments(it, 1) == [(1, "RUNNING"), (11, "SUCCESSFUL")]


def test_a_run_that_is_cancelled_writes_no_more_and_the_cancel_has_a_header() -> None:
    it = world(task(subtask(1, runs=[run("SUCCESSFUL", 10, "".join(LINES))])))
    it.advance(at(6))
    cancel(it, 1)
    expected = [("EXECUTE", 1, "one\ntwo\n"), ("CANCEL", 6, "")]
    assert logs_of(it) == expected
    it.advance(at(100))
    assert logs_of(it) == expected


@pytest.mark.parametrize("duration", [10, 10**9])
def test_a_run_that_times_out_has_written_what_it_had_by_then(duration: int) -> None:
    """Over its own duration, and not over its timeout."""
    it = world(task(subtask(1, timeout=5, runs=[run("SUCCESSFUL", duration, "".join(LINES))])))
    it.advance(at(100))
    assert logs_of(it) == [("EXECUTE", 1, "one\ntwo\n" if duration == 10 else "")]


def test_a_run_without_an_end_has_its_whole_log_from_its_start() -> None:
    it = world(task(subtask(1, timeout=0, runs=[Run("SUCCESSFUL", NEVER, "".join(LINES))])))
    it.advance(at(1))
    assert logs_of(it) == [("EXECUTE", 1, "".join(LINES))]


def test_a_run_that_only_its_timeout_ends_writes_until_then() -> None:
    it = world(task(subtask(1, timeout=10, runs=[Run("SUCCESSFUL", NEVER, "".join(LINES))])))
    it.advance(at(5))
    assert logs_of(it) == [("EXECUTE", 1, "one\ntwo\n")]
    it.advance(at(11))
    assert logs_of(it) == [("EXECUTE", 1, "".join(LINES))]


def test_a_log_under_way_moves_with_a_world_that_starts_at_another_instant() -> None:
    it = world(task(subtask(1, status="RUNNING", runs=[run("SUCCESSFUL", 10, "".join(LINES))])))
    it.start_at(at(1000))
    it.advance(at(1005))
    assert [text for _, _, text in logs_of(it)] == ["one\ntwo\n"]


def test_a_skip_and_a_rollback_have_headers_of_their_own() -> None:
    it = world(task(subtask(1, status="FAILED", rollbacks=[run("FAILED", 1, "stuck")])))
    rollback_task(it)
    it.advance(at(2))
    skip(it, 1)
    it.advance(at(100))
    assert logs_of(it) == [("ROLLBACK", 1, "stuck\n"), ("ROLLBACK_SKIP", 3, "")]


def test_a_log_keeps_the_last_hundred_runs() -> None:
    it = world(task(subtask(1, retry_count=149, runs=[run("FAILED", 1)])), pace=pace(dispatch=0))
    it.advance(at(1000))
    assert one(it, 1).run_time == 150
    assert [time for _, time, _ in logs_of(it)] == list(range(50, 150))


def logs_of(live: LiveWorld, id: int = 1) -> list[tuple[str, float, str]]:
    logged = execution(live).logs[id]
    runs = written(logged.runs(), live.world.now) if logged else ()
    return [(run.name, (run.time - START) / SECOND, run.text) for run in runs]


def test_a_copy_and_its_original_do_not_disturb_each_other() -> None:
    it = world(task(subtask(1, status="FAILED")), task(subtask(1, runs=[run("FAILED", 2, "text")]), id=2000))
    it.advance(at(1))
    before, copy = values(it), it.copy()
    retry(copy, 1)
    copy.advance(at(50))
    assert values(it) == before
    after = values(copy)
    skip(it, 1)
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
