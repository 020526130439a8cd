"""Which fixture is meant: a path, several, the name of a shipped one, data, or none; and that fixture, read."""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath
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
    several = source if isinstance(source, Sequence) and not isinstance(source, str) else [source]
    shipped = fixtures.shipped()
    meant = [shipped.get(one, one) if isinstance(one, str) and not os.path.exists(one) else one for one in several]
    try:
        return fixtures.read(meant, now=now, overrides=overrides, warn=warn)
    except FixtureError as error:
        absent = {one for one in meant if isinstance(one, str) and not os.path.exists(one)}
        problems = [_with_advice(one, list(shipped)) if one.file in absent else one for one in error.problems]
        raise FixtureError(problems) from None


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
