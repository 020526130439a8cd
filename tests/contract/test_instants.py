"""An instant's text is proven by how it is made (`WireInstant`): that what is so taken on trust deserves it."""

import copy
import json
import pickle
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow import slow_but
from variants import VARIANTS

from mockserver.contract.proof.parts import INSTANTS, MEMO_LIMIT
from mockserver.contract.schemas import FORMATS, Checker, Contract, contract
from mockserver.times import EARLIEST, LATEST, MS, SECOND, WireInstant, is_wire_instant, parse_instant, render_instant

CONTRACTS: Final = [contract(variant) for variant in VARIANTS.values()]
OFFSETS: Final = st.integers(-18 * 60, 18 * 60).map(lambda minutes: minutes * 60)
FINE: Final = st.integers(EARLIEST, LATEST)
COARSE: Final = st.integers(EARLIEST // SECOND, LATEST // SECOND).map(lambda seconds: seconds * SECOND)
NEAR: Final = st.builds(
    lambda second, step, unit: second + step * unit, COARSE, st.integers(0, 999), st.sampled_from((1, 1000, MS))
)
NOON: Final = WireInstant(parse_instant("2021-08-25T12:00:00Z")[0], 0)


def checker_of(**schema: Any) -> Checker:
    return Contract(files={}).add("this", schema)


DATE_TIME: Final = checker_of(format="date-time", type="string")


@pytest.mark.slow
@settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(st.one_of(FINE, COARSE, NEAR), OFFSETS)
def test_every_text_that_is_made_of_an_instant_is_of_the_format(instant: int, offset_s: int) -> None:
    """By the format's own check, by the judge, and by the proof of the same letters as an ordinary string."""
    made = WireInstant(instant, offset_s)
    plain = render_instant(instant // MS * MS, offset_s)
    assert made == plain
    assert type(plain) is str
    assert is_wire_instant(plain)
    assert FORMATS.conforms(plain, "date-time")
    assert parse_instant(plain) == (instant // MS * MS, offset_s)
    assert DATE_TIME.problems(made) == DATE_TIME.problems(plain) == []
    assert DATE_TIME.prove(made).text == DATE_TIME.prove(plain).text == json.dumps(plain)


def parts(checker: Checker, seen: set[str]) -> list[Checker]:
    """Every scalar schema inside one."""
    if checker.uri in seen or not isinstance(checker.schema, dict):
        return []
    seen.add(checker.uri)
    steps: list[tuple[str | int, ...]] = [("properties", key) for key in checker.schema.get("properties", ())]
    steps += [(key,) for key in ("items", "additionalProperties", "unevaluatedProperties") if key in checker.schema]
    steps += [(key, n) for key in ("anyOf", "oneOf") for n in range(len(checker.schema.get(key, ())))]
    return [checker, *(inner for step in steps for inner in parts(checker.part(*step), seen))]


@pytest.mark.parametrize(
    "contract", slow_but(CONTRACTS[:1], CONTRACTS), ids=lambda contract: "-".join(contract.variant)
)
def test_no_schema_takes_it_that_would_not_take_its_letters(contract: Contract) -> None:
    taken = 0
    for checker in [part for name in contract.files for part in parts(contract.checker(name), set())]:
        accepted = checker.accepts(NOON)
        assert accepted == checker.accepts(str(NOON)) == (not checker.problems(str(NOON))), checker.uri
        taken += accepted
    assert taken > 100


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[a-z]+$"},
        {"type": "string", "format": "date-time", "pattern": "^1999-"},
        {"type": "string", "format": "date-time", "maxLength": 10},
        {"type": "string", "format": "date-time", "minLength": 100},
        {"type": ["integer", "null"]},
        {"type": "string", "enum": ["2021-08-25T12:00:01Z"]},
        {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]},
        False,
    ],
    ids=str,
)
def test_it_is_no_key_to_another_schema(schema: Any) -> None:
    checker = Contract(files={}).add("this", {"type": "object", "properties": {"it": schema}})
    assert not checker.accepts({"it": NOON})
    assert checker.problems({"it": NOON})


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"type": "string"},
        {"type": "string", "maxLength": 20},
        {"type": "string", "format": "date-time", "pattern": "^2021-"},
        {"type": "string", "const": "2021-08-25T12:00:00Z"},
        {"anyOf": [{"type": "null"}, {"type": "string", "format": "date-time"}]},
    ],
    ids=str,
)
def test_it_is_a_string_like_any_other(schema: Any) -> None:
    checker = Contract(files={}).add("this", {"type": "object", "properties": {"it": schema}})
    assert json.loads(checker.prove({"it": NOON}).text) == {"it": NOON}


@pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made)), str])
def test_a_copy_is_an_ordinary_string(take: Any) -> None:
    """Which is proven like any other: a made one comes from an instant and from nowhere else."""
    assert type(take(NOON)) is str
    assert take(NOON) == NOON


def test_it_cannot_be_made_of_a_text() -> None:
    with pytest.raises(TypeError):
        WireInstant("yesterday")  # type: ignore[call-arg, arg-type]  # what it is that must fail


def test_what_is_remembered_as_proven_is_shared_and_bounded() -> None:
    one, other = (contract.checker("subtask-instance").part("properties", "createTime") for contract in CONTRACTS[:2])
    assert one.table[str] == other.table[str] == INSTANTS.__getitem__
    INSTANTS.clear()
    for second in range(MEMO_LIMIT):
        assert one.accepts(render_instant(second * SECOND, 0))
    assert len(INSTANTS) == MEMO_LIMIT
    assert one.accepts(render_instant(MEMO_LIMIT * SECOND, 0))
    assert len(INSTANTS) == 1
    assert not other.accepts("yesterday")
    assert len(INSTANTS) == 1
