"""Variables that are nobody's setting, misspelt or empty; and those that `exec` gives its command."""

import json
import sys
from collections.abc import Mapping

import pytest
from processes import Served, run

from mockserver.cli.exec import with_server
from mockserver.cli.main import main, parsed

URL = "http://127.0.0.1:1234"

SERVICE = {
    "OCP_MOCK_SERVICE_HOST": "10.0.0.1",
    "OCP_MOCK_SERVICE_PORT": "8080",
    "OCP_MOCK_SERVICE_PORT_HTTP": "8080",
    "OCP_MOCK_PORT": "tcp://10.0.0.1:9999",
    "OCP_MOCK_PORT_8080_TCP": "tcp://10.0.0.1:8080",
    "OCP_MOCK_PORT_8080_TCP_PROTO": "tcp",
    "OCP_MOCK_PORT_8080_TCP_PORT": "8080",
    "OCP_MOCK_PORT_8080_TCP_ADDR": "10.0.0.1",
    "OCP_MOCK_ADMIN_SERVICE_HOST": "10.0.0.1",
    "OCP_MOCK_ADMIN_PORT": "udp://10.0.0.1:53",
    "OCP_MOCK_ADMIN_PORT_53_UDP_ADDR": "10.0.0.1",
}
"""What Kubernetes makes of Services ocp-mock and ocp-mock-admin."""


def setting(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)


@pytest.mark.parametrize("words", [["serve"], ["healthcheck"], ["exec", "--", "true"], ["openapi"]], ids=" ".join)
def test_what_kubernetes_makes_is_passed_over(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    setting(monkeypatch, SERVICE)
    arguments = parsed(words)
    assert getattr(arguments, "port", 8080) in (8080, 0)
    assert arguments.warnings == []


@pytest.mark.parametrize(
    ("variable", "warning"),
    [
        ("OCP_MOCK_PROT", "no setting is called OCP_MOCK_PROT; did you mean OCP_MOCK_PORT?"),
        ("OCP_MOCK_FIXTURE", "no setting is called OCP_MOCK_FIXTURE; did you mean OCP_MOCK_FIXTURES?"),
        ("OCP_MOCK_NO_WACH", "no setting is called OCP_MOCK_NO_WACH; did you mean OCP_MOCK_NO_WATCH?"),
        ("OCP_MOCK_SERVICE", "no setting is called OCP_MOCK_SERVICE; did you mean "),
        ("OCP_MOCK_" + "QXZ" * 20, "no setting is called OCP_MOCK_" + "QXZ" * 20),
    ],
)
def test_an_unknown_variable_is_warned_of(monkeypatch: pytest.MonkeyPatch, variable: str, warning: str) -> None:
    monkeypatch.setenv(variable, "9000")
    (warned,) = parsed(["serve"]).warnings
    assert warned.startswith(warning)
    assert warning.endswith(" ") or warned == warning


def test_a_variable_of_another_command_is_none_to_warn_of(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, {"OCP_MOCK_STRICT": "1", "OCP_MOCK_FIXTURES": "empty", "OCP_MOCK_TIMEOUT": "3"})
    assert parsed(["serve"]).warnings == []


def test_a_warning_is_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OCP_MOCK_PROT", "9000")
    assert main(["validate", "empty"]) == 0
    assert capsys.readouterr().err == (
        "ocp-mockserver: no setting is called OCP_MOCK_PROT; did you mean OCP_MOCK_PORT?\n"
    )


def test_and_where_there_is_a_log_it_is_a_line_of_that() -> None:
    with Served("empty", "--log-format", "json", env={"OCP_MOCK_PROT": "9000"}) as served:
        pass
    (line,) = map(json.loads, served.logs.splitlines())
    assert (line["level"], "OCP_MOCK_PORT?" in line["message"]) == ("WARNING", True)


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_token_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Not silently none: somebody wanted one."""
    monkeypatch.setenv("OCP_MOCK_ADMIN_TOKEN", text)
    with pytest.raises(SystemExit) as exit:
        main(["serve"])
    assert exit.value.code == 2
    assert "OCP_MOCK_ADMIN_TOKEN: it is empty" in capsys.readouterr().err
    assert parsed(["serve", "--admin-token", "secret"]).admin_token == "secret"


# --- what the command of exec gets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "upper", "lower"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"NO_PROXY": "a.test"}, "a.test,127.0.0.1", "a.test,127.0.0.1"),
        ({"no_proxy": "a.test, b.test"}, "a.test,b.test,127.0.0.1", "a.test,b.test,127.0.0.1"),
        ({"NO_PROXY": "a.test", "no_proxy": "b.test"}, "a.test,127.0.0.1", "b.test,127.0.0.1"),
        ({"NO_PROXY": "a.test", "no_proxy": ""}, "a.test,127.0.0.1", "127.0.0.1"),
        ({"NO_PROXY": "*"}, "*", "*"),
    ],
    ids=str,
)
def test_no_proxy_is_asked_for_the_server(given: dict[str, str], upper: str, lower: str) -> None:
    assert with_server({"HERE": "stays", **given}, URL) == {
        "HERE": "stays",
        "OCP_BASE_URL": URL,
        "NO_PROXY": upper,
        "no_proxy": lower,
    }


def test_an_address_in_brackets_is_named_both_ways() -> None:
    assert with_server({}, "http://[::1]:80")["NO_PROXY"] == "[::1],::1"


@pytest.mark.slow
def test_a_command_behind_a_proxy_finds_the_server() -> None:
    program = "import os, urllib.request as r; r.urlopen(os.environ['OCP_BASE_URL'] + '/api/v2/tasks/instances')"
    proxy = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "", "no_proxy": ""}
    ended = run("exec", "empty", "--", sys.executable, "-c", program, env=proxy)
    assert (ended.returncode, ended.stderr.partition(":")[0]) == (0, "ocp-mockserver"), ended.stderr
