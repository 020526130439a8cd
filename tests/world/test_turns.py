"""Long work beside the loop: so many threads at a time, and no more."""

import asyncio
import threading

import pytest
from processes import END_S

from mockserver.world import turns
from mockserver.world.turns import in_thread


def test_who_comes_when_all_are_at_work_waits_for_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "COMPUTING", threading.BoundedSemaphore(1))
    told: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        assert go_on.wait(END_S)
        told.append("first")

    async def both() -> None:
        one = asyncio.create_task(in_thread(first))
        await asyncio.to_thread(begun.wait, END_S)
        other = asyncio.create_task(in_thread(lambda: told.append("other")))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(one, other)

    asyncio.run(both())
    assert told == ["first", "other"]


def test_who_fails_leaves_its_place_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "COMPUTING", threading.BoundedSemaphore(1))

    def failing() -> None:
        raise ValueError("planted")

    async def both() -> int:
        with pytest.raises(ValueError, match="planted"):
            await in_thread(failing)
        return await in_thread(lambda: 1)

    assert asyncio.run(both()) == 1
