"""What is wrong with a fixture: every mistake of every file, each where it stands, in order.

A mistake is noted by its path; lines and columns are found out afterwards, and only if there is something to tell.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from mockserver.errors import Problem
from mockserver.reading import Document

Path = tuple[str | int, ...]
MISSING: Final = "the key "
UNKNOWN: Final = "unknown key "
"""How the contract begins to speak of a key that is missing, and of one that it doesn't know."""
THERE: Final = "{there}"
"""In a message: where the other place is that it speaks of."""


class Mistake(NamedTuple):
    """One thing that is wrong (or, as a warning, odd). Lines and columns count from 1; None where there is no text."""

    file: str | None
    line: int | None
    column: int | None
    path: Path
    message: str

    @property
    def where(self) -> str:
        """file:line:column, or as much of it as there is; of data without a text, its path."""
        if self.line is None:
            return self.file or shown_path(self.path)
        if self.file:
            return f"{self.file}:{self.line}:{self.column}"
        return f"line {self.line}, column {self.column}"

    def __str__(self) -> str:
        where, message = self.where, self.message
        if self.line is None and self.path:
            message = message.removeprefix(f"{self.path[-1]}: ")
        return printable(f"{where}: {message}" if where else message)


class FixtureError(Exception):
    """A fixture with mistakes. `problems` has all of them, in the order of the files.

    `unreadable` says that some are of its text (not JSON or YAML, a key given twice), not of what it says.
    """

    def __init__(self, problems: Sequence[Mistake], *, unreadable: bool = False) -> None:
        self.problems = list(problems)
        self.unreadable = unreadable
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Place(NamedTuple):
    """A value in a document, by the keys and indices that lead to it; `at_key` points at its key instead."""

    document: Document
    path: Path = ()
    at_key: bool = False

    def at(self, *steps: str | int) -> "Place":
        return Place(self.document, (*self.path, *steps))

    def key(self, *steps: str | int) -> "Place":
        return Place(self.document, (*self.path, *steps), True)

    def position(self) -> tuple[int, int] | None:
        return self.document.position(self.path, at_key=self.at_key)

    def __str__(self) -> str:
        position = self.position()
        if position is None:
            return shown_path(self.path) or "the top level"
        name = self.document.name
        return f"{name}:{position[0]}" if name else f"line {position[0]}"


class _Note(NamedTuple):
    place: Place
    message: str
    other: Place | None


class Report:
    """Collects what is wrong, and what is only odd."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self._wrong: list[_Note] = []
        self._odd: list[_Note] = []
        self._files: list[Mistake] = []

    @property
    def clean(self) -> bool:
        return not (self._wrong or self._files or any(document.flaws for document in self.documents))

    @property
    def count(self) -> int:
        return len(self._wrong)

    def wrong(self, place: Place, message: str, other: Place | None = None) -> None:
        self._wrong.append(_Note(place, message, other))

    def odd(self, place: Place, message: str, other: Place | None = None) -> None:
        self._odd.append(_Note(place, message, other))

    def unreadable(self, file: str, message: str) -> None:
        self._files.append(Mistake(file, None, None, (), message))

    def add(self, place: Place, problems: Sequence[Problem]) -> None:
        """What the contract found in the value at `place`."""
        for path, message in problems:
            if message.startswith(UNKNOWN):
                self.wrong(place.key(*path), message)
            else:
                steps = [step for step in path if isinstance(step, str)]
                named = steps and not message.startswith(MISSING)
                self.wrong(place.at(*path), f"{steps[-1]}: {message}" if named else message)

    def close(self, warn: Callable[[Mistake], None] | None) -> None:
        """Hands out the warnings. Raises FixtureError if anything is wrong."""
        if warn is not None:
            for mistake in self._located(self._odd):
                warn(mistake)
        if not self.clean:
            flawed = any(document.flaws for document in self.documents)
            raise FixtureError([*self._files, *self._located(self._wrong, flaws=True)], unreadable=flawed)

    def _located(self, notes: Sequence[_Note], *, flaws: bool = False) -> Iterator[Mistake]:
        for document in self.documents:
            found = [
                Mistake(document.name, *_position(note.place), note.place.path, _told(note))
                for note in notes
                if note.place.document is document
            ]
            if flaws:
                found += [Mistake(document.name, flaw.line, flaw.column, (), flaw.message) for flaw in document.flaws]
            once = {(mistake.line, mistake.column, mistake.message): mistake for mistake in found}  # aliases repeat
            yield from sorted(once.values(), key=lambda mistake: (mistake.line or 0, mistake.column or 0))


def _position(place: Place) -> tuple[int | None, int | None]:
    return place.position() or (None, None)


def _told(note: _Note) -> str:
    return note.message if note.other is None else note.message.replace(THERE, str(note.other))


def printable(text: str) -> str:
    """On one line, and without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def shown_path(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
