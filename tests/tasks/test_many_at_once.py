"""Many subtasks that change at once: what is kept up beside them is made anew once, and not filed one by one."""

from collections.abc import Callable
from typing import Final

import pytest
from builders import START, pace, run, subtask, task

from mockserver.tasks import step
from mockserver.tasks.execution import Execution, may_move
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


def upstream_of_all() -> list[Subtask]:
    """Due to end."""
    first = subtask(1, status="RUNNING", due=0, coming=run())
    return [first, *(subtask(id, 1) for id in range(2, COUNT))]


CASES: Final[dict[str, tuple[list[Subtask], Callable[[Step], None]]]] = {
    "retry": (of("FAILED"), Step.retry_task),
    "rollback": (of("SUCCESSFUL"), Step.rollback_task),
    "values": (of("PENDING"), replaced),
    "automatic retries": (of("FAILED", retry_count=3), Step.retry_task),
    "an upstream of many ends": (upstream_of_all(), lambda it: it.happen(it.subtasks[1])),
    "many slots as a consequence": (of("PENDING")[:-1], Step.consequences),
    "automatic retries as a consequence": (of("FAILED", retry_count=3), Step.consequences),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_filed_one_by_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Which costs the square of how many there are."""
    subtasks, act = CASES[name]
    status: TaskStatus = "RUNNING" if "consequence" in name else "FAILED"
    slots = COUNT if "slots" in name else 0
    it = Step(Execution.of(task(*subtasks, status=status)), START, pace(concurrency=slots), "server")
    monkeypatch.delattr(step, "_filed")
    act(it)
    done = it.done()
    anew = Execution.of(done.state())
    assert (done.open, done.retrying, dict(done.counts)) == (anew.open, anew.retrying, dict(anew.counts))
    assert type(done.subtasks) is type(anew.subtasks)


def test_of_many_upstreams_the_one_that_ends_last_is_asked_first() -> None:
    """They begin in order of id: else each end would ask all that have ended before."""
    asked: list[int] = []

    class Asked(dict[int, Subtask]):
        def __getitem__(self, id: int) -> Subtask:
            asked.append(id)
            return super().__getitem__(id)

    last = subtask(COUNT, *range(1, COUNT))
    subtasks = Asked({id: subtask(id, status="SUCCESSFUL") for id in range(1, COUNT - 1)})
    subtasks[COUNT - 1] = subtask(COUNT - 1, status="RUNNING")
    assert not may_move(last, subtasks, rolling_back=False)
    assert asked == [COUNT - 1]
