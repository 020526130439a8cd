"""The public surface as tables: what users can name, call, type and write, whatever the package is like inside.

What is lost or changed fails. So does what is new: it is public from that day on, so it gets its line here, on purpose.
"""

import importlib
import json
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from surface import (
    PROPERTY,
    assert_same,
    attributes,
    command_help,
    commands,
    flags,
    keys,
    members,
    positionals,
    public,
    routes,
    signature,
    spread,
    taken_keywords,
)

import mockserver
from mockserver import ControlError, FixtureError, Handle, MockServer

SCHEMAS: Final = Path(__file__).resolve().parent.parent / "schemas"
TIMEOUT_S: Final = 30

# --- Python: methods with their parameters, and properties ---------------------------------------------------------

NAMES: Final = {
    "ControlError": "type",
    "FixtureError": "type",
    "Handle": "type",
    "MockServer": "type",
    "Scenario": "type",
    "__version__": "str",
    "create_app": "function",
    "scenarios": "function",
}
CALLS: Final = {
    "MockServer": (
        "(source=None, *, host='127.0.0.1', port=0, clock=None, speed=None, auth=None, seed=None, dialect=None, "
        "nulls=None, array_order=None, field_names=None, api_prefixes=None, admin_token=None, forward=None, "
        "forward_paths=(), forward_ca=None, forward_insecure=False)"
    ),
    "create_app": (
        "(source=None, *, api_prefixes=None, overrides=None, admin=True, admin_token=None, allowed_hosts=(), "
        "allowed_origins=(), forward=None, forward_paths=(), forward_ca=None, forward_insecure=False)"
    ),
    "scenarios": "(operation=None)",
}
SCENARIO: Final = "code fixture id method operation path status task to_json"
ERRORS: Final = {
    "ControlError": "status message details",
    "FixtureError": "problems unreadable",
    "problem": "file line column message",
}
HANDLE: Final = {
    "url": PROPERTY,
    "api_url": PROPERTY,
    "advance": "(by=None, *, to=None, until=None)",
    "assert_requested": "(operation=None, *, count=None, **filters)",
    "clear_denials": "(id=None)",
    "clear_faults": "(id=None)",
    "clear_requests": "()",
    "clear_stubs": "(id=None)",
    "clock": "()",
    "close": "()",
    "clear_contract": "()",
    "contract": "(*, worlds=None)",
    "expecting_client_errors": "(*, status=None, operation=None, times=None)",
    "denials": "()",
    "deny": "(permission, **rule)",
    "fault": "(**rule)",
    "faults": "()",
    "fixtures": "()",
    "history": "(**filters)",
    "load": "(source)",
    "permissions": "()",
    "requests": "(operation=None, *, limit=None, **filters)",
    "reset": "()",
    "restore": "(name)",
    "set_clock": "(mode, *, now=None, speed=None)",
    "set_settings": "(**fields)",
    "settings": "()",
    "snapshot": "(name)",
    "state": "()",
    "stub": "(mapping)",
    "stubs": "()",
    "task": "(id)",
}
MOCK_SERVER: Final = {
    **HANDLE,
    "connect": "(url, *, world=None, admin_token=None)",
    "is_running": PROPERTY,
    "port": PROPERTY,
    "start": "()",
    "stop": "()",
}
KEYWORDS: Final = {
    "assert_requested": (
        "method path query headers json "
        "status user task_instance_id subtask_instance_id trace_id kind client_error since"
    ),
    "deny": "user operation task_instance_id times",
    "fault": (
        "operation method path task_instance_id subtask_instance_id user when skip times probability "
        "error fault response truncate_body_at_fraction chunked_dribble_delay violate rate_limit "
        "fixed_delay_milliseconds delay_distribution"
    ),
    "history": "task_instance_id subtask_instance_id since limit",
    "requests": (
        "method path query headers json "
        "status user task_instance_id subtask_instance_id trace_id kind client_error since"
    ),
    "set_settings": "auth dialect nulls array_order field_names scheduler server seed",
}
TASK_FIELDS: Final = (
    "name status operation type executor create_time start_time finish_time prohibit_rollback creator cluster tenant "
    "host_id task_definition_id subtasks"
)
SUBTASK_FIELDS: Final = (
    "name status operation run_time executor start_time finish_time create_time log context upstreams downstreams "
    "runs rollbacks next_run next_rollback due outcome outcome_log outcome_log_from outcome_log_to timeout retry_count "
    "prohibit_rollback skippable series_id description class_name node_type parallel_idx"
)
"""Each can be read, and given to `set`."""
THING: Final = {"id": PROPERTY, "json": "()", "set": "(**fields)"}
TASK: Final = {**THING, "subtask": "(id)", **dict.fromkeys(TASK_FIELDS.split(), PROPERTY)}
SUBTASK: Final = {**THING, **dict.fromkeys(SUBTASK_FIELDS.split(), PROPERTY)}

# --- HTTP: routes with their query parameters ----------------------------------------------------------------------

API: Final = {
    "GET /api/v2/tasks/instances": (
        "name keyword status type clusterName cluterName clusterId tenantName tenantId hostId page size sort"
    ),
    "GET /api/v2/tasks/instances/{taskInstanceId}": "",
    "POST /api/v2/tasks/instances/{taskInstanceId}/downloadDiagnosis": "",
    "POST /api/v2/tasks/instances/{taskInstanceId}/retry": "",
    "POST /api/v2/tasks/instances/{taskInstanceId}/rollback": "",
    "GET /api/v2/tasks/instances/{taskInstanceId}/subtasks/{subtaskInstanceId}/log": "",
    "POST /api/v2/tasks/instances/{taskInstanceId}/subtasks/{subtaskInstanceId}/cancel": "",
    "POST /api/v2/tasks/instances/{taskInstanceId}/subtasks/{subtaskInstanceId}/retry": "",
    "POST /api/v2/tasks/instances/{taskInstanceId}/subtasks/{subtaskInstanceId}/skip": "",
}
CONTROL: Final = {
    "GET /__admin/clock": "",
    "PUT /__admin/clock": "",
    "POST /__admin/clock/advance": "",
    "GET /__admin/contract": "worlds",
    "DELETE /__admin/contract": "worlds",
    "GET /__admin/contract/client-errors": "worlds",
    "GET /__admin/contract/expectations": "worlds",
    "POST /__admin/contract/expectations": "",
    "DELETE /__admin/contract/expectations": "worlds",
    "GET /__admin/contract/expectations/{id}": "",
    "DELETE /__admin/contract/expectations/{id}": "",
    "GET /__admin/denials": "",
    "POST /__admin/denials": "",
    "DELETE /__admin/denials": "",
    "GET /__admin/denials/{id}": "",
    "DELETE /__admin/denials/{id}": "",
    "GET /__admin/events": "",
    "GET /__admin/faults": "",
    "POST /__admin/faults": "",
    "DELETE /__admin/faults": "",
    "GET /__admin/faults/{id}": "",
    "DELETE /__admin/faults/{id}": "",
    "GET /__admin/fixtures": "",
    "POST /__admin/fixtures/reload": "",
    "POST /__admin/fixtures/{name}/load": "",
    "GET /__admin/health": "",
    "GET /__admin/history": "taskInstanceId subtaskInstanceId since limit",
    "GET /__admin/openapi.json": "",
    "GET /__admin/permissions": "",
    "GET /__admin/requests": (
        "operation method path status user traceId taskInstanceId subtaskInstanceId kind clientError since limit format"
    ),
    "DELETE /__admin/requests": "",
    "GET /__admin/requests/{id}": "",
    "GET /__admin/requests/{id}/copies": "",
    "POST /__admin/reset": "",
    "POST /__admin/reset/undo": "",
    "GET /__admin/settings": "",
    "PUT /__admin/settings": "",
    "GET /__admin/snapshots": "",
    "POST /__admin/snapshots": "",
    "DELETE /__admin/snapshots/{name}": "",
    "POST /__admin/snapshots/{name}/restore": "",
    "GET /__admin/state": "",
    "PUT /__admin/state": "",
    "GET /__admin/stubs": "",
    "POST /__admin/stubs": "",
    "DELETE /__admin/stubs": "",
    "GET /__admin/stubs/{id}": "",
    "DELETE /__admin/stubs/{id}": "",
    "GET /__admin/tasks": "name limit",
    "GET /__admin/tasks/{taskInstanceId}": "",
    "PATCH /__admin/tasks/{taskInstanceId}": "",
    "GET /__admin/tasks/{taskInstanceId}/subtasks/{subtaskInstanceId}": "",
    "PATCH /__admin/tasks/{taskInstanceId}/subtasks/{subtaskInstanceId}": "",
    "GET /__admin/users": "",
    "GET /__admin/worlds": "",
    "DELETE /__admin/worlds/{name}": "",
}
IN_NO_DOCUMENT: Final = (
    "/openapi.json",
    "/__admin/",
    "/w/anna/openapi.json",
    "/w/anna/__admin/",
    "/w/anna/__admin/state",
    "/w/anna/api/v2/tasks/instances",
)
"""Answered to a GET."""

# --- the command: arguments and flags, with the default that the help tells and its variable ---------------------

HELP: Final = {"-h, --help": ""}
ADDRESS: Final = {"--host HOST": "127.0.0.1 OCP_MOCK_HOST", "--port PORT": "8080 OCP_MOCK_PORT"}
SERVING: Final = {
    "PATH": "",
    "--access-log, --no-access-log": "OCP_MOCK_ACCESS_LOG",
    "--admin, --no-admin": "OCP_MOCK_ADMIN",
    "--admin-token TOKEN": "OCP_MOCK_ADMIN_TOKEN",
    "--allow-host NAME": "OCP_MOCK_ALLOW_HOST",
    "--allow-origin ORIGIN": "OCP_MOCK_ALLOW_ORIGIN",
    "--api-prefix PREFIX": "OCP_MOCK_API_PREFIX",
    "--auth open|basic": "OCP_MOCK_AUTH",
    "--clock real|manual": "OCP_MOCK_CLOCK",
    "--dialect NAME": "OCP_MOCK_DIALECT",
    "--field-names sample|table": "OCP_MOCK_FIELD_NAMES",
    "--forward URL": "OCP_MOCK_FORWARD",
    "--forward-ca FILE": "OCP_MOCK_FORWARD_CA",
    "--forward-insecure, --no-forward-insecure": "OCP_MOCK_FORWARD_INSECURE",
    "--forward-path GLOB": "OCP_MOCK_FORWARD_PATH",
    "--log-format text|json": "text OCP_MOCK_LOG_FORMAT",
    "--nulls absent|null": "OCP_MOCK_NULLS",
    "--seed N": "OCP_MOCK_SEED",
    "--speed N": "OCP_MOCK_SPEED",
}
"""Of `serve` and `exec`."""
REMOTE: Final = {
    "URL": "",
    "--access-key ID:SECRET": "OCP_MOCK_ACCESS_KEY",
    "--ca FILE": "OCP_MOCK_CA",
    "--dialect NAME": "OCP_MOCK_DIALECT",
    "--insecure, --no-insecure": "OCP_MOCK_INSECURE",
    "--task ID [ID ...]": "OCP_MOCK_TASK",
    "--timeout S": "10.0 OCP_MOCK_TIMEOUT",
    "--user NAME:PASSWORD": "OCP_MOCK_USER",
}
"""Of what asks another server."""
COMMANDS: Final[dict[str, dict[str, str]]] = {
    "": {**HELP, "--version": ""},
    "serve": {
        **HELP,
        **ADDRESS,
        **SERVING,
        "--journal FILE": "OCP_MOCK_JOURNAL",
        "--port-file FILE": "OCP_MOCK_PORT_FILE",
        "--watch, --no-watch": "OCP_MOCK_WATCH",
    },
    "check": {
        **HELP,
        "URL": "",
        "--admin-token TOKEN": "OCP_MOCK_ADMIN_TOKEN",
        "--strict, --no-strict": "OCP_MOCK_STRICT",
        "--world NAME": "OCP_MOCK_WORLD",
    },
    "exec": {
        **HELP,
        **ADDRESS,
        **SERVING,
        "--journal FILE": "OCP_MOCK_JOURNAL",
        "--port PORT": "0 OCP_MOCK_PORT",
        "--strict, --no-strict": "OCP_MOCK_STRICT",
    },
    "healthcheck": {
        **HELP,
        **ADDRESS,
        "URL": "",
        "--admin, --no-admin": "OCP_MOCK_ADMIN",
        "--port-file FILE": "OCP_MOCK_PORT_FILE",
        "--timeout S": "3.0 OCP_MOCK_TIMEOUT",
    },
    "init": {**HELP, "DIR": ""},
    "openapi": {
        **HELP,
        "--api-prefix PREFIX": "OCP_MOCK_API_PREFIX",
        "--auth open|basic": "open OCP_MOCK_AUTH",
        "--dialect NAME": "ocp-4.2.2 OCP_MOCK_DIALECT",
        "--field-names sample|table": "sample OCP_MOCK_FIELD_NAMES",
        "--nulls absent|null": "absent OCP_MOCK_NULLS",
    },
    "record": {**HELP, **REMOTE, "-o FILE, --output FILE": "OCP_MOCK_OUTPUT"},
    "scenarios": {**HELP, "OPERATION": "", "--format text|json": "text OCP_MOCK_FORMAT"},
    "validate": {**HELP, "PATH": ""},
    "verify": {
        **HELP,
        **REMOTE,
        "--allow-undocumented, --no-allow-undocumented": "OCP_MOCK_ALLOW_UNDOCUMENTED",
        "--format text|json|junit": "text OCP_MOCK_FORMAT",
    },
}

# --- fixture files: the keys of each part --------------------------------------------------------------------------

FIXTURE: Final = {
    "fixture": (
        "auth users clock server dialect nulls arrayOrder fieldNames seed scheduler tasks faults denials stubs counters"
    ),
    "fixture.user": "password permissions accessKeys",
    "fixture.clock": "mode now speed",
    "fixture.scheduler": "dispatch run concurrency",
    "fixture.counters": "trace fault denial",
    "fixture-task": (
        "id name taskDefinitionId status type creator cluster tenant hostId executor createTime startTime finishTime "
        "operation prohibitRollback subtasks clusterId tenantId tenantInfo context"
    ),
    "fixture-task.creator": "id name",
    "fixture-task.cluster": "id name obClusterId type",
    "fixture-task.tenant": "id name obTenantId mode",
    "fixture-task.tenantInfo": "obTenantId name",
    "fixture.page": "contents",
    "fixture-subtask": (
        "id name seriesId description className clusterName timeout status operation executor runTime context "
        "createTime startTime finishTime nodeType parallelIdx paralleIdx upstreams downstreams downstream "
        "prohibitRollback skippable retryCount runs rollbacks log due nextRun nextRollback outcome outcomeLog "
        "outcomeLogFrom outcomeLogTo"
    ),
    "fixture-run": "outcome duration log",
    "fault": (
        "id operation method path taskInstanceId subtaskInstanceId user when skip times probability error fault "
        "fixedDelayMilliseconds delayDistribution truncateBodyAtFraction chunkedDribbleDelay response violate "
        "rateLimit hits matches window"
    ),
    "fault.error": "status code message headers",
    "fault.delayDistribution": "type lower upper median sigma",
    "fault.chunkedDribbleDelay": "numberOfChunks totalDuration",
    "fault.response": "status headers body",
    "fault.violate": "remove set",
    "fault.rateLimit": "limit perSeconds",
    "fault.window": "until count",
    "denial": "id permission user operation taskInstanceId times hits",
    "stub": "id uuid name priority request response persistent metadata insertionIndex",
    "stub.request": (
        "method url urlPattern urlPath urlPathPattern urlPathTemplate pathParameters queryParameters headers cookies"
    ),
    "stub.matcher": "equalTo caseInsensitive contains doesNotContain matches doesNotMatch absent",
    "stub.response": (
        "status statusMessage headers body jsonBody base64Body bodyFileName fixedDelayMilliseconds delayDistribution "
        "chunkedDribbleDelay fault session"
    ),
}

# --- pytest --------------------------------------------------------------------------------------------------------

PYTEST_FIXTURES: Final = {"make_ocp_mock": "session", "ocp_mock": "function", "ocp_mock_url": "function"}
PYTEST_OPTIONS: Final = {
    "--ocp-mock-fixtures": "append",
    "--ocp-mock-report": "store",
    "ini ocp_mock_fixtures": "linelist",
}
MARKER: Final = (
    "ocp_mock(path, *, world=None, clock='manual', speed=None, strict=False, auth=None, seed=None, dialect=None, "
    "nulls=None, array_order=None, field_names=None, api_prefixes=None, admin_token=None)"
)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer("failed-subtask") as running:
        yield running


def got(mock: MockServer, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(mock.url + path, timeout=TIMEOUT_S)


def test_the_names_of_the_package() -> None:
    found = {name: type(getattr(mockserver, name)).__name__ for name in mockserver.__all__}
    assert_same("NAMES", NAMES, found)
    assert set(NAMES) <= set(dir(mockserver))


def test_what_makes_a_server_and_an_application() -> None:
    assert_same("CALLS", CALLS, {name: signature(getattr(mockserver, name)) for name in CALLS})


def test_a_scenario() -> None:
    assert_same("SCENARIO", spread({"": SCENARIO}, ""), dict.fromkeys(public(mockserver.Scenario), ""))


def test_the_handle() -> None:
    assert_same("HANDLE", HANDLE, members(Handle))
    assert_same("MOCK_SERVER", MOCK_SERVER, members(MockServer))


@pytest.mark.parametrize("kind", [Handle, MockServer])
def test_the_keywords_of_the_handle(kind: type) -> None:
    assert_same("KEYWORDS", spread(KEYWORDS, " "), spread(taken_keywords(kind), " "))


def test_a_task_and_a_subtask(mock: MockServer) -> None:
    task = mock.task(1000)
    assert_same("TASK", TASK, members(type(task)))
    assert_same("SUBTASK", SUBTASK, members(type(task.subtask(10001))))
    assert (task.id, task.subtask(10001).id) == (1000, 10001)


@pytest.mark.parametrize("table", ["TASK_FIELDS", "SUBTASK_FIELDS"])
def test_what_can_be_set(mock: MockServer, table: str) -> None:
    """As the refusal of another name lists it."""
    task = mock.task(1000)
    thing = task if table == "TASK_FIELDS" else task.subtask(10001)
    with pytest.raises(TypeError, match="it takes ") as caught:
        thing.set(nonsense=1)
    told = str(caught.value).rpartition("it takes ")[2].replace(",", " ")
    fields = {"TASK_FIELDS": TASK_FIELDS, "SUBTASK_FIELDS": SUBTASK_FIELDS}[table]
    assert_same(table, spread({"set": fields}, " "), spread({"set": told}, " "))


def test_the_errors(mock: MockServer) -> None:
    with pytest.raises(ControlError) as refused:
        mock.fault(error={"status": 1})
    with pytest.raises(FixtureError) as wrong:
        MockServer({"tasks": 1}).start()
    found = {"ControlError": attributes(refused.value), "FixtureError": attributes(wrong.value)}
    found["problem"] = " ".join(name for name in ERRORS["problem"].split() if hasattr(wrong.value.problems[0], name))
    assert_same("ERRORS", spread(ERRORS, "."), spread(found, "."))


@pytest.mark.parametrize(("table", "path"), [("API", "/openapi.json"), ("CONTROL", "/__admin/openapi.json")])
def test_the_routes(mock: MockServer, table: str, path: str) -> None:
    wanted = {"API": API, "CONTROL": CONTROL}[table]
    found = routes(got(mock, path).json())
    assert_same(table, dict.fromkeys(wanted, ""), dict.fromkeys(found, ""))
    assert_same(table, spread(wanted, " ?"), spread(found, " ?"))


@pytest.mark.parametrize("path", IN_NO_DOCUMENT)
def test_what_no_document_tells(mock: MockServer, path: str) -> None:
    assert got(mock, path).status_code == 200


def test_the_commands() -> None:
    wanted = [command for command in COMMANDS if command]
    assert_same("COMMANDS", dict.fromkeys(wanted, ""), dict.fromkeys(commands(command_help("")), ""))


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_flags_of_a_command(command: str) -> None:
    told = command_help(command)
    assert_same(f"COMMANDS[{command!r}]", COMMANDS[command], {**positionals(told), **flags(told)})


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="ocp-mockserver")
    assert callable(script.load())


def test_the_keys_of_a_fixture() -> None:
    suffix = ".schema.json"
    names = [path.name.removesuffix(suffix) for path in SCHEMAS.glob(f"fixture*{suffix}")]
    found: dict[str, str] = {}
    for name in [*names, "fault", "denial", "stub"]:
        found |= keys(json.loads((SCHEMAS / f"{name}{suffix}").read_text(encoding="utf-8")), name)
    assert_same("FIXTURE", spread(FIXTURE, "."), spread(found, "."))


def test_the_plugin_is_where_pytest_looks() -> None:
    (plugin,) = entry_points(group="pytest11", name="ocp_mockserver")
    assert plugin.value == "mockserver.pytest_plugin"
    assert plugin.load() is importlib.import_module("mockserver.pytest_plugin")


def test_the_fixtures_of_the_plugin(pytester: pytest.Pytester) -> None:
    options = ("--color=no", "-o", "asyncio_default_fixture_loop_scope=function")
    told = pytester.runpytest_inprocess("--fixtures", *options).outlines
    found: dict[str, str] = {}
    ours = False
    for line in told:
        if "fixtures defined from " in line:
            ours = "mockserver.pytest_plugin" in line
        elif ours and " -- " in line and not line.startswith(" "):
            name, *scope = line.partition(" -- ")[0].split()
            found[name] = scope[0].strip("[") if scope else "function"
    assert_same("PYTEST_FIXTURES", PYTEST_FIXTURES, found)


class Recorder:
    """Takes down which options a plugin adds, in the place of pytest's parser."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}

    def getgroup(self, name: str, *_: str) -> "Recorder":
        return self

    def addoption(self, *names: str, action: str = "store", **_: Any) -> None:
        self.options |= dict.fromkeys(names, action)

    def addini(self, name: str, help: str, type: str = "string", **_: Any) -> None:
        self.options[f"ini {name}"] = type


def test_the_options_of_the_plugin() -> None:
    recorder = Recorder()
    importlib.import_module("mockserver.pytest_plugin").pytest_addoption(recorder)
    assert_same("PYTEST_OPTIONS", PYTEST_OPTIONS, recorder.options)


def test_the_marker_of_the_plugin(pytestconfig: pytest.Config) -> None:
    (marker,) = [line for line in pytestconfig.getini("markers") if line.startswith("ocp_mock(")]
    assert marker.partition("): ")[0] + ")" == MARKER
