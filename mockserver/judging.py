"""Data of a fixture against its schema: typed, judged, and without the parts that are wrong.

Every mistake is told in words for someone who edits a file. What is left can be used: a key that is wrong is taken away
as if it were not given, so that one mistake is told once.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any, Final

from mockserver.contract import compiled
from mockserver.errors import Problem
from mockserver.explain import shown
from mockserver.mistakes import MISSING, Place, Report
from mockserver.shaping import shape, unfit
from mockserver.times import parse_duration, parse_instant

DURATIONS: Final = frozenset({"duration", "dispatch", "run"})
INSTANTS: Final = frozenset({"now", "createTime", "startTime", "finishTime", "due"})
NONE: Final[frozenset[str]] = frozenset()
_MEANT: Final = re.compile(r"^unknown key .*\(did you mean (\w+)\?\)$", re.DOTALL)
_WORDS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")


def judged(report: Report, place: Place, raw: object, schema: str, lost: frozenset[str] = NONE) -> Any:
    """`raw` with the types of the schema, and without what doesn't fit it; None if nothing is left.

    `lost` are keys at its top that are known to be misspelt: they are not missed.
    """
    data = shape(f"{schema}.schema.json")(raw)
    checker = compiled(schema)
    if checker.accepts(data):
        return data
    wrong = list(unfit(data))
    told = {problem.path for problem in wrong}
    problems = checker.problems(data)
    misspelt = {_key((*path[:-1], meant[1])) for path, message in problems if (meant := _MEANT.search(message))}
    misspelt |= {_key((key,)) for key in lost}
    for problem in problems:
        missing = problem.message.startswith(MISSING)
        if missing and _key((*problem.path, problem.message.split()[2])) in misspelt:
            continue
        if missing or problem.path not in told:  # a null that is no string is none of the words either
            wrong.append(Problem(problem.path, problem.message if missing else _reworded(problem, data)))
        if not missing:
            told.add(problem.path)
    report.add(place, wrong)
    for path, message in wrong:
        if path:
            _take_away(data, path)
        elif not message.startswith(MISSING):
            return None
    return data


def _key(path: tuple[str | int, ...]) -> tuple[str, ...]:
    return tuple(map(str, path))


def _take_away(data: Any, path: tuple[str | int, ...]) -> None:
    """The key that is wrong, or the element of a list that it is in (None takes its place)."""
    for step in path[:-1]:
        if isinstance(step, int):
            data[step] = None
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return
        if data is None:
            return
    if isinstance(data, list):
        data[int(path[-1])] = None
    elif isinstance(data, dict):
        data.pop(path[-1], None)


def _reworded(problem: Problem, data: Any) -> str:
    path, message = problem
    value = data
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return message
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    try:
        if key in DURATIONS and isinstance(value, str | int | float):
            parse_duration(value)
        elif key in INSTANTS and isinstance(value, str):
            parse_instant(value)
    except ValueError as error:
        return f"{shown(value)} is {error}" if str(error).startswith("not ") else f"{shown(value)}: {error}"
    if value is None and message.startswith("null is not "):
        return f"{message} (leave the key out for its default)"
    if isinstance(value, str):
        if ("is not an integer" in message or "is not a number" in message) and re.fullmatch(r"-?[0-9.]{1,30}", value):
            return f"{message}: take its quotes away"
        if "is not a boolean" in message:
            return f"{message}: true or false"
    return message


# --- keys of a pasted answer ---------------------------------------------------------------------------------------


def own_keys(report: Report, place: Place, raw: object, known: Mapping[str, object]) -> tuple[Any, frozenset[str]]:
    """A mapping without the keys that are not ours. One that resembles ours is a mistake, any other is only odd.

    Returns also which of ours were meant: of those nothing is known.
    """
    if not isinstance(raw, Mapping) or raw.keys() <= known.keys():
        return raw, NONE
    lost = set()
    for key in raw:
        if isinstance(key, str) and key not in known:
            meant = resembling(key, known)
            if meant:
                lost.add(meant)
                report.wrong(place.key(key), f"unknown key {shown(key)} (did you mean {meant}?)")
            else:
                report.odd(place.key(key), f"the key {shown(key)} is not ours, and is ignored")
    return {key: value for key, value in raw.items() if key in known or not isinstance(key, str)}, frozenset(lost)


def resembling(key: str, known: Iterable[str]) -> str | None:
    """The known key that this one is a misspelling of. Word by word, so that clusterId is no misspelt clusterName."""
    best: tuple[float, str] | None = None
    for name in known:
        likeness = _likeness(key, name)
        if likeness and (best is None or likeness > best[0]):
            best = likeness, name
    return best[1] if best else None


def _likeness(key: str, name: str) -> float:
    mine, theirs = (re.sub("[_ -]", "", text).lower() for text in (key, name))
    if mine == theirs:
        return 1
    words, others = ([word.lower() for word in _WORDS.findall(text)] for text in (key, name))
    if len(words) == len(others):
        ratios = [SequenceMatcher(None, word, other).ratio() for word, other in zip(words, others, strict=True)]
        return sum(ratios) / len(ratios) if min(ratios) >= 0.7 else 0
    fewer, more = sorted((words, others), key=len)
    if more[: len(fewer)] == fewer or more[-len(fewer) :] == fewer:
        return 0  # clusterId is no misspelt cluster
    ratio = SequenceMatcher(None, mine, theirs).ratio()
    return ratio if ratio >= 0.85 else 0
