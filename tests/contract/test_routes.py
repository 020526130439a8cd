"""Which operation a method and a path lead to."""

import pytest

from mockserver.contract.operations import OPERATIONS
from mockserver.contract.routes import NOWHERE, route


@pytest.mark.parametrize("id", OPERATIONS)
def test_the_path_of_an_operation_leads_to_it(id: str) -> None:
    operation = OPERATIONS[id]
    found = route(operation.method, operation.path[1:].format(taskInstanceId="1000", subtaskInstanceId="x"))
    assert found.operation is operation
    names = [parameter.name for parameter in operation.path_parameters]
    assert found.task == (1000 if "taskInstanceId" in names else None)
    assert found.subtask is None
    assert [one["field"] for one in found.wrong] == ["subtaskInstanceId"] * ("subtaskInstanceId" in names)


def test_head_is_found_where_get_is_and_nowhere_else() -> None:
    for operation in OPERATIONS.values():
        found = route("HEAD", operation.path[1:])
        assert found.operation is (operation if operation.method == "GET" else None)


def test_another_method_is_told_which_there_are() -> None:
    assert route("DELETE", "tasks/instances/1").allowed == ("GET", "HEAD")
    assert route("GET", "tasks/instances/1/retry").allowed == ("POST",)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "tasks", "tasks/instances/", "tasks/instances/1/", "tasks//instances", "/tasks/instances", "{}"),
        *("tasks/instances/1/retry/", "tasks/instances//retry", "tasks/instances/1/subtasks/2", "Tasks/instances"),
        *("tasks/instances/1/subtasks//retry", "tasks/instances/1/subtasks/2/retry/3", "tasks/instances/1/subtasks"),
    ],
)
def test_no_other_path_is_found(path: str) -> None:
    assert route("GET", path) == NOWHERE
    assert route("GET", path).is_elsewhere


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "tasks/instances"), ("PUT", "tasks/instances"), ("GET", "tasks/instances/x")]
)
def test_a_path_of_the_task_api_is_nobody_elses_whatever_the_method(method: str, path: str) -> None:
    assert not route(method, path).is_elsewhere
