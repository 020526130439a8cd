"""Which fault rule acts on a request: matchers, order, skipping, times, and dice that nothing else can disturb."""

from dataclasses import replace
from typing import Any

import pytest
from builders import fixture, world
from slow import slow_but

from mockserver.contract.schemas import contract
from mockserver.faults.effects import Error
from mockserver.faults.rules import Fault, Incoming, choose, from_json, mixed

REQUEST = Incoming("retrySubtask", "POST", "/api/v2/tasks/instances/1000/subtasks/1/retry", "viewer", 1000, 1)
OTHER = Incoming("listTaskInstances", "GET", "/api/v2/tasks/instances", "operator", None, None)


def rule(id: str = "fault-1", **more: Any) -> Fault:
    return Fault(id=id, effect=Error(status=503), **more)


def acting(rules: list[Fault], requests: int = 1, request: Incoming = REQUEST, seed: int = 0) -> list[str | None]:
    """The id of the rule that acts on each of some equal requests. `rules` are oldest first."""
    known = {one.id: one for one in reversed(rules)}
    found: list[str | None] = []
    for _ in range(requests):
        changed, acts = choose([one for one in known.values() if one.matches_request(request)], seed, 0)
        known |= {one.id: one for one in changed}
        found.append(acts.id if acts else None)
    return found


def test_a_rule_without_matchers_acts_on_every_request() -> None:
    assert acting([rule()], request=REQUEST) == acting([rule()], request=OTHER) == ["fault-1"]


@pytest.mark.parametrize(
    ("matchers", "acts"),
    [
        ({"operation": "retrySubtask"}, True),
        ({"operation": "retryTask"}, False),
        ({"method": "POST"}, True),
        ({"method": "GET"}, False),
        ({"task_instance_id": 1000}, True),
        ({"task_instance_id": 1}, False),
        ({"subtask_instance_id": 1}, True),
        ({"subtask_instance_id": 1000}, False),
        ({"user": "viewer"}, True),
        ({"user": "Viewer"}, False),
        ({"path": "/api/v2/tasks/instances/1000/subtasks/1/retry"}, True),
        ({"path": "*/retry"}, True),
        ({"path": "/api/*/subtasks/?/retry"}, True),
        ({"path": "/api/v[12]/*"}, True),
        ({"path": "/api/v1/*"}, False),
        ({"path": "retry"}, False),
        ({"path": "*/RETRY"}, False),
        ({"operation": "retrySubtask", "user": "viewer", "method": "POST", "path": "/api/*"}, True),
        ({"operation": "retrySubtask", "user": "operator"}, False),
    ],
)
def test_a_rule_acts_where_all_its_matchers_match(matchers: dict[str, Any], acts: bool) -> None:
    assert acting([rule(**matchers)]) == (["fault-1"] if acts else [None])


@pytest.mark.parametrize("matcher", ["task_instance_id", "subtask_instance_id"])
def test_a_rule_for_an_id_is_none_for_a_request_without(matcher: str) -> None:
    matchers: dict[str, Any] = {matcher: 1000}
    assert acting([rule(**matchers)], request=OTHER) == [None]


def test_the_newest_rule_acts_and_only_it() -> None:
    assert acting([rule("old"), rule("new")], requests=2) == ["new", "new"]


def test_a_rule_acts_as_often_as_it_says_and_then_the_next_older_one_does() -> None:
    assert acting([rule("old"), rule("new", times=2)], requests=4) == ["new", "new", "old", "old"]


def test_a_rule_skips_its_first_matches_and_lets_the_next_older_try() -> None:
    assert acting([rule("old", times=1), rule("new", skip=2, times=1)], requests=4) == ["old", None, "new", None]


def test_only_what_matches_counts() -> None:
    skipping = rule(skip=1, operation="retrySubtask")
    it = world(faults=[skipping])
    for request, matches in ((OTHER, 0), (REQUEST, 1)):
        assert it.choose_fault(request) is None
        assert it.world.faults == {"fault-1": replace(skipping, matches=matches)}


def test_a_rule_behind_one_that_acts_does_not_count() -> None:
    changed, acts = choose([rule("new"), rule("old")], 0, 0)
    assert changed == [acts] == [rule("new", hits=1, matches=1)]


def test_a_rule_that_is_used_up_counts_no_more() -> None:
    used_up = rule(times=1, hits=1, matches=1)
    assert used_up.used_up
    assert choose([used_up], 0, 0) == ([], None)


def test_zero_times_is_used_up_from_the_start() -> None:
    assert acting([rule(times=0)]) == [None]


# --- dice ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2**63, -5])
def test_probability_zero_is_never_and_one_always(seed: int) -> None:
    assert set(acting([rule(probability=0.0)], 1000, seed=seed)) == {None}
    assert set(acting([rule(probability=1.0)], 1000, seed=seed)) == {"fault-1"}


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", slow_but([7], [0, 1, 7]))
def test_a_probability_is_kept_on_the_whole(probability: float, seed: int) -> None:
    hits = sum(id is not None for id in acting([rule(probability=probability)], 4000, seed=seed))
    assert abs(hits / 4000 - probability) < 0.04


def test_the_same_seed_gives_the_same_dice_and_another_one_others() -> None:
    sequences = [acting([rule(probability=0.5)], 64, seed=seed) for seed in (7, 7, 8)]
    assert sequences[0] == sequences[1] != sequences[2]


def test_two_rules_have_dice_of_their_own() -> None:
    first, second = (
        [one.acts_on_match(n, 7) for n in range(64)]
        for one in (rule(probability=0.5), rule("fault-2", probability=0.5))
    )
    assert first != second


def test_other_traffic_does_not_change_the_dice() -> None:
    alone = acting([rule(probability=0.5, operation="retrySubtask")], 32, seed=7)
    it = world(
        faults=[rule("fault-0", operation="listTaskInstances"), rule(probability=0.5, operation="retrySubtask")], seed=7
    )
    mixed_in: list[str | None] = []
    for n in range(32):
        for _ in range(n % 3):
            it.choose_fault(OTHER)
        acts = it.choose_fault(REQUEST)
        mixed_in.append(acts.id if acts else None)
    assert mixed_in == alone


def test_times_counts_what_acted_and_not_what_the_dice_refused() -> None:
    found = acting([rule(probability=0.5, times=3)], 64, seed=7)
    assert sum(id is not None for id in found) == 3


def test_mixing_is_one_to_one_in_64_bits() -> None:
    mixes = {mixed(n) for n in range(10_000)}
    assert len(mixes) == 10_000
    assert all(0 <= mix < 2**64 for mix in mixes)


# --- in a world ------------------------------------------------------------------------------------------------------


def test_a_world_counts_what_its_rules_did() -> None:
    it = world()
    it.add_fault(lambda id: rule(id, times=1))
    acts = it.choose_fault(REQUEST)
    assert acts is not None
    assert (acts.id, acts.hits) == ("fault-1", 1)
    assert it.world.faults["fault-1"] == acts
    assert it.choose_fault(REQUEST) is None


def test_a_rule_keeps_its_age_when_it_counts() -> None:
    it = world()
    for _ in range(3):
        it.add_fault(lambda id: rule(id, times=1))
    assert [acts.id for _ in range(3) if (acts := it.choose_fault(REQUEST))] == ["fault-3", "fault-2", "fault-1"]
    assert list(it.world.faults) == ["fault-1", "fault-2", "fault-3"]


def test_a_copys_rules_are_its_own() -> None:
    it = world(faults=[rule(times=1)])
    copy = it.copy()
    copy.choose_fault(REQUEST)
    copy.add_fault(rule)
    assert it.world.faults == {"fault-1": rule(times=1)}


def test_what_a_rule_did_goes_on_after_a_state_is_put_back() -> None:
    it = world(faults=[rule(probability=0.5)], seed=7)
    for _ in range(9):
        it.choose_fault(REQUEST)
    again = type(it)(it.as_fixture(fixture().clock))
    assert [it.choose_fault(REQUEST) for _ in range(32)] == [again.choose_fault(REQUEST) for _ in range(32)]


# --- JSON ------------------------------------------------------------------------------------------------------------

RULES = [
    rule(),
    rule(
        "mine", operation="retrySubtask", method="POST", path="*", task_instance_id=1, subtask_instance_id=2, user="u"
    ),
    rule(when="after", skip=3, times=1, probability=0.25, hits=0, matches=5),
    Fault(id="e", effect=Error(status=404, code="TSK10001", message="gone")),
]


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_a_rule_is_the_same_after_it_was_written_and_read(one: Fault) -> None:
    body = one.to_json()
    assert contract().checker("fault").accepts(body), contract().checker("fault").problems(body)
    assert from_json(body, "another") == one


def test_a_rule_without_an_id_gets_the_one_it_is_given() -> None:
    assert from_json({"error": {"status": 503}}, "fault-7") == rule("fault-7")
