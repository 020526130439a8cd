"""What a log shows of a request: its text, escaped, in one line; and no credentials, however malformed."""

import base64
import json
import logging
import sys

import pytest
from clients import Client
from processes import Served
from raw_sockets import connected, heard, request

from mockserver.server.logs import Text, escaped

SECRET = "hunter2"
FORGED = "/api/v2/tasks/instances/1%0d%0a2030-01-01 00:00:00,000 ERROR forged%1b[31m%e2%80%ae%e2%80%a8".replace(
    " ", "%20"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing to escape: \\ ü 升级", "nothing to escape: \\ ü 升级"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x00\x1b[31m\x7f\x9b", r"\x00\x1b[31m\x7f\x9b"),
        ("\u2028\u202e\u00a0\udcff", r"\u2028\u202e\xa0\udcff"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["", "--access-log", "--log-format json", "--access-log --log-format json"])
def test_a_request_makes_no_line_of_its_own(flags: str) -> None:
    with Served("empty", *flags.split()) as served:
        assert served.get(FORGED).status_code == 400
    (line,) = served.logs.splitlines()
    assert "forged" in line
    assert line.isprintable()
    if "json" in flags:
        json.loads(line)


def test_nor_where_the_log_is_a_tests_own(failed: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="mockserver"):
        failed.get(FORGED)
    (message,) = caplog.messages
    assert r"\r\n2030" in message
    assert message.isprintable()


def test_the_lines_of_a_traceback_are_no_lines_of_the_log() -> None:
    try:
        raise ValueError("\n2030-01-01 00:00:00,000 ERROR forged \x1b")
    except ValueError:
        record = logging.LogRecord("mockserver", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    first, *others = Text("%(levelname)s %(message)s").format(record).split("\n")
    assert first == "ERROR it failed"
    assert others[-1] == r"  2030-01-01 00:00:00,000 ERROR forged \x1b"
    assert all(line.startswith("  ") for line in others)


SENT = [
    f"Authorization: Basic {SECRET}\0",
    f"Authorization {SECRET}: x",
    f"Authorization: {SECRET}\r\n {SECRET}",
    f"Authorization: {SECRET * 2000}",
    f"Authorization: {SECRET}",
    f"Authorization: {SECRET} x",
    f"Authorization: Basic {SECRET}",
    f"Authorization: Basic {base64.b64encode(SECRET.encode()).decode()}",
    f"Authorization: OCP-ACCESS-KEY-HMACSHA1 {SECRET}",
    f"Authorization: Bearer {SECRET}",
]
TARGETS = [f"http://user:{SECRET}@host/api/v2/nowhere", f"user:{SECRET}@host", f"http://user:{SECRET}@[/"]


@pytest.fixture(scope="module", params=["", "--access-log", "--no-admin --log-format json"])
def logs_of_secrets(request: pytest.FixtureRequest) -> str:
    """What is logged of requests that are all wrong, and hold a secret."""
    with Served("permissions", "--auth", "basic", *request.param.split()) as served:
        for sent in [*(ask(header=header) for header in SENT), *(ask(path=path) for path in TARGETS)]:
            with connected(served.port) as connection:
                connection.sendall(sent)
                assert heard(connection).head.split()[1] in (b"400", b"401", b"404", b"431")
    return served.logs


def ask(path: str = "/api/v2/tasks/instances", header: str = "X: y") -> bytes:
    return request(path).removesuffix(b"\r\n") + f"{header}\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.slow
def test_no_credentials_are_logged(logs_of_secrets: str) -> None:
    assert len(logs_of_secrets.splitlines()) >= len(SENT) + len(TARGETS)
    assert SECRET not in logs_of_secrets
    assert SECRET[:6] not in logs_of_secrets
    assert base64.b64encode(SECRET.encode()).decode() not in logs_of_secrets
