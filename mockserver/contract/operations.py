"""The nine operations of the task API as data: route, permission, parameters, and what a success carries.

This is the only place that lists them: router, request check and OpenAPI document are made from it. Nothing here does
I/O or knows HTTP objects. Source, where nothing else is said: api-facts 1, from the public OCP reference (*document*);
`retrySubtask` is the seed's. The operations' names are ours.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from mockserver.contract.parameters import INT_MAX, PATH_PARAMETERS, Parameter

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    method: Method
    path: str
    """Without the prefix, with `{taskInstanceId}` and `{subtaskInstanceId}` where they stand."""
    permission: str
    data: str | None
    """The schema of a success's `data`, by its name in schemas/; None if a success has no such key."""
    media_type: str = "application/json"
    acts: bool = False
    """Changes the world. Accepts and ignores any query and any body: a real client sends its path parameters again."""
    refusals: tuple[int, ...] = ()
    """The error codes with which the present state can say no."""
    query: tuple[Parameter, ...] = ()
    summary: str
    description: str
    source: str

    @property
    def path_parameters(self) -> tuple[Parameter, ...]:
        return _named_in(self.path)


@cache
def _named_in(path: str) -> tuple[Parameter, ...]:
    return tuple(PATH_PARAMETERS[name] for name in re.findall(r"\{(\w+)\}", path))


TASKS: Final = "/tasks/instances"
TASK: Final = TASKS + "/{taskInstanceId}"
SUBTASK: Final = TASK + "/subtasks/{subtaskInstanceId}"
VIEWER: Final = "TASK_VIEWER"
MANAGER: Final = "TASK_MANAGER"
TASK_STATUSES: Final = ("RUNNING", "FAILED", "SUCCESSFUL")
TASK_TYPES: Final = ("MANUAL", "SYS_ONCE", "SCHEDULED", "SYS_SCHEDULED")
SORTS: Final = ("id,desc", "id,asc")

LIST_QUERY: Final = (
    Parameter(
        name="name",
        aliases=("keyword",),
        kind="string",
        description="Only tasks whose name contains this, in upper or lower case.",
    ),
    Parameter(
        name="status",
        kind="enums",
        choices=TASK_STATUSES,
        description="Only tasks with one of these statuses: repeated, or separated by commas.",
    ),
    Parameter(
        name="type",
        kind="enums",
        choices=TASK_TYPES,
        description="Only tasks of one of these types: repeated, or separated by commas.",
    ),
    Parameter(
        name="clusterName",
        aliases=("cluterName",),  # the document's misspelling
        kind="string",
        description="Only tasks about the cluster of this name.",
    ),
    Parameter(name="clusterId", kind="long", description="Only tasks about the cluster with this id."),
    Parameter(name="tenantName", kind="string", description="Only tasks about the tenant of this name."),
    Parameter(name="tenantId", kind="long", description="Only tasks about the tenant with this id."),
    Parameter(name="hostId", kind="long", description="Only tasks about the host with this id."),
    Parameter(name="page", kind="integer", minimum=1, maximum=INT_MAX, default=1, description="Which page, from 1."),
    Parameter(
        name="size", kind="integer", minimum=1, maximum=2000, default=10, description="How many tasks a page holds."
    ),
    Parameter(name="sort", kind="enum", choices=SORTS, default="id,desc", description="In which order of id."),
)

OPERATIONS: Final[dict[str, Operation]] = {
    operation.id: operation
    for operation in (
        Operation(
            id="listTaskInstances",
            method="GET",
            path=TASKS,
            permission=VIEWER,
            data="task-page",
            query=LIST_QUERY,
            summary="List tasks",
            description="One page of the tasks that pass every filter, with their subtasks in short.",
            source="document",
        ),
        Operation(
            id="getTaskInstance",
            method="GET",
            path=TASK,
            permission=VIEWER,
            data="wrapped-task-instance",
            summary="Get a task",
            description="A task with all its subtasks.",
            source="document",
        ),
        Operation(
            id="retryTask",
            method="POST",
            path=TASK + "/retry",
            permission=MANAGER,
            data="wrapped-task-instance",
            acts=True,
            refusals=(20003,),
            summary="Retry a failed task",
            description="Makes every FAILED subtask of a FAILED task READY again. Not while the task rolls back.",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="rollbackTask",
            method="POST",
            path=TASK + "/rollback",
            permission=MANAGER,
            data="wrapped-task-instance",
            acts=True,
            refusals=(20003, 20004),
            summary="Roll a failed task back",
            description="Undoes the subtasks of a FAILED task in the reverse order of its graph, unless one that has "
            "run, or the task itself, prohibits it.",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="retrySubtask",
            method="POST",
            path=SUBTASK + "/retry",
            permission=MANAGER,
            data="subtask-instance",
            acts=True,
            refusals=(20003,),
            summary="Retry a failed subtask",
            description="Makes a FAILED subtask READY again, in operation RETRY and with one more runTime. The answer "
            "is the subtask as it is then: it runs later. Not while its task rolls back.",
            source="seed; the rule is the engine's, and ours where it looks at the task",
        ),
        Operation(
            id="skipSubtask",
            method="POST",
            path=SUBTASK + "/skip",
            permission=MANAGER,
            data=None,
            acts=True,
            refusals=(20003,),
            summary="Skip a failed subtask",
            description="Makes a FAILED subtask READY in operation SKIP: when its turn comes it does nothing and ends "
            "SUCCESSFUL (in a task that rolls back: PENDING).",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="cancelSubtask",
            method="POST",
            path=SUBTASK + "/cancel",
            permission=MANAGER,
            data=None,
            acts=True,
            refusals=(20003,),
            summary="Cancel a running subtask",
            description="Makes a RUNNING subtask CANCELING, and after a while FAILED in operation CANCEL.",
            source="document; the rule is the engine's",
        ),
        Operation(
            id="getSubtaskLog",
            method="GET",
            path=SUBTASK + "/log",
            permission=VIEWER,
            data="subtask-log",
            summary="Get the log of a subtask",
            description="The kept runs in order, each opened by a line of twelve number signs, the run's operation, "
            "its time and twelve number signs again.",
            source="document; the header line is the engine's",
        ),
        Operation(
            id="downloadTaskDiagnosis",
            method="POST",
            path=TASK + "/downloadDiagnosis",
            permission=VIEWER,
            data=None,
            media_type="application/zip",
            summary="Download what helps to diagnose a task",
            description="A zip with task_info.txt (a line for each subtask in topological order) and a "
            "subtask_{id}_{run}.log for each run that happened. Changes nothing.",
            source="document; the files are the engine's",
        ),
    )
}
