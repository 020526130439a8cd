"""A world on the server: with its clock, its journal, and what it resets to."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from mockserver.contract.errors import Problem, Unprocessable
from mockserver.contract.wire import Wire, wire_of
from mockserver.times import LATEST_NOW, MS
from mockserver.world.clock import MANUAL, Clock, ticks, wall
from mockserver.world.fixture import ClockSetting, Fixture, Settings
from mockserver.world.held import Held
from mockserver.world.journal import CHANGES, REQUESTS, Change, Record
from mockserver.world.world import EVENTS_IN_ONE_CALL, TooManyEvents, World, change_of

MAX_SNAPSHOTS: Final = 100
SPOILED: Final = 64
RESENT_WITHIN: Final = 250 * MS
RELOADED: Final = "the fixtures were read again"
RENEWED: Final = "the server was given another fixture"


class Snapshot(NamedTuple):
    """A world as it was, with its clock, whose `now` is when that was."""

    name: str
    world: World
    clock: ClockSetting


class Hosted:
    def __init__(self, pristine: World, setting: ClockSetting) -> None:
        """`pristine` is the world as its files gave it: it is copied, never changed, and may be others' too."""
        self.pristine, self._setting = pristine, setting
        self.journal: Record[Sequence[Any]] = Record(REQUESTS)
        """Of Exchange, as plain tuples; a list where the answer is yet to come."""
        self.snapshots: dict[str, Snapshot] = {}
        """By name, oldest first."""
        self.held = Held()
        """Answers that wait: those of rules that are gone are let go."""
        self.spoiled: deque[tuple[int, list[Any]]] = deque(maxlen=SPOILED)
        self.edits = 0
        """How often it was replaced or edited."""
        self.edited_by = RENEWED
        """The latest of those: a control call, or what else did it."""
        self.world: World
        self.clock: Clock
        self.wire: Wire
        self.reset()

    @classmethod
    def of(cls, fixture: Fixture) -> "Hosted":
        return cls(World(fixture), fixture.clock)

    def load(self, pristine: World, setting: ClockSetting) -> None:
        """The files have changed: resets to what they give now."""
        self.pristine, self._setting = pristine, setting
        self.reset()
        self.edited(RELOADED)

    def edited(self, cause: str) -> None:
        """Whoever listens should look at everything anew; and what was noted of the world before is of no use."""
        self.edits += 1
        self.edited_by = cause
        self.world.history.notes.clear()

    def reset(self) -> None:
        """As the files gave it. A real clock whose fixture names no `now` starts at the wall's time, as it did."""
        setting, world = self._setting, self.pristine.copy()
        world.history = Record(CHANGES)
        if setting.mode != MANUAL and not setting.given:
            setting = setting._replace(now=wall())
            world.start_at(setting.now)
        self._adopt(world, setting)
        self.journal.forget()
        self.snapshots.clear()
        self.spoiled.clear()

    def replace(self, fixture: Fixture) -> None:
        """Another world in the place of this one, its clock included. Journal and history stay."""
        world = World(fixture)
        world.advance(fixture.clock.now)  # raises TooManyEvents for one that goes round at once; nothing has changed
        world.history = self.world.history
        self._adopt(world, fixture.clock)

    def change_settings(self, settings: Settings, cause: str) -> None:
        self.up_to_now().change_settings(settings, cause)
        self.wire = wire_of(settings)

    def take_snapshot(self, name: str) -> Snapshot:
        """In the place of the one of that name, if there is one."""
        world = self.up_to_now().copy()
        world.history = Record(CHANGES)
        self.snapshots.pop(name, None)
        taken = self.snapshots[name] = Snapshot(name, world, self.clock.setting()._replace(now=world.now))
        return taken

    def restore(self, snapshot: Snapshot) -> None:
        """As if its state were PUT: the world and its clock are what they were. Journal and history stay."""
        world = snapshot.world.copy()
        world.history = self.world.history
        self._adopt(world, snapshot.clock)

    def _adopt(self, world: World, setting: ClockSetting) -> None:
        self.world, self.clock, self.wire = world, Clock.of(setting), wire_of(world.settings)
        self.held.let_go()

    # --- faults ----------------------------------------------------------------------------------------------------

    def remove_fault(self, id: str) -> None:
        del self.world.faults[id]
        self.held.let_go(id)

    def remove_faults(self) -> None:
        rules = list(self.world.faults)
        self.world.faults.clear()
        if rules:
            self.held.let_go(*rules)

    def remember_spoiled(self, entry: list[Any]) -> None:
        """A request in the journal has met a transport fault: HTTP clients send some again by themselves."""
        self.spoiled.append((ticks(), entry))

    def is_resent(self, *request: object) -> bool:
        """Whether (method, path, authorization, body) are those of a request that met a transport fault just now."""
        if not self.spoiled:
            return False
        since = ticks() - RESENT_WITHIN
        return any(when >= since and tuple(entry[2:6]) == request for when, entry in self.spoiled)

    def up_to_now(self) -> World:
        """The world, with everything in it that is due. Raises TooManyEvents."""
        world = self.world
        world.advance(self.clock.now())
        return world

    def state(self) -> Fixture:
        world = self.up_to_now()
        return world.as_fixture(self.clock.setting()._replace(now=world.now))

    # --- moving the clock: all of it or nothing ----------------------------------------------------------------------

    def set_clock(self, setting: ClockSetting) -> None:
        """If it names no instant (`given`), at the present one. Raises Unprocessable, for an instant that is past or a
        way there that is too long."""
        if setting.given:
            self._move(lambda world: self._to(world, setting.now))
        else:
            setting = setting._replace(now=self.up_to_now().now, given=True)
        self.clock = Clock.of(setting)

    def advance_to(self, to: int) -> tuple[list[Change], int]:
        return self._move(lambda world: self._to(world, to))

    def advance_by(self, by: int) -> tuple[list[Change], int]:
        return self._move(lambda world: self._to(world, world.now + by))

    def advance_to_next(self) -> tuple[list[Change], int]:
        """To the instant of the next event; nowhere, if there is none."""

        def to_next(world: World) -> None:
            instant = world.next_due()
            if instant is not None:
                self._to(world, instant)

        return self._move(to_next)

    def advance_until(self, reached: Callable[[World], bool] | None) -> tuple[list[Change], int]:
        """To the first instant at which it is so; None: at which nothing is due any more. 409 if that never comes."""

        def until(world: World) -> None:
            budget = EVENTS_IN_ONE_CALL
            while reached is None or not reached(world):
                instant = world.next_due()
                if instant is None and reached is None:
                    return
                if instant is None:
                    raise Unprocessable("that never comes: nothing more happens by itself", status=409)
                budget -= self._to(world, instant, budget)

        return self._move(until)

    @staticmethod
    def _to(world: World, to: int, budget: int = EVENTS_IN_ONE_CALL) -> int:
        if to < world.now:
            raise Unprocessable("a clock never goes backwards", [Problem((), "that instant is past")])
        if to > LATEST_NOW:
            raise Unprocessable("a clock ends with the year 9000", [Problem((), "that instant is later")])
        return world.advance(to, budget)

    def _move(self, move: Callable[[World], object]) -> tuple[list[Change], int]:
        """What changed on the way, and how many of the first changes history no longer has."""
        before = self.up_to_now()
        trial = before.copy()
        try:
            move(trial)
        except TooManyEvents as error:
            raise Unprocessable(f"{error}; nothing was moved") from None
        self.world = trial
        self.clock.move(trial.now)
        count = trial.history.total - before.history.total
        latest = trial.history.kept[-count:] if count else []
        return [change_of(entry) for entry in latest], count - len(latest)
