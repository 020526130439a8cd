"""Long work beside the loop: so many threads at a time, and no more."""

import asyncio
import threading
from typing import Any

import pytest
from processes import END_S

from mockserver.world import turns
from mockserver.world.turns import Threads, in_thread


class First:
    """What the only thread is at work on, until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.told: list[str] = []

    def __call__(self) -> None:
        self.begun.set()
        assert self.go_on.wait(END_S)
        self.told.append("first")


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> First:
    monkeypatch.setattr(turns, "THREADS", Threads(1))
    return First()


def test_who_comes_when_all_are_at_work_waits_for_one_of_them(first: First) -> None:
    async def both() -> None:
        one = asyncio.create_task(in_thread(first))
        await asyncio.to_thread(first.begun.wait, END_S)
        other = asyncio.create_task(in_thread(lambda: first.told.append("other")))
        await asyncio.sleep(0)
        assert [thread.name for thread in threading.enumerate()].count("beside the loop") == 1
        assert first.told == []
        first.go_on.set()
        await asyncio.gather(one, other)

    asyncio.run(both())
    assert first.told == ["first", "other"]


def test_what_nobody_waits_for_any_more_is_not_begun(first: First) -> None:
    async def all_three() -> None:
        one = asyncio.create_task(in_thread(first))
        await asyncio.to_thread(first.begun.wait, END_S)
        gone = asyncio.create_task(in_thread(lambda: first.told.append("gone")))
        last = asyncio.create_task(in_thread(lambda: first.told.append("last")))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        first.go_on.set()
        await asyncio.gather(one, last)

    asyncio.run(all_three())
    assert first.told == ["first", "last"]


def test_who_fails_leaves_its_place_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "THREADS", Threads(1))

    def failing() -> None:
        raise ValueError("planted")

    async def both() -> int:
        with pytest.raises(ValueError, match="planted"):
            await in_thread(failing)
        return await in_thread(lambda: 1)

    assert asyncio.run(both()) == 1


def test_where_no_thread_can_be_started_it_fails_and_the_next_one_need_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "THREADS", Threads(1))

    def refused(**_: Any) -> None:
        raise RuntimeError("can't start new thread")

    async def both() -> int:
        with monkeypatch.context() as patch:
            patch.setattr(turns, "Thread", refused)
            with pytest.raises(RuntimeError, match="can't start"):
                await in_thread(lambda: 1)
        return await in_thread(lambda: 2)

    assert asyncio.run(both()) == 2
