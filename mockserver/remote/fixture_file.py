"""A recorded world as the text of a fixture file that somebody likes to read: no more than is needed, and comments."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from mockserver.admin.copies.fixture import pruned
from mockserver.fixtures.mistakes import printable
from mockserver.fixtures.timeline import downstreams_of
from mockserver.tasks import run_log
from mockserver.tasks.run_log import LogRun
from mockserver.tasks.values import CANCEL, EXECUTE, FAILED, PENDING, RETRY, SUCCESSFUL
from mockserver.times import parse_instant, render_duration

Json = dict[str, Any]
COUNTED_FROM_NOW: Final = ("due", "outcome", "outcomeLog", "outcomeLogFrom", "outcomeLogTo")
"""Where the clock stands still, what is under way begins when the world is loaded."""
MOST_LINES: Final = 5
"""Of a log, in a guess."""


class Dumper(yaml.SafeDumper):
    """Text of several lines as it reads."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if _is_prose(text) else None)


def _is_prose(text: str) -> bool:
    """Whether it has several lines, of which the last is not empty: YAML would have to end the document after it."""
    return "\n" in text and not text.endswith("\n\n") and text != "\n"


Dumper.add_representer(str, _text)


# --- no more than is needed ----------------------------------------------------------------------------------------


def shortened(whole: Json) -> Json:
    """A world's data without what would be derived anyway. Who writes it sees to it that it is read as the same."""
    short = pruned(whole)
    return {**short, "tasks": [_task(one, whole["server"]) for one in short["tasks"]]}


def _task(task: Json, server: str) -> Json:
    upstreams = {one["id"]: one.get("upstreams", []) for one in task["subtasks"]}
    downstreams = downstreams_of(upstreams)
    subtasks = [
        _subtask(one, index, task, server, downstreams[one["id"]]) for index, one in enumerate(task["subtasks"])
    ]
    starts = [one["startTime"] for one in task["subtasks"] if one.get("startTime")]
    ends = [one["finishTime"] for one in task["subtasks"] if one.get("finishTime")]
    derived = {
        "name": f"Task {task['id']}",
        "status": task.get("status"),  # it is that of its subtasks
        "executor": server if task.get("startTime") else None,
        "startTime": min(starts, key=parse_instant, default=None),
        "finishTime": max(ends, key=parse_instant, default=None),
    }
    kept = {key: _known(value) for key, value in task.items() if key not in derived or value != derived[key]}
    return {**kept, "subtasks": subtasks}


def _known(value: Any) -> Any:
    """Of a creator, cluster or tenant what is known."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, Mapping) else value


def _subtask(subtask: Json, index: int, task: Json, server: str, downstreams: list[int]) -> Json:
    name = subtask["name"]
    derived = {
        "name": f"Subtask {subtask['id']}",
        "description": name,
        "seriesId": index,
        "executor": server if subtask.get("startTime") else None,
        "createTime": task["createTime"],
        "downstreams": downstreams,
    }
    kept = {key: value for key, value in subtask.items() if key not in derived or value != derived[key]}
    for key in COUNTED_FROM_NOW:
        kept.pop(key, None)
    log = _log(subtask)
    if log == "" or (log is None and not subtask.get("startTime")):
        del kept["log"]
    else:
        kept["log"] = log
    return kept


def _runs(subtask: Json) -> Sequence[LogRun]:
    start = subtask.get("startTime") or subtask["createTime"]
    return run_log.parsed(subtask["log"] or "", subtask.get("operation", EXECUTE), parse_instant(start)[0])


def _log(subtask: Json) -> str | None:
    """Without the header that it would get anyway."""
    log: str | None = subtask["log"]
    runs = _runs(subtask)
    if log is None or len(runs) != 1 or not subtask.get("startTime"):
        return log
    time, offset_s = parse_instant(subtask["startTime"])
    header = run_log.text([LogRun(subtask.get("operation", EXECUTE), time, "")], offset_s)
    return runs[0].text.removesuffix("\n") if log.startswith(header) else log


# --- its text ------------------------------------------------------------------------------------------------------


def as_yaml(data: Json, whole: Json, origin: str, notes: Sequence[str]) -> str:
    """`whole` is the same world with everything said."""
    return "".join(f"{line}\n" for line in _lines(data, whole, origin, notes))


def _lines(data: Json, whole: Json, origin: str, notes: Sequence[str]) -> Iterator[str]:
    tasks = "; ".join(f"task {one['id']} ({one['name']}), {one['status']}" for one in whole["tasks"])
    now = whole["clock"]["now"]
    yield f"# {printable(f'Recorded from {origin} at {now}: {tasks}.')}"
    yield "# What no answer says is not known: how its next runs go, what can be skipped, who the users are."
    for note in notes:
        yield f"# {printable(note[0].upper() + note[1:])}."
    for key, value in data.items():
        if key != "tasks":
            yield from _entry(key, value, 0)
    yield "tasks:"
    for task, said in zip(data["tasks"], whole["tasks"], strict=True):
        yield from _item({key: value for key, value in task.items() if key != "subtasks"}, 2)
        if task["subtasks"]:
            yield "    subtasks:"
        for subtask, all_said in zip(task["subtasks"], said["subtasks"], strict=True):
            yield from _item(subtask, 6)
            if "runs" not in subtask:
                yield from (f"        {line}" for line in guessed_runs(all_said))


def _item(mapping: Json, indent: int) -> Iterator[str]:
    lines = [line for key, value in mapping.items() for line in _entry(key, value, indent + 2)]
    return iter([f"{' ' * indent}- {lines[0].lstrip()}", *lines[1:]])


def _entry(key: str, value: Any, indent: int) -> Iterator[str]:
    """Short lists and mappings in one line."""
    style = None if isinstance(value, list | dict) else False
    text: str = yaml.dump(
        {key: value}, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10**9, default_flow_style=style
    )
    return (" " * indent + line if line else "" for line in text.removesuffix("\n").split("\n"))


def guessed_runs(subtask: Json) -> Iterator[str]:
    """As comments: how its runs went, by its log, for who wants them to go so again."""
    runs = [run for run in _runs(subtask) if run.name] if subtask["log"] else []
    if not any(run.text for run in runs) or subtask["status"] == PENDING:
        return
    end = subtask.get("finishTime")
    ends = [*(run.time for run in runs[1:]), None if end is None else parse_instant(end)[0]]
    last: str | None = subtask["status"]
    outcomes = [*(FAILED for _ in runs[1:]), last if last in (SUCCESSFUL, FAILED) else None]
    told = []
    for run, end_time, outcome in zip(runs, ends, outcomes, strict=True):
        if run.name not in (EXECUTE, RETRY, CANCEL):
            continue
        said: Json = {} if outcome is None else {"outcome": outcome}
        if end_time is not None and end_time >= run.time:
            said["duration"] = render_duration(end_time - run.time)
        if run.text:
            said["log"] = json.dumps("\n".join(run.text.split("\n")[-MOST_LINES:]).strip("\n"), ensure_ascii=False)
        told.append(said)
    if told:
        yield "# Guessed from its log, for when it is to happen again:"
        yield "# runs:"
        for said in told:
            yield printable(f"#   - {{{', '.join(f'{key}: {value}' for key, value in said.items())}}}")
