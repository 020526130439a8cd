"""Fixtures: files, folders, text or data → the values that a world is made from; and the fixtures that are shipped.

Every mistake of every source is reported, where it stands (`mistakes`). Reading goes through rooms of its own: text →
data (`reading`), data → typed and judged parts (`judging`), tasks (`fixture_tasks`); back it goes by `statefile`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from mockserver import fixture_sections
from mockserver.building import Kind
from mockserver.fixture import Fixture
from mockserver.fixture_tasks import TaskReader
from mockserver.mistakes import FixtureError, Mistake, Report
from mockserver.packaged import folder
from mockserver.reading import MAX_BYTES, Document
from mockserver.statefile import to_data

__all__ = ["FixtureError", "Mistake", "Source", "builtin", "from_data", "read", "read_text", "shipped", "to_data"]

Source = str | os.PathLike[str] | Traversable
Warn = Callable[[Mistake], None]
ENDINGS: Final[dict[str, Kind]] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def read(
    sources: Sequence[Source],
    *,
    now: int,
    overrides: Mapping[str, object] | None = None,
    warn: Warn | None = None,
) -> Fixture:
    """One fixture from files and folders. `now` (nanoseconds) is where a real clock starts that names no `now`.

    `overrides` are keys of a fixture that win over the files'. `warn` gets what is odd but not wrong.
    Raises FixtureError.
    """
    report = Report()
    for source in sources:
        for name, file in _files(report, source):
            raw = _bytes(report, name, file)
            if raw is not None:
                report.documents.append(Document.of_bytes(name, raw, ENDINGS.get(_ending(name), "yaml")))
                del raw
    return _assembled(report, now, overrides, warn)


def read_text(
    text: str,
    *,
    name: str,
    kind: Kind = "yaml",
    now: int,
    overrides: Mapping[str, object] | None = None,
    warn: Warn | None = None,
) -> Fixture:
    """One fixture from text, whose size the caller has bounded. Raises FixtureError, whose mistakes are in the file
    `name` ("" for none)."""
    report = Report()
    report.documents.append(Document(name, text=text, kind=kind))
    return _assembled(report, now, overrides, warn)


def from_data(
    data: object, *, now: int, overrides: Mapping[str, object] | None = None, warn: Warn | None = None
) -> Fixture:
    """One fixture from what JSON could have held. Raises FixtureError, whose mistakes have paths only."""
    report = Report()
    report.documents.append(Document(None, data))
    return _assembled(report, now, overrides, warn)


def shipped() -> dict[str, Traversable]:
    """The fixtures that come with the package, by name: `failed-subtask` …"""
    files = sorted(folder("fixtures").iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".yaml"): file for file in files if file.name.endswith(".yaml")}


def builtin() -> Traversable:
    """The world that is shown where no other is asked for."""
    return folder("fixtures") / "tour.yaml"


def _assembled(report: Report, now: int, overrides: Mapping[str, object] | None, warn: Warn | None) -> Fixture:
    if overrides:
        report.documents.append(Document(None, dict(overrides)))
    sections = fixture_sections.read(report, overridden=bool(overrides), now=now)
    reader = TaskReader(report, sections.settings, sections.clock.now)
    tasks = {}
    for place, listed in sections.tasks:
        for index in range(len(listed)):
            state = reader.read(place.at(index), listed[index])
            listed[index] = None  # a large world is not held twice
            if state is not None:
                tasks[state.task.id] = state
    report.close(warn)
    return Fixture(
        settings=sections.settings,
        clock=sections.clock,
        users=sections.users,
        tasks=dict(sorted(tasks.items())),
        faults=sections.faults,
        denials=sections.denials,
        counters=sections.counters,
    )


def _files(report: Report, source: Source) -> list[tuple[str, Any]]:
    """The files of a source with the names they go by in messages; a folder's in order of name."""
    path: Any = Path(source) if isinstance(source, str | os.PathLike) else source
    name = str(source) if isinstance(source, str | os.PathLike | Path) else path.name
    if not path.is_dir():
        return [(name, path)]
    try:
        found = [(os.path.join(name, file.name), file) for file in files_in(path)]
    except OSError as error:  # gone just now, or not ours to read
        report.unreadable(name, error.strerror or str(error))
        return []
    if not found:
        report.unreadable(name, "no *.yaml, *.yml or *.json in this folder")
    return found


def files_in(folder: Any) -> list[Any]:
    """The fixtures in a folder, in order of name; other files and what begins with a dot are none."""
    return [
        file
        for file in sorted(folder.iterdir(), key=lambda file: str(file.name))
        if _ending(file.name) in ENDINGS and not file.name.startswith(".") and not file.is_dir()
    ]


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _bytes(report: Report, name: str, file: Any) -> bytes | None:
    try:
        with file.open("rb") as stream:
            raw: bytes = stream.read(MAX_BYTES + 1)
    except (OSError, KeyError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        report.unreadable(name, "there is no such file or folder" if isinstance(error, FileNotFoundError) else problem)
        return None
    if len(raw) > MAX_BYTES:
        report.unreadable(name, f"larger than {MAX_BYTES // 1024 // 1024} MiB")
        return None
    return raw
