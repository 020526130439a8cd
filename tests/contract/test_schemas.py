"""The schema files themselves: that they are sound, closed, explained, and never need the network."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from judges import FILES, REGISTRY, judge
from referencing.jsonschema import DRAFT202012

from mockserver.contract.bundles import BASE, SUFFIX, bundle, schema_files
from mockserver.contract.dialects import Variant
from mockserver.contract.fields import REFERENCES
from mockserver.contract.operations import OPERATIONS, TASK_TYPES
from mockserver.contract.schemas import FORMATS
from mockserver.faults import rules
from mockserver.tasks import values

ANNOTATIONS = {"$id", "$schema", "$comment", "title", "description", "default", "examples", "deprecated"}
PROVEN_BY_PARTS = {
    *("type", "enum", "const", "pattern", "format", "minimum", "maximum", "minLength", "maxLength"),
    *("items", "minItems", "maxItems", "properties", "required", "additionalProperties", "patternProperties"),
    *("unevaluatedProperties", "anyOf", "oneOf", "$ref", "$defs"),
}
BODIES = ("fault", "denial", "clock", "advance")
SEED_NAMES = [
    "id",
    "name",
    "seriesId",
    "description",
    "clusterName",
    "timeout",
    "status",
    "operation",
    "executor",
    "runTime",
    "context",
    "createTime",
    "startTime",
    "finishTime",
    "nodeType",
    "paralleIdx",
    "upstreams",
    "downstream",
    "prohibitRollback",
]


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for keyword in ("properties", "patternProperties", "$defs"):
            for inner in schema.get(keyword, {}).values():
                yield from subschemas(inner)
        for keyword in ("items", "additionalProperties", "unevaluatedProperties"):
            yield from subschemas(schema.get(keyword))
        for keyword in ("anyOf", "oneOf"):
            for inner in schema.get(keyword, ()):
                yield from subschemas(inner)


def reached_by(*names: str) -> dict[str, Any]:
    """The schemas of those names and all that they refer to."""
    found: dict[str, Any] = {}
    waiting = [f"{name}.schema.json" for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = FILES[name]
            waiting += [part["$ref"] for part in subschemas(FILES[name]) if "$ref" in part]
    return found


# --- the files -----------------------------------------------------------------------------------------------------


def test_an_id_is_the_base_and_the_file_name() -> None:
    """A schema is found under its own name, so a relative reference is a file beside it."""
    for name in FILES:
        assert FILES[name]["$id"] == BASE + name, name


def test_a_file_is_a_valid_schema_of_the_dialect_it_names() -> None:
    for name in FILES:
        assert FILES[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema", name
        Draft202012Validator.check_schema(FILES[name])


def test_a_reference_leads_to_another_file_or_stays_inside() -> None:
    """Every reference is relative and resolves among the shipped files: nothing is ever fetched."""
    for name in FILES:
        resolver = REGISTRY.resolver(base_uri=FILES[name]["$id"])
        for part in subschemas(FILES[name]):
            if "$ref" in part:
                assert "://" not in part["$ref"], name
                resolver.lookup(part["$ref"])


def test_only_keywords_that_can_be_proven_by_parts_are_used() -> None:
    """Nothing ties one property of an object to another, and beside a reference there are only annotations."""
    for name in FILES:
        for part in subschemas(FILES[name]):
            assert part.keys() <= ANNOTATIONS | PROVEN_BY_PARTS, name
            if "$ref" in part:
                assert part.keys() <= ANNOTATIONS | {"$ref"}, name


def test_everything_has_a_description() -> None:
    for name in FILES:
        assert FILES[name]["title"], name
        assert FILES[name]["description"].endswith("."), name
        for part in subschemas(FILES[name]):
            for key, described in part.get("properties", {}).items():
                assert described.get("description"), (name, key)


def test_a_pattern_is_anchored_and_portable() -> None:
    r"""JSON Schema's patterns are unanchored, and \d means one thing here and another there."""
    for name in FILES:
        for part in subschemas(FILES[name]):
            for pattern in [part["pattern"]] if "pattern" in part else part.get("patternProperties", ()):
                assert pattern.startswith("^"), name
                assert pattern.endswith("$"), name
                assert "\\d" not in pattern, name
                assert "\\w" not in pattern, name


def test_the_examples_in_a_file_fit_it() -> None:
    for name in FILES:
        for part in subschemas(FILES[name]):
            for example in [*part.get("examples", ()), *([part["default"]] if "default" in part else [])]:
                resource = DRAFT202012.create_resource({**part, "$id": BASE + "part"})
                registry = REGISTRY.with_resource(BASE + "part", resource)
                judge = Draft202012Validator({"$ref": BASE + "part"}, registry=registry, format_checker=FORMATS)
                judge.validate(example)


# --- the API's answers ---------------------------------------------------------------------------------------------

ANSWERS = reached_by("success", "error", *(op.data for op in OPERATIONS.values() if op.data))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_every_documented_key_and_no_other(name: str) -> None:
    """Every object in an answer is closed and complete, but for what may be unknown and for details of an error."""
    optional = {
        "error-detail": {"debugMessage", "target", "subErrors"},
        "subtask-instance": {"className", "executor", "context", "startTime", "finishTime"},
        "wrapped-task-instance": {"cluster", "tenant", "executor", "startTime", "finishTime"},
        "basic-task-instance": {"cluster", "tenant", "startTime", "finishTime"},
        **{reference: set(keys) for reference, keys in REFERENCES.items()},
    }.get(name.removesuffix(SUFFIX), set())
    for part in subschemas(ANSWERS[name]):
        if "properties" in part:
            assert part["unevaluatedProperties"] is False
            assert set(part.get("required", ())) == part["properties"].keys() - optional


def test_in_the_seeds_spelling_with_nulls_a_subtask_has_its_nineteen_fields() -> None:
    assert len(SEED_NAMES) == 19
    table = bundle(Variant(nulls="null", field_names="table"), schema_files())["subtask-instance"]
    assert list(table["properties"]) == SEED_NAMES
    assert sorted(table["required"]) == sorted(SEED_NAMES)


def test_both_envelopes_agree_on_what_they_share() -> None:
    success, error = (FILES[f"{name}.schema.json"]["properties"] for name in ("success", "error"))
    assert {key: success[key] for key in ("timestamp", "duration", "traceId", "server")}.items() <= error.items()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("subtask-status", values.STATUSES),
        ("subtask-operation", values.OPERATIONS),
        ("task-status", values.TASK_STATUSES),
        ("task-operation", values.TASK_OPERATIONS),
        ("task-type", TASK_TYPES),
        ("operation-id", tuple(OPERATIONS)),
    ],
)
def test_the_words_of_the_schemas_are_the_words_of_the_code(name: str, values: tuple[str, ...]) -> None:
    assert FILES[f"{name}.schema.json"]["enum"] == list(values)


SUBTASK = {
    "id": 13000333,
    "name": "Uninstall ocp agent",
    "seriesId": 2,
    "description": "Uninstall ocp agent",
    "className": "Uninstall",
    "timeout": 1800,
    "status": "SUCCESSFUL",
    "operation": "EXECUTE",
    "executor": "192.168.0.1",
    "runTime": 1,
    "context": {},
    "createTime": "2021-08-25T15:09:31+08:00",
    "startTime": "2021-08-25T15:09:33.732+08:00",
    "finishTime": "2021-08-25T15:09:35.626+08:00",
    "nodeType": "JAVA_TASK",
    "parallelIdx": -1,
    "upstreams": [13000335],
    "downstreams": [13000336],
    "prohibitRollback": False,
}


def test_the_seeds_sample_is_a_subtask() -> None:
    judge("subtask-instance").validate(SUBTASK)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 2**63},
        {"id": -(2**63) - 1},
        {"id": "13000333"},
        {"id": None},
        {"name": None},
        {"timeout": -1},
        {"runTime": 1.5},
        {"status": "STOPPED"},
        {"status": None},
        {"operation": "execute"},
        {"context": ["a list"]},
        {"context": 1},
        {"createTime": None},
        {"createTime": "2021-08-25T15:09:31"},
        {"createTime": "2021-08-25T15:09:31.1234567890+08:00"},
        {"createTime": "2021-08-25T15:09:31.500+00:00"},
        {"executor": None},
        {"context": None},
        {"finishTime": None},
        {"startTime": "2021-02-30T15:09:31+08:00"},
        {"parallelIdx": -2},
        {"upstreams": None},
        {"upstreams": ["13000335"]},
        {"downstream": [13000336]},
        {"prohibitRollback": 0},
    ],
    ids=str,
)
def test_a_subtask_with_one_thing_wrong_is_none(change: dict[str, Any]) -> None:
    assert not judge("subtask-instance").is_valid(SUBTASK | change)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 2**63 - 1},
        {"context": "text"},
        {"context": {"deep": [{"x": 1}]}},
        {"createTime": "2021-08-25T15:09:31.5+08:00"},
        {"upstreams": []},
        {"createTime": "2021-08-25T07:09:31.123456789Z"},
    ],
    ids=str,
)
def test_a_subtask_may_be(change: dict[str, Any]) -> None:
    judge("subtask-instance").validate(SUBTASK | change)


@pytest.mark.parametrize("key", SUBTASK)
def test_a_subtask_lacks_only_what_can_be_unknown(key: str) -> None:
    less = {name: value for name, value in SUBTASK.items() if name != key}
    assert judge("subtask-instance").is_valid(less) == (
        key in {"className", "executor", "context", "startTime", "finishTime"}
    )


# --- the control routes' bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BODIES)
def test_a_body_takes_no_unknown_key(name: str) -> None:
    """A misspelled key is a mistake to be told, at every depth."""
    for part in subschemas(FILES[f"{name}.schema.json"]):
        if "properties" in part:
            assert part["additionalProperties"] is False


ERROR = {"error": {"status": 503}}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("fault", ERROR),
        ("fault", ERROR | {"operation": "retrySubtask", "taskInstanceId": 1000, "when": "after", "times": 1}),
        ("fault", ERROR | {"probability": 0.5, "skip": 0, "path": "/api/*/retry", "method": "POST", "user": "viewer"}),
        ("fault", {"error": {"status": 400, "code": "TSK10007", "message": "no"}}),
        ("fault", ERROR | {"id": "fault-1", "hits": 3, "matches": 4}),
        ("denial", {"permission": "TASK_MANAGER"}),
        (
            "denial",
            {"permission": "TASK_VIEWER", "user": "a", "operation": "retryTask", "times": 1},
        ),
        ("clock", {"mode": "manual"}),
        ("clock", {"mode": "real", "now": "2021-08-25T15:10:13Z", "speed": 10}),
        ("advance", {"by": "250ms"}),
        ("advance", {"by": 1.5}),
        ("advance", {"to": "2021-08-25T15:10:13.121+08:00"}),
        ("advance", {"until": "idle"}),
        ("advance", {"until": {"taskInstanceId": 1000, "status": "FAILED"}}),
        ("advance", {"until": {"taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "READY"}}),
    ],
)
def test_a_body_that_the_interface_promises_is_taken(name: str, body: dict[str, Any]) -> None:
    judge(name).validate(body)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("fault", {"error": {}}),
        ("fault", {"error": {"status": 399}}),
        ("fault", {"error": {"status": 600}}),
        ("fault", {"error": {"status": "503"}}),
        ("fault", ERROR | {"operation": "retrySubTask"}),
        ("fault", ERROR | {"taskInstanceId": "1000"}),
        ("fault", ERROR | {"when": "later"}),
        ("fault", ERROR | {"times": 0}),
        ("fault", ERROR | {"skip": -1}),
        ("fault", ERROR | {"probability": 1.1}),
        ("fault", ERROR | {"id": "has space"}),
        ("fault", ERROR | {"id": ""}),
        ("fault", ERROR | {"unknown": 1}),
        ("denial", {}),
        ("denial", {"permission": "ADMIN"}),
        ("denial", {"permission": "TASK_MANAGER", "times": 0}),
        ("clock", {}),
        ("clock", {"mode": "frozen"}),
        ("clock", {"mode": "real", "speed": 0}),
        ("clock", {"mode": "real", "now": "yesterday"}),
        ("advance", {"by": "5"}),
        ("advance", {"by": "never"}),
        ("advance", {"by": -1}),
        ("advance", {"to": "2021-08-25T15:10:13"}),
        ("advance", {"until": "tomorrow"}),
        ("advance", {"until": {"taskInstanceId": 1000}}),
        ("advance", {"untill": "idle"}),
    ],
)
def test_a_body_with_a_mistake_is_not_taken(name: str, body: dict[str, Any]) -> None:
    assert not judge(name).is_valid(body)


def test_a_rule_shown_back_can_be_sent_again() -> None:
    """What GET /__admin/faults and the state show is what POST and PUT take."""
    body = ERROR | {"operation": "retrySubtask", "user": "viewer", "times": 2, "probability": 0.5}
    shown = rules.from_json(body, "fault-1").to_json()
    judge("fault").validate(shown)
    assert rules.from_json(shown, "other").to_json() == shown
