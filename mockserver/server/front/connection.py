"""A connection as aiohttp has it, but that what aiohttp itself refuses is answered by us, and that nothing is kept.

aiohttp's own `web.Server` makes `web.RequestHandler`s and nothing else: so a factory takes its place. Nothing here
knows what a task is.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError, InvalidURLError
from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping
from yarl import URL

from mockserver.contract.errors import bare
from mockserver.server.front.buffered import Buffered

EXPECTATION_FAILED: Final = web.HTTPExpectationFailed.status_code
LINE: Final = 4096
"""So much of what could not be parsed is looked at."""
_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) +([^ \r\n][^\r\n]*?)(?: +HTTP/[0-9.]+)?(?:\r?\n|$)")
_QUOTED: Final = re.compile(r"\s+(?:\w+\()?b['\"]|(?<=line)\s+['\"]|\s+Please install ")
_PRINTED: Final = "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}"
"""What stays as it was sent, beside letters, digits and `_.-~`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What never became a request of the application's."""

    method: str
    """Empty where there is no telling; likewise the target."""
    target: str
    """As it was sent; what is not ASCII is escaped."""
    headers: MultiMapping[str]
    status: int
    """What aiohttp would answer with."""
    why: str
    allowed: Mapping[str, str] = field(default_factory=dict)
    """The header Allow, where there is one."""


Refuse = Callable[[Refused], web.Response]


class Connections:
    """Called, it makes the connection that aiohttp's `server` would have made."""

    def __init__(self, server: web.Server, refuse: Refuse, buffered: Buffered) -> None:
        self.server, self.refuse, self.buffered = server, refuse, buffered

    def __call__(self) -> "Connection":
        options: dict[str, Any] = self.server._kwargs
        return Connection(self, self.server, loop=asyncio.get_running_loop(), **options)


class Connection(web.RequestHandler):
    __slots__ = ("_begun", "_connections")

    def __init__(self, connections: Connections, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._connections = connections
        self._begun = b""
        """How what came since the last answer begins."""

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._begun = data[:LINE]
        super().data_received(data)
        request = self._current_request
        coming = None if request is None else request.content  # the body that was coming last
        for number, (message, body) in enumerate(self._messages):
            if isinstance(message, RawRequestMessage) and message.url is None:
                # `CONNECT` of nothing, of which aiohttp could make no request
                self._messages[number] = message._replace(path="", url=URL()), body
            if isinstance(error := getattr(message, "exc", None), HttpProcessingError):
                bare(error)  # the frame in which it was caught holds it, and what was received
                if coming is not None and not coming.is_eof() and coming.exception() is None:
                    # aiohttp's parser forgets it: who reads it would wait for its end
                    coming.set_exception(web.RequestPayloadError(why(error)))
            else:
                coming = body

    def connection_lost(self, exc: BaseException | None) -> None:
        """Not with `exc`: who waits to write would be given it by a future that is in the frame in which it is raised,
        and so would keep itself, that frame and the answer."""
        super().connection_lost(None)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException) and resp.status >= 400:  # the application's own handlers raise none
            why = (resp.text or resp.reason).removeprefix(f"{resp.status}: ")
            allowed = {str(name): resp.headers[name] for name in (hdrs.ALLOW,) if name in resp.headers}
            resp = self._refused(request, resp.status, why, allowed)
        self._begun = b""
        with self._connections.buffered.holding(resp.content_length or 0):
            return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, UnicodeEncodeError) and exc.object == f"Unknown Expect: {request.headers.get(hdrs.EXPECT)}":
            return self._refused(request, EXPECTATION_FAILED, exc.object)  # what aiohttp meant to say
        if not isinstance(exc, HttpProcessingError) or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        line = _LINE.match(self._begun)
        response = self._connections.refuse(
            Refused(
                method=line[1].decode() if line else "",
                target=_printed(line[2]) if line else "",
                headers=NONE,
                status=status,
                why=why(exc),
            )
        )
        response.force_close()
        return response

    def _refused(
        self, request: web.BaseRequest, status: int, why: str, allowed: Mapping[str, str] = {}
    ) -> web.Response:
        """To what is a request."""
        target = _printed(request.raw_path.encode("utf-8", "surrogateescape"))
        return self._connections.refuse(
            Refused(
                method=request.method,
                target=target,
                headers=request.headers,
                status=status,
                why=_sentence(why),
                allowed=allowed,
            )
        )

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Not of a body that breaks off or is none: who asked for it has been told, or has gone."""
        error = kw.get("exc_info")
        if isinstance(error, web.RequestPayloadError | HttpProcessingError | ConnectionError):
            bare(error)  # the body has it, and so has the frame that has the body
        else:
            super().log_exception(*args, **kw)


NONE: Final = CIMultiDictProxy(CIMultiDict[str]())


def why(error: HttpProcessingError) -> str:
    text = _sentence(error.message)
    is_url = isinstance(error, InvalidURLError) and not text.startswith("Invalid")  # then that is all it says
    return "not a URL" if is_url else text


def _sentence(text: str) -> str:
    """Without what was sent, which may be a secret, and without advice to install something."""
    return " ".join(_QUOTED.split(text, maxsplit=1)[0].split()).rstrip(".:").encode(errors="replace").decode()


def _printed(target: bytes) -> str:
    return quote(target, safe=_PRINTED)
