"""The OpenAPI 3.1 document of the task API, put together from the operations, the schemas and the table of errors.

Nothing is written down twice: what the contract proves (`response_schema`) is what the document shows. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from mockserver.contract import errors
from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.parameters import Parameter
from mockserver.contract.schemas import SUFFIX, Json, Schemas, response_schema, spelled

COMPONENT: Final = "#/components/schemas/"
ABOUT: Final = """\
A mock of the task API of OceanBase Cloud Platform (OCP), for contract tests. Each answer has been held against this
document before it was sent; X-Mock-Contract says how that went. A fault that was injected can answer with any status
from 400 to 599. Any query and any body are accepted, and ignored, where no parameter is listed.
"""
BODY_ABOUT: Final = "Whatever it is, it is accepted and ignored: a real client sends a body or none."
HEADERS: Final[Json] = {
    "X-Mock-Contract": {
        "description": "How this answer compares with this document. A violation is a bug of the mock server.",
        "required": True,
        "schema": {"type": "string", "enum": ["valid", "deliberately-invalid", "violation"]},
    },
    "X-Mock-Rule": {"description": "The id of the fault or denial that acted.", "schema": {"type": "string"}},
    "X-Mock-Hint": {"description": "What would have worked.", "schema": {"type": "string"}},
    "WWW-Authenticate": {
        "description": "How to authenticate; not said to a script in a browser.",
        "schema": {"type": "string", "enum": ['Basic realm="OCP"']},
    },
}
TITLES: Final = {
    400: "Bad request", 401: "Not authenticated", 403: "Not permitted", 404: "Not found",
    408: "Too slow", 413: "Too large", 500: "Server error",
}  # fmt: skip
FOLLOWERS: Final[dict[str, tuple[str, ...]]] = {
    "listTaskInstances": ("getTaskInstance",),
    "getTaskInstance": tuple(OPERATIONS)[2:],
    **{operation.id: ("getTaskInstance", "getSubtaskLog") for operation in OPERATIONS.values() if operation.acts},
    "retrySubtask": ("getTaskInstance", "getSubtaskLog", "cancelSubtask"),
}
"""What a client does next with the ids that an operation gave it: the document's `links`."""


def document(
    *,
    field_names: Literal["sample", "table"],
    prefixes: Sequence[str],
    auth: Literal["open", "basic"],
    version: str,
    schemas: Schemas,
) -> Json:
    """The whole document, for a server that serves the API under `prefixes`."""
    schemas = spelled(schemas, field_names)
    answers = [response_schema(one.id, schemas) for one in OPERATIONS.values() if one.media_type == "application/json"]
    paths: dict[str, Json] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, auth, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ocp-mockserver", "version": version, "description": ABOUT},
        "servers": [{"url": prefix or "/"} for prefix in prefixes],
        "security": [{"basicAuth": []}] if auth == "basic" else [{}, {"basicAuth": []}],
        "tags": [
            {"name": "tasks", "description": "A long job."},
            {"name": "subtasks", "description": "A step of it."},
        ],
        "paths": paths,
        "components": {
            "schemas": components([*answers, schemas["error"]], schemas),
            "headers": HEADERS,
            "securitySchemes": {
                "basicAuth": {"type": "http", "scheme": "basic", "description": "A user of the fixture."}
            },
        },
    }


# --- one operation -------------------------------------------------------------------------------------------------


def _operation(operation: Operation, auth: str, schemas: Schemas) -> Json:
    described: Json = {
        "operationId": operation.id,
        "tags": ["subtasks" if "{subtaskInstanceId}" in operation.path else "tasks"],
        "summary": operation.summary,
        "description": f"{operation.description}\n\nNeeds {operation.permission}. Source: {operation.source}.",
        "parameters": [*_parameters(operation)],
    }
    if operation.acts:
        described["requestBody"] = {
            "required": False,
            "description": BODY_ABOUT,
            "content": {"application/json": {"schema": {}}},
        }
    described["responses"] = {"200": _success(operation, schemas)}
    rows: dict[int, list[errors.Row]] = {}
    for row in _errors_of(operation, auth):
        rows.setdefault(row.status, []).append(row)
    for status in sorted(rows):
        described["responses"][str(status)] = _refusal(operation, status, rows[status], schemas)
    return described


def _parameters(operation: Operation) -> Iterator[Json]:
    for one in operation.path_parameters:
        yield {"name": one.name, "in": "path", "required": True, **_described(one), "example": one.example}
    for one in operation.query:
        yield {"name": one.name, "in": "query", **_described(one)}
        for alias in one.aliases:
            about = f"The same as {one.name}, which counts if both are sent."
            yield {"name": alias, "in": "query", "description": about, "deprecated": True, "schema": one.schema}


def _described(parameter: Parameter) -> Json:
    return {"description": parameter.description, "schema": parameter.schema}


def _success(operation: Operation, schemas: Schemas) -> Json:
    if operation.media_type != "application/json":
        content: Json = {"schema": {"type": "string", "format": "binary"}}
    else:
        title = response_schema(operation.id, schemas)["title"]
        content = {"schema": {"$ref": COMPONENT + title}, "example": _succeeded(operation, schemas)}
    response: Json = {
        "description": "What was asked for has been done.",
        "headers": _headers("X-Mock-Contract", "X-Mock-Rule"),
        "content": {operation.media_type: content},
    }
    if links := {target: _link(operation, OPERATIONS[target]) for target in FOLLOWERS.get(operation.id, ())}:
        response["links"] = links
    return response


def _link(operation: Operation, target: Operation) -> Json:
    if operation.data == "task-page":
        ids = {"taskInstanceId": "$response.body#/data/contents/0/id"}
    elif operation.data == "wrapped-task-instance":
        ids = {"taskInstanceId": "$response.body#/data/id", "subtaskInstanceId": "$response.body#/data/subtasks/0/id"}
    else:
        ids = {name: f"$request.path.{name}" for name in ("taskInstanceId", "subtaskInstanceId")}
    return {
        "operationId": target.id,
        "description": f"{target.summary}: with the ids of this answer.",
        "parameters": {parameter.name: ids[parameter.name] for parameter in target.path_parameters},
    }


def _errors_of(operation: Operation, auth: str) -> Iterator[errors.Row]:
    yield errors.BAD_PARAMETER
    if operation.query:
        yield errors.CANNOT_SORT
    yield from (row for row in (errors.NOT_ALLOWED, errors.ROLLBACK_PROHIBITED) if row.code in operation.refusals)
    if auth == "basic":
        yield errors.NO_CREDENTIALS
    yield errors.BAD_CREDENTIALS
    yield errors.NO_PERMISSION
    if operation.path_parameters:
        yield errors.NO_TASK
    if len(operation.path_parameters) > 1:
        yield errors.NO_SUBTASK
    if operation.method == "POST":
        yield errors.SLOW_BODY
        yield errors.LARGE_BODY
    yield errors.UNEXPECTED


def _refusal(operation: Operation, status: int, rows: Sequence[errors.Row], schemas: Schemas) -> Json:
    headers = ["X-Mock-Contract", "X-Mock-Rule"]
    headers += ["X-Mock-Hint"] if status < 500 else []
    headers += ["WWW-Authenticate"] if status == 401 else []
    reasons = "; ".join(f"{row.code}: {row.when}" for row in rows)
    return {
        "description": f"{TITLES[status]}. {reasons}.",
        "headers": _headers(*headers),
        "content": {
            "application/json": {
                "schema": {"$ref": COMPONENT + "ErrorEnvelope"},
                "examples": {_example_name(row): {"value": _refused(operation, row, schemas)} for row in rows},
            }
        },
    }


def _succeeded(operation: Operation, schemas: Schemas) -> Json:
    """What the schemas give as examples: of an answer that several operations have, one for each in their order."""
    envelope = schemas["success"]["examples"][0]
    if operation.data is None:
        return {**envelope}
    alike = [one.id for one in OPERATIONS.values() if one.data == operation.data]
    return {"data": schemas[operation.data]["examples"][alike.index(operation.id)], **envelope}


def _refused(operation: Operation, row: errors.Row, schemas: Schemas) -> Json:
    """The schema's example, with the facts of that operation and error."""
    field, value, problem = "clusterId", "1e3", "not a decimal Long"
    if row is errors.CANNOT_SORT:
        field, value, problem = "sort", "name,asc", "by 'name', which cannot be sorted by"
    elif operation.path_parameters:
        field, value, problem = operation.path_parameters[0].name, "1e3", "not a decimal Long"
    facts = {
        "problem": f"{field} is {problem}",
        "verb": "roll back" if operation.id == "rollbackTask" else operation.summary.split()[0].lower(),
        "what": "subtask 10001" if len(operation.path_parameters) > 1 else "task 1000",
        "permission": operation.permission,
    }
    error: Json = {"code": row.code, "message": row.message.format_map({**facts, **row.example})}
    if row in (errors.BAD_PARAMETER, errors.CANNOT_SORT):
        error["subErrors"] = [
            {"object": operation.id, "field": field, "rejectedValue": value, "message": facts["problem"]}
        ]
    return {**schemas["error"]["examples"][0], "status": row.status, "error": error}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example_name(row: errors.Row) -> str:
    named = {errors.NO_SUBTASK: "noSubtask", errors.CANNOT_SORT: "cannotSort"}
    return named.get(row, str(row.code))


# --- schemas -------------------------------------------------------------------------------------------------------


def components(wanted: Sequence[Mapping[str, Any]], schemas: Schemas) -> Json:
    """Those schemas and whatever they refer to, by their titles."""
    found: Json = {}
    waiting = list(wanted)

    def local(value: Any, title: str) -> Any:
        """Without `$id` and `$schema`, and with references that stay inside the document. `title` is the whole's."""
        if isinstance(value, list):
            return [local(item, title) for item in value]
        if not isinstance(value, Mapping):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str):
            file, _, inner = reference.partition("#")
            if file:
                waiting.append(schemas[file.removesuffix(SUFFIX)])
            reference = COMPONENT + (waiting[-1]["title"] if file else title) + inner
        copy = {key: local(item, title) for key, item in value.items() if key not in ("$id", "$schema")}
        return copy | {"$ref": reference} if isinstance(reference, str) else copy

    while waiting:
        schema = waiting.pop(0)
        if schema["title"] not in found:
            found[schema["title"]] = local(schema, schema["title"])
    return found
