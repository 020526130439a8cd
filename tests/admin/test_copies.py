"""Copies of requests: tests that pass, and fail when the answer is another one; lines for a shell that do it again."""

import ast
import base64
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

import pytest
import requests
import yaml
from clients import API, FOREVER, RETRY, SUBTASK, TASK, TASKS, Client, Json, said, world_of
from processes import END_S, PACKAGE, needed, plugin_is_installed
from raw_sockets import request
from slow import slow_but
from waiting import waiting

from mockserver import MockServer
from mockserver.contract.dialects import DEFAULT, DIALECTS, DialectName

OPERATOR, VIEWER, NOBODY = (("operator", "operator"), ("viewer", "viewer"), ("nobody", "nobody"))
WORLD: Final[Json] = {
    "auth": "basic",
    "users": {
        "operator": {"password": "operator", "permissions": ["TASK_MANAGER"]},
        "viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"]},
        "nobody": {"password": "nobody"},
        "jürgen": {"password": "päß 'wort\"", "permissions": ["ADMIN"]},
    },
    "clock": {"mode": "manual", "now": "2021-08-25T15:10:13.121+08:00"},
    "server": "a83ad33525",
    "seed": 7,
    "tasks": [
        {
            "id": 1000,
            "name": 'Uninstall "ocp" \\ agent\n',
            "subtasks": [
                {"id": 10000, "name": "Check host", "status": "SUCCESSFUL"},
                {
                    "id": 10001,
                    "name": "Uninstall",
                    "status": "FAILED",
                    "upstreams": [10000],
                    "log": "ssh: connect to host\n'''\"\"\" {refused}",
                    "context": {"no": [1, 2.5, None, {"b": "\u2028"}]},
                },
                {"id": 10002, "upstreams": [10001]},
            ],
        },
        {"id": 2000, "subtasks": [{"id": 20000, **FOREVER}]},
        {"id": 3000, "subtasks": [{"id": 30000, "status": "FAILED", "prohibitRollback": True}]},
        {"id": 4000, "subtasks": [{"id": 40000, "status": "SUCCESSFUL"}]},
    ],
}
DELAY: Final[Json] = {"fixedDelayMilliseconds": 20}


class Case(NamedTuple):
    """A request, and what its copy must have in it."""

    method: str
    path: str
    status: int | None
    auth: tuple[str, str] | None = OPERATOR
    rule: Json | None = None
    denial: Json | None = None
    options: Json = {}  # noqa: RUF012 - nobody changes it
    needs: str = ""
    why: str | None = None


CANCEL: Final = f"{TASKS}/2000/subtasks/20000/cancel"
DIAGNOSIS: Final = f"{TASK}/downloadDiagnosis"
ACTING: Final[dict[str, tuple[str, str]]] = {
    "retryTask": (f"{TASK}/retry", f"{TASKS}/4000/retry"),
    "rollbackTask": (f"{TASK}/rollback", f"{TASKS}/4000/rollback"),
    "retrySubtask": (RETRY, f"{TASK}/subtasks/10000/retry"),
    "skipSubtask": (f"{SUBTASK}/skip", f"{TASK}/subtasks/10000/skip"),
    "cancelSubtask": (CANCEL, f"{SUBTASK}/cancel"),
}
"""What is allowed, and what the state forbids."""
READING: Final[dict[str, tuple[str, str]]] = {
    "getTaskInstance": ("GET", TASK),
    "getSubtaskLog": ("GET", f"{SUBTASK}/log"),
    "downloadTaskDiagnosis": ("POST", DIAGNOSIS),
    "listTaskInstances": ("GET", f"{TASKS}?size=2&name=task&sort=id,asc"),
}


def cases() -> Iterator[tuple[str, Case]]:
    """Every operation with every answer that it can have."""
    for name, (path, refused) in ACTING.items():
        yield f"{name} 200", Case("POST", path, 200)
        yield f"{name} TSK10007", Case("POST", refused, 400, needs="TSK10007")
        yield from refusals(name, "POST", path, VIEWER)
    yield "rollbackTask TSK10009", Case("POST", f"{TASKS}/3000/rollback", 400, needs="TSK10009")
    for name, (method, path) in READING.items():
        yield f"{name} 200", Case(method, path, 200, VIEWER)
        yield from refusals(name, method, path, NOBODY)
    yield "list 400", Case("GET", f"{TASKS}?size=0&status=BROKEN", 400)
    yield "list of none", Case("GET", f"{TASKS}?name=%22%7Bnobody%7D", 200)
    yield "no route", Case("GET", f"{API}/nowhere?x=1", 404, needs="10002")
    yield "no route elsewhere", Case("POST", "/nowhere", 404, None, needs="No route /nowhere")
    yield "wrong method", Case("DELETE", RETRY, 405, needs="requests.request('DELETE'")
    yield "HEAD", Case("HEAD", TASK, 200)
    yield "HEAD 404", Case("HEAD", f"{TASKS}/9", 404)
    yield "names in Latin", Case("POST", RETRY, 200, ("jürgen", "päß 'wort\""))
    yield "a user of nobody's", Case("GET", TASK, 401, ("stranger", "secret"), needs="('stranger', 'a-wrong-password')")
    yield "a body", Case("POST", RETRY, 200, options={"json": {"a": "'\"ü"}}, needs="application/json")
    yield (
        "a body of bytes",
        Case(
            *("POST", RETRY, 200),
            options={"data": b"\0\xff'"},
            needs='data=b"\\x00\\xff\'"',
            why="fetch: its body is no text",
        ),
    )
    yield (
        "a token",
        Case("GET", TASK, 401, None, options={"headers": {"Authorization": "Bearer secret"}}, needs="Bearer not-shown"),
    )
    yield (
        "not base64",
        Case("GET", TASK, 401, None, options={"headers": {"Authorization": "basic sécret"}}, needs="basic not-shown"),
    )
    yield (
        "a token alone",
        Case("GET", TASK, 401, None, options={"headers": {"Authorization": "secret"}}, needs="'not-shown'"),
    )
    yield "no colon", Case("GET", TASK, 401, None, options={"headers": {"Authorization": "Basic c2VjcmV0"}})


def refusals(name: str, method: str, path: str, may_not: tuple[str, str]) -> Iterator[tuple[str, Case]]:
    yield f"{name} 401", Case(method, path, 401, None, needs="IAM10000")
    yield f"{name} 401 wrong", Case(method, path, 401, ("operator", "secret"), needs="IAM10004")
    yield f"{name} 403", Case(method, path, 403, may_not, needs="IAM11000")
    denial = {"permission": "TASK_MANAGER" if may_not == VIEWER else "TASK_VIEWER"}
    yield f"{name} denied", Case(method, path, 403, denial=denial, needs="'denials'")
    task = re.search(r"/(\d+)", path.partition("instances")[2])
    if task is not None:
        missing = path.replace(task[0], "/9", 1)
        yield f"{name} 404", Case(method, missing, 404, needs="TSK10001")
        yield f"{name} 400", Case(method, path.replace(task[0], "/x", 1), 400, needs="10001")
    if "subtasks" in path:
        yield f"{name} no subtask", Case(method, re.sub(r"subtasks/\d+", "subtasks/9", path), 404, needs="TSK10001")


EFFECTS: Final[dict[str, tuple[Json, int | None]]] = {
    "error": ({"error": {"status": 503}}, 503),
    "error with words": ({"error": {"status": 401, "code": -1, "message": 'no "way"'}}, 401),
    "delay": (DELAY, 200),
    "uniform": ({"delayDistribution": {"type": "uniform", "lower": 1, "upper": 9}}, 200),
    "lognormal": ({"delayDistribution": {"type": "lognormal", "median": 5, "sigma": 0.1}}, 200),
    "delay and error": ({**DELAY, "error": {"status": 500}}, 500),
    "reset": ({"fault": "CONNECTION_RESET_BY_PEER"}, None),
    "empty": ({"fault": "EMPTY_RESPONSE"}, None),
    "malformed": ({"fault": "MALFORMED_RESPONSE_CHUNK"}, None),
    "random": ({"fault": "RANDOM_DATA_THEN_CLOSE"}, None),
    "late reset": ({**DELAY, "fault": "CONNECTION_RESET_BY_PEER"}, None),
    "truncate": ({"truncateBodyAtFraction": 0.5}, 200),
    "truncate to nothing": ({"truncateBodyAtFraction": 0}, 200),
    "truncate nothing": ({"truncateBodyAtFraction": 1}, 200),
    "dribble": ({"chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 20}}, 200),
    "html": ({"response": {"status": 502, "headers": {"content-type": "text/html"}, "body": "<h1>ü'\"</h1>"}}, 502),
    "json": ({"response": {"status": 200, "body": {"data": [1, None, True]}}}, 200),
    "nothing": ({"response": {"status": 204}}, 204),
    "redirect": ({"response": {"status": 302, "headers": {"Location": "/api/v2/tasks/instances"}}}, 302),
    "not gzip": ({"response": {"status": 200, "headers": {"Content-Encoding": "gzip"}, "body": "no"}}, 200),
    "remove": ({"violate": {"remove": "/data/status"}}, 200),
    "remove data": ({"violate": {"remove": "/data"}}, 200),
    "remove status": ({"violate": {"remove": "/status"}}, 200),
    "set": ({"violate": {"set": {"/data/status": "EXPLODED", "/traceId": 7}}}, 200),
    "violate": ({"violate": "random"}, 200),
    "rate limit": ({"rateLimit": {"limit": 0, "perSeconds": 1}}, 429),
}


def effects() -> Iterator[tuple[str, Case]]:
    """Every effect on a retry: by a rule, before and after it happens, and asked for by the request itself."""
    for name, (effect, status) in EFFECTS.items():
        for when in ("before", "after"):
            rule = {"operation": "retrySubtask", "times": 3, "when": when, **effect}
            yield f"{name} {when}", Case("POST", RETRY, status, rule=rule, needs="'faults'")
        if "rateLimit" not in effect:
            own = {"headers": {"X-Mock-Fault": json.dumps(effect)}}
            yield f"own {name}", Case("POST", RETRY, status, options=own, needs="X-Mock-Fault")
    for method, path in READING.values():
        for name in ("delay", "truncate", "violate", "remove data", "error"):
            rule, status = EFFECTS[name]
            yield f"{name} on {method} {path}", Case(method, path, status, rule=rule)
    yield "prefer", Case("GET", TASK, 404, options={"headers": {"Prefer": "code=404"}}, needs="'Prefer': 'code=404'")
    yield "a log's violation", Case("GET", f"{SUBTASK}/log", 200, rule={"violate": {"set": {"/data/log": 7}}})
    page = {"response": {"status": 200, "body": {"data": {"log": 7}}}}
    yield "a log of no subtask", Case("GET", f"{TASK}/subtasks/9/log", 200, rule=page)
    yield "a list of anything", Case("GET", TASKS, 200, rule=page)
    yield "HEAD malformed", Case("HEAD", TASK, None, rule={"fault": "MALFORMED_RESPONSE_CHUNK"})
    yield "HEAD reset", Case("HEAD", TASK, None, rule={"fault": "CONNECTION_RESET_BY_PEER"})
    yield "HEAD truncate", Case("HEAD", TASK, 200, rule={"truncateBodyAtFraction": 0.5})
    yield "late and denied", Case("POST", RETRY, 403, rule=DELAY, denial={"permission": "TASK_MANAGER"})
    yield "late and forbidden", Case("POST", RETRY, 403, VIEWER, rule=DELAY)
    yield "violate a refusal", Case("POST", RETRY, 403, VIEWER, rule={"violate": {"remove": "/error/code"}})
    matching = {"path": "*/retry", "method": "POST", "user": "operator", "probability": 1, "skip": 0}
    yield "every matcher", Case("POST", RETRY, 503, rule={**matching, "error": {"status": 503}})


CASES: Final = dict(cases())


def copied(client: Client, case: Case) -> Json:
    """The copies of a request that is sent in the world as it was loaded."""
    client.admin("POST", "/reset")
    if case.rule is not None:
        client.admin("POST", "/faults", case.rule)
    if case.denial is not None:
        client.admin("POST", "/denials", case.denial)
    auth = None if case.auth is None else tuple(text.encode() for text in case.auth)
    answer = None
    with suppress(requests.RequestException):
        answer = client(
            case.method, case.path, auth=auth, stream=True, allow_redirects=False, **case.options
        ).status_code
    assert case.status is None or answer == case.status
    copies: Json = client.latest("/copies")
    return copies


def spoiled(source: str) -> str:
    """The same test, where the answer is another one."""
    other = """('X-Mock-Fault': )(?:'.*'|".*")"""
    if re.search(other, source) or "code=404" in source:
        return re.sub(other, r"""\1'{"error": {"status": 418}}'""", source).replace("code=404", "code=418")
    if "nowhere" in source or "'DELETE'" in source:  # which no rule can match
        return source.replace(f"{API}/nowhere", TASKS).replace("/nowhere", TASKS).replace("'DELETE'", "'POST'")
    return source.replace("(ocp_mock):\n", "(ocp_mock):\n    ocp_mock.fault(error={'status': 418})\n")


def outcomes(pytester: pytest.Pytester, sources: dict[str, str]) -> dict[str, str]:
    """What became of each test, all in one run."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    files = {f"test_{number}": name for number, name in enumerate(sources)}
    for file, name in files.items():
        (pytester.path / f"{file}.py").write_text(sources[name], encoding="utf-8")
    entered = [] if plugin_is_installed() else ["-p", "mockserver.pytest_plugin"]
    result = pytester.inline_run(*entered, "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-q", "--tb=no")
    reports = [one for one in result.getreports("pytest_runtest_logreport") if one.when == "call"]
    return {files[one.nodeid.split(".py")[0]]: one.outcome for one in reports}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE.parent))
    monkeypatch.delenv("OCP_MOCK_FIXTURES", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def proven(pytester: pytest.Pytester, chosen: dict[str, Case], world: Json = WORLD) -> None:
    """That each copied test passes, and fails when the answer is another one."""
    sources: dict[str, str] = {}
    with MockServer(world) as mock, Client(mock) as client:
        for name, case in chosen.items():
            copies = copied(client, case)
            assert copies["why"] == case.why, name
            assert case.needs in copies["pytest"], f"{name}: {copies['pytest']}"
            assert "secret" not in copies["pytest"] + copies["curl"], name
            sources[name] = copies["pytest"]
    twins = {f"{name}, spoiled": spoiled(source) for name, source in sources.items()}
    found = outcomes(pytester, sources | twins)
    assert {name: found[name] for name in sources if found[name] != "passed"} == {}
    assert {name: found[name] for name in twins if found[name] != "failed"} == {}


FEW: Final = [
    *("retrySubtask 200", "retrySubtask 403", "retrySubtask denied", "retrySubtask TSK10007", "retrySubtask 404"),
    *("getTaskInstance 200", "getTaskInstance 401", "getTaskInstance 401 wrong", "getTaskInstance 400"),
    *("getSubtaskLog 200", "downloadTaskDiagnosis 200", "listTaskInstances 200", "skipSubtask 200", "no route"),
]


@pytest.mark.usefixtures("alone")
def test_a_copied_test_passes_and_fails_when_the_answer_is_another(pytester: pytest.Pytester) -> None:
    spoiling = {name: case for name, case in effects() if name in ("error after", "reset before", "set after")}
    proven(pytester, {**{name: CASES[name] for name in FEW}, **spoiling})


WAYS: Final[dict[str, Json]] = {
    "all": {"dialect": "ocp-express", "nulls": "null", "arrayOrder": "shuffled", "fieldNames": "table"},
    "4.2.1": {"dialect": "ocp-4.2.1"},
    "express": {"dialect": "ocp-express"},
    "null": {"nulls": "null"},
    "shuffled": {"arrayOrder": "shuffled"},
}
"""Other ways to answer."""


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("way", slow_but(["all"], WAYS))
def test_a_copied_test_answers_in_the_same_way(pytester: pytest.Pytester, way: str) -> None:
    world = {**WORLD, **WAYS[way]}
    prefix = DIALECTS[world.get("dialect", DEFAULT)].prefix
    chosen = {name: CASES[name] for name in FEW if name != "no route"}
    there = {name: case._replace(path=case.path.replace(API, prefix), needs="") for name, case in chosen.items()}
    proven(pytester, there, world)


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_every_operation_and_answer_can_be_copied(pytester: pytest.Pytester) -> None:
    proven(pytester, CASES)


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_every_effect_can_be_copied(pytester: pytest.Pytester) -> None:
    proven(pytester, dict(effects()))


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_a_hang_is_copied_with_a_short_patience(pytester: pytest.Pytester) -> None:
    with MockServer(WORLD) as mock, Client(mock) as client:
        client.admin("POST", "/faults", {"fault": "HANG"})
        with waiting(client, request()):
            source = client.latest("/copies")["pytest"]
    assert "timeout=1)" in source
    found = outcomes(pytester, {"hang": source, "spoiled": spoiled(source)})
    assert found == {"hang": "passed", "spoiled": "failed"}


OTHER_WORLDS: Final = {
    "retrySubtask 200": ("'name': 'Uninstall'", "'name': 'Install'"),
    "retrySubtask TSK10007": ("'status': 'SUCCESSFUL'", "'status': 'FAILED'"),
    "getTaskInstance 200": ("Check host", "Check hosts"),
    "getTaskInstance 401": ("'auth': 'basic'", "'auth': 'open'"),
    "getTaskInstance 401 wrong": ("'password': 'operator'", "'password': 'a-wrong-password'"),
    "retrySubtask 403": ("TASK_VIEWER", "TASK_MANAGER"),
    "getSubtaskLog 200": ("ssh: ", "scp: "),
    "listTaskInstances 200": ("'id': 2000,", "'id': 2001,"),
}


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_a_copied_test_fails_in_another_world(pytester: pytest.Pytester) -> None:
    """Its WORLD is what its answer comes from."""
    with MockServer(WORLD) as mock, Client(mock) as client:
        sources = {name: copied(client, CASES[name])["pytest"] for name in OTHER_WORLDS}
    for name, (old, _) in OTHER_WORLDS.items():
        assert old in sources[name].partition("@pytest")[0], sources[name]
    changed = {name: sources[name].replace(old, new, 1) for name, (old, new) in OTHER_WORLDS.items()}
    assert outcomes(pytester, changed) == dict.fromkeys(OTHER_WORLDS, "failed")


ONE_OF_SIX: Final[dict[str, tuple[str, Json, list[int]]]] = {
    "skip and times": ("faults", {"skip": 1, "times": 2, "error": {"status": 503}}, [200, 503, 503, 200, 200, 200]),
    "dice": ("faults", {"probability": 0.5, "error": {"status": 503}}, [503, 200, 200, 200, 503, 200]),
    "rate": ("faults", {"rateLimit": {"limit": 3, "perSeconds": 60}}, [200, 200, 200, 429, 429, 429]),
    "denial": ("denials", {"permission": "TASK_VIEWER", "times": 2}, [403, 403, 200, 200, 200, 200]),
}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", slow_but(["skip and times", "denial"], ONE_OF_SIX))
def test_rules_count_on_in_a_copied_test(pytester: pytest.Pytester, name: str) -> None:
    """Each of six requests is answered as it was, whatever the rule had counted before it."""
    kind, rule, statuses = ONE_OF_SIX[name]
    with MockServer(WORLD) as mock, Client(mock) as client:
        client.admin("POST", f"/{kind}", rule)
        assert [client.get(TASK, auth=OPERATOR).status_code for _ in statuses] == statuses
        client.admin("DELETE", f"/{kind}")
        sources = {str(id): client.admin("GET", f"/requests/{id}/copies")["pytest"] for id in range(1, 7)}
    assert outcomes(pytester, sources) == dict.fromkeys(sources, "passed")


def test_a_copied_test_is_named_for_what_happened() -> None:
    names = {
        "retrySubtask 403": "test_retry_subtask_is_403",
        "no route": "test_get_is_404",
        "reset after": "test_retry_subtask_meets_connection_reset_by_peer",
        "violate before": "test_retry_subtask_breaks_the_contract",
        "truncate before": "test_retry_subtask_is_cut_off",
        "delay before": "test_retry_subtask_is_200_late",
    }
    every = CASES | dict(effects())
    with MockServer(WORLD) as mock, Client(mock) as client:
        for case, name in names.items():
            tree = ast.parse(copied(client, every[case])["pytest"])
            assert [one.name for one in tree.body if isinstance(one, ast.FunctionDef)] == [name]


def test_a_test_has_the_world_as_it_was() -> None:
    """Also when it has changed since; for the API's own prefix whatever the server's."""
    with MockServer(WORLD, api_prefixes=["/ocp/v1"]) as mock, Client(mock) as client:
        client.post(RETRY.replace(API, "/w/anna/ocp/v1"), auth=OPERATOR)
        mock_anna = MockServer.connect(mock.url, world="anna")
        mock_anna.advance("1h")
        mock_anna.task(1000).subtask(10001).set(status="SUCCESSFUL")
        copies = client("GET", "/w/anna/__admin/requests/1/copies").json()
    world = literal_in(copies["pytest"])
    assert [task["id"] for task in world["tasks"]] == [1000, 2000, 3000, 4000]
    assert world["tasks"][0]["subtasks"][1]["status"] == "FAILED"
    assert world["clock"] == {"mode": "manual", "now": "2021-08-25T15:10:13.121+08:00"}
    assert f"'{RETRY}'" in copies["pytest"]
    assert copies["curl"].endswith("/w/anna/ocp/v1/tasks/instances/1000/subtasks/10001/retry")
    assert copies["why"] is None


def literal_in(source: str) -> Any:
    [world] = [
        one.value
        for one in ast.parse(source).body
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "WORLD"
    ]
    return ast.literal_eval(world)


@pytest.mark.parametrize("case", [case for name, case in CASES.items() if name in FEW], ids=FEW)
def test_the_world_of_a_test_is_the_fixture(case: Case) -> None:
    with MockServer(WORLD) as mock, Client(mock) as client:
        copies = copied(client, case)
    assert literal_in(copies["pytest"]) == yaml.safe_load(copies["fixture"])


def test_a_test_asks_under_the_prefix_that_its_world_had_then(failed: Client) -> None:
    """Whatever dialect it speaks by now."""
    failed.mock.set_settings(dialect="ocp-express")
    failed.get(TASK.replace(API, "/api/v1"))
    failed.mock.set_settings(dialect="ocp-4.2.1")
    source = failed.latest("/copies")["pytest"]
    assert "ocp_mock.url + '/api/v1/tasks/instances/1000'" in source
    assert literal_in(source)["dialect"] == "ocp-express"


def test_a_fixture_has_its_null_in_quotes(failed: Client) -> None:
    failed.mock.set_settings(nulls="null", array_order="shuffled")
    failed.get(TASK)
    text = failed.latest("/copies")["fixture"]
    assert "nulls: 'null'\n" in text
    assert yaml.safe_load(text)["arrayOrder"] == "shuffled"


# --- what cannot be copied -----------------------------------------------------------------------------------------


def refused(client: Client) -> str:
    copies = client.latest("/copies")
    assert copies["pytest"] is None
    return str(copies["why"])


def test_a_request_that_still_waits_has_no_test_yet(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fixedDelayMilliseconds": 60_000})
    with waiting(failed, request()):
        assert refused(failed) == "pytest: it has no answer (yet)"


@pytest.mark.parametrize(
    "headers", [{"X-Mock-Fault": "nonsense"}, {"X-Mock-World": "no/name"}, {"Content-Encoding": "gzip"}], ids=str
)
def test_what_was_refused_for_a_header_that_is_not_kept_makes_no_copy(failed: Client, headers: dict[str, str]) -> None:
    """Sent without it, it would be answered otherwise."""
    assert failed.get(TASK, headers=headers, data=b"no gzip").status_code == 400
    copies = failed.latest("/copies")
    assert (copies["curl"], copies["pytest"]) == (None, None)
    assert copies["why"].count("what was wrong with it is not kept") == 2


def test_a_content_type_that_clients_do_not_send_makes_no_copy(failed: Client) -> None:
    assert failed.post(RETRY, data=b"x", headers={"Content-Type": b"text/\xff"}).status_code == 200
    assert refused(failed) == "curl: its Content-Type is not ASCII; pytest: its Content-Type is not ASCII"


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


@pytest.mark.parametrize("sign", ["\0", "\n", "\x1b[31m", "\u202e"], ids=ascii)
def test_no_copied_line_has_a_sign_that_a_terminal_obeys(failed: Client, sign: str) -> None:
    """In credentials, nor, but for the line breaks of a text, in a body."""
    needed("curl")
    failed.post(RETRY, headers={"Authorization": basic(f"a{sign}b:c")}, data=f"{{}}{sign.strip()}".encode())
    line, before = failed.latest("/copies")["curl"], failed.latest()["request"]
    assert not {character for character in line if character < " " or character == "\x7f"}
    subprocess.check_output(line, shell=True, stderr=subprocess.DEVNULL, timeout=END_S)
    after = failed.latest()["request"]
    assert (after["user"], after["requestBody"]) == (before["user"], before["requestBody"])


def test_a_log_is_copied_from_its_answer(failed: Client) -> None:
    """So that it is exact whatever has become of the world."""
    failed.get(f"{SUBTASK}/log")
    source = failed.latest("/copies")["pytest"]
    failed.admin("PUT", "/state", {"tasks": []})
    assert failed.latest("/copies")["pytest"] == source


def test_a_body_that_is_cut_makes_no_copy(failed: Client) -> None:
    failed.post(RETRY, data=b"x" * 20_000)
    copies = failed.latest("/copies")
    assert (copies["curl"], copies["pytest"]) == (None, None)
    assert "its body was longer" in copies["why"]


def test_of_an_answer_that_is_cut_only_the_status_is_asserted() -> None:
    with MockServer(world_of(60)) as mock, Client(mock) as client:
        client.get(f"{TASKS}/1")
        source = client.latest("/copies")["pytest"]
    assert source.endswith("    assert answer.status_code == 200\n")


@pytest.mark.parametrize("path", ["/api/v2/tasks/instances/../x", "/api/v2/tasks/instances/%2e%2E"])
def test_a_path_that_requests_would_tidy_up_makes_no_test(failed: Client, path: str) -> None:
    needed("curl")
    subprocess.run(
        ["curl", "-sS", "--path-as-is", failed.mock.url + path], check=True, timeout=END_S, capture_output=True
    )
    assert "tidies" in refused(failed)
    assert "--path-as-is" in failed.latest("/copies")["curl"]


@pytest.mark.parametrize(("method", "below"), [("GET", "nowhere"), ("DELETE", "tasks/instances")])
def test_an_answer_that_names_its_path_is_not_copied_to_another_path(method: str, below: str) -> None:
    with MockServer(WORLD, api_prefixes=["/ocp"]) as mock, Client(mock) as client:
        assert f"/ocp/{below}" in client(method, f"/ocp/{below}", auth=OPERATOR).json()["error"]["message"]
        assert "names its path" in refused(client)


@pytest.mark.parametrize("dialect", ["ocp-4.2.2", "ocp-express"])
def test_a_path_of_another_dialect_makes_no_test(dialect: DialectName) -> None:
    """Whether a test's server has it depends on that server."""
    other = {"/api/v1", "/api/v2"} - {DIALECTS[dialect].prefix}
    with MockServer(WORLD, dialect=dialect) as mock, Client(mock) as client:
        assert client.get(TASK.replace(API, other.pop())).status_code == 404
        assert "another's" in refused(client)


# --- curl ----------------------------------------------------------------------------------------------------------

CURLED: Final = [
    *("retrySubtask 200", "retrySubtask 403", "getTaskInstance 401", "getTaskInstance 401 wrong", "HEAD", "no colon"),
    *("wrong method", "a body", "a body of bytes", "names in Latin", "list of none", "no route elsewhere", "a token"),
]


@pytest.mark.parametrize("name", CURLED)
def test_a_copied_line_asks_the_same_again(name: str) -> None:
    needed("curl")
    with MockServer(WORLD) as mock, Client(mock) as client:
        line = copied(client, CASES[name])["curl"]
        before = client.latest()["request"]
        client.admin("POST", "/reset")
        shown = subprocess.check_output(line, shell=True, text=True, stderr=subprocess.DEVNULL, timeout=END_S)
        after = client.latest()["request"]
    assert shown.startswith(f"HTTP/1.1 {before['status']} ")
    for key in ("method", "path", "user", "requestBody", "status", "responseBody"):
        assert after[key] == before[key], key
    assert "\n" not in line


def test_a_line_asks_for_the_fault_that_the_request_asked_for(failed: Client) -> None:
    needed("curl")
    failed.get(TASK, headers={"Prefer": "code=503"})
    line = failed.latest("/copies")["curl"]
    assert line == f"curl -i -H 'Prefer: code=503' {failed.mock.url}{TASK}"
    shown = subprocess.check_output(shlex.split(line), text=True, stderr=subprocess.DEVNULL, timeout=END_S)
    assert shown.startswith("HTTP/1.1 503 ")


def test_a_line_names_the_world_that_a_header_named(failed: Client) -> None:
    failed.get(TASK, headers={"X-Mock-World": "anna"})
    line = failed.get("/w/anna/__admin/requests/1/copies").json()["curl"]
    assert line == f"curl -i -H 'X-Mock-World: anna' {failed.mock.url}{TASK}"
    assert said(failed.get(TASK)) == (200, None)


def test_a_world_in_the_query_is_none_in_the_path(failed: Client) -> None:
    failed.get(f"{TASK}?x=/w/anna/", headers={"X-Mock-World": "anna"})
    assert "-H 'X-Mock-World: anna'" in failed.get("/w/anna/__admin/requests/1/copies").json()["curl"]


def test_any_credentials_will_do_where_there_are_no_users(failed: Client) -> None:
    failed.get(TASK, auth=("me", "secret"))
    copies = failed.latest("/copies")
    assert "-u me:any-password" in copies["curl"]
    assert "auth=('me', 'any-password')" in copies["pytest"]
