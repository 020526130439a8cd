"""A mutation is drawn without a look at every place: an answer can have 100,000 subtasks."""

from collections import Counter
from random import Random
from typing import Any, Final

import pytest

from mockserver.contract.schemas import Contract
from mockserver.faults import mutation
from mockserver.faults.mutation import KINDS, Mutation
from mockserver.faults.rules import Fault, Incoming, Rules

LONG: Final = 100_000
ITEM: Final = {
    "type": "object",
    "properties": {"id": {"type": "integer", "minimum": 1}, "status": {"enum": ["A", "B"]}},
    "required": ["id"],
    "additionalProperties": False,
}
SCHEMA: Final = {
    "$id": "https://ocp-mockserver.invalid/schemas/long.schema.json",
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^a"},
        "nothing": {"anyOf": [ITEM, {"type": "null"}]},
        "items": {"type": "array", "items": ITEM},
    },
    "required": ["items"],
    "additionalProperties": False,
}
CHECKER: Final = Contract(files={"long": SCHEMA}).checker("long")


def long_value(count: int) -> dict[str, Any]:
    items = [{"id": id, "status": "A"} for id in range(1, count + 1)]
    return {"name": "a", "nothing": None, "items": items}


def test_of_a_long_list_only_what_is_drawn_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counter[str]()

    def counted(*arguments: Any) -> Mutation:
        made["mutations"] += 1
        return Mutation(*arguments)

    monkeypatch.setattr(mutation, "Mutation", counted)
    value, dice = long_value(LONG), Random(3)
    drawn = mutation.drawn(value, CHECKER, dice)
    assert drawn is not None
    assert made["mutations"] < 100
    changed, _ = drawn
    assert sum(one is not other for one, other in zip(value["items"], changed.get("items") or [], strict=False)) <= 1


@pytest.mark.slow
def test_everything_that_can_be_broken_comes_up() -> None:
    """Every rejected mutation that a list of all would have: of the list's elements, and of what has the list."""
    value, dice = long_value(3), Random(4)
    every = {str(one) for one in mutation.candidates(value, CHECKER) if broken(value, one)}
    drawn = Counter(found[1] for _ in range(5000) if (found := mutation.drawn(value, CHECKER, dice)))
    assert drawn.keys() == every
    assert {what.split(" ")[0] for what in every} == set(KINDS)


def broken(value: Any, one: Mutation) -> bool:
    return not CHECKER.judge.is_valid(mutation.applied(value, one))


def test_the_seed_decides() -> None:
    value = long_value(50)
    first, second = ([mutation.drawn(value, CHECKER, dice) for _ in range(50)] for dice in (Random(5), Random(5)))
    assert first == second


@pytest.mark.slow
def test_where_hardly_anything_is_rejected_everything_is_tried() -> None:
    """One place in a thousand: too few to be drawn, and found all the same."""
    free: dict[str, Any] = {f"k{n}": {} for n in range(1000)}
    schema = {"$id": "https://ocp-mockserver.invalid/schemas/free.schema.json", "properties": free, "required": ["k7"]}
    checker = Contract(files={"free": schema}).checker("free")
    drawn = mutation.drawn(dict.fromkeys(free, 1), checker, Random(6))
    assert drawn is not None
    assert drawn[1] == "missing /k7"
    assert not checker.accepts(drawn[0])


def test_a_path_that_was_met_asks_no_rule_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,000 rules a new path asks each once; and counts make no difference."""
    asked = Counter[str]()
    matches = Fault.matches_request

    def counting(self: Fault, request: Incoming) -> bool:
        asked[request.path] += 1
        return matches(self, request)

    monkeypatch.setattr(Fault, "matches_request", counting)
    rules = Rules(Fault(id=f"fault-{n}", path=f"*/instances/{n}") for n in range(1000))
    paths = ["/api/v2/tasks/instances/7", "/api/v2/tasks/instances/5000"]
    for _ in range(3):
        for number, path in enumerate(paths):
            request = Incoming("getTaskInstance", "GET", path, "anonymous", number, None)
            assert rules.matching(request) == (() if number else ("fault-7",))
        rules = rules.counted([Fault(id="fault-7", path="*/instances/7", matches=1)])
    assert asked == dict.fromkeys(paths, 1000)


def test_a_rule_that_never_acts_rolls_no_dice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Fault, "dice")
    assert not Fault(id="fault-1", probability=0.0).acts_on_match(1, 7)
    assert not Fault(id="fault-1", probability=0.5, skip=1).acts_on_match(1, 7)
    assert Fault(id="fault-1").acts_on_match(1, 7)
