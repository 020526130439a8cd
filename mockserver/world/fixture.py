"""What a fixture says, as values: all that a world is made from. `fixtures` reads it from files, and writes it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from mockserver.contract.dialects import DEFAULT, DialectName, FieldNames, Nulls, Variant
from mockserver.contract.permissions import User
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.stubs.collection import Stubs
from mockserver.tasks.state import TaskState
from mockserver.tasks.values import Pace
from mockserver.times import DEFAULT_OFFSET_S, parse_instant

Auth = Literal["open", "basic"]
ArrayOrder = Literal["fixture", "shuffled"]
ClockMode = Literal["real", "manual"]
MANUAL_START: Final = parse_instant("2021-08-25T15:10:13.000+08:00")[0]
"""Where a manual clock without a `now` starts, on every machine."""


class Settings(NamedTuple):
    auth: Auth = "open"
    server: str = "127.0.0.1"
    dialect: DialectName = DEFAULT
    nulls: Nulls = "absent"
    array_order: ArrayOrder = "fixture"
    field_names: FieldNames = "sample"
    seed: int = 0
    pace: Pace = Pace()
    offset_s: int = DEFAULT_OFFSET_S

    @property
    def variant(self) -> Variant:
        return Variant(self.dialect, self.nulls, self.field_names)

    def behaving(self) -> "Settings":
        """With the pace of its dialect."""
        return self._replace(pace=self.pace._replace(counts_retry=self.variant.row.counts_retry))


SETTINGS: Final = {
    "auth": "auth",
    "dialect": "dialect",
    "nulls": "nulls",
    "arrayOrder": "array_order",
    "fieldNames": "field_names",
    "server": "server",
    "seed": "seed",
}
"""Those that are one value: the key in JSON, and the field that holds it."""


class ClockSetting(NamedTuple):
    """`now` is nanoseconds. A fixture that names none gets one when it is read."""

    mode: ClockMode = "real"
    now: int = MANUAL_START
    speed: float = 1.0
    given: bool = False
    """Whether the fixture named `now`. If not, a real clock starts at the wall's time, whenever that is."""


class Counters(NamedTuple):
    """Numbers given out so far."""

    trace: int = 0
    fault: int = 0
    denial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fixture:
    settings: Settings = field(default_factory=Settings)
    clock: ClockSetting = field(default_factory=ClockSetting)
    users: Mapping[str, User] = field(default_factory=dict)
    tasks: Mapping[int, TaskState] = field(default_factory=dict)
    """In order of id."""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    """In order of age; the newest is last. Likewise the denials."""
    denials: Mapping[str, Denial] = field(default_factory=dict)
    stubs: Stubs = field(default_factory=Stubs)
    counters: Counters = field(default_factory=Counters)
