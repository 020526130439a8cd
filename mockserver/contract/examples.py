"""What answers look like: the examples of the OpenAPI document, in the seed's own values.

They tell of task 1000, whose subtask 10001 has failed: the seed's ids, and those of the shipped `failed-subtask`.
"""

from typing import Any, Final

from mockserver.contract import errors
from mockserver.contract.operations import OPERATIONS, Operation

Json = dict[str, Any]

IDS: Final = {"taskInstanceId": 1000, "subtaskInstanceId": 10001}
ENVELOPE: Final[Json] = {
    "timestamp": "2021-08-25T15:10:13.176+08:00",
    "duration": 55,
    "traceId": "0bc49000675d41af",
    "server": "a83ad33525",
}
FACTS: Final[dict[errors.Row, dict[str, object]]] = {
    errors.BAD_CREDENTIALS: {"problem": "Wrong user name or password"},
    errors.LARGE_BODY: {"limit": 1048576},
    errors.SLOW_BODY: {"seconds": 30},
    errors.NO_TASK: {"task": 1001},
    errors.NO_SUBTASK: {"subtask": 10009, "task": 1000},
    errors.ROLLBACK_PROHIBITED: {
        "verb": "roll back",
        "what": "task 1000",
        "reason": "subtask 10001, which has run, prohibits it",
    },
    errors.UNEXPECTED: {"problem": "An unexpected error."},
}


def refusal(operation: Operation, row: errors.Row) -> Json:
    facts = {**FACTS.get(row, {})}
    error: Json = {"code": row.code}
    if row is errors.BAD_PARAMETER:
        field = operation.path_parameters[0].name if operation.path_parameters else "size"
        value, problem = ("1e3", "not a decimal Long") if operation.path_parameters else ("0", "not between 1 and 2000")
        facts["problem"] = f"{field} is {problem}"
        error["subErrors"] = [
            {"object": operation.id, "field": field, "rejectedValue": value, "message": facts["problem"]}
        ]
    elif row is errors.NOT_ALLOWED:
        verb = "roll back" if operation.id == "rollbackTask" else operation.summary.split()[0].lower()
        what = "subtask 10001" if len(operation.path_parameters) > 1 else "task 1000"
        facts |= {"verb": verb, "what": what, "reason": "it is SUCCESSFUL"}
    elif row is errors.NO_PERMISSION:
        facts |= {"user": "viewer", "permission": operation.permission}
    error["message"] = row.message.format_map(facts)
    return ENVELOPE | {"successful": False, "status": row.status, "error": error}


def success(operation: Operation, field_names: str) -> Json:
    """A success of that operation, where its answer is JSON."""
    envelope = ENVELOPE | {"successful": True, "status": 200}
    return envelope if operation.data is None else {"data": _data(operation, field_names), **envelope}


def _data(operation: Operation, field_names: str) -> Json:
    match operation.data:
        case "subtask-instance":
            return _subtask(field_names, 2, "READY", "RETRY", 2)
        case "task-page":
            return {
                "contents": [_listed()],
                "page": {"totalElements": 1, "totalPages": 1, "number": 1, "size": 10},
            }
        case "subtask-log":
            text = "ssh: connect to host 192.168.0.1 port 22: Connection refused"
            return {"log": f"############EXECUTE{TIMES[1][0]}############\n{text}\n"}
        case _:
            return _task(operation, field_names)


NAMES: Final = ("Check host", "Uninstall ocp agent", "Clean up")
TIMES: Final = (
    ("2021-08-25T15:09:32.121+08:00", "2021-08-25T15:09:33.121+08:00"),
    ("2021-08-25T15:09:33.732+08:00", "2021-08-25T15:09:35.626+08:00"),
    (None, None),
)


def _subtask(field_names: str, number: int, status: str, operation: str, run_time: int) -> Json:
    """The number-th of the three subtasks of task 1000."""
    start, finish = TIMES[number - 1]
    id = 9999 + number
    subtask: Json = {
        "id": id,
        "name": NAMES[number - 1],
        "seriesId": number,
        "description": NAMES[number - 1],
        "className": None,
        "timeout": 1800,
        "status": status,
        "operation": operation,
        "executor": "192.168.0.1" if start else None,
        "runTime": run_time,
        "context": None,
        "createTime": "2021-08-25T15:09:31+08:00",
        "startTime": start,
        "finishTime": finish,
        "nodeType": "JAVA_TASK",
        "parallelIdx": -1,
        "upstreams": [id - 1] if number > 1 else [],
        "downstreams": [id + 1] if number < 3 else [],
        "prohibitRollback": False,
    }
    spelling = {"className": "clusterName", "parallelIdx": "paralleIdx", "downstreams": "downstream"}
    if field_names == "table":
        return {spelling.get(key, key): value for key, value in subtask.items()}
    return subtask


def _task(operation: Operation, field_names: str) -> Json:
    second = {
        "retryTask": ("READY", "RETRY", 2),
        "rollbackTask": ("READY", "ROLLBACK", 1),
    }.get(operation.id, ("FAILED", "EXECUTE", 1))
    first = "ROLLBACK" if operation.id == "rollbackTask" else "EXECUTE"
    failed = operation.id == "getTaskInstance"
    return {
        "id": 1000,
        "name": "Uninstall ocp agent",
        "taskDefinitionId": None,
        "status": "FAILED" if failed else "RUNNING",
        "type": "MANUAL",
        "creator": {"id": 100, "name": "admin"},
        "cluster": None,
        "tenant": None,
        "executor": "192.168.0.1",
        "createTime": "2021-08-25T15:09:31+08:00",
        "startTime": TIMES[0][0],
        "finishTime": TIMES[1][1] if failed else None,
        "operation": {"retryTask": "RETRY", "rollbackTask": "ROLLBACK"}.get(operation.id, "EXECUTE"),
        "prohibitRollback": False,
        "subtasks": [
            _subtask(field_names, 1, "SUCCESSFUL", first, 1),
            _subtask(field_names, 2, *second),
            _subtask(field_names, 3, "PENDING", "EXECUTE", 1),
        ],
    }


def _listed() -> Json:
    task = _task(OPERATIONS["getTaskInstance"], "sample")
    keys = ("id", "name", "creator", "cluster", "tenant", "status", "operation", "type", "startTime", "finishTime")
    short = ("id", "name", "description", "status", "operation")
    subtasks = [{key: subtask[key] for key in short} for subtask in task["subtasks"]]
    return {**{key: task[key] for key in keys}, "subtasks": subtasks}
