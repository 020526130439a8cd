"""The OpenAPI 3.1 document of the task API, put together from the operations, the schemas and the table of errors.

Nothing is written down twice: what the contract proves (`response_schema`) is what the document shows. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from mockserver.contract import errors
from mockserver.contract.bundles import SUFFIX, THROTTLED, Json, Schemas, bundle, response_schema
from mockserver.contract.credentials import SIGNED
from mockserver.contract.dialects import Variant
from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.parameters import Parameter

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
    "Retry-After": {
        "description": "In how many seconds a request is let through again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit-Limit": {
        "description": "How many requests a rate limit lets through in its time.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {"description": "How many more it lets through.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "In how many seconds its time ends.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {
        "description": "How to authenticate; not said to a script in a browser.",
        "schema": {"type": "string", "enum": ['Basic realm="OCP"']},
    },
}
RATE_LIMIT: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
TITLES: Final = {
    400: "Bad request", 401: "Not authenticated", 403: "Not permitted", 404: "Not found",
    408: "Too slow", 413: "Too large", 429: "Too many requests", 500: "Server error",
}  # fmt: skip
MORE_HEADERS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
}
SCHEMES: Final[dict[str, Json]] = {
    "basicAuth": {"type": "http", "scheme": "basic", "description": "A user of the fixture."},
    "signed": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"{SIGNED} accessKey:signature, with a Date header. Source: document.",
    },
}
"""The ways to authenticate that there are in any dialect."""
FOLLOWERS: Final[dict[str, tuple[str, ...]]] = {
    "listTaskInstances": ("getTaskInstance",),
    "getTaskInstance": tuple(OPERATIONS)[2:],
    **{operation.id: ("getTaskInstance", "getSubtaskLog") for operation in OPERATIONS.values() if operation.acts},
    "retrySubtask": ("getTaskInstance", "getSubtaskLog", "cancelSubtask"),
}
"""What a client does next with the ids that an operation gave it: the document's `links`."""


def document(
    variant: Variant,
    *,
    prefixes: Sequence[str],
    auth: Literal["open", "basic"],
    version: str,
    schemas: Schemas,
) -> Json:
    """The whole document of a variant, for a server that serves its API under `prefixes`. `schemas` are the files'."""
    schemas = bundle(variant, schemas)
    json_ones = [one.id for one in OPERATIONS.values() if one.media_type == "application/json"]
    answers = [response_schema(id, schemas, variant) for id in json_ones]
    paths: dict[str, Json] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, auth, schemas, variant)
    schemes = {name: one for name, one in SCHEMES.items() if name != "signed" or variant.row.takes_signed}
    ways: list[Json] = [{name: []} for name in schemes]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ocp-mockserver",
            "version": version,
            "summary": f"As {variant.row.stands_for} answers.",
            "description": ABOUT,
        },
        "servers": [{"url": prefix or "/"} for prefix in prefixes],
        "security": ways if auth == "basic" else [{}, *ways],
        "tags": [
            {"name": "tasks", "description": "A long job."},
            {"name": "subtasks", "description": "A step of it."},
        ],
        "paths": paths,
        "components": {
            "schemas": components([*answers, schemas["error"], schemas[THROTTLED]], schemas),
            "headers": HEADERS,
            "securitySchemes": schemes,
        },
    }


# --- one operation -------------------------------------------------------------------------------------------------


def _operation(operation: Operation, auth: str, schemas: Schemas, variant: Variant) -> Json:
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
    described["responses"] = {"200": _success(operation, schemas, variant)}
    rows: dict[int, list[errors.Row]] = {}
    for row in _errors_of(operation, auth):
        rows.setdefault(row.status, []).append(row)
    for status in sorted(rows):
        described["responses"][str(status)] = _refusal(operation, status, rows[status], schemas, variant)
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


def _success(operation: Operation, schemas: Schemas, variant: Variant) -> Json:
    if operation.media_type != "application/json":
        content: Json = {"schema": {"type": "string", "format": "binary"}}
    else:
        title = response_schema(operation.id, schemas, variant)["title"]
        content = {"schema": {"$ref": COMPONENT + title}, "example": _succeeded(operation, schemas, variant)}
    response: Json = {
        "description": "What was asked for has been done.",
        "headers": _headers("X-Mock-Contract", "X-Mock-Rule", *RATE_LIMIT),
        "content": {operation.media_type: content},
    }
    if links := dict(_links(operation, operation.data_in(variant.row))):
        response["links"] = links
    return response


def _links(operation: Operation, data: str | None) -> Iterator[tuple[str, Json]]:
    """To those of the followers whose ids the answer has, or its request had."""
    ids = {one.name: f"$request.path.{one.name}" for one in operation.path_parameters}
    if data == "task-page":
        ids = {"taskInstanceId": "$response.body#/data/contents/0/id"}
    elif data == "wrapped-task-instance":
        ids = {"taskInstanceId": "$response.body#/data/id", "subtaskInstanceId": "$response.body#/data/subtasks/0/id"}
    for target in (OPERATIONS[name] for name in FOLLOWERS.get(operation.id, ())):
        needed = [parameter.name for parameter in target.path_parameters]
        if ids.keys() >= set(needed):
            about = f"{target.summary}: with the ids of this answer."
            parameters = {name: ids[name] for name in needed}
            yield target.id, {"operationId": target.id, "description": about, "parameters": parameters}


def _errors_of(operation: Operation, auth: str) -> Iterator[errors.Row]:
    yield errors.BAD_PARAMETER
    if operation.query:
        yield errors.CANNOT_SORT
    yield from (row for row in errors.ROWS if row.failure in operation.refusals)
    if auth == "basic":
        yield errors.NO_CREDENTIALS
    yield errors.BAD_CREDENTIALS
    yield errors.NO_PERMISSION
    if operation.path_parameters:
        yield errors.NO_TASK
    if len(operation.path_parameters) > 1:
        yield errors.NO_SUBTASK
    yield errors.SLOW_BODY
    yield errors.LARGE_BODY
    yield errors.THROTTLED
    yield errors.UNEXPECTED


def _refusal(operation: Operation, status: int, rows: Sequence[errors.Row], schemas: Schemas, variant: Variant) -> Json:
    headers = ["X-Mock-Contract", "X-Mock-Rule", *RATE_LIMIT, *MORE_HEADERS.get(status, ())]
    headers += ["X-Mock-Hint"] if status < 500 else []
    codes = variant.row.codes
    reasons = "; ".join(f"{codes[row.failure]}: {row.when}" for row in rows)
    schema = schemas[THROTTLED if status == 429 else "error"]
    return {
        "description": f"{TITLES[status]}. {reasons}.",
        "headers": _headers(*headers),
        "content": {
            "application/json": {
                "schema": {"$ref": COMPONENT + schema["title"]},
                "examples": {_example_name(row): {"value": _refused(operation, row, schemas, variant)} for row in rows},
            }
        },
    }


def _succeeded(operation: Operation, schemas: Schemas, variant: Variant) -> Json:
    """What the schemas give as examples: of an answer that several operations have, one for each in their order."""
    envelope = schemas["success"]["examples"][0]
    if operation.data is None or operation.data_in(variant.row) is None:
        return {**envelope}
    alike = [one.id for one in OPERATIONS.values() if one.data == operation.data]
    return {"data": schemas[operation.data]["examples"][alike.index(operation.id)], **envelope}


def _refused(operation: Operation, row: errors.Row, schemas: Schemas, variant: Variant) -> Json:
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
    code = variant.row.codes[row.failure]
    error: Json = {"code": code, "message": row.message.format_map({**facts, **row.example})}
    if row in (errors.BAD_PARAMETER, errors.CANNOT_SORT):
        error["subErrors"] = [
            {"object": operation.id, "field": field, "rejectedValue": value, "message": facts["problem"]}
        ]
    return {**schemas["error"]["examples"][0], "status": row.status, "error": error}


def _example_name(row: errors.Row) -> str:
    if row is errors.NO_SUBTASK:
        return "noSubtask"
    first, *others = row.failure.split()
    return first + "".join(word.title() for word in others)


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


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
