"""What tasks and subtasks are: values, and the words for how they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mockserver.tasks.value import equal_value
from mockserver.times import SECOND

Status = Literal["PENDING", "READY", "RUNNING", "CANCELING", "FAILED", "SUCCESSFUL"]
Operation = Literal["EXECUTE", "RETRY", "ROLLBACK", "SKIP", "CANCEL", "ROLLBACK_SKIP"]
TaskStatus = Literal["RUNNING", "FAILED", "SUCCESSFUL"]
TaskOperation = Literal["EXECUTE", "RETRY", "ROLLBACK", "SKIP", "CANCEL"]
Outcome = Literal["SUCCESSFUL", "FAILED", "TIMEOUT"]

PENDING: Final = "PENDING"
READY: Final = "READY"
RUNNING: Final = "RUNNING"
CANCELING: Final = "CANCELING"
FAILED: Final = "FAILED"
SUCCESSFUL: Final = "SUCCESSFUL"
STATUSES: Final[tuple[Status, ...]] = (PENDING, READY, RUNNING, CANCELING, FAILED, SUCCESSFUL)
TASK_STATUSES: Final[tuple[TaskStatus, ...]] = (RUNNING, FAILED, SUCCESSFUL)

EXECUTE: Final = "EXECUTE"
RETRY: Final = "RETRY"
ROLLBACK: Final = "ROLLBACK"
SKIP: Final = "SKIP"
CANCEL: Final = "CANCEL"
ROLLBACK_SKIP: Final = "ROLLBACK_SKIP"
"""Skipped while the task rolls back. The seed's list lacks it; real servers send it (engine)."""
OPERATIONS: Final[tuple[Operation, ...]] = (EXECUTE, RETRY, ROLLBACK, SKIP, CANCEL, ROLLBACK_SKIP)
TASK_OPERATIONS: Final[tuple[TaskOperation, ...]] = (EXECUTE, RETRY, ROLLBACK, SKIP, CANCEL)
"""A task comes to the first three by itself; the documents' table has the others, too, and a fixture may say them."""

TIMEOUT: Final = "TIMEOUT"
"""Not a wire word: the outcome of a run that is longer than its subtask's timeout."""


class Run(NamedTuple):
    """What one coming run does. `duration` is in nanoseconds; None means the scheduler's `run`.

    The lines of `log` are written in the course of it, evenly spread.
    """

    outcome: Outcome = SUCCESSFUL
    duration: int | None = None
    log: str = ""


class Pace(NamedTuple):
    """The scheduler's settings. READY waits `dispatch`, a run without a duration takes `run` (nanoseconds)."""

    dispatch: int = SECOND
    run: int = 2 * SECOND
    concurrency: int = 10
    counts_retry: bool = True
    """Whether an operator's retry of a subtask adds 1 to its runTime (document: the number of executions; engine: no).
    A retry of its task, and one that comes by itself, always does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubtaskDefinition:
    """What a subtask is, as opposed to how it stands: no transition changes any of this."""

    id: int
    name: str
    series_id: int
    description: str
    class_name: str | None
    timeout: int
    """Seconds; 0 is no timeout."""
    context: str | Mapping[str, object] | None
    create_time: int
    node_type: str
    parallel_idx: int
    upstreams: tuple[int, ...]
    downstreams: tuple[int, ...]
    prohibit_rollback: bool
    skippable: bool
    retry_count: int
    runs: tuple[Run, ...]
    rollbacks: tuple[Run, ...]


@equal_value
class Subtask:
    """How a subtask stands. Instants are nanoseconds; `due` is when its next event happens by itself."""

    definition: SubtaskDefinition
    status: Status
    operation: Operation
    run_time: int
    executor: str | None
    start_time: int | None
    finish_time: int | None
    due: int | None
    next_run: int
    next_rollback: int
    coming: Run | None = None
    """While it runs: how this run will end."""

    @property
    def id(self) -> int:
        return self.definition.id


class Reference(NamedTuple):
    """A creator, cluster or tenant, as the API embeds it in a task. None is what it lacks or what is not known.

    A cluster has `ob_cluster_id` and `type` beside its id and name, a tenant `ob_tenant_id` and `mode`.
    """

    id: int | None = None
    name: str | None = None
    ob_cluster_id: int | None = None
    type: str | None = None
    """PRIMARY or STANDBY (source: document)."""
    ob_tenant_id: int | None = None
    mode: str | None = None
    """ORACLE or MYSQL (source: document)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskDefinition:
    id: int
    name: str
    task_definition_id: int
    """-1 where there is none (source: document)."""
    type: str
    creator: Reference
    cluster: Reference | None
    tenant: Reference | None
    host_id: int | None
    """Not on the wire: what the list's `hostId` filter compares with."""
    create_time: int
    prohibit_rollback: bool


@equal_value
class Task:
    definition: TaskDefinition
    status: TaskStatus
    operation: TaskOperation
    executor: str | None
    start_time: int | None
    finish_time: int | None

    @property
    def id(self) -> int:
        return self.definition.id
