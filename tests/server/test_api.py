"""The operations over HTTP: what each answers with, in both spellings, with ids of every size; logs and the zip."""

import asyncio
import io
import re
import zipfile
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clients import FOREVER, RETRY, SUBTASK, TASK, TASKS, Client, Json, as_sent, failed_world, said

from mockserver import MockServer, create_app

HEADER = re.compile(r"[#]{12}\{([A-Z_]+)\}\{([^}]+)\}[#]{12}\n")
LONG_MAX = 2**63 - 1


@pytest.fixture(scope="module")
def ids() -> Iterator[Client]:
    """Tasks with ids that are easily misread."""
    subtasks = [{"id": LONG_MAX, "status": "FAILED", "upstreams": [-(2**63)]}, {"id": -(2**63), "status": "SUCCESSFUL"}]
    world = {"tasks": [{"id": id} for id in (-1, 0, 1, 7, 2**53 + 1)] + [{"id": LONG_MAX, "subtasks": subtasks}]}
    with MockServer(world) as mock, Client(mock) as client:
        yield client


# --- one idea from each operation ----------------------------------------------------------------------------------


def test_a_task_has_its_documented_fields(failed: Client) -> None:
    """With subtasks in the order of the fixture, and without what is not known: cluster and tenant."""
    data = failed.get(TASK).json()["data"]
    assert [one["id"] for one in data.pop("subtasks")] == [10000, 10001, 10002]
    assert all(data.pop(key) for key in ("createTime", "startTime", "finishTime"))
    assert data == {
        "id": 1000,
        "name": "Task 1000",
        "taskDefinitionId": -1,
        "status": "FAILED",
        "type": "MANUAL",
        "creator": {"id": 100, "name": "admin"},
        "executor": "127.0.0.1",
        "operation": "EXECUTE",
        "prohibitRollback": False,
    }


@pytest.mark.parametrize("act", ["skip", "cancel"])
def test_a_skip_and_a_cancel_have_no_data(failed: Client, act: str) -> None:
    if act == "cancel":
        failed.post(RETRY)
        failed.mock.advance("1s")
    answer = failed.post(f"{SUBTASK}/{act}")
    assert answer.json().keys() == {"successful", "timestamp", "duration", "status", "traceId", "server"}
    assert failed.subtasks()[1] == {"skip": "READY", "cancel": "CANCELING"}[act]


def test_a_skipped_subtask_succeeds_without_a_run(failed: Client) -> None:
    failed.post(f"{SUBTASK}/skip")
    failed.mock.advance("1s")
    assert failed.subtasks() == ["SUCCESSFUL", "SUCCESSFUL", "READY"]


def test_a_cancelled_subtask_has_failed_after_a_while(failed: Client) -> None:
    failed.post(RETRY)
    failed.mock.advance("1s")
    failed.post(f"{SUBTASK}/cancel")
    failed.mock.advance("1s")
    subtask = failed.get(TASK).json()["data"]["subtasks"][1]
    assert (subtask["status"], subtask["operation"]) == ("FAILED", "CANCEL")
    assert subtask["finishTime"] == "2021-08-25T15:10:15+08:00"


def test_a_task_is_rolled_back_in_reverse_order(failed: Client) -> None:
    data = failed.post(f"{TASK}/rollback").json()["data"]
    assert [(one["status"], one["operation"]) for one in data["subtasks"]] == [
        ("SUCCESSFUL", "ROLLBACK"),
        ("READY", "ROLLBACK"),
        ("PENDING", "EXECUTE"),
    ]
    moved = failed.mock.advance(until="idle")["transitions"]
    assert [one["subtaskInstanceId"] for one in moved if one["to"] == "PENDING"] == [10001, 10000]
    data = failed.get(TASK).json()["data"]
    assert (data["status"], data["operation"]) == ("SUCCESSFUL", "ROLLBACK")


@pytest.mark.parametrize(
    ("field_names", "names"),
    [
        ("sample", ("className", "parallelIdx", "downstreams")),
        ("table", ("clusterName", "paralleIdx", "downstream")),
    ],
)
def test_both_spellings_are_served(field_names: str, names: tuple[str, str, str]) -> None:
    """Each instead of the other, wherever a subtask is shown in full."""
    values = {"className": "com.example.Uninstall", "parallelIdx": 4, "downstreams": [2]}
    subtasks = [{"id": 1, "status": "FAILED", "context": "{}", **values}, {"id": 2, "upstreams": [1]}]
    world = {"clock": {"mode": "manual"}, "fieldNames": field_names, "tasks": [{"id": 1, "subtasks": subtasks}]}
    with MockServer(world) as mock, Client(mock) as client:
        subtask = client.post(f"{TASKS}/1/subtasks/1/retry").json()["data"]
        assert [subtask.get(name) for name in names] == list(values.values())
        assert len(subtask) == 19
        assert client.get(f"{TASKS}/1").json()["data"]["subtasks"][0] == subtask


@pytest.mark.parametrize("nulls", ["absent", "null"])
@pytest.mark.parametrize("context", ["text", {"nested": {"id": LONG_MAX, "list": [1.5, None]}}, None], ids=str)
def test_a_context_is_text_an_object_or_nothing(context: object, nulls: str) -> None:
    world = {"nulls": nulls, "tasks": [{"id": 1, "subtasks": [{"id": 1, "context": context}]}]}
    with MockServer(world) as mock, Client(mock) as client:
        subtask = client.get(f"{TASKS}/1").json()["data"]["subtasks"][0]
        assert ("context" in subtask) == (context is not None or nulls == "null")
        assert subtask.get("context") == context


# --- the envelope --------------------------------------------------------------------------------------------------


def test_trace_ids_differ_and_repeat_with_the_seed() -> None:
    """Errors have them too."""
    series = []
    for seed in (5, 5, 6):
        with MockServer(failed_world(seed=seed)) as mock, Client(mock) as client:
            series.append([client.get(path).json()["traceId"] for path in (TASK, "/nowhere", f"{TASKS}/x", TASK)])
    assert series[0] == series[1] != series[2]
    assert len(set(series[0])) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in series[0])


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        ("2021-08-25T15:10:13.120+08:00", "2021-08-25T15:10:13.12+08:00"),
        ("2021-08-25T15:10:13.006+08:00", "2021-08-25T15:10:13.006+08:00"),
        ("2021-08-25T15:10:00.000+08:00", "2021-08-25T15:10:00+08:00"),
        ("2021-08-25T15:10:13.0001+08:00", "2021-08-25T15:10:13+08:00"),
        ("2021-08-25T15:10:13.999999999-03:30", "2021-08-25T15:10:13.999-03:30"),
        ("2021-08-25T15:10:13+00:00", "2021-08-25T15:10:13Z"),
    ],
)
def test_a_timestamp_is_rendered_as_java_does(now: str, shown: str) -> None:
    """Up to three digits, without zeros at their end; the offset is the one of the fixture's clock."""
    with MockServer({"clock": {"now": now}}) as mock, Client(mock) as client:
        assert client.get(TASKS).json()["timestamp"] == shown


def test_with_a_real_clock_time_passes() -> None:
    with MockServer(failed_world(), clock="real") as mock, Client(mock) as client:
        answer = client.get(TASK).json()
        assert 0 <= answer["duration"] < 5000
        assert client.get(TASK).json()["timestamp"] >= answer["timestamp"]


# --- ids -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("-1", -1),
        ("0", 0),
        ("-0", 0),
        ("+1", 1),
        ("%2B1", 1),
        ("007", 7),
        ("%31", 1),
        ("9007199254740993", 2**53 + 1),
        ("9223372036854775807", LONG_MAX),
        ("0009223372036854775807", LONG_MAX),
    ],
)
def test_a_long_is_read_as_java_does(ids: Client, text: str, id: int) -> None:
    status, answer = as_sent(ids.mock.url, "GET", f"{TASKS}/{text}")
    assert (status, answer["data"]["id"]) == (200, id)


@pytest.mark.parametrize("text", ["-9223372036854775808", "2", "-7"])
def test_a_long_that_is_no_task_does_not_exist(ids: Client, text: str) -> None:
    status, answer = as_sent(ids.mock.url, "GET", f"{TASKS}/{text}")
    assert (status, answer["error"]["code"]) == (404, "TSK10001")
    assert text in answer["error"]["message"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e0", "1e0"),
        ("1.0", "1.0"),
        ("%201", " 1"),
        ("1%20", "1 "),
        ("%D9%A1", "\u0661"),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1" * 400, "1" * 400),
        ("0x1", "0x1"),
        ("1_0", "1_0"),
        ("1,0", "1,0"),
        ("--1", "--1"),
        ("+", "+"),
        ("1L", "1L"),
        ("1%0A", "1\n"),
        ("null", "null"),
        ("%00", "\0"),
        ("{taskInstanceId}", "{taskInstanceId}"),
    ],
)
@pytest.mark.parametrize(("method", "more"), [("GET", ""), ("POST", "/subtasks/1/retry")])
def test_what_is_no_long_is_a_wrong_parameter(ids: Client, text: str, value: str, method: str, more: str) -> None:
    status, answer = as_sent(ids.mock.url, method, f"{TASKS}/{text}{more}")
    assert (status, answer["error"]["code"]) == (400, "COM10001")
    [sub_error] = answer["error"]["subErrors"]
    assert (sub_error["field"], sub_error["rejectedValue"]) == ("taskInstanceId", value)


def test_both_ids_can_be_wrong_at_once(ids: Client) -> None:
    answer = ids.post(f"{TASKS}/x/subtasks/y/retry").json()
    assert [one["field"] for one in answer["error"]["subErrors"]] == ["taskInstanceId", "subtaskInstanceId"]


def test_big_ids_are_exact_in_the_bytes(ids: Client) -> None:
    """Numbers, and not strings; a browser that reads them loses digits, as it does with the real server."""
    answer = ids.post(f"{TASKS}/{LONG_MAX}/subtasks/{LONG_MAX}/retry")
    assert b'"id":9223372036854775807,' in answer.content
    assert b'"upstreams":[-9223372036854775808]' in answer.content
    assert f'"id":{2**53 + 1},'.encode() in ids.get(TASKS).content


# --- whether a rollback is prohibited ----------------------------------------------------------------------------


def test_a_task_says_that_its_rollback_is_prohibited_as_soon_as_it_would_be_refused_for_that() -> None:
    """A console hides its button by it. The state has what the fixture says."""
    subtasks = [
        {"id": 10001, "runs": [{"duration": "5s"}]},
        {"id": 10002, "upstreams": [10001], "prohibitRollback": True, "runs": [{"outcome": "FAILED"}]},
    ]
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "subtasks": subtasks}]}
    with MockServer(world) as mock, Client(mock) as client:
        found = []
        for _ in range(10):
            task = client.get(TASK).json()["data"]
            found.append((task["subtasks"][1]["status"], task["prohibitRollback"]))
            mock.advance("1s")
        assert list(dict.fromkeys(found)) == [
            *(("PENDING", False), ("READY", False)),
            *(("RUNNING", True), ("FAILED", True)),
        ]
        assert said(client.post(f"{TASK}/rollback")) == (400, "TSK10009")
        assert client.state()["tasks"][0]["prohibitRollback"] is False


# --- the log -------------------------------------------------------------------------------------------------------


def log_of(client: Client, subtask: int = 10001) -> str:
    text: str = client.get(f"{TASK}/subtasks/{subtask}/log").json()["data"]["log"]
    return text


def runs_of(log: str) -> list[tuple[str, str, str]]:
    """Name, time and text of each run, as a client splits them."""
    before, *parts = HEADER.split(log)
    assert before == ""
    return list(zip(parts[::3], parts[1::3], (text.strip("\n") for text in parts[2::3]), strict=True))


def test_a_log_is_split_by_its_headers() -> None:
    """One run each, in order; a header stands from the start of its run, the last line from its end."""
    with MockServer("failed-subtask") as mock, Client(mock) as client:
        [first] = runs_of(log_of(client))
        assert (first[0], first[2]) == ("EXECUTE", "ssh: connect to host 192.168.0.1 port 22: Connection refused")
        client.post(RETRY)
        assert runs_of(log_of(client)) == [first]
        mock.advance("1s")
        assert runs_of(log_of(client)) == [first, ("RETRY", "2021-08-25T15:10:14.121+08:00", "")]
        mock.advance("4s")
        second = ("RETRY", "2021-08-25T15:10:14.121+08:00", "Permission denied (publickey)")
        assert runs_of(log_of(client)) == [first, second]
        client.post(f"{SUBTASK}/skip")
        mock.advance("1s")
        assert [run[0] for run in runs_of(log_of(client))] == ["EXECUTE", "RETRY", "SKIP"]


def test_a_log_grows_while_its_run_lasts() -> None:
    """As a console reads it: again and again; its headers are where a client splits it."""
    lines = [f"zone{n}: merged\n" for n in range(1, 6)]
    run = {"duration": "5s", "log": "".join(lines)}
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "subtasks": [{"id": 10001, "runs": [run]}]}]}
    with MockServer(world) as mock, Client(mock) as client:
        mock.advance("1s")
        texts = []
        for _ in range(5):
            mock.advance("1s")
            [(name, time, text)] = runs_of(log_of(client))
            assert (name, time) == ("EXECUTE", "2021-08-25T15:10:14.000+08:00")
            texts.append(text + "\n")
        assert texts == ["".join(lines[:n]) for n in range(1, 6)]


def test_a_cancelled_run_writes_no_more_and_the_cancel_has_a_run_of_its_own() -> None:
    run = {"duration": "10s", "log": "one\ntwo"}
    subtasks = [{"id": 10001, "status": "RUNNING", "runs": [run]}]
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "subtasks": subtasks}]}
    with MockServer(world) as mock, Client(mock) as client:
        mock.advance("6s")
        client.post(f"{SUBTASK}/cancel")
        mock.advance("60s")
        first, cancel = runs_of(log_of(client))
        assert (first[0], first[2]) == ("EXECUTE", "one")
        assert cancel == ("CANCEL", "2021-08-25T15:10:19.000+08:00", "")
        files = unzipped(client)
        assert files["subtask_10001_1.log"] + files["subtask_10001_2.log"] == log_of(client)


def test_a_subtask_that_never_ran_has_an_empty_log(failed: Client) -> None:
    assert log_of(failed, 10002) == ""


def test_a_log_is_bounded_and_whole_runs_go() -> None:
    """At most 64 KiB, and 100 runs: the last."""
    subtasks = [{"id": 10001, "status": "READY", "retryCount": 500, "runs": [{"outcome": "FAILED", "log": "x" * 990}]}]
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1000, "subtasks": subtasks}]}
    with MockServer(world) as mock, Client(mock) as client:
        mock.advance("300s")
        log = log_of(client)
        runs = runs_of(log)
        assert 50_000 < len(log) <= 64 * 1024
        assert all(text == "x" * 990 for _, _, text in runs[:-1])
        assert runs[-1][1] == "2021-08-25T15:15:11.000+08:00"


# --- the zip -------------------------------------------------------------------------------------------------------


def unzipped(client: Client, path: str = TASK) -> dict[str, str]:
    answer = client.post(f"{path}/downloadDiagnosis")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_diagnosis_has_a_log_for_each_run_that_happened() -> None:
    with MockServer("failed-subtask") as mock, Client(mock) as client:
        client.post(RETRY)
        mock.advance("5s")
        files = unzipped(client)
        assert set(files) == {"task_info.txt", "subtask_10000_1.log", "subtask_10001_1.log", "subtask_10001_2.log"}
        assert files["subtask_10001_1.log"] + files["subtask_10001_2.log"] == log_of(client)
        assert "Permission denied" in files["subtask_10001_2.log"]


def test_a_diagnosis_lists_the_subtasks_upstreams_first() -> None:
    """Topological, though the ids run the other way."""
    edges: dict[int, list[int]] = {1: [2, 3], 2: [4], 3: [4], 4: [], 5: []}
    subtasks: list[Json] = [{"id": id, "upstreams": upstreams} for id, upstreams in edges.items()]
    subtasks[3] |= FOREVER
    with MockServer({"tasks": [{"id": 1000, "subtasks": subtasks}]}) as mock, Client(mock) as client:
        info = unzipped(client)["task_info.txt"]
        order = [int(line.split()[0]) for line in info.splitlines()]
        assert sorted(order) == [1, 2, 3, 4, 5]
        assert all(order.index(up) < order.index(id) for id, upstreams in edges.items() for up in upstreams)
        assert re.search(r"^1 PENDING .*2,3", info, re.MULTILINE)
        assert re.search(r"^4 RUNNING ", info, re.MULTILINE)


def test_a_diagnosis_is_a_file_for_a_browser(failed: Client) -> None:
    headers = failed.post(f"{TASK}/downloadDiagnosis").headers
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"].startswith("attachment; filename=")
    assert headers["X-Mock-Contract"] == "valid"


def test_a_diagnosis_changes_nothing_and_repeats(failed: Client) -> None:
    before = failed.state()
    first = failed.post(f"{TASK}/downloadDiagnosis").content
    assert failed.post(f"{TASK}/downloadDiagnosis").content == first
    assert failed.state() == before


def test_a_diagnosis_of_a_task_without_subtasks(ids: Client) -> None:
    assert unzipped(ids, f"{TASKS}/0") == {"task_info.txt": ""}


def test_a_diagnosis_of_no_task_is_no_file(ids: Client) -> None:
    assert said(ids.post(f"{TASKS}/2/downloadDiagnosis")) == (404, "TSK10001")


# --- embedding -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_two_applications_in_one_process_share_nothing() -> None:
    """Not the world, nor the rules, nor the journal, nor the account."""
    servers = [TestServer(create_app(failed_world())) for _ in range(2)]
    async with TestClient(servers[0]) as one, TestClient(servers[1]) as other:
        await one.post("/__admin/denials", json={"permission": "TASK_MANAGER"})
        assert (await one.post(RETRY)).status == 403
        assert (await other.post(RETRY)).status == 200
        assert (await (await one.get(TASK)).json())["data"]["status"] == "FAILED"
        journal = await (await other.get("/__admin/requests")).json()
        assert [entry["operation"] for entry in journal["requests"]] == ["retrySubtask"]
        account = await (await other.get("/__admin/contract")).json()
        assert account["replies"] == 1


@pytest.mark.asyncio
async def test_an_application_under_a_prefix_of_another() -> None:
    """The API and the control routes work there, and only there."""
    outer = web.Application()
    outer.add_subapp("/mocks/ocp", create_app(failed_world(), api_prefixes=["/api/v2", "/api/v1"]))
    async with TestClient(TestServer(outer)) as client:
        base = "/mocks/ocp"
        added = await client.post(f"{base}/__admin/faults", json={"path": f"{base}/*/skip", "error": {"status": 503}})
        assert added.status == 201
        assert (await client.post(f"{base}{RETRY.replace('v2', 'v1')}")).status == 200
        assert (await client.post(f"{base}{SUBTASK}/skip")).status == 503
        assert (await client.post(f"{base}/__admin/clock/advance", json={"by": "1s"})).status == 200
        task = await (await client.get(base + TASK)).json()
        assert task["data"]["subtasks"][1]["status"] == "RUNNING"
        assert (await (await client.get(f"{base}/nowhere")).json())["error"]["code"] == "COM10002"
        assert (await client.get(f"{base}/openapi.json")).status == 200
        assert (await client.get(TASK)).status == 404


@pytest.mark.asyncio
async def test_an_application_within_middlewares_and_signals() -> None:
    """Whoever embeds it sees each answer, and may change it."""

    async def sign(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Signed"] = "yes"

    app = create_app(failed_world())
    app.on_response_prepare.append(sign)
    async with TestClient(TestServer(app)) as client:
        for _ in range(2):
            assert (await client.get(TASK)).headers["X-Signed"] == "yes"


@pytest.mark.asyncio
async def test_several_prefixes_serve_one_world() -> None:
    async with TestClient(TestServer(create_app(failed_world(), api_prefixes=["/api/v2", "/api/v1", "/"]))) as client:
        assert (await client.post(RETRY)).status == 200
        paths = [TASK, TASK.replace("v2", "v1"), TASK.removeprefix("/api/v2")]
        answers = await asyncio.gather(*(client.get(path) for path in paths))
        assert [(await one.json())["data"]["subtasks"][1]["status"] for one in answers] == ["READY"] * 3
