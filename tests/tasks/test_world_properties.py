"""Random graphs, operators and clock steps through the pure core, and what holds whatever happens.

`Core` is the machine. After each step the history is replayed change by change against api-facts 4 and 5 (`Replay`),
and the values are held against what a fresh look at them gives. It must find each of MUTANTS, five plausible mistakes:

- limit off by one: one subtask more than `concurrency` becomes READY;
- block ignored: subtasks become READY although one is FAILED;
- consequence missing: nothing becomes READY after an operator's act, only after an event;
- timer lost: of two events at the same instant the second is never due;
- status late: a task's status is that of one event before.
"""

import json
from collections.abc import Mapping
from heapq import heappush
from typing import Any, Final

import pytest
from builders import MANUAL, START, changes, derived, fixture, subtask, task, values
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

from mockserver.contract.errors import ApiError
from mockserver.fixtures.source import load
from mockserver.fixtures.writer import to_data
from mockserver.tasks import lifecycle
from mockserver.tasks.execution import Execution
from mockserver.tasks.lifecycle import (
    OPERATIONS,
    STATUSES,
    Operation,
    Pace,
    Run,
    Status,
    Subtask,
    TaskOperation,
    TaskStatus,
)
from mockserver.tasks.state import TaskState
from mockserver.times import NEVER, SECOND
from mockserver.world import world as world_room
from mockserver.world.fixture import Fixture
from mockserver.world.journal import Change
from mockserver.world.live import TIME
from mockserver.world.value import World

HALF: Final = SECOND // 2
ACTIVE: Final = {"READY", "RUNNING", "CANCELING"}
ACTS: Final = ("retry_subtask", "skip_subtask", "cancel_subtask", "retry_task", "rollback_task")
BORN: Final[tuple[Status, Operation]] = ("PENDING", "EXECUTE")
LEAST: Final = 100
"""Examples in a run of every day. The slow one has more than a thousand."""

# --- worlds ----------------------------------------------------------------------------------------------------------

runs = st.builds(
    Run,
    st.sampled_from(["SUCCESSFUL", "FAILED"]),
    st.sampled_from([None, 0, HALF, SECOND, 3 * SECOND, NEVER]),
    st.sampled_from(["", "some text", "two\nlines\n"]),
)
some_runs = st.lists(runs, min_size=1, max_size=3)
paces = st.builds(Pace, st.sampled_from([0, HALF, SECOND]), st.sampled_from([0, SECOND, 2 * SECOND]), st.integers(1, 4))


@st.composite
def standings(draw: st.DrawFn, rolling_back: bool) -> tuple[Status, Operation]:
    """Any status in any operation, but for a PENDING subtask that is rolled back for ever, in no time."""
    status = draw(st.sampled_from(STATUSES))
    operations = list(OPERATIONS)
    if not rolling_back and status in ("PENDING", "READY", "RUNNING"):
        operations = ["EXECUTE", "RETRY", "SKIP", "CANCEL"]
    return status, draw(st.sampled_from(operations))


@st.composite
def tasks(draw: st.DrawFn, id: int, born: bool) -> TaskState:
    """A graph of up to eight subtasks whose ids don't follow its edges; `born`: none of them has run."""
    size = draw(st.integers(0 if draw(st.integers(0, 9)) == 0 else 1, 8))
    ids = draw(st.permutations(range(1, size + 1)))
    rolling_back = not born and draw(st.booleans())
    subtasks: list[Subtask] = []
    for place, number in enumerate(ids):
        upstreams = draw(st.sets(st.sampled_from(ids[:place]), max_size=3)) if place else set()
        status, operation = draw(standings(rolling_back) if not born else st.just(BORN))
        subtasks.append(
            subtask(
                number,
                *upstreams,
                status=status,
                operation=operation,
                timeout=draw(st.sampled_from([1800, 1800, 2, 0])),
                prohibit_rollback=draw(st.integers(0, 19)) == 0,
                retry_count=draw(st.sampled_from([0, 0, 1, 2])),
                runs=draw(some_runs),
                rollbacks=draw(some_runs),
            )
        )
    prohibited = draw(st.integers(0, 19)) == 0
    return task(*subtasks, id=id, operation="ROLLBACK" if rolling_back else "EXECUTE", prohibit_rollback=prohibited)


@st.composite
def fixtures(draw: st.DrawFn) -> tuple[Fixture, bool]:
    """A world, and whether all of it is just born."""
    born = draw(st.integers(0, 2)) > 0
    states = [draw(tasks(id, born)) for id in range(1000, 1001 + draw(st.integers(0, 1)))]
    return fixture(*states, pace=draw(paces)), born


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

    def follow(self, change: Change, act: str | None, target: int | None, pace: Pace) -> None:
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
            case (("PENDING" | "SUCCESSFUL"), "READY") if act != "rollback_task":
                assert self.task_status == "RUNNING"
                assert "FAILED" not in self.status.values(), "none becomes READY while one is FAILED"
                assert self.slots(pace) > 0, "none becomes READY past the limit"
                assert self.waiting(id), "none becomes READY before its time"
                assert id == min(one for one in self.subtasks if self.waiting(one)), "in order of id"
                assert change.operation == ("ROLLBACK" if self.rolling_back else operation)
            case (("SUCCESSFUL" | "FAILED"), "READY") if act == "rollback_task" and change.operation == "ROLLBACK":
                definition = self.subtasks[id]
                assert self.rolling_back
                assert all(self.status[down] == "PENDING" for down in definition.downstreams)
            case "FAILED", "READY" if change.operation == "RETRY":
                by_itself = operation in ("EXECUTE", "RETRY") and self.run_time[id] <= self.subtasks[id].retry_count
                assert by_itself or act == "retry_task" or (act, target) == ("retry_subtask", id)
                self.run_time[id] += 1
            case "FAILED", "READY":
                assert (act, target) == ("skip_subtask", id)
                assert change.operation == ("ROLLBACK_SKIP" if self.rolling_back else "SKIP")
            case "READY", "RUNNING":
                assert act is None
                assert change.time == self.since[id] + pace.dispatch
                assert change.operation == operation
            case "RUNNING", "CANCELING":
                assert (act, target) == ("cancel_subtask", id)
                assert change.operation == operation
            case "CANCELING", "FAILED":
                assert change.time == self.since[id] + pace.dispatch
                assert change.operation == "CANCEL"
            case "RUNNING", "FAILED":
                assert operation not in ("SKIP", "ROLLBACK_SKIP")
                assert change.operation in (operation, "CANCEL")
            case "RUNNING", ("SUCCESSFUL" | "PENDING"):
                assert after == ("PENDING" if operation in ("ROLLBACK", "ROLLBACK_SKIP") else "SUCCESSFUL")
                assert change.operation == operation
            case _:
                pytest.fail(f"no rule makes {before} {after}")
        self.status[id], self.operation[id], self.since[id] = after, change.operation, change.time


# --- the machine -----------------------------------------------------------------------------------------------------


class Core(RuleBasedStateMachine):
    """`world` goes in small steps, `twin` in big ones: whenever they are compared they are the same."""

    world: World
    twin: World

    @initialize(made=fixtures())
    def load(self, made: tuple[Fixture, bool]) -> None:
        a_fixture, self.born = made
        self.world, self.twin = World(a_fixture), World(a_fixture)
        self.replays = {id: Replay(one, START) for id, one in self.world.tasks.items()}
        self.followed, self.sound = 0, True
        self.kept = self.world.copy(), values(self.world)

    def follow(self, act: str | None = None, at: int | None = None, target: int | None = None) -> None:
        """Replays what is new in the history."""
        history = changes(self.world)
        instants = [change.time for change in history]
        assert instants == sorted(instants)
        self.sound = False
        for change in history[self.followed :]:
            mine = act if change.task_instance_id == at else None
            self.replays[change.task_instance_id].follow(change, mine, target, self.world.settings.pace)
        self.followed, self.sound = len(history), True

    def compare(self) -> None:
        """After whatever is due at this very instant."""
        self.world.advance(self.world.now)
        self.follow()
        self.twin.advance(self.world.now)
        assert values(self.twin) == values(self.world)
        self.world.history.forget()
        self.twin.history.forget()
        self.followed = 0

    # --- time ----

    @rule(steps=st.lists(st.integers(0, 5), min_size=1, max_size=5))
    def time_passes(self, steps: list[int]) -> None:
        for step in steps:
            self.world.advance(self.world.now + step * HALF)
            self.follow()
            self.holds()

    @rule(times=st.integers(1, 6))
    def something_happens(self, times: int) -> None:
        for _ in range(times):
            instant = self.world.next_due()
            if instant is not None:
                assert self.world.advance(instant) > 0
                self.follow()
                self.holds()

    # --- operators ----

    def possible(self, *, refused: bool) -> list[tuple[str, tuple[int, ...]]]:
        """Every act on everything that is there, of those that are allowed or of those that are not."""
        found: list[tuple[str, tuple[int, ...]]] = []
        for id, execution in self.world.tasks.items():
            found += [(act, (id,)) for act in ACTS[3:] if self.allows_task(act, execution) is not refused]
            for one in execution.subtasks.values():
                found += [(act, (id, one.id)) for act in ACTS[:3] if self.allows(act, execution, one) is not refused]
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
        before = values(self.world)
        for step in range(acts):
            act, ids = found[(which + step) % len(found)]
            for one in (self.world, self.twin):
                with pytest.raises(ApiError):
                    getattr(one, act)(*ids, "an operator")
            assert values(self.world) == before

    @staticmethod
    def allows(act: str, execution: Execution, subtask: Subtask) -> bool:
        if act == "cancel_subtask":
            return subtask.status == "RUNNING"
        undoing = execution.task.operation == "ROLLBACK" or subtask.operation == "ROLLBACK"
        return subtask.status == "FAILED" and not (act == "retry_subtask" and undoing)

    @staticmethod
    def allows_task(act: str, execution: Execution) -> bool:
        task = execution.task
        if act == "retry_task":
            return task.status == "FAILED" and task.operation != "ROLLBACK"
        prohibited = task.definition.prohibit_rollback or any(
            one.definition.prohibit_rollback and one.status not in ("PENDING", "READY")
            for one in execution.subtasks.values()
        )
        return task.status == "FAILED" and not prohibited

    def act(self, act: str, ids: tuple[int, ...]) -> None:
        world = self.world
        subtask = ids[1] if len(ids) > 1 else None
        old = world.tasks[ids[0]].subtasks[subtask] if subtask is not None else None
        answer = getattr(world, act)(*ids, "an operator")
        getattr(self.twin, act)(*ids, "an operator")
        if act == "rollback_task":
            self.replays[ids[0]].rolling_back = True
            for id, status in self.replays[ids[0]].status.items():
                if status != "PENDING":
                    self.replays[ids[0]].operation[id] = "ROLLBACK"
        self.follow(act, ids[0], subtask)
        if old is not None:
            undoing = self.replays[ids[0]].rolling_back
            expected = {
                "retry_subtask": ("READY", "RETRY", old.run_time + 1),
                "skip_subtask": (
                    "READY",
                    "ROLLBACK_SKIP" if undoing else "SKIP",
                    old.run_time,
                ),
                "cancel_subtask": ("CANCELING", old.operation, old.run_time),
            }[act]
            assert (answer.status, answer.operation, answer.run_time) == expected
            assert (answer.start_time, answer.finish_time) == (old.start_time, old.finish_time)

    # --- copies ----

    @rule()
    def it_is_loaded_again(self) -> None:
        """The state as values, in mid-run, makes the same world."""
        self.compare()
        self.twin = World(self.world.as_fixture(MANUAL._replace(now=self.world.now)))
        assert values(self.twin) == values(self.world)

    @rule(by=st.integers(1, 20), act=st.sampled_from(ACTS[:3]), which=st.integers(0, 7))
    def a_copy_goes_its_own_way(self, by: int, act: str, which: int) -> None:
        before, copy = values(self.world), self.world.copy()
        assert values(copy) == before
        for id, execution in copy.tasks.items():
            fitting = [one.id for one in execution.subtasks.values() if self.allows(act, execution, one)]
            if fitting:
                getattr(copy, act)(id, fitting[which % len(fitting)], "a copy's operator")
        copy.advance(copy.now + by * HALF)
        assert values(self.world) == before

    @rule()
    def a_copy_is_kept(self) -> None:
        self.kept = self.world.copy(), values(self.world)

    # --- what holds after every step ----

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def holds(self) -> None:
        world = self.world
        dues = []
        for id, execution in world.tasks.items():
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
                dues += [one.due] if one.due is not None else []
                if self.born:
                    self.keeps_its_place(one, execution)
        assert world.copy().next_due() == min(dues, default=None)

    def nothing_is_left_to_do(self, execution: Execution, replay: Replay) -> None:
        """In a RUNNING task each consequence has come with its cause."""
        if execution.task.status != "RUNNING":
            return
        subtasks = execution.subtasks.values()
        assert not [one.id for one in subtasks if lifecycle.retries_itself(one)]
        if replay.slots(self.world.settings.pace) > 0 and "FAILED" not in replay.status.values():
            assert not [one for one in replay.subtasks if replay.waiting(one)]

    @staticmethod
    def books_are_right(execution: Execution) -> None:
        """What the scheduler keeps up as it goes is what it would count anew."""
        anew = Execution(execution.state())
        for name in set(Execution.__slots__) - {"rendered"}:
            assert getattr(execution, name) == getattr(anew, name), name

    def is_due_in_time(self, subtask: Subtask, replay: Replay) -> None:
        pace, since = self.world.settings.pace, replay.since[subtask.id]
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
        assert subtask.due is None or subtask.due >= self.world.now

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
        if hasattr(self, "world") and self.sound:
            self.compare()
            copy, as_it_was = self.kept
            assert values(copy) == as_it_was, "a copy is not changed by what happens to the original"


class Written(Core):
    """The same, and at any moment what the state says as a text makes a world that goes the same way."""

    @rule(by=st.integers(0, 20))
    def it_is_written_and_read(self, by: int) -> None:
        text = self.told(self.world)
        again, copy = World(load(json.loads(text), now=0)), self.world.copy()
        assert self.told(again) == text
        for one in (again, copy):
            one.advance(one.now + by * HALF)
        assert self.told(again) == self.told(copy)

    @staticmethod
    def told(world: World) -> str:
        return json.dumps(to_data(world.as_fixture(MANUAL._replace(now=world.now))))


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


def test_a_state_is_all_that_there_is_to_a_world() -> None:
    run_state_machine_as_test(Written, settings=searching(LEAST // 4, derandomize=True))


@pytest.mark.slow
def test_a_state_is_all_that_there_is_to_a_world_many_times() -> None:
    run_state_machine_as_test(Written, settings=searching(400, print_blob=True))


@pytest.mark.slow
def test_the_core_holds_its_invariants_a_thousand_times() -> None:
    """Other examples each time; a failure prints what reproduces it."""
    run_state_machine_as_test(Core, settings=searching(1200, steps=40, print_blob=True))


# --- the mutants -----------------------------------------------------------------------------------------------------

applied = World._consequences


def limit_off_by_one(world: World, execution: Execution, cause: str) -> None:
    right = world.settings
    world.settings = right._replace(pace=right.pace._replace(concurrency=right.pace.concurrency + 1))
    applied(world, execution, cause)
    world.settings = right


def block_ignored(world: World, execution: Execution, cause: str) -> None:
    counts = execution.counts
    failed, counts["FAILED"] = counts["FAILED"], 0
    applied(world, execution, cause)
    counts["FAILED"] += failed
    applied(world, execution, cause)


def consequence_missing(world: World, execution: Execution, cause: str) -> None:
    if cause == TIME:
        applied(world, execution, cause)


def timer_lost(heap: list[tuple[int, ...]], event: tuple[int, ...]) -> None:
    if event[0] not in [other[0] for other in heap]:
        heappush(heap, event)


def status_late(counts: Mapping[str, int], total: int, operation: TaskOperation) -> TaskStatus:
    before = LATE.get(id(counts), "RUNNING")
    LATE[id(counts)] = lifecycle.derived_status(counts, total, operation)
    return before


LATE: Final[dict[int, TaskStatus]] = {}

Mutant = tuple[object, str, object]
MUTANTS: Final[dict[str, Mutant]] = {
    "limit off by one": (World, "_consequences", limit_off_by_one),
    "block ignored": (World, "_consequences", block_ignored),
    "consequence missing": (World, "_consequences", consequence_missing),
    "timer lost": (world_room, "heappush", timer_lost),
    "status late": (world_room, "derived_status", status_late),
}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_finds_a_mutant(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])
    search = searching(300, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises((AssertionError, ExceptionGroup)) as caught:
        run_state_machine_as_test(Core, settings=search)
    if isinstance(caught.value, ExceptionGroup):  # the teardown has found it too
        assert caught.value.subgroup(lambda error: not isinstance(error, AssertionError | ExceptionGroup)) is None
