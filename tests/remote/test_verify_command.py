"""The command `verify`: what it prints, its exit codes, who it says it is, and what it takes for a usage error."""

import io
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest
from clients import failed_world
from processes import END_S, needed, run

from mockserver import MockServer
from mockserver.cli.remote import Progress

USERS = {"viewer": {"password": "sec:ret", "permissions": ["TASK_VIEWER"], "accessKeys": {"AKID": "SECRET"}}}
EXTRA: Any = {"operation": "getTaskInstance", "violate": {"set": {"/data/owner": "anna"}}}


@pytest.fixture(scope="module")
def running() -> Iterator[MockServer]:
    with MockServer(failed_world(users=USERS)) as mock:
        yield mock


@pytest.fixture
def mock(running: MockServer) -> MockServer:
    running.reset()
    return running


# --- what it says --------------------------------------------------------------------------------------------------


def test_nothing_is_wrong(mock: MockServer) -> None:
    ended = run("verify", mock.url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        f"{mock.api_url}: 11 requests, held against ocp-4.2.2, which fits best",
        "note: it answers without credentials: an open server",
        "as the contract says",
    ]


def test_a_difference_is_a_line(mock: MockServer) -> None:
    mock.fault(**EXTRA)
    ended = run("verify", mock.url)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[1] == (
        'getTaskInstance $.data.owner: undocumented: wants no such field; came "anna" '
        "(once at GET /api/v2/tasks/instances/1000)"
    )
    assert ended.stdout.splitlines()[-1] == "1 difference"


def test_what_is_allowed_is_a_note(mock: MockServer) -> None:
    mock.fault(**EXTRA)
    ended = run("verify", mock.url, "--allow-undocumented")
    assert ended.returncode == 0
    assert "note: getTaskInstance $.data.owner: undocumented" in ended.stdout


def test_which_dialect_would_fit_better(mock: MockServer) -> None:
    ended = run("verify", mock.url, "--dialect", "ocp-express")
    assert ended.returncode == 1
    assert "held against ocp-express (" in ended.stdout
    assert "; ocp-4.2.2 would fit better (0)" in ended.stdout


def test_nobody_there() -> None:
    with MockServer("empty") as mock:
        url = mock.url
    ended = run("verify", url)
    assert ended.returncode == 1
    assert "listTaskInstances: no answer: wants an answer; came Connection refused" in ended.stdout
    assert "fits" not in ended.stdout


def test_as_json(mock: MockServer) -> None:
    mock.fault(**EXTRA)
    ended = run("verify", mock.url, "--format", "json", "--task", "1000")
    found = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert [found[key] for key in ("url", "dialect", "nulls", "fieldNames", "ok")] == [
        *(mock.api_url, "ocp-4.2.2", "absent", "sample", False),
    ]
    (difference,) = found["differences"]
    assert difference == {
        "operation": "getTaskInstance",
        "question": "getTaskInstance",
        "kind": "undocumented",
        "path": "$.data.owner",
        "wanted": "no such field",
        "came": '"anna"',
        "count": 1,
        "request": "GET /api/v2/tasks/instances/1000",
        "allowed": False,
    }


def test_as_junit(mock: MockServer) -> None:
    mock.fault(**EXTRA)
    mock.fault(path="*/none", error={"status": 500, "message": "\x1b[1m & <no> database"})
    suites = ElementTree.fromstring(run("verify", mock.url, "--format", "junit").stdout)
    (suite,) = suites
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed == ["getTaskInstance", "getTaskInstance (an id that is no Long)"]
    assert suite.get("failures") == "2"
    assert int(suite.get("tests") or 0) == len([*suite.iter("testcase")]) > 6
    assert "2 differences" in (suite.findtext("system-out") or "")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_line_of_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress()
    progress("/tasks/instances")
    progress.end()
    assert stream.getvalue() == ("\r\x1b[K1: GET /tasks/instances\r\x1b[K" if is_terminal else "")


# --- who asks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        (["--user", "viewer:sec:ret"], {}),
        (["--access-key", "AKID:SECRET"], {}),
        ([], {"OCP_MOCK_ACCESS_KEY": "AKID:SECRET"}),
    ],
)
def test_who_asks(flags: list[str], env: dict[str, str]) -> None:
    with MockServer(failed_world(users=USERS, auth="basic")) as mock:
        ended = run("verify", mock.url, *flags, env=env)
        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "as the contract says")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: URL"),
        (["http://127.0.0.1:99999"], "Port out of range"),
        (["ocp.example"], "'ocp.example' is not a server's URL"),
        (["http://anna:secret@ocp.example"], "a name and password are no part of the URL"),
        (["http://127.0.0.1:1", "--user", "secret"], "--user: it is not NAME:PASSWORD"),
        (["http://127.0.0.1:1", "--user", "a:secret", "--access-key", "a:secret"], "two ways to say who asks"),
        (["http://127.0.0.1:1", "--task", "x"], "'x' is not the id of a task"),
        (["http://127.0.0.1:1", "--dialect", "ocp"], "'ocp' is not ocp-4.2.2 or "),
        (["http://127.0.0.1:1", "--ca", "no-such-file"], "--ca no-such-file: No such file or directory"),
        (["http://127.0.0.1:1", "--format", "yaml"], "'yaml' is not text or json or junit"),
    ],
)
def test_usage(arguments: list[str], told: str) -> None:
    ended = run("verify", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert "secret" not in ended.stderr


# --- TLS -----------------------------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With its key, in one file; nobody vouches for it but itself."""
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [needed("openssl"), *["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"], *name]
    subprocess.run([*made, "-keyout", str(file), "-out", f"{file}.crt"], check=True, capture_output=True, timeout=END_S)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def secure_url(certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a server that has nothing of ours, by TLS."""
    monkeypatch.chdir(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(END_S)


def test_a_certificate_that_nobody_vouches_for(secure_url: str) -> None:
    ended = run("verify", secure_url)
    assert ended.returncode == 1
    assert "came a certificate that nobody vouches for (" in ended.stdout


@pytest.mark.parametrize("insecure", [True, False])
def test_a_certificate_that_will_do(secure_url: str, certificate: Path, insecure: bool) -> None:
    flags = ["--insecure"] if insecure else ["--ca", str(certificate)]
    ended = run("verify", secure_url, *flags)
    assert ended.returncode == 1
    assert "listTaskInstances: status: wants 200; came 404" in ended.stdout
