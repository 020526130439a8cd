"""A task with its subtasks and their logs, as a fixture gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mockserver.tasks.run_log import Log
from mockserver.tasks.values import Subtask, Task


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskState:
    """One task with its subtasks, in the order of the fixture, and the logs of those that have one."""

    task: Task
    subtasks: Mapping[int, Subtask]
    logs: Mapping[int, Log] = field(default_factory=dict)
