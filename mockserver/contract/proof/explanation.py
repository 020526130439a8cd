"""What is wrong with a value: jsonschema's errors as facts, and the sentence that tells a reader."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, Literal, NamedTuple

from jsonschema.exceptions import ValidationError

from mockserver.contract.proof.parts import regex

PATTERNS: Final = {
    "[-+]?[0-9]": "an integer",
    "[0-9]{4}-": "an instant such as 2021-08-25T15:09:31+08:00",
    "never|": "a duration such as 250ms, 4s, 2m, 1h, never or a number of seconds",
    "(ms|s|m|h)": "a duration such as 250ms, 4s, 2m, 1h or a number of seconds",
}
"""What the patterns of our schemas mean that have this in them."""

Kind = Literal[
    "unknown", "missing", "type", "enum", "const", "branch", "pattern", "less", "more", "short", "long", "other"
]
SENTENCES: Final[dict[Kind, str]] = {
    "unknown": "unknown key {value}{guess}",
    "missing": "the key {wanted} is missing",
    "type": "{value} is not {wanted}",
    "enum": "{value} is not one of {wanted}{guess}",
    "const": "{value} is not {wanted}",
    "branch": "{value} is none of {wanted}{guess}",
    "pattern": "{value} {wanted}",
    "less": "{value} is less than the least, {wanted}",
    "more": "{value} is more than the most, {wanted}",
    "short": "{value} is shorter than {wanted}",
    "long": "{value} is longer than {wanted}",
    "other": "{wanted}",
}
BOUNDS: Final[dict[str, Kind]] = {
    "minimum": "less", "maximum": "more",
    "minLength": "short", "minItems": "short", "maxLength": "long", "maxItems": "long",
}  # fmt: skip


class Finding(NamedTuple):
    """One thing that is wrong with a JSON value, at `path` inside it."""

    path: tuple[str | int, ...]
    kind: Kind
    value: object
    """What stands there; of an unknown key the key."""
    wanted: tuple[str, ...]
    """What could stand there: types, words, a bound; of a missing key the key."""
    meant: str | None = None
    """What is wanted or known and resembles the value."""

    @property
    def sentence(self) -> str:
        guess = f" (did you mean {self.meant}?)" if self.meant else ""
        wanted = (" or " if self.kind == "type" else ", ").join(self.wanted)
        return SENTENCES[self.kind].format(value=shown(self.value), wanted=wanted, guess=guess)


def explained(error: ValidationError) -> Iterator[Finding]:
    """One finding a key, with a guess at what was meant; of branches that of the one that was nearest."""
    path = tuple(error.absolute_path)
    value: Any = error.instance
    schema: Any = error.schema
    wanted: Any = error.validator_value
    match error.validator:
        case "additionalProperties" | "unevaluatedProperties":
            known = list(schema.get("properties", ()))
            free = [regex(pattern) for pattern in schema.get("patternProperties", ())]
            for key in value:
                if key not in known and not any(pattern.search(key) for pattern in free):
                    yield Finding((*path, key), "unknown", key, (), resembling(key, known))
        case "required":
            for key in wanted:
                if key not in value and error.message.startswith(repr(key)):  # jsonschema has an error for each
                    yield Finding(path, "missing", value, (key,))
        case "anyOf" | "oneOf" if error.context:
            yield from _nearest_branch(error, path)
        case "type":
            yield Finding(path, "type", value, _kinds(error))
        case "enum":
            words = [shown(item) if item is None else str(item) for item in wanted]
            yield Finding(path, "enum", value, tuple(words), resembling(value, words))
        case "const":
            yield Finding(path, "const", value, (shown(wanted),))
        case "format":
            yield Finding(path, "pattern", value, (f"is not a {wanted} such as 2021-08-25T15:09:31+08:00",))
        case "pattern":
            meant = [f"is not {words}" for part, words in PATTERNS.items() if part in wanted]
            yield Finding(path, "pattern", value, ([*meant, f"does not match {wanted}"][0],))
        case bound if bound in BOUNDS:
            yield Finding(path, BOUNDS[bound], value, (str(wanted),))
        case _:
            yield Finding(path, "other", value, ("nothing is allowed here" if schema is False else error.message,))


def _nearest_branch(error: ValidationError, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """That of the value's type, if there is only one; else all that could stand there."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    near = [inner for inner in branches.values() if inner[0].validator != "type" or inner[0].relative_path]
    if len(near) == 1:
        for inner in near[0]:
            yield from explained(inner)
        return
    inners = [inner for branch in branches.values() for inner in branch]
    allowed: list[Any] = [inner.validator_value for inner in inners if inner.validator == "enum"]
    enums = [str(item) for items in allowed for item in items]
    types = [kind for inner in inners if inner.validator == "type" for kind in _kinds(inner)]
    wanted = tuple(dict.fromkeys([*enums, *types]))
    yield Finding(path, "branch", error.instance, wanted, resembling(error.instance, enums))


def _kinds(error: ValidationError) -> tuple[str, ...]:
    kinds: Any = error.validator_value
    names = {"null": "null", "object": "a mapping", "array": "a list", "integer": "an integer"}
    return tuple(names.get(kind, f"a {kind}") for kind in ([kinds] if isinstance(kinds, str) else kinds))


def shown(value: object) -> str:
    """A value as JSON, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def resembling(word: object, known: list[str]) -> str | None:
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(str(word).casefold(), by_fold, n=1, cutoff=0.7)
    return by_fold[close[0]] if close else None
