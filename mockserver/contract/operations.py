"""The nine operations of the task API as data: route, permission, parameters, and what a success carries.

This is the only place that lists them: router, request check and OpenAPI document are made from it. Nothing here does
I/O or knows HTTP objects. Source, where nothing else is said: api-facts 1, from the public OCP reference (*document*);
`retrySubtask` is the seed's. The operations' names are ours.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from mockserver.contract.dialects import Dialect, Failure
from mockserver.contract.parameters import INT_MAX, PATH_PARAMETERS, Parameter
from mockserver.tasks.values import TASK_STATUSES

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: Method
    path: str
    """Without the prefix, with `{taskInstanceId}` and `{subtaskInstanceId}` where they stand."""
    permission: str
    data: str | None
    """The schema of a success's `data`, by its name in schemas/; None if a success has no such key (`data_in`: in a
    dialect)."""
    summary: str
    description: str
    source: str = "document"
    refusals: tuple[Failure, ...] = ()
    """How the present state can say no."""
    query: tuple[Parameter, ...] = ()
    media_type: str = "application/json"

    def data_in(self, dialect: Dialect) -> str | None:
        return None if self.id in dialect.without_data else self.data

    @property
    def acts(self) -> bool:
        """Changes the world, so that its state can say no. Accepts and ignores any query and any body: a real client
        sends its path parameters again."""
        return self.refusals != ()

    @property
    def path_parameters(self) -> tuple[Parameter, ...]:
        return tuple(PATH_PARAMETERS[name] for name in re.findall(r"\{(\w+)\}", self.path))


TASKS: Final = "/tasks/instances"
TASK: Final = TASKS + "/{taskInstanceId}"
SUBTASK: Final = TASK + "/subtasks/{subtaskInstanceId}"
VIEWER: Final = "TASK_VIEWER"
MANAGER: Final = "TASK_MANAGER"
TASK_TYPES: Final = ("MANUAL", "SYS_ONCE", "SCHEDULED", "SYS_SCHEDULED")

# fmt: off
LIST_QUERY: Final = (
    Parameter("name", "string", "Only tasks whose name contains this, in upper or lower case.", aliases=("keyword",)),
    Parameter("status", "enums", "Only tasks with one of these statuses: repeated, or separated by commas.",
        choices=TASK_STATUSES, any_case=True),
    Parameter("type", "enums", "Only tasks of one of these types: repeated, or separated by commas.",
        choices=TASK_TYPES, spellings={"SYS_ONECE": "SYS_ONCE"}),
    Parameter("clusterName", "string", "Only tasks about the cluster of this name.",
        aliases=("cluterName",)),  # the document's misspelling
    Parameter("clusterId", "long", "Only tasks about the cluster with this id."),
    Parameter("tenantName", "string", "Only tasks about the tenant of this name."),
    Parameter("tenantId", "long", "Only tasks about the tenant with this id."),
    Parameter("hostId", "long", "Only tasks about the host with this id."),
    Parameter("page", "integer", "Which page, from 1; what is no such number is taken as 1.",
        minimum=1, maximum=INT_MAX, default=1),
    Parameter("size", "integer", "How many tasks a page holds; what is no such number is taken as 10, more as 2000.",
        minimum=1, maximum=2000, is_cut=True, default=10),
    Parameter("sort", "sort", "In which order of id; `id` alone is ascending.",
        choices=("id,desc", "id,asc", "id"), default="id,desc"),
)

_OPERATIONS: Final = (
    Operation("listTaskInstances", "GET", TASKS, VIEWER, "task-page", "List tasks",
        "One page of the tasks that pass every filter, with their subtasks in short.", query=LIST_QUERY),
    Operation("getTaskInstance", "GET", TASK, VIEWER, "wrapped-task-instance", "Get a task",
        "A task with all its subtasks."),
    Operation("retryTask", "POST", TASK + "/retry", MANAGER, "wrapped-task-instance", "Retry a failed task",
        "Makes every FAILED subtask of a FAILED task READY again. Not while the task rolls back.",
        "document; the rule is the engine's", refusals=("not allowed",)),
    Operation("rollbackTask", "POST", TASK + "/rollback", MANAGER, "wrapped-task-instance", "Roll a failed task back",
        "Undoes the subtasks of a FAILED task in the reverse order of its graph, unless one that has run, or the task "
        "itself, prohibits it.",
        "document; the rule is the engine's", refusals=("not allowed", "rollback prohibited")),
    Operation("retrySubtask", "POST", SUBTASK + "/retry", MANAGER, "subtask-instance", "Retry a failed subtask",
        "Makes a FAILED subtask READY again, in operation RETRY and with one more runTime. The answer is the subtask "
        "as it is then: it runs later. Not while its task rolls back.",
        "seed; the rule is the engine's, and ours where it looks at the task", refusals=("not allowed",)),
    Operation("skipSubtask", "POST", SUBTASK + "/skip", MANAGER, None, "Skip a failed subtask",
        "Makes a FAILED subtask READY in operation SKIP: when its turn comes it does nothing and ends SUCCESSFUL (in a "
        "task that rolls back: PENDING). Not one that cannot be skipped.",
        "document; the rule is the engine's", refusals=("not allowed", "cannot skip")),
    Operation("cancelSubtask", "POST", SUBTASK + "/cancel", MANAGER, None, "Cancel a running subtask",
        "Makes a RUNNING subtask CANCELING, and after a while FAILED in operation CANCEL. Its run writes no more, and "
        "the log gets one headed CANCEL.",
        "document; the rule is the engine's", refusals=("not allowed",)),
    Operation("getSubtaskLog", "GET", SUBTASK + "/log", VIEWER, "subtask-log", "Get the log of a subtask",
        "The kept runs in order, each opened by a line of twelve number signs, the run's operation and its time, both "
        "in braces, and twelve number signs again. The text of a run grows while it runs.",
        "document"),
    Operation("downloadTaskDiagnosis", "POST", TASK + "/downloadDiagnosis", VIEWER, None,
        "Download what helps to diagnose a task",
        "A zip with task_info.txt (a line for each subtask in topological order) and a subtask_{id}_{run}.log for each "
        "run that happened. Changes nothing.",
        "engine; no document has it", media_type="application/zip"),
)
# fmt: on
OPERATIONS: Final = {operation.id: operation for operation in _OPERATIONS}
