"""Values ⇄ the API's JSON, proven as it is written. What a field is called otherwise is in `fields`.

A subtask's text has a template of what no transition changes; a task's text is made of its subtasks' texts. Both are
kept beside the served world (`Texts`), never on a value: a thousand worlds may be kept, and one text of each is enough.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

from mockserver import times
from mockserver.contract.errors import ApiError
from mockserver.contract.fields import REFERENCES, SUBTASK
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.proof.templates import Filling, Template
from mockserver.contract.schemas import Checker, Contract, Proven, contract, response_schema
from mockserver.tasks.execution import Execution
from mockserver.tasks.transitions import rollback_prohibition
from mockserver.tasks.values import Reference, Subtask, SubtaskDefinition, TaskDefinition

STANDING: Final = ("executor", "finishTime", "operation", "runTime", "startTime", "status")
"""What transitions change of a subtask, in alphabetical order."""
wire_instant = lru_cache(maxsize=4096)(times.WireInstant)


class Texts:
    """What was written of one served world's values. Each is right while the value that it was made of is the same."""

    __slots__ = ("basics", "parts", "tasks", "templates")

    def __init__(self) -> None:
        self.templates: dict[SubtaskDefinition, Template] = {}
        self.parts: dict[SubtaskDefinition, tuple[Subtask, Proven]] = {}
        """Subtasks as parts of a task."""
        self.tasks: dict[TaskDefinition, tuple[Execution, Proven]] = {}
        self.basics: dict[TaskDefinition, tuple[Execution, Proven]] = {}
        """Tasks as parts of a page."""


class Wire:
    """How one spelling (`fieldNames`), one `server` and one offset write the API's values."""

    def __init__(self, field_names: str, server: str, offset_s: int) -> None:
        self.contract: Contract = contract(field_names)
        self._offset_s = offset_s
        self._server = server
        self._class_name, self._parallel_idx, self._downstreams = (
            SUBTASK[name].spelled(field_names) for name in ("className", "parallelIdx", "downstreams")
        )
        self._subtask = self.contract.checker("subtask-instance")
        self._task = self.contract.checker("wrapped-task-instance")
        self._basic_task = self.contract.checker("basic-task-instance")
        self._page = self.contract.checker("task-page")
        self._log = self.contract.checker("subtask-log")
        self._error = self.contract.checker("error")
        self._envelope = lru_cache(maxsize=1024)(self._new_envelope)

    def instant(self, instant: int | None) -> str | None:
        return None if instant is None else wire_instant(instant, self._offset_s)

    # --- envelopes -------------------------------------------------------------------------------------------------

    def success(self, operation: str, data: Proven | Filling | None, duration: int, now: int, trace_id: str) -> str:
        """`duration` in milliseconds; `data` None for an operation whose answer has none."""
        told = (duration, self.instant(now), trace_id)
        if type(data) is Filling:
            return self._envelope(operation, data.template).text(*data.values, *told)
        envelope = self._envelope(operation, None)
        return envelope.text(*told) if data is None else envelope.text(data, *told)

    def envelope(self, operation: str) -> Checker:
        """The schema of an operation's success."""
        return self.contract.add(f"{operation}-response", response_schema(operation, self.contract.files))

    def _new_envelope(self, operation: str, data: Template | None) -> Template:
        """Its holes are those of `data` (or `data` itself, if the answer has any), duration, timestamp and traceId."""
        fixed: dict[str, object] = {"server": self._server, "status": 200, "successful": True}
        holes = ["duration", "timestamp", "traceId"]
        if data is not None:
            fixed["data"] = data
        elif OPERATIONS[operation].data is not None:
            holes.insert(0, "data")
        return Template(self.envelope(operation), fixed, *holes)

    def error(self, failure: ApiError, duration: int, now: int, trace_id: str) -> str:
        error: dict[str, Any] = {"code": failure.row.code, "message": failure.message}
        if failure.sub_errors:
            error["subErrors"] = [dict(one) for one in failure.sub_errors]
        return self._error.prove(
            {
                "duration": duration,
                "error": error,
                "server": self._server,
                "status": failure.row.status,
                "successful": False,
                "timestamp": self.instant(now),
                "traceId": trace_id,
            }
        ).text

    # --- subtasks --------------------------------------------------------------------------------------------------

    def subtask(self, texts: Texts, subtask: Subtask) -> Filling:
        definition = subtask.definition
        template = texts.templates.get(definition)
        if template is None:
            template = texts.templates[definition] = Template(self._subtask, self._defined(definition), *STANDING)
        start, finish = self.instant(subtask.start_time), self.instant(subtask.finish_time)
        values = (subtask.executor, finish, subtask.operation, subtask.run_time, start, subtask.status)
        return Filling(template, values)

    def _part(self, texts: Texts, subtask: Subtask) -> Proven:
        """The same as text alone, kept until the subtask changes: a template would be many times as large."""
        definition = subtask.definition
        known = texts.parts.get(definition)
        if known is not None and known[0] is subtask:
            return known[1]
        proven = self._subtask.prove(
            {
                **self._defined(definition),
                "status": subtask.status,
                "operation": subtask.operation,
                "runTime": subtask.run_time,
                "executor": subtask.executor,
                "startTime": self.instant(subtask.start_time),
                "finishTime": self.instant(subtask.finish_time),
            }
        )
        texts.parts[definition] = (subtask, proven)
        return proven

    def _defined(self, definition: SubtaskDefinition) -> dict[str, object]:
        """What no transition changes."""
        context = definition.context
        return {
            "id": definition.id,
            "name": definition.name,
            "seriesId": definition.series_id,
            "description": definition.description,
            self._class_name: definition.class_name,
            "timeout": definition.timeout,
            "context": dict(context) if isinstance(context, Mapping) else context,
            "createTime": self.instant(definition.create_time),
            "nodeType": definition.node_type,
            self._parallel_idx: definition.parallel_idx,
            "upstreams": definition.upstreams,
            self._downstreams: definition.downstreams,
            "prohibitRollback": definition.prohibit_rollback,
        }

    def log(self, text: str) -> Proven:
        return self._log.prove({"log": text})

    # --- tasks -----------------------------------------------------------------------------------------------------

    def task(self, texts: Texts, execution: Execution) -> Proven:
        definition = execution.task.definition
        known = texts.tasks.get(definition)
        if known is not None and known[0] is execution:
            return known[1]
        proven = self._task.prove(self._task_json(texts, execution))
        texts.tasks[definition] = (execution, proven)
        return proven

    def _task_json(self, texts: Texts, execution: Execution) -> dict[str, object]:
        task = execution.task
        definition = task.definition
        return {
            "id": definition.id,
            "name": definition.name,
            "taskDefinitionId": definition.task_definition_id,
            "status": task.status,
            "type": definition.type,
            "creator": _reference("creator", definition.creator),
            "cluster": _reference("cluster", definition.cluster),
            "tenant": _reference("tenant", definition.tenant),
            "executor": task.executor,
            "createTime": self.instant(definition.create_time),
            "startTime": self.instant(task.start_time),
            "finishTime": self.instant(task.finish_time),
            "operation": task.operation,
            "prohibitRollback": rollback_prohibition(task, execution.subtasks) is not None,
            "subtasks": [self._part(texts, subtask) for subtask in execution.subtasks.values()],
        }

    def basic_task(self, texts: Texts, execution: Execution) -> Proven:
        definition = execution.task.definition
        known = texts.basics.get(definition)
        if known is not None and known[0] is execution:
            return known[1]
        proven = self._basic_task.prove(self._basic_json(execution))
        texts.basics[definition] = (execution, proven)
        return proven

    def _basic_json(self, execution: Execution) -> dict[str, object]:
        task = execution.task
        definition = task.definition
        return {
            "id": definition.id,
            "name": definition.name,
            "creator": _reference("creator", definition.creator),
            "cluster": _reference("cluster", definition.cluster),
            "tenant": _reference("tenant", definition.tenant),
            "status": task.status,
            "operation": task.operation,
            "type": definition.type,
            "startTime": self.instant(task.start_time),
            "finishTime": self.instant(task.finish_time),
            "subtasks": [
                {
                    "id": subtask.id,
                    "name": subtask.definition.name,
                    "description": subtask.definition.description,
                    "status": subtask.status,
                    "operation": subtask.operation,
                }
                for subtask in execution.subtasks.values()
            ],
        }

    def page(self, texts: Texts, executions: Sequence[Execution], *, total: int, number: int, size: int) -> Proven:
        page = {"totalElements": total, "totalPages": -(-total // size), "number": number, "size": size}
        return self._page.prove(
            {"contents": [self.basic_task(texts, execution) for execution in executions], "page": page}
        )


@lru_cache(maxsize=64)
def _wire(field_names: str, server: str, offset_s: int) -> Wire:
    return Wire(field_names, server, offset_s)


class Spelling(Protocol):
    """What of a world's settings the wire depends on."""

    @property
    def field_names(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def offset_s(self) -> int: ...


def wire_of(settings: Spelling) -> Wire:
    return _wire(settings.field_names, settings.server, settings.offset_s)


def _reference(name: str, reference: Reference | None) -> dict[str, object] | None:
    if reference is None:
        return None
    return {key: getattr(reference, attribute) for key, attribute in REFERENCES[name].items()}
