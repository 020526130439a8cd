"""Many subtasks that change at once: what is kept up beside them is made anew once, and not filed one by one."""

from collections.abc import Callable
from typing import Final

import pytest
from builders import START, pace, run, subtask, task

from mockserver.tasks import step
from mockserver.tasks.execution import Execution
from mockserver.tasks.step import MANY, Step
from mockserver.tasks.values import Status, Subtask, TaskStatus

COUNT: Final = 2 * MANY


def of(status: Status, retry_count: int = 0) -> list[Subtask]:
    """The last one has FAILED; the first is upstream of the second."""
    runs = [run("FAILED")]
    others = [subtask(id, status=status, runs=runs, retry_count=retry_count) for id in range(3, COUNT)]
    first = [
        subtask(1, status=status, runs=runs, retry_count=retry_count),
        subtask(2, 1, status=status, runs=runs, retry_count=retry_count),
    ]
    return [*first, *others, subtask(COUNT, status="FAILED", runs=runs)]


def replaced(it: Step) -> None:
    it.replace(
        it.task, {id: one for id, one in it.subtasks.items() if one.status == "PENDING"}, dict.fromkeys(it.logs, ())
    )


CASES: Final[dict[str, tuple[list[Subtask], Callable[[Step], None]]]] = {
    "retry": (of("FAILED"), Step.retry_task),
    "rollback": (of("SUCCESSFUL"), Step.rollback_task),
    "values": (of("PENDING"), replaced),
    "automatic retries": (of("FAILED", retry_count=3), Step.retry_task),
    "automatic retries as a consequence": (of("FAILED", retry_count=3), Step.consequences),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_filed_one_by_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Which costs the square of how many there are."""
    subtasks, act = CASES[name]
    status: TaskStatus = "RUNNING" if "consequence" in name else "FAILED"
    it = Step(Execution.of(task(*subtasks, status=status)), START, pace(concurrency=0), "server")
    monkeypatch.delattr(step, "_filed")
    act(it)
    done = it.done()
    anew = Execution.of(done.state())
    assert (done.open, done.retrying, dict(done.counts)) == (anew.open, anew.retrying, dict(anew.counts))
    assert type(done.subtasks) is type(anew.subtasks)
