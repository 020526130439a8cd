"""The pytest plugin: `ocp_mock`, a mock server with a world of its own for each test, synchronous or not.

A test run that does not use it pays for this file and no more: whatever is heavy is imported inside the fixtures.
What a test gets, and what is said of it afterwards, is in `testing.session`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import pytest

from mockserver import __version__

if TYPE_CHECKING:
    from mockserver.testing.handle import Handle
    from mockserver.testing.server import MockServer
    from mockserver.testing.session import Loan

MARKER: Final = (
    "ocp_mock(path, *, world=None, clock='manual', speed=None, strict=False, auth=None, seed=None, dialect=None, "
    "nulls=None, array_order=None, field_names=None, api_prefixes=None, admin_token=None): the world of the fixture "
    "ocp_mock: a path (relative to the test's file), the name of a shipped fixture, or a mapping as `world`. With "
    "strict, a request that breaks the contract, and was not expected to, fails the test too, as does an expected one "
    "that does not come, and a test that asks it nothing. The closest marker wins."
)
LOAN: Final[pytest.StashKey[Loan]] = pytest.StashKey()
SERVERS: Final = pytest.StashKey[ExitStack]()
"""What stops the servers that the plugin has started itself."""

NAME: Final = 150
"""So many signs of a test's name are in that of its file."""

RUNNING: Final[list[pytest.Item]] = []
"""The test that runs; more, where a test runs tests. (To ask for the fixture `request` costs a test as much as all
else that `ocp_mock` does.)"""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ocp-mockserver")
    group.addoption(
        "--ocp-mock-fixtures",
        action="append",
        metavar="PATH",
        help="The world of ocp_mock for tests without a marker of their own: a fixture file, a folder, or the name of "
        "a shipped fixture; may be given several times. Wins over OCP_MOCK_FIXTURES and the ini's ocp_mock_fixtures.",
    )
    group.addoption(
        "--ocp-mock-report",
        metavar="DIR",
        help="Leaves the requests of each test that fails, and uses ocp_mock, in DIR: a HAR file, which the network "
        "panel of a browser opens.",
    )
    parser.addini(
        "ocp_mock_fixtures",
        "The world of ocp_mock: one path a line, relative to this file, or the name of a shipped fixture.",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    servers = config.stash[SERVERS] = ExitStack()
    config.add_cleanup(servers.close)


def pytest_report_header(config: pytest.Config) -> str:
    from mockserver.testing.marker import general

    names, origin = general(config)
    return f"ocp-mockserver: {__version__}, world: {', '.join(map(str, names)) or 'built-in'} ({origin})"


def load(name: str) -> None:
    """Imports a module where nothing can interrupt that: what a test's timeout or Ctrl-C raises, it raises in the main
    thread. A package of which half was imported may be one that can never be (asyncio), for all tests that follow.
    What is wrong with it is raised where it is imported next."""

    def run() -> None:
        with suppress(Exception):
            import_module(name)

    if name not in sys.modules:
        thread = Thread(target=run, name=f"import {name}", daemon=True)
        thread.start()
        thread.join()


@pytest.fixture(scope="session")
def make_ocp_mock() -> Iterator[Callable[..., MockServer]]:
    """Starts mock servers, which end with the session: `make_ocp_mock("failed-subtask", api_prefixes=["/api/v1"])`.

    It takes what MockServer takes. `ocp_mock` calls it without arguments (but for a marker's `api_prefixes` and
    `admin_token`) once in a session. Override it to have another server there: with a function that returns a
    MockServer, running or not, or the handle of `MockServer.connect`; or with one of those itself.
    """
    with ExitStack() as servers:

        def make(source: Any = None, **options: Any) -> MockServer:
            load("mockserver.testing.server")  # not before: what this fixture raises, every test would
            from mockserver.testing.server import MockServer

            return servers.enter_context(MockServer(source, **options))

        yield make


@pytest.fixture
def ocp_mock(make_ocp_mock: Any) -> Iterator[Handle]:
    """A mock server with a fresh world for this test, whose clock is manual unless a marker asks otherwise.

    A MockServer (or what an overriding `make_ocp_mock` gives): `ocp_mock.url` is where it is, without an API prefix.
    `@pytest.mark.ocp_mock` chooses the world. An answer that breaks the contract fails the test.
    """
    load("mockserver.testing.session")
    from mockserver.testing.session import lend

    item = RUNNING[-1]
    try:
        loan = item.stash[LOAN] = lend(item, make_ocp_mock, item.config.stash[SERVERS])
    except pytest.UsageError as error:
        raise pytest.fail.Exception(f"UsageError: {error}", pytrace=False) from None  # nobody asks where it was raised
    except ConnectionError as error:  # of a server elsewhere
        raise pytest.fail.Exception(f"ocp_mock: {error}", pytrace=False) from None
    yield loan.mock
    _judge(loan)


@pytest.fixture
def ocp_mock_url(ocp_mock: Handle) -> str:
    """Where `ocp_mock` is, without an API prefix: `http://127.0.0.1:40123`. The same for every test of a session."""
    return ocp_mock.url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    RUNNING.append(item)
    try:
        return (yield)
    finally:
        RUNNING.pop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that passed, and caused an answer that breaks the contract, has not passed."""
    yield
    loan = item.stash.get(LOAN, None)
    if loan is not None:
        _judge(loan, whole=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test asked, and how its tasks stand, so that nobody need run it again to know. Its sections are properties
    of its test case in JUnit's XML, too, and a part of its output there (junit_logging)."""
    report = yield
    loan = item.stash.get(LOAN, None)
    if loan is None:
        return report
    if report.skipped and call.excinfo is not None and str(call.excinfo.value) == loan.said:
        report.outcome = "failed"  # no test expects that, whatever failure it expects
        del report.wasxfail
    if report.failed:
        sections = loan.sections()
        item.user_properties += sections
        for name, text in sections:
            report.sections.append((f"Captured stdout: {name}", text))
            if report.when != "teardown":  # JUnit's XML has what the last report has
                item.add_report_section(report.when, f"stdout: {name}", text)
        folder = item.config.getoption("--ocp-mock-report")
        if sections and folder is not None:
            with suppress(Exception):  # the server may have ended
                _leave(item.config.invocation_params.dir / folder, item.nodeid, loan.har())
    return report


def _leave(folder: Path, nodeid: str, har: str) -> None:
    """A file of that test's; of two tests whose names are the same but for signs, two."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", nodeid).strip("-")
    different = "" if name == nodeid else f"-{crc32(nodeid.encode()):08x}"
    (folder / f"{name[:NAME]}{different}.har").write_text(har, encoding="utf-8")


def _judge(loan: Loan, *, whole: bool = False) -> None:
    try:
        complaint = loan.complaint(whole=whole)
    except ConnectionError as error:  # a server elsewhere has ended
        complaint = f"ocp_mock: {error}"
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)
