"""One task while it lives: its subtasks as they are, what the scheduler must know of them at once, and its rules.

The rules (source: engine; made exact by us, see *Differences from OCP*): automatic retry, becoming READY in order of
id while a slot is free and nothing is FAILED, then the task's status. They are applied after each event and before the
next, to a RUNNING task only. Everything here costs what changed, not what the task has: counts and candidates are kept
up by `store`, the only place where a subtask is replaced. Nothing here reads a clock.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import nsmallest
from typing import Any

from mockserver.tasks.lifecycle import (
    FAILED,
    PENDING,
    READY,
    ROLLBACK,
    RUNNING,
    STATUSES,
    SUCCESSFUL,
    Pace,
    Subtask,
    Task,
    made_ready,
    retried,
    retries_itself,
)
from mockserver.tasks.run_log import MAX_RUNS, LogRun, bounded, ended, near_its_bound
from mockserver.tasks.state import TaskState

_log_run: Callable[[tuple[object, ...]], LogRun] = partial(tuple.__new__, LogRun)
_ENDS = frozenset({PENDING, SUCCESSFUL})
"""The statuses that a subtask's neighbours look at."""
Due = tuple[int, int, int]
"""(instant, subtask id, task id): the order in which events happen."""


class Execution:
    """A task and its subtasks. Only its world changes it, and only through `store` and `store_task`."""

    __slots__ = (
        "_undone",
        "_unmet",
        "backward",
        "counts",
        "forward",
        "full",
        "id",
        "logs",
        "rendered",
        "retrying",
        "subtasks",
        "task",
    )

    def __init__(self, state: TaskState) -> None:
        self.id: int = state.task.id
        self.task: Task = state.task
        self.subtasks: dict[int, Subtask] = dict(state.subtasks)
        self.logs: dict[int, list[LogRun]] = {id: list(log) for id, log in state.logs.items()}
        self.full: set[int] = {id for id, log in self.logs.items() if near_its_bound(log)}
        """Those whose log is near its bound."""
        self.counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
        self.forward: set[int] = set()
        """PENDING, and all upstreams are SUCCESSFUL."""
        self.backward: set[int] = set()
        """SUCCESSFUL, and all downstreams are PENDING."""
        self.retrying: set[int] = set()
        """FAILED, and due for an automatic retry."""
        self.rendered: dict[object, Any] = {}
        """What a higher room made of these values; dropped with the value that it was made from."""
        self._unmet: dict[int, int] = {}
        self._undone: dict[int, int] = {}
        for id, subtask in self.subtasks.items():
            definition = subtask.definition
            self.counts[subtask.status] += 1
            self._unmet[id] = sum(self.subtasks[up].status != SUCCESSFUL for up in definition.upstreams)
            self._undone[id] = sum(self.subtasks[down].status != PENDING for down in definition.downstreams)
            self._file(subtask)

    def copy(self) -> "Execution":
        twin = object.__new__(Execution)
        twin.id, twin.task = self.id, self.task
        twin.logs = {id: log.copy() for id, log in self.logs.items()}
        for name in ("subtasks", "full", "counts", "forward", "backward", "retrying", "rendered", "_unmet", "_undone"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def state(self) -> TaskState:
        return TaskState(
            task=self.task, subtasks=dict(self.subtasks), logs={id: tuple(log) for id, log in self.logs.items()}
        )

    def store(self, before: Subtask, after: Subtask) -> None:
        definition = after.definition
        self.subtasks[definition.id] = after
        self.rendered.pop(None, None)
        was, becomes = before.status, after.status
        if was != becomes:
            counts = self.counts
            counts[was] -= 1
            counts[becomes] += 1
            if was in _ENDS or becomes in _ENDS:
                if SUCCESSFUL in (was, becomes):
                    self._count(self._unmet, definition.downstreams, -1 if becomes == SUCCESSFUL else 1)
                if PENDING in (was, becomes):
                    self._count(self._undone, definition.upstreams, -1 if becomes == PENDING else 1)
                self._file(after)
        if definition.retry_count:
            self._file(after)

    def put(self, before: Subtask, after: Subtask, log: Sequence[LogRun]) -> None:
        """A subtask that is another in any of its fields but its id and its edges."""
        self.store(before, after)
        self._file(after)
        self.rendered.pop(before.definition, None)
        id = after.definition.id
        self.logs.pop(id, None)
        self.full.discard(id)
        if log:
            self.logs[id] = list(log)
            if near_its_bound(log):
                self.full.add(id)

    def log_run(self, id: int, operation: str, now: int) -> None:
        log = self.logs.get(id)
        if log is None:
            log = self.logs[id] = []
        log.append(_log_run((operation, now, "")))
        if len(log) > MAX_RUNS:
            del log[0]
        if id in self.full:
            log[:] = bounded(log)

    def log_end(self, id: int, text: str) -> None:
        """The last run has ended and leaves `text`, which is not empty."""
        log = self.logs[id]
        ended(log, text)
        if near_its_bound(log):
            self.full.add(id)
        else:
            self.full.discard(id)

    def store_task(self, task: Task) -> None:
        self.task = task
        self.rendered.pop(None, None)

    def _count(self, counts: dict[int, int], neighbours: tuple[int, ...], step: int) -> None:
        for id in neighbours:
            counts[id] += step
            self._file(self.subtasks[id])

    def _file(self, subtask: Subtask) -> None:
        """Puts a subtask into the sets that it belongs to, and takes it out of the others."""
        id, status = subtask.definition.id, subtask.status
        if status == PENDING and not self._unmet[id]:
            self.forward.add(id)
        else:
            self.forward.discard(id)
        if status == SUCCESSFUL and not self._undone[id]:
            self.backward.add(id)
        else:
            self.backward.discard(id)
        if subtask.definition.retry_count and retries_itself(subtask):
            self.retrying.add(id)
        else:
            self.retrying.discard(id)


def becoming_ready(execution: Execution, now: int, pace: Pace) -> Iterator[Subtask]:
    """The subtasks that become READY by themselves at this instant, in order, as they become it.

    The caller stores each before it asks for the next.
    """
    for id in sorted(execution.retrying):
        yield retried(execution.subtasks[id], now, pace)
    counts = execution.counts
    if counts[FAILED]:
        return
    rolling_back = execution.task.operation == ROLLBACK
    slots = pace.concurrency - counts[READY] - counts[RUNNING]
    for id in nsmallest(slots, execution.backward if rolling_back else execution.forward):
        subtask = execution.subtasks[id]
        yield made_ready(subtask, ROLLBACK if rolling_back else subtask.operation, now, pace)


def topological(subtasks: dict[int, Subtask]) -> list[Subtask]:
    """Upstreams first; by id where the graph leaves it open."""
    from graphlib import TopologicalSorter

    sorter = TopologicalSorter({id: subtask.definition.upstreams for id, subtask in subtasks.items()})
    sorter.prepare()
    order: list[Subtask] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [subtasks[id] for id in ready]
        sorter.done(*ready)
    return order
