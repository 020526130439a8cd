"""Random graphs, operators and clock steps through the pure core, and what holds whatever happens.

`Core` is the machine. After each step the history is replayed change by change against api-facts 4 and 5 (`Replay`),
and the values are held against what a fresh look at them gives. It must find each of MUTANTS, plausible mistakes:

- limit off by one: one subtask more than `concurrency` becomes READY;
- block ignored: subtasks become READY although one is FAILED;
- consequence missing: nothing becomes READY after an operator's act, only after an event;
- timer lost: of two events at the same instant the second is never due;
- end missed: a task whose subtasks have all ended is still RUNNING;
- not filed: who may become READY next is not kept up.
"""

import json
from collections.abc import Callable
from heapq import heappush
from typing import Any, Final

import pytest
from builders import (
    MANUAL,
    START,
    cancel,
    changes,
    derived,
    retry,
    retry_task,
    rollback_task,
    skip,
    values,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from random_worlds import HALF, fixtures
from slow import slow_but

from mockserver.fixtures.source import load
from mockserver.fixtures.writer import to_data
from mockserver.tasks import run_log, transitions
from mockserver.tasks.execution import Execution
from mockserver.tasks.step import Step, Transition, UnknownSubtask
from mockserver.tasks.transitions import Refused
from mockserver.tasks.values import Pace, Subtask
from mockserver.times import NEVER, SECOND
from mockserver.world import live as live_room
from mockserver.world.fixture import Fixture
from mockserver.world.history import Change
from mockserver.world.live import LiveWorld

ACTIVE: Final = {"READY", "RUNNING", "CANCELING"}
Act = Callable[..., Any]
OF_SUBTASKS: Final[tuple[Act, ...]] = (retry, skip, cancel)
OF_TASKS: Final[tuple[Act, ...]] = (retry_task, rollback_task)
LEAST: Final = 30
"""Examples in a run of every day. The slow one has more than a thousand."""

# --- the rules, read from the history --------------------------------------------------------------------------------


class Replay:
    """A task as its history tells it: each change is judged by what stood at that very moment."""

    def __init__(self, execution: Execution, now: int) -> None:
        self.subtasks = {id: one.definition for id, one in execution.subtasks.items()}
        self.status: dict[int, str] = {id: one.status for id, one in execution.subtasks.items()}
        self.operation: dict[int, str] = {id: one.operation for id, one in execution.subtasks.items()}
        self.run_time = {id: one.run_time for id, one in execution.subtasks.items()}
        self.since = dict.fromkeys(self.subtasks, now)
        self.task_status: str = execution.task.status
        self.rolling_back = execution.task.operation == "ROLLBACK"

    def waiting(self, id: int) -> bool:
        """Whether the graph lets it become READY by itself."""
        definition = self.subtasks[id]
        if self.rolling_back:
            return self.status[id] == "SUCCESSFUL" and {self.status[down] for down in definition.downstreams} <= {
                "PENDING"
            }
        return self.status[id] == "PENDING" and {self.status[up] for up in definition.upstreams} <= {"SUCCESSFUL"}

    def slots(self, pace: Pace) -> int:
        return pace.concurrency - sum(status in ("READY", "RUNNING") for status in self.status.values())

    def follow(self, change: Change, act: Act | None, target: int | None, pace: Pace) -> None:
        id = change.subtask_instance_id
        if id is None:
            assert change.before == self.task_status
            self.task_status = change.after
            if change.after == "RUNNING":
                assert act is not None, "a task is RUNNING again only by an operator"
            return
        before, after, operation = self.status[id], change.after, self.operation[id]
        assert change.before == before
        match before, after:
            case (("PENDING" | "SUCCESSFUL"), "READY") if act is not rollback_task:
                assert self.task_status == "RUNNING"
                assert "FAILED" not in self.status.values(), "none becomes READY while one is FAILED"
                assert self.slots(pace) > 0, "none becomes READY past the limit"
                assert self.waiting(id), "none becomes READY before its time"
                assert id == min(one for one in self.subtasks if self.waiting(one)), "in order of id"
                assert change.operation == ("ROLLBACK" if self.rolling_back else operation)
            case (("SUCCESSFUL" | "FAILED"), "READY") if act is rollback_task and change.operation == "ROLLBACK":
                definition = self.subtasks[id]
                assert self.rolling_back
                assert all(self.status[down] == "PENDING" for down in definition.downstreams)
            case "FAILED", "READY" if change.operation == "RETRY":
                by_itself = operation in ("EXECUTE", "RETRY") and self.run_time[id] <= self.subtasks[id].retry_count
                assert by_itself or act is retry_task or (act, target) == (retry, id)
                self.run_time[id] += 1
            case "FAILED", "READY":
                assert (act, target) == (skip, id)
                assert change.operation == ("ROLLBACK_SKIP" if self.rolling_back else "SKIP")
            case "READY", "RUNNING":
                assert act is None
                assert change.time == self.since[id] + pace.dispatch
                assert change.operation == operation
            case "RUNNING", "CANCELING":
                assert (act, target) == (cancel, id)
                assert change.operation == operation
            case "CANCELING", "FAILED":
                assert change.time == self.since[id] + pace.dispatch
                assert change.operation == "CANCEL"
            case "RUNNING", "FAILED":
                assert operation not in ("SKIP", "ROLLBACK_SKIP")
                assert change.operation == operation
            case "RUNNING", ("SUCCESSFUL" | "PENDING"):
                assert after == ("PENDING" if operation in ("ROLLBACK", "ROLLBACK_SKIP") else "SUCCESSFUL")
                assert change.operation == operation
            case _:
                pytest.fail(f"no rule makes {before} {after}")
        self.status[id], self.operation[id], self.since[id] = after, change.operation, change.time


# --- the machine -----------------------------------------------------------------------------------------------------


class Core(RuleBasedStateMachine):
    """`live` goes in small steps, `twin` in big ones: whenever they are compared they are the same."""

    live: LiveWorld
    twin: LiveWorld

    @initialize(made=fixtures())
    def load(self, made: tuple[Fixture, bool]) -> None:
        a_fixture, self.born = made
        self.live, self.twin = LiveWorld(a_fixture), LiveWorld(a_fixture)
        self.replays = {id: Replay(one, START) for id, one in self.live.world.tasks.items()}
        self.followed, self.sound = 0, True
        self.logs: dict[tuple[int, int], str] = {}
        self.a_copy_is_kept()

    def follow(self, act: Act | None = None, at: int | None = None, target: int | None = None) -> None:
        """Replays what is new in the history."""
        history = changes(self.live)
        instants = [change.time for change in history]
        assert instants == sorted(instants)
        self.sound = False
        for change in history[self.followed :]:
            mine = act if change.task_instance_id == at else None
            self.replays[change.task_instance_id].follow(change, mine, target, self.live.world.settings.pace)
        self.followed, self.sound = len(history), True

    def compare(self) -> None:
        """After whatever is due at this very instant."""
        self.live.advance(self.live.world.now)
        self.follow()
        self.twin.advance(self.live.world.now)
        assert values(self.twin) == values(self.live)
        self.live.history.forget()
        self.twin.history.forget()
        self.followed = 0

    # --- time ----

    @rule(steps=st.lists(st.integers(0, 5), min_size=1, max_size=5))
    def time_passes(self, steps: list[int]) -> None:
        for step in steps:
            self.live.advance(self.live.world.now + step * HALF)
            self.follow()
            self.holds()

    @rule(times=st.integers(1, 6))
    def something_happens(self, times: int) -> None:
        for _ in range(times):
            instant = self.live.next_due()
            if instant is not None:
                assert self.live.advance(instant) > 0
                self.follow()
                self.holds()

    # --- operators ----

    def possible(self, *, refused: bool) -> list[tuple[Act, tuple[int, ...]]]:
        """Every act on everything that is there, of those that are allowed or of those that are not."""
        found: list[tuple[Act, tuple[int, ...]]] = []
        for id, execution in self.live.world.tasks.items():
            found += [(act, (id,)) for act in OF_TASKS if self.allows_task(act, execution) is not refused]
            for one in execution.subtasks.values():
                found += [(act, (one.id, id)) for act in OF_SUBTASKS if self.allows(act, execution, one) is not refused]
        return found

    @rule(which=st.integers(0, 1000))
    def an_operator_acts(self, which: int) -> None:
        self.compare()
        found = self.possible(refused=False)
        if found:
            self.act(*found[which % len(found)])

    @rule(which=st.integers(0, 1000), acts=st.integers(1, 3))
    def an_operator_errs(self, which: int, acts: int) -> None:
        """What raises changes nothing."""
        self.compare()
        found = self.possible(refused=True)
        before = values(self.live)
        for step in range(acts):
            act, ids = found[(which + step) % len(found)]
            for one in (self.live, self.twin):
                with pytest.raises(Refused):
                    act(one, *ids)
            assert values(self.live) == before

    @staticmethod
    def allows(act: Act, execution: Execution, subtask: Subtask) -> bool:
        if act is cancel:
            return subtask.status == "RUNNING"
        undoing = execution.task.operation == "ROLLBACK" or subtask.operation == "ROLLBACK"
        forbidden = undoing if act is retry else not subtask.definition.skippable
        return subtask.status == "FAILED" and not forbidden

    @staticmethod
    def allows_task(act: Act, execution: Execution) -> bool:
        task = execution.task
        if act is retry_task:
            return task.status == "FAILED" and task.operation != "ROLLBACK"
        prohibited = task.definition.prohibit_rollback or any(
            one.definition.prohibit_rollback and one.status not in ("PENDING", "READY")
            for one in execution.subtasks.values()
        )
        return task.status == "FAILED" and not prohibited

    def act(self, act: Act, ids: tuple[int, ...]) -> None:
        at, target = ids[-1], ids[0] if act in OF_SUBTASKS else None
        old = self.live.world.tasks[at]
        answer = act(self.live, *ids)
        act(self.twin, *ids)
        replay = self.replays[at]
        if act is rollback_task:
            replay.rolling_back = True
            for id, status in replay.status.items():
                if status != "PENDING":
                    replay.operation[id] = "ROLLBACK"
        self.follow(act, at, target)
        if target is not None:
            was = old.subtasks[target]
            expected = {
                retry: ("READY", "RETRY", was.run_time + 1),
                skip: ("READY", "ROLLBACK_SKIP" if replay.rolling_back else "SKIP", was.run_time),
                cancel: ("CANCELING", was.operation, was.run_time),
            }[act]
            assert (answer.status, answer.operation, answer.run_time) == expected
            assert (answer.start_time, answer.finish_time) == (was.start_time, was.finish_time)

    # --- copies ----

    @rule()
    def it_is_loaded_again(self) -> None:
        """The state as values, in mid-run, makes the same world."""
        self.compare()
        self.twin = LiveWorld(self.live.as_fixture(MANUAL._replace(now=self.live.world.now)))
        assert values(self.twin) == values(self.live)

    @rule(by=st.integers(1, 20), act=st.sampled_from(OF_SUBTASKS), which=st.integers(0, 7))
    def a_copy_goes_its_own_way(self, by: int, act: Act, which: int) -> None:
        self.compare()
        before, copy = values(self.live), self.live.copy()
        assert values(copy) == before
        for id, execution in copy.world.tasks.items():
            fitting = [one.id for one in execution.subtasks.values() if self.allows(act, execution, one)]
            if fitting:
                act(copy, fitting[which % len(fitting)], id)
        copy.advance(copy.world.now + by * HALF)
        assert values(self.live) == before

    @rule()
    def a_copy_is_kept(self) -> None:
        copy = self.live.copy()
        self.kept = copy, values(copy)

    # --- what holds after every step ----

    @invariant()
    @precondition(lambda self: hasattr(self, "live"))
    def holds(self) -> None:
        dues = []
        for id, execution in self.live.world.tasks.items():
            replay = self.replays[id]
            subtasks = execution.subtasks
            assert {id: one.status for id, one in subtasks.items()} == replay.status
            assert {id: one.operation for id, one in subtasks.items()} == replay.operation
            assert {id: one.run_time for id, one in subtasks.items()} == replay.run_time
            assert execution.task.status == replay.task_status
            assert execution.task.status == derived(subtasks.values(), execution.task.operation)
            self.nothing_is_left_to_do(execution, replay)
            self.books_are_right(execution)
            for one in subtasks.values():
                self.is_due_in_time(one, replay)
                self.its_log_grows(one, execution)
                dues += [one.due] if one.due is not None else []
                if self.born:
                    self.keeps_its_place(one, execution)
        assert self.live.next_due() == min(dues, default=None)

    def nothing_is_left_to_do(self, execution: Execution, replay: Replay) -> None:
        """In a RUNNING task each consequence has come with its cause."""
        if execution.task.status != "RUNNING":
            return
        subtasks = execution.subtasks.values()
        assert not [one.id for one in subtasks if transitions.retries_itself(one)]
        if replay.slots(self.live.world.settings.pace) > 0 and "FAILED" not in replay.status.values():
            assert not [one for one in replay.subtasks if replay.waiting(one)]

    @staticmethod
    def books_are_right(execution: Execution) -> None:
        """What the scheduler keeps up as it goes is what it would count anew."""
        anew = Execution.of(execution.state())
        assert (execution.counts, execution.open, execution.retrying) == (anew.counts, anew.open, anew.retrying)

    def is_due_in_time(self, subtask: Subtask, replay: Replay) -> None:
        pace, since = self.live.world.settings.pace, replay.since[subtask.id]
        if subtask.status not in ACTIVE:
            assert subtask.due is None
        elif subtask.status != "RUNNING":
            assert subtask.due == since + pace.dispatch
        elif subtask.operation in ("SKIP", "ROLLBACK_SKIP"):
            assert subtask.due == since
        else:
            definition = subtask.definition
            entries = definition.rollbacks if subtask.operation == "ROLLBACK" else definition.runs
            lengths = [pace.run if one.duration is None else one.duration for one in entries]
            if definition.timeout:
                lengths = [min(length, definition.timeout * SECOND) for length in lengths]
            assert subtask.due in [since + length if length < NEVER else None for length in lengths]
        assert subtask.due is None or subtask.due >= self.live.world.now

    def its_log_grows(self, subtask: Subtask, execution: Execution) -> None:
        """What was written stays, and there is a run for a subtask that has started here."""
        logged, known = execution.logs[subtask.id], self.logs.get((execution.id, subtask.id), "")
        log = run_log.text(run_log.written(logged.runs(), self.live.world.now), 0) if logged else ""
        assert log.startswith(known)
        assert log or subtask.start_time is None
        self.logs[execution.id, subtask.id] = log

    @staticmethod
    def keeps_its_place(subtask: Subtask, execution: Execution) -> None:
        """In a task that was born PENDING no subtask runs before its upstreams succeeded, whatever operators do; and
        none is rolled back before its downstreams."""
        definition, subtasks = subtask.definition, execution.subtasks
        if execution.task.operation != "ROLLBACK":
            if subtask.status != "PENDING":
                assert all(subtasks[up].status == "SUCCESSFUL" for up in definition.upstreams)
        elif subtask.status in ACTIVE or subtask.status == "PENDING":
            assert all(subtasks[down].status == "PENDING" for down in definition.downstreams)

    def teardown(self) -> None:
        if hasattr(self, "live") and self.sound:
            self.compare()
            copy, as_it_was = self.kept
            assert values(copy) == as_it_was, "a copy is not changed by what happens to the original"


class Written(Core):
    """The same, and at any moment what the state says as a text makes a world that goes the same way."""

    @rule(by=st.integers(0, 20))
    def it_is_written_and_read(self, by: int) -> None:
        text = self.told(self.live)
        again, copy = LiveWorld(load(json.loads(text), now=0)), self.live.copy()
        assert self.told(again) == text
        for one in (again, copy):
            one.advance(one.world.now + by * HALF)
        assert self.told(again) == self.told(copy)

    @staticmethod
    def told(live: LiveWorld) -> str:
        return json.dumps(to_data(live.as_fixture(MANUAL._replace(now=live.world.now))))


def searching(examples: int, *, steps: int = 30, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def test_the_core_holds_its_invariants() -> None:
    run_state_machine_as_test(Core, settings=searching(LEAST, derandomize=True))


@pytest.mark.slow
def test_a_state_is_all_that_there_is_to_a_world() -> None:
    run_state_machine_as_test(Written, settings=searching(LEAST // 3, derandomize=True))


@pytest.mark.slow
def test_a_state_is_all_that_there_is_to_a_world_many_times() -> None:
    run_state_machine_as_test(Written, settings=searching(400, print_blob=True))


@pytest.mark.slow
def test_the_core_holds_its_invariants_a_thousand_times() -> None:
    """Other examples each time; a failure prints what reproduces it."""
    run_state_machine_as_test(Core, settings=searching(1200, steps=40, print_blob=True))


# --- the mutants -----------------------------------------------------------------------------------------------------

applied = Step.consequences


def limit_off_by_one(step: Step) -> None:
    right = step.pace
    step.pace = right._replace(concurrency=right.concurrency + 1)
    applied(step)
    step.pace = right


def block_ignored(step: Step) -> None:
    failed, step.counts["FAILED"] = step.counts["FAILED"], 0
    applied(step)
    step.counts["FAILED"] += failed
    applied(step)


def consequence_missing(step: Step, id: int, transition: Transition) -> Subtask:
    before = step.subtasks.get(id)
    if before is None:
        raise UnknownSubtask(id)
    after = transition(before, step.task, step.now, step.pace)
    step.put(before, after)
    if step.task.status != "RUNNING":
        step.put_task(transitions.task_resumed(step.task))
    return after


def timer_lost(heap: list[tuple[int, ...]], event: tuple[int, ...]) -> None:
    if event[0] not in [other[0] for other in heap]:
        heappush(heap, event)


Mutant = tuple[object, str, object]
MUTANTS: Final[dict[str, Mutant]] = {
    "limit off by one": (Step, "consequences", limit_off_by_one),
    "block ignored": (Step, "consequences", block_ignored),
    "consequence missing": (Step, "act", consequence_missing),
    "timer lost": (live_room, "heappush", timer_lost),
    "end missed": (transitions, "derived_status", lambda *_: "RUNNING"),
    "not filed": (Step, "_file", lambda *_: None),
}


@pytest.mark.parametrize("mutant", slow_but([*MUTANTS][:1], MUTANTS))
def test_the_machine_finds_a_mutant(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])
    search = searching(300, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises((AssertionError, ExceptionGroup)) as caught:
        run_state_machine_as_test(Core, settings=search)
    if isinstance(caught.value, ExceptionGroup):  # the teardown has found it too
        assert caught.value.subgroup(lambda error: not isinstance(error, AssertionError | ExceptionGroup)) is None
