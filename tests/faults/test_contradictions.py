"""Rules that contradict themselves are refused, with a sentence; whatever may act is taken."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from clients import Client, failed_world
from hypothesis import given
from hypothesis import strategies as st

from mockserver import FixtureError
from mockserver.contract.operations import OPERATIONS
from mockserver.faults.contradictions import contradictions, meets
from mockserver.fixtures import source

ERROR = {"error": {"status": 503}}
CONTRADICTORY: tuple[tuple[dict[str, Any], str, str], ...] = (
    (
        {"operation": "retrySubtask", "method": "GET"},
        "$.method",
        "retrySubtask is a POST, so this never acts",
    ),
    (
        {"operation": "getTaskInstance", "method": "POST"},
        "$.method",
        "getTaskInstance is a GET, so this never acts",
    ),
    (
        {"operation": "retryTask", "path": "*/subtasks/*"},
        "$.path",
        "retryTask is …/tasks/instances/{taskInstanceId}/retry, which this never is, so this never acts",
    ),
    (
        {"operation": "getTaskInstance", "path": "*/instances/1000", "taskInstanceId": 1001},
        "$.path",
        "getTaskInstance is …/tasks/instances/1001, which this never is, so this never acts",
    ),
    (
        {"operation": "listTaskInstances", "taskInstanceId": 1000},
        "$.taskInstanceId",
        "listTaskInstances has no taskInstanceId, so this never acts",
    ),
)


@pytest.mark.parametrize(("rule", "path", "message"), CONTRADICTORY, ids=str)
def test_a_rule_that_never_acts_is_refused(failed: Client, rule: dict[str, Any], path: str, message: str) -> None:
    answer = failed.post("/__admin/faults", json={**rule, **ERROR})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == [{"path": path, "message": message}]
    assert failed.admin("GET", "/faults") == {"faults": []}


def test_also_in_a_fixture_with_its_place() -> None:
    with pytest.raises(FixtureError) as wrong:
        source.load(failed_world(faults=[{"operation": "retrySubtask", "method": "GET", **ERROR}]))
    [problem] = wrong.value.problems
    assert "retrySubtask is a POST, so this never acts" in str(problem)


@pytest.mark.parametrize(
    "rule",
    [
        {"operation": "getTaskInstance", "method": "HEAD"},
        {"operation": "getTaskInstance", "path": "/api/v2/tasks/instances/1000", "taskInstanceId": 1000},
        {"operation": "retrySubtask", "path": "*/1000/*", "taskInstanceId": "1000", "subtaskInstanceId": 10001.0},
        {"operation": "retrySubtask", "method": "POST", "path": "/api/v2/tasks/instances/1000/subtasks/*"},
        {"operation": "retrySubtask", "path": "*"},
        {"operation": "retrySubtask", "path": "/w/*"},
        {"operation": "retrySubtask", "path": "/api/v2/tasks/instances/100[0-9]/subtasks/1000?/retry"},
        {"operation": "listTaskInstances", "path": "/api/v2/tasks/instances"},
        {"method": "POST", "path": "/login"},
    ],
    ids=str,
)
def test_one_that_may_act_is_taken(failed: Client, rule: dict[str, Any]) -> None:
    failed.admin("POST", "/faults", {**rule, **ERROR})


@pytest.mark.parametrize("id", OPERATIONS)
def test_a_path_of_one_operation_is_of_no_other(id: str) -> None:
    path = "/api/v2" + OPERATIONS[id].path.format(taskInstanceId=1, subtaskInstanceId=2)
    assert [one for one in OPERATIONS if not [*contradictions({"operation": one, "path": path})]] == [id]


@given(st.sampled_from([*OPERATIONS.values()]), st.data())
def test_a_glob_that_matches_a_path_of_the_operation_is_never_refused(operation: Any, data: st.DataObject) -> None:
    path = "/api/v2" + operation.path.format(taskInstanceId=1000, subtaskInstanceId=10001)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(path))] * 2)))
    glob = path[:first] + data.draw(st.sampled_from(["*", "**", "?*", "*?"])) + path[last:]
    if fnmatchcase(path, glob):
        assert meets(glob, operation.path)
