"""A world's values → a fixture as data, with everything said: read again it gives the same world, in mid-run too."""

from collections.abc import Sequence
from typing import Any

from mockserver import runlog
from mockserver.fixture import Fixture, TaskState
from mockserver.lifecycle import CANCELING, READY, RUNNING, Pace, Reference, Run, Subtask
from mockserver.times import render_duration, render_instant


def to_data(fixture: Fixture) -> dict[str, Any]:
    """JSON's values only. Instants are in the server's offset; fields have the sample's spelling."""
    settings, clock = fixture.settings, fixture.clock
    render = _Renderer(settings.offset_s)
    speed = clock.speed
    return {
        "auth": settings.auth,
        "users": {
            user.name: {"password": user.password, "permissions": list(user.permissions)}
            for user in fixture.users.values()
        },
        "clock": {
            "mode": clock.mode,
            "now": render.instant(clock.now),
            "speed": int(speed) if speed.is_integer() else speed,
        },
        "server": settings.server,
        "fieldNames": settings.field_names,
        "seed": settings.seed,
        "scheduler": scheduler_data(settings.pace),
        "tasks": [render.task(state) for state in fixture.tasks.values()],
        "faults": [rule.to_json() for rule in fixture.faults.values()],
        "denials": [denial.to_json() for denial in fixture.denials.values()],
        "counters": fixture.counters._asdict(),
    }


def scheduler_data(pace: Pace) -> dict[str, Any]:
    return {
        "dispatch": render_duration(pace.dispatch),
        "run": render_duration(pace.run),
        "concurrency": pace.concurrency,
    }


def task_data(state: TaskState, offset_s: int) -> dict[str, Any]:
    """One task, as `to_data` has it."""
    return _Renderer(offset_s).task(state)


def subtask_data(subtask: Subtask, log: Sequence[runlog.LogRun] | None, offset_s: int) -> dict[str, Any]:
    """One subtask, likewise."""
    return _Renderer(offset_s).subtask(subtask, log)


class _Renderer:
    def __init__(self, offset_s: int) -> None:
        self._offset_s = offset_s

    def instant(self, instant: int | None) -> str | None:
        return None if instant is None else render_instant(instant, self._offset_s)

    def task(self, state: TaskState) -> dict[str, Any]:
        task, definition = state.task, state.task.definition
        return {
            "id": definition.id,
            "name": definition.name,
            "taskDefinitionId": definition.task_definition_id,
            "status": task.status,
            "type": definition.type,
            "creator": _reference(definition.creator),
            "cluster": _reference(definition.cluster, is_cluster=True),
            "tenant": _reference(definition.tenant),
            "hostId": definition.host_id,
            "executor": task.executor,
            "createTime": self.instant(definition.create_time),
            "startTime": self.instant(task.start_time),
            "finishTime": self.instant(task.finish_time),
            "operation": task.operation,
            "prohibitRollback": definition.prohibit_rollback,
            "subtasks": [self.subtask(subtask, state.logs.get(subtask.id)) for subtask in state.subtasks.values()],
        }

    def subtask(self, subtask: Subtask, log: Sequence[runlog.LogRun] | None) -> dict[str, Any]:
        definition = subtask.definition
        data: dict[str, Any] = {
            "id": definition.id,
            "name": definition.name,
            "seriesId": definition.series_id,
            "description": definition.description,
            "className": definition.class_name,
            "timeout": definition.timeout,
            "status": subtask.status,
            "operation": subtask.operation,
            "executor": subtask.executor,
            "runTime": subtask.run_time,
            "context": definition.context,
            "createTime": self.instant(definition.create_time),
            "startTime": self.instant(subtask.start_time),
            "finishTime": self.instant(subtask.finish_time),
            "nodeType": definition.node_type,
            "parallelIdx": definition.parallel_idx,
            "upstreams": list(definition.upstreams),
            "downstreams": list(definition.downstreams),
            "prohibitRollback": definition.prohibit_rollback,
            "retryCount": definition.retry_count,
            "runs": _runs(definition.runs),
            "rollbacks": _runs(definition.rollbacks),
            "nextRun": subtask.next_run,
            "nextRollback": subtask.next_rollback,
            "log": runlog.text(log, self._offset_s) if log else None,
        }
        if subtask.status in (READY, RUNNING, CANCELING):
            data["due"] = self.instant(subtask.due)
        run = subtask.coming
        if run is not None and (subtask.status == RUNNING or (subtask.status == CANCELING and run.log)):
            data["outcome"] = run.outcome
            if run.log:
                data["outcomeLog"] = run.log
        return data


def _runs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for run in runs:
        data: dict[str, Any] = {"outcome": run.outcome}
        if run.duration is not None:
            data["duration"] = render_duration(run.duration)
        if run.log:
            data["log"] = run.log
        written.append(data)
    return written


def _reference(reference: Reference | None, *, is_cluster: bool = False) -> dict[str, Any] | None:
    if reference is None:
        return None
    data: dict[str, Any] = {"id": reference.id, "name": reference.name}
    if is_cluster:
        data |= {"obClusterId": reference.ob_cluster_id, "type": reference.type}
    return data
