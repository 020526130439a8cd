"""The API's operations: one short function each, from ids and a query to proven data. No HTTP here, and no rules.

The core says no in its own words; only `refused` says which error of the API that is.
"""

import io
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from mockserver.contract.errors import NO_SUBTASK, NO_TASK, OBJECTIONS, ApiError
from mockserver.contract.proof.templates import Filling
from mockserver.contract.routes import Route
from mockserver.contract.schemas import Proven
from mockserver.tasks import run_log, transitions
from mockserver.tasks.execution import Execution, topological
from mockserver.tasks.step import Act, Foreseen, Step, UnknownSubtask
from mockserver.tasks.transitions import Refused
from mockserver.tasks.value import value
from mockserver.times import SECOND
from mockserver.world.live import UnknownTask
from mockserver.world.served import Served
from mockserver.world.turns import in_thread
from mockserver.world.value import World

LONG: Final = 1000
"""A task with more subtasks is written in a thread."""
VERY_LONG: Final = 10_000
"""One with more is changed as a whole in a thread, too, and patched there."""
TRIES: Final = 3
"""So often what comes of an act is found out, if others change the task meanwhile."""
WHOLE: Final[Mapping[str, Act]] = {"retryTask": Step.retry_task, "rollbackTask": Step.rollback_task}
"""The operations on a whole task."""


class Overtaken(Exception):
    """Whatever was found out of a task, others had changed it by then."""


@value
class Unwritten:
    """Data that takes long to write, of values that nobody changes: in whatever thread."""

    write: "Callable[[], Proven | bytes]"


Data = Proven | Filling | bytes | None
D = TypeVar("D", Proven, bytes)
Query = dict[str, Any]
Handler = Callable[[Served, tuple[int, ...], Query, str], Data | Unwritten]
"""Of a request that has passed every check but the state's: its path parameters, its query, and its trace id as the
cause of what it changes. Returns the envelope's `data`; None if it has none; bytes for a file, not an envelope.
Raises UnknownTask, UnknownSubtask and Refused."""


def list_task_instances(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data | Unwritten:
    chosen = [one for one in served.world.tasks.values() if _passes(one, query)]
    if query["sort"] == "id,desc":
        chosen.reverse()
    number, size = query["page"], query["size"]
    shown = chosen[(number - 1) * size : number * size]
    return _soon(
        partial(served.wire.page, served.texts, shown, total=len(chosen), number=number, size=size),
        any(len(one.subtasks) > LONG for one in shown),
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


def get_task_instance(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data | Unwritten:
    return _written(served, task_of(served.world, ids[0]))


def retry_task(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data | Unwritten:
    return _written(served, _on_whole("retryTask", served, ids[0], cause))


def rollback_task(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data | Unwritten:
    execution = _on_whole("rollbackTask", served, ids[0], cause)
    return _written(served, execution) if served.wire.has_data("rollbackTask") else None


def _on_whole(operation: str, served: Served, task: int, cause: str) -> Execution:
    return served.live.act_on_task(served.foreseen.pop(operation, WHOLE[operation]), cause, task)


def foreseeing(served: Served, to: Route) -> AbstractAsyncContextManager[None]:
    """While such a request arrives, what it will make of a very long task has been found out."""
    operation = "" if to.operation is None else to.operation.id
    if operation not in WHOLE or to.task is None or served.live.longest <= VERY_LONG:
        return nullcontext()
    return _foreseeing(served, operation, to.task)


@asynccontextmanager
async def _foreseeing(served: Served, operation: str, task: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        with suppress(UnknownTask, Refused, Overtaken):  # it will be refused again, or carried out at once
            served.foreseen[operation] = await stack.enter_async_context(foreseen(served, task, WHOLE[operation]))
        yield


@asynccontextmanager
async def foreseen(served: Served, task: int, act: Act) -> AsyncIterator[Act]:
    """An act on a whole task, and what comes of it, found out in a thread. Time stands still until it is over. Others
    find the task as it was; if they change it, it is found out again. Raises UnknownTask, Overtaken, and what the act
    does."""
    with ExitStack() as holds:
        for _ in range(TRIES):
            holds.enter_context(served.clock.held())  # another one, if the world was replaced
            served.as_far_as_it_comes()
            found = await in_thread(partial(Foreseen, act, served.live.step(task)))
            if found.holds(served.live.step(task)):
                yield found
                return
        raise Overtaken


def retry_subtask(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    return served.wire.subtask(served.texts, served.live.act(transitions.retry, cause, *ids))


def skip_subtask(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    served.live.act(transitions.skip, cause, *ids)
    return None


def cancel_subtask(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    served.live.act(transitions.cancel, cause, *ids)
    return None


def get_subtask_log(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data:
    (task, subtask), world = ids, served.world
    execution = task_of(world, task)
    if subtask not in execution.subtasks:
        raise UnknownSubtask(subtask)
    logged = execution.logs[subtask]
    text = "" if logged is None else run_log.text(run_log.written(logged.runs(), world.now), world.settings.offset_s)
    return served.wire.log(text)


def download_task_diagnosis(served: Served, ids: tuple[int, ...], query: Query, cause: str) -> Data | Unwritten:
    execution = task_of(served.world, ids[0])
    return _soon(partial(_diagnosis, served.world, execution), len(execution.subtasks) > LONG)


def _diagnosis(world: World, execution: Execution) -> bytes:
    offset_s = world.settings.offset_s
    local = datetime.fromtimestamp(world.now // SECOND, UTC) + timedelta(seconds=offset_s)
    stamp = min(max(local.timetuple()[:6], (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        lines = [
            f"{one.id} {one.status} upstreams={','.join(map(str, one.definition.upstreams)) or '-'}\n"
            for one in topological(execution.subtasks)
        ]
        archive.writestr(zipfile.ZipInfo("task_info.txt", stamp), "".join(lines))
        for id, logged in execution.logs.items():
            for number, run in enumerate(run_log.written(logged.runs(), world.now) if logged else (), 1):
                name, text = f"subtask_{id}_{number}.log", run_log.text((run,), offset_s)
                archive.writestr(zipfile.ZipInfo(name, stamp), text.encode("utf-8", "replace"))
    return file.getvalue()


def _written(served: Served, execution: Execution) -> Proven | Unwritten:
    return _soon(partial(served.wire.task, served.texts, execution), len(execution.subtasks) > LONG)


def _soon(write: Callable[[], D], is_long: bool) -> D | Unwritten:
    return Unwritten(write) if is_long else write()


def task_of(world: World, id: int) -> Execution:
    """Raises UnknownTask."""
    execution = world.tasks.get(id)
    if execution is None:
        raise UnknownTask(id)
    return execution


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


# --- what the core refuses -----------------------------------------------------------------------------------------

VERBS: Final = {
    "retryTask": "retry",
    "rollbackTask": "roll back",
    "retrySubtask": "retry",
    "skipSubtask": "skip",
    "cancelSubtask": "cancel",
}


def refused(error: UnknownTask | UnknownSubtask | Refused, world: World, to: Route) -> ApiError:
    """The core's error as the API's."""
    if isinstance(error, UnknownTask):
        return ApiError(NO_TASK, task=to.task)
    if isinstance(error, UnknownSubtask):
        return ApiError(NO_SUBTASK, task=to.task, subtask=to.subtask)
    assert to.operation is not None
    what = f"task {to.task}" if to.subtask is None else f"subtask {to.subtask}"
    return ApiError(OBJECTIONS[error.objection], verb=VERBS[to.operation.id], what=what, reason=error.reason)
