"""What another server is asked, and which answer it must give. GETs, right and wrong; none changes anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mockserver.contract.errors import BAD_PARAMETER, NO_CREDENTIALS, NO_ROUTE, NO_SUBTASK, NO_TASK, Row
from mockserver.contract.operations import SUBTASK, TASK, TASKS

NEWEST: Final = 10
"""So many tasks are looked at where none is named."""
MOST_LOGS: Final = 10
"""Of one task, where it is only looked at: see `chosen`."""
NO_ID: Final = 8999999999999999999
"""A Long that is nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    operation: str
    """The operationId; of what is no operation what it is."""
    path: str
    """Below the prefix, with its query."""
    case: str = ""
    """What is wrong with it; nothing, if it must succeed."""
    row: Row | None = None
    """The error that it must be answered with."""
    anonymous: bool = False

    def __str__(self) -> str:
        return f"{self.operation} ({self.case})" if self.case else self.operation


LIST: Final = Question(operation="listTaskInstances", path=f"{TASKS}?page=1&size={NEWEST}")
ANONYMOUS: Final = Question(
    operation="listTaskInstances", path=LIST.path, case="no credentials", row=NO_CREDENTIALS, anonymous=True
)


def task(id: int | str) -> Question:
    return Question(operation="getTaskInstance", path=TASK.format(taskInstanceId=id))


def log(id: int | str, subtask: int | str) -> Question:
    path = f"{SUBTASK}/log".format(taskInstanceId=id, subtaskInstanceId=subtask)
    return Question(operation="getSubtaskLog", path=path)


def wrong(known: int | str | None) -> Iterator[Question]:
    """Harmless requests that must be refused. `known` is a task that is there, if there is any."""
    no_task = TASK.format(taskInstanceId=NO_ID)
    yield Question(operation="getTaskInstance", path=no_task, case="no such task", row=NO_TASK)
    yield Question(operation="getSubtaskLog", path=f"{no_task}/subtasks/1/log", case="no such task", row=NO_TASK)
    if known is not None:
        path = log(known, NO_ID).path
        yield Question(operation="getSubtaskLog", path=path, case="no such subtask", row=NO_SUBTASK)
    no_long = TASK.format(taskInstanceId="none")
    yield Question(operation="getTaskInstance", path=no_long, case="an id that is no Long", row=BAD_PARAMETER)
    yield Question(operation="no operation", path="/no-such-route", case="no such route", row=NO_ROUTE)
    yield ANONYMOUS


def chosen(task: Any) -> list[Any]:
    """Of a task's answer, the subtasks whose logs are looked at: one in each state first, then in their order."""
    subtasks = [one for one in listed(task, "subtasks") if is_id(one.get("id"))]
    first = {(str(one.get("status")), str(one.get("operation"))): one for one in reversed(subtasks)}
    ids = dict.fromkeys(one["id"] for one in [*first.values(), *subtasks])
    return list(ids)[:MOST_LOGS]


def listed(value: Any, key: str) -> list[dict[str, Any]]:
    """The objects in the list at a key of what should be an object."""
    found = value.get(key) if isinstance(value, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def is_id(value: object) -> bool:
    """A Long, as a number or as its digits: what could be anything else is put into no path."""
    text = str(value) if type(value) in (int, str) else ""
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 20
