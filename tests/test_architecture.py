"""The house's laws, which a reader could forget: which package imports which, what the core never touches, how long a
module is."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest
from house import FLOORS, HOUSE

from mockserver.contract.operations import OPERATIONS
from mockserver.server.handlers import HANDLERS

MODULES: Final = sorted(str(path.relative_to(HOUSE)) for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")
PURE: Final = ("times", "globs", "tasks", "contract", "faults", "stubs")
"""Packages that do no I/O, ask no clock and throw only seeded dice."""

ABROAD: Final[dict[str, set[str]]] = {
    "aiohttp": {"server", "admin", "app", "testing", "remote", "cli"},
    "argparse": {"cli"},
    "asyncio": {"world", "server", "admin", "testing", "remote", "cli"},
    "jsonschema": {"contract"},
    "logging": {"server", "admin", "cli"},
    "pytest": {"testing", "pytest_plugin"},
    "referencing": {"contract"},
    "secrets": {"world"},
    "signal": {"cli", "__main__"},
    "socket": {"server", "admin", "testing", "cli"},
    "subprocess": {"cli"},
    "uuid": set(),
    "yaml": {"fixtures", "admin", "remote"},
}
"""What reaches out of the house, or is heavy; and the packages that may import it."""

LONGEST: Final = 300
MOST_MODULES: Final = 13
DATES: Final = ("datetime", "date")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((HOUSE / module).read_text(encoding="utf-8"))


@cache
def imported(module: str) -> list[str]:
    """The full names of what a module imports, also inside its functions and for its annotations."""
    names = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: an import says the whole name"
            assert node.module is not None
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def home(module: str) -> str:
    return module.split("/")[0].removesuffix(".py")


def ours(module: str) -> Iterator[tuple[str, ...]]:
    for name in imported(module):
        first, *rest = name.split(".")
        if first == "mockserver" and rest[0] != "__version__":
            yield tuple(rest)


def test_every_package_has_its_floor() -> None:
    assert {home(module) for module in MODULES} == set(FLOORS)


def test_a_package_imports_only_those_above_it() -> None:
    for module in MODULES:
        above = FLOORS[: FLOORS.index(home(module)) + 1]
        assert {name[0] for name in ours(module)} <= set(above), module


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    known = {module.removesuffix(".py").replace("/", ".") for module in MODULES}
    graph = {
        module.removesuffix(".py").replace("/", "."): {
            target for name in ours(module) for target in (".".join(name), ".".join(name[:-1])) if target in known
        }
        for module in MODULES
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which spells the circle out


@pytest.mark.parametrize("module", [module for module in MODULES if module.endswith("__init__.py")])
def test_a_package_s_init_is_its_law_and_nothing_else(module: str) -> None:
    """So that importing one thing starts nothing heavy."""
    assert ast.get_docstring(tree(module))
    assert len(tree(module).body) == 1


@pytest.mark.parametrize("package", ABROAD)
def test_only_some_packages_reach_out_of_the_house(package: str) -> None:
    users = {home(module) for module in MODULES if package in {name.split(".")[0] for name in imported(module)}}
    assert users == ABROAD[package]


@pytest.mark.parametrize("module", [module for module in MODULES if home(module) in PURE])
def test_the_core_asks_no_clock_and_reads_nothing(module: str) -> None:
    """Values only: datetime is there to reckon with, and never to ask what time it is. Dice are seeded ones."""
    assert {name.split(".")[0] for name in imported(module)}.isdisjoint({"os", "time", "aiohttp", "asyncio", "logging"})
    asked = {
        node.attr
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in DATES
    }
    assert asked.isdisjoint({"now", "utcnow", "today"})


def test_the_core_awaits_nothing() -> None:
    """So there is none between a check and its change."""
    for module in MODULES:
        if home(module) in PURE:
            nodes = ast.walk(tree(module))
            assert not [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.Await)], module


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    assert list(HANDLERS) == list(OPERATIONS)
    assert len(set(HANDLERS.values())) == len(OPERATIONS)


def test_a_module_says_what_it_is() -> None:
    """Its first lines say what it is, and what it will not do."""
    assert [module for module in MODULES if not ast.get_docstring(tree(module))] == []


def test_no_module_is_long() -> None:
    """Past that, it has become two things."""
    lengths = {module: len((HOUSE / module).read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {module: length for module, length in lengths.items() if length > LONGEST} == {}


def test_a_folder_can_be_read_at_a_glance() -> None:
    folders = Counter(str(Path(module).parent) for module in MODULES if not module.endswith("__init__.py"))
    assert {folder for folder, modules in folders.items() if modules > MOST_MODULES} == set()
