"""A world is a value: whatever operators, time and control calls do, every world that ever was stays what it was, and
what is kept up beside the subtasks is what would be made of them anew.

`Values` is the machine that says so. It must find each of MUTANTS:

- set in place: the mapping of subtasks and tasks changes instead of giving another;
- draft shared: an operation writes into the execution that it was made of;
- counted in place: a rule's counts change in the rules that there were;
- slot kept: who becomes READY stays among those that may.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest
from builders import MANUAL, cancel, put, retry, retry_task, rollback_task, skip
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
from moving import move
from random_worlds import HALF, fixtures
from slow import slow_but

from mockserver.contract.errors import Unprocessable
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault, Incoming, Rules
from mockserver.fixtures.patch import patched
from mockserver.tasks import step as step_room
from mockserver.tasks.execution import Execution
from mockserver.tasks.shared import Shared
from mockserver.tasks.step import Step
from mockserver.tasks.transitions import Refused
from mockserver.tasks.values import STATUSES, Status
from mockserver.world import moves
from mockserver.world.fixture import Fixture
from mockserver.world.live import LiveWorld
from mockserver.world.served import Served
from mockserver.world.value import World

REQUEST: Final = Incoming("retryTask", "POST", "/api/v2/tasks/instances/1000/retry", "somebody", 1000, None)
NAMES: Final = st.sampled_from(["one", "two"])
Act = Callable[..., object]
WHICH: Final = st.integers(0, 1000)


def plain(world: World) -> object:
    """All that a world says of itself, in mappings and tuples of its own."""
    tasks = {
        id: (
            *(one.task, dict(one.subtasks), {id: logged and logged.runs() for id, logged in one.logs.items()}),
            *(one.counts, one.open, one.retrying),
        )
        for id, one in world.tasks.items()
    }
    rules = (dict(world.faults), world.faults.matching(REQUEST), dict(world.denials), world.numbers)
    return world.settings, dict(world.users), tasks, rules, world.now


class Values(RuleBasedStateMachine):
    served: Served

    @initialize(made=fixtures())
    def load(self, made: tuple[Fixture, bool]) -> None:
        self.pristine = LiveWorld(made[0])
        self.served = Served(self.pristine, MANUAL)
        self.kept: list[tuple[World, object]] = []

    @property
    def live(self) -> LiveWorld:
        return self.served.live

    # --- operators and time ----

    def first_allowed(self, acts: list[tuple[Act, tuple[int, ...]]], which: int) -> None:
        """Does one act: from that one on, the first that is not refused; if all are, perhaps after the next event."""
        start = which % len(acts) if acts else 0
        for _ in range(4):
            for act, ids in acts[start:] + acts[:start]:
                with suppress(Refused):
                    act(self.live, *ids)
                    return
            move(self.served, moves.to_next)

    @rule(which=WHICH)
    def somebody_acts_on_a_subtask(self, which: int) -> None:
        ids = [(id, task) for task, execution in self.live.world.tasks.items() for id in execution.subtasks]
        self.first_allowed([(act, pair) for pair in ids for act in (retry, skip, cancel)], which)

    @rule(which=WHICH)
    def somebody_acts_on_a_task(self, which: int) -> None:
        ids = list(self.live.world.tasks)
        self.first_allowed([(act, (id,)) for id in ids for act in (retry_task, rollback_task)], which)

    @rule(steps=st.integers(0, 9))
    def time_passes(self, steps: int) -> None:
        move(self.served, moves.by(steps * HALF))

    @rule()
    def something_happens(self) -> None:
        move(self.served, moves.to_next)

    @rule(status=st.sampled_from(STATUSES))
    def a_condition_is_waited_for_that_may_never_come(self, status: Status) -> None:
        def reached(world: World) -> bool:
            return all(
                one.status == status for execution in world.tasks.values() for one in execution.subtasks.values()
            )

        with suppress(Unprocessable):
            move(self.served, moves.until(reached))

    # --- control calls ----

    @rule(status=st.sampled_from(STATUSES), retries=st.integers(0, 2), rolls_back=st.booleans(), which=WHICH)
    def a_task_is_patched(self, status: Status, retries: int, rolls_back: bool, which: int) -> None:
        """A subtask is so in operation EXECUTE: one that was rolled back would be so for ever, in no time."""
        world = self.served.up_to_now()
        for execution in world.tasks.values():
            ids = list(execution.subtasks)
            part = {"status": status, "operation": "EXECUTE", "retryCount": retries, "log": "patched"}
            body: dict[str, Any] = {"operation": "ROLLBACK"} if rolls_back else {}
            body["subtasks"] = [{"id": ids[which % len(ids)], **part}] if ids else []
            changed = patched(execution.state(), body, world.settings, world.now)
            self.served.patch(partial(Step.replace, **changed._asdict()), "PATCH", execution.id)

    @rule(concurrency=st.integers(1, 5), seed=st.integers(0, 3))
    def the_settings_change(self, concurrency: int, seed: int) -> None:
        old = self.live.world.settings
        self.served.change_settings(old._replace(pace=old.pace._replace(concurrency=concurrency), seed=seed), "PATCH")

    @rule(times=st.none() | st.integers(1, 2), operation=st.sampled_from([None, "retryTask", "skipSubtask"]))
    def rules_are_added(self, times: int | None, operation: str | None) -> None:
        self.live.add_fault(lambda id: Fault(id=id, times=times, operation=operation))
        self.live.add_denial(lambda id: Denial(id, "TASK_MANAGER", times=times, operation=operation))

    @rule()
    def a_request_meets_the_rules(self) -> None:
        self.live.trace_id()
        self.live.choose_fault(REQUEST)
        denial = self.live.world.denied("TASK_MANAGER", REQUEST.user, REQUEST.operation, 1000)
        if denial is not None:
            self.live.count_denial(denial)

    @rule(all=st.booleans(), which=WHICH)
    def rules_are_removed(self, all: bool, which: int) -> None:
        faults, denials = list(self.live.world.faults), list(self.live.world.denials)
        if faults and denials:
            self.served.remove_faults(*([] if all else [faults[which % len(faults)]]))
            self.live.remove_denials(*([] if all else [denials[which % len(denials)]]))

    @rule(name=NAMES)
    def a_snapshot_is_taken(self, name: str) -> None:
        self.served.take_snapshot(name)

    @precondition(lambda self: self.served.snapshots)
    @rule(which=WHICH)
    def a_snapshot_is_restored(self, which: int) -> None:
        snapshots = list(self.served.snapshots.values())
        snapshot = snapshots[which % len(snapshots)]
        self.served.restore(snapshot)
        assert self.live.world is snapshot.live.world

    @rule()
    def its_state_is_put_back(self) -> None:
        put(self.served, self.served.state()())

    @rule(by_name=st.booleans())
    def it_begins_anew(self, by_name: bool) -> None:
        """Reset, or another world of the same files in its place."""
        if by_name:
            self.served = Served(self.pristine, MANUAL)
        else:
            self.served.reset()
        assert self.live.world is self.pristine.world

    # --- what holds after every step ----

    @invariant()
    @precondition(lambda self: hasattr(self, "served"))
    def every_world_is_what_it_was(self) -> None:
        world = self.live.world
        if not self.kept or self.kept[-1][0] is not world:
            self.kept.append((world, plain(world)))
        for one, was in self.kept:
            assert plain(one) == was

    @invariant()
    @precondition(lambda self: hasattr(self, "served"))
    def what_is_derived_is_what_would_be_derived_anew(self) -> None:
        world = self.live.world
        for execution in world.tasks.values():
            anew = Execution.of(execution.state())
            assert (execution.counts, execution.open, execution.retrying) == (anew.counts, anew.open, anew.retrying)
        assert world.faults.matching(REQUEST) == Rules(world.faults.values()).matching(REQUEST)
        dues = (one.due for execution in world.tasks.values() for one in execution.subtasks.values())
        assert self.live.next_due() == min((due for due in dues if due is not None), default=None)


def searching(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def test_every_world_that_ever_was_stays_what_it_was() -> None:
    run_state_machine_as_test(Values, settings=searching(15, derandomize=True))


@pytest.mark.slow
def test_every_world_that_ever_was_stays_what_it_was_many_times() -> None:
    run_state_machine_as_test(Values, settings=searching(1000, print_blob=True))


# --- the mutants -----------------------------------------------------------------------------------------------------

really_set, really_begun = Shared.set, Step.__init__


def set_in_place(shared: Shared[int, Any], key: int, value: object) -> Shared[int, Any]:
    shared._chunks = really_set(shared, key, value)._chunks
    return shared


def draft_shared(step: Step, execution: Execution, *more: Any) -> None:
    really_begun(step, execution, *more)
    step.counts = execution.counts


def counted_in_place(rules: Rules, changed: Any) -> Rules:
    rules._rules.update({rule.id: rule for rule in changed})
    return rules


def slot_kept(ids: tuple[int, ...], id: int, belongs: bool) -> tuple[int, ...]:
    return tuple(sorted({*ids, id})) if belongs else ids


Mutant = tuple[object, str, object]
MUTANTS: Final[Mapping[str, Mutant]] = {
    "set in place": (Shared, "set", set_in_place),
    "draft shared": (Step, "__init__", draft_shared),
    "counted in place": (Rules, "counted", counted_in_place),
    "slot kept": (step_room, "_filed", slot_kept),
}


@pytest.mark.parametrize("mutant", slow_but([*MUTANTS][:1], MUTANTS))
def test_the_machine_finds_a_mutant(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])
    search = searching(200, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Values, settings=search)
