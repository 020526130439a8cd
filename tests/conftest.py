"""Fixtures of pytest's that several files of tests share, and the account of the whole run (see `books`)."""

import copy
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import books
import pytest
from clients import Client, failed_world
from hypothesis import HealthCheck, settings
from shared_servers import SharedServers

from mockserver import MockServer
from mockserver.contract import wire
from mockserver.contract.bundles import schema_files
from mockserver.contract.schemas import Contract

pytest_plugins = ["pytester"]
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)
settings.register_profile("ci", settings.get_profile("suite"), max_examples=100)
settings.load_profile("ci" if "CI" in os.environ else "suite")  # a machine that is busy otherwise fails no test
SUMS: Counter[str] = Counter()
"""Of this process; in one that leads workers, of all of them."""


@pytest.fixture(scope="session")
def shared_servers() -> Iterator[SharedServers]:
    servers = SharedServers()
    yield servers
    servers.end()


@pytest.fixture
def failed(shared_servers: SharedServers) -> Iterator[Client]:
    """A client of a server whose one task has FAILED: clients.failed_world."""
    with Client(shared_servers.renewed("failed", failed_world())) as client:
        yield client


@pytest.fixture
def permissions(shared_servers: SharedServers) -> Iterator[Client]:
    """A client of a server with the shipped fixture `permissions`: a login, and three users."""
    with Client(shared_servers.renewed("permissions", "permissions")) as client:
        yield client


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a server for which a subtask that is READY breaks the contract: our bug, planted."""
    files = copy.deepcopy(dict(schema_files()))
    files["subtask-status"]["enum"] = ["FAILED", "PENDING", "SUCCESSFUL"]
    narrowed = Contract(files=files)
    monkeypatch.setattr(wire, "contract", lambda field_names: narrowed)
    wire._wire.cache_clear()
    try:
        with MockServer(failed_world()) as mock, Client(mock) as client:
            yield client
    finally:
        monkeypatch.undo()
        wire._wire.cache_clear()


# --- the account of the whole run ----------------------------------------------------------------------------------

_planted = pytest.fixture(autouse=True)(books.planted)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "planted(n): the test makes its servers violate the contract n times")
    books.keep()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of xdist's has ended."""
    SUMS.update(getattr(node, "workeroutput", {}).get("account", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    SUMS.update(books.BOOKS.sums())
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["account"] = dict(SUMS)
    elif session.exitstatus == pytest.ExitCode.OK and books.mistakes(SUMS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line("account of the run: " + ", ".join(f"{SUMS[key]} {key}" for key in books.COUNTED))
    for mistake in books.mistakes(SUMS):
        terminalreporter.write_line(f"account of the run: {mistake}", red=True)
