"""The OpenAPI document of the control routes: valid, the same as their table, and true in each of its examples."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from clients import Client
from documents import pointed, references
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from mockserver import __version__
from mockserver.admin.document import document
from mockserver.admin.events.feed import EVENTS
from mockserver.admin.journal import CHANGE_FILTERS, FACTS, FILTERS, REQUEST_FILTERS
from mockserver.admin.routes import ROUTES
from mockserver.contract.bundles import schema_files
from mockserver.contract.schemas import FORMATS, contract

DOCUMENT = document(ROUTES, version="1.2.3", token=False, schemas=schema_files())
GUARDED = document(ROUTES, version="1.2.3", token=True, schemas=schema_files())
CALLS = [(path, method) for path, methods in ROUTES.items() for method in methods]


def described(path: str, method: str, document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method.lower()]
    return found


def contents(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (call.get("requestBody", {}), *call["responses"].values()):
        yield from part.get("content", {}).values()


@pytest.mark.parametrize(
    "document", [pytest.param(DOCUMENT, id="open"), pytest.param(GUARDED, id="guarded", marks=pytest.mark.slow)]
)
def test_the_document_is_valid_openapi_and_whole(document: dict[str, Any]) -> None:
    """It needs no other file: every reference resolves inside it, also those into a part of a schema."""
    validate(document)
    assert "ocp-mockserver.invalid" not in json.dumps(document, allow_nan=False)
    for reference in references(document):
        assert pointed(document, reference.removeprefix("#"))


def test_it_has_the_routes_and_no_others() -> None:
    shown = [(path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item]
    assert [call for call in shown if call[1] != "PARAMETERS"] == CALLS


def test_each_call_has_a_name_of_its_own() -> None:
    names = [described(path, method)["operationId"] for path, method in CALLS]
    assert len(set(names)) == len(names)
    assert {"getState", "putState", "patchSubtask", "restoreSnapshot"} <= set(names)


def test_a_path_names_its_parameters() -> None:
    for path, method in CALLS:
        item = DOCUMENT["paths"][path]
        assert [one["name"] for one in item.get("parameters", ())] == re.findall(r"\{(\w+)\}", path), (path, method)
        for one in item.get("parameters", ()):
            Draft202012Validator(one["schema"]).validate(one["example"])


def is_har(content: Any) -> bool:
    """No schema of ours, which is told in words."""
    return bool(content["schema"].get("description") == "HAR 1.2.")


def test_the_journal_may_be_har() -> None:
    answer = described("/__admin/requests", "GET")["responses"]["200"]
    assert is_har(answer["content"]["application/har+json"])


def test_bodies_are_those_that_the_server_holds_them_against() -> None:
    for path, method in CALLS:
        route, call = ROUTES[path][method], described(path, method)
        schemas = [content["schema"]["$ref"].rpartition("/")[2] for content in contents(call) if not is_har(content)]
        success = call["responses"][str(route.status) if route.reply else "204"]
        assert ("requestBody" in call) == (route.body is not None), (path, method)
        assert ("content" in success) == (route.reply is not None), (path, method)
        titles = {schema_files()[name]["title"] for name in (route.body, route.reply, "control-error") if name}
        assert set(schemas) == titles, (path, method)


def test_every_answer_declares_its_verdict() -> None:
    for path, method in CALLS:
        answers = described(path, method)["responses"].values()
        assert all("X-Mock-Contract" in one["headers"] for one in answers), (path, method)


@pytest.mark.parametrize("name", sorted({name for _, _ in CALLS for name in DOCUMENT["components"]["schemas"]}))
def test_every_example_fits_its_schema(name: str) -> None:
    """In the document, where its references lead elsewhere than in its file."""
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT202012.create_resource(DOCUMENT))
    reference = {"$ref": f"urn:document#/components/schemas/{name}"}
    judge = Draft202012Validator(reference, registry=registry, format_checker=FORMATS)
    for example in DOCUMENT["components"]["schemas"][name].get("examples", ()):
        judge.validate(example)


def test_a_body_is_shown_by_an_example() -> None:
    for path, method in CALLS:
        body = ROUTES[path][method].body
        assert body is None or schema_files()[body].get("examples"), (path, method)


@pytest.mark.parametrize(
    ("path", "filters"), [("/requests", REQUEST_FILTERS), ("/history", CHANGE_FILTERS), ("/tasks", ("name", "limit"))]
)
def test_the_filters_are_those_of_the_code(path: str, filters: tuple[str, ...]) -> None:
    shown = [one["name"] for one in described(f"/__admin{path}", "GET")["parameters"]]
    assert tuple(shown) == filters
    assert set(REQUEST_FILTERS) == {*FACTS, "since", "limit", "format"} == FILTERS.keys() - {"name", "worlds"}


def test_a_token_is_asked_for_where_there_is_one() -> None:
    assert DOCUMENT["security"] == [{}]
    assert GUARDED["security"] == [{"adminToken": []}]
    assert "401" in described("/__admin/state", "GET", GUARDED)["responses"]
    assert "401" not in described("/__admin/state", "GET")["responses"]
    health = described("/__admin/health", "GET", GUARDED)
    assert (health["security"], set(health["responses"])) == ([{}], {"200", "500"})


def test_it_is_served_proven_and_counted(failed: Client) -> None:
    answer = failed.get("/__admin/openapi.json")
    assert (answer.status_code, answer.headers["X-Mock-Contract"]) == (200, "valid")
    served = answer.json()
    assert served["info"]["version"] == __version__
    assert served == json.loads(json.dumps(document(ROUTES, version=__version__, token=False, schemas=schema_files())))
    assert contract().checker("openapi-document").accepts(served)


def test_a_stream_is_described_by_its_events() -> None:
    [stream] = described("/__admin/events", "GET")["responses"]["200"]["content"].items()
    assert stream[0] == "text/event-stream"
    shown = {name: schema["$ref"].rpartition("/")[2] for name, schema in stream[1]["x-events"].items()}
    assert shown == {name: schema_files()[schema]["title"] for name, schema in EVENTS.items()}


READ = [
    (path, method) for path, method in CALLS if method == "GET" and "{" not in path and not ROUTES[path][method].events
]


@pytest.mark.parametrize(("path", "method"), READ)
def test_what_is_read_fits_the_document(failed: Client, path: str, method: str) -> None:
    """The judge itself, by the document as it is served: not our proof, which has seen it already."""
    failed.fault()
    failed.admin("POST", "/denials", {"permission": "TASK_MANAGER", "taskInstanceId": 1000})
    failed.admin("POST", "/snapshots", {"name": "base"})
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "RUNNING"})
    failed.get("/api/v2/tasks/instances/1")
    served = failed.get("/__admin/openapi.json").json()
    reference = described(path, method, served)["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT202012.create_resource(served))
    judge = Draft202012Validator({"$ref": f"urn:document{reference}"}, registry=registry, format_checker=FORMATS)
    judge.validate(failed.get(path).json())
