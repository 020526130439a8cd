"""Worlds in a line or two, as values: no YAML and no files. Instants are given in seconds after START."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from mockserver.contract.permissions import User
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.fixtures.timeline import downstreams_of
from mockserver.tasks import run_log, transitions
from mockserver.tasks.execution import Execution
from mockserver.tasks.state import TaskState
from mockserver.tasks.step import Step
from mockserver.tasks.values import (
    EXECUTE,
    PENDING,
    RUNNING,
    SUCCESSFUL,
    Operation,
    Outcome,
    Pace,
    Reference,
    Run,
    Status,
    Subtask,
    SubtaskDefinition,
    Task,
    TaskDefinition,
    TaskOperation,
    TaskStatus,
)
from mockserver.times import NEVER, SECOND
from mockserver.world.fixture import MANUAL_START, ClockSetting, Fixture, Settings
from mockserver.world.history import Change
from mockserver.world.live import LiveWorld
from mockserver.world.served import Served
from mockserver.world.value import World

START: Final = MANUAL_START
TASK: Final = 1000
MANUAL: Final = ClockSetting("manual", START, 1.0, True)
PACE: Final = Pace()
HOUR: Final = 3600
FOREVER: Final = Run(SUCCESSFUL, NEVER)


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def run(outcome: Outcome = SUCCESSFUL, seconds: float | None = None, log: str = "") -> Run:
    return Run(outcome, None if seconds is None else round(seconds * SECOND), log)


def pace(dispatch: float = 1, run: float = 2, concurrency: int = 10) -> Pace:
    return Pace(round(dispatch * SECOND), round(run * SECOND), concurrency)


def subtask(
    id: int,
    *upstreams: int,
    status: Status = PENDING,
    operation: Operation = EXECUTE,
    run_time: int = 1,
    start: float | None = None,
    finish: float | None = None,
    executor: str | None = None,
    due: float | None = None,
    coming: Run | None = None,
    next_run: int = 0,
    next_rollback: int = 0,
    timeout: int = 1800,
    prohibit_rollback: bool = False,
    skippable: bool = True,
    retry_count: int = 0,
    runs: Iterable[Run] = (Run(),),
    rollbacks: Iterable[Run] = (Run(),),
) -> Subtask:
    """Its downstreams are filled in by `task`, its `due` (where it is due and none is given) by `fixture`."""
    definition = SubtaskDefinition(
        id=id,
        name=f"Subtask {id}",
        series_id=id,
        description=f"Subtask {id}",
        class_name=None,
        timeout=timeout,
        context=None,
        create_time=at(-HOUR),
        node_type="JAVA_TASK",
        parallel_idx=-1,
        upstreams=tuple(sorted(upstreams)),
        downstreams=(),
        prohibit_rollback=prohibit_rollback,
        skippable=skippable,
        retry_count=retry_count,
        runs=tuple(runs),
        rollbacks=tuple(rollbacks),
    )
    return Subtask(
        definition,
        status,
        operation,
        run_time,
        executor,
        None if start is None else at(start),
        None if finish is None else at(finish),
        None if due is None else at(due),
        next_run,
        next_rollback,
        coming,
    )


def task(
    *subtasks: Subtask,
    id: int = TASK,
    status: TaskStatus | None = None,
    operation: TaskOperation = EXECUTE,
    start: float | None = None,
    finish: float | None = None,
    prohibit_rollback: bool = False,
    logs: Mapping[int, run_log.Log] | None = None,
) -> TaskState:
    """Its status is the one that its subtasks give, unless it is given."""
    downstreams = downstreams_of({one.id: one.definition.upstreams for one in subtasks})
    whole = {
        one.id: replace(one, definition=replace(one.definition, downstreams=tuple(downstreams[one.id])))
        for one in subtasks
    }
    definition = TaskDefinition(
        id=id,
        name=f"Task {id}",
        task_definition_id=-1,
        type="MANUAL",
        creator=Reference(100, "admin"),
        cluster=None,
        tenant=None,
        host_id=None,
        create_time=at(-HOUR),
        prohibit_rollback=prohibit_rollback,
    )
    times = (None if start is None else at(start), None if finish is None else at(finish))
    return TaskState(
        task=Task(definition, status or derived(whole.values(), operation), operation, None, *times),
        subtasks=whole,
        logs=logs or {},
    )


def derived(subtasks: Iterable[Subtask], operation: TaskOperation) -> TaskStatus:
    """A task's status as api-facts 4 words it: written here once more, so that it can judge."""
    statuses = [one.status for one in subtasks]
    if "FAILED" in statuses and not {"READY", "RUNNING", "CANCELING"} & set(statuses):
        return "FAILED"
    end = "PENDING" if operation == "ROLLBACK" else "SUCCESSFUL"
    return "SUCCESSFUL" if all(status == end for status in statuses) else "RUNNING"


def fixture(
    *tasks: TaskState,
    pace: Pace = PACE,
    clock: ClockSetting = MANUAL,
    users: Iterable[User] = (),
    faults: Iterable[Fault] = (),
    denials: Iterable[Denial] = (),
    seed: int = 0,
) -> Fixture:
    def counted(one: Subtask) -> Subtask:
        said = one.due is not None or (one.status == RUNNING and one.coming is not None)
        return one if said else transitions.counted_from(one, clock.now, pace)

    def logs(subtasks: Iterable[Subtask]) -> dict[int, run_log.Log]:
        """What runs from now on writes from now on."""
        growths = {one.id: transitions.log_growth(one, clock.now, pace) for one in subtasks if one.status == RUNNING}
        return {id: (run_log.LogRun(RUNNING, clock.now, "", one),) for id, one in growths.items() if one}

    def loaded(state: TaskState) -> TaskState:
        subtasks = {id: counted(one) for id, one in state.subtasks.items()}
        return replace(state, subtasks=subtasks, logs={**logs(subtasks.values()), **state.logs})

    return Fixture(
        settings=Settings(pace=pace, seed=seed),
        clock=clock,
        users={user.name: user for user in users},
        tasks={state.task.id: loaded(state) for state in sorted(tasks, key=lambda state: state.task.id)},
        faults={rule.id: rule for rule in faults},
        denials={denial.id: denial for denial in denials},
    )


def world(*tasks: TaskState, pace: Pace = PACE, **more: Any) -> LiveWorld:
    return LiveWorld(fixture(*tasks, pace=pace, **more))


# --- what an operator does -----------------------------------------------------------------------------------------

OPERATOR: Final = "an operator"


def retry(live: LiveWorld, id: int, task: int = TASK) -> Subtask:
    return live.act(transitions.retry, OPERATOR, task, id)


def skip(live: LiveWorld, id: int, task: int = TASK) -> Subtask:
    return live.act(transitions.skip, OPERATOR, task, id)


def cancel(live: LiveWorld, id: int, task: int = TASK) -> Subtask:
    return live.act(transitions.cancel, OPERATOR, task, id)


def retry_task(live: LiveWorld, task: int = TASK) -> Execution:
    return live.act_on_task(Step.retry_task, OPERATOR, task)


def rollback_task(live: LiveWorld, task: int = TASK) -> Execution:
    return live.act_on_task(Step.rollback_task, OPERATOR, task)


# --- what a test looks at ------------------------------------------------------------------------------------------


def execution(of: LiveWorld | World, task: int = TASK) -> Execution:
    return (of.world if isinstance(of, LiveWorld) else of).tasks[task]


def one(of: LiveWorld | World, id: int, task: int = TASK) -> Subtask:
    return execution(of, task).subtasks[id]


def statuses(of: LiveWorld | World, task: int = TASK) -> dict[int, Status]:
    return {id: subtask.status for id, subtask in execution(of, task).subtasks.items()}


def changes(live: LiveWorld) -> list[Change]:
    return list(live.history)


def moments(live: LiveWorld, id: int | None, task: int = TASK) -> list[tuple[float, str]]:
    """When (in seconds) a subtask, or with None its task, changed its status, and to which."""
    return [
        ((change.time - START) / SECOND, change.after)
        for change in live.history
        if change.subtask_instance_id == id and change.task_instance_id == task
    ]


def values(live: LiveWorld) -> object:
    """All that can be told apart of a world: two that are equal here are the same world."""
    state = live.as_fixture(MANUAL._replace(now=live.world.now))
    return (
        state.settings,
        state.clock,
        dict(state.users),
        {id: (one.task, dict(one.subtasks), dict(one.logs)) for id, one in state.tasks.items()},
        dict(state.faults),
        dict(state.denials),
        state.counters,
        [(one.time, one.task_instance_id, one.was, one.becomes, one.cause) for one in live.history],
        live.history.total,
        live.copy().next_due(),
    )


def put(it: Served, state: Fixture) -> None:
    """As PUT /__admin/state does."""
    live = LiveWorld(state)
    live.advance(state.clock.now)
    it.replace(live, state.clock)
