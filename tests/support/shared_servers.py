"""Servers that many tests use, one after the other: each finds its own as if it had just started."""

from typing import Any

from books import BOOKS

from mockserver import MockServer
from mockserver.server.routing import SITE


class SharedServers:
    """One server for each fixture, of which a new one would cost more than most tests do."""

    def __init__(self) -> None:
        self._servers: dict[str, MockServer] = {}

    def renewed(self, name: str, source: Any, **options: Any) -> MockServer:
        """`name` stands for the source and the options. Started if it does not run: the first time, or if a test has
        stopped it."""
        mock = self._servers.get(name)
        if mock is None:
            mock = self._servers[name] = MockServer(source, **options)
        if not mock.is_running:
            return mock.start()
        mock._renew()
        mock.contract()  # a request: before it is looked at, the world is the new one
        site = mock._app[SITE]
        site.worlds.evicted = 0
        BOOKS.begin_anew(site)
        return mock

    def end(self) -> None:
        for mock in self._servers.values():
            mock.stop()
