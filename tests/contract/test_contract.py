"""Proof by parts against the judge, which is jsonschema on the whole value; what is refused, and in which words."""

import json
import random
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from processes import END_S
from referencing.exceptions import Unresolvable
from slow import slow_but
from values import valid, with_one_change
from variants import VARIANTS

from mockserver.contract.bundles import schema_files
from mockserver.contract.errors import InFile, Problem, Violation
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.proof import parts
from mockserver.contract.proof.explanation import shown
from mockserver.contract.proof.templates import Template
from mockserver.contract.schemas import Checker, Contract, Proven, contract

GENERATED: Final = 20_000
FEWER: Final = 500
CONTRACTS: Final = {name: contract(variant) for name, variant in VARIANTS.items()}


def everything() -> list[Checker]:
    """Every shipped schema in each variant, and every answer of every operation."""
    checkers: dict[str, Checker] = {}
    for names, of in CONTRACTS.items():
        for name in of.files:
            checkers.setdefault(f"{name} {names}", of.checker(name))
        for operation in OPERATIONS.values():
            if operation.media_type == "application/json":
                checkers[f"{operation.id} {names}"] = of.response(operation.id)
    return list(checkers.values())


def judged(checker: Checker, value: object) -> bool:
    return bool(checker.judge.is_valid(value))


def generated(count: int, seed: int) -> Iterator[tuple[Checker, Any]]:
    """Values for every schema in turn: one that fits, then two with a change, then the next schema."""
    dice = random.Random(seed)
    checkers = everything()
    for n in range(count // 3 + 1):
        checker = checkers[n % len(checkers)]
        value = valid(checker, dice)
        yield checker, value
        yield checker, with_one_change(value, dice)
        yield checker, with_one_change(value, dice)


def agree(count: int, seed: int) -> None:
    accepted = refused = 0
    for checker, value in generated(count, seed):
        accepts = checker.accepts(value)
        assert accepts == judged(checker, value), (checker.uri, value)
        if accepts:
            accepted += 1
            assert json.loads(checker.prove(value).text) == value
        else:
            refused += 1
            with pytest.raises(Violation):
                checker.prove(value)
    assert accepted + refused >= count
    assert min(accepted, refused) > count / 5, "both kinds are there in numbers"


@pytest.mark.slow
def test_proof_by_parts_agrees_with_the_judge() -> None:
    agree(FEWER, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_proof_by_parts_agrees_with_the_judge_on_twenty_thousand_values(seed: int) -> None:
    agree(GENERATED // 10, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("many", "long"), [(1, 2**20), (1000, 1)], ids=["items", "characters"])
def test_a_text_in_parts_is_the_same_text(monkeypatch: pytest.MonkeyPatch, many: int, long: int) -> None:
    """Whatever is long in it."""
    values = [(checker, value) for checker, value in generated(FEWER, seed=4) if checker.accepts(value)]
    whole = [checker.prove(value).text for checker, value in values]
    monkeypatch.setattr(parts, "MANY", many)
    monkeypatch.setattr(parts, "LONG", long)
    in_parts = [checker.prove_in_parts(value) for checker, value in values]
    assert ["".join(texts) for texts in in_parts] == whole == [checker.prove(value).text for checker, value in values]
    assert any(len(texts) > 3 for texts in in_parts)


def test_what_fits_a_schema_by_its_making_is_accepted() -> None:
    """Or the generator is wrong, and the agreement says little."""
    dice = random.Random(3)
    for checker in everything():
        for _ in range(5):
            value = valid(checker, dice)
            assert checker.accepts(value), (checker.uri, checker.problems(value))


# --- the judge itself ------------------------------------------------------------------------------------------------


def checker_of(schema: Mapping[str, Any], *, files: Mapping[str, dict[str, Any]] | None = None) -> Checker:
    return Contract(files={} if files is None else files).add("this", schema)


@pytest.mark.parametrize("text", ["abc\n", "\nabc", "abc\n\n", "abc\nabc", "abc\r", "abc\u2028"])
def test_a_dollar_is_the_end_and_not_a_line_break_before_it(text: str) -> None:
    """Python's `$` would take the first; JSON Schema means ECMA's."""
    checker = checker_of({"type": "string", "pattern": "^[a-z]+$"})
    assert checker.accepts("abc")
    assert not checker.accepts(text)
    assert not judged(checker, text)


def test_a_dollar_is_the_end_in_a_part_of_a_shipped_schema_too() -> None:
    checker = contract().checker("denial")
    denial = {"permission": "TASK_MANAGER", "id": "denial-1"}
    assert judged(checker, denial)
    assert not judged(checker, denial | {"id": "denial-1\n"})
    assert not checker.accepts(denial | {"id": "denial-1\n"})


@pytest.mark.parametrize("pattern", ["^a$|b", "[$]", r"a\$", "$a"])
def test_a_dollar_elsewhere_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\$ only stands at its end"):
        checker_of({"type": "string", "pattern": pattern})


def test_a_format_that_nobody_checks_is_none_of_ours() -> None:
    """jsonschema says nothing of a format without a checker. Ours are dates, and integers with their bounds beside."""
    formats = {
        schema["format"]: schema
        for file in schema_files().values()
        for schema in subschemas(file)
        if isinstance(schema.get("format"), str)
    }
    assert formats.keys() <= {"date-time", "int32", "int64"}
    for name in formats.keys() - {"date-time"}:
        assert {"minimum", "maximum"} <= formats[name].keys()


def subschemas(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from subschemas(item)
    elif isinstance(value, list):
        for item in value:
            yield from subschemas(item)


def test_the_registry_never_goes_to_the_network() -> None:
    """A reference to what is not shipped is an error, and no request."""
    with pytest.raises(Unresolvable):
        checker_of({"type": "object", "properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema.x"}}})
    with pytest.raises(Unresolvable):
        checker_of({"$ref": "missing.schema.json"})


# --- what cannot be proven by parts ----------------------------------------------------------------------------------

TIED: Final[dict[str, dict[str, Any]]] = {
    "if": {"if": {}, "then": {}},
    "then": {"then": {}},
    "allOf": {"allOf": [{}]},
    "not": {"not": {}},
    "dependentRequired": {"dependentRequired": {"a": ["b"]}},
    "dependentSchemas": {"dependentSchemas": {"a": {}}},
    "minProperties": {"minProperties": 1},
    "maxProperties": {"maxProperties": 1},
    "two patterns for a key": {"patternProperties": {"^a.*$": {}, "^.*b$": {}}},
    "a pattern of a property": {"properties": {"a": {}}, "patternProperties": {"^a.*$": {}}},
    "propertyNames": {"propertyNames": {"pattern": "a"}},
    "uniqueItems": {"type": "array", "uniqueItems": True},
    "contains": {"type": "array", "contains": {}},
    "prefixItems": {"type": "array", "prefixItems": [{}]},
    "unevaluatedItems": {"type": "array", "unevaluatedItems": False},
    "multipleOf": {"type": "integer", "multipleOf": 2},
    "exclusiveMinimum": {"type": "integer", "exclusiveMinimum": 2},
    "$dynamicRef": {"$dynamicRef": "#a"},
    "misspelt": {"tpye": "string"},
    "beside $ref": {"$ref": "#/$defs/a", "type": "string", "$defs": {"a": {}}},
    "beside anyOf": {"anyOf": [{}], "type": "string"},
    "beside enum": {"enum": ["a"], "minLength": 1},
    "enum of objects": {"enum": [{}]},
    "enum of floats": {"enum": [1.5]},
    "enum of another type": {"type": "string", "enum": [1]},
}


@pytest.mark.parametrize("schema", TIED.values(), ids=TIED)
def test_a_keyword_that_cannot_be_proven_by_parts_is_refused(schema: dict[str, Any]) -> None:
    """At start, and wherever it stands: not half checked."""
    with pytest.raises(ValueError, match=r"cannot be proven by parts|nothing beside it"):
        checker_of(schema)
    deeper = {"type": "object", "properties": {"a": {"type": "array", "items": schema}}}
    if "$ref" not in schema:
        with pytest.raises(ValueError, match=r"cannot be proven by parts|nothing beside it"):
            checker_of(deeper)


# --- numbers, where Python and JSON differ ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, 1.5, False),
        ({"type": "integer"}, True, False),
        ({"type": "integer", "maximum": 2**63 - 1}, 2**63, False),
        ({"type": "integer", "maximum": 2**63 - 1}, 2.0**63, False),
        ({"type": "number"}, False, False),
        ({"type": "number", "minimum": 0}, -0.0, True),
        ({"type": "boolean"}, 0, False),
        ({"enum": [1]}, True, False),
        ({"enum": [0, False]}, False, True),
        ({"enum": [200]}, 200.0, True),
        ({"const": 1}, 1.0, True),
        ({"const": False}, 0, False),
        ({"const": None}, None, True),
        ({"type": "string", "maxLength": 1}, "😀", True),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1, False),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1.5, True),
        ({"anyOf": [{"type": "integer", "maximum": 1}, {"type": "integer", "minimum": 5}]}, 3, False),
        (False, 1, False),
        (True, {"a": [1, None]}, True),
    ],
)
def test_a_value_of_two_minds(schema: Any, value: object, fits: bool) -> None:
    checker = checker_of({"type": "object", "properties": {"it": schema}, "required": ["it"]})
    assert checker.accepts({"it": value}) is judged(checker, {"it": value}) is fits


BOUNDED: Final[dict[str, tuple[dict[str, Any], list[Any], list[Any]]]] = {
    "integer": ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 2, 3, 1.0, 3.0], [0, 4, 0.0, 4.0, 1.5, "1"]),
    "number": ({"type": "number", "minimum": 1, "maximum": 3}, [1, 3, 1.0, 2.5, 3.0], [0, 4, 0.5, 3.5, "1"]),
    "negative": ({"type": "number", "minimum": -3, "maximum": -1}, [-3, -1.5, -1], [-4, -3.5, -0.5, 0]),
    "string": ({"type": "string", "minLength": 1, "maxLength": 3}, ["a", "abc"], ["", "abcd", 1]),
    "pattern": ({"type": "string", "pattern": "b", "maxLength": 3}, ["b", "abc"], ["a", "abcd"]),
    "array": ({"type": "array", "minItems": 1, "maxItems": 3}, [[0], [0, 1, 2]], [[], [0, 1, 2, 3], {}]),
    "items": ({"type": "array", "items": {"type": "integer"}}, [[], [0, 1]], [["0"], [0, None]]),
    "closed": ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, [{}, {"a": 1}], [{"b": 1}]),
    "unevaluated": ({"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False}, [{}], [{"b": 1}]),
    "others": ({"type": "object", "additionalProperties": {"type": "integer"}}, [{"b": 1}], [{"b": "1"}]),
    "patterns": (
        {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False},
        [{"x": 1}, {"xy": 1, "x": 2}],
        [{"x": "1"}, {"y": 1}],
    ),
    "either": ({"anyOf": [{"type": "integer", "maximum": 1}, {"type": "integer", "minimum": 1}]}, [0, 1, 2], ["1"]),
    "one": ({"oneOf": [{"type": "integer", "maximum": 1}, {"type": "integer", "minimum": 1}]}, [0, 2], [1, "1"]),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_a_bound_belongs_to_what_it_bounds(name: str) -> None:
    schema, right, wrong = BOUNDED[name]
    checker = checker_of(schema)
    for value in (*right, *wrong):
        assert checker.accepts(value) is judged(checker, value) is (value in right), value
    assert [json.loads(checker.prove(value).text) for value in right] == right


def test_letters_are_written_as_they_are() -> None:
    """A body is UTF-8, and a reader of it is a person."""
    for schema in ({}, {"type": "string"}, {"type": "string", "minLength": 1}):
        assert checker_of(schema).prove("日志").text == '"日志"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("schema", [{"type": "number"}, {"type": "integer"}, {}])
def test_what_json_cannot_say_is_refused(schema: dict[str, Any], value: float) -> None:
    assert not checker_of(schema).accepts(value)


@pytest.mark.parametrize("value", [{1}, b"x", object(), 1j, range(1)], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "string"}])
def test_what_is_no_json_value_is_refused(schema: dict[str, Any], value: object) -> None:
    assert not checker_of(schema).accepts(value)
    assert not checker_of({"type": "object", "properties": {"a": schema}}).accepts({"a": value})


# --- proven values ---------------------------------------------------------------------------------------------------


def test_a_proven_value_is_taken_where_its_schema_is_asked_for() -> None:
    cluster = contract().checker("cluster").prove({"id": 1, "name": "c"})
    checker = contract().checker("wrapped-task-instance")
    task = valid(checker, random.Random(4))
    text = checker.prove(task | {"cluster": cluster}).text
    assert json.loads(text)["cluster"] == json.loads(cluster.text)


def test_a_proven_value_is_refused_where_another_schema_is_asked_for() -> None:
    tenant = contract().checker("creator").prove({"id": 1, "name": "t"})
    checker = contract().checker("wrapped-task-instance")
    assert not checker.accepts(valid(checker, random.Random(4)) | {"tenant": tenant})


def test_nobody_is_fooled_by_text_that_was_not_proven() -> None:
    checker = contract().checker("subtask-log")
    assert not contract().checker("success").accepts(Proven(checker, '{"log": 1}'))


# --- templates: the rest is proven once ------------------------------------------------------------------------------

OBJECTS: Final = [
    checker
    for checker in everything()
    if isinstance(checker.schema, Mapping) and {"properties", "required"} <= checker.schema.keys()
]


@pytest.mark.parametrize("seed", slow_but(range(3), range(10)))
def test_a_filled_template_is_the_whole_value(seed: int) -> None:
    """Any division into what is fixed and what is filled gives the same text, and the judge takes it."""
    dice = random.Random(seed)
    for checker in OBJECTS:
        value = valid(checker, dice)
        keys = sorted(value)
        holes = [key for key in keys if dice.random() < 0.5]
        fixed = {key: value[key] for key in keys if key not in holes}
        filled = Template(checker, fixed, *holes).text(*(value[key] for key in holes))
        assert json.loads(filled) == value
        assert judged(checker, json.loads(filled))


def test_what_is_filled_in_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MANY", 1)
    task = contract().checker("wrapped-task-instance")
    value = valid(task, random.Random(5)) | {
        "subtasks": [valid(task.part("properties", "subtasks", "items"), random.Random(seed)) for seed in range(3)]
    }
    fixed = {key: item for key, item in value.items() if key != "subtasks"}
    assert json.loads(Template(task, fixed, "subtasks").text(value["subtasks"])) == value


def test_filling_a_template_leaves_it_as_it_was() -> None:
    template = Template(contract().checker("subtask-log"), {}, "log")
    assert [template.text(text) for text in ("100%", "%s", "%%")] == [
        '{"log":"100%"}',
        '{"log":"%s"}',
        '{"log":"%%"}',
    ]
    assert Template(contract().checker("subtask-log"), {"log": "%d"}).text() == '{"log":"%d"}'


@pytest.mark.parametrize("values", [(), ("a", "b")])
def test_a_template_takes_a_value_for_each_hole(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        Template(contract().checker("subtask-log"), {}, "log").text(*values)


def test_a_wrong_value_in_a_hole_is_a_violation_that_says_where() -> None:
    task = contract().checker("wrapped-task-instance")
    value = valid(task, random.Random(5)) | {
        "subtasks": [valid(contract().checker("subtask-instance"), random.Random(6))]
    }
    fixed = {key: item for key, item in value.items() if key != "subtasks"}
    wrong = [value["subtasks"][0] | {"status": "EXPLODED"}]
    with pytest.raises(Violation) as caught:
        Template(task, fixed, "subtasks").text(wrong)
    assert caught.value.problems[0].json_path == "$.subtasks[0].status"
    assert str(caught.value).startswith("The answer breaks wrapped-task-instance at $.subtasks[0].status: ")


def test_a_template_in_a_template_is_filled_in_its_place() -> None:
    task = contract().checker("wrapped-task-instance")
    creator = {"id": 7, "name": "anna"}
    value = valid(task, random.Random(5)) | {"creator": creator, "createTime": "2021-08-25T15:09:31+08:00"}
    inner = Template(task.part("properties", "creator"), {"id": 7}, "name")
    fixed = {key: item for key, item in value.items() if key != "createTime"} | {"creator": inner}
    template = Template(task, fixed, "createTime")
    assert json.loads(template.text(value["createTime"], "anna")) == value
    for values, path in (("x", "anna"), "$.createTime"), ((value["createTime"], 7), "$.creator.name"):
        with pytest.raises(Violation) as caught:
            template.text(*values)
        assert [problem.json_path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize("wrong", [1, None, ["x"], True])
def test_a_wrong_value_is_not_fixed_either(wrong: object) -> None:
    with pytest.raises(Violation):
        Template(contract().checker("subtask-log"), {"log": wrong})
    with pytest.raises(Violation):
        Template(contract().checker("subtask-log"), {}, "log").text(wrong)


def test_a_template_has_all_keys_of_its_object_and_no_others() -> None:
    task = contract().checker("basic-subtask-instance")
    whole = {"id": 1, "name": "n", "description": "d", "status": "READY", "operation": "RETRY"}
    with pytest.raises(Violation, match="missing"):
        Template(task, {"id": 1})
    with pytest.raises(Violation, match="unknown key"):
        Template(task, {**whole, "nmae": "n"})
    with pytest.raises(Violation, match="unknown key"):
        Template(task, whole, "nmae")


# --- what is wrong, in words -----------------------------------------------------------------------------------------


def problems(name: str, value: object) -> list[str]:
    return [f"{problem.json_path}: {problem.message}" for problem in contract().checker(name).problems(value)]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("denial", {"permision": "TASK_MANAGER"}, '$.permision: unknown key "permision" (did you mean permission?)'),
        ("denial", {}, "$: the key permission is missing"),
        ("denial", {"permission": "TASK_MANGER"}, "(did you mean TASK_MANAGER?)"),
        ("denial", {"permission": "TASK_MANAGER", "times": "3"}, '$.times: "3" is not an integer'),
        ("denial", {"permission": "TASK_MANAGER", "id": "-"}, '$.id: "-" does not match ^[A-Za-z0-9]'),
        ("denial", [], "$: [] is not a mapping"),
        ("fault", {"error": {"status": 200}}, "$.error.status: 200 is less than the least, 400"),
        ("fault", {"error": {"status": 600}}, "$.error.status: 600 is more than the most, 599"),
        ("fault", {"error": None}, "$.error: null is not a mapping"),
        ("advance", {"until": "idel"}, "(did you mean idle?)"),
        ("advance", {"by": "söon"}, '$.by: "söon" is not a duration such as 250ms'),
    ],
)
def test_a_problem_is_told_in_words_one_can_act_on(name: str, value: object, words: str) -> None:
    assert words in "\n".join(problems(name, value))


def test_every_problem_is_told() -> None:
    told = problems("denial", {"permission": "X", "times": "3", "usr": "u"})
    assert sorted(re.findall(r"^\$\.(\w+)", "\n".join(told), re.MULTILINE)) == ["permission", "times", "usr"]


@pytest.mark.parametrize(
    ("schema", "value", "path", "sentence"),
    [
        pytest.param(
            {"anyOf": [{"type": "string", "enum": ["A", "B"]}, {"type": "array"}]},
            *(1, "$.it", "1 is none of A, B, a string, a list"),
            id="of no branch's type",
        ),
        pytest.param(
            {"anyOf": [{"type": "string", "enum": ["A", "B"]}, {"type": "string", "pattern": "^z"}]},
            *("X", "$.it", '"X" is none of A, B'),
            id="of the type of two",
        ),
        pytest.param(
            {"anyOf": [{"type": "string", "enum": ["A", "B"]}, {"type": "integer", "maximum": 3}]},
            *(4, "$.it", "4 is more than the most, 3"),
            id="of the type of one",
        ),
        pytest.param(False, 1, "$", "nothing is allowed here", id="nothing fits"),
        pytest.param(
            {"oneOf": [{"type": "integer"}, {"type": "number"}]},
            *(1, "$.it", "1 is valid under each of {'type': 'number'}, {'type': 'integer'}"),
            id="two fit where one may",
        ),
    ],
)
def test_of_branches_the_nearest_is_told_in_one_sentence(schema: Any, value: object, path: str, sentence: str) -> None:
    checker = checker_of({"type": "object", "properties": {"it": schema}})
    assert [(problem.json_path, problem.message) for problem in checker.problems({"it": value})] == [(path, sentence)]


def test_of_the_branch_of_its_type_all_is_told() -> None:
    numbered = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["b"]}
    checker = checker_of({"anyOf": [numbered, {"type": "string"}]})
    found = {(problem.json_path, problem.message) for problem in checker.problems({"a": "x"})}
    assert found == {("$.a", '"x" is not an integer'), ("$", "the key b is missing")}


def test_two_keys_that_are_missing_are_told_once_each() -> None:
    told = [line for line in problems("basic-subtask-instance", {}) if "missing" in line]
    assert len(told) == len(set(told)) > 1


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert [shown("x" * length) for length in (58, 59)] == [f'"{"x" * 58}"', f'"{"x" * 56}…']
    assert all(len(line) < 200 for line in problems("denial", {"permission": "x" * 10_000}))


def test_a_problem_in_a_file_is_where_the_file_has_it() -> None:
    assert [kind(("world.yaml:3:5",), "no").json_path for kind in (InFile, Problem)] == [
        "world.yaml:3:5",
        "$.world.yaml:3:5",
    ]


def test_a_proof_that_is_stricter_than_the_judge_says_so() -> None:
    """It would be our bug, and it must not look like the value's."""
    checker = contract().checker("subtask-log")
    assert "refuses what the judge accepts" in str(checker.violation({"log": "x"}))


def test_threads_that_are_first_at_once_see_whole_schemas() -> None:
    """Several servers in one process, or files that are read in a thread while requests are answered."""
    fresh, barrier, refused = Contract(), threading.Barrier(8), list[str]()
    examples = [(name, one) for name, file in schema_files().items() for one in file.get("examples", [])]

    def judge(shift: int) -> None:
        barrier.wait(END_S)
        turned = examples[shift * 7 :] + examples[: shift * 7]
        refused.extend(name for name, one in turned if not fresh.checker(name).accepts(one))

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=judge, args=(shift,)) for shift in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(END_S)
    finally:
        sys.setswitchinterval(switching)
    assert refused == []
