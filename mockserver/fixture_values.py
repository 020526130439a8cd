"""A task of a fixture, once it is checked → the values that the world holds; what is not said is derived here.

The data is that of the fixture's schemas with instants as nanoseconds, runs as values, and lists of ids in order.
Nothing here applies the rules of time passing: a READY subtask whose upstream has FAILED loads as it is.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from mockserver import lifecycle, runlog
from mockserver.fixture import Settings, TaskState
from mockserver.lifecycle import (
    CANCELING,
    EXECUTE,
    FAILED,
    PENDING,
    READY,
    ROLLBACK,
    RUNNING,
    SUCCESSFUL,
    Reference,
    Run,
    Subtask,
    SubtaskDefinition,
    Task,
    TaskDefinition,
)
from mockserver.timeline import Span, created, fit, given

DEFAULT_TIMEOUT: Final = 1800
ACTIVE: Final = (READY, RUNNING, CANCELING)
Data = Mapping[str, Any]


def task_state(
    data: Data, subtasks: Mapping[int, Data], order: Sequence[int], settings: Settings, now: int
) -> TaskState:
    """`subtasks` by id; `order` has each of them after its upstreams; `now` is the clock's."""
    spans = {id: _span(subtask) for id, subtask in subtasks.items()}
    start, finish = data.get("startTime"), data.get("finishTime")
    known = given(data.get("createTime")) or given(start) or given(*(span.create for span in spans.values()))
    ceiling = min([now, *given(finish)])
    fit(spans, order, min(known, default=None), ceiling)
    create = created(spans, data.get("createTime"), min([ceiling, *given(start)]))
    operation = data.get("operation", EXECUTE)
    status, _ = derived_status(subtasks.values(), operation)
    if "startTime" not in data:
        start = min(given(*(span.start for span in spans.values())), default=None)
    if "finishTime" not in data and status != RUNNING:
        finish = max(given(*(span.finish for span in spans.values())), default=None)
    definition = TaskDefinition(
        id=data["id"],
        name=data.get("name", f"Task {data['id']}"),
        task_definition_id=data.get("taskDefinitionId"),
        type=data.get("type", "MANUAL"),
        creator=_reference(data.get("creator")),
        cluster=_reference(data.get("cluster")),
        tenant=_reference(data.get("tenant")),
        host_id=data.get("hostId"),
        create_time=create,
        prohibit_rollback=data.get("prohibitRollback", False),
    )
    executor = data.get("executor", None if start is None else settings.server)
    values = {id: _subtask(id, subtasks[id], spans[id], settings, now) for id in sorted(subtasks)}
    logs = {id: log for id, subtask in values.items() if (log := _log(subtasks[id], subtask))}
    return TaskState(task=Task(definition, status, operation, executor, start, finish), subtasks=values, logs=logs)


def derived_status(subtasks: Collection[Data], operation: Any) -> tuple[lifecycle.TaskStatus, str]:
    """The status that subtasks give their task, and why."""
    first: dict[str, object] = {}
    for subtask in subtasks:
        first.setdefault(subtask.get("status", PENDING), subtask.get("id", "one"))
    counts = Counter(subtask.get("status", PENDING) for subtask in subtasks)
    status = lifecycle.derived_status(counts, len(subtasks), operation)
    active = next((one for one in ACTIVE if one in first), None)
    if not first:
        why = "it has none"
    elif status == FAILED:
        why = f"{first[FAILED]} is FAILED, and none is READY, RUNNING or CANCELING"
    elif active:
        why = f"{first[active]} is {active}"
    elif status == SUCCESSFUL:
        why = f"all are {next(iter(first))}"
    else:
        end = PENDING if operation == ROLLBACK else SUCCESSFUL
        other = next(one for one in first if one != end)
        why = f"{first[other]} is {other}"
    return status, why


def _span(data: Data) -> Span:
    """Which times a subtask has: those that are given, and those that its status and operation give it."""
    span = Span(data["upstreams"])
    span.create, span.start, span.finish = data.get("createTime"), data.get("startTime"), data.get("finishTime")
    status, operation = data.get("status", PENDING), data.get("operation", EXECUTE)
    has_run = operation != EXECUTE or status not in (PENDING, READY)
    never_started = "startTime" in data and span.start is None
    span.wants_start = has_run and "startTime" not in data
    span.wants_finish = (
        has_run and status not in (RUNNING, CANCELING) and "finishTime" not in data and not never_started
    )
    return span


def _subtask(id: int, data: Data, span: Span, settings: Settings, now: int) -> Subtask:
    name = data.get("name", f"Subtask {id}")
    assert span.create is not None
    definition = SubtaskDefinition(
        id=id,
        name=name,
        series_id=data["seriesId"],
        description=data.get("description", name),
        class_name=data.get("className"),
        timeout=data.get("timeout", DEFAULT_TIMEOUT),
        context=data.get("context"),
        create_time=span.create,
        node_type=data.get("nodeType", "JAVA_TASK"),
        parallel_idx=data.get("parallelIdx", -1),
        upstreams=data["upstreams"],
        downstreams=data["downstreams"],
        prohibit_rollback=data.get("prohibitRollback", False),
        retry_count=data.get("retryCount", 0),
        runs=data["runs"],
        rollbacks=data["rollbacks"],
    )
    subtask = Subtask(
        definition,
        data.get("status", PENDING),
        data.get("operation", EXECUTE),
        data.get("runTime", 1),
        data.get("executor", None if span.start is None else settings.server),
        span.start,
        span.finish,
        None,
        data.get("nextRun", 0),
        data.get("nextRollback", 0),
    )
    if "due" not in data:
        return lifecycle.counted_from(subtask, now, settings.pace)
    if "outcome" in data:
        subtask = subtask._replace(coming=Run(data["outcome"], None, data.get("outcomeLog", "")))
    elif subtask.status == RUNNING:
        subtask = lifecycle.counted_from(subtask, now, settings.pace)
    return subtask._replace(due=data["due"])


def _log(data: Data, subtask: Subtask) -> runlog.Log:
    """A subtask that has started has a log, if only a header, unless the fixture says null."""
    text = data.get("log", "")
    if text is None or (not text and subtask.start_time is None):
        return ()
    time = subtask.definition.create_time if subtask.start_time is None else subtask.start_time
    return runlog.parsed(text, subtask.operation, time)


def _reference(data: Data | None) -> Reference | None:
    if data is None:
        return None
    return Reference(data.get("id"), data.get("name"), data.get("obClusterId"), data.get("type"))
