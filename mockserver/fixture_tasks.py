"""A task as a fixture writes it → a task as the world holds it: its checks, and what is derived where nothing is said.

Nothing here applies the rules of time passing: a READY subtask whose upstream has FAILED loads as it is.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mockserver import lifecycle, runlog
from mockserver.contract import schema_files
from mockserver.fixture import Settings, TaskState
from mockserver.graph import downstreams_of, sorted_or_cycles
from mockserver.judging import judged, own_keys
from mockserver.lifecycle import (
    CANCELING,
    EXECUTE,
    FAILED,
    PENDING,
    READY,
    RUNNING,
    SUCCESSFUL,
    Reference,
    Run,
    Subtask,
    SubtaskDefinition,
    Task,
    TaskDefinition,
)
from mockserver.mistakes import THERE, Place, Report
from mockserver.timeline import Span, created, fit
from mockserver.times import NEVER, SECOND, parse_duration, parse_instant

BROWSER_SAFE: Final = 2**53 - 1
DEFAULT_TIMEOUT: Final = 1800
ONE_SUCCESS: Final = (Run(),)
TWINS: Final = {"parallelIdx": "paralleIdx", "downstreams": "downstream", "className": "clusterName"}
"""The sample's and the table's spelling of one field."""
_ACTIVE: Final = (READY, RUNNING, CANCELING)
_TASK: Final = schema_files()["fixture-task"]
_TASK_KEYS: Final = _TASK["properties"]
_SUBTASK_KEYS: Final = schema_files()["fixture-subtask"]["properties"]
_REFERENCES: Final = {name: _TASK["$defs"][name]["properties"] for name in ("creator", "cluster", "tenant")}


class Sheet(NamedTuple):
    """One subtask as the fixture writes it, checked by itself."""

    place: Place
    data: dict[str, Any]
    position: int
    """In the file, from 1."""


class TaskReader:
    """Reads task after task; knows what must be unique among them."""

    def __init__(self, report: Report, settings: Settings, now: int) -> None:
        self._report = report
        self._settings = settings
        self._now = now
        self._task_places: dict[int, Place] = {}
        self._owners: dict[int, tuple[Place, int]] = {}
        self._shared: dict[Any, Any] = {(): ()}

    def read(self, place: Place, raw: object) -> TaskState | None:
        """None if anything is wrong, here or elsewhere."""
        raw = own_keys(self._report, place, raw, _TASK_KEYS)
        listed: list[Any] = []
        if isinstance(raw, Mapping):
            raw = dict(raw)
            for name, known in _REFERENCES.items():
                if name in raw:
                    raw[name] = own_keys(self._report, place.at(name), raw[name], known)
            if isinstance(raw.get("subtasks"), list | tuple):
                listed = list(raw.pop("subtasks"))
        data = judged(self._report, place, raw, "fixture-task")
        data = {} if data is None else data
        times = Instants(self._report, place, data, "createTime", "startTime", "finishTime")
        id = data.get("id")
        if id is not None:
            self._unique_task(place, id)
        count = self._report.count
        sheets = self._sheets(place, listed, id)
        order = self._graph(sheets) if len(sheets) == len(listed) else None
        if self._report.count == count:
            self._status(place, data, sheets)
        if not self._report.clean or id is None or order is None:
            return None
        return self._built(data, times, sheets, order)

    def _unique_task(self, place: Place, id: int) -> None:
        first = self._task_places.setdefault(id, place)
        if first is not place:
            self._report.wrong(place.at("id"), f"task {id} is given twice, first at {THERE}", first.at("id"))
        self._safe(place, f"task {id}", id)

    def _safe(self, place: Place, what: str, id: int) -> None:
        if abs(id) > BROWSER_SAFE:
            self._report.odd(place.at("id"), f"{what} is past 2^53 - 1: a browser's JSON.parse changes it")

    # --- subtasks by themselves ------------------------------------------------------------------------------------

    def _sheets(self, task: Place, listed: list[Any], task_id: int | None) -> dict[int, Sheet]:
        """By id. One without a usable id is left out."""
        sheets: dict[int, Sheet] = {}
        for index, raw in enumerate(listed):
            place = task.at("subtasks", index)
            raw = own_keys(self._report, place, raw, _SUBTASK_KEYS)
            data = judged(self._report, place, raw, "fixture-subtask")
            if data is None:
                continue
            self._spellings(place, data)
            self._runs(place, data)
            self._under_way(place, data)
            id = data.get("id")
            if id is None:
                continue
            self._safe(place, f"subtask {id}", id)
            if id in sheets:
                first = sheets[id].place.at("id")
                self._report.wrong(place.at("id"), f"subtask {id} is given twice in this task, first at {THERE}", first)
                continue
            sheets[id] = Sheet(place, data, index + 1)
            owner, number = self._owners.setdefault(id, (task, index))
            if owner is not task:
                first = owner.at("subtasks", number, "id")
                self._report.odd(place.at("id"), f"subtask {id} is in another task too, at {THERE}", first)
        return sheets

    def _spellings(self, place: Place, data: dict[str, Any]) -> None:
        for name, twin in TWINS.items():
            if twin in data:
                value = data.pop(twin)
                if data.setdefault(name, value) != value:
                    self._report.wrong(
                        place.at(twin), f"{twin} and {name} are one field, and say {value} and {data[name]}"
                    )

    def _runs(self, place: Place, data: dict[str, Any]) -> None:
        """The lists of runs as values; checks what points into them."""
        timeout = data.get("timeout", DEFAULT_TIMEOUT)
        for key, pointer in (("runs", "nextRun"), ("rollbacks", "nextRollback")):
            given = data.get(key)
            runs = ONE_SUCCESS
            if given is not None:
                runs = tuple(
                    Run(run.get("outcome", SUCCESSFUL), self._duration(place.at(key, index), run), run.get("log", ""))
                    for index, run in enumerate(given)
                    if run is not None
                )
                runs = self._shared.setdefault(runs, runs)
            data[key] = runs
            for index, run in enumerate(runs if given is not None or timeout < DEFAULT_TIMEOUT else ()):
                duration = self._settings.pace.run if run.duration is None else run.duration
                if timeout and timeout * SECOND < duration < NEVER:
                    where = place.at("timeout") if run.duration is None else place.at(key, index, "duration")
                    self._report.odd(
                        where, f"entry {index} of {key} is longer than the timeout of {timeout} s, which will end it"
                    )
            if data.get(pointer, 0) >= len(runs):
                self._report.wrong(place.at(pointer), f"{pointer}: {key} has {len(runs)}, counted from 0")

    def _duration(self, place: Place, run: Mapping[str, Any]) -> int | None:
        if "duration" not in run:
            return None
        try:
            return parse_duration(run["duration"])
        except ValueError as error:
            self._report.wrong(place.at("duration"), f"duration: {error}")
            return None

    def _under_way(self, place: Place, data: dict[str, Any]) -> None:
        """The times, and what says how a subtask goes on."""
        times = Instants(self._report, place, data, "createTime", "startTime", "finishTime", "due")
        data.update(times)
        status = data.get("status", PENDING)
        if times.get("due") is not None and status not in _ACTIVE:
            self._report.wrong(place.at("due"), f"due: nothing is due of a subtask that is {status}")
        for key in ("outcome", "outcomeLog"):
            if key in data and (status != RUNNING or "due" not in data):
                self._report.wrong(place.at(key), f"{key}: only of a subtask that is RUNNING and says when it is due")
            elif key == "outcomeLog" and key in data and "outcome" not in data:
                self._report.wrong(place.at(key), "outcomeLog: only together with outcome")

    # --- subtasks together -----------------------------------------------------------------------------------------

    def _graph(self, sheets: Mapping[int, Sheet]) -> list[int] | None:
        """An order in which they can run; None if there is none. Puts the derived downstreams into the sheets."""
        count = self._report.count
        upstreams: dict[int, list[int]] = {}
        for id, sheet in sheets.items():
            found: list[int] = []
            for index, upstream in enumerate(sheet.data.get("upstreams", ())):
                where = sheet.place.at("upstreams", index)
                if upstream is None:
                    continue
                if upstream == id:
                    self._report.wrong(where, f"subtask {id} can't be its own upstream")
                elif upstream not in sheets:
                    self._report.wrong(where, f"there is no subtask {upstream} in this task{_near(upstream, sheets)}")
                elif upstream in found:
                    self._report.wrong(where, f"the upstream {upstream} is given twice")
                else:
                    found.append(upstream)
            upstreams[id] = sorted(found)
        order, cycles = sorted_or_cycles(upstreams)
        for cycle in cycles:
            spelled = " → ".join(map(str, [*cycle, cycle[0]]))
            self._report.wrong(sheets[cycle[0]].place.at("upstreams"), f"a cycle: {spelled}")
        downstreams = downstreams_of(upstreams)
        for id, sheet in sheets.items():
            written = sheet.data.get("downstreams")
            if written is not None and sorted(written, key=str) != sorted(downstreams[id], key=str):
                if self._report.count == count and None not in written:
                    key = "downstreams" if sheet.place.has("downstreams") else "downstream"
                    self._report.wrong(
                        sheet.place.at(key),
                        f"{key}: {written} disagrees with the upstreams, which give {downstreams[id]}",
                    )
            sheet.data["upstreams"] = self._tuple(upstreams[id])
            sheet.data["downstreams"] = self._tuple(downstreams[id])
        return order if self._report.count == count else None

    def _tuple(self, ids: list[int]) -> tuple[int, ...]:
        return tuple(ids) if ids else ()

    def _status(self, place: Place, data: Mapping[str, Any], sheets: Mapping[int, Sheet]) -> None:
        written = data.get("status")
        if written is None:
            return
        operation = data.get("operation", EXECUTE)
        derived, why = derived_status(sheets, operation)
        if written != derived:
            self._report.wrong(place.at("status"), f"status: {written}, but its subtasks make it {derived}: {why}")

    # --- values ----------------------------------------------------------------------------------------------------

    def _built(
        self, data: dict[str, Any], times: Mapping[str, int | None], sheets: Mapping[int, Sheet], order: list[int]
    ) -> TaskState:
        spans = {id: _span(sheet.data) for id, sheet in sheets.items()}
        given = [times.get(key) for key in ("createTime", "startTime")]
        floor = next((time for time in given if time is not None), None)
        if floor is None:
            floor = min((span.create for span in spans.values() if span.create is not None), default=None)
        finish = times.get("finishTime")
        ceiling = self._now if finish is None else min(self._now, finish)
        fit(spans, order, floor, ceiling)
        create = created(spans, times.get("createTime"), ceiling if given[1] is None else min(ceiling, given[1]))
        subtasks = {id: self._subtask(id, sheets[id], spans[id]) for id in sorted(sheets)}
        logs = {id: log for id in subtasks if (log := self._log(sheets[id].data, subtasks[id]))}
        operation = data.get("operation", EXECUTE)
        status, _ = derived_status(sheets, operation)
        starts = [span.start for span in spans.values() if span.start is not None]
        finishes = [span.finish for span in spans.values() if span.finish is not None]
        started = times["startTime"] if "startTime" in times else min(starts, default=None)
        if "finishTime" not in times:
            finish = max(finishes, default=None) if status != RUNNING else None
        task = Task(
            TaskDefinition(
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
            ),
            status,
            operation,
            data.get("executor", None if started is None else self._settings.server),
            started,
            finish,
        )
        return TaskState(task=task, subtasks=subtasks, logs=logs)

    def _subtask(self, id: int, sheet: Sheet, span: Span) -> Subtask:
        data = sheet.data
        name = data.get("name", f"Subtask {id}")
        assert span.create is not None
        definition = SubtaskDefinition(
            id=id,
            name=name,
            series_id=data.get("seriesId", sheet.position),
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
            data.get("executor", None if span.start is None else self._settings.server),
            span.start,
            span.finish,
            None,
            data.get("nextRun", 0),
            data.get("nextRollback", 0),
        )
        if "due" not in data:
            return lifecycle.counted_from(subtask, self._now, self._settings.pace)
        if subtask.status != RUNNING:
            return subtask._replace(due=data["due"])
        if "outcome" in data:
            return subtask._replace(due=data["due"], coming=Run(data["outcome"], None, data.get("outcomeLog", "")))
        return lifecycle.counted_from(subtask, self._now, self._settings.pace)._replace(due=data["due"])

    def _log(self, data: Mapping[str, Any], subtask: Subtask) -> runlog.Log:
        text = data.get("log", "" if subtask.start_time is not None else None)
        if text is None or (not text and subtask.start_time is None):
            return ()
        time = subtask.definition.create_time if subtask.start_time is None else subtask.start_time
        return runlog.parsed(text, subtask.operation, time)


class Instants(dict[str, int | None]):
    """The times among the keys of `data` that are given: None where null is."""

    def __init__(self, report: Report, place: Place, data: Mapping[str, Any], *keys: str) -> None:
        for key in keys:
            if key in data:
                self[key] = None
                if data[key] is not None:
                    try:
                        self[key], _ = parse_instant(data[key])
                    except ValueError as error:
                        report.wrong(place.at(key), f"{key}: {error}")


def derived_status(sheets: Mapping[int, Sheet], operation: Any) -> tuple[lifecycle.TaskStatus, str]:
    """The status that subtasks give their task, and why."""
    by_status: dict[str, int] = {}
    for id, sheet in sheets.items():
        by_status.setdefault(sheet.data.get("status", PENDING), id)
    counts = Counter(sheet.data.get("status", PENDING) for sheet in sheets.values())
    status = lifecycle.derived_status(counts, len(sheets), operation)
    active = next((one for one in _ACTIVE if one in by_status), None)
    if not sheets:
        why = "it has none"
    elif status == FAILED:
        why = f"{by_status[FAILED]} is FAILED, and none is READY, RUNNING or CANCELING"
    elif active:
        why = f"{by_status[active]} is {active}"
    elif status == SUCCESSFUL:
        why = f"all are {next(iter(by_status))}"
    else:
        end = PENDING if operation == lifecycle.ROLLBACK else SUCCESSFUL
        other = next(one for one in by_status if one != end)
        why = f"{by_status[other]} is {other}"
    return status, why


def _span(data: Mapping[str, Any]) -> Span:
    """Which times a subtask has: those that are given, and those that its status and operation give it."""
    span = Span(data["upstreams"])
    span.create, span.start, span.finish = data.get("createTime"), data.get("startTime"), data.get("finishTime")
    status, operation = data.get("status", PENDING), data.get("operation", EXECUTE)
    has_run = operation != EXECUTE or status not in (PENDING, READY)
    span.wants_start = has_run and "startTime" not in data
    span.wants_finish = has_run and status not in (RUNNING, CANCELING) and "finishTime" not in data
    if span.wants_finish and "startTime" in data and span.start is None:
        span.wants_finish = False
    return span


def _reference(data: Mapping[str, Any] | None) -> Reference | None:
    if data is None:
        return None
    return Reference(data.get("id"), data.get("name"), data.get("obClusterId"), data.get("type"))


def _near(id: int, known: Mapping[int, object]) -> str:
    """Ids that differ in a digit or two of this one's are likely what was meant."""
    text = str(id)
    close = [other for other in known if len(str(other)) == len(text) and _differences(text, str(other)) == 1]
    return f" (did you mean {close[0]}?)" if len(close) == 1 else ""


def _differences(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
