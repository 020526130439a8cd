"""Faults with the effect `error`, over HTTP: which request they strike, when, how often, and what the client sees."""

from typing import Any

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Client, failed_world, said

from mockserver import MockServer

REFUSED_BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "no effect": ({}, "$"),
    "no status": ({"error": {}}, "$.error"),
    "a status that is no error": ({"error": {"status": 200}}, "$.error.status"),
    "a status past all": ({"error": {"status": 600}}, "$.error.status"),
    "a status of another type": ({"error": {"status": "503"}}, "$.error.status"),
    "a code past 32 bits": ({"error": {"status": 503, "code": 2**31}}, "$.error.code"),
    "an unknown operation": ({"operation": "retrySubtsk", "error": {"status": 503}}, "$.operation"),
    "an unknown method": ({"method": "PATCH", "error": {"status": 503}}, "$.method"),
    "an unknown key": ({"opertion": "retrySubtask", "error": {"status": 503}}, "$.opertion"),
    "an unknown when": ({"when": "during", "error": {"status": 503}}, "$.when"),
    "times of none": ({"times": 0, "error": {"status": 503}}, "$.times"),
    "a negative skip": ({"skip": -1, "error": {"status": 503}}, "$.skip"),
    "a share past all": ({"probability": 1.1, "error": {"status": 503}}, "$.probability"),
    "a task that is no Long": ({"taskInstanceId": 2**63, "error": {"status": 503}}, "$.taskInstanceId"),
    "a subtask that is text": ({"subtaskInstanceId": "10001x", "error": {"status": 503}}, "$.subtaskInstanceId"),
    "an empty path": ({"path": "", "error": {"status": 503}}, "$.path"),
    "an id": ({"id": "mine", "error": {"status": 503}}, "$.id"),
    "hits": ({"hits": 1, "error": {"status": 503}}, "$.hits"),
    "matches": ({"matches": 1, "error": {"status": 503}}, "$.matches"),
}


# --- before and after ----------------------------------------------------------------------------------------------


def test_before_nothing_happens(failed: Client) -> None:
    before = failed.subtasks()
    failed.fault(operation="retrySubtask")
    assert said(failed.post(RETRY)) == (503, "COM10999")
    assert failed.subtasks() == before


def test_after_it_has_happened_and_its_answer_is_lost(failed: Client) -> None:
    failed.fault(operation="retrySubtask", when="after", times=1)
    answer = failed.post(RETRY)
    assert said(answer) == (503, "COM10999")
    assert answer.headers["X-Mock-Rule"] == "fault-1"
    assert failed.subtasks() == ["SUCCESSFUL", "READY", "PENDING"]
    assert said(failed.post(RETRY)) == (400, "TSK10007")


def test_after_a_refusal_only_the_answer_is_another(failed: Client) -> None:
    failed.post(RETRY)
    before = failed.state()["tasks"]
    failed.fault(operation="retrySubtask", when="after")
    assert said(failed.post(RETRY)) == (503, "COM10999")
    assert failed.state()["tasks"] == before


# --- what the client sees ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "IAM10000"),
        (403, "IAM11000"),
        (404, "TSK10001"),
        (405, "COM10008"),
        (429, 0),
        (400, "COM10999"),
        (599, "COM10999"),
    ],
)
def test_a_code_that_is_not_given_follows_the_status(failed: Client, status: int, code: int) -> None:
    failed.fault(status)
    answer = failed.get(TASK)
    assert said(answer) == (status, code)
    assert answer.json()["status"] == status
    assert answer.json()["error"]["message"] == "Injected by fault-1."
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_an_error_takes_headers(permissions: Client) -> None:
    """More than its own, or others in their place."""
    headers = {"Retry-After": "120", "www-authenticate": "Negotiate", "X-Mock-Rule": "mine"}
    error = {"status": 401, "headers": headers}
    assert permissions.admin("POST", "/faults", {"error": error})["error"] == error
    answer = permissions.get(TASK)
    assert (answer.status_code, answer.headers["X-Mock-Contract"]) == (401, "valid")
    assert [answer.headers[name] for name in headers] == ["120", "Negotiate", "fault-1"]


@pytest.mark.parametrize("name", ["Content-Type", "content-length", "no name"])
def test_an_error_takes_no_such_header(failed: Client, name: str) -> None:
    answer = failed.post("/__admin/faults", json={"error": {"status": 503, "headers": {"X-A": "1", name: "1"}}})
    assert answer.status_code == 422
    [wrong] = answer.json()["error"]["details"]
    assert wrong["path"] == f"$.error.headers.{name}"
    assert failed.admin("GET", "/faults") == {"faults": []}


def test_a_code_and_a_message_of_ones_own(failed: Client) -> None:
    failed.admin("POST", "/faults", {"error": {"status": 502, "code": "UP-7", "message": "上游 {down}"}})
    assert failed.get(TASK).json()["error"] == {"code": "UP-7", "message": "上游 {down}"}


def test_an_answer_that_no_rule_touched_names_none(failed: Client) -> None:
    failed.fault(operation="retrySubtask")
    assert "X-Mock-Rule" not in failed.get(TASK).headers


def test_a_file_can_fail_too(failed: Client) -> None:
    failed.fault(operation="downloadTaskDiagnosis")
    assert said(failed.post(f"{TASK}/downloadDiagnosis")) == (503, "COM10999")


# --- which request -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matcher", "strikes"),
    [
        ({}, True),
        ({"operation": "retrySubtask"}, True),
        ({"operation": "retryTask"}, False),
        ({"method": "POST"}, True),
        ({"method": "GET"}, False),
        ({"path": RETRY}, True),
        ({"path": "/api/v2/*/retry"}, True),
        ({"path": "*/subtasks/1000?/*"}, True),
        ({"path": "/tasks/*"}, False),
        ({"path": RETRY + "*size=1"}, False),
        ({"taskInstanceId": 1000}, True),
        ({"taskInstanceId": 10001}, False),
        ({"subtaskInstanceId": 10001}, True),
        ({"subtaskInstanceId": 1000}, False),
        ({"user": "operator"}, True),
        ({"user": "viewer"}, False),
        ({"user": "anonymous"}, False),
        ({"operation": "retrySubtask", "method": "POST", "taskInstanceId": 1000, "user": "operator"}, True),
        ({"operation": "retrySubtask", "method": "POST", "taskInstanceId": 1000, "user": "viewer"}, False),
    ],
    ids=str,
)
def test_a_rule_strikes_what_it_names(permissions: Client, matcher: dict[str, Any], strikes: bool) -> None:
    """Every matcher must hold; the path is matched without its query."""
    permissions.fault(**matcher)
    answer = permissions.post(f"{RETRY}?size=1", auth=("operator", "operator"))
    assert said(answer) == ((503, "COM10999") if strikes else (200, None))


def test_the_user_is_the_name_that_was_sent_right_password_or_not(permissions: Client) -> None:
    permissions.fault(user="viewer")
    assert said(permissions.get(TASK, auth=("viewer", "wrong"))) == (503, "COM10999")
    assert said(permissions.get(TASK)) == (401, "IAM10000")


def test_a_request_without_credentials_is_anonymous(permissions: Client) -> None:
    permissions.fault(user="anonymous")
    assert said(permissions.get(TASK)) == (503, "COM10999")


def test_an_id_is_matched_as_a_number(failed: Client) -> None:
    failed.fault(taskInstanceId=1000)
    assert said(failed.get(f"{TASKS}/%2B001000")) == (503, "COM10999")


def test_a_method_is_a_method_and_a_head_is_no_get(failed: Client) -> None:
    failed.fault(method="HEAD")
    assert failed("HEAD", TASK).status_code == 503
    assert failed.get(TASK).status_code == 200


@pytest.mark.parametrize(
    ("path", "auth", "honest"),
    [
        (f"{TASKS}/x/retry", ("operator", "operator"), 400),
        (RETRY, None, 401),
        (RETRY, ("operator", "wrong"), 401),
        (RETRY, ("viewer", "viewer"), 403),
        (f"{TASKS}/1/retry", ("operator", "operator"), 404),
        (f"{SUBTASK}/cancel", ("operator", "operator"), 400),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rule_comes_before_every_refusal(
    permissions: Client, path: str, auth: tuple[str, str] | None, honest: int, when: str
) -> None:
    assert permissions.post(path, auth=auth).status_code == honest
    permissions.fault(when=when)
    assert permissions.post(path, auth=auth).status_code == 503


@pytest.mark.parametrize(("method", "path", "honest"), [("GET", f"{TASKS}/1/nothing", 404), ("PUT", TASK, 405)])
def test_what_is_no_operation_is_not_struck(failed: Client, method: str, path: str, honest: int) -> None:
    """A rule is chosen once the route is known."""
    failed.fault()
    assert failed(method, path).status_code == honest


def test_a_control_route_is_never_struck(failed: Client) -> None:
    failed.fault()
    assert failed.admin("GET", "/health")["status"] == "healthy"


# --- how often -----------------------------------------------------------------------------------------------------


def told(client: Client, count: int) -> list[int]:
    return [client.get(TASK).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [
        ({}, [503] * 5),
        ({"times": 2}, [503, 503, 200, 200, 200]),
        ({"skip": 2}, [200, 200, 503, 503, 503]),
        ({"skip": 1, "times": 2}, [200, 503, 503, 200, 200]),
        ({"probability": 0}, [200] * 5),
        ({"probability": 1}, [503] * 5),
        ({"probability": 0, "times": 1}, [200] * 5),
    ],
    ids=str,
)
def test_a_rule_skips_and_then_acts_its_times(failed: Client, rule: dict[str, Any], statuses: list[int]) -> None:
    failed.fault(**rule)
    assert told(failed, 5) == statuses


def test_what_it_did_is_counted(failed: Client) -> None:
    """matches stops with the last hit: from then on the rule looks at nothing."""
    failed.fault(skip=1, times=2)
    told(failed, 5)
    rule = failed.admin("GET", "/faults/fault-1")
    assert (rule["matches"], rule["hits"]) == (3, 2)


def test_a_rule_that_is_used_up_is_still_listed(failed: Client) -> None:
    failed.fault(times=1)
    told(failed, 2)
    assert [(rule["id"], rule["hits"]) for rule in failed.admin("GET", "/faults")["faults"]] == [("fault-1", 1)]


def test_a_share_repeats_with_its_seed() -> None:
    """The same seed, rule and n-th match: the same dice, whatever other traffic there is."""
    rolls = []
    for other in (0, 3):
        with MockServer(failed_world(seed=11)) as mock, Client(mock) as client:
            client.fault(probability=0.5, operation="getTaskInstance")
            statuses = []
            for _ in range(30):
                for _ in range(other):
                    client.get(TASKS)
                statuses += told(client, 1)
            rolls.append(statuses)
    assert rolls[0] == rolls[1]
    assert {200, 503} == set(rolls[0])


def test_the_newest_that_matches_acts_and_the_older_see_nothing(failed: Client) -> None:
    failed.fault(500)
    failed.fault(501, times=1)
    failed.fault(502, operation="retrySubtask")
    assert told(failed, 2) == [501, 500]
    counted = [(rule["matches"], rule["hits"]) for rule in failed.admin("GET", "/faults")["faults"]]
    assert counted == [(1, 1), (1, 1), (0, 0)]


@pytest.mark.parametrize("newest", [{"skip": 1}, {"probability": 0}], ids=str)
def test_one_that_lets_pass_lets_an_older_try(failed: Client, newest: dict[str, Any]) -> None:
    failed.fault(500)
    failed.fault(501, **newest)
    assert told(failed, 1) == [500]
    counted = [(rule["matches"], rule["hits"]) for rule in failed.admin("GET", "/faults")["faults"]]
    assert counted == [(1, 1), (1, 0)]


# --- the routes ----------------------------------------------------------------------------------------------------


def test_a_new_rule_is_answered_whole(failed: Client) -> None:
    answer = failed("POST", "/__admin/faults", json={"error": {"status": 503}, "user": "viewer"})
    assert answer.status_code == 201
    assert answer.json() == {
        "id": "fault-1",
        "user": "viewer",
        "when": "before",
        "skip": 0,
        "probability": 1.0,
        "error": {"status": 503},
        "hits": 0,
        "matches": 0,
    }
    assert failed.admin("GET", "/faults/fault-1") == answer.json()
    assert failed.admin("GET", "/faults") == {"faults": [answer.json()]}


def test_one_rule_is_deleted(failed: Client) -> None:
    failed.fault(500)
    failed.fault(501)
    answer = failed("DELETE", "/__admin/faults/fault-2")
    assert (answer.status_code, answer.content) == (204, b"")
    assert told(failed, 1) == [500]
    assert failed("GET", "/__admin/faults/fault-2").status_code == 404
    assert failed("DELETE", "/__admin/faults/fault-2").status_code == 404


def test_all_rules_are_deleted(failed: Client) -> None:
    failed.fault(500)
    failed.fault(501)
    assert failed("DELETE", "/__admin/faults").status_code == 204
    assert told(failed, 1) == [200]
    assert failed.admin("GET", "/faults") == {"faults": []}


def test_ids_go_on_after_a_delete_and_start_again_after_reset(failed: Client) -> None:
    assert [failed.fault()["id"], failed.fault()["id"]] == ["fault-1", "fault-2"]
    failed.admin("DELETE", "/faults")
    assert failed.fault()["id"] == "fault-3"
    failed.admin("POST", "/reset")
    assert failed.admin("GET", "/faults") == {"faults": []}
    assert failed.fault()["id"] == "fault-1"


def test_the_rules_of_the_fixture_come_back_with_reset() -> None:
    rules = [{"id": "lost", "operation": "retrySubtask", "when": "after", "times": 1, "error": {"status": 504}}]
    with MockServer(failed_world(faults=rules)) as mock, Client(mock) as client:
        assert client.post(RETRY).status_code == 504
        assert client.admin("GET", "/faults/lost")["hits"] == 1
        client.admin("DELETE", "/faults")
        client.admin("POST", "/reset")
        answer = client.post(RETRY)
        assert (answer.status_code, answer.headers["X-Mock-Rule"]) == (504, "lost")


@pytest.mark.parametrize(("body", "path"), REFUSED_BODIES.values(), ids=REFUSED_BODIES.keys())
def test_a_bad_rule_is_refused_with_its_place_and_changes_nothing(failed: Client, body: Any, path: str) -> None:
    before = failed.state()
    answer = failed("POST", "/__admin/faults", json=body)
    assert answer.status_code == 422
    assert path in [one["path"] for one in answer.json()["error"]["details"]]
    assert failed.state() == before


def test_every_mistake_of_a_rule_is_told(failed: Client) -> None:
    answer = failed("POST", "/__admin/faults", json={"skip": -1, "times": 0, "error": {"status": 1}})
    paths = {one["path"] for one in answer.json()["error"]["details"]}
    assert paths == {"$.skip", "$.times", "$.error.status"}


def test_rules_are_bounded(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.admin.rules.MAX_RULES", 2)
    for _ in range(2):
        failed.fault()
    assert failed("POST", "/__admin/faults", json={"error": {"status": 503}}).status_code == 422
    assert len(failed.admin("GET", "/faults")["faults"]) == 2
