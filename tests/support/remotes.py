"""Verifying and recording servers, in this process."""

import asyncio
from collections.abc import Sequence
from typing import Any

from processes import END_S

from mockserver.contract.dialects import DialectName
from mockserver.remote.client import Client
from mockserver.remote.record import Recording, record
from mockserver.remote.verify import Verdict, verify


def verdict_of(
    url: str,
    *,
    tasks: Sequence[str] = (),
    dialect: DialectName | None = None,
    allow_undocumented: bool = False,
    **options: Any,
) -> Verdict:
    """`options` are those of a client."""

    async def asked() -> Verdict:
        async with Client(url, **{"timeout_s": END_S, **options}) as client:
            return await verify(client, tasks=tasks, dialect=dialect, allow_undocumented=allow_undocumented)

    return asyncio.run(asked())


def kinds(verdict: Verdict) -> list[tuple[str, str, str]]:
    """What differs: the question, the kind, and the JSON path."""
    return [(one.question, one.difference.kind, one.place) for one in verdict.differences]


def recording_of(url: str, *tasks: int, dialect: DialectName | None = None, **options: Any) -> Recording:
    """`options` are those of a client. Raises NotRecorded."""

    async def asked() -> Recording:
        async with Client(url, **{"timeout_s": END_S, **options}) as client:
            return await record(client, tasks=[str(id) for id in tasks], dialect=dialect)

    return asyncio.run(asked())
