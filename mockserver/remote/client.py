"""Asks another server: one GET at a time, with credentials or without. What comes is a value, no answer at all too.

No redirect is followed, no cookie kept and no proxy asked: what is judged is what this server says to this request.
"""

import asyncio
import json
import os
import ssl
from base64 import b64encode
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from mockserver import redaction
from mockserver.contract import credentials

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of one answer."""
PIECE: Final = 1024 * 1024
HEADERS: Final = ("Content-Type", "Location", "Retry-After")
"""Those that are looked at."""
THROTTLED: Final = 429
LONGEST_WAIT_S: Final = 60


class Basic(NamedTuple):
    user: str
    password: str

    def header(self, target: str, headers: CIMultiDict[str]) -> str:
        return f"{credentials.BASIC} {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


class AccessKey(NamedTuple):
    id: str
    secret: str

    def header(self, target: str, headers: CIMultiDict[str]) -> str:
        return credentials.signed(self.id, self.secret, "GET", target, headers)


class NotJson(Exception):
    """A body that is none; says what it is instead."""


class Reply(NamedTuple):
    target: str
    """Path and query that were asked for."""
    status: int
    content_type: str
    body: bytes
    location: str = ""
    """Of a redirection."""
    retry_after: str = ""

    def json(self) -> Any:
        """Raises NotJson."""
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise NotJson(f"{self.content_type or 'no Content-Type'}: {_beginning(self.body)}")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise NotJson(f"no JSON in spite of its Content-Type: {_beginning(self.body)}") from None


class NoAnswer(NamedTuple):
    target: str
    reason: str


class Client:
    """Of the server at `url`, which is without the prefix of the API. Every answer has `timeout_s`."""

    def __init__(
        self,
        url: str,
        *,
        credentials: Basic | AccessKey | None = None,
        tls: ssl.SSLContext | bool = True,
        timeout_s: float = 10,
        asking: Callable[[str], None] = lambda target: None,
    ) -> None:
        """`tls` is False for one whose certificate nobody looks at. `asking` is told what is asked next. Raises
        ValueError for what is no server's URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{credentials_removed(url)!r} is not a server's URL such as https://ocp.example:8080")
        if parts.port == 0:
            raise ValueError("no server listens on port 0")
        if parts.username is not None:
            raise ValueError("a name and password are no part of the URL: --user NAME:PASSWORD has them")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.path = parts.path.rstrip("/")
        self.credentials = credentials
        self._host = parts.netloc
        self._tls = tls
        self._timeout_s = timeout_s
        self.asking = asking

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, target: str, *, anonymous: bool = False) -> Reply | NoAnswer:
        """`target` is a path as it goes out, with its query. Who is throttled waits as long as the server says (not for
        ever), and asks once more."""
        reply = await self._get(target, anonymous)
        if isinstance(reply, Reply) and reply.status == THROTTLED and reply.retry_after.isdecimal():
            await asyncio.sleep(min(int(reply.retry_after), LONGEST_WAIT_S))
            reply = await self._get(target, anonymous)
        return reply

    async def _get(self, target: str, anonymous: bool) -> Reply | NoAnswer:
        headers = CIMultiDict({"Host": self._host, "Accept": "application/json", "Date": formatdate(usegmt=True)})
        if self.credentials is not None and not anonymous:
            headers["Authorization"] = self.credentials.header(target, headers)
        self.asking(target)
        url = URL(self.origin + target, encoded=True)
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                body = bytearray()
                async for piece in response.content.iter_chunked(PIECE):
                    body += piece
                    if len(body) > MAX_BYTES:
                        return NoAnswer(target, f"more than {MAX_BYTES // PIECE} MiB")
                kind, *others = (response.headers.get(name, "") for name in HEADERS)
                return Reply(target, response.status, kind, bytes(body), *others)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoAnswer(target, self._reason(error))

    def _reason(self, error: Exception) -> str:
        match error:
            case TimeoutError():
                return f"nothing whole within {self._timeout_s:g} s"
            case aiohttp.ClientConnectorCertificateError():
                why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
                return f"a certificate that nobody vouches for ({why}): --ca FILE names who does, --insecure lets it be"
            case aiohttp.ClientConnectorError():
                number = error.os_error.errno or 0
                return os.strerror(number) if number > 0 else error.strerror or str(error.os_error)
            case aiohttp.ServerDisconnectedError():
                return "the connection was closed without an answer"
            case aiohttp.ClientPayloadError():
                return "an answer that broke off"
            case aiohttp.ClientResponseError():
                return "an answer that is no HTTP"
        return " ".join(str(error).split()) or type(error).__name__


def credentials_removed(url: str) -> str:
    return redaction.redacted(url.partition("?")[0])


def _beginning(body: bytes) -> str:
    """The first words of a body that nobody expected."""
    text = " ".join(body[:2000].decode("utf-8", "replace").split())
    if not text:
        return "an empty body"
    return text if len(text) <= 60 else text[:59] + "…"
