"""Events → plain data: the part of reading that YAML and JSON share, with its limits.

What is wrong but can be read past becomes a flaw; the rest ends the text. Aliases and merge keys are understood, and
what they stand for is counted, since 330 bytes of them can be 52 MB.
"""

import re
from collections.abc import Iterable
from sys import intern
from typing import Any, Final, Literal, NamedTuple

from yaml import events as yaml_events

MAX_DEPTH: Final = 64
MAX_ALIASED: Final = 5_000_000
"""How many values all aliases of a file together may stand for (a long text counts as several)."""

Kind = Literal["yaml", "json"]
Position = tuple[int, int]
"""Line and column, from 1."""


class Plain(str):
    """A scalar as it was written, whose type is not known yet."""

    __slots__ = ()


NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
JSON_WORDS: Final = {"true": True, "false": False, "null": None}


class Flaw(NamedTuple):
    """What is wrong with a text as YAML or JSON."""

    line: int
    column: int
    message: str


class Unreadable(Exception):
    """The text ends here, as far as we can read it."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.flaw = Flaw(line, column, message)
        super().__init__(message)


Marks = dict[int, dict[str | int | None, tuple[Position, Position]]]
"""By the id() of a container: of each of its members the position of the key and that of the value."""


_TAG = "tag:yaml.org,2002:"
_STRING_TAGS = frozenset({"!", _TAG + "str"})
_PLAIN_TAGS = frozenset({_TAG + kind for kind in ("int", "float", "bool", "null")})
_COLLECTION_TAGS = frozenset({None, "!", _TAG + "map", _TAG + "seq"})
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class _Frame:
    """A container that is being filled."""

    __slots__ = ("anchor", "container", "key", "key_at", "mapping", "marks", "merges", "size_before")

    def __init__(self, mapping: bool, anchor: str | None, size: int) -> None:
        self.container: Any = {} if mapping else []
        self.mapping = mapping
        self.anchor = anchor
        self.size_before = size
        self.key: str | None = None
        self.key_at: Position = (0, 0)
        self.merges: list[tuple[Any, Position]] = []
        """What `<<` stands for, complete only when the mapping ends."""
        self.marks: dict[str | int | None, tuple[Position, Position]] | None = None


_MERGE = intern("<<")
_DROPPED = intern("\0dropped")
"""Stands for a key that is none: its value is read and thrown away."""


class Builder:
    """Data from events. What is wrong but can be read past is in `flaws`; the rest raises Unreadable."""

    def __init__(self, kind: Kind, marks: Marks | None) -> None:
        self.flaws: list[Flaw] = []
        self._json = kind == "json"
        self._marks = marks
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._open: set[str] = set()
        self._size = 0
        self._aliased = 0
        self._data: object = None

    def build(self, events: Iterable[Any]) -> object:
        documents = 0
        for event in events:
            kind = type(event)
            if kind is yaml_events.ScalarEvent:
                self._scalar(event)
            elif kind is yaml_events.MappingStartEvent or kind is yaml_events.SequenceStartEvent:
                self._start(event, kind is yaml_events.MappingStartEvent)
            elif kind is yaml_events.MappingEndEvent or kind is yaml_events.SequenceEndEvent:
                self._end(event)
            elif kind is yaml_events.AliasEvent:
                self._alias(event)
            elif kind is yaml_events.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise Unreadable(*_at(event), "a second document: one file is one fixture")
        return self._data

    def _flaw(self, event: Any, message: str) -> None:
        self.flaws.append(Flaw(*_at(event), message))

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        value: object
        tag = event.tag
        if event.implicit[0] and tag is None:
            value = JSON_WORDS.get(text, Plain(text)) if self._json and text in JSON_WORDS else Plain(text)
        elif tag in _PLAIN_TAGS:
            value = Plain(text)
        else:
            if tag is not None and tag not in _STRING_TAGS:
                self._flaw(event, f"a tag is not allowed: {_shown_tag(tag)}")
            value = text if text.isascii() or self._json else _SURROGATES.sub(_joined, text)
        self._size += 1 + (len(text) >> 6)
        if not self._json and event.anchor is not None:
            self._anchors[event.anchor] = value, 1 + (len(text) >> 6)
        self._add(value, event)

    def _start(self, event: Any, mapping: bool) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise Unreadable(*_at(event), f"nested more than {MAX_DEPTH} levels deep")
        if event.tag not in _COLLECTION_TAGS:
            self._flaw(event, f"a tag is not allowed: {_shown_tag(event.tag)}")
        if event.anchor is not None:
            self._open.add(event.anchor)
        frame = _Frame(mapping, event.anchor, self._size)
        if self._marks is not None:
            here = _at(event)
            frame.marks = self._marks[id(frame.container)] = {None: (here, here)}
        self._size += 1
        self._add(frame.container, event)
        self._frames.append(frame)

    def _end(self, event: Any) -> None:
        frame = self._frames.pop()
        for value, at in frame.merges:
            self._merge(frame, value, at)
        if frame.anchor is not None:
            self._open.discard(frame.anchor)
            self._anchors[frame.anchor] = frame.container, self._size - frame.size_before

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name in self._open:
            raise Unreadable(*_at(event), f"the alias *{name} stands inside what it stands for")
        if name not in self._anchors:
            raise Unreadable(*_at(event), f"the alias *{name} has no anchor &{name} before it")
        value, size = self._anchors[name]
        self._size += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise Unreadable(*_at(event), f"an alias bomb: aliases stand for more than {MAX_ALIASED} values")
        self._add(value, event)

    def _add(self, value: Any, event: Any) -> None:
        if not self._frames:
            self._data = value
            return
        frame = self._frames[-1]
        if not frame.mapping:
            if frame.marks is not None:
                here = _at(event)
                frame.marks[len(frame.container)] = here, here
            frame.container.append(value)
            return
        key = frame.key
        if key is None:
            self._key(frame, value, event)
            return
        frame.key = None
        if key is _DROPPED:
            return
        if key is _MERGE:
            frame.merges.append((value, _at(event)))
            return
        frame.container[key] = value
        if frame.marks is not None:
            frame.marks[key] = frame.key_at, _at(event)

    def _key(self, frame: _Frame, value: Any, event: Any) -> None:
        frame.key = _DROPPED
        if not isinstance(value, str):
            self._flaw(event, "a key is not a string")
        elif type(value) is Plain and value == "<<":
            frame.key = _MERGE
        elif type(value) is Plain and value in NULLS:
            self._flaw(event, "a key is missing before the colon" if not value else f"the key {value} is not a string")
        elif value in frame.container:
            first = frame.marks[value][0] if frame.marks else (0, 0)
            self._flaw(event, f"the key {value} is given twice, first in line {first[0]}")
        else:
            frame.key = intern(str(value))
        if frame.marks is not None:
            frame.key_at = _at(event)

    def _merge(self, frame: _Frame, value: Any, at: Position) -> None:
        """What `<<` stands for: keys that the mapping itself, and what was merged before, don't have."""
        merged = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in merged):
            self.flaws.append(Flaw(*at, "<< merges a mapping or a list of mappings"))
            return
        for one in merged:
            for key, item in one.items():
                if key not in frame.container:
                    frame.container[key] = item
                    if self._marks is not None and frame.marks is not None:
                        frame.marks[key] = self._marks[id(one)][key]


def _at(event: Any) -> Position:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _shown_tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
