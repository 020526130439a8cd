"""Answers that break the contract on purpose: JSON pointers that remove or set, and one drawn mutation.

A drawn mutation is schema-aware: it knows at each place what the schema asks for and breaks one thing of it. That it
does is proven before anything is sent.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any, Final, Literal, get_args

from mockserver.contract.schemas import Checker
from mockserver.faults.effects import Violate

Kind = Literal["missing", "unknown", "null", "type", "enum", "range", "format"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
OTHER_TYPES: Final[dict[str, Any]] = {
    "string": "seventeen", "integer": 17, "number": 17.5, "boolean": True, "array": [], "object": {}
}  # fmt: skip
INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")
UNKNOWN: Final = "mockUnknown"
TRIES: Final = 100
SHOWN: Final = 5
"""Of more pointers the journal names the first."""
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One thing to break at one place: `value` instead of what is there, or nothing at all for `missing`."""

    kind: Kind
    path: Path
    value: Any = None

    def __str__(self) -> str:
        place = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.path)
        return f"{self.kind} {place}" if self.kind == "missing" else f"{self.kind} {place} {json.dumps(self.value)}"


def drawn(value: Any, checker: Checker, dice: Random) -> tuple[Any, str] | None:
    """A changed copy that the schema rejects, and what was changed; None if the schema rejects nothing.

    First the place is drawn, then what is broken there. The places are not listed, since there can be a million; only
    if the schema accepts whatever is done at `TRIES` of them, everything is tried.
    """
    for _ in range(TRIES):
        choices = _drawn_place(value, checker, dice)
        while choices:
            mutation = choices.pop(dice.randrange(len(choices)))
            changed = applied(value, mutation)
            if not checker.accepts(changed):
                return changed, str(mutation)
    for mutation in candidates(value, checker):
        changed = applied(value, mutation)
        if not checker.accepts(changed):
            return changed, str(mutation)
    return None


def _drawn_place(
    value: Any, checker: Checker, dice: Random, path: Path = (), missing: tuple[Mutation, ...] = ()
) -> list[Mutation]:
    """What could be broken at one place: at this one, or somewhere below, as often as there are places (`_weight`)."""
    checker = _branch(value, checker)
    schema = checker.schema
    if isinstance(schema, bool):
        return [*missing]
    weights: dict[str | int | None, int] = {None: 1} if path else {}
    if isinstance(value, dict):
        weights |= {key: _weight(item) for key, item in value.items() if key in schema.get("properties", ())}
        if _is_closed(schema):
            weights[UNKNOWN] = 1
    elif isinstance(value, list) and "items" in schema and value:
        weights[dice.randrange(len(value))] = _weight(value)
    if not weights:
        return []
    [step] = dice.choices([*weights], [*weights.values()])
    if step is None:
        return [*missing, *_of_value(value, schema, path)]
    if step == UNKNOWN:
        return [Mutation("unknown", (*path, UNKNOWN), "unknown")]
    below = (*path, step)
    part = checker.part("items") if isinstance(step, int) else checker.part("properties", step)
    required = (Mutation("missing", below),) if step in schema.get("required", ()) else ()
    return _drawn_place(value[step], part, dice, below, required)


def _weight(value: Any) -> int:
    """How many places there are in a value, roughly, and of a long list no more than of a short one: so the fields of
    whatever has the list come up as well."""
    if isinstance(value, dict):
        return 1 + len(value)
    if isinstance(value, list) and value:
        return 1 + min(len(value), 8) * _weight(value[0])
    return 1


def _is_closed(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True)) is False


def candidates(value: Any, checker: Checker, path: Path = ()) -> Iterator[Mutation]:
    """What could be broken at each place of a valid value."""
    checker = _branch(value, checker)
    schema = checker.schema
    if isinstance(schema, bool):
        return
    if path:
        yield from _of_value(value, schema, path)
    if isinstance(value, dict):
        required = schema.get("required", ())
        for key, item in value.items():
            if key in required:
                yield Mutation("missing", (*path, key))
            if key in schema.get("properties", ()):
                yield from candidates(item, checker.part("properties", key), (*path, key))
        if _is_closed(schema):
            yield Mutation("unknown", (*path, UNKNOWN), "unknown")
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from candidates(item, checker.part("items"), (*path, index))


def _branch(value: Any, checker: Checker) -> Checker:
    """Of an anyOf, the branch that the value is of; an object's rather than null's."""
    schema = checker.schema
    if isinstance(schema, Mapping) and "anyOf" in schema:
        branches = [checker.part("anyOf", index) for index in range(len(schema["anyOf"]))]
        return next((_branch(value, branch) for branch in branches if branch.accepts(value)), checker)
    return checker


def _of_value(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Mutation]:
    yield Mutation("null", path, None)
    for kind, other in OTHER_TYPES.items():
        if type(other) is not type(value) and not (kind == "number" and isinstance(value, int)):
            yield Mutation("type", path, other)
    if "enum" in schema or isinstance(schema.get("const"), str):
        yield Mutation("enum", path, "EXPLODED")
    for bound, step in (("minimum", -1), ("maximum", 1)):
        if bound in schema and isinstance(value, int | float):
            yield Mutation("range", path, schema[bound] + step)
    if isinstance(value, str) and ("format" in schema or "pattern" in schema):
        yield Mutation("format", path, "not " + value)
    if isinstance(value, bool) and "const" in schema:
        yield Mutation("enum", path, not value)


def applied(value: Any, mutation: Mutation) -> Any:
    """A copy that shares what is not on the way to the place."""
    changed = at = value.copy()
    for step in mutation.path[:-1]:
        at[step] = at = at[step].copy()
    if mutation.kind == "missing":
        del at[mutation.path[-1]]
    else:
        at[mutation.path[-1]] = mutation.value
    return changed


def violated(value: Any, effect: Violate) -> tuple[Any, str]:
    """A copy with the pointers of `remove` and `set` carried out, which shares what they do not lead through. A place
    that is not there is left alone."""
    changed = value.copy()
    ours = {id(changed): changed}
    pointers = effect.set or {} if effect.remove is None else {effect.remove: None}
    for pointer, new in pointers.items():
        at, key = _found(changed, pointer, ours)
        if at is not None and effect.remove is None:
            at[key] = new
        elif isinstance(at, list) or (at is not None and key in at):
            del at[key]
    more = f" and {len(pointers) - SHOWN} more" if len(pointers) > SHOWN else ""
    return changed, f"{'set' if effect.remove is None else 'remove'} {', '.join(islice(pointers, SHOWN))}{more}"


def _found(value: Any, pointer: str, ours: dict[int, Any]) -> tuple[Any, Any]:
    """The container that a JSON pointer's last step is in, and that step as its key or index; None without one. What
    is on the way becomes a copy of itself, once: `ours` has all copies by their ids."""
    at: Any = None
    key: str | int = ""
    for step in pointer[1:].split("/"):
        at, key = value, step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict):
            value = at.get(key)
        elif isinstance(at, list) and INDEX.fullmatch(key) and int(key) < len(at):
            key = int(key)
            value = at[key]
        else:
            return None, key
        if isinstance(value, dict | list) and id(value) not in ours:
            at[key] = value = value.copy()
            ours[id(value)] = value
    return at, key
