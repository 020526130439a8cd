"""JSON text → Python's values, stricter than the standard library: no key twice, no NaN, no number that is infinite.

And text that is too long for one piece.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from json import JSONEncoder
from math import isfinite
from typing import Any, Final

PIECE: Final = 64 * 1024
"""So much text is made in one call, about: meanwhile no other thread goes on."""
MEMBERS: Final = 500
"""Likewise of an object or a list."""


class LongText(list[str]):
    """A long text in parts. Nobody puts them together, since no other thread goes on while one call copies it all."""

    def __radd__(self, before: str) -> "LongText":
        return LongText([before + self[0], *self[1:]])

    @classmethod
    def of(cls, opening: str, texts: "Iterable[str | LongText]", closing: str) -> "LongText":
        """Of one text at least; with commas between."""
        parts = cls()
        for text in texts:
            parts.extend([text] if isinstance(text, str) else text)
            parts[-1] += ","
        parts[-1] = parts[-1][:-1] + closing
        return opening + parts


def is_longer(value: Any, most: int) -> bool:
    """Whether the JSON text of a value surely has more characters. It looks at `most` values at the most."""
    waiting = [value]
    while waiting and most >= 0:
        one = waiting.pop()
        if isinstance(one, str):
            most -= len(one)
        elif isinstance(one, dict | list):
            most -= len(one)  # before they are looked at: there can be a million
            if most >= 0:
                waiting += [*one, *one.values()] if isinstance(one, dict) else one
        most -= 1
    return most < 0


def in_pieces(value: Any, comma: str = ", ", colon: str = ": ") -> Iterator[str]:
    """JSON text, of which no call makes much. Raises ValueError and TypeError for what is none."""
    text = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(comma, colon)).encode
    if not (isinstance(value, dict | list) and is_longer(value, PIECE)):
        yield text(value)
        return
    is_object, before = isinstance(value, dict), ""
    members: Iterator[Any] = iter(value.items()) if isinstance(value, dict) else iter(value)
    yield "{" if is_object else "["
    while part := list(islice(members, MEMBERS)):
        some: Any = dict(part) if is_object else part
        if not is_longer(some, PIECE):
            yield before + text(some)[1:-1]
            before = comma
            continue
        for one in part:
            key, item = (text(one[0]) + colon, one[1]) if is_object else ("", one)
            yield before + key
            yield from in_pieces(item, comma, colon)
            before = comma
    yield "}" if is_object else "]"


def strict_json(text: str) -> Any:
    """Raises ValueError, with what is wrong in words, and RecursionError for text that is nested too deeply."""
    data = json.loads(text, parse_float=finite, parse_constant=_refused, object_pairs_hook=_object)
    try:
        for piece in in_pieces(data) if "\\u" in text else [text]:
            piece.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(error.object[error.start]):04X}"
        raise ValueError(f"it has half of a surrogate pair, {half}, which is no character") from None
    return data


def finite(text: str) -> float:
    """Raises ValueError for a number such as 1e999, which could not be written again."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text} is too large")
    return number


def repeated_key(pairs: Sequence[tuple[str, object]]) -> str | None:
    """The first key of an object that an earlier one equals; None if each is there once. In one pass: 1 MB of JSON
    can have 100,000 keys."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


def _refused(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError(f"the key {repeated_key(pairs)!r} is given twice")
    return data
