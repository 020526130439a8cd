"""Values → Python source that gives them back: short ones in a line, long ones with a line for each member.

pprint would align members to their bracket: a world drifts to the right, and in the repository that keeps the test a
longer name would change every line below it.
"""

from collections.abc import Iterator
from typing import Any, Final

WIDTH: Final = 100
STEP: Final = 4


def literal(value: Any, column: int = 0, indent: int = 0) -> str:
    """A literal of JSON's values (and bytes). It begins at `column`, and its lines are indented by `indent`."""
    line = in_a_line(value)
    if column + len(line) <= WIDTH:
        return line
    inner = indent + STEP
    if isinstance(value, dict) and value:
        keys = [f"{in_a_line(key)}: " for key in value]
        members = [key + literal(one, inner + len(key), inner) for key, one in zip(keys, value.values(), strict=True)]
        return _lines("{", members, "}", indent)
    if isinstance(value, list) and value:
        return _lines("[", [literal(one, inner, inner) for one in value], "]", indent)
    if isinstance(value, str) and "\n" in value[:-1]:
        pad = "\n" + " " * inner
        return "(" + "".join(pad + in_a_line(part) for part in _parts(value)) + "\n" + " " * indent + ")"
    return line


def call(name: str, arguments: list[tuple[str, str]], indent: int) -> str:
    """A call whose arguments are source already, each with its name or with `""`."""
    written = [f"{key}={value}" if key else value for key, value in arguments]
    line = f"{name}({', '.join(written)})"
    if "\n" not in line and indent + len(line) <= WIDTH:
        return line
    return _lines(f"{name}(", written, ")", indent)


def in_a_line(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_a_line(key)}: {in_a_line(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_a_line, value)) + "]"
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and '"' not in text else text


def _lines(opening: str, members: list[str], closing: str, indent: int) -> str:
    pad = "\n" + " " * (indent + STEP)
    return opening + "".join(f"{pad}{member}," for member in members) + "\n" + " " * indent + closing


def _parts(text: str) -> Iterator[str]:
    """Up to and with each line break."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
