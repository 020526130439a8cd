"""Proof by parts: a schema compiled to functions that prove a value and write its JSON text in one pass.

No keyword here ties one property of an object to another, so an object is proven by its set of keys and by each
property on its own. A schema with any other keyword is refused, not half checked.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from json.encoder import encode_basestring as string
from typing import Any, Final

from mockserver.contract.json_text import LongText, in_pieces
from mockserver.times import WireInstant, is_wire_instant

MEMO_LIMIT: Final = 4096

Write = Callable[[Any], str | LongText]
"""Proves a value of one Python type and returns its JSON text, or raises Wrong or KeyError."""
MANY: Final = 1000
LONG: Final = 2**20
"""The text of an array with more items, or with so many characters, stays in parts; so does what is around it."""
Table = dict[type, Write]
"""From the exact Python type of a value to what proves it."""

ANNOTATIONS: Final = frozenset(
    {"$id", "$schema", "$comment", "$defs", "title", "description", "default", "examples", "deprecated"}
)
KEYWORDS: Final = frozenset(
    {"type", "enum", "const", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "items"}
    | {"minItems", "maxItems", "properties", "patternProperties", "required", "additionalProperties"}
    | {"unevaluatedProperties", "anyOf", "oneOf"}
)


class Wrong(Exception):
    """A part does not fit. What is wrong with the whole, the judge says."""


_STRINGS: Final = (str, WireInstant)
_SCALARS: Final = {"null": type(None), "boolean": bool, "integer": int, "number": int, "string": str}


@cache
def regex(pattern: str) -> re.Pattern[str]:
    """As ECMA 262 means it, which JSON Schema goes by: digits are ASCII, and `$` is the end (Python's is also before a
    last line break). Raises ValueError for a `$` elsewhere, which only a parser could tell from a plain sign."""
    stem = pattern.removesuffix("$")
    if "$" in stem or stem.endswith("\\"):
        raise ValueError(f"the pattern {pattern}: $ only stands at its end")
    return re.compile(pattern if stem == pattern else stem + r"\Z", re.ASCII)


def anything(value: object) -> str | LongText:
    try:
        texts = LongText(in_pieces(value))
    except (TypeError, ValueError):
        raise Wrong from None
    return texts if len(texts) > 1 else texts[0]


ANYTHING: Final[Table] = dict.fromkeys((type(None), bool, int, float, str, WireInstant, list, tuple, dict), anything)


class _Instants(dict[str, str]):
    """Texts of the format `date-time` proven so far, for every schema, with their JSON text; bounded."""

    def __missing__(self, value: str) -> str:
        if not is_wire_instant(value):
            raise Wrong
        if len(self) >= MEMO_LIMIT:
            self.clear()
        text = self[value] = f'"{value}"'
        return text


INSTANTS: Final = _Instants()


def _quoted(value: WireInstant) -> str:
    """It has no sign that JSON would escape."""
    return f'"{value}"'


class Parts:
    """How each keyword of one schema is proven. `part` gives the table of a subschema, by the steps that lead to it."""

    def __init__(self, name: str, part: Callable[..., Table]) -> None:
        self._name = name
        self._part = part

    def table(self, schema: Mapping[str, Any] | bool) -> Table:
        if isinstance(schema, bool) or not schema.keys() - ANNOTATIONS:
            return {} if schema is False else dict(ANYTHING)
        unknown = schema.keys() - ANNOTATIONS - KEYWORDS
        if unknown:
            raise ValueError(f"{self._name}: {', '.join(sorted(unknown))} cannot be proven by parts")
        if "anyOf" in schema or "oneOf" in schema:
            return self._branches(schema)
        if "const" in schema or "enum" in schema:
            return self._values(schema)
        types = schema.get("type", ["null", "boolean", "integer", "number", "string", "array", "object"])
        table: Table = {}
        for kind in [types] if isinstance(types, str) else types:
            table.update(getattr(self, f"_{kind}")(schema, table))
        return table

    def _values(self, schema: Mapping[str, Any]) -> Table:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        others = schema.keys() - ANNOTATIONS - {"const", "enum", "type"}
        types = schema.get("type", list(_SCALARS))
        allowed = [_SCALARS.get(kind) for kind in ([types] if isinstance(types, str) else types)]
        if others or not all(type(value) in allowed for value in values):
            raise ValueError(f"{self._name}: a const or enum of strings, integers, booleans, null; nothing beside it")
        by_type: dict[type, dict[Any, str]] = {}
        for value in values:
            by_type.setdefault(type(value), {})[value] = json.dumps(value)
        if int in by_type:
            by_type[float] = by_type[int]  # 200.0 is 200 in JSON
        if str in by_type:
            by_type[WireInstant] = by_type[str]
        return {kind: texts.__getitem__ for kind, texts in by_type.items()}

    def _branches(self, schema: Mapping[str, Any]) -> Table:
        keyword = "anyOf" if "anyOf" in schema else "oneOf"
        if schema.keys() - ANNOTATIONS - {keyword}:
            raise ValueError(f"{self._name}: {keyword} with something beside it cannot be proven by parts")
        branches = [self._part(keyword, n) for n in range(len(schema[keyword]))]
        table: Table = {}
        for kind in {kind for branch in branches for kind in branch}:
            writers = [branch[kind] for branch in branches if kind in branch]
            table[kind] = writers[0] if len(writers) == 1 else _any_of(writers, exactly_one=keyword == "oneOf")
        return table

    def _null(self, schema: Mapping[str, Any], table: Table) -> Table:
        return {type(None): lambda _: "null"}

    def _boolean(self, schema: Mapping[str, Any], table: Table) -> Table:
        return {bool: lambda value: "true" if value else "false"}

    def _integer(self, schema: Mapping[str, Any], table: Table) -> Table:
        if int in table:  # a number already
            return {}
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))

        def integer(value: int) -> str:
            if low <= value <= high:
                return str(value)
            raise Wrong

        def whole(value: float) -> str:
            if value.is_integer() and low <= value <= high:
                return repr(value)
            raise Wrong

        return {int: integer, float: whole}

    def _number(self, schema: Mapping[str, Any], table: Table) -> Table:
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))

        def number(value: float) -> str:
            if low <= value <= high and abs(value) != float("inf"):
                return repr(value)
            raise Wrong

        return {int: number, float: number}

    def _string(self, schema: Mapping[str, Any], table: Table) -> Table:
        shortest, longest = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
        pattern = regex(schema["pattern"]) if "pattern" in schema else None
        dated = schema.get("format") == "date-time"
        if not (shortest or "maxLength" in schema or pattern):
            return {str: INSTANTS.__getitem__, WireInstant: _quoted} if dated else dict.fromkeys(_STRINGS, string)

        def proof(value: str) -> str:
            if not shortest <= len(value) <= longest:
                raise Wrong
            if pattern and not pattern.search(value):
                raise Wrong
            return INSTANTS[value] if dated else string(value)

        return dict.fromkeys(_STRINGS, proof)

    def _array(self, schema: Mapping[str, Any], table: Table) -> Table:
        items = self._part("items") if "items" in schema else dict(ANYTHING)
        least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))

        def array(value: list[Any] | tuple[Any, ...]) -> str | LongText:
            if not least <= len(value) <= most:
                raise Wrong
            texts = [items[type(item)](item) for item in value]
            if len(texts) > MANY:
                texts = [_joined("", texts[start : start + MANY], "") for start in range(0, len(texts), MANY)]
            elif sum(map(len, texts)) <= LONG:
                return _joined("[", texts, "]")
            return LongText.of("[", texts, "]")

        return {list: array, tuple: array}

    def _object(self, schema: Mapping[str, Any], table: Table) -> Table:
        properties = {key: (f"{string(key)}:", self._part("properties", key)) for key in schema.get("properties", ())}
        required = frozenset(schema.get("required", ()))
        closing = "additionalProperties" if "additionalProperties" in schema else "unevaluatedProperties"
        rest = self._part(closing) if closing in schema else ANYTHING
        patterns = [(regex(key), self._part("patternProperties", key)) for key in schema.get("patternProperties", ())]
        if len(patterns) > 1 or any(pattern.search(key) for pattern, _ in patterns for key in properties):
            raise ValueError(f"{self._name}: a key that two subschemas are about cannot be proven by parts")

        def others(key: str) -> Table:
            return next((table for pattern, table in patterns if pattern.search(key)), rest)

        def write(value: dict[str, Any]) -> str | LongText:
            if not required <= value.keys():
                raise Wrong
            texts = []
            for key, item in value.items():
                known = properties.get(key)
                if known is None:
                    texts.append(string(key) + ":" + others(key)[type(item)](item))
                else:
                    texts.append(known[0] + known[1][type(item)](item))
            return _joined("{", texts, "}")

        return {dict: write}


def _joined(opening: str, texts: list[Any], closing: str) -> str | LongText:
    try:
        return f"{opening}{','.join(texts)}{closing}"
    except TypeError:  # one of them is long
        return LongText.of(opening, texts, closing)


def _any_of(writers: list[Write], *, exactly_one: bool) -> Write:
    def write(value: object) -> str | LongText:
        texts = []
        for writer in writers:
            try:
                texts.append(writer(value))
            except (Wrong, KeyError):
                continue
            if not exactly_one:
                break
        if not texts or (exactly_one and len(texts) > 1):
            raise Wrong
        return texts[0]

    return write
