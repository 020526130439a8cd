"""A world on a real clock in which a great deal has become due: each call does some of it, and nothing is lost."""

from collections.abc import Iterator
from typing import Final

import pytest
from builders import at, run, subtask, task, values, world
from builders import pace as paced
from clients import TASK, Client

from mockserver import MockServer
from mockserver.contract.errors import Unprocessable
from mockserver.times import SECOND
from mockserver.world import live as live_room
from mockserver.world import moves
from mockserver.world import served as served_room
from mockserver.world.fixture import ClockSetting
from mockserver.world.live import LiveWorld, TooManyEvents
from mockserver.world.served import Served

COUNT: Final = 40


def many() -> LiveWorld:
    return world(task(*[subtask(id) for id in range(1, COUNT)], subtask(COUNT, *range(1, COUNT))))


def rounds() -> LiveWorld:
    again = subtask(1, status="READY", retry_count=10**9, runs=[run("FAILED", 0)])
    return world(task(again), pace=paced(dispatch=0))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_room, "EVENTS_ANYHOW", 3)


def test_in_parts_it_comes_to_the_same() -> None:
    whole = many()
    parts = whole.copy()
    whole.advance(at(100))
    assert parts.advance(at(100), enough=lambda: True) == 3
    assert parts.world.now == at(1), "the instant of the last event"
    for _ in range(COUNT):
        parts.advance(at(100), enough=lambda: True)
    assert values(parts) == values(whole)


def test_so_many_happen_however_long_that_takes() -> None:
    asked = []

    def enough() -> bool:
        asked.append("after an event")
        return False

    many().advance(at(1), enough=enough)
    assert len(asked) == 10 - 2, "of ten that are due, the first two are not asked about"


def test_what_goes_round_is_found_out_in_parts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_room, "EVENTS_AT_ONE_INSTANT", 30)
    it = rounds()
    for _ in range(10):
        it.advance(at(1), enough=lambda: True)
    with pytest.raises(TooManyEvents, match="more than 30 events at one instant"):
        it.advance(at(1), enough=lambda: True)


def test_other_settings_begin_the_count_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be what ends it."""
    monkeypatch.setattr(live_room, "EVENTS_AT_ONE_INSTANT", 30)
    it = rounds()
    for _ in range(10):
        it.advance(at(1), enough=lambda: True)
    it.change_settings(it.world.settings._replace(pace=paced(dispatch=1)), "PUT /__admin/settings")
    it.advance(at(1))
    assert it.world.now == at(1)


def test_while_a_move_catches_up_others_are_let_in_after_each_event() -> None:
    served = Served(many(), ClockSetting("real", at(0), 1.0, True))
    served.clock.move(at(1))
    moving = served.moving(moves.by(0))
    happened = []
    for _ in range(10):
        next(moving)
        happened.append(sum(one.status == "RUNNING" for one in served.world.tasks[1000].subtasks.values()))
    assert happened == [*range(1, 11)]
    moving.close()
    assert served.clock.now() >= at(1), "it goes on"


@pytest.mark.parametrize("end", ["replaced", "ended"])
def test_a_move_that_catches_up_ends_with_its_world(end: str) -> None:
    setting = ClockSetting("real", at(0), 1.0, True)
    served = Served(many(), setting)
    served.clock.move(at(1))
    moving = served.moving(moves.by(9 * SECOND))
    next(moving)
    if end == "replaced":
        served.replace(many(), setting)
        served.clock.move(at(1))
    else:
        served.let_go()
    with pytest.raises(Unprocessable, match="nothing was moved"):
        next(moving)
    assert served.world.now < at(2)
    assert not served.is_moving


# --- served ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A real clock, at which all but the last of 40 subtasks are soon due to begin."""
    monkeypatch.setattr(served_room, "ENOUGH", -1)
    ready = [{"id": id, "status": "READY", "due": "2021-01-01T00:00:00Z"} for id in range(1, COUNT)]
    clock = {"mode": "real", "now": "2021-01-01T00:00:00Z"}
    tasks = [{"id": 1000, "subtasks": [*ready, {"id": COUNT, "upstreams": list(range(1, COUNT))}]}]
    with MockServer({"clock": clock, "tasks": tasks, "scheduler": {"run": "9h"}}) as mock, Client(mock) as client:
        yield client


def running(client: Client) -> int:
    subtasks = client.admin("GET", "/tasks/1000")["subtasks"]
    return sum(one["status"] == "RUNNING" for one in subtasks)


def test_each_request_moves_it_on(behind: Client) -> None:
    seen = [running(behind) for _ in range(COUNT)]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == COUNT - 1


def test_a_move_of_its_clock_waits_for_none_of_it(behind: Client) -> None:
    """It does what is left before it moves."""
    behind.admin("POST", "/clock/advance", {"by": "1s"})
    assert running(behind) == COUNT - 1
    assert behind.get(TASK).status_code == 200
