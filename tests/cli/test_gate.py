"""The gate: what `exec --strict` and `check` say of requests that keep the contract, and of those that leave it."""

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
from clients import RETRY, SUBTASK, TASK, TASKS
from hars import entries
from processes import END_S, Served, run
from raw_sockets import connected, heard
from waiting import eventually

from mockserver import MockServer
from mockserver.cli.exec import evidence_of
from mockserver.cli.gate.judgement import verdict, wrong
from mockserver.cli.main import main
from mockserver.server.routing import SITE

FILE: Final = f"{TASK}/downloadDiagnosis"
JSON: Final = {"Content-Type": "application/json"}
OPERATOR: Final = {"Authorization": "Basic b3BlcmF0b3I6b3BlcmF0b3I="}
"""Of the fixture `permissions`, which asks for credentials."""


class Case(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: str = ""
    line: str | None = None
    """What is told of it; None where it keeps the contract."""


CASES: Final = (
    Case("GET", TASK),
    Case("POST", RETRY),
    Case("POST", RETRY, JSON, "{}", None),
    Case("GET", f"{TASKS}?status=FAILED&page=1&size=5&name="),
    Case("GET", f"{TASKS}/7"),
    Case("POST", f"{SUBTASK}/cancel"),
    Case("GET", f"{SUBTASK}/log?taskInstanceId=1000&subtaskInstanceId=10001"),
    Case("GET", TASK, {"Authorization": "Basic b3BlcmF0b3I6d3Jvbmc="}),
    Case("GET", "/api/v2/nowhere", line="404: No route /api/v2/nowhere."),
    Case("PUT", TASK, line="405: PUT is not allowed on /api/v2/tasks/instances/1000, only GET, HEAD."),
    Case("GET", f"{TASKS}/x", line="400: Not a valid request: taskInstanceId is not a decimal Long."),
    Case("GET", f"{TASKS}?pages=1", line="200: pages is no parameter of listTaskInstances (did you mean page?)"),
    Case("POST", f"{FILE}?force=true", line="200: force is no parameter of downloadTaskDiagnosis"),
    Case("GET", f"{TASKS}?size=0", line="200: size=0 is less than 1, and taken as 10"),
    Case("GET", f"{TASKS}?status=failed", line="200: status=failed is not in capitals, and taken as FAILED"),
    Case(
        *("GET", f"{TASKS}?status=BROKEN"),
        line="400: Not a valid request: status is none of RUNNING, FAILED, SUCCESSFUL.",
    ),
    Case("GET", f"{TASKS}?sort=name", line="400: Tasks cannot be sorted by 'name', only by id."),
    Case("POST", FILE, JSON, "{", "200: Content-Type is application/json, and the body is not JSON"),
    Case(
        *("POST", FILE, {"Content-Type": "text/plain"}, "x"),
        "200: Content-Type is 'text/plain', and the API takes application/json",
    ),
    Case("GET", TASK, {"Accept": "text/html"}, "", "200: Accept is 'text/html', and the answer is application/json"),
    Case(
        *("GET", TASK, {"Authorization": "Bearer x"}, ""),
        "401: The Authorization scheme is Bearer, not Basic.",
    ),
    Case("GET", TASK, {"Expect": "a miracle"}, "", "417: Not a valid request: Unknown Expect: a miracle."),
)
RIGHT: Final = [case for case in CASES if case.line is None]
WRONG: Final = [case for case in CASES if case.line is not None]
ASK: Final = """
import http.client, json, os, sys, urllib.parse
url = urllib.parse.urlsplit(os.environ["OCP_BASE_URL"])
for method, path, headers, body in json.loads(sys.argv[1]):
    connection = http.client.HTTPConnection(url.hostname, url.port)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    print(answer.status)
"""


def sent(case: Case) -> tuple[str, str, dict[str, str], str]:
    return case.method, case.path, {**OPERATOR, **case.headers}, case.body


def asking(*cases: Case) -> list[str]:
    """A command that sends them, and is content with whatever it gets."""
    return [sys.executable, "-c", ASK, json.dumps([sent(case) for case in cases])]


def told(case: Case) -> str:
    return f"client error: {case.method} {case.path.partition('?')[0]}: {case.line}"


def ask(url: str, *cases: Case, world: str | None = None) -> None:
    parts = urlsplit(url)
    for case in cases:
        method, path, headers, body = sent(case)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=END_S)
        connection.request(method, path if world is None else f"/w/{world}{path}", body, headers)
        connection.getresponse().read()
        connection.close()


@pytest.fixture(scope="module")
def served() -> Iterator[MockServer]:
    with MockServer("permissions") as mock:
        yield mock


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.path} {case.headers} {case.body}")
def test_each_request_alone_is_judged_and_told_on_one_line(served: MockServer, case: Case) -> None:
    served.reset()
    accounts = served._app[SITE].worlds.accounts
    served.clear_contract()
    ask(served.url, case)
    evidence = evidence_of(accounts)
    assert verdict(evidence, strict=True) == (0 if case.line is None else 3)
    assert verdict(evidence, strict=False) == 0
    [*lines] = wrong(evidence, strict=True)
    assert lines == ([] if case.line is None else [told(case)])


def test_what_has_no_method_and_no_path_is_told_as_what_it_is(served: MockServer) -> None:
    served.clear_contract()
    with connected(served.port) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        heard(connection)
    [line] = wrong(evidence_of(served._app[SITE].worlds.accounts), strict=True)
    assert line.startswith("client error: what is no request of HTTP: 400: Not a valid request: ")


def test_the_table_is_of_twenty_at_least() -> None:
    assert len(CASES) >= 20


# --- exec ----------------------------------------------------------------------------------------------------------


def test_exec_strict_tells_each_wrong_one_and_fails() -> None:
    ended = run("exec", "permissions", "--strict", "--", *asking(*CASES))
    assert ended.returncode == 3
    found = [line for line in ended.stderr.splitlines() if line.startswith("ocp-mockserver: client error: ")]
    assert found == [f"ocp-mockserver: {told(case)}" for case in WRONG]
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"ocp-mockserver: {len(CASES)} requests: {len(CASES)} valid, ")
    assert last.endswith(
        f"; {len(WRONG)} client errors, 0 expected; 0 faults acted; 0 lost to the journal (exit code 3)"
    )


def test_those_that_are_right_pass() -> None:
    assert run("exec", "permissions", "--strict", "--", *asking(*RIGHT)).returncode == 0


def test_wrong_ones_that_say_that_they_are_pass() -> None:
    """Each by the header with its status."""
    cases = []
    for case in WRONG:
        assert case.line is not None
        status = case.line.partition(":")[0]
        cases.append(case._replace(headers={**case.headers, "X-Mock-Expect": status}))
    ended = run("exec", "permissions", "--strict", "--", *asking(*cases))
    assert ended.returncode == 0, ended.stderr
    assert f"0 client errors, {len(WRONG)} expected" in ended.stderr


EXPECT: Final = Case("POST", "/__admin/contract/expectations", JSON, '{"status": 400}')


def test_an_expectation_that_is_not_met_fails_and_is_told() -> None:
    ended = run("exec", "permissions", "--strict", "--", *asking(EXPECT, RIGHT[0]))
    assert ended.returncode == 3
    assert "ocp-mockserver: expected a client error with status 400: there were none\n" in ended.stderr


def test_one_that_is_met_passes_also_after_a_reset() -> None:
    reset = Case("POST", "/__admin/reset")
    bad = Case("GET", f"{TASKS}/x")
    assert run("exec", "permissions", "--strict", "--", *asking(EXPECT, reset, bad, reset)).returncode == 0


@pytest.mark.parametrize(("flags", "code"), [(["--strict"], 3), ([], 0)], ids=str)
def test_no_request_at_all_fails_where_it_is_strict(flags: list[str], code: int) -> None:
    """Control calls are none."""
    ended = run("exec", "permissions", *flags, "--", *asking(Case("GET", "/__admin/state")))
    assert ended.returncode == code
    assert ("ocp-mockserver: no request of the API came at all\n" in ended.stderr) == (code == 3)


def test_faults_that_acted_are_counted() -> None:
    spoiled = Case("GET", TASK, {"X-Mock-Fault": '{"error": {"status": 503}}'})
    ended = run("exec", "permissions", "--strict", "--", *asking(spoiled, spoiled, RIGHT[0]))
    assert "; 2 faults acted; " in ended.stderr


# --- the journal as a file -----------------------------------------------------------------------------------------


def test_exec_leaves_the_journal_as_har_with_what_resets_have_emptied(tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    words = [RIGHT[0], Case("POST", "/__admin/reset"), RIGHT[1], Case("GET", f"/w/anna{TASK}")]
    assert run("exec", "permissions", "--journal", str(file), "--", *asking(*words)).returncode == 0
    found = entries(file.read_bytes())
    assert [(one["_mock"]["world"], one["_mock"]["operation"]) for one in found] == [
        (None, "getTaskInstance"),
        (None, "retrySubtask"),
        ("anna", "getTaskInstance"),
    ]
    assert "operator:operator" not in file.read_text()
    assert OPERATOR["Authorization"] not in file.read_text()


def test_or_as_json_also_of_a_command_that_fails(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    command = ["sh", "-c", '"$0" "$@"; exit 7', *asking(RIGHT[0])]
    assert run("exec", "permissions", "--journal", str(file), "--", *command).returncode == 7
    left = json.loads(file.read_text())
    assert (left["total"], left["dropped"]) == (1, 0)
    assert (left["requests"][0]["operation"], left["requests"][0]["world"]) == ("getTaskInstance", None)


def test_a_file_of_another_kind_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["exec", "empty", "--journal", "run.txt", "--", "true"])
    assert exit.value.code == 2
    assert "'run.txt' ends neither in .har nor in .json" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["exec", "empty"], ["serve", "empty", "--port", "0"]], ids=["exec", "serve"])
def test_a_file_that_could_never_be_written_is_told_before_anything_runs(command: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "none"
    words = ["--", "touch", str(tmp_path / "ran")] if command[0] == "exec" else []
    ended = run(*command, "--journal", str(folder / "run.har"), *words)
    assert (ended.returncode, (tmp_path / "ran").exists()) == (1, False)
    assert ended.stderr == f"ocp-mockserver: --journal {folder / 'run.har'}: there is no folder {folder}\n"


def test_a_file_that_cannot_be_written_in_the_end_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    ended = run("exec", "permissions", "--journal", str(folder / "run.har"), "--", "rmdir", str(folder))
    assert ended.returncode == 1
    assert f"the journal cannot be written: {folder / 'run.har'}: No such file or directory" in ended.stderr


# --- check -----------------------------------------------------------------------------------------------------------


NOTHING: Final = (
    "ocp-mockserver: 0 requests: 0 valid, 0 deliberately invalid, 0 violations of the contract; "
    "0 client errors, 0 expected (exit code 3)"
)


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    code = main(["check", *words])
    return code, capsys.readouterr().err.splitlines()


def test_check_judges_a_world_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Two jobs on one server, one of them sloppy: only its own gate fails."""
    with MockServer("permissions") as mock:
        ask(mock.url, *RIGHT, world="tidy")
        ask(mock.url, *RIGHT, WRONG[0], world="sloppy")
        assert checked(capsys, mock.url, "--world", "tidy", "--strict")[0] == 0
        assert checked(capsys, f"{mock.url}/w/tidy/", "--strict")[0] == 0
        code, lines = checked(capsys, mock.url, "--world", "sloppy", "--strict")
        assert code == 3
        assert lines[0] == (
            "ocp-mockserver: client error: GET /w/sloppy/api/v2/nowhere: 404: No route /w/sloppy/api/v2/nowhere. "
            "(world sloppy)"
        )
        assert lines[-1].endswith("; 1 client error, 0 expected (exit code 3)")
        assert checked(capsys, mock.url, "--world", "sloppy")[0] == 0
        assert checked(capsys, mock.url, "--strict")[0] == 3, "all worlds together"
        assert checked(capsys, mock.url, "--world", "empty", "--strict") == (
            3,
            ["ocp-mockserver: no request of the API came at all", NOTHING],
        )


def test_check_tells_an_expectation_that_was_not_met_of_a_world_that_is_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with MockServer("permissions") as mock:
        ask(mock.url, EXPECT, RIGHT[0], world="one")
        ask(mock.url, Case("DELETE", "/__admin/worlds/one"))
        code, lines = checked(capsys, mock.url, "--strict")
    assert (code, lines[0]) == (
        3,
        "ocp-mockserver: expected a client error with status 400: there were none (world one)",
    )


def test_check_of_a_world_that_nobody_has_used_makes_none(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer("permissions") as mock:
        assert checked(capsys, mock.url, "--world", "typo", "--strict")[0] == 3
        assert requests.get(f"{mock.url}/__admin/worlds", timeout=END_S).json()["worlds"] == []


def test_check_with_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer("permissions", admin_token="t0ken") as mock:
        ask(mock.url, *RIGHT)
        assert checked(capsys, mock.url, "--strict", "--admin-token", "t0ken")[0] == 0
        code, lines = checked(capsys, mock.url, "--strict")
        assert (code, len(lines)) == (2, 1)
        assert lines[0].startswith("ocp-mockserver: 401: ")


def test_check_of_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer("permissions") as mock:
        url = mock.url
    code, lines = checked(capsys, url)
    assert (code, lines) == (2, [f"ocp-mockserver: no mock server answers at {url}: Connection refused"])


def test_check_of_no_world_leaves_nothing_in_the_account(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer("permissions") as mock:
        for url, world in ((mock.url, "a b"), (f"{mock.url}/w/ci", "ci")):
            with pytest.raises(SystemExit):
                main(["check", url, "--world", world])
        assert "a world" in capsys.readouterr().err
        assert checked(capsys, mock.url) == (0, [NOTHING.removesuffix(" (exit code 3)")])


def test_check_of_nobody_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer("permissions") as mock:
        url = mock.url
    code, lines = checked(capsys, url.replace("//", "//user:hunter2@"))
    assert (code, lines) == (2, [f"ocp-mockserver: no mock server answers at {url}: Connection refused"])


@pytest.mark.parametrize("url", ["localhost:8080", "http://localhost:99999", "http://[::1"])
def test_check_of_what_is_no_url(capsys: pytest.CaptureFixture[str], url: str) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["check", url])
    assert exit.value.code == 2
    assert "is not a server's URL" in capsys.readouterr().err


# --- serve -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_serve_leaves_its_journal_at_a_signal_and_at_its_end(tmp_path: Path) -> None:
    file = tmp_path / "served.har"
    with Served("permissions", "--journal", str(file)) as served:
        ask(served.url, RIGHT[0])
        served.tell(signal.SIGUSR1)
        eventually(file.exists)
        assert len(entries(file.read_bytes())) == 1
        ask(served.url, RIGHT[0])
        assert served.end() == 0
    assert len(entries(file.read_bytes())) == 2
