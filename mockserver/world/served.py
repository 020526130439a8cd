"""A world that is served: with its clock, its journal, its held answers, and what it resets to."""

from asyncio import Lock
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final, NamedTuple

from mockserver.contract.errors import Unprocessable
from mockserver.contract.wire import Texts, Wire, wire_of
from mockserver.tasks.execution import Execution
from mockserver.tasks.step import Act
from mockserver.times import MS, SECOND
from mockserver.world.clock import MANUAL, Clock, ticks, wall
from mockserver.world.evidence.exchange import Asked
from mockserver.world.fixture import ClockSetting, Fixture, Settings
from mockserver.world.held import Held
from mockserver.world.history import Change
from mockserver.world.journal import REQUESTS, Journal, Kept, SharedBytes
from mockserver.world.live import LiveWorld, TooManyEvents
from mockserver.world.moves import Way, to
from mockserver.world.sessions import Sessions
from mockserver.world.turns import ENOUGH, Steps
from mockserver.world.value import World

MAX_SNAPSHOTS: Final = 100
SPOILED: Final = 64
RESENT_WITHIN: Final = 250 * MS
UNDONE_WITHIN: Final = 60 * SECOND
GENERATIONS: Final = 16
"""Requests keep the world that they met while it was replaced less often than that."""
RELOADED: Final = "the fixtures were read again"
RENEWED: Final = "the server was given another fixture"


class Snapshot(NamedTuple):
    """A world as it was, with its clock, whose `now` is when that was."""

    name: str
    live: LiveWorld
    clock: ClockSetting


class Before(NamedTuple):
    """What a reset has taken away."""

    when: int
    """In ticks."""
    live: LiveWorld
    clock: ClockSetting
    journal: Kept
    snapshots: dict[str, Snapshot]
    sessions: Sessions


class Served:
    def __init__(self, pristine: LiveWorld, setting: ClockSetting, shared: SharedBytes | None = None) -> None:
        """`pristine` is the world as its files gave it: it is copied, never changed, and may be others' too. `shared`
        is what its journal has together with those of other worlds."""
        self._pristine, self._setting = pristine, setting
        self.journal = Journal(REQUESTS, shared or SharedBytes())
        self.snapshots: dict[str, Snapshot] = {}
        """By name, oldest first."""
        self.held = Held()
        """Answers that wait: those of rules that are gone are let go."""
        self.being_replaced = Lock()
        """Held by who reads a world that is to come in the place of this one."""
        self.is_moving = self._is_told_to_stop = False
        self.foreseen: dict[str, Act] = {}
        """What operations on a very long task do, by their ids; each is taken once."""
        self._spoiled: deque[tuple[int, Asked]] = deque(maxlen=SPOILED)
        self.generation = 0
        """How often it was replaced."""
        self.edits = 0
        """How often it was replaced or edited."""
        self.edited_by = RENEWED
        """The latest of those: a control call, or what else did it."""
        self.sessions: Sessions
        self.live: LiveWorld
        self.clock: Clock
        self.wire: Wire
        self.texts: Texts
        self._before: Before | None = None
        self._begin()

    @classmethod
    def of(cls, fixture: Fixture) -> "Served":
        return cls(LiveWorld(fixture), fixture.clock)

    @property
    def world(self) -> World:
        """As it was when somebody last looked."""
        return self.live.world

    def up_to_now(self) -> World:
        """With everything in it that is due; of a very great deal, as much as others can wait for: the rest happens
        when it is next asked for. Raises TooManyEvents."""
        began = ticks()
        self.live.advance(self.clock.now(), enough=lambda: ticks() - began > ENOUGH)
        return self.live.world

    def as_far_as_it_comes(self) -> World:
        """The same for who looks, or wants to repair it: a world that goes round in no time is where it got stuck."""
        with suppress(TooManyEvents):
            self.up_to_now()
        return self.live.world

    def state(self) -> Callable[[], Fixture]:
        """As it is now, as far as it comes; a large one is put together when it is asked for, in whatever thread."""
        world = self.as_far_as_it_comes()
        setting, traces = self.clock.setting()._replace(now=world.now), self.live.traces
        return lambda: world.fixture(setting, traces)

    # --- another world in its place --------------------------------------------------------------------------------

    def load(self, pristine: LiveWorld, setting: ClockSetting) -> None:
        """The files have changed: resets to what they give now."""
        self._pristine, self._setting, self._before = pristine, setting, None
        self._begin()
        self.edited(RELOADED)

    def reset(self) -> None:
        """As the files gave it. Until UNDONE_WITHIN has passed, it can be undone."""
        clock = self.clock.setting()._replace(now=self.world.now)
        before = Before(ticks(), self.live, clock, self.journal.kept(), self.snapshots, self.sessions)
        self._begin()
        self._before = before

    def undo_reset(self) -> None:
        """World, rules, clock, journal, history, snapshots and sessions, as they were before. Raises Unprocessable
        (409)."""
        before, self._before = self._before, None
        if before is None or ticks() - before.when > UNDONE_WITHIN:
            raise Unprocessable("there was no reset in the last minute that could be undone", status=409)
        self._adopt(before.live, before.clock)
        self.journal.take_back(before.journal)
        self.snapshots, self.sessions = before.snapshots, before.sessions

    def _begin(self) -> None:
        """A real clock whose fixture names no `now` starts at the wall's time, as it did."""
        setting, live = self._setting, self._pristine.copy()
        if setting.mode != MANUAL and not setting.given:
            setting = setting._replace(now=wall())
            live.start_at(setting.now)
        self._adopt(live, setting)
        self.journal.forget()
        self.snapshots = {}
        self.sessions = Sessions()
        self._spoiled.clear()

    def become(self, pristine: LiveWorld, setting: ClockSetting) -> None:
        """This world is another one, and resets to that: a reset before is not undone. Journal and history stay;
        sessions end."""
        self._pristine, self._setting, self._before = pristine, setting, None
        self.replace(pristine.copy(), setting)
        self.sessions = Sessions()

    def replace(self, live: LiveWorld, setting: ClockSetting) -> None:
        """Another world in the place of this one, its clock included. Journal and history stay."""
        live.history = self.live.history
        self._adopt(live, setting)

    def take_snapshot(self, name: str) -> Snapshot:
        """In the place of the one of that name, if there is one."""
        now = self.up_to_now().now
        self.snapshots.pop(name, None)
        taken = self.snapshots[name] = Snapshot(name, self.live.copy(), self.clock.setting()._replace(now=now))
        return taken

    def restore(self, snapshot: Snapshot) -> None:
        """As if its state were PUT: the world and its clock are what they were. Journal and history stay."""
        live = snapshot.live.copy()
        live.history = self.live.history
        self._adopt(live, snapshot.clock)

    def _adopt(self, live: LiveWorld, setting: ClockSetting) -> None:
        self.live, self.clock = live, Clock.of(setting)
        self._rewire()
        self.held.let_go()
        self.generation += 1
        for exchange in self.journal:
            if exchange.generation <= self.generation - GENERATIONS:
                exchange.before = None

    def let_go(self) -> None:
        """Nobody waits any longer: the answers that are held, and a move of the clock, end now."""
        self.held.let_go()
        self._is_told_to_stop = True

    def _rewire(self) -> None:
        self.wire, self.texts = wire_of(self.live.world.settings), Texts()

    def shuffle(self, trace_id: str) -> None:
        """The arrays of the answer with this trace id have an order of their own."""
        self.texts = Texts(Random(f"{self.world.settings.seed} {trace_id}"))

    def edited(self, cause: str) -> None:
        """Whoever listens should look at everything anew."""
        self.edits += 1
        self.edited_by = cause

    # --- parts of it -----------------------------------------------------------------------------------------------

    def change_settings(self, settings: Settings, cause: str) -> None:
        self.as_far_as_it_comes()
        self.live.change_settings(settings, cause)
        self._rewire()

    def patch(self, act: Act, cause: str, task: int) -> Execution:
        """Other values of a task and of some of its subtasks. Raises UnknownTask, and what `act` does."""
        patched = self.live.act_on_task(act, cause, task)
        self.texts = Texts()
        return patched

    def remove_faults(self, *ids: str) -> None:
        """These, which it has; without any, all of them. The answers that they hold are let go."""
        gone = ids or tuple(self.world.faults)
        self.live.remove_faults(*ids)
        if gone:
            self.held.let_go(*gone)

    # --- requests that are sent again ------------------------------------------------------------------------------

    def remember_spoiled(self, asked: Asked) -> None:
        """A request has met a transport fault: HTTP clients send some again by themselves."""
        self._spoiled.append((ticks(), asked))

    def is_resent(self, asked: Asked) -> bool:
        """Whether a request is like one that met a transport fault just now."""
        if not self._spoiled:
            return False
        since = ticks() - RESENT_WITHIN
        return any(when >= since and asked.is_like(other) for when, other in self._spoiled)

    # --- moving the clock: all of it or nothing ----------------------------------------------------------------------

    def moving(self, way: Way) -> Steps[tuple[list[Change], int]]:
        """What changed on the way, and how many of the first changes history no longer has.

        Others may be let in after each step. Until the last one they find the world as it was, and its time stands
        still. Raises Unprocessable, and then nothing was moved: 409 while another move is under way, and when the
        tasks or settings were changed meanwhile, or the whole world was replaced, or the server ends.
        """
        self.check_unmoved()
        clock, self.is_moving, self._is_told_to_stop = self.clock, True, False
        try:
            with clock.held():
                while self._is_behind():
                    next(self.live.events(clock.now(), budget=1), None)
                    yield
                    self._check_same(self.clock is clock)
                self.up_to_now()
                live, before = self.live, self.live.world
                trial = live.copy()
                for _ in way(trial):
                    yield
                    now = live.world
                    is_same = now.tasks is before.tasks and now.settings is before.settings
                    self._check_same(self.live is live and is_same)
        except TooManyEvents as error:
            raise Unprocessable(f"{error}; nothing was moved") from None
        finally:
            self.is_moving = False
        on_the_way, trial.history, trial.traces = trial.history, live.history, live.traces
        trial.history.follow(on_the_way)
        trial.world = live.world.with_tasks(trial.world.tasks, trial.world.now)  # rules may have acted meanwhile
        self.live = trial
        clock.move(trial.world.now)
        return list(on_the_way), on_the_way.dropped

    def setting_clock(self, setting: ClockSetting) -> Steps[None]:
        """As `moving`. If it names no instant (`given`), it is set at the present one."""
        if setting.given:
            yield from self.moving(to(setting.now))
        else:
            self.check_unmoved()
            setting = setting._replace(now=self.up_to_now().now, given=True)
        self.clock = Clock.of(setting)

    def _is_behind(self) -> bool:
        due = self.live.next_due()
        return due is not None and due <= self.clock.now()

    def check_unmoved(self) -> None:
        """Raises Unprocessable (409) while a move is under way."""
        if self.is_moving:
            raise Unprocessable("the clock is being moved: wait until that call is answered", status=409)

    def _check_same(self, is_same: bool) -> None:
        """Raises Unprocessable (409) if a move has to end: it has to, too, if what it began with is not there."""
        if self._is_told_to_stop:
            raise Unprocessable("the server ends, or this world does: nothing was moved", status=409)
        if not is_same:
            raise Unprocessable("the world was changed while its clock was moved: nothing was moved", status=409)
