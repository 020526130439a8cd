"""MockServer: the application in a thread with a loop of its own, for any client, blocking or not.

Everything that can go wrong at the start (a mistake in the fixture, a port that is taken) goes wrong in the caller's
thread, before there is another one.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Final, Literal

from aiohttp import web

from mockserver import serving, sources
from mockserver.app import create_app
from mockserver.client import Handle

GRACE_S: Final = 0.5
"""For requests in flight when it stops: a test that has ended waits for nobody."""
Stop = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class MockServer(Handle):
    """A mock server while its `with` block lasts, on a port of its own.

    `source` is a fixture: a path, several, the name of a shipped one, a mapping in the form of a fixture file, or None
    for the built-in world. The clock is manual unless `clock` or `speed` asks for a real one: what the fixture says of
    the clock's mode does not count, its `now` does.
    """

    def __init__(
        self,
        source: sources.Source = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Literal["manual", "real"] | None = None,
        speed: float | None = None,
        auth: Literal["open", "basic"] | None = None,
        seed: int | None = None,
        field_names: Literal["sample", "table"] | None = None,
        api_prefixes: Sequence[str] = ("/api/v2",),
        admin_token: str | None = None,
    ) -> None:
        super().__init__("", admin_token=admin_token)
        if clock is None and speed is None:
            clock = "manual"
        self._source = source
        self._overrides = sources.overrides(clock=clock, speed=speed, auth=auth, seed=seed, field_names=field_names)
        self._host = host
        self._wanted_port = port
        self._api_prefixes = api_prefixes
        self._thread: Thread | None = None
        self._stop: Stop | None = None

    @property
    def url(self) -> str:
        """Without an API prefix: `http://127.0.0.1:40123`. Raises RuntimeError while it does not run."""
        if self._thread is None:
            raise RuntimeError("this MockServer does not run: use it in a `with` block")
        return self._url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def start(self) -> "MockServer":
        """Requests are answered when this returns. Raises FixtureError, OSError (port taken) and ValueError."""
        if self._thread is not None:
            raise RuntimeError("this MockServer runs already")
        fixture = sources.load(self._source, overrides=self._overrides)
        app = create_app(
            fixture,
            api_prefixes=self._api_prefixes,
            admin_token=self._admin_token,
            allowed_hosts=[self._host],
        )
        sockets = serving.bound(self._host, self._wanted_port)
        self._url = serving.url_of(self._host, sockets)
        started: Future[Stop] = Future()
        thread = Thread(target=_run, args=(app, sockets, started), name=f"MockServer {self._url}", daemon=True)
        thread.start()
        try:
            self._stop = started.result()
        except Exception:
            thread.join()
            raise
        self._thread = thread
        return self

    def stop(self) -> None:
        """Ends it; when this returns, its port is free and its thread is gone. A second time does nothing."""
        thread, self._thread = self._thread, None
        if thread is None or self._stop is None:
            return
        loop, told = self._stop
        loop.call_soon_threadsafe(told.set)
        thread.join()

    def __enter__(self) -> "MockServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _run(app: web.Application, sockets: Sequence[socket.socket], started: "Future[Stop]") -> None:
    async def until_told() -> None:
        told = asyncio.Event()
        async with serving.running(app, sockets, grace_s=GRACE_S):
            started.set_result((asyncio.get_running_loop(), told))
            await told.wait()

    try:
        asyncio.run(until_told())
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)
