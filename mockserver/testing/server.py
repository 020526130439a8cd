"""MockServer: the application in a thread with a loop of its own, for any client, blocking or not.

Everything that can go wrong at the start (a mistake in the fixture, a port that is taken) goes wrong in the caller's
thread, before there is another one.
"""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final, Literal, Self

from aiohttp import web

from mockserver.app import create_app
from mockserver.contract.dialects import DialectName, FieldNames, Nulls
from mockserver.fixtures import source as fixture_source
from mockserver.fixtures.watch import Files
from mockserver.server import runner
from mockserver.server.reloading import Reloader
from mockserver.server.routing import SITE
from mockserver.testing.client import Line, url_of
from mockserver.testing.handle import Handle
from mockserver.world.account import Accounts
from mockserver.world.fixture import ArrayOrder, Fixture
from mockserver.world.live import LiveWorld

GRACE_S: Final = 0.5
"""For requests in flight when it stops: a test that has ended waits for nobody."""
WORLDS_KEPT: Final = 16


class MockServer(Handle):
    """A mock server while its `with` block lasts, on a port of its own.

    `source` is a fixture: a path, several, the name of a shipped one, a mapping in the form of a fixture file, or None
    for the built-in world. The clock is manual unless `clock` or `speed` asks for a real one: what the fixture says of
    the clock's mode does not count, its `now` does.
    """

    def __init__(
        self,
        source: fixture_source.Source = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Literal["manual", "real"] | None = None,
        speed: float | None = None,
        auth: Literal["open", "basic"] | None = None,
        seed: int | None = None,
        dialect: DialectName | None = None,
        nulls: Nulls | None = None,
        array_order: ArrayOrder | None = None,
        field_names: FieldNames | None = None,
        api_prefixes: Sequence[str] | None = None,
        admin_token: str | None = None,
        forward: str | None = None,
        forward_paths: Sequence[str] = (),
        forward_ca: str | None = None,
        forward_insecure: bool = False,
    ) -> None:
        super().__init__()
        if clock is None and speed is None:
            clock = "manual"
        self._source = source
        self._settings = fixture_source.overrides(
            clock=clock,
            speed=speed,
            auth=auth,
            seed=seed,
            dialect=dialect,
            nulls=nulls,
            array_order=array_order,
            field_names=field_names,
        )
        self._host = host
        self._wanted_port = port
        self._admin_token = admin_token
        self._options: dict[str, Any] = {
            "api_prefixes": api_prefixes,
            "admin_token": admin_token,
            "allowed_hosts": [host],
            "forward": forward,
            "forward_paths": forward_paths,
            "forward_ca": forward_ca,
            "forward_insecure": forward_insecure,
        }
        self._fixture: Fixture
        self._app: web.Application
        self._worlds: dict[int, tuple[Fixture, LiveWorld]] = {}
        """Those that it was renewed to, as their fixtures give them, the latest last."""
        self._running: AbstractEventLoop | None = None
        self._ending = ExitStack()

    @staticmethod
    def connect(url: str, *, world: str | None = None, admin_token: str | None = None) -> Handle:
        """The handle of a server that runs elsewhere: `MockServer.connect("http://host:8080", world="ci-42")`.

        `world` is one of its worlds, made at its first use: for the handle, and for the API under the handle's `url`.
        Asks nobody yet. Raises ValueError for what is not a server's URL.
        """
        return Handle(Line(url_of(url, world), admin_token))

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def start(self) -> Self:
        """Requests are answered when this returns. Raises FixtureError, OSError (port taken) and ValueError."""
        if self._running is not None:
            raise RuntimeError("this MockServer runs already")
        files = Files(self._source, overrides=self._settings)
        self._fixture = files.read()
        app = self._app = create_app(self._fixture, **self._options)
        Reloader(app[SITE].worlds, files)
        sockets = runner.bound(self._host, self._wanted_port)
        url = runner.url_of(self._host, sockets)
        running = runner.running_in_thread(app, sockets, grace_s=GRACE_S, name=f"MockServer {url}")
        try:
            self._running = self._ending.enter_context(running)
            self._connected = Line(url, self._admin_token)
        except BaseException:  # a timeout of the test's, say: then it can be started again
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends it; when this returns, its port is free and its thread is gone. A second time does nothing."""
        line, self._connected, self._running = self._connected, None, None
        if line is not None:
            line.close()
        self._ending.close()

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _accounts(self) -> Accounts:
        """Of every reply since it started, in all its worlds. Only to be read."""
        return self._app[SITE].worlds.accounts

    def _renew(self, fixture: Fixture | None = None) -> None:
        """As if it had just started with this fixture, or with its own; only the account goes on.

        Does not wait, and need not: it is done before the next request is looked at.
        """
        running, worlds = self._running, self._app[SITE].worlds
        assert running is not None
        fixture = self._fixture if fixture is None else fixture
        known = self._worlds.pop(id(fixture), None)
        self._worlds[id(fixture)] = fixture, world = known or (fixture, LiveWorld(fixture))
        if len(self._worlds) > WORLDS_KEPT:
            del self._worlds[next(iter(self._worlds))]
        if worlds.renew_later(world, fixture.clock):
            running.call_soon_threadsafe(worlds.settle)
