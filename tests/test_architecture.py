"""The house's laws, which a reader could forget: who imports whom, what the core never touches, how long a room is."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import mockserver
from mockserver.api import HANDLERS
from mockserver.operations import OPERATIONS

HOUSE: Final = Path(mockserver.__file__).parent

FLOORS: Final[dict[str, str]] = {
    "core": "times errors lifecycle runlog permissions effects faults operations fixture journal scheduler world",
    "values": "graph timeline statefile",
    "contract": "packaged proof explain contract examples openapi wire",
    "reading": "building jsontext reading mistakes shaping judging",
    "fixtures": "fixture_values fixture_sections fixture_tasks fixtures patching",
    "hosting": "clock held worlds moments account site credentials cors guard mutation transport api acting hints "
    "replies",
    "spoiling": "spoiling router",
    "copying": "pruning literals copies replay copied_tests",
    "directing": "calls director rules records views feed listening static control_document control",
    "serving": "sources reloading app",
    "running": "logs serving naming arguments client things evidence handle server",
    "testing": "choosing lending pytest_plugin",
    "commands": "greeting serve executing healthcheck starter flags cli __main__ __init__",
}
"""Every room, lowest first. A room imports only what stands before it, on its own floor or below."""
ROOMS: Final = [room for floor in FLOORS.values() for room in floor.split()]
PURE: Final = FLOORS["core"].split() + FLOORS["values"].split()

ABROAD: Final[dict[str, str]] = {
    "aiohttp": "site cors guard transport replies spoiling router calls director rules records views listening static "
    "control app logs serving server serve",
    "argparse": "flags cli serve executing healthcheck starter",
    "asyncio": "held replies listening reloading serving server serve",
    "jsonschema": "explain contract",
    "logging": "replies rules feed listening control reloading app logs serve",
    "os": "fixtures sources flags cli serve executing client choosing",
    "pathlib": "packaged fixtures static sources starter choosing lending",
    "pytest": "choosing lending pytest_plugin",
    "random": "effects faults mutation transport spoiling",
    "referencing": "contract",
    "secrets": "",
    "signal": "serve executing",
    "socket": "transport listening serving serve client",
    "subprocess": "executing",
    "threading": "contract reloading serving",
    "time": "clock executing",
    "uuid": "",
    "yaml": "building jsontext reading pruning",
}
"""What reaches out of the house, reads a clock or rolls dice, or is heavy; and the rooms that may import it."""

LONG: Final[dict[str, str]] = {
    "lifecycle": "every value and every transition there is, on purpose in one place",
    "openapi": "one document, assembled from top to bottom",
    "operations": "half of it is the table of the nine operations",
    "world": "the only thing that changes anything, on purpose in one place",
}
"""Rooms of more than 300 lines, and the answer to what second thing each has become."""


@cache
def tree(room: str) -> ast.Module:
    return ast.parse((HOUSE / f"{room}.py").read_text(encoding="utf-8"))


def imported(room: str) -> Iterator[str]:
    """The full names of the modules that a room imports, also inside its functions and for its annotations."""
    for node in ast.walk(tree(room)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{room}: an import says the whole name"
            if node.module == "mockserver":
                yield from (f"mockserver.{alias.name}" for alias in node.names)
            elif node.module is not None:
                yield node.module


def named(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("datetime", "date")


def test_every_room_is_listed_once() -> None:
    assert sorted(ROOMS) == sorted(path.stem for path in HOUSE.glob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_lower_ones(room: str) -> None:
    lower = {f"mockserver.{other}" for other in ROOMS[: ROOMS.index(room)]} | {"mockserver.__version__"}
    assert {name for name in imported(room) if name.split(".")[0] == "mockserver"} <= lower


@pytest.mark.parametrize("package", ABROAD)
def test_only_some_rooms_reach_out_of_the_house(package: str) -> None:
    users = {room for room in ROOMS if package in {name.split(".")[0] for name in imported(room)}}
    assert users == set(ABROAD[package].split())


@pytest.mark.parametrize("room", PURE)
def test_the_core_touches_nothing_that_reaches_out(room: str) -> None:
    """Values only: datetime is there to reckon with, and never to ask what time it is. Dice are seeded ones."""
    names = set(imported(room)) - {"random", "random.Random"}
    assert {name.split(".")[0] for name in names}.isdisjoint(ABROAD)
    asked = {node.attr for node in ast.walk(tree(room)) if isinstance(node, ast.Attribute) and named(node.value)}
    assert asked.isdisjoint({"now", "utcnow", "today"})
    called = {
        node.func.id for node in ast.walk(tree(room)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called.isdisjoint({"open", "print", "input", "hash", "id"}), "nor what differs from process to process"


def test_the_core_awaits_nothing() -> None:
    """So there is none between a check and its change."""
    for room in PURE:
        assert not [node for node in ast.walk(tree(room)) if isinstance(node, ast.AsyncFunctionDef | ast.Await)], room


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    assert list(HANDLERS) == list(OPERATIONS)
    assert len(set(HANDLERS.values())) == len(OPERATIONS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is(room: str) -> None:
    assert ast.get_docstring(tree(room)), "its first lines say what it is, and what it will not do"


def test_a_long_room_has_its_reason() -> None:
    lengths = {room: len((HOUSE / f"{room}.py").read_text(encoding="utf-8").splitlines()) for room in ROOMS}
    assert {room for room, length in lengths.items() if length > 300} <= LONG.keys()
    assert all(length <= 500 for length in lengths.values())
