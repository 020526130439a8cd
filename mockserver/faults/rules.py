"""Fault rules: what each does to an answer, and which one acts on a request. Pure; the dice are seeded.

A rule is a frozen value. `matches` counts the requests that it matched while it was not used up, `hits` those on which
it acted. What it does to the answer is its effect (`effects`), its delay, or both.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from random import Random
from typing import Any, Final, Literal, NamedTuple

from mockserver.faults.effects import REPLACING, Delay, Effect, RateLimit, Violate, delay_of, effect_of
from mockserver.globs import fits
from mockserver.tasks.value import equal_value
from mockserver.times import SECOND

When = Literal["before", "after"]
BEFORE: Final = "before"
AFTER: Final = "after"
REMEMBERED: Final = 1024
FILTERS: Final = ("id", "operation", "method", "path", "task_instance_id", "subtask_instance_id", "user", "when")
COUNTS: Final = ("skip", "times", "hits", "matches")
KEYS: Final = {"task_instance_id": "taskInstanceId", "subtask_instance_id": "subtaskInstanceId"}
"""The fields of a rule that JSON calls otherwise."""
_MASK = (1 << 64) - 1


def mixed(number: int) -> int:
    """64 bits that look random, one to one (splitmix64's finalizer)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


@lru_cache(maxsize=REMEMBERED)
def first_dice(id: str, seed: int) -> int:
    return mixed(mixed(seed) ^ mixed(int.from_bytes(id.encode()[:64])))


class Incoming(NamedTuple):
    """What of a request a rule can look at."""

    operation: str
    """Empty for what is not the task API: then a rule has to name its path."""
    method: str
    path: str
    user: str
    task_instance_id: int | None
    subtask_instance_id: int | None


@equal_value
class Fault:
    id: str
    effect: Effect | None = None
    delay: Delay | None = None
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
    window: tuple[int, int] = (0, 0)
    """Of a rate limit: until when it is open (an instant of the world), and how many requests it has let through."""

    @property
    def replaces(self) -> bool:
        """Whether the answer is not the operation's, which `before` then does not happen."""
        return isinstance(self.effect, REPLACING)

    @property
    def used_up(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def matches_request(self, request: Incoming) -> bool:
        if not request.operation and (self.path is None or isinstance(self.effect, Violate)):
            return False  # an answer that has no contract cannot break it
        return (
            self.operation in (None, request.operation)
            and self.task_instance_id in (None, request.task_instance_id)
            and self.subtask_instance_id in (None, request.subtask_instance_id)
            and self.method in (None, request.method)
            and self.user in (None, request.user)
            and (self.path is None or fits(request.path, self.path))
        )

    def dice(self, nth: int, seed: int) -> Random:
        """For its n-th match (from 1): what falls is decided by the seed, the rule and n, and by nothing else."""
        return Random(mixed(first_dice(self.id, seed) ^ nth))

    def acts_on_match(self, nth: int, seed: int) -> bool:
        if nth <= self.skip or self.probability <= 0:  # dice cost more than all the rest, and a world has 1,000 rules
            return False
        return self.probability >= 1 or self.dice(nth, seed).random() < self.probability

    def counted(self, hits: int, window: tuple[int, int]) -> "Fault":
        """After one more match. (By place: `replace` takes ten times as long.)"""
        return Fault(
            *(self.id, self.effect, self.delay, self.operation, self.method, self.path, self.task_instance_id),
            *(self.subtask_instance_id, self.user, self.when, self.skip, self.times, self.probability),
            *(hits, self.matches + 1, window),
        )

    def to_json(self) -> dict[str, Any]:
        """As POST /__admin/faults takes it, with what it has done so far."""
        body = written(self, FILTERS) | written(self, ("skip", "times", "probability"))
        for done in (self.effect, self.delay):
            body |= done.to_json() if done else {}
        body |= written(self, ("hits", "matches"))
        if self.window[1]:
            body["window"] = {"until": self.window[0], "count": self.window[1]}
        return body


def written(rule: object, fields: Iterable[str]) -> dict[str, Any]:
    """Those fields of a rule that are not None, as JSON has them."""
    return {KEYS.get(name, name): value for name in fields if (value := getattr(rule, name)) is not None}


def given(body: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Those fields that a rule's JSON has."""
    return {name: body[KEYS.get(name, name)] for name in fields if KEYS.get(name, name) in body}


def from_json(body: Mapping[str, Any], id: str) -> Fault:
    """A rule from a body that fits fault.schema.json and has no `problems`. `id` is for one that has none."""
    window = body.get("window", {"until": 0, "count": 0})
    counts = {name: int(count) for name, count in given(body, COUNTS).items()}  # 1.0 is an integer in JSON Schema
    return Fault(
        **{"id": id, **given(body, (*FILTERS, "probability")), **counts},
        effect=effect_of(dict(body)),
        delay=delay_of(dict(body)),
        window=(int(window["until"]), int(window["count"])),
    )


def choose(rules: Iterable[Fault], seed: int, now: int) -> tuple[list[Fault], Fault | None]:
    """Of the rules that a request matches, newest first: those that counted it, as they are then, and the one that
    acts: the first that is not used up and is neither skipping nor talked out of it by its dice, nor a rate that is
    kept."""
    changed: list[Fault] = []
    for rule in rules:
        if rule.used_up:
            continue
        acts, window = rule.acts_on_match(rule.matches + 1, seed), rule.window
        if acts and isinstance(rule.effect, RateLimit):
            until, count = window if now < window[0] else (now + round(rule.effect.per_s * SECOND), 0)
            window, acts = (until, count + 1), count >= rule.effect.limit
        changed.append(rule.counted(rule.hits + acts, window))
        if acts:
            return changed, changed[-1]
    return changed, None


class Rules(Mapping[str, Fault]):
    """Every rule of a world by its id, oldest first: a value. Which of them a request matches is remembered, since no
    count changes that; so rules that have nothing to do with a request cost it nothing."""

    __slots__ = ("_matching", "_rules", "ids")

    def __init__(self, rules: Iterable[Fault]) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self.ids = tuple(self._rules)
        self._matching: dict[Incoming, tuple[str, ...]] = {}

    def __getitem__(self, id: str) -> Fault:
        return self._rules[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def matching(self, request: Incoming) -> tuple[str, ...]:
        """The ids of those that the request matches, newest first, whether or not they are used up."""
        known = self._matching.get(request)
        if known is None:
            if len(self._matching) >= REMEMBERED:
                self._matching.clear()
            rules = reversed(self._rules.values())
            known = self._matching[request] = tuple(rule.id for rule in rules if rule.matches_request(request))
        return known

    def counted(self, changed: Iterable[Fault]) -> "Rules":
        """The same rules, some of them with other counts."""
        new = object.__new__(Rules)
        new._rules = self._rules | {rule.id: rule for rule in changed}
        new._matching, new.ids = self._matching, self.ids
        return new

    def rate_of(self, before: "Rules", request: Incoming, now: int) -> Fault | None:
        """Of the rate limits that match this request and were not used up before it, also where another rule acted on
        it: the one with the least of its window left, the newest of several."""
        rates: dict[str, int] = {}
        for rule in (self._rules[id] for id in self.matching(request)):
            if isinstance(rule.effect, RateLimit) and not before[rule.id].used_up:
                until, count = rule.window
                rates[rule.id] = rule.effect.limit - (count if now < until else 0)
        return self._rules[min(rates, key=rates.__getitem__)] if rates else None

    def added(self, rule: Fault) -> "Rules":
        return Rules([*self._rules.values(), rule])
