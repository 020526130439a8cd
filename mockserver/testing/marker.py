"""Which world a test of pytest's gets: its marker's, or what was said for all tests, or the built-in one.

marker > --ocp-mock-fixtures > OCP_MOCK_FIXTURES > ini ocp_mock_fixtures > built-in. Nothing is read here but names;
what is wrong with a marker is a pytest.UsageError that says what there is.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from mockserver.contract.dialects import DIALECTS
from mockserver.testing.naming import camel, refuse_unknown

VARIABLE: Final = "OCP_MOCK_FIXTURES"
Names = Sequence[str | os.PathLike[str]]
Place = Path | Traversable | str
"""The last is the name of a scenario."""


class Choice(NamedTuple):
    source: Mapping[str, Any] | tuple[Place, ...] | None = None
    """None: what the server itself serves."""
    settings: Mapping[str, Any] = {}
    """Those of MockServer's that a world has."""
    options: Mapping[str, Any] = {}
    """Those that a server has: they need one of their own."""
    strict: bool = False


def unmarked(config: pytest.Config) -> Choice:
    """What a test without a marker gets. Raises UsageError."""
    names, origin = general(config)
    base = config.invocation_params.dir
    if origin == INI:
        base = config.rootpath if config.inipath is None else config.inipath.parent
    return Choice(_places(names, base, origin)) if names else Choice()


def marked(marker: pytest.Mark, item: pytest.Item) -> Choice:
    """Raises UsageError."""
    names, world, given = _of(marker)
    if names:
        source: Mapping[str, Any] | tuple[Place, ...] | None = _places(names, item.path.parent, FORM)
    else:
        source = world if world is not None else unmarked(item.config).source
    return Choice(
        source,
        {name: given[name] for name in WORLDS if given.get(name) is not None},
        {name: given[name] for name in SERVERS if given.get(name) is not None},
        given.get("strict") or False,
    )


INI: Final = "ini ocp_mock_fixtures"


def general(config: pytest.Config) -> tuple[Names, str]:
    """What tests without a marker get, and who says so; no names for the built-in world."""
    flag: list[str] = config.getoption("--ocp-mock-fixtures") or []
    variable = _paths_in(os.environ.get(VARIABLE, ""))
    ini: list[str] = config.getini("ocp_mock_fixtures")
    for names, origin in ((flag, "--ocp-mock-fixtures"), (variable, VARIABLE), (ini, INI)):
        if names:
            return names, origin
    return (), "no --ocp-mock-fixtures"


def _paths_in(variable: str) -> list[str]:
    if not variable:
        return []
    from mockserver.fixtures.source import paths_in

    return paths_in(variable)


def _is_texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) for one in value)


def _one_of(*names: str) -> str:
    *first, last = map(repr, names)
    return f"{', '.join(first)} or {last}"


Check = tuple[Callable[[object], bool], str]
ANY_WORLD: Final[dict[str, Check]] = {
    "world": (lambda value: isinstance(value, Mapping), "a mapping in the form of a fixture file"),
    "strict": (lambda value: isinstance(value, bool), "True or False"),
}
WORLDS: Final[dict[str, Check]] = {
    "clock": (lambda value: value in ("manual", "real"), "'manual' or 'real'"),
    "speed": (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    "auth": (lambda value: value in ("open", "basic"), "'open' or 'basic'"),
    "seed": (lambda value: type(value) is int, "a whole number"),
    "dialect": (lambda value: value in (*DIALECTS,), _one_of(*DIALECTS)),
    "nulls": (lambda value: value in ("absent", "null"), "'absent' or 'null'"),
    "array_order": (lambda value: value in ("fixture", "shuffled"), "'fixture' or 'shuffled'"),
    "field_names": (lambda value: value in ("sample", "table"), "'sample' or 'table'"),
}
SERVERS: Final[dict[str, Check]] = {
    "api_prefixes": (_is_texts, "a list of prefixes such as ['/api/v2']"),
    "admin_token": (lambda value: isinstance(value, str), "a string"),
}
KNOWN: Final = {**ANY_WORLD, **WORLDS, **SERVERS}
SNAKE: Final = {camel(name): name for name in KNOWN}
FORM: Final = "@pytest.mark.ocp_mock"


def _of(marker: pytest.Mark) -> tuple[Names, Mapping[str, Any] | None, Mapping[str, Any]]:
    """Its paths, its `world`, and its other arguments, all of their types. Raises UsageError."""
    try:
        refuse_unknown(FORM, marker.kwargs, KNOWN)
    except TypeError as error:
        raise pytest.UsageError(str(error)) from None
    given = {SNAKE.get(name, name): value for name, value in marker.kwargs.items()}
    for name, (holds, form) in KNOWN.items():
        value = given.get(name)
        if value is not None and not holds(value):
            raise pytest.UsageError(f"{FORM}: {name} is {form}, not {value!r}")
    if len(marker.args) > 1:
        raise pytest.UsageError(f"{FORM} takes one path, not {len(marker.args)}; several are a list")
    world = given.get("world")
    names: Names = ()
    if marker.args:
        source = marker.args[0]
        if world is not None:
            raise pytest.UsageError(f"{FORM} takes a path or world=…, not both")
        if isinstance(source, Mapping):
            world = source
        elif isinstance(source, str | os.PathLike):
            names = [source]
        elif isinstance(source, Sequence) and source and all(isinstance(one, str | os.PathLike) for one in source):
            names = source
        else:
            wanted = "a path, the name of a shipped fixture, or world={…}"
            raise pytest.UsageError(f"{FORM} takes {wanted}, not {source!r}")
    if given.get("clock") == "manual" and given.get("speed") is not None:
        raise pytest.UsageError(f"{FORM}: a manual clock has no speed")
    return names, world, given


def _places(names: Names, base: Path, origin: str) -> tuple[Place, ...]:
    """Raises UsageError for what is neither a file or folder, nor shipped, nor a scenario."""
    from mockserver.fixtures import source

    found: list[Place] = []
    for name in names:
        path = base / name
        try:
            meant = None if path.exists() else source.named(str(name))
        except ValueError as error:
            raise pytest.UsageError(f"{origin}: {error}") from None
        if path.exists():
            found.append(path)
        elif meant is not None:
            found.append(str(name) if isinstance(meant, Mapping) else meant)
        else:
            known = ", ".join(source.shipped())
            raise pytest.UsageError(f"{origin}: there is no {path}, nor a shipped fixture {name}; shipped are {known}")
    return tuple(found)
