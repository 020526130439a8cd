"""The operations as data."""

from mockserver.contract.operations import OPERATIONS


def test_the_operations_are_in_order_and_named_once() -> None:
    assert list(OPERATIONS) == [
        "listTaskInstances",
        "getTaskInstance",
        "retryTask",
        "rollbackTask",
        "retrySubtask",
        "skipSubtask",
        "cancelSubtask",
        "getSubtaskLog",
        "downloadTaskDiagnosis",
    ]
    assert len({(operation.method, operation.path) for operation in OPERATIONS.values()}) == 9


def test_who_acts_needs_to_be_a_manager_and_can_be_refused() -> None:
    """Acting, TASK_MANAGER and a state that can say no go together."""
    for operation in OPERATIONS.values():
        assert operation.acts == (operation.permission == "TASK_MANAGER") == ("not allowed" in operation.refusals)
