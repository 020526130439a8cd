"""A mock server, lent to one test of pytest's: found or started, with a fresh world, and looked over afterwards.

One server does for a session, whatever worlds its tests want: in this process a world is changed for another at once,
and on a server elsewhere by its control routes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from copy import copy
from pathlib import Path
from typing import Any, Final

import pytest

from mockserver.fixtures import source as fixture_source
from mockserver.fixtures.mistakes import FixtureError, counted
from mockserver.fixtures.watch import looks
from mockserver.fixtures.writer import to_data
from mockserver.testing import report
from mockserver.testing.client import Json
from mockserver.testing.handle import Handle
from mockserver.testing.marker import Choice, marked, unmarked
from mockserver.testing.server import MockServer
from mockserver.world.fixture import Fixture

Key = tuple[object, ...]
READ: Final = 64
"""So many fixtures are kept in memory once they were read."""


class Loan:
    """One test's time with a server."""

    def __init__(self, mock: Handle, strict: bool) -> None:
        self.mock = mock
        self._strict = strict
        self._before = self._first = _account(mock)
        self._shown = False
        self._seen: list[tuple[str, str]] = []
        self.said: str | None = None
        """The latest complaint."""

    def complaint(self, *, whole: bool = False) -> str | None:
        """What went wrong since this was last asked, for which the test must fail; None if nothing did. `whole`: the
        test has ended well, so that what it did not do counts, too."""
        if isinstance(self.mock, MockServer) and not self.mock.is_running:
            return None  # the test has stopped it
        before, self._before = self._before, _account(self.mock)
        ours, theirs = (_since(self._before[key], before[key]) for key in ("violations", "clientErrors"))
        lines: list[str] = []
        if ours:
            what = f"{counted(ours, 'answer')} broke the contract, by a bug of the mock server's"
            lines += self._listed(what, report.violations)
        if theirs and self._strict:
            lines += self._listed(f"{counted(theirs, 'request')} broke the contract (strict)", report.client_errors)
        if whole and self._strict:
            lines += [f"ocp_mock: {one} (strict)" for one in report.unmet(_expectations(self.mock))]
            if not _since(self._before["replies"], self._first["replies"]):
                lines.append("ocp_mock: no request of the API came at all (strict)")
        if not lines:
            return None
        self.said = "\n".join(lines)
        self._seen = self._look()  # when it is reported, the server may have ended
        return self.said

    def _listed(self, what: str, those: Callable[[list[Json]], list[Json]]) -> Iterator[str]:
        found = those(self.mock.requests())
        yield f"ocp_mock: {what}:"
        yield from [f"  {report.request_line(one)}" for one in found] or ["  not in the journal: see the log"]
        yield from (line for one in found for line in report.more_lines(one))

    def sections(self) -> list[tuple[str, str]]:
        """For the report of a test that has failed: once, whatever else goes wrong."""
        if self._shown:
            return []
        self._shown = True
        try:
            complaint = self.complaint()
            seen = self._seen or self._look()
        except Exception as error:  # a report is made whatever has become of the server
            return [("ocp_mock", f"nothing is known: {type(error).__name__}: {error}")]
        return seen if complaint is None else [("ocp_mock contract", complaint), *seen]

    def har(self) -> str:
        """The journal as HAR 1.2."""
        return json.dumps(self.mock._line.fetch("/__admin/requests?format=har"), ensure_ascii=False)

    def _look(self) -> list[tuple[str, str]]:
        journal, state = self.mock._journal(), self.mock.state()
        return [
            ("ocp_mock requests", report.journal_text(journal)),
            ("ocp_mock tasks", report.state_text(state, journal["requests"])),
        ]


def lend(item: pytest.Item, make: Any, servers: ExitStack) -> Loan:
    """`make` is what make_ocp_mock gives; `servers` ends the servers that are started here. Raises UsageError."""
    shelf = item.session.stash.setdefault(SHELF, Shelf(worker(item.config)))
    marker = item.get_closest_marker("ocp_mock")
    choice = shelf.unmarked(item.config) if marker is None else marked(marker, item)
    mock = shelf.server(make, choice.options, servers)
    try:
        shelf.renew(mock, choice)
    except FixtureError as error:
        raise pytest.UsageError(f"ocp_mock: {error}") from None
    return Loan(mock, choice.strict)


class Shelf:
    """The servers and fixtures of one session, or of one worker of pytest-xdist's."""

    def __init__(self, worker: str | None = None) -> None:
        self._worker = worker
        self._unmarked: Choice | None = None
        self._servers: dict[Key, tuple[object, Handle]] = {}
        self._fixtures: dict[Key, Fixture] = {}

    def unmarked(self, config: pytest.Config) -> Choice:
        """What a test without a marker gets. Raises UsageError."""
        if self._unmarked is None:
            self._unmarked = unmarked(config)
        return self._unmarked

    def server(self, make: Any, options: Mapping[str, Any], servers: ExitStack) -> Handle:
        key = (id(make), repr(options) if options else "")
        _, mock = self._servers.get(key, (make, None))
        if mock is None:
            mock = made(make, options)
            if self._worker is not None:
                mock = of_worker(mock, self._worker)
            self._servers[key] = make, mock
        if isinstance(mock, MockServer) and not mock.is_running:
            servers.enter_context(mock)
        return mock

    def renew(self, mock: Handle, choice: Choice) -> None:
        """Raises FixtureError."""
        overrides = fixture_source.overrides(**choice.settings)
        mock._marked = dict(overrides)
        if isinstance(mock, MockServer):
            is_own = choice.source is None and not overrides
            mock._renew(None if is_own else self._fixture(choice.source, mock, overrides))
            return
        mock.reset()
        mock._line.call("DELETE", "/contract/expectations")  # of a test that was ended
        if choice.source is not None:
            overrides.setdefault("clock", {"mode": "manual"})
            fixture = fixture_source.load(choice.source, overrides=overrides)
            mock._line.call("PUT", "/state", to_data(fixture))
        elif overrides:
            mock._line.call("PUT", "/state", {**mock.state(), **overrides})
        elif mock.clock()["mode"] != "manual":
            mock.set_clock("manual")

    def _fixture(self, source: fixture_source.Source, mock: MockServer, overrides: Mapping[str, object]) -> Fixture:
        """As it was read before, if its files look as they did then."""
        source = mock._source if source is None else source
        overrides = {**mock._settings, **overrides}
        if isinstance(source, Mapping):
            return fixture_source.load(source, overrides=overrides)
        several = source if isinstance(source, list | tuple) else [source]
        paths = [str(one) for one in several if isinstance(one, str | Path)]
        key = (repr(source), repr(overrides), *looks(paths).items())
        fixture = self._fixtures.get(key)
        if fixture is None:
            fixture = self._fixtures[key] = fixture_source.load(source, overrides=overrides)
            if len(self._fixtures) > READ:
                del self._fixtures[next(iter(self._fixtures))]
        return fixture


SHELF: Final = pytest.StashKey[Shelf]()


def made(make: Any, options: Mapping[str, Any]) -> Handle:
    """Raises UsageError for what is no mock server, nor makes one."""
    mock = make
    if not isinstance(make, Handle):
        mock = make(**options) if callable(make) else None
    elif options:
        raise pytest.UsageError(
            f"@pytest.mark.ocp_mock: {', '.join(options)} need a server of their own, and make_ocp_mock gives just one"
        )
    if not isinstance(mock, Handle):
        raise pytest.UsageError(f"make_ocp_mock gives a MockServer, or a function that returns one; not {mock!r}")
    return mock


def worker(config: pytest.Config) -> str | None:
    """This process's name among those of pytest-xdist; None if tests run in one process."""
    found: dict[str, str] = getattr(config, "workerinput", {})
    return found.get("workerid")


def of_worker(mock: Handle, worker: str) -> Handle:
    """One on a server elsewhere, which the other workers have too, is of a world of this worker's instead."""
    if isinstance(mock, MockServer):
        return mock
    own = copy(mock)
    own._connected = mock._line.of_worker(worker)
    return own


def _account(mock: Handle) -> Json:
    """So far: of all worlds of a server in this process, which no other test has meanwhile; else of its own world."""
    return mock._accounts.total().to_json() if isinstance(mock, MockServer) else mock.contract()


def _expectations(mock: Handle) -> list[Json]:
    """Likewise."""
    below = "?worlds=all" if isinstance(mock, MockServer) else ""
    found: list[Json] = mock._line.call("GET", f"/contract/expectations{below}")["expectations"]
    return found


def _since(now: int, before: int) -> int:
    """How many more; all, if the test has set its account to zero."""
    return now - before if now >= before else now
