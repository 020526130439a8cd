"""Bundles of schemas: the files in schemas/ are those of one variant, and every other variant's are made of them.

The files are those of the first dialect, without nulls, in the spelling of the seed's sample. A rewriting looks at the
columns of `dialects` and at the table of `fields`, and knows no field by name.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from mockserver.contract.dialects import DEFAULT_VARIANT, SAFE, Variant
from mockserver.contract.fields import SUBTASK, TASK, Field
from mockserver.contract.operations import OPERATIONS
from mockserver.packaged import folder

BASE: Final = "https://ocp-mockserver.invalid/schemas/"
SUFFIX: Final = ".schema.json"
Json = dict[str, Any]
Schemas = Mapping[str, Mapping[str, Any]]
"""Schemas by their name: `subtask-instance`, `error` …"""
OBJECTS: Final = {"subtask-instance": SUBTASK, "wrapped-task-instance": TASK, "basic-task-instance": TASK}
THROTTLED: Final = "throttled"
NULL: Final[Json] = {"type": "null"}


@cache
def schema_files() -> Mapping[str, Json]:
    """Every shipped schema by its name: `subtask-instance`, `error` …"""
    return {
        entry.name.removesuffix(SUFFIX): json.loads(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder("schemas").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(SUFFIX)
    }


def base(variant: Variant) -> str:
    """What the `$id` of a variant's schemas begins with: that of the files, for the variant that they are."""
    return BASE if variant == DEFAULT_VARIANT else f"{BASE}{'/'.join(variant)}/"


def bundle(variant: Variant, files: Schemas) -> Schemas:
    """The schemas of one variant. References among them are relative, so that they stay as they are."""
    dialect = variant.row
    made: dict[str, Json] = {name: dict(file) for name, file in files.items()}
    for name, table in OBJECTS.items():
        _rewrite_object(made[name], table, variant)
    for name, keys in dialect.references.items():
        made[name]["properties"] = {key: made[name]["properties"][key] for key in keys}
    if dialect.has_text_longs:
        _rewrite_long(made["long"])
    if not dialect.has_text_codes:
        code = made["error-code"]
        number = next(branch for branch in code.pop("anyOf") if branch["type"] == "integer")
        code |= {**number, "minimum": -(2**31), "maximum": 2**31 - 1}
    made["error"]["examples"] = [_with_code(one, variant) for one in made["error"]["examples"]]
    made[THROTTLED] = _throttled(made["error"])
    names = _names(variant)
    for name, schema in made.items():
        schema["$id"] = f"{base(variant)}{name}{SUFFIX}"
        if name in (*OBJECTS, "task-page"):
            schema["examples"] = [_fitted(one, schema, made, names) for one in schema.get("examples", ())]
    return made


def response_schema(operation_id: str, schemas: Schemas, variant: Variant) -> Json:
    """What a success of that operation looks like: the success envelope, with `data` if the operation has any.

    References are to files, relative to the folder of the schemas. Raises ValueError if its answer is not JSON.
    """
    operation = OPERATIONS[operation_id]
    if operation.media_type != "application/json":
        raise ValueError(f"{operation_id} answers {operation.media_type}")
    envelope = {key: value for key, value in schemas["success"].items() if key != "$id"}
    data = operation.data_in(variant.row)
    if data is None:
        return envelope
    del envelope["examples"]  # they have no data
    return envelope | {
        "title": f"{operation_id[0].upper()}{operation_id[1:]}Response",
        "description": f"What {operation_id} answers when it succeeds.",
        "properties": {
            "data": {"$ref": data + SUFFIX, "description": "What was asked for. Source: seed."},
            **envelope["properties"],
        },
        "required": ["data", *envelope["required"]],
    }


# --- the rewritings ------------------------------------------------------------------------------------------------


def _rewrite_object(schema: Json, table: Mapping[str, Field], variant: Variant) -> None:
    """The properties in the variant's names, without those that its dialect has not; null where it says null."""
    properties: Json = {}
    required = []
    for name, subschema in schema["properties"].items():
        field = table[name]
        spelled = field.spelled(variant)
        if spelled is None:
            continue
        nullable = field.optional and variant.nulls == "null"
        properties[spelled] = _or_null(subschema) if nullable else subschema
        if nullable or name in schema["required"]:
            required.append(spelled)
    schema |= {"properties": properties, "required": required}


def _or_null(schema: Json) -> Json:
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**rest, "anyOf": [{"$ref": schema["$ref"]}, NULL]}
    types = schema["type"]
    return {**schema, "type": [*([types] if isinstance(types, str) else types), "null"]}


def _rewrite_long(schema: Json) -> None:
    """A Long past SAFE is its digits in a string."""
    number = {key: schema.pop(key) for key in ("type", "format", "minimum", "maximum")}
    digits = {"type": "string", "pattern": "^-?[1-9][0-9]{15,18}$"}
    schema["anyOf"] = [{**number, "minimum": -SAFE, "maximum": SAFE}, digits]


def _throttled(error: Json) -> Json:
    """The envelope of a 429, whose traceId is empty in the document's sample."""
    properties = error["properties"]
    trace_id = {key: value for key, value in properties["traceId"].items() if key not in ("minLength", "maxLength")}
    return {
        **error,
        "title": "ThrottledEnvelope",
        "description": "The envelope of a 429. Source: document, whose sample has an empty traceId; ours never has.",
        "properties": {
            **properties,
            "status": {**properties["status"], "minimum": 429, "maximum": 429},
            "traceId": {**trace_id, "pattern": "^([0-9a-f]{16})?$"},
        },
        "examples": [
            {**error["examples"][0], "status": 429, "error": {"code": 0, "message": "More than 5 requests in 1 s."}}
        ],
    }


# --- examples ------------------------------------------------------------------------------------------------------


def _with_code(example: Json, variant: Variant) -> Json:
    return {**example, "error": {**example["error"], "code": variant.row.code("bad parameter")}}


def _names(variant: Variant) -> dict[str, str]:
    """The variant's name of each field that the files name otherwise."""
    fields = [*SUBTASK.values(), *TASK.values()]
    return {one.name: spelled for one in fields if (spelled := one.spelled(variant)) is not None}


def _fitted(value: Any, schema: Mapping[str, Any], schemas: Schemas, names: Mapping[str, str]) -> Any:
    """An example as a rewritten schema has it: its keys by their names there, and null for those it lacks."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].removesuffix(SUFFIX)]
    if isinstance(value, list):
        return [_fitted(item, schema["items"], schemas, names) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    properties = schema["properties"]
    kept = {names.get(key, key): item for key, item in value.items()}
    fitted = {key: _fitted(item, properties[key], schemas, names) for key, item in kept.items() if key in properties}
    return fitted | {key: None for key in schema.get("required", ()) if key not in fitted}
