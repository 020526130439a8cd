"""Fault rules: what each does to an answer, and which one acts on a request. Pure; the dice are seeded.

A rule is a frozen value. `matches` counts the requests that it matched while it was not used up, `hits` those on which
it acted. Another effect is another small class here, a branch in `effect_from_json`, and its performance in `app`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, NamedTuple

When = Literal["before", "after"]
BEFORE: Final = "before"
AFTER: Final = "after"
DEFAULT_CODES: Final = {401: 30000, 403: 30014, 404: 20000}
DEFAULT_CODE: Final = 10010
_MASK = (1 << 64) - 1


def mixed(number: int) -> int:
    """64 bits that look random, one to one (splitmix64's finalizer)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class Incoming(NamedTuple):
    """What of a request a rule can look at."""

    operation: str
    method: str
    path: str
    user: str
    task_instance_id: int | None
    subtask_instance_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """A well-formed error envelope. `status` is 400 to 599; a code or message not given has its default."""

    status: int
    code: int | None = None
    message: str | None = None

    def to_json(self) -> dict[str, Any]:
        given = {"status": self.status, "code": self.code, "message": self.message}
        return {"error": {key: value for key, value in given.items() if value is not None}}


Effect = Error


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    id: str
    effect: Effect
    operation: str | None = None
    method: str | None = None
    path: str | None = None
    """A glob over the whole path; `*` crosses slashes."""
    task_instance_id: int | None = None
    subtask_instance_id: int | None = None
    user: str | None = None
    when: When = BEFORE
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    hits: int = 0
    matches: int = 0

    @property
    def used_up(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def matches_request(self, request: Incoming) -> bool:
        return (
            self.operation in (None, request.operation)
            and self.method in (None, request.method)
            and self.task_instance_id in (None, request.task_instance_id)
            and self.subtask_instance_id in (None, request.subtask_instance_id)
            and self.user in (None, request.user)
            and (self.path is None or fnmatchcase(request.path, self.path))
        )

    def acts_on_match(self, nth: int, seed: int) -> bool:
        """Whether it acts on its n-th match (from 1): decided by the seed, the rule and n, and by nothing else."""
        if nth <= self.skip:
            return False
        if self.probability >= 1:
            return True
        number = int.from_bytes(self.id.encode()[:64])
        return mixed(mixed(mixed(seed) ^ mixed(number)) ^ nth) < self.probability * (1 << 64)

    def to_json(self) -> dict[str, Any]:
        """As POST /__admin/faults takes it, with what it has done so far."""
        body: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
            "taskInstanceId": self.task_instance_id,
            "subtaskInstanceId": self.subtask_instance_id,
            "user": self.user,
            "when": self.when,
            "skip": self.skip,
            "times": self.times,
            "probability": self.probability,
            **self.effect.to_json(),
            "hits": self.hits,
            "matches": self.matches,
        }
        return {key: value for key, value in body.items() if value is not None}


def from_json(body: Mapping[str, Any], id: str) -> Fault:
    """A rule from a body that fits fault.schema.json. `id` is for one that has none."""
    return Fault(
        id=body.get("id", id),
        effect=Error(**body["error"]),
        operation=body.get("operation"),
        method=body.get("method"),
        path=body.get("path"),
        task_instance_id=body.get("taskInstanceId"),
        subtask_instance_id=body.get("subtaskInstanceId"),
        user=body.get("user"),
        when=body.get("when", BEFORE),
        skip=body.get("skip", 0),
        times=body.get("times"),
        probability=body.get("probability", 1.0),
        hits=body.get("hits", 0),
        matches=body.get("matches", 0),
    )


def choose(rules: dict[str, Fault], request: Incoming, seed: int) -> tuple[list[Fault], Fault | None]:
    """The rules as they are after this request (only those that matched), and the one that acts: the newest that
    matches, is not used up and is neither skipping nor talked out of it by its dice."""
    changed: list[Fault] = []
    for rule in reversed(rules.values()):
        if rule.used_up or not rule.matches_request(request):
            continue
        nth = rule.matches + 1
        if rule.acts_on_match(nth, seed):
            acting = replace(rule, matches=nth, hits=rule.hits + 1)
            return [*changed, acting], acting
        changed.append(replace(rule, matches=nth))
    return changed, None
