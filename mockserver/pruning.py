"""A world's data without what it would have anyway: short enough to be read, and proven to be the same world.

Every shortened world is read back and compared with the whole one; where they differ it keeps more, and in the end all.
"""

import json
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final

import yaml

from mockserver import fixtures
from mockserver.faults import Fault
from mockserver.fixture import Fixture
from mockserver.lifecycle import CANCELING, EXECUTE, PENDING, READY, RUNNING
from mockserver.mistakes import FixtureError
from mockserver.runlog import parsed
from mockserver.times import parse_instant

Json = dict[str, Any]
DERIVED: Final = frozenset(
    (
        *("id", "name", "description", "seriesId", "executor", "createTime", "startTime", "finishTime"),
        *("downstreams", "log", "subtasks"),
    )
)
"""Keys whose default, if they have one, depends on others."""


class Unwritable(Exception):
    """A world that no text of a fixture gives back."""


def as_data(fixture: Fixture, logs: Collection[int] = ()) -> Json:
    """The data of a fixture: `fixtures.from_data` reads the same world from it. Raises Unwritable.

    Only the logs of the subtasks in `logs` must be the same.
    """
    data: Json = _proven(fixture, logs, lambda data: data, lambda data: fixtures.from_data(data, now=fixture.clock.now))
    return data


def as_yaml(fixture: Fixture) -> str:
    """The same as the text of a file, with every log. Raises Unwritable."""
    logs = frozenset(id for state in fixture.tasks.values() for id in state.subtasks)
    now = fixture.clock.now
    text: str = _proven(fixture, logs, _dumped, lambda text: fixtures.read_text(text, name="", now=now))
    return text


def _proven(
    fixture: Fixture, logs: Collection[int], write: Callable[[Json], Any], read: Callable[[Any], Fixture]
) -> Any:
    whole = fixtures.to_data(fixture)
    wanted = _told(whole, logs)
    for times in (False, True, None):
        written = write(whole if times is None else pruned(whole, times=times, logs=logs))
        try:
            if _told(fixtures.to_data(read(written)), logs) == wanted:
                return written
        except FixtureError:
            pass
    raise Unwritable("it cannot be written down so that it is read as the same world")


def _told(data: Json, logs: Collection[int]) -> Json:
    """What must be the same. How many traces there were is not told: it only names what comes."""
    told = {key: value for key, value in data.items() if key != "counters"}
    told["tasks"] = [
        {**task, "subtasks": [one if one["id"] in logs else {**one, "log": None} for one in task["subtasks"]]}
        for task in data["tasks"]
    ]
    return told


@cache
def defaults() -> Json:
    """The data of a world with one task of one subtask, of which nothing more is said: what the reader fills in."""
    return fixtures.to_data(fixtures.from_data({"tasks": [{"id": 0, "subtasks": [{"id": 0}]}]}, now=0))


def pruned(whole: Json, *, times: bool, logs: Collection[int]) -> Json:
    """`whole` is the state of a world. `times` keeps those that a fixture could mostly leave out."""
    server, usual = whole["server"], defaults()
    users = {name: without(user, {"permissions": []}) for name, user in whole["users"].items()}
    rule = Fault(id="").to_json()
    short = {
        **whole,
        "users": users,
        "clock": without(whole["clock"], {"speed": 1}),
        "scheduler": without(whole["scheduler"], usual["scheduler"]),
        "tasks": [_task(task, server, times, logs) for task in whole["tasks"]],
        "faults": [without(fault, rule) for fault in whole["faults"]],
    }
    del short["counters"]
    return without(short, {**usual, "clock": None, "scheduler": {}, "tasks": []})


def without(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> Json:
    """Without the keys that have their default."""
    return {key: value for key, value in data.items() if key not in defaults or defaults[key] != value}


def without_derived(data: Json) -> Json:
    return {key: value for key, value in data.items() if key not in DERIVED}


def _task(task: Json, server: str, times: bool, logs: Collection[int]) -> Json:
    subtasks = [
        _subtask(subtask, position, task, server, times, logs) for position, subtask in enumerate(task["subtasks"], 1)
    ]
    usual = {**without_derived(defaults()["tasks"][0]), "subtasks": [], "name": f"Task {task['id']}"}
    short = without({**task, "subtasks": subtasks}, usual)
    short.pop("status", None)  # its subtasks give it
    for name in ("creator", "cluster", "tenant"):
        if name in short:
            short[name] = {key: value for key, value in short[name].items() if value is not None}
    if short["executor"] == (None if task["startTime"] is None else server):
        del short["executor"]
    if not times:
        del short["createTime"]
    if not times or task["startTime"] == _first(min, task["subtasks"], "startTime"):
        del short["startTime"]
    ends = None if task["status"] == RUNNING else _first(max, task["subtasks"], "finishTime")
    if not times or task["finishTime"] == ends:
        del short["finishTime"]
    return short


def _first(first: Callable[..., str], subtasks: list[Json], key: str) -> str | None:
    """The least (or greatest) of an instant of theirs."""
    given = [one[key] for one in subtasks if one[key] is not None]
    return first(given, key=parse_instant) if given else None


def _subtask(subtask: Json, position: int, task: Json, server: str, times: bool, logs: Collection[int]) -> Json:
    name, start = subtask["name"], subtask["startTime"]
    usual = without_derived(defaults()["tasks"][0]["subtasks"][0])
    usual |= {"name": f"Subtask {subtask['id']}", "seriesId": position, "description": name}
    short = without(subtask, usual)
    del short["downstreams"]
    if short["executor"] == (None if start is None else server):
        del short["executor"]
    has_run = subtask["operation"] != EXECUTE or subtask["status"] not in (PENDING, READY)
    may_end = has_run and subtask["status"] not in (RUNNING, CANCELING) and start is not None
    if not times or short["createTime"] == task["createTime"]:
        del short["createTime"]
    if not times or (start is None and not has_run):
        del short["startTime"]
    if not times or (subtask["finishTime"] is None and not may_end):
        del short["finishTime"]
    _shorten_log(short, subtask, subtask["id"] in logs)
    return short


def _shorten_log(short: Json, subtask: Json, wanted: bool) -> None:
    """Without the header that its operation and its start give it, if it is its only one."""
    log, start = short["log"], subtask["startTime"]
    header = f"############{subtask['operation']}{start}############\n"
    if not wanted or log == (header if start else None):
        del short["log"]
    elif log and start and log.startswith(header) and log.endswith("\n"):
        text = log.removeprefix(header).removesuffix("\n")
        if text and len(parsed(text, "", 0)) == 1 and not text.startswith("#"):
            short["log"] = text


# --- YAML ----------------------------------------------------------------------------------------------------------


def _dumped(data: Json) -> str:
    """Short lists and mappings in one line, keys in our order, and what two keys share written twice (no aliases)."""
    unshared = json.loads(json.dumps(data))
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        unshared, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    return text
