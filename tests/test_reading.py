"""Text becomes plain data, whose scalars keep what was written, and whose values know where they stand."""

import json
import tracemalloc
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mockserver import reading
from mockserver.building import MAX_ALIASED, MAX_DEPTH, Plain
from mockserver.reading import Document


def read(text: str, kind: Any = "yaml") -> Any:
    document = Document("f", text=text, kind=kind)
    assert document.flaws == []
    return document.data


def flaws(text: str, kind: Any = "yaml") -> list[tuple[int, int, str]]:
    return [(flaw.line, flaw.column, flaw.message) for flaw in Document("f", text=text, kind=kind).flaws]


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers, since a machine may lack libyaml."""
    if request.param == "python":
        monkeypatch.setattr(reading, "FAST", yaml.SafeLoader)


# --- YAML ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text", ["0123", "no", "on", "1.10", "12:30:45", "2021-08-25T15:09:31+08:00", "2021-08-25", "1_000", "0x1F", "null"]
)
def test_a_plain_scalar_keeps_its_text(text: str) -> None:
    """None of YAML 1.1's traps: what it means is decided where its type is known."""
    value = read(f"key: {text}")["key"]
    assert value == text
    assert type(value) is Plain


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", ['"1000"', "'1000'", "|-\n  1000", "!!str 1000", "! 1000"])
def test_a_quoted_scalar_is_a_string(text: str) -> None:
    assert type(read(f"key: {text}")["key"]) is str


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("---\n", ""),
        ("\ufeffa: 1\n", {"a": "1"}),
        ("{a: [1, {b: 2}], c: {}}", {"a": ["1", {"b": "2"}], "c": {}}),
        ("a: &x [1]\nb: *x\n", {"a": ["1"], "b": ["1"]}),
        ("a: &x 1\nb: *x\n", {"a": "1", "b": "1"}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", {"a": {"p": "1", "q": "2"}, "b": {"q": "3", "p": "1"}}),
        (
            "a: &x {p: 1}\nb: &y {q: 2}\nc: {<<: [*x, *y]}\n",
            {"a": {"p": "1"}, "b": {"q": "2"}, "c": {"p": "1", "q": "2"}},
        ),
        ('a: "\\ud83d\\ude00"', {"a": "😀"}),
        ("a: 1\n...\n", {"a": "1"}),
    ],
)
def test_yaml_is_read(text: str, data: object) -> None:
    assert read(text) == data


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1\nb: 2\n", 2, 2, "not YAML: "),
        ("a: 1\n b: 2\n", 2, 3, "not YAML: mapping values are not allowed here"),
        ("a:\n\tb: 1\n", 2, 1, "YAML is indented with spaces"),
        ("a: @x\n", 1, 4, "not YAML: "),
        ("a: 1\nb: \x07\n", 2, 4, "the character U+0007 is not allowed"),
        ('a: "\\U00110000"', 1, 1, "not YAML: "),
        ("a: 1\na: 2\n", 2, 1, "the key a is given twice, first in line 1"),
        ("b: {c: 1, c: 2}\n", 1, 11, "the key c is given twice, first in line 1"),
        ("a: *x\n", 1, 4, "the alias *x has no anchor"),
        ("a: &x {b: *x}\n", 1, 11, "stands inside what it stands for"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document"),
        ("a: !!python/object:os.system x\n", 1, 4, "a tag is not allowed: !!python/object:os.system"),
        ("a: !own {b: 1}\n", 1, 4, "a tag is not allowed: !own"),
        ("? [1]\n: 2\n", 1, 3, "a key is not a string"),
        ("? \n: 2\n", 1, 2, "a key is missing"),
        ("~: 2\n", 1, 1, "the key ~ is not a string"),
        ("a: {<<: 1}\n", 1, 9, "<< merges a mapping"),
    ],
)
def test_what_is_wrong_in_yaml_is_told_with_its_place(text: str, line: int, column: int, message: str) -> None:
    (flaw,) = flaws(text)
    assert flaw[:2] == (line, column)
    assert message in flaw[2]


@pytest.mark.usefixtures("parser")
def test_every_doubled_key_is_told() -> None:
    """A mistake that can be read past does not hide the next one."""
    assert [flaw[:2] for flaw in flaws("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n")] == [(2, 1), (5, 3)]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 1000, "{a: " * 100_000, "a:\n" + "".join(" " * n + "- \n" for n in range(1, 500))]
)
def test_deep_nesting_is_refused(text: str) -> None:
    """It neither crashes the process nor takes long."""
    ((_, _, message),) = flaws(text)
    assert message == f"nested more than {MAX_DEPTH} levels deep"


@pytest.mark.usefixtures("parser")
def test_an_alias_bomb_is_refused() -> None:
    """Nine levels of nine aliases would be 387 million values; none of them is made."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    tracemalloc.start()
    ((_, _, message),) = flaws("\n".join(levels))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert message == f"an alias bomb: aliases stand for more than {MAX_ALIASED} values"
    assert peak < 10 * 1024 * 1024


def test_a_long_text_behind_many_aliases_is_a_bomb_too() -> None:
    text = "a: &a '" + "x" * 1_000_000 + "'\nb: [" + ", ".join(["*a"] * 1000) + "]"
    assert "alias bomb" in flaws(text)[0][2]


def test_an_honest_use_of_aliases_is_none() -> None:
    """A hundred thousand subtasks that share their runs."""
    text = "a: &a [{outcome: FAILED}, {outcome: SUCCESSFUL}]\nb:\n" + "- *a\n" * 100_000
    assert len(read(text)["b"]) == 100_000


def test_bytes_that_are_not_utf8_are_told_with_their_place() -> None:
    document = Document.of_bytes("f", b"a: 1\nb: \xc3\xa4\xff\n", "yaml")
    assert [tuple(flaw) for flaw in document.flaws] == [(2, 5, "not UTF-8: byte 0xff")]


# --- JSON ----------------------------------------------------------------------------------------------------------


def test_a_number_of_json_keeps_its_text() -> None:
    """1.0 may be an id or a password; and an integer of five thousand digits is only text until somebody wants it."""
    data = read('{"a": 1.10, "b": ' + "9" * 5000 + "}", "json")
    assert data["a"] == "1.10"
    assert type(data["b"]) is Plain


def test_words_of_json_are_values() -> None:
    assert read('{"a": true, "b": false, "c": null}', "json") == {"a": True, "b": False, "c": None}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"a": 1,\n "a": 2}', 2, 2, "the key a is given twice, first in line 1"),
        ('{"a": NaN}', 1, 7, "expected a value and not NaN"),
        ('{"a": -Infinity}', 1, 7, "expected a value and not -Infinity"),
        ('{"a": [1,]}', 1, 10, "expected a value and not ]"),
        ('{"a": 1,}', 1, 9, "expected a key in double quotes and not }"),
        ('{"a" 1}', 1, 6, "expected : after a key and not 1"),
        ('{"a": 1\n "b": 2}', 2, 2, "expected , or } and not"),
        ('{"a": "\t"}', 1, 7, "a control character"),
        ('{"a": "\\x"}', 1, 7, "wrong escape"),
        ('{"a": "x', 1, 7, "a string that doesn't end"),
        ('{"a": 01}', 1, 7, "expected a value and not 01"),
        ('{"a": 1', 1, 8, "expected , or } and not the end"),
        ("{a: 1}", 1, 2, "expected a key in double quotes and not a"),
        ("[1] [2]", 1, 5, "something follows the value"),
        ("[" * 100_000, 1, MAX_DEPTH + 1, f"nested more than {MAX_DEPTH} levels deep"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_wrong_in_json_is_told_with_its_place(text: str, line: int, column: int, message: str) -> None:
    (flaw,) = flaws(text, "json")
    assert flaw[:2] == (line, column)
    assert message in flaw[2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 2, "\t"]))
def test_the_events_of_json_are_what_the_standard_library_reads(value: object, indent: Any) -> None:
    """The slow way, which knows positions, and the fast one agree on every value."""
    text = json.dumps(value, indent=indent, allow_nan=False)
    document = Document("f", text=text, kind="json")
    slow, found = document._mark(text)
    assert found == document.flaws == []
    assert slow == document.data


@given(st.text(alphabet='{}[]:,"\\u0 1tfalsn.e-\n', max_size=12))
def test_the_events_of_json_refuse_what_the_standard_library_refuses(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda name: json.loads("x"))
    except ValueError:
        assert flaws(text, "json") or not text.strip()


# --- positions -----------------------------------------------------------------------------------------------------

YAML_TEXT = """\
# a comment
clock: {mode: manual}
tasks:
  - id: 1000
    name:
    subtasks: &list
      - {id: 1, upstreams: [2, 3]}
  - id: 1001
    subtasks: *list
"""


@pytest.mark.parametrize(
    ("path", "at_key", "position"),
    [
        ((), False, (2, 1)),
        (("clock",), True, (2, 1)),
        (("clock",), False, (2, 8)),
        (("clock", "mode"), False, (2, 15)),
        (("tasks", 0), False, (4, 5)),
        (("tasks", 0, "name"), False, (5, 5)),
        (("tasks", 0, "subtasks", 0, "upstreams", 1), False, (7, 32)),
        (("tasks", 1, "subtasks"), False, (9, 15)),
        (("tasks", 1, "subtasks", 0, "id"), False, (7, 14)),
        (("tasks", 1, "subtasks", 5, "id"), False, (9, 15)),
        (("tasks", 1, "none"), False, (8, 5)),
    ],
)
def test_a_value_knows_where_it_stands(path: Any, at_key: bool, position: object) -> None:
    """An empty value is where its key is, one behind an alias where it is written."""
    assert Document("f", text=YAML_TEXT).position(path, at_key=at_key) == position


def test_positions_count_characters() -> None:
    document = Document("f", text="{ü😀: {b: 1}}")
    assert document.position(("ü😀", "b")) == (1, 10)


def test_a_value_of_json_knows_where_it_stands() -> None:
    document = Document("f", text='{\r\n\t"a": [1,\n  {"b": "x"}]}', kind="json")
    assert document.position(("a",), at_key=True) == (2, 2)
    assert document.position(("a", 1, "b")) == (3, 9)


def test_data_without_a_text_has_no_positions() -> None:
    assert Document(None, {"a": 1}).position(("a",)) is None
