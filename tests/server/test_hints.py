"""Why: every refusal of the API says what would have worked, in its hint and in the log."""

import logging

import pytest
from clients import RETRY, Client

from mockserver.server.hints import nearest_route, nearest_task
from mockserver.tasks.values import STATUSES

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
    ],
)
def test_an_unknown_route_is_told_the_nearest(path: str, meant: str) -> None:
    assert nearest_route("GET", path, PREFIXES) == meant


def test_an_id_that_javascript_has_rounded_is_recognized() -> None:
    assert nearest_task(9007199254740992, [1, 9007199254740993]) == (
        "task 9007199254740993 exists: JavaScript has rounded the id, which is past 2^53 - 1"
    )


def test_an_unknown_task_is_told_which_there_are() -> None:
    assert nearest_task(7, range(1, 9)) == "there is task 1, 2, 3, 4, 5 and 3 more"
    assert nearest_task(7, []) == "the world has no tasks"


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
        "GET /api/v1/tasks/instances: 404 / 10002: No route /api/v1/tasks/instances. "
        "(did you mean GET /api/v2/tasks/instances?)"
    ]


def test_an_injected_4xx_names_the_rule_that_acted(failed: Client) -> None:
    failed.fault(409)
    assert failed.post(RETRY).headers["X-Mock-Hint"] == "fault-1 acted: error"


def test_the_journal_has_the_hint(failed: Client) -> None:
    failed.get("/api/v2/tasks/instances/5")
    assert failed.admin("GET", "/requests")["requests"][0]["hint"] == "there is task 1000"
