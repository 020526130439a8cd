"""One task with all its subtasks at one instant: a value, and what the scheduler must know of it at once.

`counts`, `open` and `retrying` could be made anew from the subtasks (`Execution.of` does). They are kept up beside them
(`step`), so that a change costs what it changes, and not what the task has.
"""

from collections.abc import Mapping
from graphlib import TopologicalSorter

from mockserver.tasks.run_log import Logged
from mockserver.tasks.shared import Shared
from mockserver.tasks.state import TaskState
from mockserver.tasks.transitions import retries_itself
from mockserver.tasks.value import value
from mockserver.tasks.values import PENDING, ROLLBACK, STATUSES, SUCCESSFUL, Status, Subtask, Task, TaskOperation


@value
class Execution:
    task: Task
    subtasks: Shared[int, Subtask]
    """By id, in the order of the fixture."""
    logs: Shared[int, Logged | None]
    counts: dict[Status, int]
    """How many subtasks are in each status; all six are there, in the order of STATUSES."""
    open: tuple[int, ...]
    """The ids, sorted, of those that become READY by themselves once a slot is free and nothing is FAILED."""
    retrying: tuple[int, ...]
    """The ids, sorted, of those that are FAILED and due for an automatic retry."""

    @property
    def id(self) -> int:
        return self.task.definition.id

    def state(self) -> TaskState:
        """As a fixture has it."""
        logs = {id: logged.runs() for id, logged in self.logs.items() if logged is not None}
        return TaskState(task=self.task, subtasks=dict(self.subtasks), logs=logs)

    @classmethod
    def of(cls, state: TaskState) -> "Execution":
        subtasks = Shared(state.subtasks.items())
        counts = dict.fromkeys(STATUSES, 0)
        for subtask in subtasks.values():
            counts[subtask.status] += 1
        return cls(
            task=state.task,
            subtasks=subtasks,
            logs=Shared((id, Logged.of(state.logs.get(id, ()))) for id in subtasks),
            counts=counts,
            open=waiting(subtasks, state.task.operation),
            retrying=retrying(subtasks),
        )


def waiting(subtasks: Mapping[int, Subtask], operation: TaskOperation) -> tuple[int, ...]:
    """The ids of those that the graph lets become READY, sorted."""
    rolling_back = operation == ROLLBACK
    return tuple(sorted(id for id, subtask in subtasks.items() if may_move(subtask, subtasks, rolling_back)))


def retrying(subtasks: Mapping[int, Subtask]) -> tuple[int, ...]:
    """The ids of those that retry themselves, sorted."""
    return tuple(sorted(id for id, subtask in subtasks.items() if retries_itself(subtask)))


def may_move(subtask: Subtask, subtasks: Mapping[int, Subtask], rolling_back: bool) -> bool:
    """Whether the graph lets it become READY by itself: forward, or back while its task rolls back.

    The neighbour that ends last is mostly the one with the highest id, since they become READY in order of id.
    """
    if rolling_back:
        if subtask.status != SUCCESSFUL:
            return False
        return all(subtasks[id].status == PENDING for id in reversed(subtask.definition.downstreams))
    if subtask.status != PENDING:
        return False
    return all(subtasks[id].status == SUCCESSFUL for id in reversed(subtask.definition.upstreams))


def topological(subtasks: Mapping[int, Subtask]) -> list[Subtask]:
    """Upstreams first; by id where the graph leaves it open."""
    sorter = TopologicalSorter({id: subtask.definition.upstreams for id, subtask in subtasks.items()})
    sorter.prepare()
    order: list[Subtask] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [subtasks[id] for id in ready]
        sorter.done(*ready)
    return order
