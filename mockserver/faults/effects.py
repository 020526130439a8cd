"""What a fault does to an answer: one small value per effect, whose fields are its JSON. Units are in the names.

The words are WireMock's where it has one. Nothing here performs anything: `transport` does, and `mutation` violates.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal

from mockserver.contract.dialects import Code, Dialect
from mockserver.contract.errors import Problem

TransportFault = Literal[
    "CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE", "HANG"
]
LONGEST_MS: Final = 7 * 86400 * 1000
"""A delay that a distribution draws is cut there; the schema has the same limit for one that is given."""
Json = dict[str, Any]


def _given(**fields: Any) -> Json:
    return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """A well-formed error envelope, with more headers. `status` is 400 to 599; a code or message not given has its
    default."""

    status: int
    code: Code | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        headers = dict(self.headers) or None
        return {"error": _given(status=self.status, code=self.code, message=self.message, headers=headers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What WireMock does to the connection, and HANG: no byte ever comes."""

    fault: TransportFault

    def to_json(self) -> Json:
        return {"fault": self.fault}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """The right headers, that share of the body, then a close."""

    fraction: float

    def to_json(self) -> Json:
        return {"truncateBodyAtFraction": self.fraction}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dribble:
    """The body in pieces, evenly over a time."""

    chunks: int
    total_ms: float

    def to_json(self) -> Json:
        return {"chunkedDribbleDelay": {"numberOfChunks": self.chunks, "totalDuration": self.total_ms}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Anything instead of the answer. A body that is no string is sent as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any = None

    def to_json(self) -> Json:
        return {"response": _given(status=self.status, headers=dict(self.headers) or None, body=self.body)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violate:
    """The answer, changed so that it breaks the contract: a pointer removed, some set, or a mutation that is drawn."""

    remove: str | None = None
    set: Mapping[str, Any] | None = None

    def to_json(self) -> Json:
        change = _given(remove=self.remove, set=None if self.set is None else dict(self.set))
        return {"violate": change or "random"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """429 above `limit` requests in a window of the world's time, which the first of them opens; every answer that it
    watches says how much of the window is left."""

    limit: int
    per_s: float

    def to_json(self) -> Json:
        return {"rateLimit": {"limit": self.limit, "perSeconds": self.per_s}}


Effect = Error | Transport | Truncate | Dribble | Response | Violate | RateLimit
REPLACING: Final = (Error, Transport, Response, RateLimit)
"""The effects whose answer is not the operation's, so that the operation need not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """A late answer, in milliseconds of the wall's time on every clock."""

    kind: Literal["fixed", "uniform", "lognormal"]
    first: float
    """The delay; or `lower`, or `median`."""
    second: float = 0.0
    """`upper`, or `sigma`."""

    def seconds(self, dice: Random) -> float:
        match self.kind:
            case "fixed":
                drawn = self.first
            case "uniform":
                drawn = dice.uniform(self.first, self.second)
            case "lognormal":
                drawn = self.first * math.exp(min(self.second * dice.gauss(0.0, 1.0), 700.0))
        return min(drawn, LONGEST_MS) / 1000

    def to_json(self) -> Json:
        if self.kind == "fixed":
            return {"fixedDelayMilliseconds": self.first}
        names = ("lower", "upper") if self.kind == "uniform" else ("median", "sigma")
        return {"delayDistribution": {"type": self.kind, names[0]: self.first, names[1]: self.second}}


EFFECTS: Final = (
    *("error", "fault", "truncateBodyAtFraction", "chunkedDribbleDelay", "response", "violate", "rateLimit"),
)
DELAYS: Final = ("fixedDelayMilliseconds", "delayDistribution")
ELSEWHERE: Final = ("PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods of what is not the task API."""
FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})


def effect_of(body: Json) -> Effect | None:
    """The effect of a body that fits the schema and has no `problems`."""
    match body:
        case {"error": error}:
            code = error.get("code")
            return Error(
                status=int(error["status"]),
                code=int(code) if isinstance(code, float) else code,
                message=error.get("message"),
                headers=error.get("headers", {}),
            )
        case {"fault": fault}:
            return Transport(fault=fault)
        case {"truncateBodyAtFraction": fraction}:
            return Truncate(fraction=fraction)
        case {"chunkedDribbleDelay": {"numberOfChunks": chunks, "totalDuration": total}}:
            return Dribble(chunks=int(chunks), total_ms=total)
        case {"response": response}:
            return Response(**{"headers": {}, **response, "status": int(response["status"])})
        case {"violate": change}:
            return Violate() if change == "random" else Violate(**change)
        case {"rateLimit": {"limit": limit, "perSeconds": per}}:
            return RateLimit(limit=int(limit), per_s=per)
    return None


def delay_of(body: Json) -> Delay | None:
    match body:
        case {"fixedDelayMilliseconds": delay}:
            return Delay(kind="fixed", first=delay)
        case {"delayDistribution": {"type": "uniform", "lower": lower, "upper": upper}}:
            return Delay(kind="uniform", first=lower, second=upper)
        case {"delayDistribution": {"type": "lognormal", "median": median, "sigma": sigma}}:
            return Delay(kind="lognormal", first=median, second=sigma)
    return None


def problems(body: Json, dialect: Dialect) -> list[Problem]:
    """What no schema says of a fault. `body` fits fault.schema.json."""
    return [*code_problems(body, dialect), *key_problems(body)]


def code_problems(body: Json, dialect: Dialect) -> list[Problem]:
    """Of which type a code is in the world's dialect."""
    code = body.get("error", {}).get("code")
    if not isinstance(code, str) or dialect.has_text_codes:
        return []
    return [Problem(("error", "code"), f"{code!r} is not a number, as error codes are in {dialect.stands_for}")]


def key_problems(body: Json) -> list[Problem]:
    """Which keys go together, and what is wrong with headers and pointers, of which there can be very many."""
    found: list[Problem] = []
    effects = [key for key in EFFECTS if key in body]
    delays = [key for key in DELAYS if key in body]
    if not effects and not delays:
        found.append(Problem((), f"an effect is missing: one of {', '.join((*EFFECTS, *DELAYS))}"))
    found += [Problem((key,), f"one effect only, and {effects[0]} is one already") for key in effects[1:]]
    found += [Problem((key,), f"one delay only, and {delays[0]} is one already") for key in delays[1:]]
    distribution = body.get("delayDistribution", {})
    names = {"uniform": ("lower", "upper"), "lognormal": ("median", "sigma")}.get(distribution.get("type"), ())
    others = distribution.keys() - {"type", *names}
    found += [Problem(("delayDistribution", key), f"not for the type {distribution['type']}") for key in others]
    found += [Problem(("delayDistribution",), f"the key {key} is missing") for key in names if key not in distribution]
    if distribution.get("type") == "uniform" and distribution.get("lower", 0) > distribution.get("upper", math.inf):
        found.append(Problem(("delayDistribution", "upper"), "less than lower"))
    violate = body.get("violate")
    if isinstance(violate, dict):
        if len(violate) != 1 or violate.get("set") == {}:
            found.append(Problem(("violate",), "remove or set is missing, or both are there"))
        for pointer in [*violate.get("set", {}), *([violate["remove"]] if "remove" in violate else [])]:
            if not pointer.startswith("/"):
                found.append(Problem(("violate",), f"{pointer!r} is not a JSON pointer such as /data/status"))
    found += [*_wrong_headers(body, "response"), *_wrong_headers(body, "error")]
    response = body.get("response", {})
    if response.get("status") in (204, 304) and response.get("body") not in (None, ""):
        found.append(Problem(("response", "body"), f"a {response['status']} has no body"))
    if body.get("method") in ELSEWHERE and "path" not in body:
        found.append(Problem(("method",), f"the API has no {body['method']}: only with a path that is not the API's"))
    return found


def _wrong_headers(body: Json, effect: str) -> Iterator[Problem]:
    for name, value in body.get(effect, {}).get("headers", {}).items():
        wrong = wrong_header(name, value)
        if wrong is None and effect == "error" and name.lower() == "content-type":
            wrong = "an error is JSON (see response for another body)"
        if wrong is not None:
            yield Problem((effect, "headers", name), wrong)


def wrong_header(name: str, value: str) -> str | None:
    """What is wrong with a header that an answer is to have."""
    if name.lower() in FRAMING:
        return "the framing of the answer is the server's (see fault for a broken one)"
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        return "not a header's name"
    return None if value.isprintable() and value.isascii() else "a header's value is printable ASCII"
