"""Scalars as written → the types that a schema wants, part by part; only then can the contract judge the data.

Where a string is due a number keeps its text; where a boolean, an integer or null is due, plain text that spells one
becomes it. What no schema could describe (half of a surrogate pair, a key that is no string, a value that JSON does not
have) becomes `Unfit`, which no schema accepts.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from math import isfinite
from typing import Any, Final

from mockserver.building import MAX_DEPTH, NULLS, Plain
from mockserver.contract import schema_files
from mockserver.errors import Problem

Shape = Callable[[Any], Any]
_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_LONGEST_NUMBER: Final = 30
_EVERY_KIND: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


class Unfit:
    """A value that can't be part of a fixture, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def unfit(data: object, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Every such value in shaped data."""
    if isinstance(data, Unfit):
        yield Problem(path, data.reason)
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from unfit(item, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from unfit(item, (*path, index))


@cache
def shape(uri: str) -> Shape:
    """What gives data the types that a schema wants. `uri` is a file's name, with or without a fragment."""
    name, _, pointer = uri.partition("#")
    schema: Any = schema_files()[name.removesuffix(".schema.json")]
    for step in filter(None, pointer.split("/")):
        schema = schema[step]
    return _compiled(schema, name)


def _compiled(schema: Mapping[str, Any], file: str) -> Shape:
    if "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        return shape(f"{name or file}#{pointer}")
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        kinds = frozenset(kind for branch in branches for kind in _kinds(branch, file))
        collections = [branch for branch in branches if _kinds(branch, file) & {"array", "object"}]
        collection = _compiled(collections[0], file) if len(collections) == 1 else free
        return _shaper(kinds, collection=collection)
    properties = {key: _compiled(part, file) for key, part in schema.get("properties", {}).items()}
    closing = schema.get("additionalProperties", True)
    rest = _compiled(closing, file) if isinstance(closing, Mapping) and closing else None
    items = _compiled(schema["items"], file) if "items" in schema else None
    return _shaper(_kinds(schema, file), properties=properties, rest=rest, items=items)


def _kinds(schema: Mapping[str, Any], file: str) -> frozenset[str]:
    if "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        target: Any = schema_files()[(name or file).removesuffix(".schema.json")]
        for step in filter(None, pointer.split("/")):
            target = target[step]
        return _kinds(target, name or file)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return frozenset(kind for branch in branches for kind in _kinds(branch, file))
    kinds = schema.get("type")
    if kinds is not None:
        return frozenset([kinds] if isinstance(kinds, str) else kinds)
    return frozenset({"string"}) if all(isinstance(word, str) for word in schema.get("enum", [0])) else _EVERY_KIND


def _shaper(
    kinds: frozenset[str],
    *,
    collection: Shape | None = None,
    properties: Mapping[str, Shape] | None = None,
    rest: Shape | None = None,
    items: Shape | None = None,
) -> Shape:
    properties, rest, items = properties or {}, rest or free, items or free

    def shaped(value: Any) -> Any:
        kind = type(value)
        if kind is Plain:
            return _typed(value, kinds)
        if kind is str:
            return value if value.isascii() else _sound(value)
        if kind is dict or kind is list:
            if collection is not None:
                return collection(value)
            if kind is list:
                return [items(item) for item in value]
            return _mapping(value, properties, rest)
        return _other(value, kinds, shaped)

    return shaped


def _mapping(value: dict[Any, Any], properties: Mapping[str, Shape], rest: Shape) -> dict[str, Any]:
    data = {}
    for key, item in value.items():
        if type(key) is str and (key.isascii() or isinstance(_sound(key), str)):
            data[key] = properties.get(key, rest)(item)
        else:
            data[_shown_key(key)] = Unfit("the key is not a string, or not a sound one")
    return data


def _typed(text: Plain, kinds: frozenset[str]) -> Any:
    """A scalar as written → the first of these that its schema allows and its text spells."""
    if text in NULLS:
        return None
    if "string" in kinds and not kinds & {"boolean", "integer", "number"}:
        return str(text) if text.isascii() else _sound(str(text))
    if "integer" in kinds or "number" in kinds:
        if _INTEGER.fullmatch(text):
            return int(text[:_LONGEST_NUMBER])
        if _FLOAT.fullmatch(text):
            return _number(float(text), kinds)
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text):
        return int(text[:_LONGEST_NUMBER])
    if _FLOAT.fullmatch(text):
        return _number(float(text), kinds)
    return str(text) if text.isascii() else _sound(str(text))


def _number(value: float, kinds: frozenset[str]) -> Any:
    if not isfinite(value):
        return Unfit("the number is too large")
    return int(value) if "integer" in kinds and "number" not in kinds and value.is_integer() else value


def _other(value: Any, kinds: frozenset[str], shaped: Shape) -> Any:
    """A value of Python's that no text has: from a dict that a test wrote."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int(value) if value.bit_length() <= 99 else (1 << 99) * (-1 if value < 0 else 1)
        return str(number) if "string" in kinds and not kinds & {"integer", "number"} else number
    if isinstance(value, float):
        return str(value) if kinds == {"string"} and isfinite(value) else _number(float(value), kinds)
    if isinstance(value, str):
        return shaped(str(value))
    if isinstance(value, Mapping):
        return shaped(dict(value))
    if isinstance(value, tuple):
        return shaped(list(value))
    return Unfit(f"a {type(value).__name__} is not a value of JSON")


def _sound(text: str) -> str | Unfit:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return Unfit(f"it has half of a surrogate pair, U+{ord(text[error.start]):04X}, which is no character")
    return text


def _shown_key(key: object) -> str:
    return str(key).encode("ascii", "backslashreplace").decode()[:60]


def free(value: Any, depth: int = 0) -> Any:
    """Data of no schema: each scalar what its text spells."""
    kind = type(value)
    if kind is Plain:
        return _typed(value, _EVERY_KIND)
    if kind is str:
        return value if value.isascii() else _sound(value)
    if depth >= MAX_DEPTH:
        return Unfit(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return _mapping(dict(value), {}, partial(free, depth=depth + 1))
    if isinstance(value, list | tuple):
        return [free(item, depth + 1) for item in value]
    return _other(value, _EVERY_KIND, free)
