"""One request on its way to the upstream, and its answer on its way back. Nothing is kept of either but its beginning.

`ask` raises ApiError where there is no answer. What breaks off later breaks off here, too.
"""

import asyncio
import os
import socket
import ssl
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from mockserver.contract.errors import BROKEN_BODY, ApiError, Row, bare
from mockserver.redaction import without_secrets
from mockserver.server import transport
from mockserver.server.elsewhere.answering import Answer
from mockserver.server.elsewhere.upstream import Passage, is_text
from mockserver.server.responses import MAX_BODY
from mockserver.world.clock import ticks
from mockserver.world.evidence.exchange import KEPT, Exchange
from mockserver.world.served import Served

ANSWER_S: Final = 30
"""So long nothing may move, until an answer begins; afterwards it may pause as long as it likes."""
DEAD_UPSTREAM: Final = Row("unexpected", "ours", 502, "{upstream} cannot be asked: {problem}.")
NO_ANSWER: Final = "what comes is no answer"
SLOW_UPSTREAM: Final = Row("unexpected", "ours", 504, "{upstream} does not answer.")
DECODED: Final = frozenset({"gzip", "deflate", "br", "zstd"})
"""What aiohttp's server has taken off a request's body."""


@dataclass(eq=False)
class Forwarded:
    """A request that is passed on, to `target` of the upstream."""

    session: aiohttp.ClientSession
    passage: Passage
    target: str
    request: web.Request
    served: Served
    exchange: Exchange
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict, init=False)
    """Of the answer, as it goes back; whoever adds some does so before it is sent."""

    @property
    def url(self) -> URL:
        return URL(self.passage.upstream.origin + self.target, encoded=True)


@dataclass(eq=False)
class Passing(Forwarded):
    _answer: aiohttp.ClientResponse = field(init=False)
    _begun: list[bytes] = field(default_factory=list, init=False)
    _limit: asyncio.Timeout | None = field(default=None, init=False)
    _broken: Exception | None = field(default=None, init=False)

    async def ask(self) -> None:
        request = self.request
        headers = self.passage.asked(request.headers)
        if headers.get(hdrs.CONTENT_ENCODING, "").lower() in DECODED:
            headers.popall(hdrs.CONTENT_ENCODING)
            headers.popall(hdrs.CONTENT_LENGTH, None)
        body = self._body() if request.body_exists else None
        try:
            async with asyncio.timeout(ANSWER_S) as self._limit:
                self._answer = await self.session.request(
                    request.method, self.url, headers=headers, data=body, allow_redirects=False
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unanswered(self.passage, error, self._broken) from None
        finally:
            self._limit = None
        if self._answer.status < HTTPStatus.OK:  # nobody asked for another protocol, and a browser would wait for it
            raise ApiError(DEAD_UPSTREAM, upstream=self.passage.upstream.origin, problem=NO_ANSWER)
        self.headers = self.passage.answered(self._answer.headers)

    async def send(self) -> web.StreamResponse:
        answer = self._answer
        response = Passed(status=answer.status, reason=answer.reason, headers=self.headers)
        self.exchange.status, self.exchange.headers = answer.status, self.headers
        try:
            await response.prepare(self.request)
            async for chunk in self._chunks():
                await response.write(chunk)
            await response.write_eof()
        except (aiohttp.ClientError, OSError) as error:
            released(error)
            return transport.close(self.request)
        finally:
            self.exchange.ended = ticks()
            self.served.journal.answered(self.exchange)
        return response

    async def whole(self) -> Answer | None:
        """None for one that is large, or a stream of events, which may never end: that can be sent."""
        if self._answer.content_type == "text/event-stream":
            return None
        size, chunks = 0, []
        try:
            async for chunk in self._answer.content.iter_any():
                size += len(chunk)
                chunks.append(chunk)
                if size > MAX_BODY:
                    self._begun = chunks
                    return None
        except aiohttp.ClientError as error:
            raise unanswered(self.passage, error) from None
        self.headers.popall(hdrs.CONTENT_LENGTH, None)
        return Answer(self._answer.status, b"".join(chunks), self.headers, self._answer.reason)

    async def close(self) -> None:
        """At the end, whatever became of it."""
        if hasattr(self, "_answer"):
            self._answer.close()

    async def _body(self) -> AsyncIterator[bytes]:
        loop, kept, is_kept = asyncio.get_running_loop(), bytearray(), is_text(self.request.headers)
        try:
            async for chunk in self.request.content.iter_any():
                if self._limit is not None and not self._limit.expired():
                    self._limit.reschedule(loop.time() + ANSWER_S)
                if is_kept and len(kept) < KEPT:
                    kept += chunk[: KEPT - len(kept)]
                yield chunk
        except Exception as error:
            self._broken = bare(error)
            raise
        finally:
            if kept:
                shown = without_secrets(bytes(kept), self.request.headers.get(hdrs.CONTENT_TYPE, ""))
                self.exchange.asked = replace(self.exchange.asked, body=shown)
                self.served.journal.grown(self.exchange, len(kept))

    async def _chunks(self) -> AsyncIterator[bytes]:
        kept, is_kept = bytearray(), is_text(self._answer.headers)
        try:
            for chunk in self._begun:
                kept += chunk[: is_kept * (KEPT - len(kept))]
                yield chunk
            self._begun = []
            async for chunk in self._answer.content.iter_any():
                kept += chunk[: is_kept * (KEPT - len(kept))]
                yield chunk
        finally:
            self.exchange.content = without_secrets(bytes(kept))


class Passed(web.StreamResponse):
    """Without the headers that aiohttp would add to those of the upstream's: a browser that finds none guesses."""

    async def _prepare_headers(self) -> None:
        lacking = [name for name in (hdrs.CONTENT_TYPE, hdrs.SERVER) if name not in self.headers]
        await super()._prepare_headers()
        for name in lacking:
            self.headers.popall(name, None)


def released(error: BaseException | None) -> None:
    """An error, what it came of, and the frames that they came through: aiohttp has circles in which each of these
    holds the others, and a body that nobody reads any more."""
    while error is not None:
        further = error.__cause__ or error.__context__
        traceback.clear_frames(error.__traceback__)
        bare(error)
        error = further


def unanswered(passage: Passage, error: Exception, broken: Exception | None = None) -> ApiError:
    """Why there is no answer: what was sent is `broken`, or the upstream is slow, or it cannot be asked."""
    released(error)
    if broken is not None:
        return ApiError(BROKEN_BODY, problem=str(broken) or "it broke off")
    origin = passage.upstream.origin
    if isinstance(error, TimeoutError):
        return ApiError(SLOW_UPSTREAM, upstream=origin)
    cause = getattr(error, "os_error", None) or error
    known = isinstance(cause, OSError) and not isinstance(cause, socket.gaierror | ssl.SSLError) and cause.errno
    problem = (os.strerror(known) if known else getattr(cause, "strerror", None) or str(cause)) or type(error).__name__
    hint = None
    if isinstance(error, aiohttp.ClientResponseError):
        problem = f"{NO_ANSWER}: {error.message.strip().partition(chr(10))[0].rstrip(':')}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        problem = str(error.certificate_error)
        hint = "--forward-ca FILE names who has signed it, --forward-insecure takes any"
    return ApiError(DEAD_UPSTREAM, upstream=origin, problem=" ".join(problem.split()), hint=hint)
