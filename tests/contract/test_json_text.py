"""JSON is read strictly: what two readers could take for two different things is refused."""

import json
from typing import Any, Final

import pytest

from mockserver.contract import json_text
from mockserver.contract.json_text import LongText, in_pieces, is_longer, repeated_key, strict_json


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


VALUES: Final[list[Any]] = [
    None,
    "häß\n",
    1.5,
    {},
    [],
    {"a": [1, {"b": None}], "c": {"d": "x", "e": []}, "f": True},
    [[[1, 2], [3]], ["x" * 20], "y", {"z": ["w" * 20, {}]}, 4],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("members", [1, 2, 500])
@pytest.mark.parametrize("piece", [0, 3, 20, 1000])
def test_json_in_pieces_is_the_same_json(monkeypatch: pytest.MonkeyPatch, value: Any, members: int, piece: int) -> None:
    monkeypatch.setattr(json_text, "MEMBERS", members)
    monkeypatch.setattr(json_text, "PIECE", piece)
    assert "".join(in_pieces(value)) == json.dumps(value, ensure_ascii=False)
    short = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert "".join(in_pieces(value, ",", ":")) == short


@pytest.mark.parametrize(("opening", "closing"), [("", ""), ('{"deep": ', "}"), ("[0, ", "]")])
def test_no_piece_of_a_long_text_is_long(monkeypatch: pytest.MonkeyPatch, opening: str, closing: str) -> None:
    monkeypatch.setattr(json_text, "MEMBERS", 10)
    monkeypatch.setattr(json_text, "PIECE", 50)
    for long in ([*range(1000)], {f"k{number}": {"v": number} for number in range(1000)}):
        text = f"{opening}{json.dumps(long)}{closing}"
        pieces = [*in_pieces(json.loads(text))]
        assert "".join(pieces) == text
        assert max(map(len, pieces)) < 200


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_longer_is_so_for_sure(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert not is_longer(value, len(text))


def test_of_a_large_value_little_is_looked_at() -> None:
    class Untouched(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError

    assert is_longer({"a": Untouched([0] * 101)}, 100)
    assert is_longer("x" * 101, 100)
    assert is_longer({"x" * 101: 1}, 100)
    assert not is_longer([[0] * 10] * 4, 100)


# --- text that is too long for one piece -----------------------------------------------------------------------------


def test_a_long_text_has_commas_between_and_what_is_around_it() -> None:
    inner = LongText.of("[", ["1", "2"], "]")
    assert "".join('"a":' + LongText.of("{", [inner, "3"], "}")) == '"a":{[1,2],3}'


def test_what_is_put_around_a_long_text_leaves_it_as_it_is() -> None:
    one = LongText(["1", "2"])
    assert ("0" + one, one) == (["01", "2"], ["1", "2"])
