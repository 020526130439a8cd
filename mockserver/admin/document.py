"""The OpenAPI 3.1 document of the control routes, put together from their table and their schemas. Pure.

Nothing is written down twice: what `routes` answers with and holds bodies against is what the document shows, and the
examples are those of the schemas.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mockserver.admin.calls import EVENT_STREAM, JSON_TYPE, ControlRoute
from mockserver.admin.journal import FILTERS, HAR_TYPE, LONG
from mockserver.contract.bundles import Json, Schemas
from mockserver.contract.openapi import COMPONENT, components

ABOUT: Final = """\
The control routes of a mock server of OceanBase Cloud Platform's task API. They are for tests and for who directs
them, not for web pages: a foreign Host or Origin is refused. A call that is refused has changed nothing.
"""
VERDICT: Final[Json] = {
    "description": "How this answer compares with this document. A violation is a bug of the mock server.",
    "required": True,
    "schema": {"type": "string", "enum": ["valid", "violation"]},
}
HEADERS: Final[Json] = {"X-Mock-Contract": {"$ref": "#/components/headers/X-Mock-Contract"}}
PATH: Final[dict[str, tuple[Json, str, object]]] = {
    "taskInstanceId": (LONG, "The task's id.", 1000),
    "subtaskInstanceId": (LONG, "The id of a subtask of it.", 10001),
    "id": ({"type": "string"}, "The rule's id.", "fault-1"),
    "name": ({"type": "string"}, "The name of the snapshot, of the world, or of the fixture.", "before-the-retry"),
}
IDS: Final[dict[str, tuple[Json, str, object]]] = {
    "/__admin/requests/": ({**LONG, "minimum": 1}, "The request's id, as the journal has it.", 1),
    "/__admin/contract/": ({"type": "string"}, "The expectation's id.", "expectation-1"),
}
"""What `id` is there."""
REASONS: Final = {
    400: "The body is not JSON.",
    401: "The admin token is missing or wrong.",
    403: "The Host or the Origin is foreign.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "That never comes, or something else came before.",
    413: "The body is too large.",
    415: "The body has another type.",
    422: "It was understood, and is not acceptable: `details` say where.",
    500: "A bug of the mock server.",
    503: "Too much at once: listeners, bodies or open files.",
}


def document(routes: Mapping[str, Mapping[str, ControlRoute]], *, version: str, token: bool, schemas: Schemas) -> Json:
    """`token`: whether an admin token is asked for."""
    every = [route for methods in routes.values() for route in methods.values()]
    named = {name for route in every for name in (route.reply, route.body, *(route.events or {}).values())}
    wanted = [schemas[name] for name in [*sorted(filter(None, named)), "control-error"]]
    return {
        "openapi": "3.1.0",
        "info": {"title": "ocp-mockserver: control routes", "version": version, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"adminToken": []}] if token else [{}],
        "tags": [{"name": tag, "description": f"/__admin/{tag}"} for tag in dict.fromkeys(map(_tag, routes))],
        "paths": {
            path: _path_parameters(path)
            | {method.lower(): _operation(path, method, route, token, schemas) for method, route in methods.items()}
            for path, methods in routes.items()
        },
        "components": {
            "schemas": components(wanted, schemas),
            "headers": {"X-Mock-Contract": VERDICT},
            "securitySchemes": {
                "adminToken": {"type": "http", "scheme": "bearer", "description": "The --admin-token, if there is one."}
            },
        },
    }


def _tag(path: str) -> str:
    return path.split("/")[2].removesuffix(".json")


def _path_parameters(path: str) -> Json:
    names = re.findall(r"\{(\w+)\}", path)
    known = PATH | next(({"id": id} for start, id in IDS.items() if path.startswith(start)), {})
    parameters = [
        {"name": name, "in": "path", "required": True, "description": about, "schema": schema, "example": example}
        for name, (schema, about, example) in known.items()
        if name in names
    ]
    return {"parameters": parameters} if parameters else {}


def _operation(path: str, method: str, route: ControlRoute, token: bool, schemas: Schemas) -> Json:
    words = route.handler.__name__.split("_")
    described: Json = {
        "operationId": words[0] + "".join(word.capitalize() for word in words[1:]),
        "tags": [_tag(path)],
        "summary": route.summary,
        "description": " ".join((route.handler.__doc__ or f"{route.summary}.").split()),
    }
    if path == "/__admin/health":
        described["security"] = [{}]
    if route.query:
        described["parameters"] = [{"name": name, "in": "query", **FILTERS[name]._asdict()} for name in route.query]
    if route.body is not None:
        schema = _reference(route.body, schemas)
        kinds = [JSON_TYPE, "application/yaml"] if path == "/__admin/state" else [JSON_TYPE]
        described["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
    described["responses"] = {str(route.status if route.reply else 204): _success(route, schemas)}
    if "format" in route.query:
        har: Json = {"schema": {"type": "object", "description": "HAR 1.2."}}
        described["responses"]["200"]["content"][HAR_TYPE] = har
    for status in sorted(set(_refusals(path, method, route, token))):
        described["responses"][str(status)] = _response(REASONS[status], "control-error", schemas)
    return described


def _refusals(path: str, method: str, route: ControlRoute, token: bool) -> Iterator[int]:
    yield from route.refusals
    if path != "/__admin/health":
        yield from (403, 503)
        if token:
            yield 401
    if "{" in path:
        yield 404
    if route.query:
        yield 422
    if route.body is not None:
        yield from (400, 422)
    if route.body is not None or (method == "POST" and route.reply):
        yield from (400, 408, 413, 415)
    yield 500


def _success(route: ControlRoute, schemas: Schemas) -> Json:
    if route.reply is None:
        return {"description": "Done.", "headers": HEADERS}
    if route.events is not None:
        data = {name: _reference(schema, schemas) for name, schema in route.events.items()}
        stream = {"schema": _reference(route.reply, schemas), "x-events": data}
        return {"description": "Until one hangs up.", "headers": HEADERS, "content": {EVENT_STREAM: stream}}
    return _response("Done." if route.status == 200 else "Created.", route.reply, schemas)


def _response(about: str, schema: str, schemas: Schemas) -> Json:
    content = {JSON_TYPE: {"schema": _reference(schema, schemas)}}
    return {"description": about, "headers": HEADERS, "content": content}


def _reference(schema: str, schemas: Schemas) -> dict[str, Any]:
    return {"$ref": COMPONENT + schemas[schema]["title"]}
