"""JSON is read strictly: what two readers could take for two different things is refused."""

import json

import pytest

from mockserver.contract.json_text import LongText, repeated_key, strict_json


class Key(str):
    """Counts how often it is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Key.compared += 1
        return str(self) == other

    __hash__ = str.__hash__


def test_a_repeated_key_is_found_in_one_pass() -> None:
    """A megabyte of keys of which the last is there twice took minutes when each was counted among all."""
    pairs = [(Key(f"key {number}"), number) for number in range(100)]
    Key.compared = 0
    assert repeated_key([*pairs, (Key("key 99"), 100)]) == "key 99"
    assert 1 <= Key.compared <= len(pairs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "b": 2, "b": 3}', "the key 'b' is given twice"),
        ('{"c": [{"a": 1, "a": 1}]}', "the key 'a' is given twice"),
        ("NaN", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ("1e999", "the number 1e999 is too large"),
        ('"\\ud800"', "half of a surrogate pair, U\\+D800"),
        ("{", "Expecting property name"),
    ],
)
def test_what_is_no_strict_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strict_json(text)


def test_strict_json_is_json() -> None:
    assert strict_json('{"a": [1, 1.5, true, null, "\\ud83d\\ude00"]}') == {"a": [1, 1.5, True, None, "😀"]}
    assert repeated_key([("a", 1), ("b", 1)]) is None


def test_an_object_may_have_a_thousand_keys() -> None:
    whole = {f"{number}": number for number in range(1000)}
    assert strict_json(json.dumps(whole)) == whole


# --- text that is too long for one piece -----------------------------------------------------------------------------


def test_a_long_text_has_commas_between_and_what_is_around_it() -> None:
    inner = LongText.of("[", ["1", "2"], "]")
    assert "".join('"a":' + LongText.of("{", [inner, "3"], "}")) == '"a":{[1,2],3}'


def test_what_is_put_around_a_long_text_leaves_it_as_it_is() -> None:
    one = LongText(["1", "2"])
    assert ("0" + one, one) == (["01", "2"], ["1", "2"])
