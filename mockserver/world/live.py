"""A world while it lives: its value now, what is due when, and its history. The only thing that changes.

Nothing here does I/O or reads a clock: the caller says what time it is (`advance`) and then acts. What raises has
changed nothing, but for `advance`, of which whole events have happened. Every value that `world` ever was stays what
it was.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from heapq import heapify, heappop, heappush
from typing import Final

from mockserver.faults import rules as fault_rules
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault, Incoming
from mockserver.stubs.collection import Stubs
from mockserver.tasks.execution import Execution
from mockserver.tasks.run_log import Logged
from mockserver.tasks.shared import Shared
from mockserver.tasks.step import Act, Step, Transition
from mockserver.tasks.values import RUNNING, Subtask
from mockserver.world.fixture import ClockSetting, Fixture, Settings
from mockserver.world.history import CHANGES, Change, Record
from mockserver.world.value import World

EVENTS_AT_ONE_INSTANT: Final = 10**5
EVENTS_IN_ONE_CALL: Final = 10**7
EVENTS_ANYHOW: Final = 2000
"""So many happen in one call however long that takes: what a client sees depends on no machine's speed."""
TIME: Final = "time"
_64_BITS: Final = (1 << 64) - 1
_STRIDE: Final = 0x9E3779B97F4A7C15
"""Odd, so that no two of 2^64 trace ids are the same."""


class TooManyEvents(Exception):
    """Something goes round without time passing, or time was asked to pass for too long."""

    def __init__(self, where: str | None) -> None:
        """`where` is the last event of too many at one instant; None for too many in one call."""
        if where is None:
            super().__init__(f"more than {EVENTS_IN_ONE_CALL} events in one call")
        else:
            super().__init__(f"more than {EVENTS_AT_ONE_INSTANT} events at one instant, the last to {where}")


class UnknownTask(Exception):
    """The world has no such task."""


class LiveWorld:
    def __init__(self, fixture: Fixture) -> None:
        """As the fixture gives it, with the consequences of that."""
        self.world = World.of(fixture)
        self.traces: int = fixture.counters.trace
        self.history: Record[Change] = Record(CHANGES)
        self.longest = max((len(one.subtasks) for one in self.world.tasks.values()), default=0)
        """How many subtasks the task has that has most."""
        self.touched = False
        """Whether somebody has changed it, and not only time."""
        self._timers = [
            (one.due, one.id, id)
            for id, execution in self.world.tasks.items()
            for one in execution.subtasks.values()
            if one.due is not None
        ]
        heapify(self._timers)
        self._voided = 0
        self._stuck: tuple[Shared[int, Execution], Settings, str] | None = None
        self._crowd = self.world.tasks, self.world.settings, 0
        """What the last event left, and how many there were at its instant."""
        self._first_trace = fault_rules.mixed(fixture.settings.seed)
        self._settle(TIME)
        self.history.forget()

    def copy(self) -> "LiveWorld":
        """The same world at the same instant, to go its own way. Its history begins anew."""
        twin = object.__new__(LiveWorld)
        twin.world, twin.traces, twin.history = self.world, self.traces, Record(CHANGES)
        twin._timers, twin._voided, twin.touched = self._timers.copy(), self._voided, False
        twin._stuck, twin._first_trace, twin.longest = self._stuck, self._first_trace, self.longest
        twin._crowd = self._crowd
        return twin

    def as_fixture(self, clock: ClockSetting) -> Fixture:
        return self.world.fixture(clock, self.traces)

    def start_at(self, now: int) -> None:
        """Moves a world that has just been made to another instant; what is under way keeps the time it has left."""
        world = self.world
        by, tasks = now - world.now, world.tasks
        for _, id, task in self._timers:
            execution = tasks[task]
            subtask = execution.subtasks[id]
            assert subtask.due is not None
            subtasks = execution.subtasks.set(id, replace(subtask, due=subtask.due + by))
            logged, logs = execution.logs[id], execution.logs
            if logged is not None and logged.run.growth is not None:
                logs = logs.set(id, logged.moved(by))
            tasks = tasks.set(task, _with_subtasks(execution, subtasks, logs))
        self._timers = [(due + by, id, task) for due, id, task in self._timers]
        self.world = world.with_tasks(tasks, now)

    # --- time ------------------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """When something next happens by itself; None if nothing will."""
        timer = self.next_timer()
        return None if timer is None else timer[0]

    def next_timer(self) -> tuple[int, int, int] | None:
        """Likewise, with the subtask to which it happens, and its task."""
        timers, tasks = self._timers, self.world.tasks
        while timers:
            instant, id, task = timers[0]
            if tasks[task].subtasks[id].due == instant:
                return timers[0]
            heappop(timers)  # an operator was faster
        return None

    def advance(self, to: int, budget: int = EVENTS_IN_ONE_CALL, enough: Callable[[], bool] | None = None) -> int:
        """Everything due at or before `to`, each at its own instant; returns how many events that was. Once it is
        `enough`, the rest is left to the next call: until then, `now` is the instant of the last event.

        Raises TooManyEvents; what happened until then has happened, and each event whole.
        """
        events, timers = 0, self._timers
        if timers and timers[0][0] <= to:
            for _ in self.events(to, budget):
                events += 1
                if enough is not None and events >= EVENTS_ANYHOW and enough():
                    return events
        if to > self.world.now:
            self.world = self.world.with_tasks(self.world.tasks, to)
        return events

    def events(self, to: int, budget: int) -> Iterator[None]:
        """The same, but that it stops after each event, and that in the end the world is at the last of them. Nobody
        else may touch this world meanwhile."""
        if self._stuck is not None:
            self._check_stuck(*self._stuck)
        timers, events, latest = self._timers, 0, self.world.now
        after, of, before = self._crowd
        at_one_instant = before if after is self.world.tasks and of is self.world.settings else 0
        while timers and timers[0][0] <= to:
            instant, id, task = timer = heappop(timers)
            execution = self.world.tasks[task]
            subtask = execution.subtasks[id]
            if subtask.due != instant:
                continue  # an operator was faster
            at_one_instant = at_one_instant + 1 if instant == latest else 1
            events, latest = events + 1, instant
            if at_one_instant > EVENTS_AT_ONE_INSTANT or events > budget:
                heappush(timers, timer)
                if events > budget:
                    raise TooManyEvents(None)
                where = f"subtask {id} of task {task}"
                self._stuck = self.world.tasks, self.world.settings, where
                raise TooManyEvents(where)
            settings = self.world.settings
            step = Step(execution, instant, settings.pace, settings.server)
            step.happen(subtask)
            self._take(step, TIME)
            self._crowd = self.world.tasks, settings, at_one_instant
            timers = self._timers  # `_take` may have dropped void ones
            yield

    def _check_stuck(self, tasks: Shared[int, Execution], settings: Settings, where: str) -> None:
        """Raises TooManyEvents where it was raised before, and neither a task nor a setting has changed since: each
        request would find that out anew, in 100,000 events."""
        if tasks is self.world.tasks and settings is self.world.settings:
            raise TooManyEvents(where)
        self._stuck = None

    # --- what an operator, or a control call, asks for -------------------------------------------------------------

    def act(self, transition: Transition, cause: str, task: int, id: int) -> Subtask:
        """Retry, skip or cancel a subtask; returns it as it is then. Raises UnknownTask, UnknownSubtask, Refused."""
        step = self.step(task)
        after = step.act(id, transition)
        self._take(step, cause)
        return after

    def act_on_task(self, act: Act, cause: str, task: int) -> Execution:
        """Retry, roll back or patch a whole task; returns it as it is then. Raises UnknownTask, and what `act` does."""
        step = self.step(task)
        act(step)
        return self._take(step, cause)

    def change_settings(self, settings: Settings, cause: str) -> None:
        """What is under way keeps its `due`, and trace ids their count; more slots are taken at once."""
        more_slots = settings.pace.concurrency > self.world.settings.pace.concurrency
        self.world = self.world.with_settings(settings)
        self._first_trace = fault_rules.mixed(settings.seed)
        if more_slots:
            self._settle(cause)

    def step(self, task: int) -> Step:
        """A draft of one operation. Raises UnknownTask."""
        world = self.world
        execution = world.tasks.get(task)
        if execution is None:
            raise UnknownTask(task)
        return Step(execution, world.now, world.settings.pace, world.settings.server)

    def _settle(self, cause: str) -> None:
        """The consequences, in every RUNNING task."""
        for id, execution in self.world.tasks.items():
            if execution.task.status == RUNNING:
                step = self.step(id)
                step.consequences()
                if step.changes:
                    self._take(step, cause)

    def _take(self, step: Step, cause: str) -> Execution:
        """It has happened."""
        execution, now, world = step.done(), step.now, self.world
        id = execution.task.definition.id
        self.world = world.with_tasks(world.tasks.set(id, execution), now)
        self.touched |= cause != TIME
        told = step.changes[-CHANGES:]
        self.history.extend([Change(now, id, was, becomes, cause) for was, becomes in told], len(step.changes))
        for due, subtask in step.timers:
            heappush(self._timers, (due, subtask, id))
        if step.voided:
            self._forget_voided(step.voided)
        return execution

    def _forget_voided(self, more: int) -> None:
        """Void timers are passed over when they are due, or dropped together."""
        self._voided += more
        if self._voided > 64 + len(self._timers) // 2:
            tasks = self.world.tasks
            self._timers = [timer for timer in self._timers if tasks[timer[2]].subtasks[timer[1]].due == timer[0]]
            heapify(self._timers)
            self._voided = 0

    # --- rules -----------------------------------------------------------------------------------------------------

    def trace_id(self) -> str:
        """The next one: 16 hex digits that the seed and a counter give, different each time."""
        self.traces += 1
        return ((self._first_trace + self.traces * _STRIDE) & _64_BITS).to_bytes(8).hex()

    def choose_fault(self, request: Incoming) -> Fault | None:
        """The rule that acts on this request, if any; it has been counted."""
        faults, world = self.world.faults, self.world
        rules = [faults[id] for id in faults.matching(request)]
        if not rules:
            return None
        changed, acting = fault_rules.choose(rules, world.settings.seed, world.now)
        if changed:
            self.world, self.touched = world.with_faults(faults.counted(changed)), True
        return acting

    def add_fault(self, rule: Callable[[str], Fault]) -> Fault:
        """`rule` makes it from the id that it gets."""
        faults, denials = self.world.numbers
        added = rule(f"fault-{faults + 1}")
        self._change_rules(self.world.faults.added(added), self.world.denials, (faults + 1, denials))
        return added

    def remove_faults(self, *ids: str) -> None:
        """These, which it has; without any, all of them."""
        faults = self.world.faults
        kept = [rule for rule in faults.values() if ids and rule.id not in ids]
        self.world = self.world.with_faults(fault_rules.Rules(kept))

    def add_denial(self, denial: Callable[[str], Denial]) -> Denial:
        faults, denials = self.world.numbers
        added = denial(f"denial-{denials + 1}")
        self._change_rules(self.world.faults, {**self.world.denials, added.id: added}, (faults, denials + 1))
        return added

    def remove_denials(self, *ids: str) -> None:
        """These; without any, all of them."""
        kept = {id: denial for id, denial in self.world.denials.items() if ids and id not in ids}
        self.world = self.world.with_denials(kept)

    def count_denial(self, denial: Denial) -> None:
        counted = denial._replace(hits=denial.hits + 1)
        self.world, self.touched = self.world.with_denials({**self.world.denials, denial.id: counted}), True

    def change_stubs(self, stubs: Stubs) -> None:
        self.world = self.world.with_stubs(stubs)

    def _change_rules(self, faults: fault_rules.Rules, denials: Mapping[str, Denial], numbers: tuple[int, int]) -> None:
        world = self.world
        self.world = World(world.settings, world.users, world.tasks, faults, denials, world.stubs, numbers, world.now)


def _with_subtasks(execution: Execution, subtasks: Shared[int, Subtask], logs: Shared[int, Logged | None]) -> Execution:
    """With other values that stand as these do."""
    return Execution(execution.task, subtasks, logs, execution.counts, execution.open, execution.retrying)
