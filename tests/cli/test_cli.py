"""The command line: what is printed where, exit codes, flags and their variables, signals, the port file."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from processes import END_S, Served, forked, loading, needed, run, run_anew

from mockserver import MockServer, __version__
from mockserver.cli.main import main, parsed
from mockserver.contract.dialects import DialectName
from mockserver.fixtures import source

RETRY = "/api/v2/tasks/instances/1000/subtasks/10001/retry"
TASK = {"id": 1000, "subtasks": [{"id": 10001, "status": "FAILED"}]}


# --- serve: where it is, and what to try ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tour() -> Iterator[Served]:
    with Served() as served:
        yield served


def test_without_a_path_the_built_in_world_is_served(tour: Served) -> None:
    page = tour.get("/api/v2/tasks/instances").json()["data"]["page"]
    assert page["totalElements"] > 5


def test_the_last_line_says_where_it_listens(tour: Served) -> None:
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:[1-9][0-9]*", tour.greeting[-1])


def test_every_url_in_the_greeting_can_be_asked(tour: Served) -> None:
    urls = [word for line in tour.greeting for word in line.split() if word.startswith(tour.url + "/")]
    answers = {url: tour.get(url.removeprefix(tour.url)).status_code for url in urls if "retry" not in url}
    assert {url for url, status in answers.items() if status != 200} == {f"{tour.url}/api/v2"}


@pytest.mark.parametrize("name", ["tour", "failed-subtask", "permissions", "big-ids", "table-field-names"])
def test_the_curl_line_retries_a_subtask_as_it_stands(name: str) -> None:
    needed("curl")
    with Served(name) as served:
        line = next(line for line in served.greeting if line.startswith("curl "))
        answer = json.loads(subprocess.check_output([*shlex.split(line), "-sS"], text=True, timeout=END_S))
    assert (answer["data"]["status"], answer["data"]["operation"]) == ("READY", "RETRY")


def test_a_shipped_fixture_is_known_by_its_name() -> None:
    with Served("failed-subtask") as served:
        assert served.get("/api/v2/tasks/instances/1000").json()["data"]["name"] == "Uninstall ocp agent"


def test_several_paths_are_one_world(tmp_path: Path) -> None:
    for id in (1, 2):
        (tmp_path / f"{id}.json").write_text(json.dumps({"tasks": [{"id": id}]}))
    with Served(str(tmp_path / "1.json"), str(tmp_path / "2.json")) as served:
        assert served.get("/__admin/health").json()["tasks"] == 2


def test_a_file_wins_over_the_shipped_fixture_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tour").write_text("tasks: [{id: 1}]")
    monkeypatch.chdir(tmp_path)
    with Served("tour") as served:
        assert served.get("/__admin/health").json()["tasks"] == 1


def test_fixtures_can_come_from_the_environment() -> None:
    with Served(env={"OCP_MOCK_FIXTURES": "empty"}) as served:
        assert served.get("/__admin/health").json()["tasks"] == 0


@pytest.mark.slow
def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Served("failed-subtask", "--host", "::1") as served:
        assert served.url.startswith("http://[::1]:")
        assert served.post(RETRY).status_code == 200


@pytest.mark.slow
def test_all_addresses_are_told_as_one_that_can_be_asked() -> None:
    with Served("empty", "--host", "0.0.0.0") as served:
        assert served.url.startswith("http://127.0.0.1:")
        served.end()
        assert "no --admin-token" in served.logs


# --- serve: flags --------------------------------------------------------------------------------------------------

FLAGS = shlex.split(
    "failed-subtask --api-prefix /api/v1 --api-prefix /api/v2/ --clock real --speed 1000 --auth basic --seed 7 "
    "--field-names table --admin-token secret --allow-host mock.test"
)
TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def configured() -> Iterator[Served]:
    with Served(*FLAGS) as served:
        yield served


@pytest.mark.parametrize("prefix", ["/api/v1", "/api/v2"])
def test_every_api_prefix_is_served(configured: Served, prefix: str) -> None:
    assert configured.get(f"{prefix}/tasks/instances", auth=("a", "b")).status_code == 200


def test_auth_is_the_flags(configured: Served) -> None:
    assert configured.get("/api/v1/tasks/instances").status_code == 401


def test_field_names_are_the_flags(configured: Served) -> None:
    task = configured.get("/api/v1/tasks/instances/1000", auth=("a", "b")).json()["data"]
    assert "paralleIdx" in task["subtasks"][0]


def test_clock_and_speed_are_the_flags(configured: Served) -> None:
    clock = configured.get("/__admin/clock", headers=TOKEN).json()
    assert (clock["mode"], clock["speed"]) == ("real", 1000)


def test_the_seed_is_the_flags(configured: Served) -> None:
    assert configured.get("/__admin/state", headers=TOKEN).json()["seed"] == 7


def test_the_admin_token_is_wanted(configured: Served) -> None:
    assert configured.get("/__admin/state").status_code == 401


def test_an_allowed_host_may_ask(configured: Served) -> None:
    asked = {
        name: configured.get("/__admin/state", headers={**TOKEN, "Host": name}) for name in ("mock.test", "evil.test")
    }
    assert {name: answer.status_code for name, answer in asked.items()} == {"mock.test": 200, "evil.test": 403}


@pytest.mark.slow
@pytest.mark.parametrize("by", ["flag", "variable"])
def test_dialect_and_nulls_win_over_the_fixture(tmp_path: Path, by: str) -> None:
    """Its prefix, too, is then the dialect's, in what is said at the start as well."""
    file = tmp_path / "world.json"
    file.write_text(json.dumps({"dialect": "ocp-4.2.1", "nulls": "absent", "tasks": [TASK]}))
    flags = ["--dialect", "ocp-express", "--nulls", "null"] if by == "flag" else []
    env = {} if flags else {"OCP_MOCK_DIALECT": "ocp-express", "OCP_MOCK_NULLS": "null"}
    with Served(str(file), *flags, env=env) as served:
        task = served.get("/api/v1/tasks/instances/1000").json()["data"]
        assert (task["tenantInfo"], task["creator"]) == (None, {"name": "admin"})
        assert served.get("/api/v1/tasks/instances/7").json()["error"]["code"] == 20000
        assert served.get("/api/v2/tasks/instances/1000").status_code == 404
        assert served.greeting[0].endswith(", dialect ocp-express")
        assert f"  base URL  {served.url}/api/v1" in served.greeting
        assert not any("/api/v2" in line for line in served.greeting)


def test_speed_alone_asks_for_a_real_clock() -> None:
    with Served("failed-subtask", "--speed", "10") as served:
        clock = served.get("/__admin/clock").json()
    assert (clock["mode"], clock["speed"]) == ("real", 10)


def test_no_admin_takes_the_control_routes_away() -> None:
    with Served("empty", "--no-admin") as served:
        assert served.get("/__admin/health").json()["error"]["code"] == "COM10002"
        assert not any("__admin" in line for line in served.greeting)


def test_a_prefix_of_nothing() -> None:
    with Served("failed-subtask", "--api-prefix", "/") as served:
        assert served.get("/tasks/instances/1000").status_code == 200
        assert served.get("/__admin/health").status_code == 200


# --- flags and their variables -------------------------------------------------------------------------------------

VARIABLES = [
    ("host", "OCP_MOCK_HOST", "::1", "::1"),
    ("port", "OCP_MOCK_PORT", "0", 0),
    ("port_file", "OCP_MOCK_PORT_FILE", "port.txt", "port.txt"),
    ("watch", "OCP_MOCK_WATCH", "0", False),
    ("watch", "OCP_MOCK_NO_WATCH", "1", False),
    ("api_prefix", "OCP_MOCK_API_PREFIX", "/api/v1, /api/v2", ["/api/v1", "/api/v2"]),
    ("clock", "OCP_MOCK_CLOCK", "manual", "manual"),
    ("speed", "OCP_MOCK_SPEED", "2.5", 2.5),
    ("auth", "OCP_MOCK_AUTH", "basic", "basic"),
    ("seed", "OCP_MOCK_SEED", "18446744073709551615", 2**64 - 1),
    ("dialect", "OCP_MOCK_DIALECT", "ocp-express", "ocp-express"),
    ("nulls", "OCP_MOCK_NULLS", "null", "null"),
    ("field_names", "OCP_MOCK_FIELD_NAMES", "table", "table"),
    ("admin_token", "OCP_MOCK_ADMIN_TOKEN", "secret", "secret"),
    ("admin", "OCP_MOCK_ADMIN", "0", False),
    ("admin", "OCP_MOCK_NO_ADMIN", "true", False),
    ("allow_host", "OCP_MOCK_ALLOW_HOST", "a.test b.test", ["a.test", "b.test"]),
    ("allow_origin", "OCP_MOCK_ALLOW_ORIGIN", "http://a.test, http://b.test", ["http://a.test", "http://b.test"]),
    ("forward", "OCP_MOCK_FORWARD", "http://a.test", "http://a.test"),
    ("forward_path", "OCP_MOCK_FORWARD_PATH", "/a/*, /b", ["/a/*", "/b"]),
    ("forward_ca", "OCP_MOCK_FORWARD_CA", "ca.pem", "ca.pem"),
    ("forward_insecure", "OCP_MOCK_FORWARD_INSECURE", "1", True),
    ("forward_insecure", "OCP_MOCK_NO_FORWARD_INSECURE", "1", False),
    ("access_log", "OCP_MOCK_ACCESS_LOG", "yes", True),
    ("access_log", "OCP_MOCK_NO_ACCESS_LOG", "1", False),
    ("log_format", "OCP_MOCK_LOG_FORMAT", "json", "json"),
    ("journal", "OCP_MOCK_JOURNAL", "run.har", "run.har"),
]


@pytest.mark.parametrize(("key", "variable", "text", "value"), VARIABLES)
def test_a_flag_can_be_a_variable(
    monkeypatch: pytest.MonkeyPatch, key: str, variable: str, text: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(parsed(["serve"]), key) == value


def test_every_flag_has_a_variable() -> None:
    flags = vars(parsed(["serve"])).keys() - {"run", "name", "parser", "flags", "paths", "warnings"}
    assert flags == {key for key, *_ in VARIABLES}


@pytest.mark.parametrize("name", ["serve", "exec", "openapi"])
def test_help_names_the_dialects_and_fits_a_line(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    told = capsys.readouterr().out
    options = told.partition("options:")[2].partition("examples:")[0]
    for text in ("  --dialect NAME  ", "ocp-4.2.2|ocp-4.2.1|ocp-express", "  --nulls absent|null  "):
        assert text in options
    assert max(map(len, options.splitlines())) <= 100


@pytest.mark.parametrize("flag", ["--port-file", "--api-prefix", "--admin-token", "--log-format"])
def test_help_names_the_variable(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert "OCP_MOCK_" + flag.removeprefix("--").replace("-", "_").upper() in capsys.readouterr().out


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCP_MOCK_PORT", "1")
    assert parsed(["serve", "--port", "2"]).port == 2


def test_a_prefix_replaces_the_default_and_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCP_MOCK_API_PREFIX", "/one")
    assert parsed(["serve", "--api-prefix", "/two"]).api_prefix == ["/two"]


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCP_MOCK_PORT", "")
    assert parsed(["serve"]).port == 8080


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *[("OCP_MOCK_PORT", text) for text in ("x", "-1", "65536", "80.0", "٣")],
        *[("OCP_MOCK_SPEED", text) for text in ("0", "nan", "inf", "fast")],
        *[("OCP_MOCK_SEED", text) for text in ("-1", "1e3", "18446744073709551616")],
        ("OCP_MOCK_CLOCK", "fast"),
        ("OCP_MOCK_AUTH", "none"),
        ("OCP_MOCK_DIALECT", "ocp-5"),
        ("OCP_MOCK_NULLS", "none"),
        ("OCP_MOCK_ACCESS_LOG", "perhaps"),
        ("OCP_MOCK_NO_ADMIN", "perhaps"),
    ],
)
def test_a_bad_variable_is_a_usage_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SystemExit) as exit:
        main(["serve"])
    assert exit.value.code == 2
    assert f"{variable}: " in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "openapi", "exec -- true"])
@pytest.mark.parametrize("by", ["flag", "variable"])
@pytest.mark.parametrize(
    ("name", "choices"),
    [("dialect", "ocp-4.2.2 or ocp-4.2.1 or ocp-express"), ("nulls", "absent or null")],
)
def test_a_variant_that_there_is_not_is_a_usage_error_that_names_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, by: str, name: str, choices: str
) -> None:
    first, *rest = command.split()
    if by == "flag":
        rest = [f"--{name}", "ocp", *rest]
    else:
        monkeypatch.setenv(f"OCP_MOCK_{name.upper()}", "ocp")
    with pytest.raises(SystemExit) as exit:
        main([first, *rest])
    assert exit.value.code == 2
    told = f"argument --{name}" if by == "flag" else f"OCP_MOCK_{name.upper()}"
    assert f"{told}: 'ocp' is not {choices}\n" in capsys.readouterr().err


def test_a_bad_variable_of_serve_is_nothing_to_validate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCP_MOCK_PORT", "x")
    assert main(["validate", "empty"]) == 0


@pytest.mark.parametrize(
    "line",
    [
        "",
        "serv",
        "serve --port x",
        "serve --prt 1",
        "serve --host ''",
        "serve --admin-token ''",
        "validate",
        "openapi x",
    ],
)
def test_a_usage_error_exits_with_2(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with pytest.raises(SystemExit) as exit:
        main(shlex.split(line))
    assert exit.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["serve --clock manual --speed 2", "serve --api-prefix api", "openapi --api-prefix api"]
)
def test_what_only_shows_later_is_a_usage_error_too(line: str) -> None:
    ended = run(*shlex.split(line))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


# --- serve: what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run("serve", "empty", "--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        f"ocp-mockserver: cannot listen on 127.0.0.1: port {port} is in use; choose another, or 0 for a free one"
    ]


@pytest.mark.slow
def test_a_host_that_is_none_is_one_clear_line() -> None:
    ended = run("serve", "empty", "--port", "0", "--host", "no such host")
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)


@pytest.mark.slow
def test_a_bad_fixture_is_told_in_full_and_nothing_is_started(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("auht: basic\ntasks:\n  - {id: 1, statsu: FAILED}\n")
    port_file = tmp_path / "port"
    ended = run("serve", str(file), "--port", "0", "--port-file", str(port_file))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert [line.removeprefix(str(file)).split(":")[1:3] for line in ended.stderr.splitlines()] == [
        ["1", "1"],
        ["3", "13"],
    ]
    assert not port_file.exists()


def test_an_unknown_fixture_lists_the_known_ones() -> None:
    ended = run("serve", "faild-subtask", "--port", "0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "did you mean failed-subtask?" in ended.stderr
    assert all(name in ended.stderr for name in source.shipped())


def test_a_port_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    ended = run("serve", "empty", "--port", "0", "--port-file", str(tmp_path / "none" / "port"))
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)


# --- serve: the port file, logs, the end ---------------------------------------------------------------------------


@pytest.mark.slow
def test_the_port_file_is_there_as_long_as_the_server_is(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("1\n")  # of a server that was killed
    with Served("empty", "--port-file", str(file)) as served:
        assert file.read_text() == f"{served.port}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_0(number: int) -> None:
    served = Served("empty")
    served.get("/api/v2/tasks/instances")
    assert served.end(number) == 0
    assert served.logs == ""


@pytest.mark.slow
def test_a_process_that_has_imported_nothing_yet_serves_too() -> None:
    """All others of these are forked from one that has: see tests/support/nursery.py."""
    with Served("empty", anew=True) as served:
        assert served.get("/api/v2/tasks/instances").status_code == 200
        assert served.end() == 0


def in_flight(served: Served) -> socket.socket:
    """A connection whose request is being answered: its body is not there yet."""
    connection = socket.create_connection(("127.0.0.1", served.port), timeout=END_S)
    head = f"POST {RETRY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    connection.sendall(head.encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    return connection


def wait_until_closed(port: int) -> None:
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=END_S).close()
        except OSError:
            return
    raise AssertionError("it still listens")


@pytest.mark.slow
def test_a_request_in_flight_ends_before_the_server_does() -> None:
    with Served("failed-subtask") as served, in_flight(served) as connection:
        served.tell(signal.SIGTERM)
        wait_until_closed(served.port)
        connection.sendall(b"{}")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert served.end() == 0


@pytest.mark.slow
@pytest.mark.parametrize("further", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_further_signal_changes_how_it_ends(further: int) -> None:
    """While a request is in flight, when it is answered, and as long as there is a process: a supervisor signals twice,
    and the interpreter, as it goes, gives up its handlers."""
    with Served("failed-subtask") as served, in_flight(served) as connection:
        served.tell(signal.SIGTERM)
        served.tell(further)
        wait_until_closed(served.port)
        served.tell(further)
        connection.sendall(b"{}")
        served.tell(further)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        while served.runs:
            served.tell(further)
        assert served.end() == 0
    assert served.logs == ""


@pytest.mark.parametrize("further", [signal.SIGTERM, signal.SIGINT])
def test_nor_where_it_is_still_loading(further: int) -> None:
    with loading("serve") as process:
        process.terminate()
        while process.poll() is None:
            process.send_signal(further)
        assert (process.returncode, *process.communicate()) == (0, "", "")


@pytest.mark.slow
@pytest.mark.alone
def test_a_request_that_does_not_end_is_waited_for_5_seconds_at_most() -> None:
    with Served("failed-subtask") as served, in_flight(served):
        began = time.monotonic()
        assert served.end() == 0
    assert time.monotonic() - began < 7
    assert served.logs == ""


def test_no_line_per_request_where_stderr_is_no_terminal() -> None:
    with Served("empty") as served:
        served.get("/api/v2/tasks/instances")
    assert served.logs == ""


def test_an_access_log_has_a_line_per_request_and_what_would_have_worked() -> None:
    with Served("empty", "--access-log") as served:
        served.get("/api/v2/tasks/instances")
        served.post("/api/v2/nowhere")
    first, second = served.logs.splitlines()
    assert re.search(r" GET /api/v2/tasks/instances 200 [0-9.]+ ms$", first)
    assert re.search(r" POST /api/v2/nowhere 404 [0-9.]+ ms, hint: ", second)


def test_logs_as_json() -> None:
    with Served("big-ids", "--access-log", "--log-format", "json") as served:
        served.get("/api/v2/tasks/instances?name=x")
    *warnings, access = map(json.loads, served.logs.splitlines())
    assert {warning["level"] for warning in warnings} == {"WARNING"}
    assert (access["method"], access["path"], access["status"]) == ("GET", "/api/v2/tasks/instances?name=x", 200)


def test_what_is_not_http_is_a_line_and_no_traceback() -> None:
    with Served("empty") as served, socket.create_connection(("127.0.0.1", served.port), timeout=END_S) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n")
        assert b" 400 " in connection.recv(100)
    (line,) = served.logs.splitlines()
    assert "GET /: 400 / COM10001: Not a valid request: " in line


def test_a_terminal_gets_a_line_per_request_without_colours() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    try:
        with Served("empty", stderr=theirs) as served:
            served.get("/api/v2/tasks/instances")
        logged = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "GET /api/v2/tasks/instances 200" in logged
    assert "\x1b" not in logged


# --- validate, openapi, version ------------------------------------------------------------------------------------


def test_validate_says_what_is_in_a_good_fixture(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "failed-subtask"]) == 0
    assert capsys.readouterr().out == "failed-subtask: 1 task, 3 subtasks, valid\n"


def test_validate_tells_every_mistake_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("auth: maybe\nclock: {mode: fast}\ntasks:\n  - {id: one}\n  - {id: 2, statsu: FAILED}\n")
    assert main(["validate", str(file)]) == 2
    *mistakes, summary = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(str(file)).split(":")[1] for line in mistakes] == ["1", "2", "4", "5"]
    assert all(re.match(r"[^:]+:[0-9]+:[0-9]+: \S", line) for line in mistakes)
    assert summary == f"{file}: 4 mistakes"


def test_validate_warns_and_is_content(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "big-ids"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"big-ids\.yaml:[0-9]+:[0-9]+: warning: .*2\^53", out)
    assert out.endswith("valid\n")


def test_validate_judges_each_path_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of several worlds, as a shell's `*.yaml` gives them, have the same ids."""
    for name in ("a.json", "b.json", "c.json"):
        (tmp_path / name).write_text(json.dumps({"tasks": [TASK] if name != "b.json" else [{}]}))
    assert main(["validate", *(str(tmp_path / name) for name in ("a.json", "b.json", "c.json"))]) == 2
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines() if " " in line][-1] == "valid"


def test_openapi_prints_what_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--field-names", "table", "--auth", "basic", "--api-prefix", "/api/v1"]
    assert main(["openapi", *flags]) == 0
    with MockServer({}, field_names="table", auth="basic", api_prefixes=["/api/v1"]) as mock:
        served = requests.get(f"{mock.url}/openapi.json", timeout=END_S).json()
    assert json.loads(capsys.readouterr().out) == served


@pytest.mark.parametrize(
    ("dialect", "prefix", "schemes"),
    [("ocp-4.2.2", "/api/v2", 2), ("ocp-4.2.1", "/api/v2", 2), ("ocp-express", "/api/v1", 1)],
)
def test_openapi_is_the_dialects(
    capsys: pytest.CaptureFixture[str], dialect: DialectName, prefix: str, schemes: int
) -> None:
    """Its prefix, and no signed requests where it has none."""
    assert main(["openapi", "--dialect", dialect, "--nulls", "null", "--auth", "basic"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["servers"] == [{"url": prefix}]
    assert len(document["components"]["securitySchemes"]) == schemes
    with MockServer({}, dialect=dialect, nulls="null", auth="basic") as mock:
        assert requests.get(f"{mock.url}/openapi.json", timeout=END_S).json() == document


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"ocp-mockserver {__version__}\n"


def test_python_m_is_the_same_command() -> None:
    assert run_anew("--version").stdout == f"ocp-mockserver {__version__}\n"


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with forked("openapi", stdout=writer) as process:
        os.close(writer)
        assert process.communicate(END_S) == ("", "")
