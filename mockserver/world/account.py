"""The server's account: what became of every reply, and which requests left the contract (client errors).

The three verdicts add up to the replies. What of a request is refused is `errors`; here is what is only counted.
"""

import json
from dataclasses import dataclass
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

Verdict = Literal["valid", "deliberately-invalid", "violation"]
VALID: Final = "valid"
DELIBERATELY_INVALID: Final = "deliberately-invalid"
VIOLATION: Final = "violation"
CLIENT_ERRORS: Final = (NO_ROUTE, WRONG_METHOD, BAD_PARAMETER, CANNOT_SORT, BROKEN_BODY, LARGE_BODY, SLOW_BODY)
"""The refusals that say that a request left the contract. Others are a part of it: no such task, not in this state."""
JSON: Final = "application/json"
SHOWN: Final = 80
"""So much of a header is shown."""


@dataclass(slots=True)
class Account:
    valid: int = 0
    deliberately_invalid: int = 0
    violations: int = 0
    client_errors: int = 0
    """Requests that left the contract."""

    def count(self, verdict: Verdict) -> None:
        """One more reply."""
        if verdict == VALID:
            self.valid += 1
        elif verdict == VIOLATION:
            self.violations += 1
        else:
            self.deliberately_invalid += 1

    @property
    def replies(self) -> int:
        return self.valid + self.deliberately_invalid + self.violations

    def to_json(self) -> dict[str, int]:
        return {
            "replies": self.replies,
            "valid": self.valid,
            "deliberatelyInvalid": self.deliberately_invalid,
            "violations": self.violations,
            "clientErrors": self.client_errors,
        }


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
