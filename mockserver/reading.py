"""A source's text → plain data, and where in the text each value stands. YAML and JSON; no idea what a fixture is.

A number of JSON and a plain (unquoted) scalar of YAML stay as they were written (`Plain`) until somebody knows which
type is due: so `password: 0123` and `name: no` keep their text. YAML is read from the stream of its events, which
doesn't recurse and makes no nodes: libyaml's, where PyYAML has it (16 times as fast), else Python's; never through a
loader, whose recursion and implicit types are the traps of house.md. Positions are found by a second reading, which
happens only where there is something to say about a value.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from mockserver.building import Builder, Flaw, Kind, Marks, Plain, Position, Unreadable
from mockserver.jsontext import fast_json, json_events

MAX_BYTES: Final = 64 * 1024 * 1024
TRUSTED_LENGTH: Final = 1024 * 1024
"""Up to this length, what libyaml refuses is read again in Python, which refuses less and explains better."""


class Document:
    """One source: its text, its data, and what is wrong with its text. `name` is None for data without a text."""

    def __init__(self, name: str | None, data: object = None, *, text: str | None = None, kind: Kind = "yaml") -> None:
        self.name = name
        self.data = data
        self.flaws: list[Flaw] = []
        self._text = text
        self._kind = kind
        self._marked: tuple[object, Marks] | None = None
        if text is not None:
            self._read(text)

    @classmethod
    def of_bytes(cls, name: str, raw: bytes, kind: Kind) -> "Document":
        try:
            return cls(name, text=raw.decode("utf-8-sig"), kind=kind)
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode("utf-8-sig", "replace")
            document = cls(name)
            document.flaws.append(Flaw(*position_in(before, len(before)), f"not UTF-8: byte 0x{raw[error.start]:02x}"))
            return document

    def _read(self, text: str) -> None:
        try:
            if self._kind == "json":
                self.data = fast_json(text)
                return
            builder = Builder(self._kind, None)
            self.data = builder.build(yaml_events_of(text, FAST))
            if not builder.flaws:
                return
        except Unreadable as error:
            if len(text) > TRUSTED_LENGTH:
                self.data, self.flaws = None, [error.flaw]
                return
        except (ValueError, RecursionError):
            pass
        self.data, self.flaws = self._mark(text)

    def _mark(self, text: str) -> tuple[object, list[Flaw]]:
        """Read with positions. What ends the text ends its data: nothing is said about the part before."""
        marks: Marks = {}
        builder = Builder(self._kind, marks)
        try:
            loader = SLOW if len(text) <= TRUSTED_LENGTH else FAST
            data = builder.build(json_events(text) if self._kind == "json" else yaml_events_of(text, loader))
        except Unreadable as error:
            data = None
            builder.flaws.append(error.flaw)
        self._marked = data, marks
        return data, builder.flaws

    def position(self, path: tuple[str | int, ...], *, at_key: bool = False) -> Position | None:
        """Where the value stands (or its key), or the nearest thing around it; None where there is no text."""
        if self._text is None:
            return None
        if self._marked is None:
            self._mark(self._text)
            assert self._marked
        data: Any = self._marked[0]
        marks = self._marked[1]
        key = value = marks.get(id(data), {}).get(None, ((1, 1), (1, 1)))[0]
        for step in path:
            found = marks.get(id(data), {}).get(step)
            if found is None:
                return value
            key, value = found
            data = data[step]
        empty = isinstance(data, Plain) and not data
        return key if at_key or empty else value


def position_in(text: str, index: int) -> Position:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


SLOW: Final[Any] = yaml.SafeLoader
FAST: Final[Any] = getattr(yaml, "CSafeLoader", SLOW)


def yaml_events_of(text: str, loader: Any) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        context = f" {error.context}" if error.context else ""
        hint = " (YAML is indented with spaces)" if "'\\t'" in str(error.problem) else ""
        raise Unreadable(line, column, f"not YAML: {error.problem}{context}{hint}") from None
    except yaml.reader.ReaderError as error:
        position = position_in(text, int(error.position)) if loader is SLOW else (1, 1)
        sign = f"U+{error.character:04X}" if isinstance(error.character, int) else str(error.character)
        raise Unreadable(*position, f"not YAML: the character {sign} is not allowed here") from None
    except ValueError as error:  # an escape such as "\U00110000"
        raise Unreadable(1, 1, f"not YAML: {error}") from None
