"""Values ⇄ the API's JSON, proven as it is written. What a variant calls its fields is in `fields` and `dialects`.

A subtask's text has a template of what no transition changes; a task's text is made of its subtasks' texts. Both are
kept beside the served world (`Texts`), never on a value: a thousand worlds may be kept, and one text of each is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from mockserver import times
from mockserver.contract.dialects import SAFE, Variant
from mockserver.contract.errors import ApiError
from mockserver.contract.fields import REFERENCES, SUBTASK, TASK, Field, Kind, held
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.proof.templates import Filling, Template
from mockserver.contract.schemas import Contract, Proven, contract
from mockserver.tasks.execution import Execution
from mockserver.tasks.transitions import rollback_prohibition
from mockserver.tasks.values import Reference, Subtask, SubtaskDefinition, TaskDefinition

STANDING: Final = ("executor", "finishTime", "operation", "runTime", "startTime", "status")
"""What transitions change of a subtask, in alphabetical order."""
wire_instant = lru_cache(maxsize=4096)(times.WireInstant)
T = TypeVar("T")


class Texts:
    """What was written of one served world's values. Each is right while the value that it was made of is the same.

    With `dice` arrays are in an order of their own: then these are the texts of one answer alone.
    """

    __slots__ = ("_dice", "basics", "fewer", "parts", "tasks", "templates")

    def __init__(self, dice: Random | None = None) -> None:
        self._dice = dice
        self.templates: dict[SubtaskDefinition, Template] = {}
        """Whose holes are STANDING."""
        self.fewer: dict[tuple[SubtaskDefinition, tuple[str, ...]], Template] = {}
        """With fewer holes, where some of STANDING is not known."""
        self.parts: dict[SubtaskDefinition, tuple[Subtask, Proven]] = {}
        """Subtasks as parts of a task."""
        self.tasks: dict[TaskDefinition, tuple[Execution, Proven]] = {}
        self.basics: dict[TaskDefinition, tuple[Execution, Proven]] = {}
        """Tasks as parts of a page."""

    def ordered(self, array: Sequence[T]) -> Sequence[T]:
        return array if self._dice is None else self._dice.sample(array, len(array))


class _Column(NamedTuple):
    """One field as a variant writes it."""

    key: str
    attribute: str
    kind: Kind
    name: str
    """What it is called in the table of fields."""
    optional: bool


class Wire:
    """How one variant, one `server` and one offset write the API's values."""

    def __init__(self, variant: Variant, server: str, offset_s: int) -> None:
        self.contract: Contract = contract(variant)
        self.dialect = variant.row
        self._nulls = variant.nulls == "null"
        self._offset_s = offset_s
        self._server = server
        self._subtask = self.contract.checker("subtask-instance")
        self._task = self.contract.checker("wrapped-task-instance")
        self._basic_task = self.contract.checker("basic-task-instance")
        self._page = self.contract.checker("task-page")
        self._log = self.contract.checker("subtask-log")
        self._defined = _columns(SUBTASK, variant, self._subtask.schema, changes=False)
        self._standing = _columns(SUBTASK, variant, self._subtask.schema, changes=True)
        self._of_task = _both(variant, self._task.schema)
        self._of_basic = _both(variant, self._basic_task.schema)
        self._references = {
            name: {key: keys[key] for key in self.dialect.references.get(name, keys)}
            for name, keys in REFERENCES.items()
        }
        self._envelope = lru_cache(maxsize=1024)(self._new_envelope)

    def has_data(self, operation: str) -> bool:
        """Whether its success has data in this dialect."""
        return OPERATIONS[operation].data_in(self.dialect) is not None

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

    def _new_envelope(self, operation: str, data: Template | None) -> Template:
        """Its holes are those of `data` (or `data` itself, if the answer has any), duration, timestamp and traceId."""
        fixed: dict[str, object] = {"server": self._server, "status": 200, "successful": True}
        holes = ["duration", "timestamp", "traceId"]
        if data is not None:
            fixed["data"] = data
        elif self.has_data(operation):
            holes.insert(0, "data")
        return Template(self.contract.response(operation), fixed, *holes)

    def error(self, failure: ApiError, duration: int, now: int, trace_id: str) -> str:
        row = failure.row
        error: dict[str, Any] = {"code": self.dialect.code(row.failure, failure.code), "message": failure.message}
        if failure.sub_errors:
            error["subErrors"] = [dict(one) for one in failure.sub_errors]
        return (
            self.contract.error(row.status)
            .prove(
                {
                    "duration": duration,
                    "error": error,
                    "server": self._server,
                    "status": row.status,
                    "successful": False,
                    "timestamp": self.instant(now),
                    "traceId": trace_id,
                }
            )
            .text
        )

    # --- subtasks --------------------------------------------------------------------------------------------------

    def subtask(self, texts: Texts, subtask: Subtask) -> Filling:
        definition = subtask.definition
        executor, operation, status = subtask.executor, subtask.operation, subtask.status
        start, finish = self.instant(subtask.start_time), self.instant(subtask.finish_time)
        values: tuple[object, ...] = (executor, finish, operation, subtask.run_time, start, status)
        if finish is None or start is None or executor is None:
            return self._partly_known(texts, definition, values)
        template = texts.templates.get(definition)
        if template is None:
            template = texts.templates[definition] = self._template(texts, definition, STANDING)
        return Filling(template, values)

    def _partly_known(self, texts: Texts, definition: SubtaskDefinition, values: tuple[object, ...]) -> Filling:
        holes: tuple[str, ...] = STANDING
        if not self._nulls:
            holes = tuple(name for name, value in zip(STANDING, values, strict=True) if value is not None)
            values = tuple(value for value in values if value is not None)
        template = texts.fewer.get((definition, holes))
        if template is None:
            template = texts.fewer[definition, holes] = self._template(texts, definition, holes)
        return Filling(template, values)

    def _template(self, texts: Texts, definition: SubtaskDefinition, holes: tuple[str, ...]) -> Template:
        return Template(self._subtask, dict(self._items(texts, self._defined, definition)), *holes)

    def _part(self, texts: Texts, subtask: Subtask) -> Proven:
        """The same as text alone, kept until the subtask changes: a template would be many times as large."""
        definition = subtask.definition
        known = texts.parts.get(definition)
        if known is not None and known[0] is subtask:
            return known[1]
        items = dict(self._items(texts, self._defined, definition))
        proven = self._subtask.prove(items | dict(self._items(texts, self._standing, subtask)))
        texts.parts[definition] = (subtask, proven)
        return proven

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
        defined, standing = self._of_task
        return {
            **dict(self._items(texts, defined, task.definition)),
            **dict(self._items(texts, standing, task)),
            "prohibitRollback": rollback_prohibition(task, execution.subtasks) is not None,
            "subtasks": [self._part(texts, one) for one in texts.ordered(list(execution.subtasks.values()))],
        }

    def basic_task(self, texts: Texts, execution: Execution) -> Proven:
        definition = execution.task.definition
        known = texts.basics.get(definition)
        if known is not None and known[0] is execution:
            return known[1]
        proven = self._basic_task.prove(self._basic_json(texts, execution))
        texts.basics[definition] = (execution, proven)
        return proven

    def _basic_json(self, texts: Texts, execution: Execution) -> dict[str, object]:
        task = execution.task
        defined, standing = self._of_basic
        return {
            **dict(self._items(texts, defined, task.definition)),
            **dict(self._items(texts, standing, task)),
            "subtasks": [
                {
                    "id": self._long(subtask.id),
                    "name": subtask.definition.name,
                    "description": subtask.definition.description,
                    "status": subtask.status,
                    "operation": subtask.operation,
                }
                for subtask in texts.ordered(list(execution.subtasks.values()))
            ],
        }

    def page(self, texts: Texts, executions: Sequence[Execution], *, total: int, number: int, size: int) -> Proven:
        page = {"totalElements": total, "totalPages": -(-total // size), "number": number, "size": size}
        return self._page.prove(
            {"contents": [self.basic_task(texts, execution) for execution in executions], "page": page}
        )

    # --- fields ----------------------------------------------------------------------------------------------------

    def _items(self, texts: Texts, columns: Sequence[_Column], value: object) -> Iterator[tuple[str, object]]:
        """Keys and values, without what is not known, or with null for it."""
        for column in columns:
            one = getattr(value, column.attribute)
            written = None if one is None else self._written(texts, column, one)
            if written is not None:
                yield column.key, written
            elif self._nulls:
                yield column.key, None

    def _written(self, texts: Texts, column: _Column, value: Any) -> object:
        match column.kind:
            case "long":
                return self._long(value)
            case "instant":
                return self.instant(value)
            case "ids":
                return [self._long(id) for id in texts.ordered(value)]
            case "reference":
                known = self._reference(self._references[column.name], value)
                return known or (None if column.optional else known)
        return dict(value) if isinstance(value, Mapping) else value

    def _reference(self, keys: Mapping[str, str], reference: Reference) -> dict[str, object]:
        """Only what is known of it."""
        values = {key: getattr(reference, attribute) for key, attribute in keys.items()}
        return {key: self._long(one) for key, one in values.items() if one is not None}

    def _long(self, value: Any) -> Any:
        """A Long as the dialect writes it; what is none stays."""
        if self.dialect.has_text_longs and type(value) is int and not -SAFE <= value <= SAFE:
            return str(value)
        return value


def _columns(table: Mapping[str, Field], variant: Variant, schema: Any, *, changes: bool) -> list[_Column]:
    """Those of the table that the schema has, and that a transition changes or not."""
    spelled = [(one.spelled(variant), one) for one in held(table, changes=changes)]
    return [
        _Column(key, one.attribute, one.kind, one.name, one.optional)
        for key, one in spelled
        if key is not None and one.attribute is not None and key in schema["properties"]
    ]


def _both(variant: Variant, schema: Any) -> tuple[list[_Column], list[_Column]]:
    """Of a task: what no transition changes, and what does change."""
    return _columns(TASK, variant, schema, changes=False), _columns(TASK, variant, schema, changes=True)


@lru_cache(maxsize=64)
def _wire(variant: Variant, server: str, offset_s: int) -> Wire:
    return Wire(variant, server, offset_s)


class Spelling(Protocol):
    """What of a world's settings the wire depends on."""

    @property
    def variant(self) -> Variant: ...
    @property
    def server(self) -> str: ...
    @property
    def offset_s(self) -> int: ...


def wire_of(settings: Spelling) -> Wire:
    return _wire(settings.variant, settings.server, settings.offset_s)
