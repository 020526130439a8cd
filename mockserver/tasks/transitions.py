"""Every transition there is: an operator's and the engine's own.

Everything that changes a status or an operation is in this file. A transition is a pure function: it gets a value, the
instant it happens at and the pace of the scheduler, and returns a new value, or raises `Refused` and nothing has
changed. Source, where nothing else is said: the open-source engine of the same family, read as facts (see
docs/differences.md).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

from mockserver.tasks.run_log import Growth
from mockserver.tasks.values import (
    CANCEL,
    CANCELING,
    EXECUTE,
    FAILED,
    PENDING,
    READY,
    RETRY,
    ROLLBACK,
    ROLLBACK_SKIP,
    RUNNING,
    SKIP,
    SUCCESSFUL,
    TIMEOUT,
    Operation,
    Pace,
    Run,
    Status,
    Subtask,
    Task,
    TaskOperation,
    TaskStatus,
)
from mockserver.times import NEVER, SECOND

MOST_RUNS: Final = 2**31 - 1
"""runTime is a Java int; there it stays."""
SKIPPED: Final = Run(SUCCESSFUL, 0)


Objection = Literal["state", "skippable", "prohibited"]
"""What stands in the way: the present state, a subtask that cannot be skipped, or a prohibition of the rollback."""


class Refused(Exception):
    def __init__(self, reason: str, objection: Objection = "state") -> None:
        super().__init__(reason)
        self.reason = reason
        self.objection = objection


def _after(now: int, duration: int) -> int | None:
    return now + duration if duration < NEVER else None


# --- what an operator can ask of a subtask -------------------------------------------------------------------------


def retry(subtask: Subtask, task: Task, now: int, pace: Pace) -> Subtask:
    """READY / RETRY, with one more runTime if the pace counts that. The engine looks at the subtask alone; we look at
    its task too."""
    if subtask.status != FAILED:
        raise Refused(f"it is {subtask.status}, and only a FAILED subtask can be retried")
    if subtask.operation == ROLLBACK:
        raise Refused("its rollback FAILED, and a rollback is not retried")
    if task.operation == ROLLBACK:
        raise Refused("its task is rolling back")
    return retried(subtask, now, pace, counts=pace.counts_retry)


def skip(subtask: Subtask, task: Task, now: int, pace: Pace) -> Subtask:
    if subtask.status != FAILED:
        raise Refused(f"it is {subtask.status}, and only a FAILED subtask can be skipped")
    if not subtask.definition.skippable:
        raise Refused("this subtask cannot be skipped", "skippable")
    return made_ready(subtask, ROLLBACK_SKIP if task.operation == ROLLBACK else SKIP, now, pace)


def cancel(subtask: Subtask, task: Task, now: int, pace: Pace) -> Subtask:
    """CANCELING, and its run is over; its operation becomes CANCEL when the cancelling has ended."""
    if subtask.status != RUNNING:
        raise Refused(f"it is {subtask.status}, and only a RUNNING subtask can be cancelled")
    return replace(subtask, status=CANCELING, due=_after(now, pace.dispatch), coming=None)


# --- what an operator can ask of a task ----------------------------------------------------------------------------


def retry_task(task: Task) -> Task:
    if task.status != FAILED:
        raise Refused(f"it is {task.status}, and only a FAILED task can be retried")
    if task.operation == ROLLBACK:
        raise Refused("it is rolling back")
    return replace(task, status=RUNNING, operation=RETRY, finish_time=None)


def rollback_task(task: Task, subtasks: Mapping[int, Subtask]) -> Task:
    if task.status != FAILED:
        raise Refused(f"it is {task.status}, and only a FAILED task can be rolled back")
    prohibition = rollback_prohibition(task, subtasks)
    if prohibition is not None:
        raise Refused(prohibition, "prohibited")
    return replace(task, status=RUNNING, operation=ROLLBACK, finish_time=None)


def rollback_prohibition(task: Task, subtasks: Mapping[int, Subtask]) -> str | None:
    """Who prohibits a rollback, if anyone does: the task itself, or a subtask that has run."""
    if task.definition.prohibit_rollback:
        return "the task itself prohibits it"
    for subtask in subtasks.values():
        if subtask.definition.prohibit_rollback and subtask.status not in (PENDING, READY):
            return f"subtask {subtask.id}, which has run, prohibits it"
    return None


def rolled_back(subtask: Subtask) -> Subtask:
    """What a task's rollback makes of each of its subtasks that is not PENDING, before the first of them is READY."""
    return Subtask(
        subtask.definition,
        subtask.status,
        ROLLBACK,
        subtask.run_time,
        subtask.executor,
        subtask.start_time,
        subtask.finish_time,
        subtask.due,
        subtask.next_run,
        subtask.next_rollback,
        subtask.coming,
    )


# --- what happens by itself ----------------------------------------------------------------------------------------


def retried(subtask: Subtask, now: int, pace: Pace, *, counts: bool = True) -> Subtask:
    """A retry that an operator asked for. startTime and finishTime stay as they were until it runs."""
    run_time = subtask.run_time
    return Subtask(
        subtask.definition,
        READY,
        RETRY,
        run_time + 1 if counts and run_time < MOST_RUNS else run_time,
        subtask.executor,
        subtask.start_time,
        subtask.finish_time,
        now + pace.dispatch if pace.dispatch < NEVER else None,
        subtask.next_run,
        subtask.next_rollback,
        None,
    )


def retried_by_itself(subtask: Subtask, now: int, pace: Pace) -> Subtask:
    """An automatic retry: without the finishTime of the run that has failed."""
    return replace(retried(subtask, now, pace), finish_time=None)


def retries_itself(subtask: Subtask) -> bool:
    return (
        subtask.status == FAILED
        and subtask.run_time <= subtask.definition.retry_count
        and subtask.operation in (EXECUTE, RETRY)
    )


def made_ready(subtask: Subtask, operation: Operation, now: int, pace: Pace) -> Subtask:
    return Subtask(
        subtask.definition,
        READY,
        operation,
        subtask.run_time,
        subtask.executor,
        subtask.start_time,
        subtask.finish_time,
        _after(now, pace.dispatch),
        subtask.next_run,
        subtask.next_rollback,
        None,
    )


def start(subtask: Subtask, now: int, pace: Pace, executor: str) -> Subtask:
    """READY → RUNNING: the run takes its entry of `runs` (or `rollbacks`) now, and with it how and when it will end."""
    due: int | None
    definition, operation = subtask.definition, subtask.operation
    next_run, next_rollback = subtask.next_run, subtask.next_rollback
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
            run, duration = run._replace(outcome=TIMEOUT), timeout
        due = now + duration if duration < NEVER else None
    return Subtask(
        definition,
        RUNNING,
        operation,
        subtask.run_time,
        subtask.executor or executor,
        now if subtask.start_time is None else subtask.start_time,
        None,
        due,
        next_run,
        next_rollback,
        run,
    )


def log_growth(running: Subtask, now: int, pace: Pace) -> Growth | None:
    """How the run that it takes now writes its log: over its own duration, of which a timeout cuts off the end.

    One that would never end writes until its timeout, or, without one, all of it at once.
    """
    run = running.coming
    if run is None or not run.log:
        return None
    duration = pace.run if run.duration is None else run.duration
    if duration >= NEVER:
        duration = 0 if running.due is None else running.due - now
    return Growth(run.log, now, now + duration)


def end(subtask: Subtask, now: int) -> Subtask:
    """RUNNING or CANCELING → what it comes to. Rolled back, it is PENDING again; a timeout keeps its operation."""
    operation, run = subtask.operation, subtask.coming
    after: Status = FAILED
    if subtask.status == CANCELING:
        operation = CANCEL
    elif run is not None and run.outcome == SUCCESSFUL:
        after = PENDING if operation in (ROLLBACK, ROLLBACK_SKIP) else SUCCESSFUL
    return Subtask(
        subtask.definition,
        after,
        operation,
        subtask.run_time,
        subtask.executor,
        subtask.start_time,
        now,
        None,
        subtask.next_run,
        subtask.next_rollback,
        None,
    )


def task_started(task: Task, now: int, executor: str) -> Task:
    """Its first subtask runs."""
    return replace(task, start_time=now, executor=task.executor or executor)


def task_resumed(task: Task) -> Task:
    """An operator has made a subtask READY: it is RUNNING again, its operation stays."""
    return Task(task.definition, RUNNING, task.operation, task.executor, task.start_time, None)


def task_ended(task: Task, status: TaskStatus, now: int) -> Task:
    return Task(task.definition, status, task.operation, task.executor, task.start_time, now)


def derived_status(counts: Mapping[Status, int], operation: TaskOperation) -> TaskStatus:
    """A task's status as its subtasks give it. `counts` is how many of them are in each status."""
    if counts[FAILED]:
        return RUNNING if counts[READY] or counts[RUNNING] or counts[CANCELING] else FAILED
    return SUCCESSFUL if counts[PENDING if operation == ROLLBACK else SUCCESSFUL] == sum(counts.values()) else RUNNING


def counted_from(subtask: Subtask, now: int, pace: Pace) -> Subtask:
    """A subtask of a world just loaded, whose fixture does not say when it is due: what is under way starts now."""
    if subtask.status == READY or subtask.status == CANCELING:
        return replace(subtask, due=_after(now, pace.dispatch))
    if subtask.status == RUNNING:
        begun = start(subtask, now, pace, "")
        return replace(begun, executor=subtask.executor, start_time=subtask.start_time, finish_time=subtask.finish_time)
    return subtask
