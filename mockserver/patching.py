"""PATCH: some fields of a task, or of its subtasks, as a director sets them → the values that then stand. Pure.

What is set is judged as a fixture is: the fields that are not set are written out as the state has them, and the whole
is read again. Two things are a PATCH's own. Setting a status or an operation starts that subtask's timer anew, and sets
what comes with it (executor, times, the log's header) unless that is given too. And the graph stays as it is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from mockserver import lifecycle
from mockserver.errors import Problem, Unprocessable
from mockserver.fixture import Settings, TaskState
from mockserver.fixture_tasks import TWINS, TaskReader
from mockserver.fixture_values import derived_status
from mockserver.lifecycle import CANCELING, EXECUTE, PENDING, READY, RUNNING, Subtask, Task
from mockserver.mistakes import FixtureError, Place, Report
from mockserver.reading import Document
from mockserver.runlog import Log, LogRun, bounded, ended
from mockserver.statefile import subtask_data, task_data
from mockserver.times import parse_instant, render_instant

SAME_ID: Final = "an id can't be changed"
SAME_GRAPH: Final = "the graph can't be changed by a PATCH (PUT /__admin/state can): they are"
Data = dict[str, Any]


class Patched(NamedTuple):
    """What then stands: the task, and of its subtasks those that were named, with their logs."""

    task: Task
    subtasks: dict[int, Subtask]
    logs: dict[int, Log]


def patched(state: TaskState, body: Mapping[str, Any], settings: Settings, now: int) -> Patched:
    """`body` fits task-patch.schema.json; each of its `subtasks` has an `id`. Raises Unprocessable."""
    given = dict(body)
    parts = [dict(part) for part in given.pop("subtasks", ())]
    problems = [*_refused(state, given, parts, now)]
    if problems:
        raise Unprocessable("not a patch", problems)
    for part in parts:
        _one_spelling(part)
    written = given.pop("status", None)
    whole = task_data(replace(state, subtasks={}, logs={}), settings.offset_s) | given
    del whole["status"]
    whole["subtasks"] = [_merged(state, part, settings, now) for part in parts]
    new = _read(whole, settings, now)
    subtasks, logs = {}, {}
    for part in parts:
        before, after = state.subtasks[part["id"]], new.subtasks[part["id"]]
        after = _completed(before, after, part)
        subtasks[after.id] = after
        logs[after.id] = _log(before, after, part, state.logs.get(after.id, ()), new.logs.get(after.id, ()), now)
    return Patched(_task(state, new.task, subtasks, body, written, now, settings), subtasks, logs)


# --- what can't be set ---------------------------------------------------------------------------------------------


def _refused(state: TaskState, given: Data, parts: list[Data], now: int) -> Iterator[Problem]:
    if given.get("id", state.task.id) != state.task.id:
        yield Problem(("id",), SAME_ID)
    seen = set()
    for index, part in enumerate(parts):
        path = ("subtasks", index)
        id = part.get("id")
        subtask = state.subtasks.get(id) if id is not None else None
        if id is None:
            yield Problem(path, "the key id is missing")
        elif subtask is None:
            yield Problem((*path, "id"), f"task {state.task.id} has no subtask {id}, and a PATCH adds none")
        elif id in seen:
            yield Problem((*path, "id"), f"subtask {id} is given twice")
        else:
            seen.add(id)
            yield from (Problem((*path, *inner), message) for inner, message in _refused_of(subtask, part, now))


def _refused_of(subtask: Subtask, part: Data, now: int) -> Iterator[Problem]:
    definition = subtask.definition
    edges = {
        "upstreams": definition.upstreams,
        "downstreams": definition.downstreams,
        "downstream": definition.downstreams,
    }
    for key, ids in edges.items():
        if key in part and sorted(part[key]) != list(ids):
            yield Problem((key,), f"{SAME_GRAPH} {list(ids)}")
    for name, twin in TWINS.items():
        if name in part and twin in part and part[name] != part[twin]:
            yield Problem((twin,), f"{twin} and {name} are one field, and say {part[twin]} and {part[name]}")
    try:
        if part.get("due") is not None and parse_instant(part["due"])[0] < now:
            yield Problem(("due",), "that instant is past")
    except ValueError:
        pass  # the reader says it better


# --- what is set, and what comes with it ---------------------------------------------------------------------------


def _one_spelling(part: Data) -> None:
    for name, twin in TWINS.items():
        if twin in part:
            part[name] = part.pop(twin)
    for edges in ("upstreams", "downstreams"):
        part.pop(edges, None)


def _merged(state: TaskState, part: Data, settings: Settings, now: int) -> Data:
    """A subtask as a fixture would have it, but for its edges, which are read without their other ends."""
    before = state.subtasks[part["id"]]
    data = subtask_data(before, None, settings.offset_s)
    del data["downstreams"], data["log"]
    data["upstreams"] = []
    for key, pointer in (("runs", "nextRun"), ("rollbacks", "nextRollback")):
        if key in part:
            data[pointer] = 0
    if _starts_anew(part):
        for key in ("due", "outcome", "outcomeLog"):
            data.pop(key, None)
        data |= _circumstances(before, part, render_instant(now, settings.offset_s), data)
    data |= part
    if data["executor"] is None and "executor" not in part:
        del data["executor"]  # where it has started now, it is the server
    return data


def _starts_anew(part: Data) -> bool:
    return "status" in part or "operation" in part


def _circumstances(before: Subtask, part: Data, now: str, data: Data) -> Data:
    """The times, as they would be had it come to its new status by itself at this instant."""
    status, operation = part.get("status", before.status), part.get("operation", before.operation)
    if status == READY:
        return {}
    if status == PENDING and operation == EXECUTE:
        return {"startTime": None, "finishTime": None, "executor": None}  # as if it had never run
    start, finish = data["startTime"], data["finishTime"]
    if status in (RUNNING, CANCELING):
        return {"startTime": start or now, "finishTime": None}
    if status == PENDING and start is None:
        return {}
    return {"startTime": start or now, "finishTime": finish if finish and status == before.status else now}


def _read(whole: Data, settings: Settings, now: int) -> TaskState:
    report = Report()
    document = Document(None, whole)
    report.documents.append(document)
    state = TaskReader(report, settings, now).read(Place(document), whole)
    try:
        report.close(None)
    except FixtureError as error:
        problems = [
            Problem(path, message.removeprefix(f"{path[-1]}: ") if path else message)
            for _, _, _, path, message in error.problems
        ]
        raise Unprocessable("not a patch", problems) from None
    assert state is not None
    return state


def _completed(before: Subtask, after: Subtask, part: Data) -> Subtask:
    """With its edges, and with the run that is under way where it is left alone."""
    old = before.definition
    definition = replace(after.definition, upstreams=old.upstreams, downstreams=old.downstreams)
    after = after._replace(definition=definition)
    if "outcome" in part or "outcomeLog" in part:
        return after
    goes_on = not _starts_anew(part) or (after.status == CANCELING and before.status in (RUNNING, CANCELING))
    return after._replace(coming=before.coming) if goes_on else after


def _log(before: Subtask, after: Subtask, part: Data, kept: Log, given: Log, now: int) -> Log:
    """A run that this ends leaves its text, and one that it starts its header."""
    runs = list(given if "log" in part else kept)
    if _starts_anew(part):
        over = before.coming if after.status != CANCELING else None
        if over is not None and over.log and runs and "log" not in part:
            ended(runs, over.log)
        never_ran = before.start_time is None and after.start_time is not None and not runs and "log" not in part
        if after.status == RUNNING or never_ran:
            runs.append(LogRun(after.operation, now if after.status == RUNNING else after.start_time or now, ""))
    return bounded(runs)


# --- the task ------------------------------------------------------------------------------------------------------


def _task(
    state: TaskState,
    task: Task,
    subtasks: Mapping[int, Subtask],
    body: Mapping[str, Any],
    written: str | None,
    now: int,
    settings: Settings,
) -> Task:
    """With the status that its subtasks give it, and the times that come with that. Raises Unprocessable, if another
    one is `written`."""
    all_of_them = {**state.subtasks, **subtasks}.values()
    counts: Counter[str] = Counter(subtask.status for subtask in all_of_them)
    status = lifecycle.derived_status(counts, len(all_of_them), task.operation)
    if written is not None and written != status:
        shown = [{"id": subtask.id, "status": subtask.status} for subtask in all_of_them]
        _, why = derived_status(shown, task.operation)
        message = f"{written}, but its subtasks make it {status}: {why} (PATCH a subtask instead)"
        raise Unprocessable("not a patch", [Problem(("status",), message)])
    before = state.task
    task = task._replace(status=before.status)
    started = any(subtask.start_time is not None for subtask in subtasks.values())
    if started and task.start_time is None and "startTime" not in body:
        task = lifecycle.task_started(task, now, settings.server)
    if status == before.status:
        return task
    finish = task.finish_time
    task = lifecycle.task_resumed(task) if status == RUNNING else lifecycle.task_ended(task, status, now)
    return task._replace(finish_time=finish) if "finishTime" in body else task
