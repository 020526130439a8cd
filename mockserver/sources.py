"""Which fixture is meant: a path, several, the name of a shipped one, data, or none; and that fixture, read.

`Files` is one that can be read again, and that knows whether its files have changed since.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any

from mockserver import fixtures
from mockserver.clock import wall
from mockserver.fixture import Fixture
from mockserver.mistakes import FixtureError, Mistake

Source = fixtures.Source | Sequence[fixtures.Source] | Mapping[str, Any] | None
"""A path, several, a mapping in the form of a fixture file, or None for the built-in world. For a path that does not
exist, the name of a shipped fixture will do."""


def load(
    source: Source, *, overrides: Mapping[str, object] | None = None, warn: fixtures.Warn | None = None
) -> Fixture:
    """`overrides` are keys of a fixture that win over it; `warn` gets what is odd. Raises FixtureError."""
    now = wall()
    if isinstance(source, Mapping):
        return fixtures.from_data(source, now=now, overrides=overrides, warn=warn)
    if source is None:
        return fixtures.read([fixtures.builtin()], now=now, overrides=overrides, warn=warn)
    shipped = fixtures.shipped()
    meant = [
        shipped.get(one, one) if isinstance(one, str) and not os.path.exists(one) else one for one in _several(source)
    ]
    try:
        return fixtures.read(meant, now=now, overrides=overrides, warn=warn)
    except FixtureError as error:
        absent = {one for one in meant if isinstance(one, str) and not os.path.exists(one)}
        problems = [_with_advice(one, list(shipped)) if one.file in absent else one for one in error.problems]
        raise FixtureError(problems) from None


def _several(source: fixtures.Source | Sequence[fixtures.Source]) -> Sequence[fixtures.Source]:
    return source if isinstance(source, Sequence) and not isinstance(source, str) else [source]


Stamp = tuple[int, int, int]
"""Of a file: when it was changed (nanoseconds), its size, its mode. No inode: on a bind mount it may not last."""
Look = Mapping[str, Stamp | None]
"""What files look like at a moment, by name; None of one that is not there."""


class Files:
    """A source, read as often as one likes.

    It has changed when its files look otherwise than they did before they were read last, and stand still: two looks
    in a row were the same. So nothing is read that is half written.
    """

    def __init__(
        self, source: Source, *, overrides: Mapping[str, object] | None = None, warn: fixtures.Warn | None = None
    ) -> None:
        self._source = source
        self._overrides = overrides
        self._warn = warn
        self.again = not isinstance(source, Mapping)
        """Whether there are files to read again; data given as such has none, and a pipe is read once."""
        self.paths: list[str] = []
        """Those that may change: what is shipped does not."""
        if source is not None and not isinstance(source, Mapping):
            self.paths = _on_disk(_several(source))
            if any(os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)) for path in self.paths):
                self.again, self.paths = False, []
        self._read = self._latest = looks(self.paths)

    def read(self) -> Fixture:
        """Raises FixtureError; that, too, counts as read."""
        self._read = self._latest = looks(self.paths)
        return load(self._source, overrides=self._overrides, warn=self._warn)

    def have_changed(self) -> bool:
        """By one more look."""
        now = looks(self.paths)
        still, self._latest = now == self._latest, now
        return still and now != self._read

    def are_changing(self) -> bool:
        """Whether they look otherwise than just before they were read: it may be half of them that was read."""
        return looks(self.paths) != self._read


def _on_disk(several: Sequence[fixtures.Source]) -> list[str]:
    shipped = fixtures.shipped()
    paths = [os.fspath(one) for one in several if isinstance(one, str | os.PathLike)]
    return [path for path in paths if os.path.exists(path) or path not in shipped]


def looks(paths: Sequence[str]) -> Look:
    found: dict[str, Stamp | None] = {}
    for path in paths:
        found[path] = _stamp(path)
        if os.path.isdir(path):
            with suppress(OSError):  # then it does not look as it did
                found.update((str(file), _stamp(file)) for file in fixtures.files_in(Path(path)))
    return found


def _stamp(path: str | os.PathLike[str]) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    folder = stat.S_ISDIR(status.st_mode)  # which changes with files that are none of ours, too
    return (0 if folder else status.st_mtime_ns, 0 if folder else status.st_size, status.st_mode)


def overrides(
    *,
    clock: str | None = None,
    speed: float | None = None,
    auth: str | None = None,
    seed: int | None = None,
    field_names: str | None = None,
) -> dict[str, object]:
    """What was asked for, as keys of a fixture. Who asks for a speed asks for a real clock. Raises ValueError."""
    if speed is not None and clock == "manual":
        raise ValueError("a manual clock has no speed")
    times = {"mode": clock or ("real" if speed is not None else None), "speed": speed}
    given: dict[str, object] = {
        "clock": {key: value for key, value in times.items() if value is not None} or None,
        "auth": auth,
        "seed": seed,
        "fieldNames": field_names,
    }
    return {key: value for key, value in given.items() if value is not None}


def _with_advice(mistake: Mistake, shipped: list[str]) -> Mistake:
    near = get_close_matches(PurePath(mistake.file or "").stem, shipped, n=1)
    advice = f" (did you mean {near[0]}?)" if near else ""
    known = ", ".join(shipped)
    return mistake._replace(message=f"{mistake.message}, nor a shipped fixture{advice}; shipped are {known}")
