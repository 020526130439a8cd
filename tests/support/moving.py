"""Moving the clock of a world that is served, where nobody is to be let in."""

from typing import TypeVar

from mockserver.world.history import Change
from mockserver.world.moves import Way
from mockserver.world.served import Served
from mockserver.world.turns import Steps

Result = TypeVar("Result")


def at_once(steps: Steps[Result]) -> Result:
    try:
        while True:
            next(steps)
    except StopIteration as end:
        result: Result = end.value
        return result


def move(served: Served, way: Way) -> tuple[list[Change], int]:
    return at_once(served.moving(way))
