"""Who may do what: the matrix agrees with what the API then does, says which rule says no, and counts nothing."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, failed_world, said
from gates import IN_THREAD, threads_of
from shared_servers import SharedServers
from slow import slow_but

from mockserver import MockServer
from mockserver.admin import rules
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.permissions import User
from mockserver.faults.denials import Denial
from mockserver.world.fixture import Fixture
from mockserver.world.value import World

AS_OPERATOR = ("operator", "operator")
USERS = {
    "boss": {"password": "boss", "permissions": ["ADMIN"]},
    "operator": {"password": "operator", "permissions": ["TASK_MANAGER"]},
    "viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"]},
    "nobody": {"password": "nobody"},
}
READS = [id for id, operation in OPERATIONS.items() if operation.permission == "TASK_VIEWER"]
ACTS = [id for id in OPERATIONS if id not in READS]


@pytest.fixture
def staff() -> Iterator[Client]:
    with MockServer(failed_world(auth="basic", users=USERS)) as mock, Client(mock) as client:
        yield client


def rows(client: Client) -> dict[tuple[str, str], Json]:
    matrix = client.admin("GET", "/permissions")["permissions"]
    found = {(row["user"], row["operation"]): row for row in matrix}
    assert len(found) == len(matrix)
    return found


def deny(client: Client, permission: str = "TASK_MANAGER", **rule: Any) -> str:
    id: str = client.admin("POST", "/denials", {"permission": permission, **rule})["id"]
    return id


def target(operation: str, task: int = 1000) -> tuple[str, str]:
    path = OPERATIONS[operation].path.replace("{taskInstanceId}", str(task))
    return OPERATIONS[operation].method, "/api/v2" + path.replace("{subtaskInstanceId}", "10001")


def may(client: Client, user: str, operation: str, task: int = 1000) -> bool:
    method, path = target(operation, task)
    auth = None if user == "anonymous" else (user, user)
    return client(method, path, auth=auth).status_code != 403


# --- the matrix ------------------------------------------------------------------------------------------------------


def test_it_has_every_user_with_every_operation(staff: Client) -> None:
    matrix = rows(staff)
    assert list(matrix) == [(user, operation) for user in USERS for operation in OPERATIONS]
    assert {user: sum(matrix[user, one]["allowed"] for one in OPERATIONS) for user in USERS} == {
        "boss": 9,
        "operator": 9,
        "viewer": len(READS),
        "nobody": 0,
    }


def test_who_lacks_a_permission_is_told_which(staff: Client) -> None:
    matrix = rows(staff)
    assert matrix["viewer", "retrySubtask"] == {
        "user": "viewer",
        "operation": "retrySubtask",
        "permission": "TASK_MANAGER",
        "allowed": False,
        "rule": None,
        "remaining": None,
        "reason": "lacks TASK_MANAGER",
        "exceptions": [],
    }
    assert matrix["nobody", "getTaskInstance"]["reason"] == "lacks TASK_VIEWER"
    assert matrix["viewer", "getTaskInstance"]["reason"] is None


DENIALS: Final[list[list[Json]]] = [
    [],
    [{}],
    [{"permission": "TASK_VIEWER"}],
    [{"user": "operator"}, {"operation": "retrySubtask"}],
    [{"user": "viewer", "permission": "TASK_VIEWER", "operation": "getSubtaskLog", "times": 1}],
    [{"taskInstanceId": 1000}, {"taskInstanceId": 7, "permission": "TASK_VIEWER"}],
    [{"taskInstanceId": 1000, "permission": "TASK_VIEWER", "user": "boss"}],
    [{"taskInstanceId": 1000, "times": 1}, {"times": 2}],
    [{"times": 1}, {"times": 1, "user": "boss", "taskInstanceId": 1000}],
    [{"user": "stranger"}],
]
CELLS: Final = list(product(range(len(DENIALS)), OPERATIONS))
FEW: Final = [cell for number, cell in enumerate(CELLS) if number % 4 == 0]
"""Of each list of denials two operations or three, of each operation two lists or three."""


@pytest.mark.parametrize(("denials", "operation"), slow_but(FEW, CELLS))
def test_the_matrix_is_what_the_api_then_does(shared_servers: SharedServers, denials: int, operation: str) -> None:
    """On task 1000, which may be an exception. To look at the matrix uses nothing up."""
    mock = shared_servers.renewed("staff", failed_world(auth="basic", users=USERS))
    with Client(mock) as client:
        for denial in DENIALS[denials]:
            deny(client, **denial)
        for user in USERS:
            row = rows(client)[user, operation]
            assert row == rows(client)[user, operation]
            there = {one["taskInstanceId"]: one for one in row["exceptions"]}
            refusal = there.get(1000, row)
            allowed = row["allowed"] and 1000 not in there
            method, path = target(operation)
            answer = client(method, path, auth=(user, user))
            assert (answer.status_code != 403) == allowed
            assert answer.headers.get("X-Mock-Rule") == refusal["rule"]


def test_a_denial_says_how_often_it_will_still_deny(staff: Client) -> None:
    id = deny(staff, user="operator", times=2)
    for remaining, words in ((2, "2 more times"), (1, "1 more time")):
        row = rows(staff)["operator", "retrySubtask"]
        assert (row["rule"], row["remaining"]) == (id, remaining)
        assert row["reason"] == f"denied by {id}, {words}"
        assert said(staff.post(RETRY, auth=AS_OPERATOR)) == (403, "IAM11000")
    assert rows(staff)["operator", "retrySubtask"]["allowed"]
    assert said(staff.post(RETRY, auth=AS_OPERATOR)) == (200, None)


def test_the_newest_denial_that_is_not_used_up_is_named(staff: Client) -> None:
    deny(staff)
    newest = deny(staff, user="operator", operation="retrySubtask")
    assert rows(staff)["operator", "retrySubtask"]["reason"] == f"denied by {newest}"
    assert rows(staff)["operator", "retryTask"]["rule"] == "denial-1"
    assert rows(staff)["boss", "retrySubtask"]["rule"] == "denial-1"


def test_a_denial_of_one_task_is_an_exception(staff: Client) -> None:
    deny(staff, taskInstanceId=2000, times=3)
    deny(staff, taskInstanceId=1000)
    deny(staff, taskInstanceId=2000, user="boss")
    row = rows(staff)["operator", "retrySubtask"]
    assert (row["allowed"], row["rule"], row["reason"]) == (True, None, None)
    assert row["exceptions"] == [
        {"taskInstanceId": 1000, "rule": "denial-2", "remaining": None, "reason": "denied by denial-2"},
        {"taskInstanceId": 2000, "rule": "denial-1", "remaining": 3, "reason": "denied by denial-1, 3 more times"},
    ]
    assert rows(staff)["boss", "retryTask"]["exceptions"][1]["rule"] == "denial-3"
    assert rows(staff)["operator", "getTaskInstance"]["exceptions"] == []


def test_a_list_has_no_task_that_could_be_an_exception(staff: Client) -> None:
    deny(staff, "TASK_VIEWER", taskInstanceId=1000)
    matrix = rows(staff)
    assert matrix["viewer", "listTaskInstances"]["exceptions"] == []
    assert len(matrix["viewer", "getTaskInstance"]["exceptions"]) == 1
    assert staff.get(TASKS, auth=("viewer", "viewer")).status_code == 200


def test_anonymous_is_there_where_nobody_must_log_in(staff: Client) -> None:
    assert not [row for row in rows(staff) if row[0] == "anonymous"]
    staff.admin("PUT", "/settings", {"auth": "open"})
    assert all(rows(staff)["anonymous", operation]["allowed"] for operation in OPERATIONS)
    deny(staff, user="anonymous")
    assert not may(staff, "anonymous", "retrySubtask")
    assert rows(staff)["anonymous", "retrySubtask"]["rule"] == "denial-1"
    assert rows(staff)["operator", "retrySubtask"]["allowed"]


def test_where_the_world_names_no_users_anybody_is_a_row(failed: Client) -> None:
    deny(failed, user="carol")
    matrix = rows(failed)
    assert list(dict.fromkeys(user for user, _ in matrix)) == ["carol", "*", "anonymous"]
    assert [matrix[user, "retryTask"]["allowed"] for user in ("carol", "*", "anonymous")] == [False, True, True]
    assert failed.post(RETRY, auth=("carol", "x")).status_code == 403
    assert failed.post(RETRY, auth=("dave", "x")).status_code == 200


# --- denials ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
def test_a_permission_is_revoked_in_mid_flow_and_given_back(staff: Client, whole: bool) -> None:
    """One looks, and between that and the retry the permission goes; looking still works; then it is back."""
    assert staff.get(TASK, auth=AS_OPERATOR).status_code == 200
    id = deny(staff)
    before = staff.state()["tasks"]
    refusal = staff.post(RETRY, auth=AS_OPERATOR)
    assert said(refusal) == (403, "IAM11000")
    assert refusal.headers["X-Mock-Rule"] == id
    assert staff.state()["tasks"] == before
    assert staff.get(TASK, auth=AS_OPERATOR).status_code == 200
    answer = staff("DELETE", "/__admin/denials" if whole else f"/__admin/denials/{id}")
    assert answer.status_code == 204
    assert said(staff.post(RETRY, auth=AS_OPERATOR)) == (200, None)


def test_denials_are_found_and_removed_one_by_one(staff: Client) -> None:
    ids = [deny(staff), deny(staff, "TASK_VIEWER", user="viewer", times=1)]
    assert ids == ["denial-1", "denial-2"]
    assert [one["id"] for one in staff.admin("GET", "/denials")["denials"]] == ids
    assert not may(staff, "viewer", "getTaskInstance")
    assert staff.admin("GET", "/denials/denial-2")["hits"] == 1
    staff.admin("DELETE", "/denials/denial-1")
    assert staff("GET", "/__admin/denials/denial-1").status_code == 404
    assert [one["id"] for one in staff.admin("GET", "/denials")["denials"]] == ["denial-2"]
    assert deny(staff) == "denial-3"


def test_looking_is_taken_away_and_acting_stays(staff: Client) -> None:
    """What a real server would hardly do, and a director may: each permission is denied by itself."""
    deny(staff, "TASK_VIEWER")
    assert said(staff.get(TASK, auth=("boss", "boss"))) == (403, "IAM11000")
    assert said(staff.get(f"{SUBTASK}/log", auth=AS_OPERATOR)) == (403, "IAM11000")
    assert said(staff.post(RETRY, auth=AS_OPERATOR)) == (200, None)


def test_a_denial_of_a_user_whom_nobody_knows_is_taken_with_a_warning(
    staff: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert deny(staff, user="operater") == "denial-1"
    assert "denial-1 names the user operater, whom the world does not know" in caplog.text
    caplog.clear()
    deny(staff, user="anonymous")
    deny(staff, user="operator")
    assert caplog.text == ""


# --- many users, many denials ----------------------------------------------------------------------------------------


def test_a_denial_is_looked_at_once_for_each_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many users there are."""
    users = {f"u{number}": User(name="", password="", permissions=("ADMIN",)) for number in range(30)}
    denials = [Denial(id=user, permission="TASK_MANAGER", user=user) for user in users]
    world = World.of(Fixture(users=users, denials={one.id: one for one in denials}))
    looks = threads_of(monkeypatch, Denial, "matches")
    matrix = rules.permissions(world)
    assert len(looks) == len(denials) * len(OPERATIONS)
    assert {row["rule"] for row in matrix if row["operation"] == "retryTask"} == {*users, None}


def test_the_matrix_is_made_in_a_thread(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threads_of(monkeypatch, rules, "permissions")
    failed.admin("GET", "/permissions")
    assert threads == [IN_THREAD]


def test_more_exceptions_than_an_answer_takes_are_refused(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The denial of one task is an exception for both managers, with each operation on a task that acts."""
    deny(staff, taskInstanceId=1000)
    many = sum(len(row["exceptions"]) for row in rows(staff).values())
    monkeypatch.setattr(rules, "MOST_EXCEPTIONS", many)
    assert rows(staff)
    monkeypatch.setattr(rules, "MOST_EXCEPTIONS", many - 1)
    answer = staff.get("/__admin/permissions")
    assert answer.status_code == 422
    assert "exceptions: delete denials of single tasks" in answer.text
