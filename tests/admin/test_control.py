"""/__admin: what each route answers and refuses, the journal, the account; and that a refusal changes nothing."""

import base64
import json
from typing import Any

import pytest
import requests
from books import BOOKS
from clients import RETRY, SUBTASK, TASK, TASKS, Client, failed_world, filled, said

from mockserver import __version__
from mockserver.admin.routes import ROUTES

JSON = {"Content-Type": "application/json"}
WITH_BODY = [
    ("POST", "/__admin/faults"),
    ("POST", "/__admin/denials"),
    ("PUT", "/__admin/clock"),
    ("POST", "/__admin/clock/advance"),
    ("PUT", "/__admin/state"),
]
with_body = pytest.mark.parametrize(("method", "path"), WITH_BODY)


def refused(client: Client, status: int, method: str, path: str, **options: Any) -> Any:
    """A control call that is refused: nothing has changed. Its message and details."""
    before = client.state(), client.admin("GET", "/requests")
    answer = client(method, path, **options)
    assert answer.status_code == status, answer.text
    assert (client.state(), client.admin("GET", "/requests")) == before
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Mock-Contract"] == "valid"
    error = answer.json()["error"]
    assert error.keys() == {"message", "details"}
    return error["message"], {one["path"]: one["message"] for one in error["details"]}


# --- bodies --------------------------------------------------------------------------------------------------------


@with_body
@pytest.mark.parametrize(
    "body",
    [b"{", b"{'permission': 'TASK_MANAGER'}", b"nonsense", b'{"a": 1,}', b"\0", b'{"a": "\xc3"}', b"[" * 100_000],
    ids=["half", "quotes", "word", "comma", "nul", "not UTF-8", "deep"],
)
def test_what_is_no_json_is_refused(failed: Client, method: str, path: str, body: bytes) -> None:
    message, _ = refused(failed, 400, method, path, data=body, headers=JSON)
    assert message


@with_body
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_refused(failed: Client, method: str, path: str, number: str) -> None:
    body = f'{{"by": {number}, "seed": {number}}}'
    refused(failed, 400, method, path, data=body, headers=JSON)


@with_body
def test_a_key_given_twice_is_refused(failed: Client, method: str, path: str) -> None:
    body = '{"by": "1s", "mode": "real", "permission": "TASK_MANAGER", "auth": "open", "by": "2s", "auth": "basic"}'
    message, details = refused(failed, 400, method, path, data=body, headers=JSON)
    assert "given twice" in message + " ".join(details.values())


@with_body
@pytest.mark.parametrize(
    "kind", [None, "application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "application/xml"]
)
def test_another_type_is_refused_with_what_curl_needs(failed: Client, method: str, path: str, kind: str | None) -> None:
    """What curl sends with -d; and what a page of another site could send without asking."""
    headers = {} if kind is None else {"Content-Type": kind}
    message, _ = refused(failed, 415, method, path, data=b"{}", headers=headers)
    assert "-H 'Content-Type: application/json'" in message


@with_body
def test_only_a_world_can_be_yaml(failed: Client, method: str, path: str) -> None:
    if path != "/__admin/state":
        refused(failed, 415, method, path, data=b"{}", headers={"Content-Type": "application/yaml"})


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
)
def test_json_has_many_names(failed: Client, kind: str) -> None:
    answer = failed("POST", "/__admin/clock/advance", data=b'\xef\xbb\xbf{"by": 1}', headers={"Content-Type": kind})
    assert answer.status_code == 200


@with_body
@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"'])
def test_a_body_that_is_no_object_is_refused(failed: Client, method: str, path: str, body: str) -> None:
    if (path, body) != ("/__admin/state", "null"):
        _, details = refused(failed, 422, method, path, data=body, headers=JSON)
        assert "$" in details


@pytest.mark.parametrize("path", ["/__admin/faults", "/__admin/denials", "/__admin/clock/advance"])
@pytest.mark.parametrize("kind", [None, "text/plain"])
def test_an_empty_body_needs_no_type(failed: Client, path: str, kind: str | None) -> None:
    """It is an empty object, and what that lacks is what is told."""
    headers = {} if kind is None else {"Content-Type": kind}
    refused(failed, 422, "POST", path, data=b"", headers=headers)


def test_a_body_past_the_limit_is_refused(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.admin.calls.MAX_BODY", 10)
    refused(failed, 413, "POST", "/__admin/clock/advance", data=b'{"by": "1s"}', headers=JSON)


# --- routes and methods --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/__admin//", "/__admin/page", "/__admin/nothing", "/__admin/faults/", "/__admin/clock/x", "/__admin/state/1"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_there_is_no_such_control_route(failed: Client, method: str, path: str) -> None:
    """The refusal lists what there is."""
    message, _ = refused(failed, 404, method, path)
    assert all(route in message for route in ROUTES)


@pytest.mark.parametrize("path", ROUTES)
def test_another_method_is_refused_with_those_there_are(failed: Client, path: str) -> None:
    before = failed.state()
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - ROUTES[path].keys():
        answer = failed(method, filled(path))
        assert (answer.status_code, answer.headers["X-Mock-Contract"]) == (405, "valid"), method
        assert answer.json()["error"]["message"].endswith(", ".join(ROUTES[path]))
    assert failed.state() == before


@pytest.mark.parametrize("path", [path for path, handlers in ROUTES.items() if "GET" in handlers and "{" not in path])
def test_head_is_get_without_a_body(failed: Client, path: str) -> None:
    answer = failed("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("kind", ["fault", "denial"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_rule_that_is_not_there_is_refused_with_those_there_are(failed: Client, method: str, kind: str) -> None:
    message, _ = refused(failed, 404, method, f"/__admin/{kind}s/{kind}-9")
    assert "none" in message
    failed.fault()
    failed.admin("POST", "/denials", {"permission": "TASK_VIEWER", "operation": "retryTask"})
    message, _ = refused(failed, 404, method, f"/__admin/{kind}s/{kind}-9")
    assert f"{kind}-1" in message


def test_a_handler_that_breaks_is_a_500_and_the_server_goes_on(
    failed: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mockserver.admin.state.health_json", lambda site: 1 / 0)
    answer = failed("POST", "/__admin/reset")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]["message"]
    assert "Traceback" in caplog.text
    assert failed.admin("GET", "/clock")["mode"] == "manual"


@pytest.mark.planted(1)
def test_a_control_answer_that_breaks_its_schema_is_a_violation(
    failed: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mockserver.admin.state.health_json", lambda site: {"status": "ill"})
    answer = failed.get("/__admin/health")
    assert answer.status_code == 500
    assert answer.headers["X-Mock-Contract"] == "violation"
    assert "$.status" in answer.json()["error"]["message"]
    assert "contract violation" in caplog.text
    assert failed.admin("GET", "/contract")["violations"] == 1
    BOOKS.answered += 1


# --- health, reset, denials ----------------------------------------------------------------------------------------


def test_health_says_what_is_loaded(failed: Client) -> None:
    assert failed.admin("GET", "/health") == {
        "status": "healthy",
        "version": __version__,
        "tasks": 1,
        "subtasks": 3,
        "worlds": 0,
        "evictedWorlds": 0,
        "world": None,
        "fixture": "data",
        "dialect": "ocp-4.2.2",
        "api": "/api/v2",
        "next": None,
    }


def test_health_says_what_is_next(failed: Client) -> None:
    failed.post(RETRY)
    due = "2021-08-25T15:10:14+08:00"
    expected = {"due": due, "taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "READY"}
    assert failed.admin("GET", "/health")["next"] == expected


def test_reset_brings_back_the_world_of_the_file(failed: Client) -> None:
    """State, clock, rules, journal and trace ids; never a world that was PUT. The account stays."""
    before = failed.state()
    first = failed.get(TASK).json()
    failed.post(RETRY)
    failed.mock.advance("3s")
    failed.fault()
    failed.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    failed.admin("PUT", "/clock", {"mode": "real"})
    failed.admin("PUT", "/state", {"tasks": [{"id": 5}], "server": "elsewhere"})
    account = failed.admin("GET", "/contract")
    failed.admin("POST", "/reset")
    assert failed.state() == before
    assert failed.admin("GET", "/requests") == {"requests": [], "total": 0, "dropped": 0}
    assert failed.admin("GET", "/contract") == account
    assert failed.get(TASK).json() == first


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$"),
        ({"permission": "ADMIN"}, "$.permission"),
        ({"permission": "task_manager"}, "$.permission"),
        ({"permission": "TASK_MANAGER", "operation": "retry"}, "$.operation"),
        ({"permission": "TASK_MANAGER", "taskInstanceId": "1000x"}, "$.taskInstanceId"),
        ({"permission": "TASK_MANAGER", "times": 0}, "$.times"),
        ({"permission": "TASK_MANAGER", "usr": "viewer"}, "$.usr"),
        ({"permission": "TASK_MANAGER", "id": "mine"}, "$.id"),
        ({"permission": "TASK_MANAGER", "hits": 2}, "$.hits"),
    ],
    ids=str,
)
def test_a_bad_denial_is_refused_with_its_place(failed: Client, body: Any, path: str) -> None:
    _, details = refused(failed, 422, "POST", "/__admin/denials", json=body)
    assert path in details


def test_a_new_denial_is_answered_whole(failed: Client) -> None:
    answer = failed("POST", "/__admin/denials", json={"permission": "TASK_VIEWER", "user": "viewer"})
    assert answer.status_code == 201
    assert answer.json() == {"id": "denial-1", "permission": "TASK_VIEWER", "user": "viewer", "hits": 0}
    assert failed.admin("GET", "/denials") == {"denials": [answer.json()]}


# --- the state -----------------------------------------------------------------------------------------------------

YAML = """
clock: {mode: manual, now: "2030-01-01T00:00:00Z"}
server: no          # a string, as it is written
tasks:
  - {id: 5, name: From YAML, createTime: 2021-08-25T15:09:31+08:00}
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["application/yaml", "application/x-yaml", "text/yaml; charset=utf-8", "Text/X-YAML"])
def test_a_world_can_be_put_as_yaml(failed: Client, kind: str) -> None:
    answer = failed("PUT", "/__admin/state", data=YAML, headers={"Content-Type": kind})
    assert answer.status_code == 200
    envelope = failed.get(f"{TASKS}/5").json()
    assert (envelope["server"], envelope["timestamp"]) == ("no", "2030-01-01T00:00:00Z")
    assert (envelope["data"]["name"], envelope["data"]["createTime"]) == ("From YAML", "2021-08-25T07:09:31Z")


def test_a_world_can_be_put_as_json_and_is_answered_as_it_is_then(failed: Client) -> None:
    answer = failed("PUT", "/__admin/state", json={"tasks": [{"id": 5}], "clock": {"mode": "manual"}})
    assert answer.status_code == 200
    assert answer.json() == failed.admin("GET", "/state")
    assert said(failed.get(TASK)) == (404, "TSK10001")


def test_a_put_replaces_all_and_a_key_not_given_has_its_default(failed: Client) -> None:
    failed.fault()
    failed.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}})
    state = failed.state()
    assert (state["faults"], state["denials"], state["tasks"], state["users"], state["server"]) == (
        *([], [], [], {}),
        "127.0.0.1",
    )


def test_a_put_keeps_journal_and_account(failed: Client) -> None:
    failed.get(TASK)
    before = failed.admin("GET", "/contract")
    failed.admin("PUT", "/state", failed_world())
    assert failed.admin("GET", "/requests")["total"] == 1
    assert failed.admin("GET", "/contract") == before


def test_a_put_may_go_back_in_time(failed: Client) -> None:
    """Unlike the clock, which never does."""
    failed.admin("PUT", "/state", failed_world(clock={"mode": "manual", "now": "1999-12-31T23:59:59+08:00"}))
    assert failed.get(TASK).json()["timestamp"] == "1999-12-31T23:59:59+08:00"


def test_every_mistake_of_a_world_is_told_where_it_stands(failed: Client) -> None:
    """In JSON by its path, with the line; and nothing of that world is taken."""
    world = {"auth": "maybe", "tasks": [{"id": 1, "subtasks": [{"id": 1, "stauts": "FAILED"}, {"id": 2**63}]}, {}]}
    _, details = refused(failed, 422, "PUT", "/__admin/state", json=world)
    assert set(details) == {"$.auth", "$.tasks[0].subtasks[0].stauts", "$.tasks[0].subtasks[1].id", "$.tasks[1]"}
    assert "status" in details["$.tasks[0].subtasks[0].stauts"]
    assert all("line 1, column" in message for message in details.values())


def test_a_mistake_in_yaml_is_told_by_line_and_column(failed: Client) -> None:
    yaml = "tasks:\n  - id: 1\n    subtasks: [{id: 1, upstreams: [2]}]\n"
    headers = {"Content-Type": "application/yaml"}
    _, details = refused(failed, 422, "PUT", "/__admin/state", data=yaml, headers=headers)
    assert "line 3, column 36" in "".join(details.values())


@pytest.mark.parametrize(
    "yaml", ["a: [", "a: b: c", "- &a [*a]", "\t- x", "--- 1\n--- 2", "!!python/object:os.system x"]
)
def test_yaml_that_is_none_is_refused(failed: Client, yaml: str) -> None:
    refused(failed, 400, "PUT", "/__admin/state", data=yaml, headers={"Content-Type": "application/yaml"})


@pytest.mark.parametrize("body", ["", " ", "null"])
def test_nothing_is_no_world(failed: Client, body: str) -> None:
    """A forgotten -d must not wipe it; {} is how to ask for an empty one."""
    refused(failed, 422, "PUT", "/__admin/state", data=body, headers=JSON)
    assert failed.admin("PUT", "/state", {})["tasks"] == []


# --- the journal ---------------------------------------------------------------------------------------------------


def journal(client: Client, query: str = "") -> list[Any]:
    entries: list[Any] = client.admin("GET", f"/requests?{query}")["requests"]
    return entries


def test_an_entry_says_who_asked_for_what_and_what_was_answered(permissions: Client) -> None:
    answer = permissions.post(f"{RETRY}?a=1", auth=("operator", "operator"), json={"taskInstanceId": 1000})
    [entry] = journal(permissions)
    assert entry == {
        "id": 1,
        "time": "2021-08-25T15:10:13.121+08:00",
        "kind": "api",
        "operation": "retrySubtask",
        "method": "POST",
        "path": RETRY,
        "query": {"a": "1"},
        "user": "operator",
        "requestHeaders": entry["requestHeaders"],
        "requestBody": {"taskInstanceId": 1000},
        "status": 200,
        "errorCode": None,
        "responseHeaders": {"Content-Type": "application/json", "X-Mock-Contract": "valid"},
        "responseBody": answer.json(),
        "duration": entry["duration"],
        "rule": None,
        "effect": None,
        "hint": None,
        "clientError": "a is no parameter of retrySubtask",
        "expected": False,
        "traceId": answer.json()["traceId"],
        "resent": False,
        "truncated": False,
    }


def test_an_entry_names_the_rule_and_the_hint(permissions: Client) -> None:
    permissions.fault(operation="getTaskInstance")
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    permissions.get(TASK)
    answer = permissions.post(RETRY, auth=("operator", "operator"))
    struck, denied = journal(permissions)
    assert (struck["rule"], struck["user"], struck["status"]) == ("fault-1", None, 503)
    assert (denied["rule"], denied["hint"]) == ("denial-1", answer.headers["X-Mock-Hint"])


def test_what_met_no_route_is_in_the_journal_and_a_control_call_is_not(failed: Client) -> None:
    failed.get("/nowhere")
    failed.admin("GET", "/clock")
    failed.get("/openapi.json")
    [entry] = journal(failed)
    assert (entry["operation"], entry["path"], entry["status"]) == (None, "/nowhere", 404)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", None),
        (b"null", None),
        (b"[1, 2]", [1, 2]),
        (b"a=b&c", "a=b&c"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"a": NaN}', {"a": "NaN"}),
        (b"12345678901234567890", 12345678901234567890),
    ],
)
def test_a_body_is_shown_as_json_if_it_is_that(failed: Client, body: bytes, shown: object) -> None:
    failed.post(RETRY, data=body)
    assert journal(failed)[0]["requestBody"] == shown


STRANGE = [
    *(b"[" * 1000, b"[" * 900 + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 400 + b"]" * 400),
    *(
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"1" * 5000,
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"\xef\xbb\xbf{}",
        b'{"a": 1, "a": 2}',
    ),
]


@pytest.mark.parametrize("body", STRANGE, ids=lambda body: f"{body[:6]!r}")
def test_a_strange_body_is_no_crash(failed: Client, body: bytes) -> None:
    failed.post(RETRY, data=body)
    assert journal(failed)[0]["status"] == 200


def test_a_long_body_is_cut(failed: Client) -> None:
    failed.post(RETRY, data=b"x" * 20_000)
    [entry] = journal(failed)
    assert (len(entry["requestBody"]), entry["truncated"]) == (16 * 1024, True)


def test_a_zip_is_no_text_and_no_crash(failed: Client) -> None:
    failed.post(f"{TASK}/downloadDiagnosis")
    assert journal(failed)[0]["responseBody"].startswith("PK")


@pytest.mark.parametrize("auth", [("operator", "operator-secret"), ("nobody", "other-secret")])
def test_credentials_never_appear(permissions: Client, auth: tuple[str, str]) -> None:
    """Not the password, nor the header, whatever became of the request; only the name."""
    permissions.post(RETRY, auth=auth)
    permissions.post(RETRY, headers={"Authorization": "Bearer token-secret"})
    text = permissions.get("/__admin/requests").text
    assert "secret" not in text
    assert base64.b64encode(":".join(auth).encode()).decode() not in text
    assert [entry["user"] for entry in journal(permissions)] == [auth[0], None]


@pytest.fixture
def busy(permissions: Client) -> Client:
    """Six requests: 1 list, 2 retry (200), 3 retry (400), 4 cancel by viewer (403), 5 another task, 6 nowhere."""
    operator, viewer = ("operator", "operator"), ("viewer", "viewer")
    permissions.get(TASKS, auth=viewer)
    permissions.post(RETRY, auth=operator)
    permissions.mock.advance("1s")
    permissions.post(RETRY, auth=operator)
    permissions.post(f"{SUBTASK}/cancel", auth=viewer)
    permissions.mock.advance("1s")
    permissions.get(f"{TASKS}/-7", auth=operator)
    permissions.get("/nowhere")
    return permissions


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("operation=retrySubtask", [2, 3]),
        ("operation=skipSubtask", []),
        ("status=200", [1, 2]),
        ("status=404", [5, 6]),
        ("user=viewer", [1, 4]),
        ("user=nobody", []),
        ("taskInstanceId=1000", [2, 3, 4]),
        ("taskInstanceId=-7", [5]),
        ("subtaskInstanceId=%2B010001", [2, 3, 4]),
        ("since=2021-08-25T15:10:14.121%2B08:00", [3, 4, 5, 6]),
        ("since=2021-08-25T15:10:14.121+08:00", [3, 4, 5, 6]),
        ("since=2021-08-25T07:10:14.122Z", [5, 6]),
        ("limit=2", [5, 6]),
        ("limit=100", [1, 2, 3, 4, 5, 6]),
        ("operation=retrySubtask&status=200&user=operator", [2]),
        ("operation=retrySubtask&limit=1", [3]),
    ],
)
def test_a_filter_of_the_journal(busy: Client, query: str, found: list[int]) -> None:
    """All parts must hold; limit keeps the latest; total and dropped are of the whole."""
    assert [entry["id"] for entry in journal(busy, query)] == found
    answer = busy.admin("GET", f"/requests?{query}")
    assert (answer["total"], answer["dropped"]) == (6, 0)


def test_a_trace_id_finds_its_request(busy: Client) -> None:
    trace_id = journal(busy)[2]["traceId"]
    assert [entry["id"] for entry in journal(busy, f"traceId={trace_id}")] == [3]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("operation=retry", "operation"),
        ("status=ok", "status"),
        ("status=4", "status"),
        ("status=401&status=400", "status"),
        ("limit=1&limit=2", "limit"),
        ("taskInstanceId=x", "taskInstanceId"),
        ("subtaskInstanceId=1e0", "subtaskInstanceId"),
        ("since=yesterday", "since"),
        ("since=", "since"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("paths=/x", "paths"),
    ],
)
def test_a_filter_that_is_none_is_refused(busy: Client, query: str, key: str) -> None:
    _, details = refused(busy, 422, "GET", f"/__admin/requests?{query}")
    assert f"$.{key}" in details


def test_the_journal_is_emptied(busy: Client) -> None:
    assert busy("DELETE", "/__admin/requests").status_code == 204
    assert busy.admin("GET", "/requests") == {"requests": [], "total": 0, "dropped": 0}
    busy.get(TASKS)
    assert [entry["id"] for entry in journal(busy)] == [1]


@pytest.mark.slow
def test_the_journal_keeps_the_last_thousand(failed: Client) -> None:
    """What it has dropped it counts; ids go on."""
    for _ in range(1003):
        failed.get("/n")
    answer = failed.admin("GET", "/requests")
    assert (len(answer["requests"]), answer["total"], answer["dropped"]) == (1000, 1003, 3)
    assert [answer["requests"][0]["id"], answer["requests"][-1]["id"]] == [4, 1003]


# --- the account ---------------------------------------------------------------------------------------------------


def account(client: Client) -> dict[str, int]:
    found: dict[str, int] = client.admin("GET", "/contract")
    assert found["valid"] + found["deliberatelyInvalid"] + found["violations"] == found["replies"]
    return found


def test_every_reply_of_the_api_is_in_the_account(failed: Client) -> None:
    """Refusals and files too; no control call."""
    asked: list[requests.Response] = [
        failed.get(TASKS),
        failed.post(RETRY),
        failed.post(RETRY),
        failed("HEAD", TASK),
        failed.post(f"{TASK}/downloadDiagnosis"),
    ]
    failed.get("/__admin/clock")
    failed("POST", "/__admin/faults", data=b"x")
    assert account(failed) == {
        "replies": len(asked),
        "valid": len(asked),
        "deliberatelyInvalid": 0,
        "violations": 0,
        "clientErrors": 0,
        "expectedErrors": 0,
    }


@pytest.mark.parametrize(
    ("method", "path", "counts"),
    [
        ("GET", "/nowhere", 1),
        ("GET", f"{TASKS}/x", 1),
        ("GET", f"{TASKS}?size=0", 1),
        ("GET", f"{TASKS}?hostId=x", 1),
        ("GET", f"{TASKS}?sort=name", 1),
        ("GET", f"{TASKS}?unknown=1", 1),
        ("GET", f"{TASK}?unknown=1", 1),
        ("PUT", TASK, 1),
        ("GET", f"{TASKS}?status=&size=&type=SYS_ONECE&cluterName=x", 0),
        ("POST", f"{RETRY}?taskInstanceId=1000&subtaskInstanceId=10001", 0),
        ("GET", f"{TASKS}/7", 0),
        ("POST", f"{SUBTASK}/cancel", 0),
        ("GET", TASK, 0),
        ("GET", "/__admin/nowhere", 0),
        ("PUT", "/__admin/faults", 0),
    ],
)
def test_a_request_that_left_the_contract_is_a_client_error(
    failed: Client, method: str, path: str, counts: int
) -> None:
    """Unknown route, wrong method, bad or unknown parameter; and neither an honest refusal nor a control call. The
    journal says which, and how."""
    failed(method, path)
    assert account(failed)["clientErrors"] == counts
    assert len(journal(failed, "clientError=true")) == counts
    assert all(one["clientError"] is None for one in journal(failed, "clientError=false"))


def test_the_filter_of_client_errors_is_true_or_false(failed: Client) -> None:
    answer = failed.get("/__admin/requests?clientError=1")
    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == [{"path": "$.clientError", "message": "'1' is neither true nor false"}]


def test_what_a_rule_answered_is_not_the_clients_error(failed: Client) -> None:
    failed.fault(400, operation="getTaskInstance")
    failed.get(f"{TASKS}/x")
    assert account(failed)["clientErrors"] == 0


def test_the_account_is_json_of_numbers(failed: Client) -> None:
    assert all(type(value) is int for value in json.loads(failed.get("/__admin/contract").content).values())
