"""Why: every refusal of the API says what would have worked, in its hint and in the log."""

import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clients import RETRY, TASK, TASKS, Client, failed_world
from gates import threads_of

from mockserver import create_app
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.permissions import User
from mockserver.faults.denials import Denial
from mockserver.server import hints
from mockserver.server.hints import ELSEWHERE, Place, holders, nearest, nearest_route
from mockserver.tasks.values import STATUSES
from mockserver.world.fixture import Fixture
from mockserver.world.value import World

PREFIXES = ("/api/v2",)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/v1/tasks/instances/1000", "did you mean GET /api/v2/tasks/instances/1000?"),
        ("/api/v2/tasks/instances/", "did you mean GET /api/v2/tasks/instances?"),
        ("/tasks/instances/1000", "did you mean GET /api/v2/tasks/instances/1000?"),
        ("/API/V2/Tasks/Instances", "did you mean GET /api/v2/tasks/instances?"),
        ("/v2/tasks/instances/1/retry", "did you mean POST /api/v2/tasks/instances/1/retry?"),
        ("/api/v2/task/instances", "did you mean /api/v2/tasks/instances?"),
        (
            "/api/v2/tasks/instances/1/subtask/2/retry",
            "did you mean /api/v2/tasks/instances/{taskInstanceId}/subtasks/{subtaskInstanceId}/retry?",
        ),
        ("/", "the API is under /api/v2, e.g. GET /api/v2/tasks/instances"),
        ("/favicon.ico", "the API is under /api/v2, e.g. GET /api/v2/tasks/instances"),
        ("/w/anna/api/v1/tasks/instances", "did you mean GET /w/anna/api/v2/tasks/instances?"),
        ("/w/anna/", "the API is under /w/anna/api/v2, e.g. GET /w/anna/api/v2/tasks/instances"),
    ],
)
def test_an_unknown_route_is_told_the_nearest(path: str, meant: str) -> None:
    assert nearest_route(Place("GET", path, PREFIXES)) == meant


def test_an_id_that_javascript_has_rounded_is_recognized() -> None:
    assert nearest("task", 9007199254740992, [1, 9007199254740993]) == (
        "task 9007199254740993 exists: JavaScript has rounded the id, which is past 2^53 - 1"
    )


def test_an_unknown_task_is_told_which_there_are() -> None:
    assert nearest("task", 7, range(1, 9)) == "there is task 1, 2, 3, 4, 5 and 3 more"
    assert nearest("task", 7, []) == "there is no task"


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_by_state_names_what_is_legal(failed: Client, status: str) -> None:
    legal = {"FAILED": {"retrySubtask", "skipSubtask"}, "RUNNING": {"cancelSubtask"}}.get(status, set())
    other = {"id": 2, "status": "RUNNING", "runs": [{"duration": "never"}], "timeout": 0}
    subtask = {"id": 1, "status": status, "runs": [{"duration": "never"}], "timeout": 0}
    if status == "READY":
        subtask["due"] = None
    if status == "PENDING":
        subtask["upstreams"] = [2]
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, "tasks": [{"id": 1, "subtasks": [subtask, other]}]})
    refused = 0
    for act in ("retry", "skip", "cancel"):
        if f"{act}Subtask" in legal:
            continue
        answer = failed.post(f"/api/v2/tasks/instances/1/subtasks/1/{act}")
        assert answer.status_code == 400
        named = answer.headers["X-Mock-Hint"].removeprefix("legal now: ").split(", ")
        assert {name for name in named if name.endswith("Subtask")} == legal
        refused += 1
    assert refused == 3 - len(legal)


def test_a_refusal_leaves_a_line_in_the_log_that_says_why(failed: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="mockserver"):
        failed.get("/api/v1/tasks/instances")
    assert caplog.messages == [
        "GET /api/v1/tasks/instances: 404 / COM10002: No route /api/v1/tasks/instances. "
        f"(did you mean GET /api/v2/tasks/instances?{ELSEWHERE})"
    ]


def test_an_injected_4xx_names_the_rule_that_acted(failed: Client) -> None:
    failed.fault(409)
    assert failed.post(RETRY).headers["X-Mock-Hint"] == "fault-1 acted: error"


def test_the_journal_has_the_hint(failed: Client) -> None:
    failed.get("/api/v2/tasks/instances/5")
    assert failed.admin("GET", "/requests")["requests"][0]["hint"] == "there is task 1000"


@pytest.mark.parametrize("operation", ["retry", "skip"])
def test_a_missing_permission_is_named_with_who_has_it(permissions: Client, operation: str) -> None:
    answer = permissions.post(f"{TASK}/subtasks/10001/{operation}", auth=("viewer", "viewer"))
    assert answer.headers["X-Mock-Hint"] == "TASK_MANAGER is missing; who has it: operator, admin"


def test_a_permission_that_is_taken_away_is_named_with_who_still_has_it(permissions: Client) -> None:
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER", "user": "operator"})
    hint = permissions.post(RETRY, auth=("operator", "operator")).headers["X-Mock-Hint"]
    assert hint == "denial-1 takes TASK_MANAGER away; who has it: admin"
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    hint = permissions.post(RETRY, auth=("operator", "operator")).headers["X-Mock-Hint"]
    assert hint == "denial-2 takes TASK_MANAGER away; nobody has it"


def world_of_users(*names: str, denied: tuple[str, ...] = ()) -> World:
    users = {name: User(name=name, password="", permissions=("ADMIN",)) for name in names}
    denials = {name: Denial(id=name, permission="TASK_MANAGER", user=name) for name in denied}
    return World.of(Fixture(users=users, denials=denials))


def test_who_has_a_permission_is_found_out_in_one_pass_of_the_denials(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many users there are, the loop waits no longer than for that."""
    denied = tuple(f"u{number}" for number in range(20))
    world = world_of_users(*denied, "eve", denied=denied)
    looks = threads_of(monkeypatch, Denial, "matches")
    assert holders(world, OPERATIONS["retryTask"], 1) == "who has it: eve"
    assert len(looks) == len(denied)


@pytest.mark.parametrize(
    ("denied", "hint", "whole"),
    [
        ("", "who has it: a, b, c, d, e and others", "who has it: a, b, c, d, e and 2 more"),
        ("abcde", "who has it: f and others", "who has it: f, g"),
        ("abcdef", "none of the first 6 users has it", "who has it: g"),
    ],
)
def test_of_very_many_users_only_the_first_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, denied: str, hint: str, whole: str
) -> None:
    monkeypatch.setattr(hints, "LOOKED", 6)
    world = world_of_users(*"abcdefg", denied=(*denied,))
    assert holders(world, OPERATIONS["retryTask"], 1) == hint
    monkeypatch.setattr(hints, "LOOKED", 7)
    assert holders(world, OPERATIONS["retryTask"], 1) == whole


@pytest.mark.parametrize(
    ("subtasks", "hint"),
    [
        ([], "task 1 has no subtask"),
        ([7, 8], "task 1 has subtask 7, 8"),
        (range(7, 14), "task 1 has subtask 7, 8, 9, 10, 11 and 2 more"),
        ([2**53 + 1], f"subtask {2**53 + 1} exists: JavaScript has rounded the id, which is past 2^53 - 1"),
    ],
)
def test_an_unknown_subtask_is_told_which_there_are(failed: Client, subtasks: list[int], hint: str) -> None:
    tasks = [{"id": 1, "subtasks": [{"id": id} for id in subtasks]}]
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, "tasks": tasks})
    answer = failed.post(f"{TASKS}/1/subtasks/{2**53}/retry")
    assert (answer.status_code, answer.headers["X-Mock-Hint"]) == (404, hint)


def test_an_unknown_subtask_is_told_the_task_that_has_it(failed: Client) -> None:
    tasks = [{"id": 1, "subtasks": [{"id": 7}]}, {"id": 2, "subtasks": [{"id": 8}]}]
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, "tasks": tasks})
    assert failed.post(f"{TASKS}/1/subtasks/8/retry").headers["X-Mock-Hint"] == "subtask 8 is in task 2"


@pytest.mark.parametrize("name", ["-ci", "a b", "x" * 65, "ü"])
def test_the_bad_name_of_a_world_is_told_what_a_name_may_be(failed: Client, name: str) -> None:
    may_be = "a world's name is 1 to 64 letters, digits, dots, dashes and underscores"
    assert failed.get(f"/w/{name}{TASK}").headers["X-Mock-Hint"].startswith(may_be)
    answer = failed.get(TASK, headers={"X-Mock-World": name.encode()})
    assert (answer.status_code, answer.headers["X-Mock-Hint"].startswith(may_be)) == (400, True)


@pytest.mark.asyncio
async def test_an_embedded_server_says_where_it_is() -> None:
    """Under the other application's own path, of which it is told only when it is added."""
    within, whole = web.Application(), web.Application()
    within.add_subapp("/ocp", create_app(failed_world()))
    whole.add_subapp("/mocks", within)
    async with TestClient(TestServer(whole)) as client:
        told = {}
        for path in ("/", "/api/v1/tasks/instances", "/w/anna/tasks/instances", "/api/v2/tasks/instances?hostId=x"):
            async with client.get(f"/mocks/ocp{path}") as answer:
                told[path] = answer.headers.get("X-Mock-Hint")
        assert told == {
            "/": f"the API is under /mocks/ocp/api/v2, e.g. GET /mocks/ocp/api/v2/tasks/instances{ELSEWHERE}",
            "/api/v1/tasks/instances": f"did you mean GET /mocks/ocp/api/v2/tasks/instances?{ELSEWHERE}",
            "/w/anna/tasks/instances": f"did you mean GET /mocks/ocp/w/anna/api/v2/tasks/instances?{ELSEWHERE}",
            "/api/v2/tasks/instances?hostId=x": (
                "/mocks/ocp/api/v2 is described at /mocks/ocp/openapi.json, with the values of every parameter"
            ),
        }


def test_who_sends_no_credentials_is_told_of_both_kinds(permissions: Client) -> None:
    message = permissions.get(TASK).json()["error"]["message"]
    assert message == "Authentication is required: send HTTP Basic credentials, or a signed request."
