"""Answers that break the contract on purpose: every one is rejected by jsonschema itself, and over many draws every
field and every kind of mutation comes up."""

import io
import json
import zipfile
from collections import Counter
from functools import cache
from random import Random
from typing import Any, Final

import pytest
from clients import RETRY, TASK, Client, Json, failed_world
from slow import slow_but
from variants import VARIANTS

from mockserver import MockServer
from mockserver.contract.dialects import DEFAULT_VARIANT
from mockserver.contract.schemas import Checker, Contract, contract
from mockserver.faults import mutation
from mockserver.faults.effects import Violate
from mockserver.faults.mutation import KINDS, violated

DRAWS: Final = 1000
ENVELOPE: Final = ("data", "duration", "server", "status", "successful", "timestamp", "traceId")
USUAL: Final = "-".join(DEFAULT_VARIANT)
SPELLED: Final = [USUAL, "-".join(DEFAULT_VARIANT._replace(field_names="table"))]
WRITTEN: Final = [name for name, variant in VARIANTS.items() if variant.field_names == "sample"]
"""Each dialect without and with nulls."""
ASKED: Final = {
    "listTaskInstances": ("GET", "/instances"),
    "getTaskInstance": ("GET", "/instances/1000"),
    "getSubtaskLog": ("GET", "/instances/1000/subtasks/10001/log"),
    "error": ("GET", "/instances/x"),
    "retrySubtask": ("POST", "/instances/1000/subtasks/10001/retry"),
    "skipSubtask": ("POST", "/instances/1000/subtasks/10001/skip"),
}


def written(name: str, **more: Any) -> Json:
    """A world of that variant, which knows all of its tasks that there is to know."""
    dialect, nulls, field_names = VARIANTS[name]
    world = failed_world(dialect=dialect, nulls=nulls, fieldNames=field_names, **more)
    for subtask in world["tasks"][0]["subtasks"]:
        subtask |= {"className": "com.example.Check", "context": "{}"}
    world["tasks"][0] |= {"cluster": {"id": 1, "name": "one"}, "tenant": {"id": 2, "name": "two"}}
    return world


def checker_of(name: str, operation: str) -> Checker:
    of = contract(VARIANTS[name])
    return of.error(400) if operation == "error" else of.response(operation)


def rejected(checker: Checker, value: Any) -> bool:
    """By the judge, and not by the checkers that the mutation was proven with."""
    return not checker.judge.is_valid(value)


@cache
def answers(name: str) -> dict[str, Json]:
    """A success of each operation, and an error."""
    with MockServer(written(name)) as mock, Client(mock) as client:
        found = {}
        for operation, (method, path) in ASKED.items():
            found[operation] = client(method, f"{VARIANTS[name].row.prefix}/tasks{path}").json()
            mock.reset()
        return found


# --- random ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", slow_but(SPELLED[:1], SPELLED))
def test_a_thousand_draws_are_all_rejected_and_leave_nothing_out(name: str) -> None:
    """Each field that is known, each key of the envelope and each kind of mutation."""
    value, checker = answers(name)["retrySubtask"], checker_of(name, "retrySubtask")
    assert not rejected(checker, value)
    before, dice = json.dumps(value), Random(7)
    kinds: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for _ in range(DRAWS):
        drawn = mutation.drawn(value, checker, dice)
        assert drawn is not None
        changed, what = drawn
        assert rejected(checker, changed), what
        kind, place, *_ = what.split(" ")
        kinds[kind] += 1
        places[place] += 1
    assert json.dumps(value) == before, "a copy is changed"
    assert set(kinds) == set(KINDS)
    fields = {f"/data/{field}" for field in value["data"]}
    assert len(fields) == 19
    assert {"/data/parallelIdx", "/data/paralleIdx"} & fields == {
        "/data/paralleIdx" if name.endswith("table") else "/data/parallelIdx"
    }
    assert {*fields, *(f"/{key}" for key in ENVELOPE), "/mockUnknown", "/data/mockUnknown"} <= places.keys()
    assert min(places[field] for field in fields) >= 10, "and as often as any other, roughly"


@pytest.mark.parametrize("name", slow_but([*WRITTEN, *SPELLED], VARIANTS))
@pytest.mark.parametrize("operation", ASKED)
def test_any_answer_can_be_broken(operation: str, name: str) -> None:
    """Each way to write the JSON has a schema of its own, which accepts the answer and rejects what is drawn."""
    value, checker = answers(name)[operation], checker_of(name, operation)
    assert not rejected(checker, value)
    dice, places = Random(8), set()
    for _ in range(25):
        drawn = mutation.drawn(value, checker, dice)
        assert drawn is not None
        assert rejected(checker, drawn[0]), drawn[1]
        places.add(drawn[1].split(" ")[1])
    deep = {"getTaskInstance": "/data/subtasks/1/", "listTaskInstances": "/data/contents/0/", "error": "/error/subErr"}
    assert any(place.startswith(deep.get(operation, "/")) for place in places)


@pytest.mark.parametrize("every", slow_but([5], [5, 1]))
def test_every_candidate_says_what_it_is(every: int) -> None:
    """Not every one is rejected (null is valid in places): those that are not are never sent."""
    name = next(name for name in WRITTEN if "-null-" in name)
    value, checker = answers(name)["getTaskInstance"], checker_of(name, "getTaskInstance")
    judge = checker.judge
    valid = set()
    for one in list(mutation.candidates(value, checker))[::every]:
        changed = mutation.applied(value, one)
        assert judge.is_valid(changed) == checker.accepts(changed)
        if checker.accepts(changed):
            valid.add(one.kind)
    assert valid <= {"null", "type"}


def test_a_schema_that_rejects_nothing_gives_no_draw() -> None:
    of = Contract(files={"anything": {"$id": "https://ocp-mockserver.invalid/schemas/anything.schema.json"}})
    assert mutation.drawn({"a": 1}, of.checker("anything"), Random(1)) is None


@pytest.mark.parametrize("name", slow_but(SPELLED, VARIANTS))
def test_fifty_over_http_and_the_journal_says_which(name: str) -> None:
    with MockServer(written(name, seed=11)) as mock, Client(mock) as client:
        client.admin("POST", "/faults", {"operation": "retrySubtask", "violate": "random"})
        success, error = checker_of(name, "retrySubtask"), checker_of(name, "error")
        told = []
        for n in range(50):
            answer = client.post(f"{VARIANTS[name].row.prefix}/tasks{ASKED['retrySubtask'][1]}")
            assert answer.status_code == (400 if n else 200)
            assert answer.headers["X-Mock-Contract"] == "deliberately-invalid"
            assert answer.headers["X-Mock-Rule"] == "fault-1"
            assert rejected(error if n else success, answer.json())
            told.append(answer.json())
        entries = client.admin("GET", "/requests")["requests"]
        assert [entry["responseBody"] for entry in entries] == told
        for entry, body in zip(entries, told, strict=True):
            word, kind, place, *rest = entry["effect"].split(" ", 3)
            assert (word, kind in KINDS) == ("violate:", True)
            at = body
            steps = place[1:].split("/")
            for step in steps[:-1]:
                at = at[int(step)] if isinstance(at, list) else at[step]
            if kind == "missing":
                assert steps[-1] not in at
            else:
                shown = at[int(steps[-1])] if isinstance(at, list) else at[steps[-1]]
                assert json.loads(rest[0]) == shown
        account = client.admin("GET", "/contract")
        assert (account["deliberatelyInvalid"], account["violations"]) == (50, 0)
        assert client.subtasks() == ["SUCCESSFUL", "READY", "PENDING"], "the retry has happened, once"


def test_a_file_is_broken_so_that_it_is_none(failed: Client) -> None:
    failed.admin("POST", "/faults", {"violate": "random"})
    answer = failed.post(f"{TASK}/downloadDiagnosis")
    assert (answer.status_code, answer.headers["X-Mock-Contract"]) == (200, "deliberately-invalid")
    assert answer.headers["Content-Type"] == "application/zip"
    assert not answer.content.startswith(b"PK")
    failed.admin("DELETE", "/faults")
    honest = failed.post(f"{TASK}/downloadDiagnosis").content
    assert len(honest) == len(answer.content)
    assert zipfile.ZipFile(io.BytesIO(honest)).testzip() is None
    [broken, _] = failed.admin("GET", "/requests")["requests"]
    assert broken["effect"] == "violate the file"


# --- remove and set --------------------------------------------------------------------------------------------------

VALUE: Final[Json] = {
    "a": {"b": [1, {"c": 2}, 3], "": 4},
    "~": 5,
    "/": 6,
    "a/b": {"~1": 7},
    "m~n": 8,
    "0": 9,
}
REMOVED: Final[list[tuple[str, list[Any]]]] = [
    ("/a", ["a"]),
    ("/a/b", ["a", "b"]),
    ("/a/b/0", ["a", "b", 0]),
    ("/a/b/2", ["a", "b", 2]),
    ("/a/b/1/c", ["a", "b", 1, "c"]),
    ("/a/", ["a", ""]),
    ("/~0", ["~"]),
    ("/~1", ["/"]),
    ("/a~1b/~01", ["a/b", "~1"]),
    ("/m~0n", ["m~n"]),
    ("/0", ["0"]),
]
NOWHERE: Final = [
    "/x/y",
    "/a/b/3",
    "/a/b/-",
    "/a/b/-1",
    "/a/b/x",
    "/a/b/01",
    "/a/b/1/c/d",
    "/0/0",
    "/a/b/9999999999999",
]


def taken(value: Any, steps: list[Any]) -> Any:
    """A copy without what is there."""
    copy = json.loads(json.dumps(value))
    at = copy
    for step in steps[:-1]:
        at = at[step]
    del at[steps[-1]]
    return copy


@pytest.mark.parametrize(("pointer", "steps"), REMOVED)
def test_a_pointer_removes_what_it_points_at(pointer: str, steps: list[Any]) -> None:
    before = json.dumps(VALUE)
    assert violated(VALUE, Violate(remove=pointer)) == (taken(VALUE, steps), f"remove {pointer}")
    assert json.dumps(VALUE) == before


@pytest.mark.parametrize(("pointer", "steps"), REMOVED)
@pytest.mark.parametrize("new", [None, "EXPLODED", [1, {"x": 2}]], ids=str)
def test_a_pointer_sets_what_it_points_at(pointer: str, steps: list[Any], new: Any) -> None:
    changed, what = violated(VALUE, Violate(set={pointer: new}))
    at = changed
    for step in steps:
        at = at[step]
    assert at == new
    assert what == f"set {pointer}"


@pytest.mark.parametrize("pointer", [*NOWHERE, "/x"])
def test_a_place_that_is_not_there_is_not_removed(pointer: str) -> None:
    assert violated(VALUE, Violate(remove=pointer))[0] == VALUE


@pytest.mark.parametrize("pointer", NOWHERE)
def test_a_place_that_is_not_there_is_not_set(pointer: str) -> None:
    assert violated(VALUE, Violate(set={pointer: 1}))[0] == VALUE


def test_a_key_that_is_new_is_set() -> None:
    assert violated(VALUE, Violate(set={"/a/new": 1}))[0]["a"]["new"] == 1


def test_several_are_set_in_order() -> None:
    change = {"/a": {}, "/a/x": [0], "/a/x/0": 1}
    assert violated(VALUE, Violate(set=change)) == ({**VALUE, "a": {"x": [1]}}, "set /a, /a/x, /a/x/0")


def test_the_values_that_are_set_stay_as_they_are() -> None:
    """The rule sets them again in its next answer, and one object may be in two places."""
    once = {"x": [0]}
    change = {"/a": once, "/b": once, "/a/x/0": 1, "/a/x/1": 1, "/b/x/0": 2}
    assert violated({"a": 0, "b": 0}, Violate(set=change))[0] == {"a": {"x": [1]}, "b": {"x": [2]}}
    assert once == {"x": [0]}


def test_what_pointers_lead_through_is_copied_once() -> None:
    """However many there are: an answer takes as long as there are pointers, and not their square."""

    class Counted(dict[str, Any]):
        copies = 0

        def copy(self) -> "Counted":
            Counted.copies += 1
            return Counted(self)

    change = {f"/data/k{number}": number for number in range(20)}
    changed, what = violated(Counted(data=Counted()), Violate(set=change))
    assert changed == {"data": {f"k{number}": number for number in range(20)}}
    assert Counted.copies == 2
    assert what == "set /data/k0, /data/k1, /data/k2, /data/k3, /data/k4 and 15 more"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"remove": "/data/status"}, "deliberately-invalid"),
        ({"remove": "/traceId"}, "deliberately-invalid"),
        ({"remove": "/data/upstreams/0"}, "valid"),
        ({"remove": "/data/nothing"}, "valid"),
        ({"set": {"/data/status": "EXPLODED"}}, "deliberately-invalid"),
        ({"set": {"/data/status": "SUCCESSFUL"}}, "valid"),
        ({"remove": "/data/finishTime"}, "valid"),
        ({"set": {"/data/finishTime": None}}, "deliberately-invalid"),
        ({"set": {"/data/finishTime": "yesterday"}}, "deliberately-invalid"),
        ({"set": {"/data/id": 2**63}}, "deliberately-invalid"),
        ({"set": {"/data/extra": 1}}, "deliberately-invalid"),
        ({"set": {"/data/name": "任务 \U0001f600"}}, "valid"),
        ({"set": {"/data/status": "SUCCESSFUL", "/data/runTime": "2"}}, "deliberately-invalid"),
    ],
    ids=str,
)
def test_what_happens_to_be_valid_counts_as_valid(failed: Client, change: Json, verdict: str) -> None:
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "violate": change})
    before = failed.admin("GET", "/contract")
    answer = failed.post(RETRY)
    assert answer.status_code == 200
    assert answer.headers["X-Mock-Contract"] == verdict
    assert rejected(checker_of(USUAL, "retrySubtask"), answer.json()) == (verdict != "valid")
    for pointer, value in change.get("set", {}).items():
        assert answer.json()["data"][pointer.rpartition("/")[2]] == value
    after = failed.admin("GET", "/contract")
    assert after["deliberatelyInvalid"] - before["deliberatelyInvalid"] == (verdict != "valid")
    assert after["violations"] == 0
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert entry["effect"] == f"violate: {next(iter(change))} {', '.join(change.get('set', [change.get('remove')]))}"
    assert entry["responseBody"] == answer.json()
    assert failed.subtasks()[1] == "READY"
