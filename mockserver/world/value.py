"""A world as a value: everything that it is at one instant. Whoever keeps a reference keeps the whole of it."""

from collections.abc import Mapping

from mockserver.contract.permissions import ANONYMOUS, EVERYTHING, NOTHING, User
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Rules
from mockserver.stubs.collection import Stubs
from mockserver.tasks.execution import Execution
from mockserver.tasks.shared import Shared
from mockserver.tasks.value import value
from mockserver.world.fixture import ClockSetting, Counters, Fixture, Settings


@value
class World:
    """`traces` is beside it (`LiveWorld`), since each request has one more and changes nothing else."""

    settings: Settings
    users: Mapping[str, User]
    tasks: Shared[int, Execution]
    """By id, in order of id."""
    faults: Rules
    denials: Mapping[str, Denial]
    """In order of age; the newest is last."""
    stubs: Stubs
    numbers: tuple[int, int]
    """How many faults and denials were given an id."""
    now: int

    @classmethod
    def of(cls, fixture: Fixture) -> "World":
        """As the fixture says it, before any consequences."""
        return cls(
            settings=fixture.settings,
            users=fixture.users,
            tasks=Shared((id, Execution.of(state)) for id, state in fixture.tasks.items()),
            faults=Rules(fixture.faults.values()),
            denials=fixture.denials,
            stubs=fixture.stubs,
            numbers=(fixture.counters.fault, fixture.counters.denial),
            now=fixture.clock.now,
        )

    def with_settings(self, settings: Settings) -> "World":
        return World(settings, self.users, self.tasks, self.faults, self.denials, self.stubs, self.numbers, self.now)

    def with_tasks(self, tasks: Shared[int, Execution], now: int) -> "World":
        return World(self.settings, self.users, tasks, self.faults, self.denials, self.stubs, self.numbers, now)

    def with_faults(self, faults: Rules) -> "World":
        return World(self.settings, self.users, self.tasks, faults, self.denials, self.stubs, self.numbers, self.now)

    def with_denials(self, denials: Mapping[str, Denial]) -> "World":
        return World(self.settings, self.users, self.tasks, self.faults, denials, self.stubs, self.numbers, self.now)

    def with_stubs(self, stubs: Stubs) -> "World":
        return World(self.settings, self.users, self.tasks, self.faults, self.denials, stubs, self.numbers, self.now)

    def fixture(self, clock: ClockSetting, traces: int) -> Fixture:
        """That gives this world back."""
        return Fixture(
            settings=self.settings,
            clock=clock,
            users=self.users,
            tasks={id: execution.state() for id, execution in self.tasks.items()},
            faults=dict(self.faults),
            denials=dict(self.denials),
            stubs=self.stubs,
            counters=Counters(traces, *self.numbers),
        )

    # --- who may do what -------------------------------------------------------------------------------------------

    def allowed(self, user: str) -> frozenset[str]:
        """The permissions of a user, denials aside. Where the fixture names no users, anybody may do everything."""
        known = self.users.get(user)
        if known is not None:
            return known.allowed
        return EVERYTHING if user == ANONYMOUS or not self.users else NOTHING

    def denied(self, permission: str, user: str, operation: str, task: int | None) -> Denial | None:
        """The newest denial that takes this permission away here; not yet counted."""
        for denial in reversed(list(self.denials.values())):
            if not denial.used_up and denial.matches(permission, user, operation, task):
                return denial
        return None
