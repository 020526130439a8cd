"""The OpenAPI document: valid, the same as the operations, and true in each of its examples."""

import json
import re
from typing import Any, Final, Literal

import pytest
from documents import pointed, references
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from slow import slow_but
from variants import VARIANTS

from mockserver.contract.bundles import response_schema, schema_files
from mockserver.contract.dialects import DEFAULT_VARIANT, FIELD_NAMES, Variant
from mockserver.contract.openapi import FOLLOWERS, document
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.schemas import FORMATS, contract

AUTHS: tuple[Literal["open", "basic"], ...] = ("open", "basic")


def documented(variant: Variant, auth: Literal["open", "basic"]) -> dict[str, Any]:
    prefixes = ["/api/v2", "/api/v1"]
    return document(variant, prefixes=prefixes, auth=auth, version="1.2.3", schemas=schema_files())


DOCUMENTS: Final = {
    f"{'-'.join(variant)}-{auth}": documented(variant, auth) for variant in VARIANTS.values() for auth in AUTHS
}
USUAL: Final = "ocp-4.2.2-absent-sample-basic"
DOCUMENT: Final = DOCUMENTS[USUAL]
OPEN: Final = DOCUMENTS["ocp-4.2.2-absent-sample-open"]
JSON_OPERATIONS = [operation.id for operation in OPERATIONS.values() if operation.media_type == "application/json"]
every_document = pytest.mark.parametrize("name", DOCUMENTS)
every_operation = pytest.mark.parametrize("id", OPERATIONS)


def described(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


@pytest.mark.parametrize("name", slow_but([USUAL], DOCUMENTS))
def test_the_document_is_valid_openapi(name: str) -> None:
    validate(DOCUMENTS[name])


@every_document
def test_the_document_is_plain_json_and_whole(name: str) -> None:
    """It needs no other file: every reference resolves inside it, and no schema keeps an address of its own."""
    text = json.dumps(DOCUMENTS[name], allow_nan=False)
    assert "ocp-mockserver.invalid" not in text
    for reference in references(DOCUMENTS[name]):
        assert pointed(DOCUMENTS[name], reference.removeprefix("#"))


def test_every_component_is_used() -> None:
    used = set(references(DOCUMENT))
    for kind in ("schemas", "headers"):
        for component in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{component}" in used


@every_document
def test_every_example_fits_its_schema(name: str) -> None:
    """An example that is wrong would teach a wrong client."""
    resource = DRAFT202012.create_resource(DOCUMENTS[name])
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    checked = 0
    for operation in described(DOCUMENTS[name]).values():
        for parameter in operation["parameters"]:
            if "example" in parameter:
                Draft202012Validator(parameter["schema"]).validate(parameter["example"])
        for status, response in operation["responses"].items():
            for media_type, content in response["content"].items():
                if media_type != "application/json":
                    continue
                schema = {"$ref": "urn:document" + content["schema"]["$ref"]}
                judge = Draft202012Validator(schema, registry=registry, format_checker=FORMATS)
                examples = [one["value"] for one in content["examples"].values()] if status != "200" else []
                for example in examples or [content["example"]]:
                    judge.validate(example)
                    assert example["status"] == int(status)
                    checked += 1
    assert checked > 60


@every_document
def test_every_example_of_a_component_fits_it(name: str) -> None:
    """In the document's own spelling, the examples of a task's subtasks too."""
    resource = DRAFT202012.create_resource(DOCUMENTS[name])
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    shown = {}
    for title, schema in DOCUMENTS[name]["components"]["schemas"].items():
        reference = {"$ref": f"urn:document#/components/schemas/{title}"}
        judge = Draft202012Validator(reference, registry=registry, format_checker=FORMATS)
        for example in schema.get("examples", ()):
            judge.validate(example)
            shown[title] = example
    assert {"SuccessEnvelope", "ErrorEnvelope", "SubtaskInstance", "WrappedTaskInstance", "TaskPage"} <= shown.keys()


@pytest.mark.parametrize("data", sorted({operation.data for operation in OPERATIONS.values() if operation.data}))
def test_an_answer_of_several_operations_has_an_example_for_each(data: str) -> None:
    assert len(schema_files()[data]["examples"]) == sum(operation.data == data for operation in OPERATIONS.values())


@pytest.mark.parametrize(
    ("id", "word"), [("getTaskInstance", "EXECUTE"), ("retryTask", "RETRY"), ("rollbackTask", "ROLLBACK")]
)
def test_an_operation_shows_its_own_outcome(id: str, word: str) -> None:
    """And not that of another which answers with the same schema."""
    shown = described(DOCUMENT)[id]["responses"]["200"]["content"]["application/json"]["example"]
    assert shown["data"]["operation"] == word


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("id", JSON_OPERATIONS)
def test_what_the_document_shows_is_what_the_contract_proves(id: str, variant: Variant) -> None:
    """The success schema of an operation, compiled as the server compiles it, takes the document's example, and
    nothing with one key less or more."""
    checker = contract(variant).response(id)
    shown = described(DOCUMENTS[f"{'-'.join(variant)}-open"])[id]["responses"]["200"]["content"]["application/json"]
    assert checker.accepts(shown["example"])
    assert not checker.accepts(shown["example"] | {"error": None})
    for key in shown["example"]:
        assert not checker.accepts({name: value for name, value in shown["example"].items() if name != key})


def test_the_schema_of_an_answer_has_no_address_of_a_file() -> None:
    assert "$id" in schema_files()["success"]
    for id in JSON_OPERATIONS:
        assert "$id" not in response_schema(id, schema_files(), DEFAULT_VARIANT)


def test_a_zip_has_no_schema() -> None:
    with pytest.raises(ValueError, match="application/zip"):
        response_schema("downloadTaskDiagnosis", schema_files(), DEFAULT_VARIANT)


def test_the_document_has_the_operations_and_no_others() -> None:
    shown = {
        (operation["operationId"], method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert shown == {(operation.id, operation.method, operation.path) for operation in OPERATIONS.values()}


@every_operation
def test_a_path_names_its_parameters(id: str) -> None:
    shown = [one["name"] for one in described(DOCUMENT)[id]["parameters"] if one["in"] == "path"]
    assert shown == re.findall(r"\{(\w+)\}", OPERATIONS[id].path)


@every_operation
def test_a_query_parameter_is_listed_under_each_of_its_spellings(id: str) -> None:
    shown = {one["name"]: one.get("deprecated", False) for one in described(DOCUMENT)[id]["parameters"]}
    for parameter in OPERATIONS[id].query:
        assert shown[parameter.name] is False
        assert all(shown[alias] is True for alias in parameter.aliases)


@every_operation
def test_a_query_parameter_tells_its_default(id: str) -> None:
    shown = {one["name"]: one["schema"].get("default") for one in described(DOCUMENT)[id]["parameters"]}
    assert all(shown[parameter.name] == parameter.default for parameter in OPERATIONS[id].query)


@every_operation
def test_a_query_parameter_tells_what_it_can_be(id: str) -> None:
    shown = {one["name"]: one["schema"] for one in described(DOCUMENT)[id]["parameters"]}
    for parameter in OPERATIONS[id].query:
        schema = shown[parameter.name]
        said = schema["items"] if parameter.kind == "enums" else schema
        assert said.get("enum", []) == list(parameter.choices)


@every_operation
def test_an_example_blames_a_parameter_that_there_is(id: str) -> None:
    operation, found = OPERATIONS[id], {}
    for name, example in described(DOCUMENT)[id]["responses"]["400"]["content"]["application/json"]["examples"].items():
        for blamed in example["value"]["error"].get("subErrors", ()):
            found[name] = blamed["field"]
            assert blamed["object"] == id
            assert blamed["field"] in example["value"]["error"]["message"]
    known = [*operation.path_parameters, *operation.query]
    assert set(found.values()) <= {one.name for one in known}
    assert found.get("cannotSort") == ("sort" if operation.query else None)
    if operation.path_parameters:
        assert found["badParameter"] == operation.path_parameters[0].name


@every_operation
def test_an_operation_is_filed_under_what_it_acts_on(id: str) -> None:
    assert described(DOCUMENT)[id]["tags"] == ["subtasks" if OPERATIONS[id].path.count("{") == 2 else "tasks"]


@every_operation
def test_an_operation_names_its_permission_and_its_source(id: str) -> None:
    assert f"Needs {OPERATIONS[id].permission}." in described(DOCUMENT)[id]["description"]
    assert f"Source: {OPERATIONS[id].source}." in described(DOCUMENT)[id]["description"]


@every_operation
def test_an_operation_lists_the_codes_it_can_answer(id: str) -> None:
    operation = OPERATIONS[id]
    shown = {status: one["description"] for status, one in described(DOCUMENT)[id]["responses"].items()}
    codes = {("400", "COM10001"), ("401", "IAM10000"), ("401", "IAM10004"), ("403", "IAM11000"), ("500", "COM10999")}
    codes |= {("400", str(DEFAULT_VARIANT.row.codes[failure])) for failure in operation.refusals}
    codes |= {("400", "COM10011")} if operation.query else set()
    codes |= {("404", "TSK10001")} if operation.path_parameters else set()
    codes |= {("408", "COM10004"), ("413", "COM10003"), ("429", "0")}
    pattern = re.compile(r"\b([A-Z]{3}\d{5}|0)(?=: )")
    found = {(status, code) for status, text in shown.items() for code in pattern.findall(text)}
    assert found == codes
    assert shown.keys() == {"200"} | {status for status, _ in codes}


@every_operation
def test_only_where_a_path_has_a_subtask_the_examples_speak_of_one(id: str) -> None:
    """Error messages name what they are about: api-facts 2."""
    refusals = {status: one for status, one in described(DOCUMENT)[id]["responses"].items() if status[0] == "4"}
    examples = [one["content"]["application/json"]["examples"] for one in refusals.values()]
    names = {name for one in examples for name in one}
    assert ("noSubtask" in names) == ("{subtaskInstanceId}" in OPERATIONS[id].path)
    for one in examples:
        if "notAllowed" in one:
            what = "subtask 10001" if "{subtaskInstanceId}" in OPERATIONS[id].path else "task 1000"
            verb = {"retry": "retry", "rollb": "roll back", "skipS": "skip", "cance": "cancel"}[id[:5]]
            message = one["notAllowed"]["value"]["error"]["message"]
            assert message.startswith(f"Cannot {verb} {what}: ")


@every_operation
def test_only_an_operation_that_acts_takes_a_body_and_never_needs_one(id: str) -> None:
    body = described(DOCUMENT)[id].get("requestBody")
    assert (body is not None) == OPERATIONS[id].acts
    assert not (body or {}).get("required")


@every_operation
def test_every_response_declares_the_servers_own_headers(id: str) -> None:
    for status, response in described(DOCUMENT)[id]["responses"].items():
        expected = {"X-Mock-Contract", "X-Mock-Rule", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
        expected |= {"X-Mock-Hint"} if status.startswith("4") else set()
        expected |= {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}}.get(status, set())
        assert response["headers"].keys() == expected


def test_only_how_it_compares_with_this_document_is_said_of_every_answer() -> None:
    headers = DOCUMENT["components"]["headers"]
    assert [name for name, one in headers.items() if one.get("required")] == ["X-Mock-Contract"]


@pytest.mark.parametrize("id", JSON_OPERATIONS)
def test_an_answer_with_data_of_its_own_is_named_for_its_operation(id: str) -> None:
    """A generated client has types of these names."""
    schema = described(DOCUMENT)[id]["responses"]["200"]["content"]["application/json"]["schema"]
    name = f"{id[0].upper()}{id[1:]}Response" if OPERATIONS[id].data else "SuccessEnvelope"
    assert schema == {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize("id", FOLLOWERS)
def test_a_link_leads_on_with_ids_that_are_there(id: str) -> None:
    """Each link gives its operation exactly its path parameters, each found where the link says in the example."""
    response = described(DOCUMENT)[id]["responses"]["200"]
    assert response["links"]
    for link in response["links"].values():
        target = OPERATIONS[link["operationId"]]
        assert list(link["parameters"]) == [parameter.name for parameter in target.path_parameters]
        for expression in link["parameters"].values():
            if expression.startswith("$response.body#"):
                example = response["content"]["application/json"]["example"]
                assert isinstance(pointed(example, expression.removeprefix("$response.body#")), int)
            else:
                name = expression.removeprefix("$request.path.")
                assert name in [parameter.name for parameter in OPERATIONS[id].path_parameters]


def test_no_link_leads_back_to_where_it_stands() -> None:
    assert [id for id, following in FOLLOWERS.items() if id in following] == []


def test_links_lead_from_the_list_to_every_operation() -> None:
    """So a tool that follows them comes to a retry of a subtask that exists."""
    reached, waiting = {"listTaskInstances"}, ["listTaskInstances"]
    while waiting:
        new = set(FOLLOWERS.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    assert reached == OPERATIONS.keys()


def test_the_table_spelling_is_that_of_one_component() -> None:
    sample, table = (DOCUMENTS[f"ocp-4.2.2-absent-{name}-open"]["components"]["schemas"] for name in FIELD_NAMES)
    plain, spelled = ({name: {**one, "examples": []} for name, one in each.items()} for each in (sample, table))
    assert [name for name in plain if plain[name] != spelled[name]] == ["SubtaskInstance"]
    assert {"paralleIdx", "downstream", "clusterName"} <= table["SubtaskInstance"]["properties"].keys()


def test_credentials_are_required_only_where_they_are() -> None:
    assert DOCUMENT["security"] == [{"basicAuth": []}, {"signed": []}]
    assert OPEN["security"] == [{}, {"basicAuth": []}, {"signed": []}]
    express = DOCUMENTS["ocp-express-absent-sample-basic"]
    assert express["security"] == [{"basicAuth": []}]
    assert list(express["components"]["securitySchemes"]) == ["basicAuth"]


def test_an_open_server_never_asks_for_credentials() -> None:
    """Wrong ones are wrong there too (IAM10004), but IAM10000 is not an answer of it."""
    shown = described(OPEN)["retrySubtask"]["responses"]["401"]["description"]
    assert "IAM10004" in shown
    assert "IAM10000" not in shown


def test_each_prefix_is_a_server() -> None:
    assert DOCUMENT["servers"] == [{"url": "/api/v2"}, {"url": "/api/v1"}]


def test_the_document_names_its_version() -> None:
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_the_shipped_schemas_are_not_changed_by_making_a_document() -> None:
    before = json.dumps(dict(schema_files()))
    for variant in VARIANTS.values():
        documented(variant, "open")
    assert json.dumps(dict(schema_files())) == before
