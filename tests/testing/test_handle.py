"""The handle: every control route as a method, the same on our own server and on one elsewhere, from any thread."""

import gc
import pickle
import socket
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from clients import RETRY, START, TASK, TASKS, Json, failed_world
from processes import END_S
from shared_servers import SharedServers

from mockserver import ControlError, FixtureError, Handle, MockServer
from mockserver.contract.dialects import DialectName
from mockserver.contract.operations import OPERATIONS
from mockserver.testing.arguments import FaultFields
from mockserver.testing.tasks import SubtaskHandle, TaskHandle


@pytest.fixture(params=["own", "connected", "world"])
def mock(request: pytest.FixtureRequest, own: MockServer) -> Iterator[Handle]:
    """A server of our own, the same by its URL, and a world of it."""
    if request.param == "own":
        yield own
    else:
        with MockServer.connect(own.url, world="ci-42" if request.param == "world" else None) as connected:
            yield connected


@pytest.fixture
def own(shared_servers: SharedServers) -> MockServer:
    return shared_servers.renewed("failed", failed_world())


def retry(mock: Handle, **options: Any) -> int:
    return requests.post(mock.url + RETRY, timeout=END_S, **options).status_code


# --- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["1s", 1, 1.0, "1000ms", timedelta(seconds=1)])
def test_advance_by(mock: Handle, by: Any) -> None:
    assert mock.advance(by)["now"] == "2021-08-25T15:10:14+08:00"


@pytest.mark.parametrize("to", ["2021-08-25T15:11:00+08:00", datetime(2021, 8, 25, 7, 11, tzinfo=UTC)])
def test_advance_to(mock: Handle, to: Any) -> None:
    assert mock.advance(to=to)["now"] == "2021-08-25T15:11:00+08:00"


def test_an_instant_without_a_time_zone_is_refused(mock: Handle) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        mock.advance(to=datetime(2021, 8, 25, 7, 11))  # noqa: DTZ001 (which is the mistake)


def test_advance_until_a_status_in_either_spelling(mock: Handle) -> None:
    retry(mock)
    mock.advance(until={"task_instance_id": 1000, "status": "FAILED"})
    retry(mock)
    mock.advance(until={"taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "SUCCESSFUL"})
    assert [change["to"] for change in mock.advance(until="next")["transitions"]] == ["RUNNING"]
    mock.advance(until="idle")
    assert mock.task(1000).status == "SUCCESSFUL"


@pytest.mark.parametrize("options", [{}, {"by": "1s", "until": "idle"}])
def test_advance_takes_one_of_three(mock: Handle, options: Any) -> None:
    with pytest.raises(TypeError, match=r"one of by .* to .* and until"):
        mock.advance(**options)


def test_the_clock_is_set(mock: Handle) -> None:
    assert mock.clock() == {"mode": "manual", "now": START, "speed": 1}
    set_to = mock.set_clock("real", now=datetime(2022, 1, 1, tzinfo=UTC), speed=10)
    assert (set_to["mode"], set_to["speed"], set_to["now"][:10]) == ("real", 10, "2022-01-01")


# --- tasks and subtasks --------------------------------------------------------------------------------------------


def test_what_is_read_is_what_is_now(mock: Handle) -> None:
    subtask = mock.task(1000).subtask(10001)
    assert (subtask.status, subtask.operation, subtask.run_time, subtask.start_time is None) == (
        *("FAILED", "EXECUTE", 1),
        False,
    )
    retry(mock)
    assert (subtask.status, subtask.operation, subtask.run_time) == ("READY", "RETRY", 2)
    assert mock.task(1000).status == "RUNNING"


def test_reading_is_no_request_and_changes_nothing(mock: Handle) -> None:
    retry(mock)
    before = mock.state()
    mock.task(1000).subtask(10001).json()
    mock.task(1000).json()
    assert mock.state() == before
    assert len(mock.requests()) == 1


@pytest.mark.parametrize("kind", [TaskHandle, SubtaskHandle])
def test_every_field_can_be_read(own: MockServer, kind: type) -> None:
    thing: Any = own.task(1000) if kind is TaskHandle else own.task(1000).subtask(10001)
    for name in thing._settable():
        getattr(thing, name)
    known = {one.replace("_", "").lower() for one in [*thing._settable(), "id"]}
    assert {key.lower() for key in thing.json()} <= known, "and no other has been forgotten"


def test_set(mock: Handle) -> None:
    subtask = mock.task(1000).subtask(10000)
    answer = subtask.set(status="FAILED", run_time=3)
    assert (answer["status"], answer["runTime"]) == ("FAILED", 3)
    assert (subtask.status, subtask.run_time) == ("FAILED", 3)
    assert mock.task(1000).set(name="Another", prohibitRollback=True)["name"] == "Another"
    assert mock.task(1000).prohibit_rollback


def test_set_what_there_is_not(mock: Handle) -> None:
    with pytest.raises(TypeError, match=r"no 'staus' \(did you mean status\?\); it takes name, status, "):
        mock.task(1000).subtask(10001).set(staus="FAILED")
    with pytest.raises(ControlError, match="BROKEN") as refused:
        mock.task(1000).subtask(10001).set(status="BROKEN")
    assert refused.value.status == 422


def test_an_attribute_is_for_reading(mock: Handle) -> None:
    subtask: Any = mock.task(1000).subtask(10001)
    with pytest.raises(AttributeError, match=r"use set\(status=…\)"):
        subtask.status = "READY"
    with pytest.raises(AttributeError):
        subtask.staus = "READY"
    assert subtask.status == "FAILED"


def test_what_does_not_exist_is_a_404(mock: Handle) -> None:
    for thing in (mock.task(7), mock.task(1000).subtask(7)):
        with pytest.raises(ControlError, match="7 does not exist") as refused:
            thing.json()
        assert refused.value.status == 404


@pytest.mark.parametrize("id", ["1000", 1000.0, True, None])
def test_an_id_is_an_int(mock: Handle, id: Any) -> None:
    with pytest.raises(TypeError, match="an id is an int"):
        mock.task(id)


def test_the_subtasks_of_a_task(mock: Handle) -> None:
    assert [(one.id, one.status) for one in mock.task(1000).subtasks] == [
        *((10000, "SUCCESSFUL"), (10001, "FAILED"), (10002, "PENDING"))
    ]


# --- rules ---------------------------------------------------------------------------------------------------------

EVERY_EFFECT: dict[str, Any] = {
    "error": {"status": 503},
    "fault": "CONNECTION_RESET_BY_PEER",
    "response": {"status": 502, "headers": {"x_y": "z"}, "body": {"a_b": 1}},
    "truncate_body_at_fraction": 0.5,
    "chunked_dribble_delay": {"number_of_chunks": 2, "total_duration": 0},
    "violate": {"set": {"/data/a_b": 1}},
    "rate_limit": {"limit": 5, "per_seconds": 1},
    "fixed_delay_milliseconds": 1,
    "delay_distribution": {"type": "uniform", "lower": 0, "upper": 1},
}


@pytest.mark.parametrize("effect", EVERY_EFFECT)
def test_every_effect_in_snake_case(mock: Handle, effect: str) -> None:
    rule = mock.fault(operation="retrySubtask", subtask_instance_id=10001, **{effect: EVERY_EFFECT[effect]})
    assert (rule["id"], rule["subtaskInstanceId"]) == ("fault-1", 10001)
    assert mock.faults() == [rule | {"hits": 0, "matches": 0}]


def test_what_is_the_readers_own_keeps_its_spelling(mock: Handle) -> None:
    assert mock.fault(response=EVERY_EFFECT["response"])["response"] == EVERY_EFFECT["response"]
    assert mock.fault(violate=EVERY_EFFECT["violate"])["violate"] == EVERY_EFFECT["violate"]


def test_the_table_of_fault_fields_is_the_schemas() -> None:
    from mockserver.contract.schemas import contract
    from mockserver.testing.naming import camel

    schema: Any = contract().checker("fault").schema
    given_by_the_server = {"id", "hits", "matches", "window"}
    assert {camel(name) for name in FaultFields.__annotations__} == schema["properties"].keys() - given_by_the_server


def test_camel_case_is_taken_too(mock: Handle) -> None:
    rule: Json = {"taskInstanceId": 1000, "fixedDelayMilliseconds": 1}
    assert rule.items() <= mock.fault(**rule).items()


def test_a_fault_acts_and_is_removed(mock: Handle) -> None:
    first, second = mock.fault(error={"status": 503}), mock.fault(error={"status": 502})
    assert retry(mock) == 502
    mock.clear_faults(second["id"])
    assert retry(mock) == 503
    assert [rule["hits"] for rule in mock.faults()] == [1]
    assert mock.faults()[0]["id"] == first["id"]
    mock.clear_faults()
    assert retry(mock) == 200


def test_a_denial_acts_and_is_taken_back(mock: Handle) -> None:
    denial = mock.deny("TASK_MANAGER", task_instance_id=1000)
    assert retry(mock) == 403
    assert [one["hits"] for one in mock.denials()] == [1]
    assert any(one["exceptions"] for one in mock.permissions())
    mock.clear_denials(denial["id"])
    mock.clear_denials()
    assert retry(mock) == 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda mock: mock.fault(operatin="retrySubtask"),
            r"no 'operatin' \(did you mean operation\?\); it takes oper",
        ),
        (lambda mock: mock.fault(id="mine", error={"status": 503}), "no 'id'"),
        (lambda mock: mock.deny("TASK_MANAGER", usr="me"), r"did you mean user\?"),
        (lambda mock: mock.requests(stauts=200), r"requests\(\) takes no 'stauts' \(did you mean status"),
        (lambda mock: mock.assert_requested("retrySubtask", limit=1), r"assert_requested\(\) takes no 'limit'"),
        (lambda mock: mock.history(task=1), r"history\(\) takes no 'task'"),
        (lambda mock: mock.set_settings(auht="basic"), r"did you mean auth\?"),
    ],
)
def test_a_name_that_there_is_not_is_a_type_error(own: MockServer, call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(own)


@pytest.mark.parametrize("name", ["fault", "deny", "requests", "assert_requested"])
def test_an_operation_that_there_is_not_is_a_value_error(own: MockServer, name: str) -> None:
    """A misspelt one would match nothing, and `count=0` would hold for ever."""
    needed: Json = {"fault": {"error": {"status": 503}}, "deny": {"permission": "TASK_MANAGER"}}
    with pytest.raises(ValueError, match=r"'retrysubtask' is no operation .did you mean retrySubtask"):
        getattr(own, name)(operation="retrysubtask", **needed.get(name, {}))
    assert (own.faults(), own.denials()) == ([], [])


# --- the world -----------------------------------------------------------------------------------------------------


def test_snapshot_and_restore(mock: Handle) -> None:
    mock.snapshot("before")
    retry(mock)
    mock.advance("1h")
    mock.restore("before")
    assert (mock.task(1000).subtask(10001).status, mock.clock()["now"]) == ("FAILED", START)
    assert len(mock.requests()) == 1
    with pytest.raises(ControlError, match="there are before") as refused:
        mock.restore("befor")
    assert refused.value.status == 404


def test_reset(mock: Handle) -> None:
    mock.fault(error={"status": 503})
    retry(mock)
    mock.reset()
    assert (mock.faults(), mock.requests(), mock.task(1000).status) == ([], [], "FAILED")


@pytest.mark.parametrize("kind", ["mapping", "path", "several", "name", "none"])
def test_load(mock: Handle, tmp_path: Path, kind: str) -> None:
    files = tmp_path / "one.yaml", tmp_path / "two.json"
    files[0].write_text("tasks: [{id: 1}]")
    files[1].write_text('{"tasks": [{"id": 2}]}')
    sources: dict[str, tuple[Any, list[int]]] = {
        "mapping": ({"tasks": [{"id": 1}]}, [1]),
        "path": (files[0], [1]),
        "several": ([str(file) for file in files], [1, 2]),
        "name": ("failed-subtask", [1000]),
        "none": (None, [*range(1000, 1008)]),
    }
    source, ids = sources[kind]
    retry(mock)
    mock.load(source)
    assert [task["id"] for task in mock.state()["tasks"]][: len(ids)] == ids
    assert len(mock.requests()) == 1
    mock.reset()
    assert [task["id"] for task in mock.state()["tasks"]] == [1000]


def test_load_in_mid_run(mock: Handle) -> None:
    retry(mock)
    mock.advance("2s")
    state = mock.state()
    mock.advance(until="idle")
    mock.load(state)
    assert mock.state() == state


def test_a_broken_world_is_told_with_its_lines_and_changes_nothing(mock: Handle, tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("tasks:\n  - {id: x}\n")
    before = mock.state()
    with pytest.raises(FixtureError, match=r"broken\.yaml:2:"):
        mock.load(file)
    assert mock.state() == before


def test_a_loaded_worlds_clock_is_manual_as_the_servers_was_to_be(own: MockServer) -> None:
    own.load({"clock": {"mode": "real", "now": START}})
    assert own.clock()["mode"] == "manual"


def test_settings(mock: Handle) -> None:
    assert mock.set_settings(field_names="table", scheduler={"run": "9s"})["fieldNames"] == "table"
    assert mock.settings()["scheduler"]["run"] == "9s"
    mock.set_settings(auth="basic")
    assert retry(mock) == 401


# --- what happened -------------------------------------------------------------------------------------------------


def test_the_way_to_answer_is_set(mock: Handle) -> None:
    """In either spelling; and the API is where its dialect has it."""
    assert mock.api_url == f"{mock.url}/api/v2"
    shown = mock.set_settings(dialect="ocp-express", nulls="null", array_order="shuffled")
    assert {"dialect": "ocp-express", "nulls": "null", "arrayOrder": "shuffled"}.items() <= shown.items()
    assert mock.api_url == f"{mock.url}/api/v1"
    assert "tenantInfo" in requests.get(f"{mock.api_url}/tasks/instances/1000", timeout=END_S).json()["data"]
    camel: Any = {"arrayOrder": "fixture"}
    assert mock.set_settings(**camel)["dialect"] == "ocp-express"
    with pytest.raises(ControlError, match="dialect: "):
        mock.set_settings(dialect="ocp-4.3")  # type: ignore[arg-type]  # the server says so too
    mock.reset()
    assert mock.settings()["dialect"] == "ocp-4.2.2"
    assert mock.api_url == f"{mock.url}/api/v2"


def test_the_dialect_that_a_server_was_asked_for_wins_over_every_world() -> None:
    with MockServer(failed_world(dialect="ocp-4.2.2"), dialect="ocp-express", nulls="null") as mock:
        assert mock.api_url == f"{mock.url}/api/v1"
        mock.load(failed_world(dialect="ocp-4.2.1", arrayOrder="shuffled"))
        given = {"dialect": "ocp-express", "nulls": "null", "arrayOrder": "shuffled"}
        assert given.items() <= mock.settings().items()
        assert requests.get(f"{mock.api_url}/tasks/instances/1000", timeout=END_S).json()["data"]["tenantInfo"] is None


@pytest.mark.parametrize("dialect", ["ocp-4.2.2", "ocp-express"])
def test_prefixes_that_a_server_was_given_are_its_only_ones(dialect: DialectName) -> None:
    with (
        MockServer(failed_world(), dialect=dialect, api_prefixes=["/ocp/api", "/other"]) as mock,
        MockServer.connect(mock.url, world="ci-42") as world,
    ):
        assert mock.api_url == f"{mock.url}/ocp/api"
        assert world.api_url == f"{mock.url}/w/ci-42/ocp/api"
        assert requests.get(f"{world.api_url}/tasks/instances/1000", timeout=END_S).status_code == 200


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dialect": "express"}, "express is not one of ocp-4.2.2, ocp-4.2.1, ocp-express (did you mean ocp-express?)"),
        ({"nulls": "none"}, "none is not one of absent, null"),
        ({"array_order": "sorted"}, "sorted is not one of fixture, shuffled"),
    ],
)
def test_what_is_no_way_to_answer_is_refused_at_the_start(options: Any, told: str) -> None:
    with pytest.raises(FixtureError) as caught:
        MockServer(failed_world(), **options).start()
    assert told in str(caught.value).replace('"', "")


def test_requests_by_filter(mock: Handle) -> None:
    for method, path in (("GET", TASK), ("POST", RETRY), ("POST", RETRY), ("GET", TASKS)):
        requests.request(method, mock.url + path, timeout=END_S)
    assert [entry["status"] for entry in mock.requests("retrySubtask")] == [200, 400]
    assert [entry["id"] for entry in mock.requests(status=200, task_instance_id=1000)] == [1, 2]
    assert [entry["id"] for entry in mock.requests(limit=1)] == [4]
    assert len(mock.requests(since=datetime(2021, 1, 1, tzinfo=UTC))) == 4
    assert mock.requests(since="2022-01-01T00:00:00Z") == []
    assert mock.requests(client_error=True) == []
    requests.get(mock.url + TASKS + "?pages=2", timeout=END_S)
    [entry] = mock.requests(client_error=True)
    assert entry["clientError"] == "pages is no parameter of listTaskInstances (did you mean page?)"
    assert mock.assert_requested("listTaskInstances", client_error=True, count=1) == [entry]
    assert [entry["id"] for entry in mock.requests(client_error=False)] == [1, 2, 3, 4]
    mock.clear_requests()
    assert mock.requests() == []


def test_history_and_contract(mock: Handle) -> None:
    retry(mock)
    changes = mock.history(task_instance_id=1000, subtask_instance_id=10001)
    assert [(change["from"], change["to"]) for change in changes] == [("FAILED", "READY")]
    account = mock.contract()
    assert account["replies"] == account["valid"] > 0


def test_assert_requested(mock: Handle) -> None:
    retry(mock, auth=("operator", "x"))
    retry(mock)
    assert [entry["status"] for entry in mock.assert_requested("retrySubtask")] == [200, 400]
    mock.assert_requested("retrySubtask", count=2)
    mock.assert_requested("retrySubtask", count=1, user="operator", status=200, subtask_instance_id=10001)
    mock.assert_requested("retrySubtask", count=0, taskInstanceId=7)  # type: ignore[call-arg]  # which is the mistake
    mock.assert_requested("skipSubtask", count=0)


def failure(mock: Handle, *arguments: Any, **options: Any) -> list[str]:
    with pytest.raises(AssertionError) as failed:
        mock.assert_requested(*arguments, **options)
    return str(failed.value).splitlines()


def test_its_failure_shows_what_came_instead_nearest_first(mock: Handle) -> None:
    base = mock.url
    requests.get(base + TASKS, timeout=END_S)
    requests.get(base + TASK, timeout=END_S)
    requests.post(base + RETRY[:-1] + "i", timeout=END_S)
    mock.fault(error={"status": 503}, times=1)
    retry(mock)
    lines = failure(mock, "retrySubtask", status=200, task_instance_id=1000)
    assert lines[:2] == [
        "expected a request retrySubtask(status=200, taskInstanceId=1000), but there were none",
        "What came instead, nearest first:",
    ]
    assert [line.split()[0] for line in lines[2:]] == ["#4", "#3", "#2", "#1"]
    assert lines[2].endswith(f"{RETRY}: 503 COM10999 Injected by fault-1., by fault-1 (error)   [status is 503]")


def test_its_failure_where_nothing_came(mock: Handle) -> None:
    assert failure(mock, "retrySubtask") == [
        "expected a request retrySubtask, but there were none",
        "No request came at all",
    ]


def test_its_failure_where_too_many_came(mock: Handle) -> None:
    retry(mock)
    retry(mock)
    lines = failure(mock, "retrySubtask", count=1)
    assert lines[0] == "expected 1 request retrySubtask, but there were 2"
    assert [line.split()[0] for line in lines[1:]] == ["These", "#1", "#2"]
    assert failure(mock, "retrySubtask", count=0)[0] == "expected no requests retrySubtask, but there were 2"


def test_its_failure_shows_no_more_than_helps(own: MockServer) -> None:
    for _ in range(30):
        requests.get(own.url + TASK, timeout=END_S)
    lines = failure(own, "retrySubtask")
    assert len(lines) < 15
    assert lines[-1] == "  … and 20 more"


@pytest.mark.parametrize("count", [-1, 1.5, "1", True])
def test_a_count_is_a_number_of_requests(own: MockServer, count: Any) -> None:
    with pytest.raises(ValueError, match="count is a number of requests"):
        own.assert_requested("retrySubtask", count=count)


def overflow(own: MockServer) -> None:
    """A list, which the journal then drops, and a retry, which it keeps longer."""
    with requests.Session() as session:
        session.get(own.url + TASKS, timeout=END_S)
        session.post(own.url + RETRY, timeout=END_S)
        for _ in range(1300):
            session.get(own.url + TASK, timeout=END_S)


@pytest.mark.slow
def test_what_was_dropped_proves_nothing(own: MockServer) -> None:
    overflow(own)
    for count in (None, 0, 1, 5):
        first = failure(own, "listTaskInstances", count=count)[0]
        assert "it has dropped" in first
        assert "nobody can tell" in first
    own.assert_requested("getTaskInstance")  # one is enough, and it is there
    own.assert_requested("retrySubtask")
    assert "nobody can tell" not in failure(own, "getTaskInstance", count=2)[0], "there are more already"
    own.advance("1s")
    own.assert_requested("listTaskInstances", count=0, since=own.clock()["now"])  # whatever was dropped was before
    own.clear_requests()
    own.assert_requested("listTaskInstances", count=0)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_operation_can_be_asserted_and_is_shown(own: MockServer, operation: str) -> None:
    requests.get(own.url + "/elsewhere", timeout=END_S)
    assert failure(own, operation, task_instance_id=1000)[2].startswith("  #1 GET /elsewhere: 404")


# --- the line ------------------------------------------------------------------------------------------------------


def test_what_the_server_refuses_has_status_message_and_details(own: MockServer) -> None:
    with pytest.raises(ControlError) as refused:
        own.fault(error={"status": 200})
    error = refused.value
    assert (error.status, [one["path"] for one in error.details]) == (422, ["$.error.status"])
    assert error.message in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, again.message, again.details) == (error.status, error.message, error.details)


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:8080", "ftp://x", "http://", "http://x?y", "", "http://x:99999", "http://x:0", "http://x:a"),
        *("http://[::1", "http://a b", "http://a/b c", "http://a/é", "http://a..b", "http://:80", "http://a/#b"),
    ],
)
def test_what_is_no_url_of_a_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is not a server's URL such as"):
        MockServer.connect(url)


@pytest.mark.parametrize("url", ["HTTP://a", "http://[::1]:80/", "https://ü.test/w/ci-42", "http://a/b%20c"])
def test_what_is_one_is_not(url: str) -> None:
    MockServer.connect(url)


@pytest.mark.parametrize(
    ("url", "world"), [("http://a", "a b"), ("http://a", ""), ("http://a", "a/b"), ("http://a/w/ci", "ci")]
)
def test_what_is_no_world_is_refused_before_anybody_is_asked(url: str, world: str) -> None:
    with pytest.raises(ValueError, match="a world"):
        MockServer.connect(url, world=world)


@pytest.mark.parametrize("body", ["nonsense", "[]", '"a"', '{"error": "Not Found", "status": 404}'])
@pytest.mark.parametrize("status", [200, 404])
def test_what_another_server_says_is_no_answer(body: str, status: int) -> None:
    with MockServer() as other:
        other.stub({"request": {"url": "/other/__admin/reset"}, "response": {"status": status, "body": body}})
        with pytest.raises(ControlError, match=f"{status}: .*, which is no mock server's answer"):
            MockServer.connect(f"{other.url}/other").reset()


def test_a_handle_of_a_world() -> None:
    assert MockServer.connect("http://host:8080/", world="ci-42").url == "http://host:8080/w/ci-42"
    assert repr(MockServer.connect("http://host:8080")) == "<Handle http://host:8080>"
    with pytest.raises(ValueError, match="a world's name is"):
        MockServer.connect("http://host:8080", world="")


def test_a_token_is_sent() -> None:
    with MockServer({}, admin_token="secret") as own:
        MockServer.connect(own.url, admin_token="secret").reset()
        with pytest.raises(ControlError, match="401") as refused:
            MockServer.connect(own.url).reset()
        assert refused.value.status == 401


def test_nobody_there_is_a_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError):
        MockServer.connect(f"http://127.0.0.1:{port}").reset()


def test_somebody_else_there_says_so() -> None:
    """No HTTP at all, and HTTP that is no control route."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def answer(reply: bytes) -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(reply)

        for reply, error in (
            (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", ConnectionError),
            (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\n<ht>", ControlError),
        ):
            thread = threading.Thread(target=answer, args=(reply,))
            thread.start()
            with pytest.raises(error):
                MockServer.connect(f"http://127.0.0.1:{port}").reset()
            thread.join()


def test_a_handle_outlives_its_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    handle = MockServer.connect(f"http://127.0.0.1:{port}")
    for _ in range(2):
        with MockServer({}, port=port):
            handle.reset()  # by a connection of this server, not by one that the last has closed


def test_a_connection_is_kept(own: MockServer) -> None:
    own.reset()
    (idle,) = own._line._idle
    own.reset()
    assert own._line._idle[0][0] is idle[0]


def test_threads_that_call_at_once_lose_nothing(own: MockServer) -> None:
    """A call each of 16 threads, 20 times: one connection for each thread at most, and every second counts."""

    def work() -> None:
        for _ in range(20):
            own.advance("1s")

    crew = [threading.Thread(target=work) for _ in range(16)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert own.clock()["now"] == "2021-08-25T15:15:33+08:00"
    assert len(own._line._idle) <= 16


@pytest.mark.slow
def test_a_handle_that_is_forgotten_leaves_nothing_open(own: MockServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handle = MockServer.connect(own.url)
        handle.reset()
        del handle
        gc.collect()
