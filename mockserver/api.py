"""The API's operations: one short function each, from ids and a query to proven data. No HTTP here, and no rules."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mockserver import runlog, scheduler
from mockserver.contract import Filling, Proven
from mockserver.operations import Route
from mockserver.scheduler import Execution
from mockserver.times import SECOND
from mockserver.wire import Wire
from mockserver.world import World


class Call:
    """A request that has passed every check but the state's. (Made twice as fast as a NamedTuple.)"""

    __slots__ = ("cause", "query", "subtask", "task", "wire", "world")

    def __init__(self, world: World, wire: Wire, to: Route, query: dict[str, Any], cause: str) -> None:
        self.world = world
        self.wire = wire
        self.task: int = to.task  # type: ignore[assignment]  # not None where the operation has such a parameter
        self.subtask: int = to.subtask  # type: ignore[assignment]  # likewise
        self.query = query
        self.cause = cause
        """Its trace id."""


Data = Proven | Filling | bytes | None
Handler = Callable[[Call], Data]
"""Returns the envelope's `data`; None if it has none; bytes for a file instead of an envelope."""


def list_task_instances(call: Call) -> Data:
    query = call.query
    chosen = [one for one in call.world.executions.values() if _passes(one, query)]
    if query["sort"] == "id,desc":
        chosen.reverse()
    first = (query["page"] - 1) * query["size"]
    return call.wire.page(
        chosen[first : first + query["size"]], total=len(chosen), number=query["page"], size=query["size"]
    )


def _passes(execution: Execution, query: dict[str, Any]) -> bool:
    task = execution.task
    definition = task.definition
    cluster, tenant = definition.cluster, definition.tenant
    facts = {
        "clusterName": cluster and cluster.name,
        "clusterId": cluster and cluster.id,
        "tenantName": tenant and tenant.name,
        "tenantId": tenant and tenant.id,
        "hostId": definition.host_id,
    }
    return (
        all(key not in query or fact == query[key] for key, fact in facts.items())
        and query.get("name", "").casefold() in definition.name.casefold()
        and ("status" not in query or task.status in query["status"])
        and ("type" not in query or definition.type in query["type"])
    )


def get_task_instance(call: Call) -> Data:
    return call.wire.task(call.world.task(call.task))


def retry_task(call: Call) -> Data:
    return call.wire.task(call.world.retry_task(call.task, call.cause))


def rollback_task(call: Call) -> Data:
    return call.wire.task(call.world.rollback_task(call.task, call.cause))


def retry_subtask(call: Call) -> Data:
    subtask = call.world.retry_subtask(call.task, call.subtask, call.cause)
    return call.wire.subtask(call.world.executions[call.task], subtask)


def skip_subtask(call: Call) -> Data:
    call.world.skip_subtask(call.task, call.subtask, call.cause)
    return None


def cancel_subtask(call: Call) -> Data:
    call.world.cancel_subtask(call.task, call.subtask, call.cause)
    return None


def get_subtask_log(call: Call) -> Data:
    call.world.subtask(call.task, call.subtask)
    log = call.world.executions[call.task].logs.get(call.subtask, ())
    return call.wire.log(runlog.text(log, call.world.settings.offset_s))


def download_task_diagnosis(call: Call) -> Data:
    execution, offset_s = call.world.task(call.task), call.world.settings.offset_s
    local = datetime.fromtimestamp(call.world.now // SECOND, UTC) + timedelta(seconds=offset_s)
    stamp = min(max(local.timetuple()[:6], (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        lines = [
            f"{one.id} {one.status} upstreams={','.join(map(str, one.definition.upstreams)) or '-'}\n"
            for one in scheduler.topological(execution.subtasks)
        ]
        archive.writestr(zipfile.ZipInfo("task_info.txt", stamp), "".join(lines))
        for id, log in execution.logs.items():
            for number, run in enumerate(log, 1):
                name = f"subtask_{id}_{number}.log"
                archive.writestr(zipfile.ZipInfo(name, stamp), runlog.text((run,), offset_s).encode("utf-8", "replace"))
    return file.getvalue()


HANDLERS: Final[dict[str, Handler]] = {
    "listTaskInstances": list_task_instances,
    "getTaskInstance": get_task_instance,
    "retryTask": retry_task,
    "rollbackTask": rollback_task,
    "retrySubtask": retry_subtask,
    "skipSubtask": skip_subtask,
    "cancelSubtask": cancel_subtask,
    "getSubtaskLog": get_subtask_log,
    "downloadTaskDiagnosis": download_task_diagnosis,
}
"""By operationId; a test holds these against the operations, both ways."""
