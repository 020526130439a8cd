"""The account of each world: what became of every reply, and which requests left the contract (client errors).

The three verdicts add up to the replies. What of a request is refused is `errors`; here is what is only counted.
"""

import json
from collections import deque
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

from mockserver.contract.errors import (
    BAD_PARAMETER,
    BROKEN_BODY,
    CANNOT_SORT,
    LARGE_BODY,
    NO_ROUTE,
    SLOW_BODY,
    WRONG_METHOD,
)
from mockserver.tasks.value import equal_value, value

Verdict = Literal["valid", "deliberately-invalid", "violation"]
VALID: Final = "valid"
DELIBERATELY_INVALID: Final = "deliberately-invalid"
VIOLATION: Final = "violation"
CLIENT_ERRORS: Final = (NO_ROUTE, WRONG_METHOD, BAD_PARAMETER, CANNOT_SORT, BROKEN_BODY, LARGE_BODY, SLOW_BODY)
"""The refusals that say that a request left the contract. Others are a part of it: no such task, not in this state."""
JSON: Final = "application/json"
SHOWN: Final = 80
"""So much of a header is shown."""
COMPLAINTS: Final = 100
EXPECTATIONS: Final = 1000
COUNTS: Final = ("valid", "deliberately_invalid", "violations", "client_errors", "expected_errors", "faults")


@equal_value
class Expectation:
    """Client errors that a test makes on purpose."""

    id: str
    operation: str | None = None
    """Of which operation; None: of any, and of none."""
    status: int | None = None
    """Answered with this; None: with whatever."""
    times: int | None = None
    """How many; None: any number, but at least one."""
    met: int = 0
    world: str | None = None

    @property
    def is_met(self) -> bool:
        return self.met >= (self.times or 1)

    def takes(self, operation: str | None, status: int | None) -> bool:
        return (
            self.operation in (None, operation)
            and self.status in (None, status)
            and (self.times is None or self.met < self.times)
        )

    def to_json(self) -> dict[str, object]:
        given = {"operation": self.operation, "status": self.status, "times": self.times}
        said = {key: value for key, value in given.items() if value is not None}
        return {"id": self.id, **said, "met": self.met, "world": self.world}


@value
class Complaint:
    """A client error that nobody expected."""

    world: str | None
    method: str
    path: str
    status: int | None
    problem: str

    def to_json(self) -> dict[str, object]:
        return {
            "world": self.world,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "problem": self.problem,
        }


@dataclass(slots=True, eq=False)
class Account:
    """Of one world, or of several."""

    world: str | None = None
    valid: int = 0
    deliberately_invalid: int = 0
    violations: int = 0
    client_errors: int = 0
    """Requests that left the contract, and were not expected to."""
    expected_errors: int = 0
    faults: int = 0
    """How many requests met a fault that acted."""
    complaints: deque[Complaint] = field(default_factory=lambda: deque(maxlen=COMPLAINTS))
    """The latest client errors."""
    expectations: dict[str, Expectation] = field(default_factory=dict)
    numbered: int = 0
    """How many expectations there ever were."""

    def count(self, verdict: Verdict) -> None:
        """One more reply."""
        if verdict == VALID:
            self.valid += 1
        elif verdict == VIOLATION:
            self.violations += 1
        else:
            self.deliberately_invalid += 1

    def complain(self, operation: str | None, method: str, path: str, status: int | None, problem: str) -> bool:
        """One more client error, and whether it was expected: by one that is not met yet, if there is one."""
        takers = [one for one in self.expectations.values() if one.takes(operation, status)]
        if takers:
            taker = next((one for one in takers if not one.is_met), takers[0])
            self.expectations[taker.id] = replace(taker, met=taker.met + 1)
            self.expected_errors += 1
            return True
        self.client_errors += 1
        self.complaints.append(Complaint(self.world, method, path, status, problem))
        return False

    def expect(self, operation: str | None, status: int | None, times: int | None) -> Expectation:
        self.numbered += 1
        id = f"expectation-{self.numbered}"
        added = self.expectations[id] = Expectation(id, operation, status, times, world=self.world)
        return added

    def clear(self) -> None:
        """Nothing has happened. What is expected stays so."""
        for name in COUNTS:
            setattr(self, name, 0)
        self.complaints.clear()
        self.expectations.update({id: replace(one, met=0) for id, one in self.expectations.items()})

    def add_counts(self, other: "Account") -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def add(self, other: "Account") -> None:
        """What another account says, too; of its expectations those that are not met."""
        self.add_counts(other)
        self.complaints.extend(other.complaints)
        for one in other.unmet[: EXPECTATIONS - len(self.expectations)]:
            self.numbered += 1
            self.expectations[f"another-{self.numbered}"] = one

    @property
    def replies(self) -> int:
        return self.valid + self.deliberately_invalid + self.violations

    @property
    def unmet(self) -> list[Expectation]:
        return [one for one in self.expectations.values() if not one.is_met]

    def to_json(self) -> dict[str, int]:
        return {
            "replies": self.replies,
            "valid": self.valid,
            "deliberatelyInvalid": self.deliberately_invalid,
            "violations": self.violations,
            "clientErrors": self.client_errors,
            "expectedErrors": self.expected_errors,
        }


class Accounts:
    """Those of all worlds of a server, and what those say that are gone."""

    def __init__(self) -> None:
        self.gone = Account()
        self._open: list[Account] = []

    def open(self, world: str | None) -> Account:
        account = Account(world)
        self._open.append(account)
        return account

    def close(self, account: Account) -> Account:
        """Its world is gone: what still happens there counts in the one that is returned."""
        self._open.remove(account)
        self.gone.add(account)
        return self.gone

    def all(self) -> list[Account]:
        return [self.gone, *self._open]

    def total(self) -> Account:
        """The counts of all. Any thread may ask."""
        total = Account()
        for account in self.all():
            total.add_counts(account)
        return total

    def clear(self) -> None:
        self.gone.expectations.clear()
        for account in self.all():
            account.clear()


# --- what of a request is only counted -----------------------------------------------------------------------------


@lru_cache(maxsize=256)
def accept_problem(accept: str, media_type: str) -> str | None:
    """What is wrong with an Accept header, for an operation that answers `media_type`; None if it takes that.

    The range that says most about a type decides (RFC 9110, 12.5.1).
    """
    kind = media_type.partition("/")[0]
    weights = {"*/*": 1.0, "*": 1.0} if not accept.strip(" ,") else {}
    for part in accept.split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        weights[name] = next((_weight(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
    for name in (media_type, f"{kind}/*", "*/*", "*"):
        if name in weights:
            return None if weights[name] else f"Accept rules out {media_type}"
    return f"Accept is {accept[:SHOWN]!r}, and the answer is {media_type}"


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0


def body_problem(content_type: str | None, body: bytes) -> str | None:
    """What is wrong with a body that is not empty: another type than the API's, or none of what it says it is. One
    that says nothing is right."""
    if content_type is None:
        return None
    if content_type.partition(";")[0].strip().lower() != JSON:
        return f"Content-Type is {content_type[:SHOWN]!r}, and the API takes {JSON}"
    try:
        json.loads(body, parse_int=str, parse_constant=_refused)
    except (ValueError, RecursionError):
        return f"Content-Type is {JSON}, and the body is not JSON"
    return None


def _refused(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
