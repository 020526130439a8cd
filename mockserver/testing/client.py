"""The line to one server's control routes: plain blocking HTTP/1.1, by the standard library alone.

Any thread may call. A call takes a connection that is idle, or opens one; so there are as many as threads call at
once. No proxy is on the way. Nothing is ever sent twice: that would move a clock twice.
"""

import json
import os
import re
import socket
from collections import deque
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import finalize

from mockserver.redaction import redacted
from mockserver.times import SECOND
from mockserver.world.clock import ticks

Json = dict[str, Any]
CALL_S: Final = 120
"""An `advance` over ten million events takes most of it."""
IDLE: Final = 30 * SECOND
"""The server hangs up on a connection that has been idle for 75 seconds; a proxy before it, sooner."""

_URL: Final = re.compile(r"https?://[^\s/?#]+(?:/(?:(?![?#])[!-~])*)?", re.IGNORECASE)
_WORLD: Final = re.compile(r"/w/([^/]+)$")


class ControlError(Exception):
    """The server refused a call, and nothing has changed. `details` say where: each has a path and a message."""

    def __init__(self, status: int, message: str, details: list[Json]) -> None:
        self.status = status
        self.message = message
        self.details = details
        super().__init__(f"{status}: " + "; ".join([message, *(f"{one['path']}: {one['message']}" for one in details)]))

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:  # from a worker of pytest-xdist's, say
        return type(self), (self.status, self.message, self.details)


def url_of(url: str, world: str | None) -> str:
    """That of a server, or of one of its worlds, without a slash at its end. Raises ValueError for what is none:
    asked all the same, it would be a client error in the account of the server."""
    try:
        parts = urlsplit(url)
        is_one = _URL.fullmatch(url) and parts.hostname and parts.hostname.encode("idna") and parts.port != 0
    except ValueError:  # half an IPv6 address, no port, or no name
        is_one = False
    if not is_one:
        raise ValueError(f"{redacted(url)!r} is not a server's URL such as http://127.0.0.1:8080")
    base = url.rstrip("/")
    if world is None:
        return base
    if _WORLD.search(base):
        raise ValueError(f"{redacted(url)!r} names a world already, and so does {world!r}")
    from mockserver.world.worlds import NAME, NAMES  # heavy, as all that serves is

    if not re.fullmatch(NAME, world):
        raise ValueError(f"{world!r} is none: {NAMES}")
    return f"{base}/w/{world}"


class Line:
    """`url` is the server's, or a world's on it, without a slash at its end."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = CALL_S) -> None:
        self.url, self._token, self._timeout_s = url, token, timeout_s
        self._parts = urlsplit(url)
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._idle: deque[tuple[HTTPConnection, int]] = deque()
        self._process = os.getpid()
        finalize(self, _hang_up, self._idle)

    def call(self, method: str, path: str, body: object = None) -> Json:
        """What `/__admin` answers; {} where that is nothing. Raises ControlError, and ConnectionError, which names the
        URL, if no mock server is there or it does not answer."""
        __tracebackhide__ = True
        return self.fetch(f"/__admin{path}", method, body)

    def fetch(self, path: str, method: str = "GET", body: object = None) -> Json:
        """The same of any path that answers JSON."""
        __tracebackhide__ = True
        text = None if body is None else json.dumps(body)
        connection = self._connection()
        try:
            connection.request(method, f"{self._parts.path}{path}", text, self._headers)
            response = connection.getresponse()
            raw = response.read()
        except BaseException as error:
            connection.close()
            if isinstance(error, HTTPException):
                raise ConnectionError(f"{redacted(self.url)} is no mock server, or ended: {error!r}") from None
            if isinstance(error, OSError):
                raise ConnectionError(
                    f"no mock server answers at {redacted(self.url)}: {error.strerror or error}"
                ) from None
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append((connection, ticks()))
        return _answer(response.status, response.reason, raw)

    def of_worker(self, worker: str) -> "Line":
        """To the same server's world for this worker: `ci-42.gw0` in the place of `ci-42`, and `gw0` of none. The same
        if the world's name has the worker's in it already."""
        named = _WORLD.search(self._parts.path)
        if named is None:
            return Line(f"{self.url}/w/{worker}", self._token)
        return self if worker in named[1] else Line(f"{self.url}.{worker}", self._token)

    def close(self) -> None:
        """Its idle connections; the next call opens another."""
        _hang_up(self._idle)

    def _connection(self) -> HTTPConnection:
        if self._process != os.getpid():  # a fork: these are its parent's
            self._process = os.getpid()
            self._idle.clear()
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                connection, since = self._idle.pop()
                if ticks() - since < IDLE and _is_open(connection):
                    return connection
                connection.close()
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout_s)


def _is_open(connection: HTTPConnection) -> bool:
    """Whether nothing has come, which between two calls can only be the end."""
    sock: socket.socket = connection.sock
    try:
        sock.settimeout(0)
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except (OSError, ValueError):  # ValueError: TLS, which cannot peek. Then better a new one
        return False
    finally:
        sock.settimeout(connection.timeout)
    return False


def _hang_up(idle: deque[tuple[HTTPConnection, int]]) -> None:
    with suppress(IndexError):
        while True:
            idle.pop()[0].close()


def _answer(status: int, reason: str, raw: bytes) -> Json:
    try:
        answer = json.loads(raw) if raw else {}
    except ValueError:
        answer = None
    error = answer.get("error", {}) if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(error, dict):
        raise ControlError(status, f"{reason}, which is no mock server's answer: {raw[:80]!r}", [])
    if status >= 400:
        raise ControlError(status, error.get("message", reason), error.get("details", []))
    return answer
