"""The API's operations: one short function each, from ids and a query to proven data. No HTTP here, and no rules."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mockserver.contract.schemas import Proven
from mockserver.contract.templates import Filling
from mockserver.contract.wire import Wire
from mockserver.tasks import run_log, scheduler
from mockserver.tasks.scheduler import Execution
from mockserver.times import SECOND
from mockserver.world.world import World

Data = Proven | Filling | bytes | None
Query = dict[str, Any]
Handler = Callable[[World, Wire, tuple[int, ...], Query, str], Data]
"""Of a request that has passed every check but the state's: its path parameters, its query, and its trace id as the
cause of what it changes. Returns the envelope's `data`; None if it has none; bytes for a file, not an envelope."""


def list_task_instances(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    chosen = [one for one in world.executions.values() if _passes(one, query)]
    if query["sort"] == "id,desc":
        chosen.reverse()
    first = (query["page"] - 1) * query["size"]
    return wire.page(chosen[first : first + query["size"]], total=len(chosen), number=query["page"], size=query["size"])


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


def get_task_instance(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    return wire.task(world.task(ids[0]))


def retry_task(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    return wire.task(world.retry_task(ids[0], cause))


def rollback_task(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    return wire.task(world.rollback_task(ids[0], cause))


def retry_subtask(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    task, subtask = ids
    retried = world.retry_subtask(task, subtask, cause)
    return wire.subtask(world.executions[task], retried)


def skip_subtask(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    task, subtask = ids
    world.skip_subtask(task, subtask, cause)
    return None


def cancel_subtask(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    task, subtask = ids
    world.cancel_subtask(task, subtask, cause)
    return None


def get_subtask_log(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    task, subtask = ids
    world.subtask(task, subtask)
    log = world.executions[task].logs.get(subtask, ())
    return wire.log(run_log.text(log, world.settings.offset_s))


def download_task_diagnosis(world: World, wire: Wire, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    execution, offset_s = world.task(ids[0]), world.settings.offset_s
    local = datetime.fromtimestamp(world.now // SECOND, UTC) + timedelta(seconds=offset_s)
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
                archive.writestr(
                    zipfile.ZipInfo(name, stamp), run_log.text((run,), offset_s).encode("utf-8", "replace")
                )
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
