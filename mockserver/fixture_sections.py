"""Everything of a fixture but its tasks: the top-level keys of all its sources, merged, checked, made into values."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from mockserver import effects, faults
from mockserver.errors import Problem
from mockserver.faults import Fault
from mockserver.fixture import MANUAL_START, ClockSetting, Counters, Settings
from mockserver.judging import judged
from mockserver.lifecycle import Pace
from mockserver.mistakes import THERE, Place, Report
from mockserver.permissions import Denial, User
from mockserver.times import DEFAULT_OFFSET_S, LATEST_NOW, MS, SECOND, parse_duration, parse_instant

LISTS: Final = ("tasks", "faults", "denials")
MAPPINGS: Final = ("clock", "scheduler", "counters")
EARLIEST_NOW: Final = parse_instant("1000-01-01T00:00:00Z")[0]
"""A clock needs room on both sides: for what has happened and for what is to come."""
Rule = TypeVar("Rule", Fault, Denial)


class Sections(NamedTuple):
    settings: Settings
    clock: ClockSetting
    users: dict[str, User]
    faults: dict[str, Fault]
    denials: dict[str, Denial]
    counters: Counters
    tasks: list[tuple[Place, list[Any]]]
    """The lists as they were read, not checked yet; whoever reads them may empty them."""


class _Given(NamedTuple):
    place: Place
    value: Any


class _Merged:
    """What the sources say about one world. A value given twice must be the same; an override replaces it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.values: dict[str, _Given] = {}
        """Top-level values by key, those of nested mappings by `key.inner`."""
        self.users: dict[str, _Given] = {}
        self.lists: dict[str, list[_Given]] = {key: [] for key in LISTS}

    def add(self, place: Place, raw: object, override: bool) -> None:
        head = dict(raw) if isinstance(raw, Mapping) else raw
        if isinstance(head, dict) and isinstance(head.get("tasks"), list | tuple):
            self._add_list("tasks", _Given(place.at("tasks"), list(head.pop("tasks"))), override)
        data = judged(self._report, place, head, "fixture") or {}
        for key, value in data.items():
            if value is None:
                continue
            where = place.at(key)
            if key in LISTS:
                self._add_list(key, _Given(where, value), override)
            elif key in MAPPINGS:
                for inner, item in value.items():
                    self._set(f"{key}.{inner}", _Given(where.at(inner), item), override)
            elif key == "users":
                self._add_users(where, value, override)
            else:
                self._set(key, _Given(where, value), override)

    def _add_list(self, key: str, given: _Given, override: bool) -> None:
        self.lists[key] = [given] if override else [*self.lists[key], given]

    def _set(self, key: str, given: _Given, override: bool) -> None:
        first = self.values.get(key)
        if first is None or override:
            self.values[key] = given
        elif first.value != given.value:
            self._report.wrong(given.place, f"{key}: {given.value}, but {first.value} at {THERE}", first.place)

    def _add_users(self, place: Place, users: Mapping[str, Any], override: bool) -> None:
        for name, user in users.items():
            given = _Given(place.at(name), user)
            if override or name not in self.users:
                self.users[name] = given
            else:
                first = self.users[name].place
                self._report.wrong(place.key(name), f"the user {name} is given twice, first at {THERE}", first)

    def value(self, key: str, default: Any) -> Any:
        return self.values[key].value if key in self.values else default

    def parsed(self, key: str, default: Any, parse: Callable[[Any], Any]) -> Any:
        """A value by way of a function that raises ValueError with what is wrong."""
        if key not in self.values:
            return default
        place, value = self.values[key]
        try:
            return parse(value)
        except ValueError as error:
            self._report.wrong(place, f"{key.rpartition('.')[2]}: {error}")
            return default


def read(report: Report, *, overridden: bool, now: int) -> Sections:
    """The sections of all documents; the last document is an override if `overridden`."""
    merged = _Merged(report)
    for document in report.documents:
        override = overridden and document is report.documents[-1]
        if document.data is not None:
            merged.add(Place(document), document.data, override)
        if document.name is not None:
            document.data = None  # the lists that are still needed are in `merged`
    start, offset = merged.parsed("clock.now", (None, DEFAULT_OFFSET_S), _clock_now)
    mode = merged.value("clock.mode", "real")
    default = MANUAL_START if mode == "manual" else now // MS * MS
    clock = ClockSetting(
        mode, default if start is None else start, float(merged.value("clock.speed", 1)), start is not None
    )
    pace = Pace(
        merged.parsed("scheduler.dispatch", SECOND, parse_duration),
        merged.parsed("scheduler.run", 2 * SECOND, parse_duration),
        merged.value("scheduler.concurrency", 10),
    )
    settings = Settings(
        auth=merged.value("auth", "open"),
        server=merged.value("server", "127.0.0.1"),
        field_names=merged.value("fieldNames", "sample"),
        seed=merged.value("seed", 0),
        pace=pace,
        offset_s=offset,
    )
    rules, last_fault = _rules(report, merged.lists["faults"], "fault", faults.from_json, effects.problems)
    denials, last_denial = _rules(report, merged.lists["denials"], "denial", Denial.from_json, lambda _: [])
    counters = Counters(
        merged.value("counters.trace", 0),
        max(merged.value("counters.fault", 0), last_fault),
        max(merged.value("counters.denial", 0), last_denial),
    )
    tasks = [(given.place, given.value) for given in merged.lists["tasks"]]
    return Sections(settings, clock, _users(report, merged.users), rules, denials, counters, tasks)


def _clock_now(text: str) -> tuple[int, int]:
    instant, offset = parse_instant(text)
    if not EARLIEST_NOW <= instant < LATEST_NOW:
        raise ValueError("a clock starts between the years 1000 and 9000")
    return instant, offset


def _users(report: Report, given: Mapping[str, _Given]) -> dict[str, User]:
    users = {}
    for name, (place, data) in given.items():
        if "password" not in data:
            continue  # it is wrong, and has been told
        if not name or ":" in name or not name.isprintable():
            report.wrong(
                Place(place.document, place.path, True),
                "a user's name is not empty, and has no colon and no control character (HTTP Basic can't send them)",
            )
        if not data["password"].isprintable():
            report.wrong(place.at("password"), "password: it has a control character, which HTTP Basic can't send")
        users[name] = User(name=name, password=data["password"], permissions=tuple(data.get("permissions", ())))
    return users


def _rules(
    report: Report,
    lists: list[_Given],
    kind: str,
    make: Callable[[Mapping[str, Any], str], Rule],
    together: Callable[[dict[str, Any]], list[Problem]],
) -> tuple[dict[str, Rule], int]:
    """The rules of one kind by id, oldest first, and the highest number among their ids.

    `together` finds what no schema says of one: which keys go together.
    """
    entries = [(place.at(index), body) for place, bodies in lists for index, body in enumerate(bodies) if body]
    taken: dict[str, Place] = {}
    for place, body in entries:
        if "id" in body:
            first = taken.setdefault(body["id"], place)
            if first is not place:
                message = f"the {kind} {body['id']} is given twice, first at {THERE}"
                report.wrong(place.at("id"), message, first.at("id"))
    rules: dict[str, Rule] = {}
    number = 0
    for place, body in entries:
        wrong = together(dict(body))
        for path, message in wrong:
            report.wrong(place.at(*path) if path else place, message)
        if wrong:
            continue
        id = body.get("id")
        while id is None:
            number += 1
            id = None if f"{kind}-{number}" in taken else f"{kind}-{number}"
        rules[id] = make(body, id)
    numbers = [int(id.removeprefix(f"{kind}-")) for id in rules if _is_number(id.removeprefix(f"{kind}-"))]
    return rules, max(numbers, default=0)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15
