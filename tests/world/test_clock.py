"""A clock that is held: it stands still as long as anybody holds it, and loses no time by that."""

import pytest

from mockserver.times import MS
from mockserver.world import clock as room
from mockserver.world.clock import Clock


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much of the machine's time has passed."""
    ticks = [0]
    monkeypatch.setattr(room, "ticks", lambda: ticks[0])
    return ticks


def test_it_goes_on_when_nobody_holds_it_any_more(passed: list[int]) -> None:
    clock = Clock(0, rate=1)
    one, other = clock.held(), clock.held()
    passed[0] = 5 * MS
    one.__enter__()
    passed[0] = 7 * MS
    other.__enter__()
    one.__exit__(None, None, None)
    passed[0] = 9 * MS
    assert clock.now() == 5 * MS
    other.__exit__(None, None, None)
    assert clock.now() == 9 * MS


def test_what_fails_while_it_is_held_lets_it_go(passed: list[int]) -> None:
    clock = Clock(0, rate=1)
    with pytest.raises(ValueError, match="planted"), clock.held():
        raise ValueError("planted")
    passed[0] = MS
    assert clock.now() == MS


def test_a_move_shows_while_it_is_held_and_counts_from_there(passed: list[int]) -> None:
    clock = Clock(0, rate=1)
    with clock.held():
        passed[0] = 5 * MS
        clock.move(100 * MS)
        passed[0] = 6 * MS
        assert clock.now() == 100 * MS
    assert clock.now() == 101 * MS
