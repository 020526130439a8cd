"""One operation or event of one task, in the making: the rules read and write it; until `done` nothing has happened.

The rules (source: engine; made exact by us, see docs/differences.md): automatic retry, becoming READY in order of id
while a slot is free and nothing is FAILED, then the task's status. They are applied after each event and before the
next, to a RUNNING task only. What raises leaves a draft behind that nobody takes.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Final

from mockserver.tasks import transitions
from mockserver.tasks.execution import Execution, may_move, retrying, waiting
from mockserver.tasks.run_log import Growth, Log, Logged, LogRun
from mockserver.tasks.shared import Draft
from mockserver.tasks.values import (
    CANCEL,
    CANCELING,
    FAILED,
    PENDING,
    READY,
    ROLLBACK,
    RUNNING,
    SUCCESSFUL,
    Pace,
    Subtask,
    Task,
)

Transition = Callable[[Subtask, Task, int, Pace], Subtask]
"""Retry, skip or cancel of `transitions`."""
Act = Callable[["Step"], None]
"""An operation on a whole task."""
MANY: Final = 100
_ENDS: Final = frozenset({PENDING, SUCCESSFUL})
"""The statuses that a subtask's neighbours look at."""


class UnknownSubtask(Exception):
    """The task has no such subtask."""


class Step:
    """`now` is the instant at which it happens, `server` who executes."""

    __slots__ = (
        "before",
        "changes",
        "counts",
        "logs",
        "now",
        "open",
        "pace",
        "retrying",
        "server",
        "subtasks",
        "task",
        "timers",
        "voided",
    )

    def __init__(self, execution: Execution, now: int, pace: Pace, server: str) -> None:
        self.before = execution
        self.now = now
        self.pace = pace
        self.server = server
        self.task = execution.task
        self.subtasks = execution.subtasks
        self.logs = execution.logs
        self.counts = execution.counts.copy()
        self.open = execution.open
        self.retrying = execution.retrying
        self.changes: list[tuple[Subtask, Subtask] | tuple[Task, Task]] = []
        """Before and after of what the history tells, in order."""
        self.timers: list[tuple[int, int]] = []
        """(instant, subtask id) of what became due."""
        self.voided = 0
        """How many timers of the future it made void."""

    def done(self) -> Execution:
        return Execution(self.task, self.subtasks, self.logs, self.counts, self.open, self.retrying)

    # --- what an operator asks for ---------------------------------------------------------------------------------

    def act(self, id: int, transition: Transition) -> Subtask:
        """Retry, skip or cancel one subtask. Returns it as it is then, before the consequences.

        Raises UnknownSubtask and Refused.
        """
        before = self.subtasks.get(id)
        if before is None:
            raise UnknownSubtask(id)
        after = transition(before, self.task, self.now, self.pace)
        if after.status == CANCELING:
            self._end_log(id)
            self._begin_log(id, CANCEL)
        self.put(before, after)
        if self.task.status != RUNNING:
            self.put_task(transitions.task_resumed(self.task))
        self.consequences()
        return after

    def retry_task(self) -> None:
        """Raises Refused."""
        subtasks = self.subtasks
        after = transitions.retry_task(self.task)
        with self._drafting():
            self.put_task(after)
            for _, subtask in sorted((id, one) for id, one in subtasks.items() if one.status == FAILED):
                self.put(subtask, transitions.retried(subtask, self.now, self.pace))
        self.consequences()

    def rollback_task(self) -> None:
        """Raises Refused."""
        subtasks = self.subtasks
        after = transitions.rollback_task(self.task, subtasks)
        with self._drafting():
            self.put_task(after)
            for _, subtask in sorted((id, one) for id, one in subtasks.items() if one.status != PENDING):
                if all(subtasks[down].status == PENDING for down in subtask.definition.downstreams):
                    self.put(subtask, transitions.made_ready(subtask, ROLLBACK, self.now, self.pace))
                else:
                    self.put(subtask, transitions.rolled_back(subtask))
        self.consequences()

    def replace(self, task: Task, subtasks: Mapping[int, Subtask], logs: Mapping[int, Log]) -> None:
        """Other values of the task and of some of its subtasks, with their logs, as a control call sets them."""
        with self._drafting():
            for id, after in subtasks.items():
                before = self.subtasks[id]
                self._store(before, after)
                self.logs = self.logs.set(id, Logged.of(logs[id]))
                if (before.status, before.operation) != (after.status, after.operation):
                    self.changes.append((before, after))
            was = self.task
            self.put_task(task)
        if was.status == task.status and was.operation != task.operation:
            self.changes.append((was, task))
        self.consequences()

    # --- what happens by itself ------------------------------------------------------------------------------------

    def happen(self, subtask: Subtask) -> None:
        """The event that is due now, of a subtask that is READY, RUNNING or CANCELING."""
        running = subtask
        if subtask.status == READY:
            running = self._begun(subtask)
            self.changes.append((subtask, running))
            if running.due != self.now:
                self._store(subtask, running)
                return  # it keeps its slot, and its task is RUNNING: that has no consequences
        after = transitions.end(running, self.now)
        self._end_log(running.definition.id)
        self._store(subtask, after)
        self.changes.append((running, after))
        self.consequences()

    def _begun(self, ready: Subtask) -> Subtask:
        now = self.now
        running = transitions.start(ready, now, self.pace, self.server)
        self._begin_log(running.definition.id, running.operation, transitions.log_growth(running, now, self.pace))
        if self.task.start_time is None:
            self.task = transitions.task_started(self.task, now, self.server)
        return running

    def _begin_log(self, id: int, name: str, growth: Growth | None = None) -> None:
        log, now = self.logs[id], self.now
        begun = Logged(None, LogRun(name, now, "", growth)) if log is None else log.begun(name, now, growth)
        self.logs = self.logs.set(id, begun)

    def _end_log(self, id: int) -> None:
        log = self.logs[id]
        if log is not None and log.run.growth is not None:
            self.logs = self.logs.set(id, log.ended(self.now))

    def consequences(self) -> None:
        """Of what has happened in a RUNNING task, at the same instant."""
        counts, task = self.counts, self.task
        if task.status != RUNNING:
            return
        if self.retrying:
            self._retry_by_itself()
        if self.open and not counts[FAILED]:
            rolling_back = task.operation == ROLLBACK
            slots = self.pace.concurrency - counts[READY] - counts[RUNNING]
            ids = self.open[: max(slots, 0)]
            with self._drafting() if len(ids) > MANY else nullcontext():
                for id in ids:
                    before = self.subtasks[id]
                    operation = ROLLBACK if rolling_back else before.operation
                    self.put(before, transitions.made_ready(before, operation, self.now, self.pace))
        if counts[READY] or counts[RUNNING] or counts[CANCELING]:
            return  # so the task is RUNNING
        status = transitions.derived_status(counts, task.operation)
        if status != RUNNING:
            self.put_task(transitions.task_ended(task, status, self.now))

    def _retry_by_itself(self) -> None:
        with self._drafting() if len(self.retrying) > MANY else nullcontext():
            for id in self.retrying:
                self.put(self.subtasks[id], transitions.retried_by_itself(self.subtasks[id], self.now, self.pace))

    @contextmanager
    def _drafting(self) -> Iterator[None]:
        """While many subtasks change: what is kept up beside them is made anew at the end, and once."""
        self.subtasks, self.logs = subtasks, logs = Draft(self.subtasks), Draft(self.logs)
        yield
        self.subtasks, self.logs = subtasks.done(), logs.done()
        self.open = waiting(self.subtasks, self.task.operation)
        self.retrying = retrying(self.subtasks)

    # --- what stores -----------------------------------------------------------------------------------------------

    def put(self, before: Subtask, after: Subtask) -> None:
        """`after` in the place of `before`; the history tells it if its status is another."""
        self._store(before, after)
        if before.status != after.status:
            self.changes.append((before, after))

    def put_task(self, after: Task) -> None:
        """A rollback begins or ends only where many subtasks change."""
        before, self.task = self.task, after
        if before.status != after.status:
            self.changes.append((before, after))

    def _store(self, before: Subtask, after: Subtask) -> None:
        definition, was, becomes = after.definition, before.status, after.status
        self.subtasks = self.subtasks.set(definition.id, after)
        if after.due != before.due:
            if after.due is not None:
                self.timers.append((after.due, definition.id))
            if before.due is not None and before.due > self.now:
                self.voided += 1
        if was != becomes:
            counts = self.counts
            counts[was] -= 1
            counts[becomes] += 1
            if (was in _ENDS or becomes in _ENDS) and not isinstance(self.subtasks, Draft):
                neighbours = definition.upstreams if self.task.operation == ROLLBACK else definition.downstreams
                if len(neighbours) > MANY:
                    self.open = waiting(self.subtasks, self.task.operation)
                else:
                    self._file(after)
                    for id in neighbours:
                        self._file(self.subtasks[id])
        if definition.retry_count and not isinstance(self.subtasks, Draft):
            self.retrying = _filed(self.retrying, definition.id, transitions.retries_itself(after))

    def _file(self, subtask: Subtask) -> None:
        may = may_move(subtask, self.subtasks, self.task.operation == ROLLBACK)
        self.open = _filed(self.open, subtask.definition.id, may)


class Foreseen:
    """An act, and what comes of it, found out on a draft that nobody else has. A draft that begins as that one did gets
    it at once; any other is acted on. Raises what the act does."""

    def __init__(self, act: Act, draft: Step) -> None:
        self._act, self._draft = act, draft
        act(draft)

    def __call__(self, step: Step) -> None:
        if not self.holds(step):
            self._act(step)
            return
        for name in Step.__slots__:
            setattr(step, name, getattr(self._draft, name))

    def holds(self, step: Step) -> bool:
        mine = self._draft
        return step.before is mine.before and (step.now, step.pace, step.server) == (mine.now, mine.pace, mine.server)


def _filed(ids: tuple[int, ...], id: int, belongs: bool) -> tuple[int, ...]:
    """With the id if it belongs there, in its place; without it if it does not."""
    if belongs == (id in ids):
        return ids
    place = bisect_left(ids, id)
    return (*ids[:place], id, *ids[place:]) if belongs else (*ids[:place], *ids[place + 1 :])
