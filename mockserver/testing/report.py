"""What a journal proves, and how it is shown to people: the lines of requests and tasks, and the answer to "was that
asked?". Pure: it gets entries as `GET /__admin/requests` answers them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final
from urllib.parse import unquote, urlencode

from mockserver.contract.errors import CONTRACT_VIOLATION
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.parameters import parse_long
from mockserver.globs import fits
from mockserver.times import parse_instant

Json = dict[str, Any]
SHOWN: Final = 10
"""So many requests a failed assertion shows."""
_IDS: Final = re.compile(r"/tasks/instances/([^/]+)(?:/subtasks/([^/]+))?")
_IN_WORLD: Final = re.compile(r"^/w/[^/]+(?=/)")
FIELDS: Final = {"since": "time", "headers": "requestHeaders", "json": "requestBody"}
"""What an entry calls otherwise than the filter."""
REQUESTS_SHOWN: Final = 50
TASKS_SHOWN: Final = 10
SUBTASKS_SHOWN: Final = 30


def verdict(answer: Json, wanted: Json, count: int | None) -> str | None:
    """What is wrong with the claim that `count` such requests came (None: at least one); None if nothing is.

    `answer` is the whole journal with its `dropped`, `wanted` has the operation and filters as on the wire. Where what
    was dropped could have decided it, that is said.
    """
    entries: list[Json] = answer["requests"]
    hits = matching(entries, wanted)
    dropped = answer["dropped"] if _could_have_counted(entries, wanted) else 0
    if hits if count is None else len(hits) == count and not dropped:
        return None
    claim = f"expected {_number(count)} {_asked(wanted)}".rstrip()
    came = f"there {'was' if len(hits) == 1 else 'were'} {len(hits) or 'none'}"
    if dropped and (count is None or len(hits) <= count):
        kept = f"among the {len(entries)} requests that the journal still has"
        lines = [
            f"{claim}: {came} {kept}, but it has dropped {dropped} older ones, so nobody can tell",
            "The journal is bounded: ask earlier, or empty it with clear_requests() before what is to be counted",
        ]
    else:
        lines = [f"{claim}, but {came}"]
    others = [entry for entry in entries if entry not in hits]
    if hits:
        lines += ["These came:", *_listed(hits)]
    elif others:
        lines += ["What came instead, nearest first:", *_listed(nearest(others, wanted), wanted)]
    else:
        lines.append("No request came at all")
    return "\n".join(lines)


def matching(entries: Iterable[Json], wanted: Json) -> list[Json]:
    return [entry for entry in entries if not differences(entry, wanted)]


def differences(entry: Json, wanted: Json) -> list[str]:
    """The keys of `wanted` that do not hold of an entry."""
    return [key for key, value in wanted.items() if not _holds(entry, key, value)]


def nearest(entries: Iterable[Json], wanted: Json) -> list[Json]:
    """Those that differ least come first; among equals the latest, which a test is most likely about."""
    return sorted(entries, key=lambda entry: (_distance(entry, wanted), -entry["id"]))


def _holds(entry: Json, key: str, value: Any) -> bool:
    if key == "since":
        return parse_instant(entry["time"])[0] >= parse_instant(value)[0]
    if key == "path":
        paths = (entry["path"], unquote(entry["path"]))
        return any(fits(one, value) for path in paths for one in (path, _IN_WORLD.sub("", path)))
    if key == "query":
        return all(entry["query"].get(name) == text for name, text in value.items())
    if key == "headers":
        there = {name.lower(): text for name, text in entry["requestHeaders"].items()}
        return all(there.get(name.lower()) == _joined(text) for name, text in value.items())
    return _is_same(_value(entry, key), value)


def _is_same(one: Any, other: Any) -> bool:
    """As JSON has it, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else ", ".join(text)


def _id(entry: Json, key: str) -> int | None:
    """As the path has it, also where no operation has that path."""
    found = _IDS.search(entry["path"])
    text = found[1 if key == "taskInstanceId" else 2] if found else None
    try:
        return None if text is None else parse_long(unquote(text))
    except ValueError:
        return None


def _distance(entry: Json, wanted: Json) -> float:
    """One for each key that differs; another operation weighs more, the less its path resembles the one wanted.

    So a misspelt path, which has another status too, is nearer than another operation.
    """
    wrong = differences(entry, wanted)
    if "operation" not in wrong:
        return len(wrong)
    operation = OPERATIONS[wanted["operation"]]
    path = operation.path.format(
        taskInstanceId=wanted.get("taskInstanceId", ""), subtaskInstanceId=wanted.get("subtaskInstanceId", "")
    )
    came = "".join(entry["path"].partition("/tasks/")[1:])
    alike = SequenceMatcher(None, f"{operation.method} {path}", f"{entry['method']} {came}").ratio()
    return len(wrong) + 6 * (1 - alike)


def _could_have_counted(entries: Sequence[Json], wanted: Json) -> bool:
    """Whether what was dropped may have been such a request: not if all of it is older than `since`."""
    since = wanted.get("since")
    return since is None or not entries or parse_instant(entries[0]["time"])[0] >= parse_instant(since)[0]


def _number(count: int | None) -> str:
    return "a request" if count is None else f"{count or 'no'} request{'s' * (count != 1)}"


def _asked(wanted: Json) -> str:
    rest = ", ".join(f"{key}={value!r}" for key, value in wanted.items() if key != "operation")
    operation = wanted.get("operation", "")
    return f"{operation}({rest})" if rest else operation


def _listed(entries: Sequence[Json], wanted: Json | None = None) -> Iterator[str]:
    for entry in entries[:SHOWN]:
        wrong = differences(entry, wanted) if wanted else []
        why = ", ".join(f"{key} is {_value(entry, key)}" for key in wrong)
        yield f"  {request_line(entry)}" + (f"   [{why}]" if why else "")
    if len(entries) > SHOWN:
        yield f"  … and {len(entries) - SHOWN} more"


def _value(entry: Json, key: str) -> Any:
    if key in ("taskInstanceId", "subtaskInstanceId"):
        return _id(entry, key)
    if key == "clientError":
        return entry[key] is not None
    return entry[FIELDS.get(key, key)]


# --- for people ----------------------------------------------------------------------------------------------------


def request_line(entry: Json) -> str:
    """`#3 POST /api/…/retry as operator: 400 TSK10007 The subtask …, by fault-1`."""
    who = f" as {entry['user']}" if entry["user"] not in (None, "anonymous") else ""
    said = entry["status"] if entry["status"] is not None else "no answer"
    error = error_of(entry)
    refusal = f" {error.get('code')} {error.get('message')}" if error else ""
    rule = f", by {entry['rule']}" if entry["rule"] else ""
    effect = f" ({entry['effect']})" if entry.get("effect") else ""
    again = ", sent again" if entry["resent"] else ""
    return f"#{entry['id']} {entry['method']} {_target(entry)}{who}: {said}{refusal}{rule}{effect}{again}"


def _target(entry: Json) -> str:
    query = urlencode(entry["query"], doseq=True)
    return f"{entry['path']}?{query}" if query else str(entry["path"])


def more_lines(entry: Json) -> Iterator[str]:
    """In what it left the contract, where its answer does not say so, and its hint."""
    if entry["clientError"] and not str(error_of(entry).get("message")).startswith(entry["clientError"]):
        yield f"    client error: {entry['clientError']}"
    if entry["hint"]:
        yield f"    hint: {entry['hint']}"


def error_of(entry: Json) -> Json:
    """The envelope's `error`; {} if there is none."""
    body = entry["responseBody"]
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def journal_text(answer: Json) -> str:
    """The latest requests, each with its hint."""
    entries = answer["requests"][-REQUESTS_SHOWN:]
    lines = [] if entries else ["no requests"]
    if answer["total"] > len(entries) > 0:
        lines.append(f"the last {len(entries)} of {answer['total']} requests")
    for entry in entries:
        lines += [request_line(entry), *more_lines(entry)]
    return "\n".join(lines)


def state_text(state: Json, requests: Sequence[Json]) -> str:
    """The clock, the tasks that were asked about (all, if none was), and the rules that stand."""
    asked = {_id(entry, "taskInstanceId") for entry in requests}
    tasks = [task for task in state["tasks"] if task["id"] in asked] or state["tasks"]
    lines = [f"{state['clock']['mode']} clock at {state['clock']['now']}"]
    for task in tasks[:TASKS_SHOWN]:
        lines.append(f"task {task['id']} {task['name']}: {task['status']} / {task['operation']}")
        subtasks = task["subtasks"]
        for one in subtasks[:SUBTASKS_SHOWN]:
            due = f", due {one['due']}" if one.get("due") else ""
            lines.append(
                f"    {one['id']} {one['name']}: {one['status']} / {one['operation']}, run {one['runTime']}{due}"
            )
        if len(subtasks) > SUBTASKS_SHOWN:
            lines.append(f"    … and {len(subtasks) - SUBTASKS_SHOWN} more subtasks")
    others = len(state["tasks"]) - min(len(tasks), TASKS_SHOWN)
    if others:
        lines.append(f"… and {others} more task{'s' * (others != 1)}")
    for rule in state["faults"]:
        shown = ", ".join(f"{key}={value!r}" for key, value in rule.items() if key not in ("id", "matches"))
        lines.append(f"{rule['id']}: {shown}")
    for rule in state["denials"]:
        lines.append(f"{rule['id']}: " + ", ".join(f"{key}={value!r}" for key, value in rule.items() if key != "id"))
    return "\n".join(lines)


def expectation_text(expectation: Json) -> str:
    """`expected 2 client errors of listTaskInstances with status 400`"""
    times, operation, status = (expectation.get(key) for key in ("times", "operation", "status"))
    number = "a client error" if times is None else f"{times} client error{'s' * (times != 1)}"
    of = f" of {operation}" if operation else ""
    return f"expected {number}{of}{f' with status {status}' if status else ''}"


def unmet(expectations: Iterable[Json]) -> Iterator[str]:
    """A line for each that was not met."""
    for one in expectations:
        if one["met"] < one.get("times", 1):
            where = "" if one["world"] is None else f" (world {one['world']})"
            yield f"{expectation_text(one)}: there were {one['met'] or 'none'}{where}"


def client_errors(requests: Iterable[Json]) -> list[Json]:
    """The requests that left the contract, and were not expected to."""
    return [one for one in requests if one["clientError"] is not None and not one["expected"]]


def violations(requests: Iterable[Json]) -> list[Json]:
    """The requests whose answer broke the contract by a bug of the server's: the answer says where."""
    return [one for one in requests if str(error_of(one).get("message")).startswith(CONTRACT_VIOLATION)]
