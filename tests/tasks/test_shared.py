"""The mapping whose copies share what did not change, judged by a dict."""

from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.tasks.shared import Draft, Shared

items = st.dictionaries(st.integers(), st.integers(), max_size=100)
size = pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 65, 1000, 5000])


@given(items, st.integers())
def test_it_reads_like_a_dict(given: dict[int, int], absent: int) -> None:
    """Order included, which is the given one and not the keys'."""
    shared = Shared(given.items())
    assert (list(shared), list(shared.items()), list(shared.values())) == (
        *(list(given), list(given.items()), list(given.values())),
    )
    assert (dict(shared), len(shared), bool(shared)) == (given, len(given), bool(given))
    assert [shared[key] for key in given] == list(given.values())
    assert (absent in shared, shared.get(absent, 7)) == (absent in given, given.get(absent, 7))


@given(items.filter(bool), st.data())
def test_it_is_set_like_a_dict_and_every_earlier_value_stays_what_it_was(
    given: dict[int, int], data: st.DataObject
) -> None:
    shared, made = Shared(given.items()), []
    for key, value in data.draw(st.lists(st.tuples(st.sampled_from(list(given)), st.integers()), max_size=10)):
        shared, given = shared.set(key, value), {**given, key: value}
        made.append((shared, given))
    assert [(list(one.items()), len(one)) for one, _ in made] == [
        (list(plain.items()), len(plain)) for _, plain in made
    ]


def test_each_place_of_several_lists_can_be_read_and_set() -> None:
    shared = Shared((number, number) for number in range(65))
    for key in shared:
        assert shared.get(key) == shared[key] == key
        assert dict(shared.set(key, -1)) == {number: number for number in range(65)} | {key: -1}
        draft = Draft(shared)
        assert dict(draft.set(key, -1).done()) == dict(shared.set(key, -1))


@given(items.filter(bool), st.data())
def test_a_draft_is_set_like_a_dict_and_what_it_was_made_of_stays_what_it_was(
    given: dict[int, int], data: st.DataObject
) -> None:
    shared, changed = Shared(given.items()), given.copy()
    draft = Draft(shared)
    for key, value in data.draw(st.lists(st.tuples(st.sampled_from(list(given)), st.integers()), max_size=10)):
        draft.set(key, value)
        changed[key] = value
        assert draft[key] == value
    assert (list(shared.items()), list(draft.done().items())) == (list(given.items()), list(changed.items()))


@pytest.mark.slow
@size
def test_each_place_can_be_set(size: int) -> None:
    shared = Shared((key, 0) for key in range(size))
    for key in range(size):
        assert [*shared.set(key, 1).values()] == [int(key == place) for place in range(size)]
    assert set(shared.values()) == {0}


@size
def test_it_has_no_other_key_than_it_was_given(size: int) -> None:
    shared = Shared((key, 0) for key in range(size))
    for absent in (-1, size, size + 31, "0", None):
        assert absent not in shared
    with pytest.raises(KeyError):
        shared[size]
    with pytest.raises(KeyError):
        shared.set(size, 1)
    assert len(shared) == size


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_a_change_copies_a_few_square_roots_of_them(size: int) -> None:
    """One list, and the list of the lists."""
    lists = Shared((key, 0) for key in range(size))._chunks
    assert len(lists) + max(map(len, lists)) <= 32 + 3 * isqrt(size)


def test_a_draft_copies_each_list_once() -> None:
    draft = Draft(Shared((key, 0) for key in range(10)))
    copied = draft.set(0, 1)._chunks[0]
    assert draft.set(1, 1)._chunks[0] is copied
