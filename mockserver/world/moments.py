"""What a request met: kept with it in the journal, cheaply; and the whole world of that moment, told from now.

A request keeps the latest change that there was, and a base: its task as it was at some moment before. From there the
history tells the task, since it has every change of a status with the values before and after. Other tasks are told
from a base that some request has of them, or wound back from now. What the history cannot tell is found out, and said
(`Lost`): a copy that is not exact is none.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from mockserver.tasks import lifecycle, run_log
from mockserver.tasks.lifecycle import (
    CANCELING,
    PENDING,
    READY,
    ROLLBACK,
    RUNNING,
    Run,
    Subtask,
    SubtaskDefinition,
    Task,
)
from mockserver.tasks.run_log import HEADER_BYTES, MAX_BYTES, MAX_RUNS, Log, LogRun
from mockserver.tasks.scheduler import Execution
from mockserver.tasks.state import TaskState
from mockserver.world.fixture import ClockSetting, Counters, Fixture
from mockserver.world.journal import AGE, Base, Exchange, Record
from mockserver.world.served import Hosted
from mockserver.world.world import TIME

MOST_SUBTASKS: Final = 500
"""A task that has more is not kept with the requests about it."""
History = Record[tuple[Any, ...]]
Change = tuple[Any, ...]
"""As the history has it (see `world.change_of`)."""
TOO_MUCH: Final = "more has changed since then than the history keeps"


class Lost(Exception):
    """What was then cannot be told exactly any more; the message says why."""


# --- what is kept --------------------------------------------------------------------------------------------------


def based(hosted: Hosted, task: int | None) -> Base:
    """A base for requests about a task (or about none that there is), kept until the next edit, or for long."""
    world, history = hosted.world, hosted.world.history
    execution = None if task is None else world.executions.get(task)
    known: Base | None = history.notes.get(task if execution is not None else None)
    if known is not None and known.edits == hosted.edits and len(history) <= known.until:
        return known
    state: tuple[Task | None, tuple[Subtask, ...] | None] = (None, None)
    if execution is not None:
        few = len(execution.subtasks) <= MOST_SUBTASKS
        state = execution.task, tuple(execution.subtasks.values()) if few else None
    latest = history[-1] if history else None
    base = Base(hosted.edits, len(history) + AGE, latest, world.settings, world.users, *state)
    history.notes[None if execution is None else task] = base
    return base


def met(hosted: Hosted, task: int | None) -> list[Any]:
    """The fields `journal.MET` of a request that acts now."""
    history = hosted.world.history
    return [history[-1] if history else None, based(hosted, task)]


def fixture_of(entry: Exchange, tasks: Sequence[TaskState], **rules: Any) -> Fixture:
    """The moment of a request as a world whose clock stands still."""
    now = entry.time if entry.acted is None else entry.acted
    return Fixture(
        settings=entry.base.settings,
        clock=ClockSetting("manual", now, 1.0, True),
        users=entry.base.users,
        tasks={state.task.id: state for state in tasks},
        counters=Counters(),
        **rules,
    )


def rules_of(entry: Exchange) -> dict[str, Any]:
    """The rule of the world that acted on a request, as it was before, for a fixture; none that it asked for itself."""
    fault, denial = entry.fault, entry.denial
    rules: dict[str, Any] = {}
    if fault is not None and fault.matches and fault.hits:
        until, count = fault.window
        window = (until, count - 1) if count > 1 else (0, 0)
        rules["faults"] = {fault.id: replace(fault, matches=fault.matches - 1, hits=fault.hits - 1, window=window)}
    if denial is not None:
        rules["denials"] = {denial.id: denial._replace(hits=denial.hits - 1)}
    return rules


def too_many(task: Task) -> str:
    return f"task {task.id} has more than {MOST_SUBTASKS} subtasks, too many to be kept with a request"


# --- the task of a request -----------------------------------------------------------------------------------------


def task_before(hosted: Hosted, entry: Exchange) -> list[TaskState]:
    """The task that a request is about, as it was just before, without its logs; none if there was no such task.

    Raises Lost.
    """
    task, subtasks = told(hosted, entry)
    if task is None:
        return []
    if entry.base.subtasks is None:
        raise Lost(too_many(task))
    return [TaskState(task=task, subtasks=subtasks)]


def told(hosted: Hosted, entry: Exchange) -> tuple[Task | None, dict[int, Subtask]]:
    """The same as values; of a task with too many subtasks only those that had changed. Raises Lost."""
    base, history = entry.base, hosted.world.history
    steps: list[Change] = []
    if entry.latest is not base.latest:
        first, last = place_of(base.latest, history), place_of(entry.latest, history)
        if first is None or last is None:
            raise Lost(TOO_MUCH)
        steps = history[first:last]
    return _forth(base, steps)


def _forth(base: Base, steps: Sequence[Change]) -> tuple[Task | None, dict[int, Subtask]]:
    """What a base's task has become by these changes: by what the history has of them, and what goes with it."""
    subtasks = {one.definition.id: one for one in base.subtasks or ()}
    task = base.task
    if task is None:
        return None, subtasks
    cause_before = None
    for time, id, before, after, cause in steps:
        if id != task.definition.id:
            continue
        if isinstance(after, Task):
            task = after
            if _is_rollback(after, cause) and cause != cause_before:  # else a skip, while it rolls back
                rolled = [one for one in subtasks.values() if one.status != PENDING]
                subtasks.update((one.definition.id, lifecycle.rolled_back(one)) for one in rolled)
        else:
            subtasks[after.definition.id] = after
            if _begins(before, after) and task.start_time is None:
                task = lifecycle.task_started(task, time, base.settings.server)
        cause_before = cause
    return task, subtasks


def _begins(before: Subtask, after: Subtask) -> bool:
    return (before.status, after.status) == (READY, RUNNING)


def _is_rollback(after: Task, cause: str) -> bool:
    """Whether it may be a rollback that was asked for: it changes subtasks, too, that the history does not name."""
    return (after.status, after.operation) == (RUNNING, ROLLBACK) and cause != TIME


def place_of(latest: Change | None, history: History) -> int | None:
    """Where in a history the changes begin that came after this one; None if it is dropped."""
    if latest is None:
        return 0 if history.total == len(history) else None
    for back, step in enumerate(reversed(history)):
        if step is latest:
            return len(history) - back
    return None


# --- every task ----------------------------------------------------------------------------------------------------


def tasks_before(hosted: Hosted, entry: Exchange) -> list[TaskState]:
    """Every task as it was just before a request acted, with its logs. Raises Lost."""
    if entry.base.edits != hosted.edits:
        raise Lost(f"the world is another one since then: {hosted.edited_by}")
    world = hosted.up_to_now()
    history = world.history
    place = place_of(entry.latest, history)
    if place is None:
        raise Lost(TOO_MUCH)
    bases = _bases(hosted, entry)
    origins = hosted.pristine.executions
    return [
        _Past(execution, history, place, origins.get(id)).state(bases.get(id, ()))
        for id, execution in world.executions.items()
    ]


def _bases(hosted: Hosted, entry: Exchange) -> dict[int, list[tuple[int, Base]]]:
    """The bases that the requests have of each task, and where they stand in the history."""
    places = {id(step): number for number, step in enumerate(hosted.world.history, 1)}
    bases = {id(one.base): one.base for one in [entry, *map(Exchange._make, hosted.journal.kept)]}
    found: dict[int, list[tuple[int, Base]]] = {}
    for base in bases.values():
        place = 0 if base.latest is None else places.get(id(base.latest))
        if base.task is not None and base.subtasks is not None and base.edits == entry.base.edits and place is not None:
            found.setdefault(base.task.definition.id, []).append((place, base))
    return found


class _Past:
    """One task at a place in the history."""

    def __init__(self, execution: Execution, history: History, place: int, origin: Execution | None) -> None:
        """`origin` is the task of its id in the world as it was loaded."""
        self._now = execution
        self._history = history
        self._place = place
        same = origin is not None and origin.task.definition is execution.task.definition
        self._origin = origin if same else None
        self._since = self._steps(place, len(history))

    def _steps(self, first: int, last: int) -> list[Change]:
        return [step for step in self._history[first:last] if step[1] == self._now.id]

    def state(self, bases: Sequence[tuple[int, Base]]) -> TaskState:
        """From the base before it that is nearest; else back from the next one, or from now. Raises Lost."""
        earlier = max((one for one in bases if one[0] <= self._place), key=lambda one: one[0], default=None)
        later = min((one for one in bases if one[0] > self._place), key=lambda one: one[0], default=None)
        if earlier is not None:
            task, subtasks = _forth(earlier[1], self._steps(earlier[0], self._place))
        elif later is not None:
            task, subtasks = _forth(later[1], [])
            task = self._back(task, subtasks, self._steps(self._place, later[0]))
        else:
            subtasks = dict(self._now.subtasks)
            task = self._back(self._now.task, subtasks, self._since)
        assert task is not None
        logs = {id: log for id in self._now.logs if (log := self._log(subtasks[id]))}
        return TaskState(task=task, subtasks=subtasks, logs=logs)

    def _back(self, task: Task | None, subtasks: dict[int, Subtask], steps: Sequence[Change]) -> Task:
        assert task is not None
        begun: list[int] = []
        started = task.start_time
        for time, id, before, after, cause in reversed(steps):
            if isinstance(after, Subtask):
                subtasks[after.definition.id] = before
                if _begins(before, after):
                    begun.append(time)
                continue
            if _is_rollback(after, cause):
                raise Lost(f"task {id} was rolled back since then, and the history has not all that changed by that")
            task = before
        if started is None or started not in begun or task.start_time is None:
            return task
        earlier = any(one.start_time is not None for one in subtasks.values())
        if earlier or self._origin is None or self._origin.task.start_time is not None:
            raise Lost(f"task {task.id} has begun since then, and the history has not how it was before")
        return task._replace(start_time=None, executor=self._origin.task.executor)

    # --- logs ------------------------------------------------------------------------------------------------------

    def _log(self, then: Subtask) -> Log:
        definition, log = then.definition, self._now.logs[then.id]
        steps = [(before, after) for _, _, before, after, _ in self._since if _is(after, definition)]
        begun = sum(_begins(before, after) for before, after in steps)
        ended = then.status in (RUNNING, CANCELING) and any(after.status != CANCELING for _, after in steps)
        said = then.coming.log if ended and then.coming is not None else ""
        if not begun and not said:
            return tuple(log)
        self._refuse_cut(definition, log)
        runs = log[: len(log) - begun]
        if not runs and then.start_time is not None and self._origin is None:
            raise Lost(f"the log of subtask {then.id} may have been cut since then")
        if said:
            runs[-1] = _unsaid(runs[-1], said)
            if len(runs) == 1 and not runs[0].text and not self._had_a_log(then):
                return ()
        return tuple(runs)

    def _refuse_cut(self, definition: SubtaskDefinition, log: Sequence[LogRun]) -> None:
        """A log is cut when it grows too long, and what is cut away is gone."""
        runs: tuple[Run, ...] = (*definition.runs, *definition.rollbacks)
        origin = () if self._origin is None else self._origin.logs.get(definition.id, ())
        texts = [run.log for run in runs] + [run.text for run in (*log, *origin)]
        longest = max(len(text.encode("utf-8", "surrogatepass")) for text in texts) + HEADER_BYTES
        if len(log) >= MAX_RUNS or run_log.size(log) + longest > MAX_BYTES:
            raise Lost(f"the log of subtask {definition.id} may have been cut since then")

    def _had_a_log(self, then: Subtask) -> bool:
        """Whether the run that was under way had its header. (One that was loaded so may have none until it ends.)"""
        if self._origin is None:
            raise Lost(f"the history has not how the log of subtask {then.id} began")
        origin = self._origin.subtasks[then.id]
        return (
            then.id in self._origin.logs
            or origin.coming is not then.coming
            or origin.status not in (RUNNING, CANCELING)
        )


def _is(after: Task | Subtask, definition: SubtaskDefinition) -> bool:
    return isinstance(after, Subtask) and after.definition is definition


def _unsaid(run: LogRun, said: str) -> LogRun:
    """A run's text as it was before it ended and left what it had to say."""
    text = said if said.endswith("\n") else said + "\n"
    if not run.text.endswith(text):
        raise Lost("a log is not what its run has left")
    return run._replace(text=run.text.removesuffix(text))
