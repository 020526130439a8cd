"""A world with its clock: what resets it, and how the clock is moved, all of the way or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from builders import (
    FOREVER,
    MANUAL,
    START,
    at,
    execution,
    fixture,
    one,
    pace,
    put,
    retry,
    run,
    statuses,
    subtask,
    task,
    values,
)
from moving import at_once, move

from mockserver.contract.errors import Unprocessable
from mockserver.contract.permissions import TASK_MANAGER
from mockserver.faults.denials import Denial
from mockserver.tasks.values import Run
from mockserver.times import LATEST_NOW, MS, SECOND
from mockserver.world import clock as clock_room
from mockserver.world import moves
from mockserver.world import served as served_room
from mockserver.world.clock import Clock
from mockserver.world.fixture import ClockSetting
from mockserver.world.history import CHANGES
from mockserver.world.served import Served
from mockserver.world.value import World

LATER = at(10**6)


class Machine:
    """The machine's clocks, which stand still until a test moves them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wall, self.ticks = LATER, 5
        patch.setattr(clock_room, "ticks", lambda: self.ticks)
        patch.setattr(clock_room, "wall", lambda: self.wall)
        patch.setattr(served_room, "wall", lambda: self.wall)

    def passes(self, seconds: float) -> None:
        self.wall += round(seconds * SECOND)
        self.ticks += round(seconds * SECOND)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def hosted(*given: Any, **more: Any) -> Served:
    return Served.of(fixture(*(given or [task(subtask(1, runs=[run("FAILED", 2)]), subtask(2, 1))]), **more))


def unmoved(it: Served, move: Callable[[], object], status: int = 422) -> Unprocessable:
    """The refusal of a move, which has moved nothing."""
    before, now = values(it.live), it.clock.now()
    with pytest.raises(Unprocessable) as caught:
        move()
    assert (values(it.live), it.clock.now()) == (before, now)
    assert caught.value.status == status
    return caught.value


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_a_manual_clock_stands_still(machine: Machine) -> None:
    clock = Clock.of(MANUAL)
    machine.passes(1000)
    assert (clock.now(), clock.mode) == (START, "manual")


@pytest.mark.parametrize("speed", [1.0, 10.0, 0.5])
def test_a_real_clock_runs_at_its_speed(machine: Machine, speed: float) -> None:
    clock = Clock.of(ClockSetting("real", START, speed, True))
    machine.passes(4)
    assert clock.now() == at(4 * speed)
    assert clock.setting() == ClockSetting("real", at(4 * speed), speed, True)


def test_a_real_clock_shows_whole_milliseconds(machine: Machine) -> None:
    clock = Clock.of(ClockSetting("real", START, 1.0, True))
    machine.passes(0.0019)
    assert clock.now() == START + MS


def test_a_clock_that_was_moved_runs_on_from_there(machine: Machine) -> None:
    clock = Clock.of(ClockSetting("real", START, 1.0, True))
    machine.passes(4)
    clock.move(at(100))
    machine.passes(4)
    assert clock.now() == at(104)


def test_a_world_follows_a_real_clock(machine: Machine) -> None:
    it = hosted(clock=ClockSetting("real", START, 1.0, True))
    machine.passes(1)
    assert statuses(it.up_to_now()) == {1: "RUNNING", 2: "PENDING"}
    machine.passes(2)
    assert statuses(it.up_to_now()) == {1: "FAILED", 2: "PENDING"}


def test_a_real_clock_without_a_now_starts_at_the_walls_time(machine: Machine) -> None:
    it = hosted(clock=ClockSetting("real", START, 1.0, False))
    assert it.up_to_now().now == LATER
    machine.passes(1)
    assert one(it.up_to_now(), 1).start_time == LATER + SECOND


def test_a_reset_real_clock_starts_at_the_walls_time_again(machine: Machine) -> None:
    it = hosted(clock=ClockSetting("real", START, 1.0, False))
    machine.passes(60)
    it.reset()
    assert it.up_to_now().now == LATER + 60 * SECOND
    machine.passes(1)
    assert statuses(it.up_to_now()) == {1: "RUNNING", 2: "PENDING"}


def test_a_manual_clock_starts_at_the_same_instant_on_every_machine(machine: Machine) -> None:
    assert hosted(clock=MANUAL._replace(given=False)).up_to_now().now == START


# --- reset and replace -----------------------------------------------------------------------------------------------


def test_a_reset_is_the_world_as_its_fixture_gave_it() -> None:
    it = hosted()
    before = values(it.live)
    move(it, moves.by(10 * SECOND))
    retry(it.live, 1)
    it.live.add_denial(lambda id: Denial(id, TASK_MANAGER))
    it.live.trace_id()
    it.reset()
    assert (values(it.live), it.clock.now()) == (before, START)
    assert it.live.add_denial(lambda id: Denial(id, TASK_MANAGER)).id == "denial-1"


def test_a_reset_never_goes_back_to_a_world_that_was_put() -> None:
    it = hosted()
    before = values(it.live)
    put(it, fixture(task(subtask(7), id=7)))
    assert list(it.world.tasks) == [7]
    it.reset()
    assert values(it.live) == before


def test_a_world_that_is_put_brings_its_clock_and_keeps_the_history() -> None:
    it = hosted()
    move(it, moves.by(10 * SECOND))
    total = it.live.history.total
    assert total > 0
    put(it, fixture(task(subtask(7), id=7), clock=ClockSetting("manual", at(-500), 1.0, True)))
    assert (it.clock.now(), it.up_to_now().now, it.live.history.total) == (at(-500), at(-500), total)


def test_a_state_put_back_changes_nothing() -> None:
    it = hosted()
    move(it, moves.by(2 * SECOND))
    state = it.state()()
    before = values(it.live)
    put(it, state)
    assert values(it.live) == before


# --- moving the clock ------------------------------------------------------------------------------------------------


def test_a_clock_is_moved_by_a_duration_and_answers_what_changed() -> None:
    it = hosted()
    changes, omitted = move(it, moves.by(3 * SECOND))
    assert [(change.time, change.subtask_instance_id, change.after) for change in changes] == [
        *((at(1), 1, "RUNNING"), (at(3), 1, "FAILED"), (at(3), None, "FAILED"))
    ]
    assert (omitted, it.clock.now()) == (0, at(3))


def test_what_changed_before_is_not_answered_again() -> None:
    it = hosted()
    move(it, moves.by(SECOND))
    changes, _ = move(it, moves.by(0))
    assert changes == []


def test_a_clock_is_moved_to_an_instant() -> None:
    it = hosted()
    move(it, moves.to(at(2)))
    assert (it.clock.now(), statuses(it.world)) == (at(2), {1: "RUNNING", 2: "PENDING"})
    move(it, moves.to(at(2)))
    assert it.clock.now() == at(2)


def test_a_clock_is_moved_at_any_rate(machine: Machine) -> None:
    it = hosted(clock=ClockSetting("real", START, 1.0, True))
    machine.passes(1)
    move(it, moves.by(2 * SECOND))
    assert (it.clock.now(), statuses(it.world)) == (at(3), {1: "FAILED", 2: "PENDING"})
    machine.passes(1)
    assert it.clock.now() == at(4)


def test_a_clock_never_goes_backwards() -> None:
    it = hosted()
    move(it, moves.by(10 * SECOND))
    assert "backwards" in unmoved(it, lambda: move(it, moves.to(at(9)))).message
    unmoved(it, lambda: move(it, moves.by(-1)))
    unmoved(it, lambda: at_once(it.setting_clock(ClockSetting("real", at(9), 1.0, True))))


def test_a_clock_ends_with_the_year_9000() -> None:
    it = hosted()
    unmoved(it, lambda: move(it, moves.to(LATEST_NOW + 1)))
    unmoved(it, lambda: move(it, moves.by(LATEST_NOW)))
    move(it, moves.to(LATEST_NOW))
    assert it.clock.now() == LATEST_NOW


def test_the_next_event_is_one_instant_with_all_that_happens_at_it() -> None:
    it = hosted(task(subtask(1), subtask(2)))
    changes, _ = move(it, moves.to_next)
    assert [(change.time, change.subtask_instance_id) for change in changes] == [(at(1), 1), (at(1), 2)]


def test_with_nothing_due_the_next_event_is_nowhere() -> None:
    it = hosted(task(subtask(1, status="SUCCESSFUL")))
    assert move(it, moves.to_next) == ([], 0)
    assert it.clock.now() == START


def test_idle_is_where_nothing_is_due_any_more() -> None:
    it = hosted()
    move(it, moves.until(None))
    assert (it.clock.now(), statuses(it.world)) == (at(3), {1: "FAILED", 2: "PENDING"})


def test_what_runs_for_ever_is_idle() -> None:
    it = hosted(task(subtask(1, timeout=0, runs=[FOREVER])))
    move(it, moves.until(None))
    assert (it.clock.now(), statuses(it.world)) == (at(1), {1: "RUNNING"})


def failed(world: World) -> bool:
    return execution(world).task.status == "FAILED"


def test_a_condition_is_waited_for_and_no_longer() -> None:
    it = hosted(task(subtask(1, runs=[run("FAILED", 2)])), task(subtask(2), id=2000), pace=pace(1, 9))
    move(it, moves.until(failed))
    assert (it.clock.now(), it.live.next_due()) == (at(3), at(10))


def test_a_condition_that_holds_already_moves_nothing() -> None:
    it = hosted()
    move(it, moves.until(None))
    assert move(it, moves.until(failed)) == ([], 0)


def test_a_condition_that_never_comes_moves_nothing() -> None:
    it = hosted(task(subtask(1)))
    assert "never comes" in unmoved(it, lambda: move(it, moves.until(failed)), status=409).message


def test_a_condition_is_looked_at_between_instants_only() -> None:
    """At one instant 1 ends and 2 becomes READY: nobody sees the one without the other."""
    it = hosted(task(subtask(1), subtask(2, 1)))
    seen = []

    def reached(world: World) -> bool:
        seen.append(tuple(statuses(world).values()))
        return world.now >= at(3)

    move(it, moves.until(reached))
    assert seen == [("READY", "PENDING"), ("RUNNING", "PENDING"), ("SUCCESSFUL", "READY")]


@pytest.mark.parametrize(
    "move",
    [
        lambda it: move(it, moves.by(10 * SECOND)),
        lambda it: move(it, moves.to(at(10))),
        lambda it: move(it, moves.to_next),
        lambda it: move(it, moves.until(None)),
        lambda it: at_once(it.setting_clock(ClockSetting("manual", at(10), 1.0, True))),
    ],
    ids=["by", "to", "next", "until", "set"],
)
def test_what_goes_round_is_not_moved_at_all(move: Callable[[Served], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.world.live.EVENTS_AT_ONE_INSTANT", 500)
    failing = run("FAILED", 0)
    round_and_round = subtask(1, status="RUNNING", retry_count=10**9, runs=[failing], due=1, coming=failing)
    it = hosted(task(round_and_round), pace=pace(dispatch=0))
    assert "nothing was moved" in unmoved(it, lambda: move(it)).message


def test_a_call_has_a_bounded_number_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "EVENTS_IN_ONE_CALL", 100)
    failing = run("FAILED", 1)
    it = hosted(task(subtask(1, retry_count=10**9, runs=[failing])))
    assert "more than" in unmoved(it, lambda: move(it, moves.until(None))).message


# --- setting the clock -----------------------------------------------------------------------------------------------


def test_a_clock_is_set_to_an_instant_and_what_was_due_on_the_way_happens() -> None:
    it = hosted()
    at_once(it.setting_clock(ClockSetting("manual", at(2), 1.0, True)))
    assert (it.clock.now(), it.clock.mode, statuses(it.world)[1]) == (at(2), "manual", "RUNNING")


def test_a_clock_set_without_an_instant_stays_where_it_is(machine: Machine) -> None:
    it = hosted(clock=ClockSetting("real", START, 10.0, True))
    machine.passes(1)
    at_once(it.setting_clock(ClockSetting("manual", START, 1.0, False)))
    machine.passes(1)
    assert (it.clock.now(), it.clock.mode, it.up_to_now().now) == (at(10), "manual", at(10))


def test_a_clock_that_runs_on_while_it_is_set_is_no_step_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks at a fast clock time has passed; who names no instant can't be late for it."""
    machine = Machine(monkeypatch)

    def ticks() -> int:
        machine.ticks += MS
        return machine.ticks

    monkeypatch.setattr(clock_room, "ticks", ticks)
    it = hosted(clock=ClockSetting("real", START, 1000.0, True))
    at_once(it.setting_clock(ClockSetting("real", it.clock.now(), 1000.0, False)))
    assert it.clock.now() >= it.world.now


def test_a_clock_changes_its_speed(machine: Machine) -> None:
    it = hosted()
    at_once(it.setting_clock(ClockSetting("real", START, 10.0, False)))
    machine.passes(0.1)
    assert statuses(it.up_to_now()) == {1: "RUNNING", 2: "PENDING"}


@pytest.mark.slow
def test_what_changed_is_counted_where_the_history_is_too_short_for_it() -> None:
    it = hosted(task(subtask(1, retry_count=10**9, runs=[Run("FAILED", MS)])), pace=pace(dispatch=0))
    it.up_to_now()
    before = it.live.history.total
    changes, omitted = move(it, moves.by(5 * SECOND))
    assert len(changes) == CHANGES
    assert len(changes) + omitted == it.live.history.total - before
    assert changes[-1].time == at(5)
