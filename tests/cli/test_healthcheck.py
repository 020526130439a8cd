"""`healthcheck`: one line and an exit code, for a container; whom it asks, and what it does not take for healthy."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import END_S, Served, run

from mockserver import MockServer, __version__
from mockserver.cli.healthcheck import local
from mockserver.cli.main import main


@pytest.fixture
def clear(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Proxies that do not exist: nobody may ask them."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    return monkeypatch


@contextmanager
def answering(answer: bytes, *, ends: bool = True) -> Iterator[str]:
    """A server that answers one request with these bytes, and then hangs up, or does not."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)
                if not ends:
                    done.wait(END_S)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        done.set()
        thread.join(END_S)


@pytest.mark.usefixtures("clear")
@pytest.mark.parametrize("end", ["", "/"])
def test_a_healthy_server(capsys: pytest.CaptureFixture[str], end: str) -> None:
    with MockServer("failed-subtask", auth="basic", admin_token="secret") as mock:
        url = mock.url
        assert main(["healthcheck", url + end]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"healthy: {url}{end}: version {__version__}, tasks: 1\n", "")


def test_without_a_url_it_is_where_serve_would_be(
    clear: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with MockServer("empty") as mock:
        clear.setenv("OCP_MOCK_PORT", str(mock.port))
        clear.setenv("OCP_MOCK_HOST", "0.0.0.0")
        assert main(["healthcheck"]) == 0
        assert f"http://127.0.0.1:{mock.port}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8080, "http://127.0.0.1:8080"),
        ("0.0.0.0", 80, "http://127.0.0.1:80"),
        ("::", 80, "http://[::1]:80"),
        ("::1", 80, "http://[::1]:80"),
        ("mock.test", 80, "http://mock.test:80"),
        ("127.0.0.1", 0, "http://127.0.0.1:40123"),
    ],
)
def test_an_address_to_listen_on_becomes_one_to_ask(tmp_path: Path, host: str, port: int, url: str) -> None:
    (tmp_path / "port").write_text("40123\n")
    assert local(host, port, str(tmp_path / "port")) == url


@pytest.mark.slow
def test_the_port_file_of_serve_will_do(tmp_path: Path) -> None:
    env = {"OCP_MOCK_PORT": "0", "OCP_MOCK_PORT_FILE": str(tmp_path / "port")}
    before = run("healthcheck", env=env)
    assert (before.returncode, before.stdout, len(before.stderr.splitlines())) == (1, "", 1)
    with Served("empty", env=env):
        assert run("healthcheck", env=env).returncode == 0


@pytest.mark.slow
@pytest.mark.usefixtures("clear")
def test_without_admin_it_asks_for_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    with Served("empty", "--no-admin") as served:
        assert main(["healthcheck", "--no-admin", served.url]) == 0
        assert capsys.readouterr().out == f"healthy: {served.url}: it serves\n"
        assert main(["healthcheck", served.url]) == 1
        assert "it answers 404" in capsys.readouterr().err


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://no such host", "file:///etc"])
def test_what_is_no_url_is_one_line_and_1(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main(["healthcheck", url]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"unhealthy: {url}: ")


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    assert main(["healthcheck", url]) == 1
    assert capsys.readouterr().err == f"unhealthy: {url}: Connection refused\n"


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        OK,
        OK + b"<html>it works</html>",
        OK + b"[]",
        OK + b'{"status": "starting"}',
        OK + b"[" * 100_000,
        OK + b"\xff",
        b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n",
    ],
)
@pytest.mark.parametrize("admin", ["--admin", "--no-admin"])
def test_somebody_else_there(capsys: pytest.CaptureFixture[str], answer: bytes, admin: str) -> None:
    with answering(answer) as url:
        assert main(["healthcheck", admin, url]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"unhealthy: {url}: ")


def test_one_that_does_not_answer_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(b"", ends=False) as url:
        assert main(["healthcheck", "--timeout", "0.05", url]) == 1
    assert capsys.readouterr().err == f"unhealthy: {url}: timed out\n"


@pytest.mark.slow
def test_it_needs_no_web_server() -> None:
    """It runs every few seconds."""
    program = (
        "import sys\nfrom mockserver.cli.main import main\nmain(['healthcheck', 'http://127.0.0.1:1'])\n"
        "print([name for name in ('aiohttp', 'yaml', 'jsonschema', 'asyncio') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=END_S)
    assert ended.stdout == "[]\n"
