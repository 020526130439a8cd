"""Ways to move a clock, event by event, so that others get a turn between two. Whose clock, and whether it did move, is
up to `served`: a way is carried out on a copy."""

from collections.abc import Callable

from mockserver.contract.errors import Problem, Unprocessable
from mockserver.times import LATEST_NOW
from mockserver.world.live import EVENTS_IN_ONE_CALL, LiveWorld
from mockserver.world.turns import Steps
from mockserver.world.value import World

Way = Callable[[LiveWorld], Steps[object]]
"""Raises Unprocessable and TooManyEvents."""


def to(instant: int) -> Way:
    return lambda live: _to(live, instant)


def by(nanos: int) -> Way:
    return lambda live: _to(live, live.world.now + nanos)


def to_next(live: LiveWorld) -> Steps[None]:
    """To the instant of the next event; nowhere, if there is none."""
    instant = live.next_due()
    if instant is not None:
        yield from _to(live, instant)


def until(reached: Callable[[World], bool] | None) -> Way:
    """To the first instant at which it is so; None: at which nothing is due any more. 409 if that never comes."""

    def way(live: LiveWorld) -> Steps[None]:
        budget = EVENTS_IN_ONE_CALL
        while reached is None or not reached(live.world):
            instant = live.next_due()
            if instant is None and reached is None:
                return
            if instant is None:
                raise Unprocessable("that never comes: nothing more happens by itself", status=409)
            budget -= yield from _to(live, instant, budget)

    return way


def _to(live: LiveWorld, instant: int, budget: int = EVENTS_IN_ONE_CALL) -> Steps[int]:
    """Returns how many events that was."""
    if instant < live.world.now:
        raise Unprocessable("a clock never goes backwards", [Problem((), "that instant is past")])
    if instant > LATEST_NOW:
        raise Unprocessable("a clock ends with the year 9000", [Problem((), "that instant is later")])
    events = 0
    for _ in live.events(instant, budget):
        events += 1
        yield
    live.advance(instant)
    return events
