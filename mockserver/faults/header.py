"""The fault that a request asks for itself: `X-Mock-Fault`, or `Prefer: code=…` as Prism's users send it."""

import re
from dataclasses import replace
from typing import Any, Final

from multidict import MultiMapping, istr

from mockserver.contract.dialects import Dialect
from mockserver.contract.errors import BAD_PARAMETER, ApiError, Problem
from mockserver.contract.json_text import strict_json
from mockserver.contract.schemas import contract
from mockserver.faults.effects import DELAYS, EFFECTS, Error, problems
from mockserver.faults.rules import Fault, from_json

OWN: Final = "X-Mock-Fault"
PREFERRED: Final = "Prefer"
"""The ids of the faults that a request asks for itself are the headers' names."""
FAULT_HEADER: Final = istr(OWN)  # looked up in every request, and an istr is in half of the time
PREFER: Final = istr(PREFERRED)

_PREFERENCE: Final = re.compile(
    r"""
    \s* (?i:code) \s*=\s* (?P<quote>"?)(?P<code>[45][0-9]{2})(?P=quote) \s* (?:;[^,]*)? (?:,|\Z)
    | (?:[^,"]|"[^"]*"?)* (?:,|\Z)
    """,
    re.VERBOSE,
)
"""One of a Prefer header's: a code that can be met, perhaps in quotes and with parameters; or anything else."""


def own_fault(headers: MultiMapping[str], number: int, dialect: Dialect) -> Fault | None:
    """The fault that a request's own headers ask for, in a world of that dialect; `number` is the request's, for its
    dice.

    Raises ApiError for an X-Mock-Fault that is none. A preference that cannot be met is ignored, as RFC 7240 has it.
    """
    text = headers.get(FAULT_HEADER)
    if text is not None:
        return replace(from_json(_checked(text, dialect), OWN), matches=number)
    for preference in _PREFERENCE.finditer(",".join(headers.getall(PREFER, []))):
        if preference["code"]:
            return Fault(id=PREFERRED, effect=Error(status=int(preference["code"])), matches=number)
    return None


def _checked(text: str, dialect: Dialect) -> dict[str, Any]:
    allowed = {*EFFECTS, *DELAYS, "when"} - {"rateLimit"}
    try:
        body = strict_json(text)
    except (ValueError, RecursionError) as error:
        raise _bad(text, [f"not JSON: {error}"]) from None
    checker = contract().checker("fault")
    found: list[Problem] = [] if checker.accepts(body) else checker.problems(body)
    if not found:
        found = problems(body, dialect)
        found += [Problem((key,), "not for one request") for key in body if key not in allowed]
    if found:
        raise _bad(text, [f"{one.json_path}: {one.message}" for one in found])
    assert isinstance(body, dict)
    return body


def _bad(text: str, messages: list[str]) -> ApiError:
    wrong = [
        {"object": "request", "field": OWN, "rejectedValue": text[:200], "message": message} for message in messages
    ]
    return ApiError(BAD_PARAMETER, sub_errors=wrong, problem=f"{OWN}: {'; '.join(messages)}")
