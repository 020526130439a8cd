"""A server that may open no more files says so, in a 503 that is neither a bug's nor has a path in it."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from clients import Client, failed_world

from mockserver import MockServer


@pytest.fixture
def exhausted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    def refuse(path: Path, *_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number), str(path))

    with MockServer(failed_world()) as mock, Client(mock) as client:
        number = errno.EMFILE
        for name in ("iterdir", "open", "read_bytes", "read_text"):
            monkeypatch.setattr(Path, name, refuse)
        yield client
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fixtures"),
        ("POST", "/fixtures/empty/load"),
        ("GET", "/"),
        ("GET", "/page/main.js"),
    ],
)
def test_what_reads_files_is_a_503(exhausted: Client, caplog: pytest.LogCaptureFixture, method: str, path: str) -> None:
    before = exhausted.state()
    answer = exhausted(method, f"/__admin{path}")
    assert (answer.status_code, answer.headers["X-Mock-Contract"]) == (503, "valid")
    assert answer.json()["error"] == {
        "message": "a file cannot be read now (Too many open files): nothing was changed",
        "details": [],
    }
    assert "Traceback" not in caplog.text
    assert exhausted.state() == before
