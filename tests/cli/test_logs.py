"""What a log shows of a request: its text, escaped, in one line; and no credentials, however malformed."""

import base64
import json
import logging
import sys
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from aiohttp.web import BaseRequest
from clients import Client
from processes import Served
from raw_sockets import connected, heard, request

from mockserver.server.logs import ACCESS, AccessLog, Text, escaped

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


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": f"evil, Authorization: Basic {SECRET}"},
        {"Host": f"user:{SECRET}@evil"},
        {"Origin": f"http://user:{SECRET}@evil"},
        {"Origin": f"null Authorization: Bearer {SECRET}"},
    ],
)
def test_a_foreign_name_is_logged_without_what_else_its_header_holds(
    failed: Client, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    answer = failed("GET", f"/__admin/state?token={SECRET}", headers=headers)
    assert answer.status_code == 403
    assert SECRET not in answer.text
    (message,) = caplog.messages
    assert "is foreign" in message
    assert SECRET not in message
    failed("GET", "/api/v2/tasks/instances", headers=headers)
    assert SECRET not in failed.get("/__admin/requests").text


def test_a_line_per_request_has_no_secrets_of_its_query(caplog: pytest.LogCaptureFixture) -> None:
    facts = SimpleNamespace(method="GET", raw_path=f"/a?access_token={SECRET}&page=2")
    with caplog.at_level(logging.INFO, logger="mockserver.access"):
        AccessLog(ACCESS, "").log(cast(BaseRequest, facts), web.Response(), 0.001)
    assert caplog.messages == ["GET /a?access_token=[redacted]&page=2 200 1.0 ms"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v2/tasks/instances", {"X-Mock-Expect": f"token={SECRET}"}),
        (f"//user:{SECRET}@host/", {}),
    ],
)
def test_nor_does_what_is_told_of_a_client_error(failed: Client, path: str, headers: dict[str, str]) -> None:
    with connected(failed.mock.port) as connection:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{name}: {text}" for name, text in headers.items())]
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        heard(connection)
    told = failed.get("/__admin/contract/client-errors")
    assert len(told.json()["clientErrors"]) == 1
    assert SECRET not in told.text
