"""A mock server, lent to one test of pytest's: found or started, with a fresh world, and looked over afterwards.

One server does for a session, whatever worlds its tests want: in this process a world is changed for another at once,
and on a server elsewhere by its control routes.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from mockserver.fixtures import source as fixture_source
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.watch import looks
from mockserver.fixtures.writer import to_data
from mockserver.testing import report
from mockserver.testing.handle import Handle
from mockserver.testing.marker import Choice, marked, unmarked
from mockserver.testing.server import MockServer
from mockserver.world.fixture import Fixture

Key = tuple[object, ...]
READ: Final = 64
"""So many fixtures are kept in memory once they were read."""


class Faults(NamedTuple):
    """What an account says went wrong so far."""

    violations: int
    client_errors: int


class Loan:
    """One test's time with a server."""

    def __init__(self, mock: Handle, strict: bool) -> None:
        self.mock = mock
        self._strict = strict
        self._before = _faults(mock)
        self._shown = False
        self._seen: list[tuple[str, str]] = []
        self.said: str | None = None
        """The latest complaint."""

    def complaint(self) -> str | None:
        """What went wrong since this was last asked, for which the test must fail; None if nothing did."""
        if isinstance(self.mock, MockServer) and not self.mock.is_running:
            return None  # the test has stopped it
        now = _faults(self.mock)
        before, self._before = self._before, now
        ours, theirs = now.violations - before.violations, now.client_errors - before.client_errors
        parts = []
        if ours:
            parts.append(
                (f"{_times(ours, 'answer')} broke the contract, by a bug of the mock server's", report.violations)
            )
        if theirs and self._strict:
            parts.append((f"{_times(theirs, 'request')} broke the contract (strict)", report.client_errors))
        if not parts:
            return None
        requests = self.mock.requests()
        lines = []
        for what, those in parts:
            found = those(requests)
            lines.append(f"ocp_mock: {what}:")
            lines += [f"  {report.request_line(one)}" for one in found] or ["  not in the journal: see the log"]
            lines += [f"    hint: {one['hint']}" for one in found if one["hint"]]
        self.said = "\n".join(lines)
        self._seen = self._look()  # when it is reported, the server may have ended
        return self.said

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

    def _look(self) -> list[tuple[str, str]]:
        journal, state = self.mock._journal(), self.mock.state()
        return [
            ("ocp_mock requests", report.journal_text(journal)),
            ("ocp_mock tasks", report.state_text(state, journal["requests"])),
        ]


def lend(item: pytest.Item, make: Any, servers: ExitStack) -> Loan:
    """`make` is what make_ocp_mock gives; `servers` ends the servers that are started here. Raises UsageError."""
    shelf = item.session.stash.get(SHELF, None)
    if shelf is None:
        shelf = item.session.stash[SHELF] = Shelf()
    marker = item.get_closest_marker("ocp_mock")
    choice = shelf.unmarked(item.config) if marker is None else marked(marker, item)
    mock = shelf.server(make, choice.options, servers)
    try:
        shelf.renew(mock, choice)
    except FixtureError as error:
        raise pytest.UsageError(f"ocp_mock: {error}") from None
    return Loan(mock, choice.strict)


class Shelf:
    """The servers and fixtures of one session."""

    def __init__(self) -> None:
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
            self._servers[key] = make, mock
        if isinstance(mock, MockServer) and not mock.is_running:
            servers.enter_context(mock)
        return mock

    def renew(self, mock: Handle, choice: Choice) -> None:
        """Raises FixtureError."""
        settings = choice.settings
        overrides = fixture_source.overrides(**settings)
        if isinstance(mock, MockServer):
            mock._renew(
                self._fixture(choice.source, mock, overrides) if choice.source is not None or overrides else None
            )
            return
        mock.reset()
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
        overrides = {**mock._overrides(), **overrides}
        if isinstance(source, Mapping):
            return fixture_source.load(source, overrides=overrides)
        key = (repr(source), repr(overrides), *_looks(source))
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


def _looks(source: object) -> list[object]:
    several = source if isinstance(source, list | tuple) else [source]
    paths = [str(one) for one in several if isinstance(one, str | Path)]
    return [(name, stamp) for name, stamp in looks(paths).items()]


def _faults(mock: Handle) -> Faults:
    if isinstance(mock, MockServer):
        return Faults(mock._account.violations, mock._account.client_errors)
    account = mock.contract()
    return Faults(account["violations"], account["clientErrors"])


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
