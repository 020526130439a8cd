"""Replies: proven, counted, and turned into bytes and headers; and the body of a request, within its limits."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, MultiMapping

from mockserver.contract.errors import (
    BROKEN_BODY,
    BY_STATUS,
    CONTRACT_VIOLATION,
    LARGE_BODY,
    SLOW_BODY,
    THROTTLED,
    TOO_MUCH,
    UNEXPECTED,
    ApiError,
    Row,
    Violation,
    bare,
)
from mockserver.contract.operations import Operation
from mockserver.contract.wire import Wire
from mockserver.faults.effects import Error, RateLimit
from mockserver.faults.rules import Fault
from mockserver.server.auth import challenge
from mockserver.server.front.buffered import Buffered
from mockserver.server.handlers import Data
from mockserver.tasks.value import value
from mockserver.times import SECOND
from mockserver.world.account import VALID, VIOLATION, Verdict

log = logging.getLogger("mockserver")

BUFFERED: Final = web.AppKey("buffered", Buffered)
"""Of an application."""

MAX_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 30
UNREAD: Final = (BROKEN_BODY, LARGE_BODY, SLOW_BODY, TOO_MUCH)
"""After these the connection closes: the rest of the body is not wanted."""
PIECE: Final = 256 * 1024
CONTRACT: Final = "X-Mock-Contract"
RULE: Final = "X-Mock-Rule"
HINT: Final = "X-Mock-Hint"
THROTTLE: Final = {
    hdrs.RETRY_AFTER: "1",
    "RateLimit-Limit": "1",
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": "1",
}
"""What a 429 says that a fault asks for without a rate: every 429 has these (document); the numbers are ours."""
JSON: Final = {hdrs.CONTENT_TYPE: "application/json", CONTRACT: VALID}
FILE: Final = {
    hdrs.CONTENT_TYPE: "application/zip",
    hdrs.CONTENT_DISPOSITION: 'attachment; filename="task-diagnosis.zip"',
    CONTRACT: VALID,
}


async def received(request: web.Request, limit: float, kept: int | None = None) -> bytes:
    """The whole body, or as much as is to be `kept`. Raises ApiError for one that is too large, does not come, is not
    what it says it is, or is too much beside all the others that come. Nothing of such a one is kept."""
    buffered, failure = request.app[BUFFERED], None
    chunks: list[bytes] = []
    size = held = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                part = chunk if kept is None else chunk[: max(kept - size, 0)]
                size += len(chunk)
                held += len(part)
                buffered.size += len(part)
                chunks.append(part)
                if size > limit:
                    failure = ApiError(LARGE_BODY, limit=limit)
                    break
                if buffered.is_full:
                    failure = too_much(buffered)
                    break
    except TimeoutError:
        failure = ApiError(SLOW_BODY, seconds=BODY_SECONDS)
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError, ValueError) as error:
        failure = ApiError(BROKEN_BODY, problem=" ".join(str(error).split()) or type(error).__name__)
        bare(error)  # the stream has it, too
    finally:
        buffered.size -= held
    if failure is None:
        return b"".join(chunks)
    chunks.clear()
    try:
        raise failure
    finally:
        del failure


def too_much(buffered: Buffered) -> ApiError:
    return ApiError(TOO_MUCH, limit=buffered.limit)


def injected(fault: Fault, effect: Error, asked: MultiMapping[str]) -> ApiError:
    """The error that a fault answers with, whatever else happened. `asked` are the headers of the request."""
    message = effect.message if effect.message is not None else f"Injected by {fault.id}."
    failure = BY_STATUS.get(effect.status, "unexpected")
    row = Row(failure, source="ours", status=effect.status, message="{message}")
    headers = CIMultiDict(challenge(asked) if effect.status == 401 else THROTTLE if effect.status == 429 else {})
    headers.update(effect.headers)
    return ApiError(row, code=effect.code, rule=fault.id, headers=headers, message=message)


def limited(fault: Fault, effect: RateLimit, now: int) -> ApiError:
    """Retry-After is in whole seconds, and never too early."""
    headers: dict[str, str] = {hdrs.RETRY_AFTER: str(max(1, -((now - fault.window[0]) // SECOND)))}
    return ApiError(
        THROTTLED, rule=fault.id, headers=headers, limit=effect.limit, seconds=f"{effect.per_s:g}", fault=fault.id
    )


def rate_headers(rate: Fault, now: int) -> dict[str, str]:
    """What every answer says that a rate limit has counted: how many requests it lets through, how many more, and in
    how many seconds its window ends. Source: document."""
    effect, (until, count) = rate.effect, rate.window
    assert isinstance(effect, RateLimit)
    if now >= until:
        until, count = now + round(effect.per_s * SECOND), 0
    return {
        "RateLimit-Limit": str(effect.limit),
        "RateLimit-Remaining": str(max(0, effect.limit - count)),
        "RateLimit-Reset": str(-((now - until) // SECOND)),
    }


def response(status: int, parts: Sequence[bytes], headers: Mapping[str, str]) -> web.Response:
    """A long body goes to the socket in pieces: no other thread goes on while one call copies it all."""
    size = sum(map(len, parts))
    if size <= PIECE:
        return web.Response(status=status, body=b"".join(parts), headers=headers)
    return web.Response(status=status, body=_pieces(parts), headers={**headers, hdrs.CONTENT_LENGTH: str(size)})


async def _pieces(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), PIECE):
            yield part[start : start + PIECE]


@value
class Reply:
    """An answer, before it is bytes on a socket."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    verdict: Verdict = VALID


def proven(
    wire: Wire,
    operation: Operation | None,
    data: Data | Violation,
    failure: ApiError | None,
    duration: int,
    now: int,
    trace_id: str,
) -> Reply:
    """What breaks its schema is our bug: logged, and a 500 that says where. `duration` in milliseconds."""
    try:
        if failure is not None:
            text = wire.error(failure, duration, now, trace_id)
            return Reply(failure.row.status, text.encode("utf-8", "replace"), _error_headers(failure, VALID))
        if isinstance(data, Violation):
            raise data
        if isinstance(data, bytes):
            return Reply(200, data, FILE)
        assert operation is not None
        text = wire.success(operation.id, data, duration, now, trace_id)
        return Reply(200, text.encode("utf-8", "replace"), JSON)
    except Violation as violation:
        log.error("contract violation: %s", violation)
        failure = ApiError(UNEXPECTED, problem=f"{CONTRACT_VIOLATION}, a bug of the mock server: {violation}.")
        content = _last_words(wire, failure, duration, now, trace_id)
        return Reply(500, content, _error_headers(failure, VIOLATION), VIOLATION)


def _last_words(wire: Wire, failure: ApiError, duration: int, now: int, trace_id: str) -> bytes:
    try:
        return wire.error(failure, duration, now, trace_id).encode("utf-8", "replace")
    except Violation:  # the schema of errors itself is what our bug is in
        error = {"code": wire.dialect.code(failure.row.failure), "message": failure.message}
        return json.dumps({"successful": False, "error": error}).encode()


def _error_headers(failure: ApiError, verdict: str) -> dict[str, str]:
    headers = {hdrs.CONTENT_TYPE: "application/json", CONTRACT: verdict, **failure.headers}
    if failure.rule is not None:
        headers[RULE] = failure.rule
    if failure.hint is not None:
        headers[HINT] = header_safe(failure.hint)
    return headers


def header_safe(text: str) -> str:
    """ASCII without control characters, of a length that every client takes."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text)[:500]
