"""Every field of a task and of a subtask: its names, the attribute that holds it, and what a fixture need not say.

From these two tables fixtures are read, written and patched; a test holds the schemas, the API's answers and the test
handles to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mockserver.contract.dialects import Variant
from mockserver.tasks.values import EXECUTE, PENDING

Kind = Literal["plain", "long", "instant", "ids", "runs", "reference"]
"""How a value is written: as it is, a Long, a date-time (nanoseconds), a list of ids, a list of runs, an object."""
Scope = Literal["list", "task", "file"]
"""Where a field is seen: in the API's list of tasks and everywhere; in one task's answer and in files; in files."""
DERIVED: Final = object()
"""The default of a field that follows from others."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    """In files, and in the API's answers as the seed's sample spells it."""
    attribute: str | None
    """Of the value, or of its definition; None for what is held elsewhere."""
    scope: Scope
    kind: Kind = "plain"
    default: Any = DERIVED
    changes: bool = False
    """Whether a transition changes it: then the value holds it, else its definition does."""
    optional: bool = False
    """Whether there may be none of it (source: document). In a file null says so; of any other field of the API null
    says that it is not known, and it has its default."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """The API's other names, by the `fieldNames` that spell it so; a file may use any of them. What a dialect calls it
    otherwise is in `dialects`."""

    def spelled(self, variant: Variant) -> str | None:
        """What the API calls it; None where the dialect has none of it."""
        name = variant.row.fields.get(self.name, self.name)
        return name and self.spellings.get(variant.field_names, name)


def _table(*fields: Field) -> dict[str, Field]:
    return {one.name: one for one in fields}


SUBTASK: Final = _table(
    Field("id", "id", "list", "long"),
    Field("name", "name", "list"),
    Field("seriesId", "series_id", "task", "long"),
    Field("description", "description", "list"),
    Field("className", "class_name", "task", default=None, optional=True, spellings={"table": "clusterName"}),
    Field("timeout", "timeout", "task", default=1800),
    Field("status", "status", "list", default=PENDING, changes=True),
    Field("operation", "operation", "list", default=EXECUTE, changes=True),
    Field("executor", "executor", "task", changes=True, optional=True),
    Field("runTime", "run_time", "task", default=1, changes=True),
    Field("context", "context", "task", default=None, optional=True),
    Field("createTime", "create_time", "task", "instant"),
    Field("startTime", "start_time", "task", "instant", changes=True, optional=True),
    Field("finishTime", "finish_time", "task", "instant", changes=True, optional=True),
    Field("nodeType", "node_type", "task", default="JAVA_TASK"),
    Field("parallelIdx", "parallel_idx", "task", default=-1, spellings={"table": "paralleIdx"}),
    Field("upstreams", "upstreams", "task", "ids", default=()),
    Field("downstreams", "downstreams", "task", "ids", spellings={"table": "downstream"}),
    Field("prohibitRollback", "prohibit_rollback", "task", default=False),
    Field("skippable", "skippable", "file", default=True),
    Field("retryCount", "retry_count", "file", default=0),
    Field("runs", "runs", "file", "runs"),
    Field("rollbacks", "rollbacks", "file", "runs"),
    Field("nextRun", "next_run", "file", default=0, changes=True),
    Field("nextRollback", "next_rollback", "file", default=0, changes=True),
    Field("log", None, "file"),
    Field("due", "due", "file", "instant", changes=True),
    Field("outcome", None, "file"),
    Field("outcomeLog", None, "file"),
    Field("outcomeLogFrom", None, "file", "instant"),
    Field("outcomeLogTo", None, "file", "instant"),
)

UNDER_WAY: Final = ("outcome", "outcomeLog", "outcomeLogFrom", "outcomeLogTo")
"""What a file says of a run that is under way; each needs the one before it."""

TASK: Final = _table(
    Field("id", "id", "list", "long"),
    Field("name", "name", "list"),
    Field("taskDefinitionId", "task_definition_id", "task", "long", default=-1),
    Field("status", "status", "list", changes=True),
    Field("type", "type", "task", default="MANUAL"),
    Field("creator", "creator", "list", "reference", default={"id": 100, "name": "admin"}),
    Field("cluster", "cluster", "list", "reference", default=None, optional=True),
    Field("tenant", "tenant", "list", "reference", default=None, optional=True),
    Field("hostId", "host_id", "file", default=None),
    Field("executor", "executor", "task", changes=True, optional=True),
    Field("createTime", "create_time", "task", "instant"),
    Field("startTime", "start_time", "list", "instant", changes=True, optional=True),
    Field("finishTime", "finish_time", "list", "instant", changes=True, optional=True),
    Field("operation", "operation", "task", default=EXECUTE, changes=True),
    Field("prohibitRollback", "prohibit_rollback", "task", default=False),
    Field("subtasks", None, "list", default=()),
)

REFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "creator": {"id": "id", "name": "name"},
    "cluster": {"id": "id", "name": "name", "obClusterId": "ob_cluster_id", "type": "type"},
    "tenant": {"id": "id", "name": "name", "obTenantId": "ob_tenant_id", "mode": "mode"},
}
"""The objects in a task: the attribute of `Reference` that holds each of their keys. Source: document."""


def held(table: Mapping[str, Field], *, changes: bool) -> tuple[Field, ...]:
    """The fields that a value holds (`changes`), or its definition."""
    return tuple(one for one in table.values() if one.attribute is not None and one.changes is changes)


def never_null(table: Mapping[str, Field]) -> frozenset[str]:
    """The API's fields, in every spelling, that are always there: null says of them that they are not known."""
    always = [one for one in table.values() if one.scope != "file" and not one.optional]
    return frozenset(name for one in always for name in (one.name, *one.spellings.values()))


def instants(table: Mapping[str, Field]) -> tuple[str, ...]:
    return tuple(name for name, one in table.items() if one.kind == "instant")


def twins(table: Mapping[str, Field]) -> tuple[tuple[str, str], ...]:
    """Of each field that is spelled in two ways its name, and the other one."""
    return tuple((name, twin) for name, one in table.items() for twin in dict.fromkeys(one.spellings.values()))
