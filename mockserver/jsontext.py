"""JSON text → data, fast; and, where that fails or a position is asked for, the events that YAML would have.

Stricter than the standard library: a key given twice, NaN and the infinities are refused. Numbers stay as written.
"""

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final, Literal, NamedTuple

from yaml import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from mockserver.building import Plain, Unreadable


def fast_json(text: str) -> object:
    """Raises ValueError and RecursionError; what is wrong then, the events say."""
    return json.loads(text, parse_int=Plain, parse_float=Plain, parse_constant=_refused, object_pairs_hook=_once)


def strict_json(text: str) -> Any:
    """As Python's values. Raises ValueError, with what is wrong in words, and RecursionError."""
    data = json.loads(text, parse_float=finite, parse_constant=_refused, object_pairs_hook=_once)
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(error.object[error.start]):04X}"
        raise ValueError(f"it has half of a surrogate pair, {half}, which is no character") from None
    return data


def finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # 1e999, which we could not write again
        raise ValueError(f"the number {text} is too large")
    return number


def _refused(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return data


_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_LITERAL: Final = re.compile(r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![\w.])")
_WORD: Final = re.compile(r"[\w.+-]{1,40}|.?", re.DOTALL)
_START: Final[dict[str, Any]] = {"{": MappingStartEvent, "[": SequenceStartEvent}
_END: Final[dict[str, Any]] = {"}": MappingEndEvent, "]": SequenceEndEvent}
_CLOSING: Final = {"{": "}", "[": "]"}

_State = Literal["value", "first value", "key", "first key", "rest"]


class _Mark(NamedTuple):
    line: int
    column: int


class _Cursor:
    """Lines and columns of indices that only grow."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._line = self._start = self._seen = 0

    def mark(self, index: int) -> _Mark:
        breaks = self.text.count("\n", self._seen, index)
        if breaks:
            self._line += breaks
            self._start = self.text.rfind("\n", self._seen, index) + 1
        self._seen = index
        return _Mark(self._line, index - self._start)

    def refused(self, index: int, message: str) -> Unreadable:
        mark = self.mark(index)
        return Unreadable(mark.line + 1, mark.column + 1, f"not JSON: {message}")


def json_events(text: str) -> Iterator[Any]:
    """Raises Unreadable. A text without a value has no events, as an empty YAML file has none."""
    cursor, nesting = _Cursor(text), ""
    state: _State = "value"
    index = _space(text, 0)
    if index == len(text):
        return
    while True:
        index = _space(text, index)
        sign = text[index : index + 1]
        mark = cursor.mark(index)
        if nesting and sign == _CLOSING[nesting[-1]] and state in ("rest", "first value", "first key"):
            yield _END[sign](mark, mark)
            nesting, state, index = nesting[:-1], "rest", index + 1
        elif state == "rest":
            if not nesting:
                if sign:
                    raise cursor.refused(index, "something follows the value")
                return
            if sign != ",":
                raise cursor.refused(index, f"expected , or {_CLOSING[nesting[-1]]} and not {_word(text, index)}")
            state, index = "key" if nesting[-1] == "{" else "value", index + 1
        elif state in ("key", "first key"):
            if sign != '"':
                raise cursor.refused(index, f"expected a key in double quotes and not {_word(text, index)}")
            key, index = _string(cursor, index)
            yield _scalar(key, False, mark)
            index = _space(text, index)
            if text[index : index + 1] != ":":
                raise cursor.refused(index, f"expected : after a key and not {_word(text, index)}")
            state, index = "value", index + 1
        elif sign and sign in "{[":
            yield _START[sign](None, None, True, mark, mark)
            nesting, state, index = nesting + sign, "first key" if sign == "{" else "first value", index + 1
        elif sign == '"':
            value, index = _string(cursor, index)
            yield _scalar(value, False, mark)
            state = "rest"
        else:
            literal = _LITERAL.match(text, index)
            if literal is None:
                raise cursor.refused(index, f"expected a value and not {_word(text, index)}")
            yield _scalar(literal[0], True, mark)
            state, index = "rest", literal.end()


def _space(text: str, index: int) -> int:
    match = _SPACE.match(text, index)
    assert match
    return match.end()


def _word(text: str, index: int) -> str:
    match = _WORD.match(text, index)
    return (match[0] if match else "") or "the end"


def _string(cursor: _Cursor, index: int) -> tuple[str, int]:
    match = _STRING.match(cursor.text, index)
    if match is None:
        raise cursor.refused(index, "a string that doesn't end on its line, or has a control character or wrong escape")
    return json.loads(match[0]), match.end()


def _scalar(value: str, plain: bool, mark: Any) -> ScalarEvent:
    return ScalarEvent(None, None, (plain, not plain), value, mark, mark)
