"""MockServer: a server in a thread, for blocking clients, and its handle."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from processes import END_S, environment

from mockserver import ControlError, FixtureError, MockServer

RETRY = "/api/v2/tasks/instances/1000/subtasks/10001/retry"
TASK = "/api/v2/tasks/instances/1000"
WORLD = {
    "tasks": [
        {
            "id": 1000,
            "subtasks": [
                {"id": 10000, "status": "SUCCESSFUL"},
                {"id": 10001, "status": "FAILED", "upstreams": [10000], "runs": [{"outcome": "FAILED"}, {}]},
                {"id": 10002, "upstreams": [10001]},
            ],
        }
    ]
}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(WORLD) as mock:
        yield mock


def post(url: str, **options: Any) -> requests.Response:
    return requests.post(url, timeout=END_S, **options)


def statuses(mock: MockServer) -> list[str]:
    task = requests.get(mock.url + TASK, timeout=END_S).json()["data"]
    return [subtask["status"] for subtask in task["subtasks"]]


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("MockServer")}


# --- a blocking client ---------------------------------------------------------------------------------------------


def test_a_blocking_client_retries_a_subtask(mock: MockServer) -> None:
    answer = post(mock.url + RETRY)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "READY")


@pytest.mark.asyncio
async def test_a_blocking_client_in_an_asynchronous_test_does_not_deadlock(mock: MockServer) -> None:
    assert post(mock.url + RETRY).status_code == 200


@pytest.mark.asyncio
async def test_an_asynchronous_client_needs_nothing_else(mock: MockServer) -> None:
    async with httpx.AsyncClient() as client:
        assert (await client.post(mock.url + RETRY)).status_code == 200


# --- what it serves ------------------------------------------------------------------------------------------------


def test_without_a_source_it_serves_the_built_in_world() -> None:
    with MockServer() as mock:
        assert statuses(mock) == ["SUCCESSFUL", "FAILED", "PENDING"]


@pytest.mark.parametrize("kind", ["name", "str", "Path", "list"])
def test_a_source_is_a_name_a_path_or_several(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text("tasks: [{id: 1000}]")
    source = {"name": "failed-subtask", "str": str(file), "Path": file, "list": [file]}[kind]
    with MockServer(source) as mock:  # type: ignore[arg-type]  # mypy sees `object`
        assert requests.get(mock.url + TASK, timeout=END_S).status_code == 200


def test_its_settings_win_over_the_fixture() -> None:
    with MockServer(WORLD, auth="basic", seed=9, field_names="table", api_prefixes=["/api/v1"]) as mock:
        state = mock.state()
        assert (state["auth"], state["seed"], state["fieldNames"]) == ("basic", 9, "table")
        assert post(mock.url + RETRY.replace("v2", "v1")).status_code == 401


@pytest.mark.parametrize(
    ("options", "mode"),
    [({}, "manual"), ({"clock": "real"}, "real"), ({"speed": 10}, "real"), ({"clock": "manual"}, "manual")],
)
def test_the_clock_is_manual_unless_a_real_one_is_asked_for(options: dict[str, Any], mode: str) -> None:
    with MockServer({"clock": {"mode": "real"}}, **options) as mock:
        assert mock.state()["clock"]["mode"] == mode


def test_a_fixtures_now_counts() -> None:
    now = "2024-02-29T12:00:00+08:00"
    with MockServer({"clock": {"mode": "real", "now": now}}) as mock:
        assert mock.state()["clock"]["now"] == now


def test_a_token_guards_the_control_routes_and_the_handle_has_it() -> None:
    with MockServer(WORLD, admin_token="secret") as mock:
        assert post(f"{mock.url}/__admin/reset").status_code == 401
        mock.reset()


# --- the handle ----------------------------------------------------------------------------------------------------


def test_advance_by(mock: MockServer) -> None:
    post(mock.url + RETRY)
    assert [change["to"] for change in mock.advance("1s")["transitions"]] == ["RUNNING"]
    assert mock.advance(2)["now"] == "2021-08-25T15:10:16+08:00"
    assert statuses(mock) == ["SUCCESSFUL", "FAILED", "PENDING"]


def test_advance_to(mock: MockServer) -> None:
    assert mock.advance(to="2021-08-25T15:11:00+08:00")["now"] == "2021-08-25T15:11:00+08:00"


def test_advance_until(mock: MockServer) -> None:
    post(mock.url + RETRY)
    mock.advance(until={"taskInstanceId": 1000, "status": "FAILED"})
    post(mock.url + RETRY)
    mock.advance(until="idle")
    assert statuses(mock) == ["SUCCESSFUL"] * 3


def test_reset(mock: MockServer) -> None:
    post(mock.url + RETRY)
    mock.reset()
    assert statuses(mock) == ["SUCCESSFUL", "FAILED", "PENDING"]


def test_fault_takes_the_fields_in_snake_case(mock: MockServer) -> None:
    rule = mock.fault(operation="retrySubtask", subtask_instance_id=10001, error={"status": 503}, when="after", times=1)
    assert rule["id"] == "fault-1"
    assert post(mock.url + RETRY).status_code == 503
    assert statuses(mock)[1] == "READY"


def test_deny(mock: MockServer) -> None:
    mock.deny("TASK_MANAGER", task_instance_id=1000)
    assert post(mock.url + RETRY).json()["error"]["code"] == "IAM11000"


def test_requests_are_filtered(mock: MockServer) -> None:
    statuses(mock)
    post(mock.url + RETRY)
    assert [entry["operation"] for entry in mock.requests()] == ["getTaskInstance", "retrySubtask"]
    assert [entry["id"] for entry in mock.requests(operation="retrySubtask", task_instance_id=1000, status=200)] == [2]


def test_what_the_server_refuses_says_where(mock: MockServer) -> None:
    with pytest.raises(ControlError, match=r"error\.status") as refused:
        mock.fault(operation="retrySubtask", error={"status": 200})
    assert refused.value.status == 422
    assert {"path": "$.error.status"}.items() <= refused.value.details[-1].items()


def test_the_handle_works_from_any_thread(mock: MockServer) -> None:
    crew = [threading.Thread(target=mock.advance, args=("1s",)) for _ in range(8)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert mock.state()["clock"]["now"] == "2021-08-25T15:10:21+08:00"


# --- beginning and end ---------------------------------------------------------------------------------------------


def test_the_port_is_the_one_that_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with MockServer({}, port=port) as mock:
        assert (mock.port, mock.url) == (port, f"http://127.0.0.1:{port}")


def test_a_port_in_use_is_an_oserror_and_leaves_no_thread(mock: MockServer) -> None:
    before = threads()
    with pytest.raises(OSError, match=f"port {mock.port} is in use"), MockServer({}, port=mock.port):
        pass
    assert threads() <= before


@pytest.mark.parametrize("source", ["no-such-file.yaml", {"tasks": [{"id": "x"}]}, {"auth": "maybe"}])
def test_a_bad_fixture_is_a_fixture_error_and_leaves_no_thread(source: Any) -> None:
    before = threads()
    with pytest.raises(FixtureError), MockServer(source):
        pass
    assert threads() <= before


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="no speed"):
        MockServer(clock="manual", speed=2)


def test_stop_frees_the_port_and_ends_the_thread() -> None:
    mock = MockServer({}).start()
    port, thread = mock.port, next(one for one in threads() if one.name.endswith(f":{mock.port}"))
    mock.stop()
    assert not thread.is_alive()
    socket.create_server(("127.0.0.1", port)).close()


def test_stop_twice_is_stop_once() -> None:
    mock = MockServer({}).start()
    mock.stop()
    mock.stop()


def test_after_its_end_it_has_no_url_and_can_begin_anew() -> None:
    mock = MockServer({})
    for _ in range(2):
        with pytest.raises(RuntimeError, match="does not run"):
            mock.url  # noqa: B018 (a property that raises)
        with mock:
            mock.reset()


def test_a_second_start_is_refused(mock: MockServer) -> None:
    with pytest.raises(RuntimeError, match="runs already"):
        mock.start()


def test_an_open_connection_does_not_hold_it() -> None:
    with MockServer(WORLD) as mock, requests.Session() as session:
        session.get(mock.url + TASK, timeout=END_S)
        began = time.monotonic()
        mock.stop()
    assert time.monotonic() - began < 5


@pytest.mark.slow
@pytest.mark.alone
def test_a_request_that_does_not_end_does_not_hold_it() -> None:
    with MockServer(WORLD) as mock, socket.create_connection(("127.0.0.1", mock.port), timeout=END_S) as connection:
        head = f"POST {RETRY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        began = time.monotonic()
        mock.stop()
        assert time.monotonic() - began < 5


def test_two_servers_share_nothing(mock: MockServer) -> None:
    with MockServer(WORLD) as other:
        post(other.url + RETRY)
    assert statuses(mock)[1] == "FAILED"
    assert len(mock.requests()) == 1


@pytest.mark.parametrize("statement", ["import mockserver", "import mockserver.testing.client, mockserver.cli.main"])
def test_importing_the_package_imports_nothing_heavy(statement: str) -> None:
    program = f"{statement}\nimport sys\nprint(*{{'aiohttp', 'jsonschema', 'yaml'}} & sys.modules.keys())"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=END_S, check=True
    )
    assert ended.stdout == "\n"


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import mockserver

    with pytest.raises(AttributeError, match="no attribute 'MockSever'"):
        mockserver.MockSever  # type: ignore[attr-defined]  # noqa: B018 (which is the mistake; it raises)
    assert {"MockServer", "create_app"} <= set(dir(mockserver))
