"""Fixtures of pytest's that several files of tests share."""

from collections.abc import Iterator

import pytest
from clients import Client, failed_world

from mockserver import MockServer


@pytest.fixture
def failed() -> Iterator[Client]:
    """A client of a server whose one task has FAILED: clients.failed_world."""
    with MockServer(failed_world()) as mock, Client(mock) as client:
        yield client


@pytest.fixture
def permissions() -> Iterator[Client]:
    """A client of a server with the shipped fixture `permissions`: a login, and three users."""
    with MockServer("permissions") as mock, Client(mock) as client:
        yield client
