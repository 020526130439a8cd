"""The OpenAPI 3.1 document of the task API, put together from the operations, the schemas and the table of errors.

Nothing is written down twice: what the contract proves (`response_schema`) is what the document shows. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from mockserver.contract import errors, examples
from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.parameters import INT_MAX, LONG_MAX, LONG_MIN, Parameter

Json = dict[str, Any]
Schemas = Mapping[str, Mapping[str, Any]]
"""Schemas by their name: `subtask-instance`, `error` …"""

SUFFIX: Final = ".schema.json"
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
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string", "enum": ['Basic realm="OCP"']},
    },
}
REASONS: Final[dict[errors.Row, str]] = {
    errors.BAD_PARAMETER: "a parameter is not of its type (subErrors names each)",
    errors.NOT_ALLOWED: "the present state does not allow it",
    errors.ROLLBACK_PROHIBITED: "a subtask that has run, or the task itself, prohibits rollback",
    errors.NO_CREDENTIALS: "there are no credentials, and they are required",
    errors.BAD_CREDENTIALS: "wrong user name or password, or an Authorization header that is not well-formed Basic",
    errors.NO_PERMISSION: "the user lacks the permission",
    errors.NO_TASK: "the task does not exist",
    errors.NO_SUBTASK: "the subtask does not exist in that task",
    errors.SLOW_BODY: "the request's body did not arrive in time",
    errors.LARGE_BODY: "the request's body is too large",
    errors.UNEXPECTED: "an unexpected error, or an answer that broke its own schema",
}
TITLES: Final = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    408: "Too slow",
    413: "Too large",
    500: "Server error",
}
FOLLOWERS: Final[dict[str, tuple[str, ...]]] = {
    "listTaskInstances": ("getTaskInstance",),
    "getTaskInstance": tuple(OPERATIONS)[2:],
    "retryTask": ("getTaskInstance", "getSubtaskLog"),
    "rollbackTask": ("getTaskInstance", "getSubtaskLog"),
    "retrySubtask": ("getTaskInstance", "getSubtaskLog", "cancelSubtask"),
    "skipSubtask": ("getTaskInstance", "getSubtaskLog"),
    "cancelSubtask": ("getTaskInstance", "getSubtaskLog"),
}
"""What a client does next with the ids that an operation gave it: the document's `links`."""


def response_schema(operation_id: str, schemas: Schemas) -> Json:
    """What a success of that operation looks like: the success envelope, with `data` if the operation has any.

    References are to files, relative to the folder of the schemas. Raises ValueError if its answer is not JSON.
    """
    operation = OPERATIONS[operation_id]
    if operation.media_type != "application/json":
        raise ValueError(f"{operation_id} answers {operation.media_type}")
    envelope = {key: value for key, value in schemas["success"].items() if key != "$id"}
    if operation.data is None:
        return envelope
    data = {"$ref": operation.data + SUFFIX, "description": "What was asked for. Source: seed."}
    return envelope | {
        "title": _response_name(operation),
        "description": f"What {operation_id} answers when it succeeds.",
        "properties": {"data": data, **envelope["properties"]},
        "required": ["data", *envelope["required"]],
    }


def document(
    *,
    field_names: Literal["sample", "table"],
    prefixes: Sequence[str],
    auth: Literal["open", "basic"],
    version: str,
    schemas: Schemas,
) -> Json:
    """The whole document, for a server that serves the API under `prefixes`."""
    if field_names == "table":
        schemas = {**schemas, "subtask-instance": schemas["subtask-instance.table"]}
    paths: dict[str, Json] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, field_names, auth)
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
            "schemas": _components(schemas),
            "headers": HEADERS,
            "securitySchemes": {
                "basicAuth": {"type": "http", "scheme": "basic", "description": "A user of the fixture."}
            },
        },
    }


# --- one operation -------------------------------------------------------------------------------------------------


def _operation(operation: Operation, field_names: str, auth: str) -> Json:
    described: Json = {
        "operationId": operation.id,
        "tags": ["subtasks" if "{subtaskInstanceId}" in operation.path else "tasks"],
        "summary": operation.summary,
        "description": f"{operation.description}\n\nNeeds {operation.permission}. Source: {operation.source}.",
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
    }
    if operation.acts:
        described["requestBody"] = {
            "required": False,
            "description": BODY_ABOUT,
            "content": {"application/json": {"schema": {}}},
        }
    described["responses"] = {"200": _success(operation, field_names)}
    rows: dict[int, list[errors.Row]] = {}
    for row in _errors_of(operation, auth):
        rows.setdefault(row.status, []).append(row)
    for status in sorted(rows):
        described["responses"][str(status)] = _refusal(operation, status, rows[status])
    return described


def _path_parameters(operation: Operation) -> Iterator[Json]:
    for parameter in operation.path_parameters:
        yield {
            "name": parameter.name,
            "in": "path",
            "required": True,
            "description": parameter.description,
            "schema": _parameter_schema(parameter),
            "example": examples.IDS[parameter.name],
        }


def _query_parameters(operation: Operation) -> Iterator[Json]:
    for parameter in operation.query:
        yield {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": _parameter_schema(parameter),
        }
        for alias in parameter.aliases:
            yield {
                "name": alias,
                "in": "query",
                "description": f"The same as {parameter.name}, which counts if both are sent.",
                "deprecated": True,
                "schema": _parameter_schema(parameter),
            }


def _parameter_schema(parameter: Parameter) -> Json:
    match parameter.kind:
        case "string":
            schema: Json = {"type": "string"}
        case "long":
            schema = {"type": "integer", "format": "int64", "minimum": LONG_MIN, "maximum": LONG_MAX}
        case "integer":
            form = "int32" if parameter.maximum <= INT_MAX else "int64"
            schema = {"type": "integer", "format": form, "minimum": parameter.minimum, "maximum": parameter.maximum}
        case "enum":
            schema = {"type": "string", "enum": list(parameter.choices)}
        case "enums":
            schema = {"type": "array", "items": {"type": "string", "enum": list(parameter.choices)}}
    return schema if parameter.default is None else {**schema, "default": parameter.default}


def _success(operation: Operation, field_names: str) -> Json:
    if operation.media_type != "application/json":
        content: Json = {"schema": {"type": "string", "format": "binary"}}
    else:
        name = _response_name(operation) if operation.data else "SuccessEnvelope"
        content = {"schema": {"$ref": COMPONENT + name}, "example": examples.success(operation, field_names)}
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


def _refusal(operation: Operation, status: int, rows: Sequence[errors.Row]) -> Json:
    headers = ["X-Mock-Contract", "X-Mock-Rule"]
    headers += ["X-Mock-Hint"] if status < 500 else []
    headers += ["WWW-Authenticate"] if status == 401 else []
    reasons = "; ".join(f"{row.code}: {REASONS[row]}" for row in rows)
    return {
        "description": f"{TITLES[status]}. {reasons}.",
        "headers": _headers(*headers),
        "content": {
            "application/json": {
                "schema": {"$ref": COMPONENT + "ErrorEnvelope"},
                "examples": {_example_name(row): {"value": examples.refusal(operation, row)} for row in rows},
            }
        },
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example_name(row: errors.Row) -> str:
    return "noSubtask" if row is errors.NO_SUBTASK else str(row.code)


# --- schemas -------------------------------------------------------------------------------------------------------


def _response_name(operation: Operation) -> str:
    return f"{operation.id[0].upper()}{operation.id[1:]}Response"


def _components(schemas: Schemas) -> Json:
    """The envelopes of all operations and whatever they refer to."""
    answers = [op.id for op in OPERATIONS.values() if op.media_type == "application/json"]
    return components([response_schema(id, schemas) for id in answers] + [schemas["error"]], schemas)


def components(wanted: Sequence[Mapping[str, Any]], schemas: Schemas) -> Json:
    """Those schemas and whatever they refer to, by their titles."""
    found: Json = {}
    waiting = list(wanted)
    while waiting:
        schema = waiting.pop(0)
        if schema["title"] not in found:
            found[schema["title"]] = _localized(schema, schema["title"], schemas)
            waiting += [schemas[name] for name in _references(schema)]
    return found


def _references(value: object) -> Iterator[str]:
    """The names of the other files that a schema refers to."""
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str) and not value["$ref"].startswith("#"):
            yield value["$ref"].partition("#")[0].removesuffix(SUFFIX)
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _localized(value: Any, title: str, schemas: Schemas) -> Any:
    """Without `$id` and `$schema`, and with references that stay inside the document. `title` is the whole schema's."""
    if isinstance(value, Mapping):
        local = {key: _localized(item, title, schemas) for key, item in value.items() if key not in ("$id", "$schema")}
        if isinstance(value.get("$ref"), str):
            file, _, inner = value["$ref"].partition("#")
            local["$ref"] = COMPONENT + (schemas[file.removesuffix(SUFFIX)]["title"] if file else title) + inner
        return local
    return [_localized(item, title, schemas) for item in value] if isinstance(value, list) else value
