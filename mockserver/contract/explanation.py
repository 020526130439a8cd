"""What is wrong with a value, in plain words: jsonschema's errors as problems a reader can act on."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from mockserver.contract.errors import Problem

PATTERNS: Final = {
    "[0-9]{4}-": "an instant such as 2021-08-25T15:09:31+08:00",
    "never|": "a duration such as 250ms, 4s, 2m, 1h, never or a number of seconds",
    "(ms|s|m|h)": "a duration such as 250ms, 4s, 2m, 1h or a number of seconds",
}
"""What the patterns of our schemas mean that have this in them."""


def explained(error: ValidationError) -> Iterator[Problem]:
    """What a reader can act on: one problem a key, a guess at what was meant, and the branch that was nearest."""
    path = tuple(error.absolute_path)
    value: Any = error.instance
    schema: Any = error.schema
    wanted: Any = error.validator_value
    match error.validator:
        case "additionalProperties" | "unevaluatedProperties":
            known = list(schema.get("properties", ()))
            for key in value:
                if key not in known:
                    yield Problem((*path, key), f"unknown key {shown(key)}{did_you_mean(key, known)}")
        case "required":
            for key in wanted:
                if key not in value and error.message.startswith(repr(key)):
                    yield Problem(path, f"the key {key} is missing")
        case "anyOf" | "oneOf" if error.context:
            branches: dict[object, list[ValidationError]] = {}
            for inner in error.context:
                branches.setdefault(inner.relative_schema_path[0], []).append(inner)
            near = [inner for inner in branches.values() if inner[0].validator != "type" or inner[0].relative_path]
            if len(near) == 1:
                for inner in near[0]:
                    yield from explained(inner)
            else:
                types = [kind for inner in error.context if inner.validator == "type" for kind in _kinds(inner)]
                allowed: list[Any] = [inner.validator_value for inner in error.context if inner.validator == "enum"]
                enums = [str(item) for items in allowed for item in items]
                wanted_words = list(dict.fromkeys([*enums, *types]))
                yield Problem(path, f"{shown(value)} is none of {', '.join(wanted_words)}{did_you_mean(value, enums)}")
        case "type":
            yield Problem(path, f"{shown(value)} is not {' or '.join(_kinds(error))}")
        case "enum":
            words = [shown(item) if item is None else str(item) for item in wanted]
            yield Problem(path, f"{shown(value)} is not one of {', '.join(words)}{did_you_mean(value, words)}")
        case "const":
            yield Problem(path, f"{shown(value)} is not {shown(wanted)}")
        case "format":
            yield Problem(path, f"{shown(value)} is not a {wanted} such as 2021-08-25T15:09:31+08:00")
        case "pattern":
            meant = [f"is not {words}" for part, words in PATTERNS.items() if part in wanted]
            yield Problem(path, f"{shown(value)} {[*meant, f'does not match {wanted}'][0]}")
        case "minimum" | "maximum":
            side = "less than the least" if error.validator == "minimum" else "more than the most"
            yield Problem(path, f"{shown(value)} is {side}, {wanted}")
        case "minLength" | "minItems":
            yield Problem(path, f"{shown(value)} is shorter than {wanted}")
        case "maxLength" | "maxItems":
            yield Problem(path, f"{shown(value)} is longer than {wanted}")
        case _:
            yield Problem(path, "nothing is allowed here" if schema is False else error.message)


def _kinds(error: ValidationError) -> list[str]:
    kinds: Any = error.validator_value
    names = {"null": "null", "object": "a mapping", "array": "a list", "integer": "an integer"}
    return [names.get(kind, f"a {kind}") for kind in ([kinds] if isinstance(kinds, str) else kinds)]


def shown(value: object) -> str:
    """A value as JSON, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def did_you_mean(word: object, known: list[str]) -> str:
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(str(word).casefold(), by_fold, n=1, cutoff=0.7)
    return f" (did you mean {by_fold[close[0]]}?)" if close else ""
