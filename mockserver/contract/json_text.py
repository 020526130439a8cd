"""JSON text → Python's values, stricter than the standard library: no key twice, no NaN, no number that is infinite.

And text that is too long for one piece.
"""

import json
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any


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


def strict_json(text: str) -> Any:
    """Raises ValueError, with what is wrong in words, and RecursionError for text that is nested too deeply."""
    data = json.loads(text, parse_float=finite, parse_constant=_refused, object_pairs_hook=_object)
    try:
        (json.dumps(data, ensure_ascii=False) if "\\u" in text else text).encode()
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
