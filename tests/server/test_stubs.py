"""Stubs beside the task API: what they get of a server's requests, what becomes of them in its journal, its account and
its worlds, and what fault rules do to them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clients import RETRY, SUBTASK, TASK, TASKS, Client, failed_world
from waiting import eventually

from mockserver import ControlError, MockServer, create_app

CATCH_ALL = {"priority": 9, "response": {"jsonBody": {"stubbed": True}}}


@pytest.fixture
def stubbed(failed: Client) -> Client:
    failed.admin("POST", "/stubs", CATCH_ALL)
    return failed


def is_stubbed(answer: requests.Response) -> bool:
    return answer.ok and answer.content == b'{"stubbed": true}'


# --- whose a request is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", TASKS), ("GET", TASK), ("GET", f"{TASKS}/x"), ("POST", RETRY), ("GET", f"{SUBTASK}/log"), ("PUT", RETRY)],
)
def test_the_task_api_is_no_stub_s_whatever_the_ids_and_its_405_neither(
    stubbed: Client, method: str, path: str
) -> None:
    assert not is_stubbed(stubbed(method, path))
    assert stubbed.latest()["request"]["kind"] == "api"


@pytest.mark.parametrize(
    "path", ["/", "/x", "/api/v2/x", f"{TASKS}/", f"{TASK}/notes", f"{SUBTASK}/log/x", "/tasks", "//"]
)
def test_all_else_is_open(stubbed: Client, path: str) -> None:
    assert is_stubbed(stubbed("GET", path))
    assert is_stubbed(stubbed("POST", path, data=b"x" * 3_000_000))


@pytest.mark.parametrize("path", ["/__admin/x", "/w/", "/w/..x/y", "/w", "/openapi.json"])
def test_what_is_the_server_s_own_is_no_stub_s(stubbed: Client, path: str) -> None:
    assert not is_stubbed(stubbed.get(path))


@pytest.mark.asyncio
async def test_without_control_routes_their_paths_are_nobody_s() -> None:
    paths = ("/__admin", "/__admin/state", "/w/a/__admin/x", "/x")
    async with TestClient(TestServer(create_app(failed_world(stubs=[CATCH_ALL]), admin=False))) as client:
        found = {path: (await client.get(path)).status for path in paths}
    assert found == {**dict.fromkeys(paths, 404), "/x": 200}


def test_where_no_stub_fits_it_is_a_404_whose_hint_says_what_would_have_answered(failed: Client) -> None:
    failed.admin("POST", "/stubs", {"request": {"urlPath": "/y"}, "response": {}})
    answer = failed.get("/x")
    assert answer.status_code == 404
    assert all(word in answer.headers["X-Mock-Hint"] for word in ("/__admin/stubs", "--forward"))


def test_nobody_is_asked_for_credentials(permissions: Client) -> None:
    permissions.admin("POST", "/stubs", CATCH_ALL)
    assert permissions.get(TASK).status_code == 401
    assert is_stubbed(permissions.get("/x"))
    assert is_stubbed(permissions.get("/x", auth=("viewer", "wrong")))


def test_a_front_connection_goes_on_with_the_api_after_a_stub(stubbed: Client) -> None:
    assert [is_stubbed(stubbed.get(path)) for path in (TASK, "/x", TASK, "/x")] == [False, True, False, True]


# --- journal, account, CORS ------------------------------------------------------------------------------------------


def test_it_is_in_the_journal_and_in_no_account(stubbed: Client) -> None:
    before = stubbed.mock.contract()
    stubbed.post("/x?a=1", data="text", headers={"Content-Type": "text/plain"})
    (entry,) = stubbed.mock.requests(kind="stub")
    shown = {
        key: entry[key] for key in ("kind", "operation", "method", "path", "requestBody", "status", "responseBody")
    }
    assert shown == {
        **{"kind": "stub", "operation": None, "method": "POST", "path": "/x"},
        **{"requestBody": "text", "status": 200, "responseBody": {"stubbed": True}},
    }
    assert stubbed.mock.contract() == before
    assert stubbed.get("/x").headers.get("X-Mock-Contract") is None


def test_a_page_on_any_origin_may_read_it(stubbed: Client) -> None:
    origin = {"Origin": "http://page.test"}
    assert stubbed.get("/x", headers=origin).headers["Access-Control-Allow-Origin"] == "http://page.test"
    asked = {**origin, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "x-a"}
    answer = stubbed("OPTIONS", "/x", headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Methods"]) == (204, "PATCH")
    assert is_stubbed(stubbed("OPTIONS", "/x"))


# --- worlds ----------------------------------------------------------------------------------------------------------


def test_a_named_world_has_its_own_below_its_path(failed: Client) -> None:
    failed.post("/w/anna/__admin/stubs", json={"request": {"url": "/x?a=1"}, "response": {"body": "anna's"}})
    assert failed.get("/w/anna/x?a=1").text == "anna's"
    assert failed.get("/x?a=1", headers={"X-Mock-World": "anna"}).text == "anna's"
    assert failed.get("/x?a=1").status_code == failed.get("/w/berta/x?a=1").status_code == 404


def test_a_reset_brings_back_the_fixture_s() -> None:
    with MockServer(failed_world(stubs=[{"response": {"body": "fixture's"}}])) as mock, Client(mock) as client:
        mock.clear_stubs()
        mock.stub({"response": {"body": "mine"}})
        assert client.get("/x").text == "mine"
        mock.reset()
        assert client.get("/x").text == "fixture's"
        assert [stub["id"] for stub in mock.stubs()] == ["stub-1"]


def test_they_are_in_snapshots_and_in_the_state(failed: Client) -> None:
    mock = failed.mock
    added = mock.stub({"request": {"urlPath": "/x"}, "response": {"body": "kept"}})
    mock.snapshot("with")
    state = mock.state()
    assert state["stubs"] == [added] == [{"id": "stub-1", "request": {"urlPath": "/x"}, "response": {"body": "kept"}}]
    mock.clear_stubs("stub-1")
    assert failed.get("/x").status_code == 404
    mock.restore("with")
    assert failed.get("/x").text == "kept"
    mock.load(state)
    assert mock.state() == state


def test_one_of_the_same_id_replaces_it_and_is_the_newest(failed: Client) -> None:
    for body in ("a", "b"):
        failed.mock.stub({"id": "one", "response": {"body": body}})
    assert [stub["response"] for stub in failed.mock.stubs()] == [{"body": "b"}]


def test_two_of_the_same_id_at_once_are_refused(failed: Client) -> None:
    with pytest.raises(ControlError, match=r"422: .*; \$\[1\]: the stub a is given twice"):
        failed.mock.stub([{"id": "a", "response": {}}, {"uuid": "a", "response": {}}])
    assert failed.mock.stubs() == []


def test_ids_that_are_given_are_not_given_again(failed: Client) -> None:
    several = failed.mock.stub([{"id": "stub-7", "response": {}}, {"response": {}}])
    assert [stub["id"] for stub in several["stubs"]] == ["stub-7", "stub-8"]


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mappings" / "more").mkdir(parents=True)
    (tmp_path / "__files").mkdir()
    (tmp_path / "world.yaml").write_text("tasks: [{id: 1}]\nstubs: [{request: {urlPath: /a}, response: {body: newer}}]")
    (tmp_path / "mappings" / "a.json").write_text('{"request": {"urlPath": "/a"}, "response": {"body": "older"}}')
    (tmp_path / "mappings" / "more" / "b.json").write_text(
        '{"mappings": [{"request": {"urlPath": "/b"}, "response": {"bodyFileName": "page.html"}}], "meta": {}}'
    )
    (tmp_path / "__files" / "page.html").write_text("<p>ä")
    return tmp_path


@pytest.fixture(params=["folder", "file"])
def filed(folder: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    with MockServer(folder if request.param == "folder" else folder / "world.yaml") as mock, Client(mock) as client:
        yield client


def test_mappings_beside_a_fixture(filed: Client) -> None:
    assert filed.get("/a").text == "newer"
    answer = filed.get("/b")
    assert (answer.content, answer.headers["Content-Type"]) == ("<p>ä".encode(), "text/html")


def test_a_body_is_read_when_it_is_asked_for(filed: Client, folder: Path) -> None:
    (folder / "__files" / "page.html").write_text("new")
    assert filed.get("/b").text == "new"
    (folder / "__files" / "page.html").unlink()
    answer = filed.get("/b")
    assert (answer.status_code, answer.json()["successful"]) == (500, False)


def test_a_state_that_is_put_finds_its_bodies_again(filed: Client) -> None:
    filed.mock.load(filed.mock.state())
    assert filed.get("/b").ok


def test_a_world_whose_bodies_are_not_here_is_refused(failed: Client, folder: Path) -> None:
    with pytest.raises(ControlError, match=r"\$\.stubs\[1\]\.response\.bodyFileName: .* no such file"):
        failed.mock.load(folder)
    assert failed.mock.stubs() == []


@pytest.mark.parametrize("name", ["../world.yaml", "/etc/hostname", "a/../../world.yaml", "..\\world.yaml", "link"])
def test_a_file_elsewhere_is_no_body(filed: Client, folder: Path, name: str) -> None:
    (folder / "__files" / "link").symlink_to(folder / "world.yaml")
    answer = filed.post("/__admin/stubs", json={"response": {"bodyFileName": name}})
    assert (answer.status_code, answer.json()["error"]["details"][0]["path"]) == (422, "$.response.bodyFileName")


def test_a_mapping_that_is_saved_is_loaded(filed: Client, folder: Path) -> None:
    (folder / "mappings" / "c.json").write_text('[{"request": {"urlPath": "/c"}, "response": {"body": "c"}}]')
    assert filed.post("/__admin/fixtures/reload").ok
    assert filed.get("/c").text == "c"


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_rule_that_names_the_path_acts_on_a_stub(stubbed: Client) -> None:
    stubbed.fault(503)
    stubbed.fault(502, path="/x*", times=1)
    answer = stubbed.get("/xy")
    assert (answer.status_code, answer.json()["successful"], answer.headers["X-Mock-Rule"]) == (502, False, "fault-2")
    assert is_stubbed(stubbed.get("/xy"))
    assert stubbed.get(TASK).status_code == 503
    assert [entry["rule"] for entry in stubbed.mock.requests(kind="stub")] == ["fault-2", None]


@pytest.mark.parametrize(
    ("effect", "seen"),
    [
        ({"response": {"status": 418, "body": "tea"}}, (418, b"tea")),
        ({"chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 2}}, (200, b'{"stubbed": true}')),
        ({"fixedDelayMilliseconds": 1}, (200, b'{"stubbed": true}')),
        ({"violate": "random"}, (200, b'{"stubbed": true}')),
    ],
)
def test_what_an_effect_does_to_it(stubbed: Client, effect: Any, seen: tuple[int, bytes]) -> None:
    stubbed.mock.fault(path="/x", **effect)
    answer = stubbed.get("/x")
    assert (answer.status_code, answer.content) == seen


@pytest.mark.parametrize("effect", [{"fault": "EMPTY_RESPONSE"}, {"truncateBodyAtFraction": 0.5}])
def test_a_broken_answer(stubbed: Client, effect: Any) -> None:
    stubbed.mock.fault(path="/x", **effect)
    with pytest.raises(requests.RequestException):
        stubbed.get("/x")


def test_a_rate_limit(stubbed: Client) -> None:
    stubbed.mock.fault(path="/x", rate_limit={"limit": 1, "per_seconds": 60})
    answers = [stubbed.get("/x") for _ in range(2)]
    assert [(one.status_code, one.headers["RateLimit-Remaining"]) for one in answers] == [(200, "0"), (429, "0")]


def test_a_request_asks_for_its_own(stubbed: Client) -> None:
    assert stubbed.get("/x", headers={"X-Mock-Fault": '{"error": {"status": 503}}'}).status_code == 503
    assert stubbed.get("/x", headers={"X-Mock-Fault": "x"}).status_code == 400


# --- beside what else there is ---------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_below_another_application_it_is_found_by_its_own_path() -> None:
    world = failed_world(stubs=[{"request": {"urlPath": "/x"}, "response": {"session": "anna"}}])
    whole = web.Application()
    whole.add_subapp("/mocks", create_app(world))
    async with TestClient(TestServer(whole)) as client:
        cookies = {}
        for path in ("/mocks/x", "/mocks/w/a/x", "/mocks/w/%61/x"):
            async with client.get(path) as answer:
                cookies[path] = answer.headers["Set-Cookie"].partition("; ")[2]
    assert cookies == {
        "/mocks/x": "Path=/mocks; HttpOnly",
        "/mocks/w/a/x": "Path=/mocks/w/a; HttpOnly",
        "/mocks/w/%61/x": "Path=/mocks/w/a; HttpOnly",
    }


def test_what_a_stub_answered_is_copied_as_a_test_that_passes(stubbed: Client, pytester: pytest.Pytester) -> None:
    stubbed.post("/x?a=1", data="b")
    copies = stubbed.latest("/copies")
    assert copies["why"] is None
    pytester.makepyfile(copies["pytest"])
    options = ("-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    assert pytester.runpytest_inprocess(*options).parseoutcomes() == {"passed": 1}


def test_a_stub_that_is_late_holds_nobody_and_is_let_go_by_a_reset(stubbed: Client) -> None:
    stubbed.mock.stub({"id": "late", "request": {"urlPath": "/late"}, "response": {"fixedDelayMilliseconds": 60_000}})
    with ThreadPoolExecutor(1) as pool, Client(stubbed.mock) as other:
        waiting = pool.submit(other.get, "/late")
        eventually(lambda: len(stubbed.mock.requests(kind="stub")) == 1)
        assert is_stubbed(stubbed.get("/x"))
        stubbed.mock.clear_stubs("late")
        with pytest.raises(requests.ConnectionError):
            waiting.result()
