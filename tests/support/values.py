"""Values made from a schema, seeded: valid ones, and the same with one thing wrong. For our subset of the keywords."""

import copy
import random
from typing import Any, Final

from mockserver.contract.proof.parts import regex
from mockserver.contract.schemas import Checker

STRINGS: Final = ["", "x", "READY", "Überprüfung", '"quoted"\\', "line\nbreak", "\u2028", "100%s", "a" * 40, "😀"]
SAMPLES: Final = [
    *("0", "5s", "250ms", "1.5h", "never", "fault-1", "a", "A.b_c-9", "0123456789abcdef", "ffffffffffffffff"),
    *("9007199254740993", "-9007199254740993"),
    *(
        "2021-08-25T15:10:13+08:00",
        "2021-08-25T15:10:13.121+08:00",
        "2021-08-25T07:10:13Z",
        "0999-01-01T00:00:00-18:00",
    ),
]
"""For a pattern or a format: those that match are taken."""
STRANGE: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 0.0, 1.0, 1.5, -0.5, 200, 404, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 1e300, 10**30),
    *("", "x", "abc\n", "5s\n", "0123456789abcdef\n", "0123456789ABCDEF", "EXPLODED", "ready", "y" * 5000, "\u0661s"),
    *("2021-02-30T00:00:00+08:00", "2021-08-25T15:10:13.100+08:00", "2021-08-25T15:10:13.000+08:00"),
    *("2021-08-25T15:10:13+00:00", "2021-08-25 15:10:13+08:00", "2021-08-25T15:10:13.1+08:00", "2021-08-25T15:10:13"),
    *([], [None], [1, "x"], {}, {"a": {"b": [1.5]}}, [[]]),
]


def valid(checker: Checker, dice: random.Random) -> Any:
    schema = checker.schema
    if isinstance(schema, bool) or not schema.keys() & {"anyOf", "oneOf", "const", "enum", "type", "properties"}:
        return copy.deepcopy(dice.choice(STRANGE))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return valid(checker.part(keyword, dice.randrange(len(schema[keyword]))), dice)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return dice.choice(schema["enum"])
    kinds = schema.get("type", "object")
    match kinds if isinstance(kinds, str) else dice.choice(kinds):
        case "null":
            return None
        case "boolean":
            return dice.random() < 0.5
        case "integer":
            low, high = schema.get("minimum", -(2**70)), schema.get("maximum", 2**70)
            number = dice.choice([low, high, dice.randint(low, high), min(max(1, low), high)])
            return float(number) if abs(number) < 2**50 and dice.random() < 0.1 else number
        case "number":
            low, high = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
            return dice.choice([low, high, dice.uniform(low, high), min(max(1, low), high)])
        case "string":
            return string(schema, dice)
        case "array":
            count = dice.randint(schema.get("minItems", 0), min(schema.get("maxItems", 3), 3))
            items = checker.part("items") if "items" in schema else None
            return [valid(items, dice) if items else dice.choice(STRANGE) for _ in range(count)]
    return mapping(checker, schema, dice)


def string(schema: Any, dice: random.Random) -> str:
    if "pattern" in schema or schema.get("format") == "date-time":
        pattern = regex(schema.get("pattern", "^[0-9]{4}-.*T"))
        return dice.choice([text for text in SAMPLES if pattern.search(text)])
    text = dice.choice(STRINGS)
    return text.ljust(schema.get("minLength", 0), "z")[: schema.get("maxLength")]


def mapping(checker: Checker, schema: Any, dice: random.Random) -> dict[str, Any]:
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    chance = dice.random()
    value = {
        key: valid(checker.part("properties", key), dice)
        for key in properties
        if key in required or dice.random() < chance
    }
    if isinstance(schema.get("additionalProperties"), dict) and dice.random() < 0.5:
        value["another"] = valid(checker.part("additionalProperties"), dice)
    return value


def with_one_change(value: Any, dice: random.Random) -> Any:
    """The same but for one place, which may be the whole. Often wrong, not always."""
    value = copy.deepcopy(value)
    places: list[tuple[tuple[Any, ...], Any]] = [((), value)]
    for path, item in places:
        members = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        places += [((*path, step), member) for step, member in members]
    path, item = dice.choice(places)
    new = changed(item, dice)
    if not path:
        return new
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = new
    return value


def changed(item: Any, dice: random.Random) -> Any:
    choices = [dice.choice(STRANGE)]
    if isinstance(item, dict):
        choices += [item | {dice.choice(["extra", "", "ID", "data"]): dice.choice(STRANGE)}] * 2
        if item:
            gone = dice.choice(list(item))
            less = {key: member for key, member in item.items() if key != gone}
            choices += [less, less, less | {f"{gone}s": item[gone]}]
    elif isinstance(item, list):
        choices += [item[:-1], item + item, [*item, dice.choice(STRANGE)]]
    elif isinstance(item, bool):
        choices += [int(item), str(item)]
    elif isinstance(item, int):
        choices += [float(item) if abs(item) < 2**1000 else None, item + 1, item - 1, str(item), bool(item), -item]
    elif isinstance(item, str):
        choices += [item + "\n", item + "x", item.lower(), item[:-1], [item]]
    return copy.deepcopy(dice.choice(choices))
