"""A world: its tasks, its users, its rules, and the only thing that changes any of them.

Nothing here does I/O or reads a clock: the caller says what time it is (`advance`) and then acts. There is no await
between a check and its change, and what raises has changed nothing. Executions are shared between copies of a world
until one of them changes one, so that a copy costs little whatever the size of the world.
"""

from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Final

from mockserver.contract.errors import NO_SUBTASK, NO_TASK, NOT_ALLOWED, ROLLBACK_PROHIBITED, ApiError
from mockserver.contract.permissions import ANONYMOUS, EVERYTHING, NOTHING, User
from mockserver.faults import rules as fault_rules
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault, Incoming
from mockserver.tasks import lifecycle
from mockserver.tasks.lifecycle import (
    CANCELING,
    FAILED,
    PENDING,
    READY,
    ROLLBACK,
    RUNNING,
    Refused,
    Subtask,
    Task,
    derived_status,
)
from mockserver.tasks.run_log import Log
from mockserver.tasks.scheduler import Due, Execution, becoming_ready
from mockserver.world.fixture import ClockSetting, Counters, Fixture, Settings
from mockserver.world.journal import CHANGES, Change, Record

CANDIDATES: Final = 1024
EVENTS_AT_ONE_INSTANT: Final = 10**5
EVENTS_IN_ONE_CALL: Final = 10**7
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


def change_of(entry: tuple[Any, ...]) -> Change:
    """What an entry of a world's history says: (instant, task id, value before, value after, cause)."""
    time, task, before, after, cause = entry
    subtask = after.id if isinstance(after, Subtask) else None
    return Change(time, task, subtask, before.status, after.status, after.operation, cause)


class World:
    def __init__(self, fixture: Fixture) -> None:
        self.settings: Settings = fixture.settings
        self.users: dict[str, User] = dict(fixture.users)
        self._allowed = {name: user.allowed for name, user in fixture.users.items()}
        self.faults: dict[str, Fault] = dict(fixture.faults)
        self._candidates: dict[tuple[str, int | None, int | None], tuple[str, ...]] = {}
        self.untouched: set[str] = set()
        """Paths that no rule can match (see `untouch`)."""
        self.denials: dict[str, Denial] = dict(fixture.denials)
        self.traces, self.fault_number, self.denial_number = fixture.counters
        self._first_trace = fault_rules.mixed(fixture.settings.seed)
        self.now: int = fixture.clock.now
        self.executions: dict[int, Execution] = {id: Execution(state) for id, state in fixture.tasks.items()}
        self.history: Record[tuple[Any, ...]] = Record(CHANGES)
        """As `change_of` reads them."""
        self._own: set[int] = set(self.executions)
        self._due: list[Due] = []
        self._stale = 0
        for id, execution in self.executions.items():
            self._due += [(one.due, one.id, id) for one in execution.subtasks.values() if one.due is not None]
        heapify(self._due)
        for execution in self.executions.values():
            if execution.task.status == RUNNING:
                self._consequences(execution, TIME)
        self.history.forget()

    def copy(self) -> "World":
        twin = object.__new__(World)
        twin.settings, twin.now, twin._first_trace = self.settings, self.now, self._first_trace
        twin.traces, twin.fault_number, twin.denial_number = self.traces, self.fault_number, self.denial_number
        twin.users, twin._allowed = self.users, self._allowed
        twin.faults, twin.denials = self.faults.copy(), self.denials.copy()
        twin._candidates, twin.untouched = {}, set()
        twin.executions, twin._due, twin.history = self.executions.copy(), self._due.copy(), self.history.twin()
        self._own, twin._own, twin._stale = set(), set(), self._stale
        return twin

    def start_at(self, now: int) -> None:
        """Moves a world that has just been made to another instant; what is under way keeps the time it has left."""
        by, due, self.now, self._due = now - self.now, self._due, now, []
        for _, id, task in due:
            execution = self._mine(task)
            subtask = execution.subtasks[id]
            assert subtask.due is not None
            execution.store(subtask, subtask._replace(due=subtask.due + by))
            self._due.append((subtask.due + by, id, task))

    def as_fixture(self, clock: ClockSetting) -> Fixture:
        return Fixture(
            settings=self.settings,
            clock=clock,
            users=self.users,
            tasks={id: execution.state() for id, execution in self.executions.items()},
            faults=self.faults.copy(),
            denials=self.denials.copy(),
            counters=Counters(self.traces, self.fault_number, self.denial_number),
        )

    # --- time ------------------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """When something next happens by itself; None if nothing will."""
        due = self._due
        while due:
            instant, subtask, task = due[0]
            if self.executions[task].subtasks[subtask].due == instant:
                return instant
            heappop(due)  # an operator was faster
        return None

    def advance(self, to: int, budget: int = EVENTS_IN_ONE_CALL) -> int:
        """Everything due at or before `to`, each at its own instant; returns how many events that was.

        Raises TooManyEvents; what happened until then has happened, and each event whole.
        """
        due, at_one_instant, events, most = self._due, 0, 0, EVENTS_AT_ONE_INSTANT
        while due and due[0][0] <= to:
            instant, id, task = event = heappop(due)
            execution = self.executions[task]
            subtask = execution.subtasks[id]
            if subtask.due != instant:
                continue  # an operator was faster
            at_one_instant = at_one_instant + 1 if instant == self.now else 1
            events += 1
            if at_one_instant > most or events > budget:
                heappush(due, event)
                raise TooManyEvents(None if events > budget else f"subtask {id} of task {task}")
            if not events & 0xFF:
                self.history.trim()
            if task not in self._own:
                execution = self._mine(task)
            self.now = instant
            if len(self.history) > 2 * CHANGES:
                self.history.trim()
            if subtask.status != READY:
                self._end(execution, subtask, subtask)
                continue
            running = self._begin(execution, subtask)
            if running.due == instant and at_one_instant < most and events < budget:
                events += 1  # its end is the least of all events, so it need not be stored while it runs
                at_one_instant += 1
                self._end(execution, subtask, running)
            else:
                execution.store(subtask, running)
                if running.due is not None:
                    heappush(due, (running.due, id, task))
        if to > self.now:
            self.now = to
        history = self.history
        if len(history) >= history.most:
            history.trim()
        return events

    def _begin(self, execution: Execution, ready: Subtask) -> Subtask:
        """Its run begins; the caller stores it. Has no consequences: it keeps its slot, and its task is RUNNING."""
        now, settings, task = self.now, self.settings, execution.task
        running = lifecycle.start(ready, now, settings.pace, settings.server)
        execution.log_run(running.definition.id, running.operation, now)
        if task.start_time is None:
            execution.store_task(lifecycle.task_started(task, now, settings.server))
        self.history.append((now, execution.id, ready, running, TIME))
        return running

    def _end(self, execution: Execution, stored: Subtask, subtask: Subtask) -> None:
        """`stored` is what the execution has of it."""
        run = subtask.coming
        if run is not None and run.log:
            id = subtask.definition.id
            if id not in execution.logs:  # it was running when it was loaded, and without a log
                execution.log_run(id, subtask.operation, self.now if subtask.start_time is None else subtask.start_time)
            execution.log_end(id, run.log)
        after = lifecycle.end(subtask, self.now)
        execution.store(stored, after)
        self.history.append((self.now, execution.id, subtask, after, TIME))
        if execution.task.status == RUNNING:
            self._consequences(execution, TIME)

    def _consequences(self, execution: Execution, cause: str) -> None:
        """Of an event in a RUNNING task, at the same instant: what becomes READY by itself, then the task's status."""
        counts, task = execution.counts, execution.task
        waiting = execution.backward if task.operation == ROLLBACK else execution.forward
        if execution.retrying or (waiting and not counts[FAILED]):
            for after in becoming_ready(execution, self.now, self.settings.pace):
                self._store(execution, execution.subtasks[after.definition.id], after, cause)
        if counts[READY] or counts[RUNNING] or counts[CANCELING]:
            return  # so the task is RUNNING
        status = derived_status(counts, len(execution.subtasks), task.operation)
        if status != RUNNING:
            self._store_task(execution, task, lifecycle.task_ended(task, status, self.now), cause)

    # --- what stores ---------------------------------------------------------------------------------------------

    def _store(self, execution: Execution, before: Subtask, after: Subtask, cause: str) -> None:
        execution.store(before, after)
        due = after.due
        if due is not None:
            heappush(self._due, (due, after.definition.id, execution.id))
        if before.status != after.status:
            self.history.append((self.now, execution.id, before, after, cause))

    def _store_task(self, execution: Execution, before: Task, after: Task, cause: str) -> None:
        execution.store_task(after)
        if before.status != after.status:
            self.history.append((self.now, execution.id, before, after, cause))

    def _forget_stale(self) -> None:
        """An operator has made one timer void. Void timers are passed over when they are due, or dropped together."""
        self._stale += 1
        if self._stale > 64 + len(self._due) // 2:
            self._due = [due for due in self._due if self.executions[due[2]].subtasks[due[1]].due == due[0]]
            heapify(self._due)
            self._stale = 0

    def _mine(self, task: int) -> Execution:
        """The execution of a task, no longer shared with a copy of this world."""
        if task not in self._own:
            self.executions[task] = self.executions[task].copy()
            self._own.add(task)
        return self.executions[task]

    # --- what an operator can ask for ------------------------------------------------------------------------------

    def task(self, id: int) -> Execution:
        execution = self.executions.get(id)
        if execution is None:
            raise ApiError(NO_TASK, task=id)
        return execution

    def subtask(self, task: int, id: int) -> Subtask:
        subtask = self.task(task).subtasks.get(id)
        if subtask is None:
            owners = [str(owner) for owner, other in self.executions.items() if id in other.subtasks][:3]
            hint = f"subtask {id} is in task {' and '.join(owners)}" if owners else None
            raise ApiError(NO_SUBTASK, task=task, subtask=id, hint=hint)
        return subtask

    def retry_subtask(self, task: int, id: int, cause: str) -> Subtask:
        return self._act_on_subtask(lifecycle.retry, "retry", task, id, cause)

    def skip_subtask(self, task: int, id: int, cause: str) -> Subtask:
        return self._act_on_subtask(lifecycle.skip, "skip", task, id, cause)

    def cancel_subtask(self, task: int, id: int, cause: str) -> Subtask:
        canceling = self._act_on_subtask(lifecycle.cancel, "cancel", task, id, cause)
        self._forget_stale()
        return canceling

    def _act_on_subtask(self, act: Callable[..., Subtask], verb: str, task: int, id: int, cause: str) -> Subtask:
        before, execution = self.subtask(task, id), self.executions[task]
        try:
            after = act(before, execution.task, self.now, self.settings.pace)
        except Refused as refused:
            raise ApiError(NOT_ALLOWED, verb=verb, what=f"subtask {id}", reason=refused.reason) from None
        if task not in self._own:
            execution = self._mine(task)
        self._store(execution, before, after, cause)
        owner = execution.task
        if owner.status != RUNNING:
            self._store_task(execution, owner, lifecycle.task_resumed(owner), cause)
        self._consequences(execution, cause)
        return after

    def retry_task(self, id: int, cause: str) -> Execution:
        after = self._asked_of_task("retry", id, lambda execution: lifecycle.retry_task(execution.task))
        execution = self._mine(id)
        self._store_task(execution, execution.task, after, cause)
        for subtask in list(execution.subtasks.values()):
            if subtask.status == lifecycle.FAILED:
                self._store(execution, subtask, lifecycle.retried(subtask, self.now, self.settings.pace), cause)
        self._consequences(execution, cause)
        return execution

    def rollback_task(self, id: int, cause: str) -> Execution:
        after = self._asked_of_task(
            "roll back", id, lambda execution: lifecycle.rollback_task(execution.task, execution.subtasks)
        )
        execution = self._mine(id)
        self._store_task(execution, execution.task, after, cause)
        pace = self.settings.pace
        pending = {one.id for one in execution.subtasks.values() if one.status == PENDING}
        for subtask in list(execution.subtasks.values()):
            if subtask.id in pending:
                continue
            after_it = lifecycle.rolled_back(subtask)
            if pending.issuperset(subtask.definition.downstreams):
                after_it = lifecycle.made_ready(subtask, ROLLBACK, self.now, pace)
            self._store(execution, subtask, after_it, cause)
        self._consequences(execution, cause)
        return execution

    def _asked_of_task(self, verb: str, id: int, ask: Callable[[Execution], Task]) -> Task:
        try:
            return ask(self.task(id))
        except Refused as refused:
            row = ROLLBACK_PROHIBITED if refused.prohibited else NOT_ALLOWED
            raise ApiError(row, verb=verb, what=f"task {id}", reason=refused.reason) from None

    # --- what a director can ask for -------------------------------------------------------------------------------

    def put(self, task: Task, subtasks: Mapping[int, Subtask], logs: Mapping[int, Log], cause: str) -> None:
        """Other values of a task, and of some of its subtasks, in the place of those that there are; then the
        consequences. The task's status is the one that its subtasks give it."""
        execution = self._mine(task.id)
        for id, after in subtasks.items():
            before = execution.subtasks[id]
            execution.put(before, after, logs[id])
            if after.due != before.due:
                if after.due is not None:
                    heappush(self._due, (after.due, id, task.id))
                if before.due is not None:
                    self._forget_stale()
            if (before.status, before.operation) != (after.status, after.operation):
                self.history.append((self.now, task.id, before, after, cause))
        was = execution.task
        execution.store_task(task)
        if (was.status, was.operation) != (task.status, task.operation):
            self.history.append((self.now, task.id, was, task, cause))
        if task.status == RUNNING:
            self._consequences(execution, cause)
        self.history.trim()

    def change_settings(self, settings: Settings, cause: str) -> None:
        """What is under way keeps its `due`, and trace ids their count; more slots are taken at once."""
        before, self.settings = self.settings, settings
        self._first_trace = fault_rules.mixed(settings.seed)
        if settings.field_names != before.field_names:
            for id in self.executions:
                self._mine(id).rendered.clear()
        if settings.pace.concurrency > before.pace.concurrency:
            for id, execution in self.executions.items():
                if execution.task.status == RUNNING:
                    self._consequences(self._mine(id), cause)
            self.history.trim()

    # --- rules -----------------------------------------------------------------------------------------------------

    def trace_id(self) -> str:
        """The next one: 16 hex digits that the seed and a counter give, different each time."""
        self.traces += 1
        return f"{(self._first_trace + self.traces * _STRIDE) & _64_BITS:016x}"

    def fault_candidates(self, operation: str, task: int | None, subtask: int | None) -> tuple[str, ...]:
        """The rules, newest first, that such a request can match. Kept, so that unrelated rules cost nothing."""
        key = (operation, task, subtask)
        known = self._candidates.get(key)
        if known is None:
            if len(self._candidates) >= CANDIDATES:
                self._candidates.clear()
            rules = reversed(self.faults.values())
            known = tuple(rule.id for rule in rules if rule.matches_target(operation, task, subtask))
            self._candidates[key] = known
        return known

    def untouch(self, path: str) -> None:
        """No rule can match a request for this path, until another is added."""
        if len(self.untouched) >= CANDIDATES:
            self.untouched.clear()
        self.untouched.add(path)

    def choose_fault(self, candidates: Iterable[str], request: Incoming) -> Fault | None:
        """The rule among them that acts on this request, if any; it has been counted."""
        rules = [self.faults[id] for id in candidates if id in self.faults]
        changed, acting = fault_rules.choose(rules, request, self.settings.seed, self.now)
        for rule in changed:
            self.faults[rule.id] = rule
        return acting

    def add_fault(self, rule: Callable[[str], Fault]) -> Fault:
        """`rule` makes it from the id that it gets."""
        self.fault_number += 1
        added = rule(f"fault-{self.fault_number}")
        self.faults[added.id] = added
        self._candidates.clear()
        self.untouched.clear()
        return added

    def add_denial(self, denial: Callable[[str], Denial]) -> Denial:
        self.denial_number += 1
        added = denial(f"denial-{self.denial_number}")
        self.denials[added.id] = added
        return added

    def allowed(self, user: str) -> frozenset[str]:
        """The permissions of a user, denials aside. Where the fixture names no users, anybody may do everything."""
        known = self._allowed.get(user)
        if known is not None:
            return known
        return EVERYTHING if user == ANONYMOUS or not self.users else NOTHING

    def denied(self, permission: str, user: str, operation: str, task: int | None) -> Denial | None:
        """The newest denial that takes this permission away here; not yet counted."""
        for denial in reversed(self.denials.values()):
            if not denial.used_up and denial.matches(permission, user, operation, task):
                return denial
        return None

    def count_denial(self, denial: Denial) -> None:
        self.denials[denial.id] = denial._replace(hits=denial.hits + 1)
