"""Every shipped fixture answers every operation as it did: see `golden_answers`."""

import copy

import golden_answers
import pytest

MADE_ANEW = "If that is meant: python -m tests.support.golden_answers --write, and read the diff."
EVERY_OPERATION = {*golden_answers.OF_THE_LIST, *golden_answers.OF_A_TASK, *golden_answers.OF_A_SUBTASK}


@pytest.mark.parametrize("fixture", golden_answers.fixtures())
def test_a_fixture_answers_as_it_did(fixture: str) -> None:
    kept = golden_answers.read(fixture)
    assert kept, f"{golden_answers.golden(fixture)} is missing. {MADE_ANEW}"
    changed = golden_answers.changes(kept, golden_answers.answers(fixture))
    assert not changed, "\n".join([f"{len(changed)} answers have changed. {MADE_ANEW}", *changed[:10]])


def test_each_file_has_its_fixture() -> None:
    assert sorted(path.stem for path in golden_answers.GOLDEN.iterdir()) == golden_answers.fixtures()


def test_each_of_the_nine_operations_succeeds_and_is_refused_somewhere() -> None:
    seen = {operation: set[int]() for operation in EVERY_OPERATION}
    for fixture in golden_answers.fixtures():
        for name, answer in golden_answers.read(fixture).items():
            seen[name.split(" ")[0]].add(answer["status"])
    assert len(seen) == 9
    assert [operation for operation, statuses in seen.items() if not statuses > {200}] == []


def test_a_lost_an_added_and_an_altered_answer_are_each_told() -> None:
    kept = golden_answers.read("failed-subtask")
    first, second, third, *_ = kept
    found = copy.deepcopy(kept)
    del found[first]
    found["new"] = found[second]
    found[third]["body"]["data"] = 17
    found[second] = dict(reversed(found[second].items()))
    lost, added, order, altered = golden_answers.changes(kept, found)
    assert (lost, added) == (f"no longer asked: {first}", "not in the file: new")
    assert order == f"{second}\n    the order of its keys"
    assert altered.startswith(f"{third}\n    /body/data: was ")
    assert altered.endswith("is 17")
