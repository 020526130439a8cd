"""A task as a fixture writes it: its keys, its values, its graph, and what must be unique; then it becomes values.

What is wrong is told once: of a key that was given and is wrong nothing is known, and nothing that needs it is judged.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mockserver.contract import schema_files
from mockserver.fixture import Settings, TaskState
from mockserver.fixture_values import ACTIVE, DEFAULT_TIMEOUT, derived_status, task_state
from mockserver.graph import downstreams_of, sorted_or_cycles
from mockserver.judging import judged, own_keys
from mockserver.lifecycle import CANCELING, EXECUTE, PENDING, RUNNING, SUCCESSFUL, Run
from mockserver.mistakes import THERE, Place, Report
from mockserver.times import NEVER, SECOND, parse_duration, parse_instant

BROWSER_SAFE: Final = 2**53 - 1
ONE_SUCCESS: Final[tuple[Run, ...]] = (Run(),)
TWINS: Final = {"parallelIdx": "paralleIdx", "downstreams": "downstream", "className": "clusterName"}
"""The sample's and the table's spelling of one field."""
_TASK: Final = schema_files()["fixture-task"]
_TASK_KEYS: Final = _TASK["properties"]
_SUBTASK_KEYS: Final = schema_files()["fixture-subtask"]["properties"]
_REFERENCES: Final = {name: _TASK["$defs"][name]["properties"] for name in ("creator", "cluster", "tenant")}


class Sheet(NamedTuple):
    """One subtask as the fixture writes it, checked by itself."""

    place: Place
    data: dict[str, Any]
    lost: frozenset[str]
    """The keys that were given and are wrong: of those nothing is known."""
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
        self._shared: dict[tuple[Run, ...], tuple[Run, ...]] = {}

    def read(self, place: Place, raw: Any) -> TaskState | None:
        """None if anything is wrong, here or elsewhere."""
        raw, lost = own_keys(self._report, place, raw, _TASK_KEYS)
        listed: list[Any] = []
        if isinstance(raw, Mapping):
            raw = dict(raw)
            for name, known in _REFERENCES.items():
                if name in raw:
                    raw[name], _ = own_keys(self._report, place.at(name), raw[name], known)
            if isinstance(raw.get("subtasks"), list | tuple):
                listed = list(raw.pop("subtasks"))
        data = judged(self._report, place, raw, "fixture-task", lost)
        if data is None:
            return None
        lost |= raw.keys() - data.keys()
        self._instants(place, data, "createTime", "startTime", "finishTime")
        id = data.get("id")
        if id is not None:
            self._unique(place, id)
        sheets = [self._sheet(place, index, raw) for index, raw in enumerate(listed)]
        known = [sheet for sheet in sheets if sheet is not None]
        by_id = self._by_id(place, known)
        complete = all(sheet and "id" in sheet.data for sheet in sheets)
        order = self._graph(by_id, complete=complete, unique=len(by_id) == len(known))
        if len(known) == len(sheets) and not lost & {"operation", "subtasks"}:
            self._status(place, data, known)
        if not self._report.clean:
            return None
        subtasks = {id: sheet.data for id, sheet in by_id.items()}
        return task_state(data, subtasks, order, self._settings, self._now)

    def _unique(self, place: Place, id: int) -> None:
        first = self._task_places.setdefault(id, place)
        if first is not place:
            self._report.wrong(place.at("id"), f"task {id} is given twice, first at {THERE}", first.at("id"))
        self._safe(place, f"task {id}", id)

    def _safe(self, place: Place, what: str, id: int) -> None:
        if abs(id) > BROWSER_SAFE:
            self._report.odd(place.at("id"), f"{what} is past 2^53 - 1: a browser's JSON.parse changes it")

    def _instants(self, place: Place, data: dict[str, Any], *keys: str) -> None:
        for key in keys:
            if data.get(key) is not None:
                try:
                    data[key], _ = parse_instant(data[key])
                except ValueError as error:
                    self._report.wrong(place.at(key), f"{key}: {error}")

    # --- subtasks by themselves ------------------------------------------------------------------------------------

    def _sheet(self, task: Place, index: int, raw: Any) -> Sheet | None:
        place = task.at("subtasks", index)
        raw, lost = own_keys(self._report, place, raw, _SUBTASK_KEYS)
        data = judged(self._report, place, raw, "fixture-subtask", lost)
        if data is None:
            return None
        sheet = Sheet(place, data, lost | (raw.keys() - data.keys()), index + 1)
        data.setdefault("seriesId", sheet.position)
        self._spellings(sheet)
        self._runs(sheet)
        self._under_way(sheet)
        return sheet

    def _spellings(self, sheet: Sheet) -> None:
        data = sheet.data
        for name, twin in TWINS.items():
            if twin in data and data.setdefault(name, data[twin]) != data[twin]:
                message = f"{twin} and {name} are one field, and say {data[twin]} and {data[name]}"
                self._report.wrong(sheet.place.at(twin), message)

    def _runs(self, sheet: Sheet) -> None:
        """The lists of runs as values; checks what points into them."""
        place, data, lost, _ = sheet
        for key, pointer in (("runs", "nextRun"), ("rollbacks", "nextRollback")):
            runs = ONE_SUCCESS
            if key in data:
                runs = tuple(self._run(place.at(key, index), run) for index, run in enumerate(data[key]))
                runs = self._shared.setdefault(runs, runs)
                self._too_long(sheet, key, runs)
            data[key] = runs
            if data.get(pointer, 0) >= len(runs) and key not in lost:
                self._report.wrong(place.at(pointer), f"{pointer}: {key} has {len(runs)}, counted from 0")

    def _run(self, place: Place, run: Mapping[str, Any] | None) -> Run:
        if run is None:
            return Run()
        duration = None
        if "duration" in run:
            try:
                duration = parse_duration(run["duration"])
            except ValueError as error:
                self._report.wrong(place.at("duration"), f"duration: {error}")
        return Run(run.get("outcome", SUCCESSFUL), duration, run.get("log", ""))

    def _too_long(self, sheet: Sheet, key: str, runs: tuple[Run, ...]) -> None:
        timeout = sheet.data.get("timeout", DEFAULT_TIMEOUT)
        for index, run in enumerate(runs if timeout else ()):
            duration = self._settings.pace.run if run.duration is None else run.duration
            if timeout * SECOND < duration < NEVER:  # `never` is how one says that it shall time out
                where = sheet.place.at(key, index, *(["duration"] if run.duration is not None else []))
                self._report.odd(where, f"this is longer than the timeout of {timeout} s, which will end it")

    def _under_way(self, sheet: Sheet) -> None:
        """The times, and what says how a subtask goes on."""
        place, data, lost, _ = sheet
        self._instants(place, data, "createTime", "startTime", "finishTime", "due")
        status = data.get("status", PENDING)
        if "status" in lost:
            return
        if data.get("due") is not None and status not in ACTIVE:
            self._report.wrong(place.at("due"), f"due: nothing is due of a subtask that is {status}")
        for key in ("outcome", "outcomeLog"):
            if key in data and (status not in (RUNNING, CANCELING) or ("due" not in data and "due" not in lost)):
                self._report.wrong(place.at(key), f"{key}: only of a subtask that is RUNNING and says when it is due")
            elif key == "outcomeLog" and key in data and "outcome" not in data and "outcome" not in lost:
                self._report.wrong(place.at(key), "outcomeLog: only together with outcome")

    # --- subtasks together -----------------------------------------------------------------------------------------

    def _by_id(self, task: Place, sheets: list[Sheet]) -> dict[int, Sheet]:
        by_id: dict[int, Sheet] = {}
        for sheet in sheets:
            id = sheet.data.get("id")
            if id is None:
                continue
            where = sheet.place.at("id")
            self._safe(sheet.place, f"subtask {id}", id)
            first = by_id.setdefault(id, sheet)
            if first is not sheet:
                message = f"subtask {id} is given twice in this task, first at {THERE}"
                self._report.wrong(where, message, first.place.at("id"))
            owner, position = self._owners.setdefault(id, (task, sheet.position))
            if owner is not task:
                there = owner.at("subtasks", position - 1, "id")
                self._report.odd(where, f"subtask {id} is in another task too, at {THERE}", there)
        return by_id

    def _graph(self, sheets: Mapping[int, Sheet], *, complete: bool, unique: bool) -> list[int]:
        """An order in which they can run. Puts the derived lists into the sheets.

        Unless all ids are known (`complete`), an upstream may be one that is not; unless each is there once (`unique`),
        not all upstreams are known.
        """
        count = self._report.count
        upstreams = {id: self._upstreams(id, sheet, sheets if complete else None) for id, sheet in sheets.items()}
        upstreams = {id: [one for one in found if one in sheets] for id, found in upstreams.items()}
        order, cycles = sorted_or_cycles(upstreams)
        for cycle in cycles:
            spelled = " → ".join(map(str, [*cycle, cycle[0]]))
            self._report.wrong(sheets[cycle[0]].place.at("upstreams"), f"a cycle: {spelled}")
        downstreams = downstreams_of(upstreams)
        known = complete and unique and not any("upstreams" in one.lost for one in sheets.values())
        told = known and self._report.count == count
        for id, sheet in sheets.items():
            written = sheet.data.get("downstreams")
            if told and written is not None and None not in written and sorted(written) != downstreams[id]:
                key = "downstream" if written is sheet.data.get("downstream") else "downstreams"
                message = f"{key}: {written} disagrees with the upstreams, which give {downstreams[id]}"
                self._report.wrong(sheet.place.at(key), message)
            sheet.data["upstreams"] = tuple(upstreams[id])
            sheet.data["downstreams"] = tuple(downstreams[id])
        return order

    def _upstreams(self, id: int, sheet: Sheet, known: Mapping[int, object] | None) -> list[int]:
        found: set[int] = set()
        for index, upstream in enumerate(sheet.data.get("upstreams", ())):
            where = sheet.place.at("upstreams", index)
            if upstream is None:
                continue
            if upstream == id:
                self._report.wrong(where, f"subtask {id} can't be its own upstream")
            elif upstream in found:
                self._report.wrong(where, f"the upstream {upstream} is given twice")
            elif known is not None and upstream not in known:
                self._report.wrong(where, f"there is no subtask {upstream} in this task{_near(upstream, known)}")
            else:
                found.add(upstream)
        return sorted(found)

    def _status(self, place: Place, data: Mapping[str, Any], sheets: list[Sheet]) -> None:
        written = data.get("status")
        if written is None or any("status" in sheet.lost for sheet in sheets):
            return
        derived, why = derived_status([sheet.data for sheet in sheets], data.get("operation", EXECUTE))
        if written != derived:
            self._report.wrong(place.at("status"), f"status: {written}, but its subtasks make it {derived}: {why}")


def _near(id: int, known: Mapping[int, object]) -> str:
    """The only id that differs from this one in one digit is likely what was meant."""
    if len(known) > 1000:
        return ""
    text = str(id)
    close = [other for other in known if len(str(other)) == len(text) and _differences(text, str(other)) == 1]
    return f" (did you mean {close[0]}?)" if len(close) == 1 else ""


def _differences(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
