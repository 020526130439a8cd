"""A task with its subtasks as a value: made of a state and written as one, and its graph in order."""

from builders import at, run, subtask, task

from mockserver.tasks.execution import Execution, topological
from mockserver.tasks.run_log import LogRun
from mockserver.tasks.values import STATUSES


def test_a_topological_order_has_upstreams_first_and_goes_by_id_otherwise() -> None:
    state = task(subtask(1, 9), subtask(2), subtask(9), subtask(5, 1, 2), subtask(4, 1)).subtasks
    assert [one.id for one in topological(dict(state))] == [2, 9, 1, 4, 5]


def test_it_gives_back_the_state_that_it_was_made_of() -> None:
    logs = {2: (LogRun("EXECUTE", at(0), "no\n"),)}
    state = task(subtask(1, status="SUCCESSFUL"), subtask(2, 1, status="FAILED"), subtask(3, 1), logs=logs)
    execution = Execution.of(state)
    again = execution.state()
    assert execution.id == state.task.id
    assert (again.task, again.subtasks, again.logs) == (state.task, state.subtasks, state.logs)


def test_it_knows_who_waits_for_a_slot_and_who_for_an_automatic_retry() -> None:
    failed = subtask(4, status="FAILED", retry_count=1, runs=[run("FAILED")])
    it = Execution.of(task(subtask(1, status="SUCCESSFUL"), subtask(3, 1), subtask(2), subtask(5, 4), failed))
    assert (it.open, it.retrying) == ((2, 3), (4,))
    assert dict(it.counts) == dict(zip(STATUSES, (3, 0, 0, 0, 1, 1), strict=True))
