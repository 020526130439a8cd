"""docs/reading-the-code.md names every call of a hot retry, in order; and no retry goes back and forth in the house."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any, Final

import pytest
from clients import RETRY, failed_world
from house import FLOORS, HOUSE
from moving import move

from mockserver import create_app
from mockserver.server import answer
from mockserver.server.front.reader import Reader
from mockserver.server.routing import SITE
from mockserver.times import SECOND
from mockserver.world import moves

CHAPTER: Final = Path(__file__).resolve().parent.parent / "docs" / "reading-the-code.md"
RAW: Final = f"POST {RETRY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()
REMEMBERED: Final = {"WireInstant.__new__", "render_instant", "_second", "_end"}
"""Called for what is new only, and whoever ran in this process before may have had it."""
Call = tuple[int, str, str]
"""How deep it is, the module, and the function's name."""


def calls_of(act: FunctionType) -> list[Call]:
    """Every call of a function of ours that has a name, in order."""
    calls: list[Call] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        name = frame.f_code.co_qualname.replace(".<locals>", "")
        if event == "call" and path.is_relative_to(HOUSE) and not ("<" in name or name in REMEMBERED):
            depth, outer = 0, frame.f_back
            while outer is not None and outer.f_code is not act.__code__:
                depth += Path(outer.f_code.co_filename).is_relative_to(HOUSE) and "<" not in outer.f_code.co_name
                outer = outer.f_back
            calls.append((depth, str(path.relative_to(HOUSE)), name))

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


@pytest.fixture
def retries() -> Any:
    """The calls of a retry in front, after so many others."""

    def after(count: int) -> list[Call]:
        world = failed_world()
        world["tasks"][0]["subtasks"][1]["runs"] = [{"outcome": "FAILED", "duration": "4s"}]
        site = create_app(world, admin=False)[SITE]
        loop = asyncio.new_event_loop()
        loop.close()
        reader = Reader(site.options.prefixes, loop)

        def retry() -> None:
            plain = reader.read(bytes(bytearray(RAW)))
            assert plain is not None
            response = answer.at_once(site, plain)
            assert response is not None
            assert response.startswith(b"HTTP/1.1 200 OK")

        for _ in range(count):
            retry()
            move(site.served, moves.by(10 * SECOND))
        assert isinstance(retry, FunctionType)
        return calls_of(retry)

    return after


def test_every_call_of_a_hot_retry_is_named_in_order(retries: Callable[[int], list[Call]]) -> None:
    text = CHAPTER.read_text(encoding="utf-8")
    found = re.search(r"## One hot retry, call by call\n.*?```text\n(.*?)```", text, re.DOTALL)
    assert found is not None
    assert found[1] == "".join(f"{'  ' * depth}{name}  {module}\n" for depth, module, name in retries(3))


@pytest.mark.parametrize("before", [0, 3])
def test_no_retry_goes_back_to_a_package_that_it_has_left(retries: Callable[[int], list[Call]], before: int) -> None:
    """From a package a call goes to one above it, or stays."""
    stack: list[str] = []
    for depth, module, name in retries(before):
        home = module.split("/")[0].removesuffix(".py")
        del stack[depth:]
        if stack:
            assert FLOORS.index(home) <= FLOORS.index(stack[-1]), f"{name} of {module}, called from {stack[-1]}"
        stack.append(home)
