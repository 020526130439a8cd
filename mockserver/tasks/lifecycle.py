"""Task and subtask values, and every transition there is: an operator's and the engine's own.

Everything that changes a status or an operation is in this file. A transition is a pure function: it gets a value, the
instant it happens at and the pace of the scheduler, and returns a new value, or raises `Refused` and nothing has
changed. Nothing here does I/O, reads a clock or rolls dice. Source, where nothing else is said: the open-source engine
of the same family, read as facts (see docs/differences.md).

Values are tuples: a retry makes three of them, and a NamedTuple is made in a third of a frozen dataclass's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mockserver.times import NEVER, SECOND

Status = Literal["PENDING", "READY", "RUNNING", "CANCELING", "FAILED", "SUCCESSFUL"]
Operation = Literal["EXECUTE", "RETRY", "ROLLBACK", "SKIP", "CANCEL", "ROLLBACK_SKIP"]
TaskStatus = Literal["RUNNING", "FAILED", "SUCCESSFUL"]
TaskOperation = Literal["EXECUTE", "RETRY", "ROLLBACK"]
Outcome = Literal["SUCCESSFUL", "FAILED", "TIMEOUT"]

PENDING: Final = "PENDING"
READY: Final = "READY"
RUNNING: Final = "RUNNING"
CANCELING: Final = "CANCELING"
FAILED: Final = "FAILED"
SUCCESSFUL: Final = "SUCCESSFUL"
STATUSES: Final[tuple[Status, ...]] = (PENDING, READY, RUNNING, CANCELING, FAILED, SUCCESSFUL)
TASK_STATUSES: Final[tuple[TaskStatus, ...]] = (RUNNING, FAILED, SUCCESSFUL)

EXECUTE: Final = "EXECUTE"
RETRY: Final = "RETRY"
ROLLBACK: Final = "ROLLBACK"
SKIP: Final = "SKIP"
CANCEL: Final = "CANCEL"
ROLLBACK_SKIP: Final = "ROLLBACK_SKIP"
"""Skipped while the task rolls back. The seed's list lacks it; real servers send it (engine)."""
OPERATIONS: Final[tuple[Operation, ...]] = (EXECUTE, RETRY, ROLLBACK, SKIP, CANCEL, ROLLBACK_SKIP)
TASK_OPERATIONS: Final[tuple[TaskOperation, ...]] = (EXECUTE, RETRY, ROLLBACK)

TIMEOUT: Final = "TIMEOUT"
"""Not a wire word: the outcome of a run that is longer than its subtask's timeout."""


class Run(NamedTuple):
    """What one coming run does. `duration` is in nanoseconds; None means the scheduler's `run`."""

    outcome: Outcome = SUCCESSFUL
    duration: int | None = None
    log: str = ""


class Pace(NamedTuple):
    """The scheduler's settings. READY waits `dispatch`, a run without a duration takes `run` (nanoseconds)."""

    dispatch: int = SECOND
    run: int = 2 * SECOND
    concurrency: int = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubtaskDefinition:
    """What a subtask is, as opposed to how it stands: no transition changes any of this."""

    id: int
    name: str
    series_id: int
    description: str | None
    class_name: str | None
    timeout: int
    """Seconds; 0 is no timeout."""
    context: str | Mapping[str, object] | None
    create_time: int
    node_type: str
    parallel_idx: int
    upstreams: tuple[int, ...]
    downstreams: tuple[int, ...]
    prohibit_rollback: bool
    retry_count: int
    runs: tuple[Run, ...]
    rollbacks: tuple[Run, ...]


class Subtask(NamedTuple):
    """How a subtask stands. Instants are nanoseconds; `due` is when its next event happens by itself."""

    definition: SubtaskDefinition
    status: Status
    operation: Operation
    run_time: int
    executor: str | None
    start_time: int | None
    finish_time: int | None
    due: int | None = None
    next_run: int = 0
    next_rollback: int = 0
    coming: Run | None = None
    """While it runs: how this run will end."""

    @property
    def id(self) -> int:
        return self.definition.id


class Reference(NamedTuple):
    """A creator, cluster or tenant, as the API embeds it in a task. The last two fields are a cluster's."""

    id: int | None
    name: str | None
    ob_cluster_id: int | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskDefinition:
    id: int
    name: str
    task_definition_id: int | None
    type: str
    creator: Reference | None
    cluster: Reference | None
    tenant: Reference | None
    host_id: int | None
    """Not on the wire: what the list's `hostId` filter compares with."""
    create_time: int
    prohibit_rollback: bool


class Task(NamedTuple):
    definition: TaskDefinition
    status: TaskStatus
    operation: TaskOperation
    executor: str | None
    start_time: int | None
    finish_time: int | None

    @property
    def id(self) -> int:
        return self.definition.id


MOST_RUNS: Final = 2**31 - 1
"""runTime is a Java int; there it stays."""
SKIPPED: Final = Run(SUCCESSFUL, 0)


class Refused(Exception):
    """The state does not allow it. `prohibited` is the rollback that somebody forbade (20004), else 20003."""

    def __init__(self, reason: str, *, prohibited: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.prohibited = prohibited


def _after(now: int, duration: int) -> int | None:
    return now + duration if duration < NEVER else None


# --- what an operator can ask of a subtask -------------------------------------------------------------------------


def retry(subtask: Subtask, task: Task, now: int, pace: Pace) -> Subtask:
    """READY / RETRY with one more runTime. The engine looks at the subtask alone; we look at its task too."""
    if subtask.status != FAILED:
        raise Refused(f"it is {subtask.status}, and only a FAILED subtask can be retried")
    if subtask.operation == ROLLBACK:
        raise Refused("its rollback FAILED, and a rollback is not retried")
    if task.operation == ROLLBACK:
        raise Refused("its task is rolling back")
    return retried(subtask, now, pace)


def skip(subtask: Subtask, task: Task, now: int, pace: Pace) -> Subtask:
    if subtask.status != FAILED:
        raise Refused(f"it is {subtask.status}, and only a FAILED subtask can be skipped")
    return made_ready(subtask, ROLLBACK_SKIP if task.operation == ROLLBACK else SKIP, now, pace)


def cancel(subtask: Subtask, task: Task, now: int, pace: Pace) -> Subtask:
    """CANCELING; its operation becomes CANCEL when the cancelling has ended."""
    if subtask.status != RUNNING:
        raise Refused(f"it is {subtask.status}, and only a RUNNING subtask can be cancelled")
    return subtask._replace(status=CANCELING, due=_after(now, pace.dispatch))


# --- what an operator can ask of a task ----------------------------------------------------------------------------


def retry_task(task: Task) -> Task:
    if task.status != FAILED:
        raise Refused(f"it is {task.status}, and only a FAILED task can be retried")
    if task.operation == ROLLBACK:
        raise Refused("it is rolling back")
    return task._replace(status=RUNNING, operation=RETRY, finish_time=None)


def rollback_task(task: Task, subtasks: Mapping[int, Subtask]) -> Task:
    if task.status != FAILED:
        raise Refused(f"it is {task.status}, and only a FAILED task can be rolled back")
    if task.definition.prohibit_rollback:
        raise Refused("the task itself prohibits it", prohibited=True)
    for subtask in subtasks.values():
        if subtask.definition.prohibit_rollback and subtask.status not in (PENDING, READY):
            raise Refused(f"subtask {subtask.id}, which has run, prohibits it", prohibited=True)
    return task._replace(status=RUNNING, operation=ROLLBACK, finish_time=None)


def rolled_back(subtask: Subtask) -> Subtask:
    """What a task's rollback makes of each of its subtasks that is not PENDING, before the first of them is READY."""
    return subtask._replace(operation=ROLLBACK)


# --- what happens by itself ----------------------------------------------------------------------------------------


def retried(subtask: Subtask, now: int, pace: Pace) -> Subtask:
    """A retry, whoever asked for it. startTime and finishTime stay as they were until it runs."""
    definition, _, _, run_time, executor, start, finish, _, next_run, next_rollback, _ = subtask
    due = now + pace.dispatch if pace.dispatch < NEVER else None
    return Subtask(
        definition,
        READY,
        RETRY,
        run_time + (run_time < MOST_RUNS),
        executor,
        start,
        finish,
        due,
        next_run,
        next_rollback,
        None,
    )


def retries_itself(subtask: Subtask) -> bool:
    return (
        subtask.status == FAILED
        and subtask.run_time <= subtask.definition.retry_count
        and subtask.operation in (EXECUTE, RETRY)
    )


def made_ready(subtask: Subtask, operation: Operation, now: int, pace: Pace) -> Subtask:
    return subtask._replace(status=READY, operation=operation, due=_after(now, pace.dispatch), coming=None)


def start(subtask: Subtask, now: int, pace: Pace, executor: str) -> Subtask:
    """READY → RUNNING: the run takes its entry of `runs` (or `rollbacks`) now, and with it how and when it will end."""
    due: int | None
    definition, _, operation, run_time, node, start_time, _, _, next_run, next_rollback, _ = subtask
    if operation in (SKIP, ROLLBACK_SKIP):
        run, due = SKIPPED, now
    else:
        if operation == ROLLBACK:
            entries = definition.rollbacks
            run = entries[next_rollback]
            if next_rollback + 1 < len(entries):
                next_rollback += 1
        else:
            entries = definition.runs
            run = entries[next_run]
            if next_run + 1 < len(entries):
                next_run += 1
        duration = pace.run if run.duration is None else run.duration
        timeout = definition.timeout * SECOND
        if timeout and duration > timeout:
            run, duration = Run(TIMEOUT, timeout, run.log), timeout
        due = now + duration if duration < NEVER else None
    if start_time is None:
        start_time = now
    node = node or executor
    return Subtask(definition, RUNNING, operation, run_time, node, start_time, None, due, next_run, next_rollback, run)


def end(subtask: Subtask, now: int) -> Subtask:
    """RUNNING or CANCELING → what it comes to. A rolled-back subtask is PENDING again."""
    definition, status, operation, run_time, node, start_time, _, _, next_run, next_rollback, run = subtask
    after: Status
    if status == CANCELING or run is None or run.outcome == TIMEOUT:
        after, operation = FAILED, CANCEL
    elif run.outcome == FAILED:
        after = FAILED
    else:
        after = PENDING if operation in (ROLLBACK, ROLLBACK_SKIP) else SUCCESSFUL
    return Subtask(definition, after, operation, run_time, node, start_time, now, None, next_run, next_rollback, None)


def task_started(task: Task, now: int, executor: str) -> Task:
    """Its first subtask runs."""
    return task._replace(start_time=now, executor=task.executor or executor)


def task_resumed(task: Task) -> Task:
    """An operator has made a subtask READY: it is RUNNING again, its operation stays."""
    definition, _, operation, executor, start_time, _ = task
    return Task(definition, RUNNING, operation, executor, start_time, None)


def task_ended(task: Task, status: TaskStatus, now: int) -> Task:
    definition, _, operation, executor, start_time, _ = task
    return Task(definition, status, operation, executor, start_time, now)


def derived_status(counts: Mapping[Status, int], total: int, operation: TaskOperation) -> TaskStatus:
    """A task's status as its subtasks give it. `counts` is how many of its `total` subtasks are in each status."""
    if counts[FAILED]:
        return RUNNING if counts[READY] or counts[RUNNING] or counts[CANCELING] else FAILED
    return SUCCESSFUL if counts[PENDING if operation == ROLLBACK else SUCCESSFUL] == total else RUNNING


def counted_from(subtask: Subtask, now: int, pace: Pace) -> Subtask:
    """A subtask of a world just loaded, whose fixture does not say when it is due: what is under way starts now."""
    if subtask.status == READY or subtask.status == CANCELING:
        return subtask._replace(due=_after(now, pace.dispatch))
    if subtask.status == RUNNING:
        begun = start(subtask, now, pace, "")
        return begun._replace(executor=subtask.executor, start_time=subtask.start_time, finish_time=subtask.finish_time)
    return subtask
