"""Whether the contract was kept: the exit code, and a line for each thing that was wrong. Pure.

It gets what the control routes of the account answer, from a server in this process or from one elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mockserver.fixtures.mistakes import counted
from mockserver.server.logs import escaped
from mockserver.testing.report import unmet

Json = dict[str, Any]
BROKEN_CONTRACT: Final = 3
"""The exit code where nothing else went wrong, and the account did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    account: Json
    client_errors: list[Json]
    """The latest that nobody expected."""
    omitted: int
    """How many more there were."""
    expectations: list[Json]


def verdict(evidence: Evidence, *, strict: bool) -> int:
    return BROKEN_CONTRACT if any(True for _ in wrong(evidence, strict=strict)) else 0


def wrong(evidence: Evidence, *, strict: bool) -> Iterator[str]:
    """A line for each thing for which a build must fail."""
    account = evidence.account
    if account["violations"]:
        yield f"{counted(account['violations'], 'answer')} broke the contract, by a bug of the mock server's"
    if not strict:
        return
    if evidence.omitted:
        yield f"{counted(evidence.omitted, 'client error')} before these"
    for one in evidence.client_errors:
        status = one["status"] if one["status"] is not None else "no answer"
        where = "" if one["world"] is None else f" (world {one['world']})"
        asked = f"{one['method']} {one['path']}".strip() or "what is no request of HTTP"
        yield escaped(f"client error: {asked}: {status}: {one['problem']}{where}")
    yield from unmet(evidence.expectations)
    if account["replies"] == 0:
        yield "no request of the API came at all"


def told(account: Json) -> str:
    """The account in words."""
    return (
        f"{counted(account['replies'], 'request')}: {account['valid']} valid, "
        f"{account['deliberatelyInvalid']} deliberately invalid, "
        f"{counted(account['violations'], 'violation')} of the contract; "
        f"{counted(account['clientErrors'], 'client error')}, {account['expectedErrors']} expected"
    )
