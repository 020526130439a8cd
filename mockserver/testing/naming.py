"""Names of keyword arguments: snake_case in Python, camelCase on the wire; and what to say of one that is unknown."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_LETTER = re.compile(r"_([a-z])")


def camel(name: str) -> str:
    """task_instance_id → taskInstanceId; a name that is camelCase already stays."""
    return _LETTER.sub(lambda match: match[1].upper(), name)


def camel_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the outermost keys only: below are values."""
    return {camel(key): value for key, value in given.items()}


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises TypeError for the first name that is not known, in either spelling."""
    names = list(known)
    spellings = {*names, *map(camel, names)}
    for name in given:
        if name not in spellings:
            near = get_close_matches(name, names, n=1)
            advice = f" (did you mean {near[0]}?)" if near else ""
            raise TypeError(f"{what} takes no {name!r}{advice}; it takes {', '.join(names)}")
