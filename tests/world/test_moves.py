"""A clock is moved in slices: who is let in meanwhile, what they find, and what then becomes of the move."""

import asyncio
from collections.abc import Callable

import pytest
from builders import START, at, fixture, one, put, retry, run, subtask, task, values
from moving import at_once, move

from mockserver.contract.errors import Unprocessable
from mockserver.faults.denials import Denial
from mockserver.faults.effects import Error
from mockserver.faults.rules import Fault, Incoming
from mockserver.times import SECOND
from mockserver.world import moves
from mockserver.world import turns as world_turns
from mockserver.world.fixture import ClockMode, ClockSetting
from mockserver.world.served import Served
from mockserver.world.turns import in_slices
from mockserver.world.worlds import Options, Worlds

EVENTS = 100
REQUEST = Incoming("getTaskInstance", "GET", "/", "anonymous", 1, None)


TASKS = [task(subtask(id, status="READY", due=id), id=id) for id in range(1, EVENTS + 1)]
FAILED = task(subtask(1000, status="FAILED", runs=[run("FAILED", 1)]), id=1000)
OTHER = fixture(task(subtask(7), id=7))


def busy(mode: ClockMode = "manual") -> Served:
    """A hundred subtasks, each of which becomes RUNNING a second after the other; and one that has FAILED."""
    return Served.of(fixture(*TASKS, FAILED, clock=ClockSetting(mode, START, 1, True)))


def let_in(it: Served, meanwhile: Callable[[Served], object]) -> list[object]:
    """Moves its clock by ten minutes. After ten events it happens."""
    steps = it.moving(moves.by(600 * SECOND))
    for _ in range(10):
        next(steps)
    meanwhile(it)
    changes, _ = at_once(steps)
    return list(changes)


# --- slices ----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_others_get_their_turns_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event is a slice here, and each time the loop goes round once."""
    monkeypatch.setattr(world_turns, "SLICE", 0)
    it, turns = busy(), 0

    async def other() -> None:
        nonlocal turns
        while it.world.now == START:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    changes, _ = await in_slices(it.moving(moves.by(600 * SECOND)))
    await waiting
    assert len(changes) >= 2 * EVENTS
    assert turns >= EVENTS


@pytest.mark.asyncio
async def test_what_is_short_is_done_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """So nobody comes between, as before there were slices."""
    monkeypatch.setattr(world_turns, "SLICE", 3600 * SECOND)
    it, turns = busy(), list[int]()
    asyncio.get_running_loop().call_soon(turns.append, 1)
    await in_slices(it.moving(moves.by(600 * SECOND)))
    assert turns == []


@pytest.mark.asyncio
async def test_a_move_that_is_cancelled_has_moved_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_turns, "SLICE", 0)
    it = busy()
    before = values(it.live)
    moving = asyncio.create_task(in_slices(it.moving(moves.by(600 * SECOND))))
    for _ in range(5):
        await asyncio.sleep(0)
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert values(it.live) == before
    move(it, moves.by(SECOND))
    assert it.clock.now() == at(1)


# --- what others find, and do ----------------------------------------------------------------------------------------


def test_until_it_is_done_the_world_is_as_it_was() -> None:
    it = busy()
    before = values(it.live)
    found: list[object] = []
    let_in(it, lambda it: found.append(values(it.live)))
    assert found == [before]
    assert it.clock.now() == at(600)


def test_time_stands_still_meanwhile_on_a_real_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [0]
    monkeypatch.setattr("mockserver.world.clock.ticks", lambda: ticks[0])
    it = busy("real")

    def passes(it: Served) -> None:
        ticks[0] += 50 * SECOND
        assert it.up_to_now().now == START
        assert it.clock.setting() == ClockSetting("real", START, 1, True)

    let_in(it, passes)
    assert it.clock.now() == at(600)
    ticks[0] += SECOND
    assert it.clock.now() == at(601)


def test_a_move_that_fails_has_cost_a_real_clock_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [0]
    monkeypatch.setattr("mockserver.world.clock.ticks", lambda: ticks[0])
    it = busy("real")

    def passes(it: Served) -> None:
        ticks[0] += 50 * SECOND
        it.let_go()

    with pytest.raises(Unprocessable, match="nothing was moved"):
        let_in(it, passes)
    assert it.clock.now() == at(50)


def test_requests_and_rules_count_on() -> None:
    """What only counts is no reason to refuse a move, and is not lost by it."""
    it = busy()
    it.live.add_fault(lambda id: Fault(id=id, effect=Error(status=503), skip=10))

    def asks(it: Served) -> None:
        it.live.trace_id()
        it.live.choose_fault(REQUEST)
        it.live.add_denial(lambda id: Denial(id, "TASK_MANAGER"))
        it.live.add_fault(lambda id: Fault(id=id, effect=Error(status=500)))

    let_in(it, asks)
    assert it.live.traces == 1
    assert [rule.matches for rule in it.world.faults.values()] == [1, 0]
    assert list(it.world.denials) == ["denial-1"]
    assert it.live.add_fault(lambda id: Fault(id=id, effect=Error(status=500))).id == "fault-3"


@pytest.mark.parametrize(
    ("meanwhile", "message"),
    [
        (lambda it: retry(it.live, 1000), "was changed"),
        (lambda it: it.change_settings(it.world.settings._replace(seed=8), "PUT"), "was changed"),
        (lambda it: it.reset(), "was changed"),
        (lambda it: put(it, OTHER), "was changed"),
        (lambda it: it.let_go(), "the server ends"),
    ],
    ids=["retry", "settings", "reset", "another world", "the end"],
)
def test_a_change_that_comes_meanwhile_stays_and_the_move_does_not(
    meanwhile: Callable[[Served], object], message: str
) -> None:
    it, other = busy(), busy()
    with pytest.raises(Unprocessable, match=message) as raised:
        let_in(it, meanwhile)
    meanwhile(other)
    assert raised.value.status == 409
    assert values(it.live) == values(other.live)
    assert it.clock.now() == other.clock.now()
    move(it, moves.by(SECOND))


@pytest.mark.parametrize(
    "second",
    [
        lambda it: move(it, moves.by(SECOND)),
        lambda it: at_once(it.setting_clock(ClockSetting("manual", at(9), 1.0, True))),
        lambda it: at_once(it.setting_clock(ClockSetting("real", 0, 1.0, False))),
    ],
    ids=["advance", "set", "switch"],
)
def test_of_two_moves_at_one_time_the_second_is_refused(second: Callable[[Served], object]) -> None:
    it = busy()

    def refused(it: Served) -> None:
        with pytest.raises(Unprocessable, match="the clock is being moved") as raised:
            second(it)
        assert raised.value.status == 409

    let_in(it, refused)
    assert (it.clock.now(), it.clock.mode) == (at(600), "manual")


def test_each_way_to_end_a_world_ends_its_move() -> None:
    worlds = Worlds(fixture(), Options(), limit=1)
    first, second = worlds.named("a").served, worlds.named("b").served
    assert first._is_told_to_stop, "evicted"
    worlds.remove("b")
    assert second._is_told_to_stop, "removed"
    worlds.let_go()
    assert worlds.main.served._is_told_to_stop, "the server ends"


def test_what_was_on_the_way_is_in_the_history_once() -> None:
    it = busy()
    changes = let_in(it, lambda _: None)
    assert list(it.live.history) == changes
    assert one(it.world, 1, 1).status == "SUCCESSFUL"
