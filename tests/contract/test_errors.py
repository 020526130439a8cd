"""Every error of the API over HTTP: its envelope, its row, and the order in which things are checked."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.client import HTTPResponse
from typing import Any
from uuid import uuid4

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Client, as_sent, failed_world, said
from processes import END_S

from mockserver import MockServer
from mockserver.contract import errors, wire
from mockserver.contract.bundles import schema_files
from mockserver.contract.dialects import DEFAULT_VARIANT
from mockserver.contract.openapi import document
from mockserver.contract.schemas import Contract
from mockserver.server import handlers
from mockserver.server.responses import BODY_SECONDS

OPERATOR = ("operator", "operator")
VIEWER = ("viewer", "viewer")
SHOWN: dict[str, tuple[str, str, tuple[str, str] | None, int, str]] = {
    "BAD_PARAMETER": ("GET", f"{TASKS}/x", OPERATOR, 400, "COM10001"),
    "CANNOT_SORT": ("GET", f"{TASKS}?sort=name", OPERATOR, 400, "COM10011"),
    "NO_CREDENTIALS": ("GET", TASK, None, 401, "IAM10000"),
    "BAD_CREDENTIALS": ("GET", TASK, ("operator", "x"), 401, "IAM10004"),
    "NO_PERMISSION": ("POST", RETRY, VIEWER, 403, "IAM11000"),
    "NO_TASK": ("GET", f"{TASKS}/7", OPERATOR, 404, "TSK10001"),
    "NO_SUBTASK": ("POST", f"{TASK}/subtasks/7/retry", OPERATOR, 404, "TSK10001"),
    "NOT_ALLOWED": ("POST", f"{SUBTASK}/cancel", OPERATOR, 400, "TSK10007"),
    "NO_ROUTE": ("GET", "/api/v2/nothing", OPERATOR, 404, "COM10002"),
    "WRONG_METHOD": ("PUT", TASK, OPERATOR, 405, "COM10008"),
}
"""By row: the others need more than a request (prohibit, a large body, a slow one, a bug)."""


# --- each row ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "auth", "status", "code"), SHOWN.values(), ids=SHOWN)
def test_an_error_is_an_envelope(
    permissions: Client, method: str, path: str, auth: tuple[str, str] | None, status: int, code: str
) -> None:
    """All keys of a success but data; the status twice; nothing has changed."""
    before = permissions.state()
    answer = permissions(method, path, auth=auth)
    body = answer.json()
    assert said(answer) == (status, code)
    assert body.keys() == {"successful", "timestamp", "duration", "status", "traceId", "server", "error"}
    assert (body["successful"], body["status"], body["server"]) == (False, status, "192.168.0.10")
    assert body["error"]["message"]
    assert ("subErrors" in body["error"]) == (code in ("COM10001", "COM10011"))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert permissions.state() == before


def test_every_row_is_shown_in_this_file() -> None:
    rows = {name for name, row in vars(errors).items() if isinstance(row, errors.Row)}
    assert rows == set(SHOWN) | {
        "CANNOT_SKIP",
        "ROLLBACK_PROHIBITED",
        "BROKEN_BODY",
        "LARGE_BODY",
        "SLOW_BODY",
        "THROTTLED",
        "TOO_MUCH",
        "UNEXPECTED",
    }


def test_an_error_that_a_fault_gives_no_code_has_that_of_ours_with_its_status() -> None:
    ours = (errors.NO_CREDENTIALS, errors.NO_PERMISSION, errors.NO_TASK, errors.WRONG_METHOD, errors.THROTTLED)
    assert {row.status: row.failure for row in ours} == errors.BY_STATUS


def test_what_the_servers_own_errors_say() -> None:
    problems = [errors.Problem(("data", 0), "no"), errors.Problem((), "nor this")]
    assert str(errors.Violation("task", problems)) == "The answer breaks task at $.data[0]: no"
    assert errors.Unprocessable("no").status == 422


def test_a_body_that_is_not_what_it_says_it_is(failed: Client) -> None:
    before = failed.state()
    answer = failed.post(RETRY, data=b"no gzip", headers={"Content-Encoding": "gzip"})
    assert said(answer) == (400, "COM10003")
    assert failed.state() == before


def test_a_prohibited_rollback() -> None:
    world = failed_world()
    world["tasks"][0]["prohibitRollback"] = True
    with MockServer(world) as mock, Client(mock) as client:
        answer = client.post(f"{TASK}/rollback")
        assert said(answer) == (400, "TSK10009")
        assert "1000" in answer.json()["error"]["message"]


def test_a_subtask_that_cannot_be_skipped() -> None:
    """Its state comes first, and its other operations are as ever."""
    world = failed_world()
    for subtask in world["tasks"][0]["subtasks"]:
        subtask["skippable"] = False
    with MockServer(world) as mock, Client(mock) as client:
        before = client.state()
        answer = client.post(f"{SUBTASK}/skip")
        assert said(answer) == (400, "TSK10010")
        message = answer.json()["error"]["message"]
        assert message == "Cannot skip subtask 10001: this subtask cannot be skipped."
        assert answer.headers["X-Mock-Hint"] == "legal now: retrySubtask, retryTask, rollbackTask"
        assert "it is SUCCESSFUL" in client.post(f"{TASK}/subtasks/10000/skip").json()["error"]["message"]
        assert client.state() == before
        assert said(client.post(RETRY)) == (200, None)


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("GET", f"{TASKS}/7", ["7"]),
        ("POST", f"{TASKS}/-9/rollback", ["-9"]),
        ("GET", f"{TASK}/subtasks/7/log", ["7", "1000"]),
        ("POST", f"{SUBTASK}/cancel", ["10001", "FAILED"]),
        ("POST", f"{TASK}/subtasks/10002/retry", ["10002", "PENDING"]),
        ("POST", f"{TASK}/subtasks/10000/skip", ["10000", "SUCCESSFUL"]),
        ("GET", "/api/v2/nothing", ["/api/v2/nothing"]),
        ("DELETE", TASKS, ["DELETE", TASKS]),
    ],
)
def test_a_message_names_what_it_is_about(failed: Client, method: str, path: str, names: list[str]) -> None:
    message = failed(method, path).json()["error"]["message"]
    assert all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", message) for name in names)


def example(row: errors.Row) -> str:
    """What the OpenAPI document shows of it."""
    return row.message.format_map(row.example)


@pytest.mark.parametrize(
    ("row", "path"), [(errors.NO_TASK, f"{TASKS}/1001"), (errors.NO_SUBTASK, f"{TASK}/subtasks/10009/log")]
)
def test_the_example_of_a_message_is_what_a_server_says(failed: Client, row: errors.Row, path: str) -> None:
    assert failed.get(path).json()["error"]["message"] == example(row)


def test_the_example_of_a_slow_body_has_the_time_that_there_is() -> None:
    assert errors.SLOW_BODY.example == {"seconds": BODY_SECONDS}


def test_a_subtask_of_another_task_does_not_exist_in_this_one(failed: Client) -> None:
    """The hint says where it is."""
    world = failed_world()
    world["tasks"].append({"id": 1001, "subtasks": [{"id": 20001, "status": "FAILED"}]})
    failed.admin("PUT", "/state", world)
    answer = failed.post(f"{TASK}/subtasks/20001/retry")
    assert said(answer) == (404, "TSK10001")
    assert "1001" in answer.headers["X-Mock-Hint"]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api", "/api/", "/api/v2", "/api/v2/", "/api/v1/tasks/instances", "/favicon.ico", "/api/v2x/tasks"),
        *(f"{TASKS}/", f"{TASK}/", f"{TASK}/retry/", f"{TASK}/subtasks", f"{SUBTASK}", f"{TASK}/retries"),
        *("/api/v2//tasks/instances", "/api/v2/tasks", "/api/v2/Tasks/instances", "/API/v2/tasks/instances"),
        *(f"{TASKS}//retry", "/api/v2tasks/instances", "/w", "/openapi", "/admin", "/__admins"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_no_such_route(permissions: Client, method: str, path: str) -> None:
    """Under the prefix or not: the same envelope, and a hint where the API is. Only under the prefix credentials are
    asked for, and before all else."""
    assert permissions(method, path).status_code == (401 if path.startswith("/api/v2/") else 404)
    answer = permissions(method, path, auth=OPERATOR)
    assert said(answer) == (404, "COM10002")
    assert "/api/v2/tasks/instances" in answer.headers["X-Mock-Hint"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(TASKS, "GET, HEAD"), (TASK, "GET, HEAD"), (f"{SUBTASK}/log", "GET, HEAD"), (RETRY, "POST"), (SUBTASK, None)],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_told_which_there_are(failed: Client, method: str, path: str, allowed: str | None) -> None:
    answer = failed(method, path)
    if allowed is None:
        assert answer.status_code == 404
    elif method not in allowed:
        assert answer.status_code == 405
        assert answer.headers["Allow"] == allowed
        if method != "HEAD":
            assert said(answer) == (405, "COM10008")
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("path", [TASKS, TASK, f"{SUBTASK}/log", f"{TASKS}/7", f"{TASKS}/x", "/nowhere"])
def test_head_is_get_without_a_body(failed: Client, path: str) -> None:
    get, head = failed.get(path), failed("HEAD", path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    kept = ("Content-Length", "Content-Type", "X-Mock-Contract", "X-Mock-Hint")
    assert [head.headers.get(name) for name in kept] == [get.headers.get(name) for name in kept]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sized", "chunked"])
def test_a_body_past_a_mebibyte_is_too_large(failed: Client, kind: str) -> None:
    """Refused, whatever the operation; nothing happens, and the connection is not used again."""
    before = failed.state()
    limit = 1024 * 1024
    whole = b"x" * (limit + 1)
    answer = failed.post(RETRY, data=whole if kind == "sized" else iter([whole[:limit], whole[limit:]]))
    assert said(answer) == (413, "COM10003")
    assert answer.json()["error"]["message"] == example(errors.LARGE_BODY)
    assert answer.headers["Connection"] == "close"
    assert failed.state() == before


def test_a_body_of_a_mebibyte_is_ignored(failed: Client) -> None:
    assert said(failed.post(RETRY, data=b"\xff" * 1024 * 1024)) == (200, None)


@pytest.mark.parametrize("path", [RETRY, "/__admin/clock/advance"])
def test_a_body_that_does_not_come_is_not_waited_for(
    failed: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """408, and the connection is closed; nothing has happened."""
    monkeypatch.setattr("mockserver.server.responses.BODY_SECONDS", 0.05)
    before = failed.state()
    with socket.create_connection(("127.0.0.1", failed.mock.port), timeout=END_S) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{".encode())
        answer = HTTPResponse(connection)
        answer.begin()
        error = json.loads(answer.read())["error"]
    assert answer.status == 408
    assert answer.getheader("Connection") == "close"
    assert "0.05 s" in error["message"]
    assert error.get("code") == ("COM10004" if path == RETRY else None)
    assert failed.state() == before


# --- the order of checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "auth", "status", "code"),
    [
        pytest.param("GET", f"{TASKS}/x/nothing", OPERATOR, 404, "COM10002", id="route before types"),
        pytest.param("PUT", f"{TASKS}/x", OPERATOR, 405, "COM10008", id="method before types"),
        pytest.param("GET", "/api/v2/nothing", None, 401, "IAM10000", id="missing credentials before route"),
        pytest.param(
            "GET", "/api/v2/nothing", ("operator", "wrong"), 401, "IAM10004", id="wrong credentials before route"
        ),
        pytest.param("PUT", TASK, None, 401, "IAM10000", id="missing credentials before method"),
        pytest.param("GET", "/nothing", ("operator", "wrong"), 404, "COM10002", id="no credentials outside the prefix"),
        pytest.param("POST", f"{TASKS}/x/retry", None, 401, "IAM10000", id="missing credentials before types"),
        pytest.param(
            "GET", f"{TASKS}?size=0", ("operator", "wrong"), 401, "IAM10004", id="wrong credentials before types"
        ),
        pytest.param("POST", f"{TASKS}/x/retry", VIEWER, 400, "COM10001", id="types before permission"),
        pytest.param("POST", RETRY, ("viewer", "wrong"), 401, "IAM10004", id="credentials before permission"),
        pytest.param(
            "POST", f"{TASKS}/7/retry", ("viewer", "wrong"), 401, "IAM10004", id="credentials before existence"
        ),
        pytest.param("POST", f"{TASKS}/7/retry", VIEWER, 403, "IAM11000", id="permission before existence"),
        pytest.param("POST", f"{TASK}/subtasks/7/skip", VIEWER, 403, "IAM11000", id="permission before the subtask's"),
        pytest.param("POST", f"{SUBTASK}/cancel", VIEWER, 403, "IAM11000", id="permission before state"),
        pytest.param("POST", f"{TASK}/subtasks/7/cancel", OPERATOR, 404, "TSK10001", id="existence before state"),
        pytest.param(
            "POST", f"{TASKS}/7/subtasks/10001/retry", OPERATOR, 404, "TSK10001", id="the task before its subtask"
        ),
    ],
)
def test_checks_are_made_in_order(
    permissions: Client, method: str, path: str, auth: tuple[str, str] | None, status: int, code: str
) -> None:
    assert said(permissions(method, path, auth=auth)) == (status, code)


def test_a_denial_comes_before_existence_too(permissions: Client) -> None:
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    assert said(permissions.post(f"{TASKS}/7/retry", auth=OPERATOR)) == (403, "IAM11000")


# --- our own bugs --------------------------------------------------------------------------------------------------


@contextmanager
def planted(monkeypatch: pytest.MonkeyPatch, name: str, *path: str) -> Iterator[Client]:
    """A server with a bug: its answers are right, and one part of a schema asks for something else."""
    files = deepcopy(dict(schema_files()))
    part: Any = files[name]
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = {"type": "string", "const": "never so"}
    monkeypatch.setattr(wire, "contract", lambda field_names: Contract(field_names, files))
    world = failed_world(server=f"planted-{uuid4()}")  # what writes for other servers is kept
    with MockServer(world) as mock, Client(mock) as client:
        yield client


PLANTED: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "a field of a subtask": (("subtask-instance", "properties", "status"), "POST", RETRY, "$.data.status"),
    "a fixed field of a subtask": (("subtask-instance", "properties", "timeout"), "POST", RETRY, "$.timeout"),
    "a field of a task": (("wrapped-task-instance", "properties", "type"), "GET", TASK, "$.type"),
    "a field of a task in the list": (("basic-task-instance", "properties", "name"), "GET", TASKS, "$.name"),
    "a field of its subtasks": (("basic-subtask-instance", "properties", "name"), "GET", TASKS, "$.subtasks[0].name"),
    "the page": (("page", "properties", "size"), "GET", TASKS, "$.page.size"),
    "the log": (("subtask-log", "properties", "log"), "GET", f"{SUBTASK}/log", "$.log"),
    "the envelope": (("success", "properties", "traceId"), "GET", TASK, "$.traceId"),
    "an envelope without data": (("success", "properties", "status"), "POST", f"{SUBTASK}/skip", "$.status"),
}


@pytest.mark.slow
@pytest.mark.planted(1)
@pytest.mark.parametrize(("part", "method", "path", "where"), PLANTED.values(), ids=PLANTED)
def test_a_violation_is_a_500_that_says_where(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    part: tuple[str, ...],
    method: str,
    path: str,
    where: str,
) -> None:
    """Logged, counted, and answered as an envelope that names the JSON path; what breaks its schema is never sent."""
    with planted(monkeypatch, *part) as client:
        answer = client(method, path)
        assert said(answer) == (500, "COM10999")
        assert answer.headers["X-Mock-Contract"] == "violation"
        assert f" at {where}:" in answer.json()["error"]["message"]
        assert f" at {where}:" in caplog.text
        assert client.admin("GET", "/contract") == {
            "replies": 1,
            "valid": 0,
            "deliberatelyInvalid": 0,
            "violations": 1,
            "clientErrors": 0,
            "expectedErrors": 0,
        }


@pytest.mark.planted(1)
def test_a_violation_in_the_schema_of_errors_still_has_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The envelope that would say so breaks the schema too: the bare minimum is sent."""
    with planted(monkeypatch, "error", "properties", "traceId") as client:
        answer = client.get(f"{TASKS}/7")
        assert said(answer) == (500, "COM10999")
        assert answer.headers["X-Mock-Contract"] == "violation"
        assert "$.traceId" in answer.json()["error"]["message"]


@pytest.mark.planted(1)
def test_a_violation_is_in_the_journal_as_it_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with planted(monkeypatch, "wrapped-task-instance", "properties", "type") as client:
        client.get(TASK)
        [entry] = client.admin("GET", "/requests")["requests"]
        assert (entry["status"], entry["responseBody"]["error"]["code"]) == (500, "COM10999")


def test_a_handler_that_breaks_is_a_500_and_the_server_goes_on(
    failed: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("planted")

    monkeypatch.setitem(handlers.HANDLERS, "getTaskInstance", broken)
    answer = failed.get(TASK)
    assert said(answer) == (500, "COM10999")
    assert "planted" in answer.json()["error"]["message"]
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert "Traceback" in caplog.text
    assert said(failed.get(TASKS)) == (200, None)


def test_a_world_that_goes_round_in_no_time_is_a_500_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subtask that retries itself for ever, at one instant. The bound is 10^5 events, and here fewer."""
    monkeypatch.setattr("mockserver.world.live.EVENTS_AT_ONE_INSTANT", 1000)
    subtask = {"id": 1, "status": "READY", "retryCount": 2**31 - 1, "runs": [{"outcome": "FAILED", "duration": 0}]}
    world = {"clock": {"mode": "manual"}, "scheduler": {"dispatch": 0}, "tasks": [{"id": 1, "subtasks": [subtask]}]}
    with MockServer(world) as mock, Client(mock) as client:
        answer = client.get(TASKS)
        assert said(answer) == (500, "COM10999")
        assert "more than 1000 events at one instant" in answer.json()["error"]["message"]
        client.admin("PUT", "/state", failed_world())
        assert said(client.get(TASKS)) == (200, None)


# --- the document --------------------------------------------------------------------------------------------------


def test_the_served_document_lists_each_status_that_an_operation_has_shown(permissions: Client) -> None:
    """Of those above, where they met an operation."""
    served = json.loads(permissions.get("/openapi.json").content)
    assert served == document(
        DEFAULT_VARIANT,
        prefixes=["/api/v2"],
        auth="basic",
        version=served["info"]["version"],
        schemas=schema_files(),
    )
    responses = served["paths"]["/tasks/instances/{taskInstanceId}/subtasks/{subtaskInstanceId}/retry"]["post"]
    assert {"200", "400", "401", "403", "404"} <= set(responses["responses"])


def test_a_target_of_another_form_is_answered_as_the_path_in_it(failed: Client) -> None:
    """As a proxy would send it; a name and password in it are neither used nor kept."""
    status, _ = as_sent(failed.mock.url, "GET", f"http://user:secret@127.0.0.1{TASK}")
    assert status == 200
    assert "secret" not in failed.get("/__admin/requests").text
