"""The dialects: each error's code over HTTP, and every answer valid in its own variant and not in one that differs."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any, Final

import golden_answers
import pytest
from clients import Json
from requests import Response, request
from slow import slow_but
from variants import VARIANTS

from mockserver import MockServer
from mockserver.contract.bundles import OBJECTS, THROTTLED, schema_files
from mockserver.contract.dialects import DIALECTS, DialectName, Variant
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.routes import route
from mockserver.contract.schemas import Checker, Contract, contract

NAMES: Final[tuple[DialectName, ...]] = ("ocp-4.2.2", "ocp-4.2.1", "ocp-express")
OPERATOR: Final = ("operator", "operator")
VIEWER: Final = ("viewer", "viewer")
TASKS: Final = "/tasks/instances"
RETRY: Final = f"{TASKS}/1000/subtasks/10001/retry"
HUGE: Final = 2**63 - 1
SAFE: Final = 2**53 - 1
"""The largest that a browser's JSON.parse keeps exactly."""
WORLD: Final[Json] = {
    "auth": "basic",
    "clock": {"mode": "manual"},
    "users": {
        "operator": {"password": "operator", "permissions": ["TASK_MANAGER"]},
        "viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"]},
    },
    "tasks": [
        {
            "id": 1000,
            "cluster": {"id": 7, "name": "obdemo", "obClusterId": 1700001, "type": "PRIMARY"},
            "tenant": {"id": 8, "name": "sales", "obTenantId": 1002, "mode": "ORACLE"},
            "subtasks": [
                {"id": 10000, "status": "SUCCESSFUL", "className": "A", "context": {"hostId": 1}},
                {"id": 10001, "status": "FAILED", "upstreams": [10000]},
                {"id": HUGE, "upstreams": [10001]},
            ],
        },
        {"id": 3000, "subtasks": [{"id": 30000, "status": "FAILED", "prohibitRollback": True, "skippable": False}]},
        {"id": HUGE, "subtasks": []},
    ],
    "faults": [
        {"path": "*/2999*", "rateLimit": {"limit": 0, "perSeconds": 1}},
        {"path": "*/5000*", "error": {"status": 500}},
    ],
}
ERRORS: Final[dict[str, tuple[str, str, Any, int, tuple[Any, Any, Any]]]] = {
    "a parameter": ("GET", f"{TASKS}/x", OPERATOR, 400, ("COM10001", 1001, 10001)),
    "a sort": ("GET", f"{TASKS}?sort=name,asc", OPERATOR, 400, ("COM10011", 1011, 10001)),
    "a broken body": ("POST", RETRY, OPERATOR, 400, ("COM10003", 1003, 10001)),
    "a large body": ("POST", RETRY, OPERATOR, 413, ("COM10003", 1003, 10001)),
    "nobody": ("GET", TASKS, None, 401, ("IAM10000", 3000, 30000)),
    "a wrong password": ("GET", TASKS, ("viewer", "x"), 401, ("IAM10004", 3004, 30004)),
    "no permission": ("POST", RETRY, VIEWER, 403, ("IAM11000", 3100, 30014)),
    "no route": ("GET", "/nothing", OPERATOR, 404, ("COM10002", 1002, 10002)),
    "another method": ("PUT", TASKS, OPERATOR, 405, ("COM10008", 1008, 10001)),
    "no task": ("GET", f"{TASKS}/7", OPERATOR, 404, ("TSK10001", 4001, 20000)),
    "no subtask": ("POST", f"{TASKS}/1000/subtasks/7/skip", OPERATOR, 404, ("TSK10001", 4001, 20000)),
    "the state": ("POST", f"{TASKS}/1000/subtasks/10000/retry", OPERATOR, 400, ("TSK10007", 4007, 20003)),
    "a prohibited rollback": ("POST", f"{TASKS}/3000/rollback", OPERATOR, 400, ("TSK10009", 4009, 20004)),
    "a subtask to keep": ("POST", f"{TASKS}/3000/subtasks/30000/skip", OPERATOR, 400, ("TSK10010", 4010, 20003)),
    "a throttle": ("GET", f"{TASKS}/2999", OPERATOR, 429, (0, 0, 0)),
    "an unexpected one": ("GET", f"{TASKS}/5000", OPERATOR, 500, ("COM10999", 1999, 10010)),
}
"""Method, path, user, status; codes in the order of NAMES. From the documents' tables, not from ours."""
BODIES: Final[dict[str, dict[str, Any]]] = {
    "a broken body": {"data": b"no gzip", "headers": {"Content-Encoding": "gzip"}},
    "a large body": {"data": b"x" * (1024 * 1024 + 1)},
}


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, MockServer]]:
    """The world above in each variant."""
    servers = {
        name: MockServer(WORLD, dialect=variant.dialect, nulls=variant.nulls, field_names=variant.field_names)
        for name, variant in VARIANTS.items()
    }
    for one in servers.values():
        one.start()
    yield servers
    for one in servers.values():
        one.stop()


def asked(mock: MockServer, name: str) -> Response:
    method, path, auth, _, _ = ERRORS[name]
    return request(method, mock.api_url + path, auth=auth, timeout=30, **BODIES.get(name, {}))


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_has_the_dialects_code(served: dict[str, MockServer], name: str, dialect: DialectName) -> None:
    """Of the type that it has, too; and no dialect whose codes are of the other type would take the answer."""
    *_, status, codes = ERRORS[name]
    answer = asked(served[f"{dialect}-absent-sample"], name)
    body = answer.json()
    code = codes[NAMES.index(dialect)]
    assert (answer.status_code, body["error"]["code"], type(body["error"]["code"])) == (status, code, type(code))
    assert answer.headers["X-Mock-Contract"] == "valid"
    for other in NAMES:
        accepted = contract(Variant(other)).error(status).judge.is_valid(body)
        assert accepted == (code == 0 or DIALECTS[other].has_text_codes == isinstance(code, str)), other


@pytest.mark.parametrize(("dialect", "code"), list(zip(NAMES, ("COM10004", 1004, 10010), strict=True)))
def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch, dialect: DialectName, code: object) -> None:
    monkeypatch.setattr("mockserver.server.responses.BODY_SECONDS", 0.05)
    with MockServer(WORLD | {"auth": "open"}, dialect=dialect) as mock:
        path = mock.api_url.removeprefix(mock.url) + RETRY
        with socket.create_connection(("127.0.0.1", mock.port), timeout=30) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{".encode())
            answer = HTTPResponse(connection)
            answer.begin()
            assert (answer.status, json.loads(answer.read())["error"]["code"]) == (408, code)


def test_every_failure_has_a_code_in_every_dialect() -> None:
    assert len({frozenset(one.codes) for one in DIALECTS.values()}) == 1
    assert tuple(DIALECTS) == NAMES


@pytest.mark.parametrize("dialect", [name for name, one in DIALECTS.items() if not one.has_text_codes])
def test_a_code_that_is_a_number_is_a_java_int(dialect: DialectName) -> None:
    code = contract(Variant(dialect)).checker("error-code")
    bounds = (-(2**31) - 1, -(2**31), 0, 2**31 - 1, 2**31)
    assert [code.accepts(number) for number in bounds] == [False, True, True, True, False]


@pytest.mark.parametrize("dialect", NAMES)
def test_a_code_that_a_fault_asks_for(dialect: DialectName) -> None:
    """A number is digits where codes are text, but for the 0 of a 429; a word is none where they are numbers."""
    row = DIALECTS[dialect]
    found = [row.code("bad parameter", given) for given in (0, 1, -1, 7, "MINE")]
    own = row.codes["bad parameter"]
    assert found == ([0, "1", "-1", "7", "MINE"] if row.has_text_codes else [0, 1, -1, 7, own])


def test_a_429_has_a_schema_of_its_own() -> None:
    """Its traceId may be empty, as in the document's sample, and its code is the number 0."""
    throttled = contract().error(429)
    (example,) = contract().files[THROTTLED]["examples"]
    assert (example["status"], example["error"]["code"]) == (429, 0)
    found = [throttled.accepts({**example, "status": status, "traceId": ""}) for status in (428, 429, 430)]
    assert found == [False, True, False]
    assert not contract().error(428).accepts({**example, "status": 428, "traceId": ""})


def test_each_variant_has_schemas_at_an_address_of_its_own_and_the_usual_one_that_of_the_files() -> None:
    addresses = [contract(variant).files["error"]["$id"] for variant in VARIANTS.values()]
    assert len(set(addresses)) == len(VARIANTS)
    assert contract().files["error"]["$id"] == schema_files()["error"]["$id"]


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("name", OBJECTS)
def test_a_field_that_may_be_null_is_what_it_is_otherwise(dialect: DialectName, name: str) -> None:
    without, nulls = (contract(Variant(dialect, given)).files[name]["properties"] for given in ("absent", "null"))
    assert list(without) == list(nulls)
    for key, schema in without.items():
        allowed = nulls[key]
        if "$ref" in schema and schema != allowed:
            assert allowed == {"anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}]} | {
                word: said for word, said in schema.items() if word != "$ref"
            }
        else:
            assert {**allowed, "type": None} == {**schema, "type": None}


# --- answers ---------------------------------------------------------------------------------------------------------

READS: Final = {"listTaskInstances": TASKS, "getTaskInstance": f"{TASKS}/1000", "retrySubtask": RETRY}


@pytest.fixture(scope="module")
def answers(served: dict[str, MockServer]) -> dict[str, dict[str, Any]]:
    """Of each variant, with an error among them."""
    found: dict[str, dict[str, Any]] = {}
    for name, mock in served.items():
        mock.reset()
        found[name] = {
            id: request(OPERATIONS[id].method, mock.api_url + path, auth=OPERATOR, timeout=30).json()
            for id, path in READS.items()
        }
        found[name]["error"] = asked(mock, "the state").json()
    return found


def checker_of(id: str, of: Contract) -> Checker:
    return of.error(400) if id == "error" else of.response(id)


@pytest.mark.parametrize("name", VARIANTS)
def test_an_answer_is_valid_in_its_own_variant(answers: dict[str, dict[str, Any]], name: str) -> None:
    of = contract(VARIANTS[name])
    for id, answer in answers[name].items():
        assert checker_of(id, of).problems(answer) == [], id
        assert checker_of(id, of).accepts(answer)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_other_variant_takes_all_of_its_answers(answers: dict[str, dict[str, Any]], name: str) -> None:
    for other, variant in VARIANTS.items():
        of = contract(variant)
        taken = all(checker_of(id, of).accepts(answer) for id, answer in answers[name].items())
        assert taken == (other == name), other


def nulls_in(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "context":  # a fixture's own
                yield from nulls_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from nulls_in(item)
    elif value is None:
        yield value


@pytest.mark.parametrize("variant", slow_but(["ocp-4.2.2-absent-sample"], VARIANTS))
@pytest.mark.parametrize("fixture", slow_but(["tour"], golden_answers.fixtures()))
def test_every_answer_of_every_fixture_is_valid_and_has_no_null_unless_asked_for(fixture: str, variant: str) -> None:
    """The requests of the golden answers."""
    of = contract(VARIANTS[variant])
    dialect, nulls, field_names = VARIANTS[variant]
    settings = {"dialect": dialect, "nulls": nulls, "field_names": field_names}
    for name, answer in golden_answers.answers(fixture, **settings).items():
        operation, line = name.split(" ", 1)
        status, body = answer["status"], answer["body"]
        assert answer["headers"]["x-mock-contract"] == "valid", name
        if answer["headers"]["content-type"] != "application/json":
            continue
        checker = of.response(operation) if status == 200 else of.error(status)
        assert checker.judge.is_valid(body), (name, checker.problems(body))
        assert nulls == "null" or not list(nulls_in(body)), (name, line)


def test_with_nulls_every_documented_field_is_there(answers: dict[str, dict[str, Any]]) -> None:
    task = answers["ocp-4.2.2-null-sample"]["getTaskInstance"]["data"]
    assert len(task) == 15
    assert {len(subtask) for subtask in task["subtasks"]} == {19}
    assert task["finishTime"] is None or task["status"] != "RUNNING"


# --- what else is the dialect's --------------------------------------------------------------------------------------


def test_express_has_other_fields(answers: dict[str, dict[str, Any]]) -> None:
    """The engine's: no cluster, className and context; tenantInfo in the place of tenant; a creator is a name."""
    task = answers["ocp-express-absent-sample"]["getTaskInstance"]["data"]
    assert task["tenantInfo"] == {"obTenantId": 1002, "name": "sales"}
    assert task["creator"] == {"name": "admin"}
    assert not {"tenant", "cluster"} & task.keys()
    assert not {"className", "context"} & task["subtasks"][0].keys()
    creator = contract(Variant("ocp-express")).checker("creator")
    assert (creator.accepts({"name": "admin"}), creator.accepts({"id": 1, "name": "admin"})) == (True, False)


def test_a_long_past_the_browsers_is_text_where_the_dialect_has_it_so(answers: dict[str, dict[str, Any]]) -> None:
    for name, found in answers.items():
        ids = [task["id"] for task in found["listTaskInstances"]["data"]["contents"]]
        large = str(HUGE) if name.startswith("ocp-express") else HUGE
        assert ids == [large, 3000, 1000]
        subtask = found["getTaskInstance"]["data"]["subtasks"][1]
        assert subtask["downstream" if name.endswith("table") else "downstreams"] == [large]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_long_that_is_a_number_everywhere(sign: int) -> None:
    long = contract(Variant("ocp-express")).checker("long")
    assert [long.accepts(id) for id in (sign * SAFE, sign * (SAFE + 1), str(sign * (SAFE + 1)))] == [True, False, True]
    for id in (sign * SAFE, sign * (SAFE + 1)):
        with MockServer({"tasks": [{"id": id, "subtasks": []}]}, dialect="ocp-express") as mock:
            answer = request("GET", f"{mock.api_url}{TASKS}/{id}", timeout=30).json()
            assert answer["data"]["id"] == (id if abs(id) == SAFE else str(id))


@pytest.mark.slow
@pytest.mark.parametrize(("dialect", "run_time"), list(zip(NAMES, (2, 2, 1), strict=True)))
def test_whether_a_retry_counts(served: dict[str, MockServer], dialect: str, run_time: int) -> None:
    """The document counts executions; the engine counts no operator's retry of a subtask, but that of a task."""
    mock = served[f"{dialect}-absent-sample"]
    for path, counted in ((RETRY, run_time), (f"{TASKS}/1000/retry", 2)):
        mock.reset()
        request("POST", mock.api_url + path, auth=OPERATOR, timeout=30)
        assert mock.task(1000).subtask(10001).run_time == counted


@pytest.mark.parametrize(("dialect", "has_data"), list(zip(NAMES, (True, True, False), strict=True)))
def test_what_a_rollback_answers(served: dict[str, MockServer], dialect: str, has_data: bool) -> None:
    mock = served[f"{dialect}-absent-sample"]
    mock.reset()
    answer = request("POST", f"{mock.api_url}{TASKS}/1000/rollback", auth=OPERATOR, timeout=30)
    assert (answer.status_code, "data" in answer.json()) == (200, has_data)
    assert mock.task(1000).operation == "ROLLBACK"


def test_every_read_above_is_an_operation() -> None:
    for id, path in READS.items():
        assert route(OPERATIONS[id].method, path[1:]).operation is OPERATIONS[id]


# --- what is not known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nulls", ["absent", "null"])
def test_a_reference_of_which_the_dialect_says_nothing_is_not_known(nulls: Any) -> None:
    """OCP Express says neither a tenant's own id nor its mode."""
    task = {"id": 1, "tenant": {"id": 3, "mode": "MYSQL"}, "subtasks": []}
    with MockServer({"tasks": [task]}, dialect="ocp-express", nulls=nulls) as mock:
        answer = request("GET", f"{mock.api_url}{TASKS}/1", timeout=30)
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert answer.json()["data"].get("tenantInfo", "absent") == ("absent" if nulls == "absent" else None)
