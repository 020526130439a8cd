"""A request: what was asked, what it met, what was answered. The journal keeps these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from multidict import MultiMapping

from mockserver.contract.credentials import Sent
from mockserver.contract.errors import ApiError
from mockserver.contract.routes import Route
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.redaction import shown_headers
from mockserver.tasks.value import value
from mockserver.times import MS
from mockserver.world.value import World

ENTRY_BYTES: Final = 1024
"""What an entry takes without its texts, roughly."""
BODY_BYTES: Final = 16 * 1024
"""Of each body, that much is shown."""
KEPT: Final = BODY_BYTES + 1
"""Of each body, that much is kept: one byte more than is shown, so that it shows that there was more."""

Kind = Literal["api", "stub", "forwarded", "refused"]
API: Final = "api"
STUB: Final = "stub"
FORWARDED: Final = "forwarded"
"""These two are answered in `server/elsewhere`, and are no replies of the API's account."""
REFUSED: Final = "refused"
"""What never became a request of the API: the HTTP server refused it, or a foreign page wanted it forwarded."""


@value
class Asked:
    """What a request asks for. It knows nothing of any world, so the same bytes may share one."""

    method: str
    target: str
    """As it was sent: path and query, still encoded."""
    path: str
    """Decoded, without the query."""
    query: str
    """Still encoded."""
    to: Route
    sent: Sent
    headers: MultiMapping[str]
    body: bytes
    """Its first KEPT bytes."""
    size: int = ENTRY_BYTES
    """How many bytes all of this is, roughly: `size_of`."""
    forgiven: str | None = None
    """What leaves the contract in its headers and its body: counted, and never refused."""
    expects: str | None = None
    """The status of the client error that it says it is."""
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    """As they were sent: aiohttp spells some names otherwise."""

    def shown_headers(self) -> list[tuple[str, str]]:
        """As they were sent, but for secrets."""
        raw = [(name.decode("latin-1"), text.decode("utf-8", "replace")) for name, text in self.raw_headers]
        return list(shown_headers(raw or self.headers.items()))

    def is_like(self, other: "Asked") -> bool:
        """Whether a client that sends again would send this."""
        return (
            self.method == other.method
            and self.target == other.target
            and self.body == other.body
            and self.headers.get("Authorization") == other.headers.get("Authorization")
        )


def size_of(target: str, headers: Mapping[str, str], body: bytes) -> int:
    return (
        ENTRY_BYTES
        + len(target)
        + min(len(body), KEPT)
        + 2 * sum(len(name) + len(text) for name, text in headers.items())  # they are kept as they were sent, too
    )


@dataclass(slots=True, eq=False)
class Exchange:
    """A request: what was asked, and what it met; later, what was answered. Bodies are as they were on the wire."""

    asked: Asked
    time: int
    """When it came, in nanoseconds of the world's time."""
    trace_id: str
    before: World | None
    """The world just before it acted (or did not); None once that is too old to be kept."""
    traces: int
    """How many trace ids the world had given out before it."""
    generation: int
    """Of the world: how often it had been replaced."""
    began: int
    """When it came, in ticks of the machine."""
    going_round: ApiError | None = None
    """Why its world could not be brought up to now."""
    resent: bool = False
    """Whether it is the same request as one that met a transport fault a moment ago."""
    fault: Fault | None = None
    """The rule that acted on it."""
    rate: Fault | None = None
    """The rate limit that has counted it, as it then was."""
    acted: int | None = None
    """When it acted, if that was not when it came."""
    changes: tuple[int, int] = (0, 0)
    """Its changes are the entries of the history after the first number, up to the second."""
    denial: Denial | None = None
    """The rule that refused it."""
    status: int | None = None
    """None while there is no answer; likewise what follows."""
    content: bytes = b""
    """Of the answer."""
    headers: Mapping[str, str] | None = None
    """Of the answer, but for those that the connection adds: its length, the date, the server's name."""
    ended: int = 0
    """When there was an answer, in ticks of the machine."""
    rule: str | None = None
    """The id of the fault or denial that acted."""
    hint: str | None = None
    client_error: str | None = None
    """In what it left the contract, if it was looked at and did."""
    expected: bool = False
    """Whether that was on purpose."""
    effect: str | None = None
    """What the fault did."""
    kind: Kind = API
    size: int = 0
    """As what it counts in the journal; 0 once it is not there any more."""
    number: int = 0
    """In the journal."""
    let_go: bool = False
    """Whether a late answer never came."""

    @property
    def duration_ms(self) -> float | None:
        """By the machine's clock; None while there is no answer."""
        return round((self.ended - self.began) / MS, 3) if self.ended else None
