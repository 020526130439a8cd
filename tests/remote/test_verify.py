"""`verify`: that it finds nothing where nothing is wrong, and that it says plainly what is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from clients import failed_world
from remotes import kinds, verdict_of

from mockserver import MockServer
from mockserver.contract.dialects import DIALECTS, FIELD_NAMES, NULLS, DialectName, FieldNames, Nulls
from mockserver.fixtures import source
from mockserver.remote.client import AccessKey, Basic

KEY, SECRET = "cqammmxBpfGjFlto", "2fc0c299cc94c6be266f2ceece765d4d"
USERS = {"viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"], "accessKeys": {KEY: SECRET}}}
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(failed_world()) as running:
        yield running


# --- our own server ------------------------------------------------------------------------------------------------


@every_dialect
@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("field_names", FIELD_NAMES)
def test_our_own_server_is_as_it_says(dialect: DialectName, nulls: Nulls, field_names: FieldNames) -> None:
    with MockServer("tour", dialect=dialect, nulls=nulls, field_names=field_names) as mock:
        verdict = verdict_of(mock.url)
        api_url = mock.api_url
    assert kinds(verdict) == []
    assert verdict.variant == (dialect, nulls, field_names)
    assert verdict.url == api_url
    assert [name for name, count in verdict.fits.items() if count == 0] == [dialect]


@every_dialect
@pytest.mark.parametrize("name", sorted(source.shipped()))
def test_nothing_is_wrong_in_any_shipped_world(dialect: DialectName, name: str) -> None:
    with MockServer(name, dialect=dialect, auth="open") as mock:
        found = kinds(verdict_of(mock.url))
    if (name, dialect) == ("ocp-express-console", "ocp-express"):  # its last stub answers whatever is asked there
        assert found == [("no operation (no such route)", "status", "$")]
    else:
        assert found == []


def test_it_changes_nothing_and_sends_gets_alone(mock: MockServer) -> None:
    before = {**mock.state(), "counters": None}
    verdict_of(mock.url)
    assert {**mock.state(), "counters": None} == before
    assert {one["method"] for one in mock.requests()} == {"GET"}
    assert mock.history() == []


def test_an_open_server_is_a_note(mock: MockServer) -> None:
    verdict = verdict_of(mock.url, credentials=Basic("anybody", "at all"))
    assert verdict.differences == []
    assert "it answers without credentials: an open server" in verdict.notes


@pytest.mark.parametrize("credentials", [Basic("viewer", "viewer"), AccessKey(KEY, SECRET)])
def test_who_asks(credentials: Basic | AccessKey) -> None:
    with MockServer(failed_world(users=USERS, auth="basic")) as mock:
        verdict = verdict_of(mock.url, credentials=credentials)
    assert (verdict.differences, verdict.notes) == ([], [])
    assert verdict.asked["listTaskInstances (no credentials)"] == 1


@pytest.mark.parametrize("credentials", [None, Basic("viewer", "wrong")])
def test_who_is_not_let_in_asks_once(credentials: Basic | None) -> None:
    """Again and again may lock somebody out."""
    with MockServer(failed_world(users=USERS, auth="basic")) as mock:
        verdict = verdict_of(mock.url, credentials=credentials)
        asked = [one["path"] for one in mock.requests() if one["status"] == 401 and one["path"].startswith("/api/v2")]
    assert kinds(verdict) == [("listTaskInstances", "status", "$")]
    assert verdict.notes[0].startswith("nothing more was asked: it ")
    assert len(asked) == 1


def test_without_tasks_it_says_what_it_could_not_ask() -> None:
    with MockServer("empty") as mock:
        verdict = verdict_of(mock.url)
    assert verdict.differences == []
    assert [note for note in verdict.notes if note.startswith(("getTaskInstance", "getSubtaskLog"))] != []


def test_only_the_tasks_that_are_named_are_asked_for() -> None:
    with MockServer("tour") as mock:
        verdict = verdict_of(mock.url, tasks=["1000"])
    assert verdict.asked["getTaskInstance"] == 1


def test_a_task_that_is_not_there_is_a_difference(mock: MockServer) -> None:
    verdict = verdict_of(mock.url, tasks=["17"])
    assert ("getTaskInstance", "status", "$") in kinds(verdict)
    assert verdict.differences[0].difference.came == "404 (Task 17 does not exist.)"


@pytest.mark.parametrize("below", ["", "/", "/api/v2", "/api/v2/", "/w/anna", "/w/anna/api/v2"])
def test_the_url_may_end_in_a_prefix(mock: MockServer, below: str) -> None:
    verdict = verdict_of(mock.url + below)
    assert verdict.differences == []
    assert verdict.url == mock.url + ("/w/anna" if "anna" in below else "") + "/api/v2"


def test_a_prefix_that_is_no_dialect_s() -> None:
    with MockServer(failed_world(), api_prefixes=["/ocp"]) as mock:
        verdict = verdict_of(f"{mock.url}/ocp")
        assert (verdict.differences, verdict.url) == ([], f"{mock.url}/ocp")


@every_dialect
@pytest.mark.parametrize("asked", DIALECTS)
def test_another_dialect_than_the_asked_one_is_told(dialect: DialectName, asked: DialectName) -> None:
    with MockServer(failed_world(), dialect=dialect) as mock:
        verdict = verdict_of(mock.url, dialect=asked)
    assert verdict.variant.dialect == asked
    assert next(iter(verdict.fits)) == dialect
    assert (verdict.differences == []) == (asked == dialect)


# --- servers that are otherwise ------------------------------------------------------------------------------------


def test_an_extra_field_is_undocumented(mock: MockServer) -> None:
    mock.fault(operation="getTaskInstance", violate={"set": {"/data/subtasks/1/owner": "anna"}})
    verdict = verdict_of(mock.url)
    assert kinds(verdict) == [("getTaskInstance", "undocumented", "$.data.subtasks[1].owner")]
    assert verdict.differences[0].difference.came == '"anna"'
    assert len(verdict.counting) == 1


def test_an_extra_field_may_be_allowed(mock: MockServer) -> None:
    mock.fault(operation="getTaskInstance", violate={"set": {"/data/subtasks/1/owner": "anna"}})
    verdict = verdict_of(mock.url, allow_undocumented=True)
    assert len(verdict.differences) == 1
    assert verdict.counting == []


def test_another_date_format(mock: MockServer) -> None:
    mock.fault(operation="getTaskInstance", violate={"set": {"/data/subtasks/0/startTime": "2021/08/25 15:09"}})
    (told,) = verdict_of(mock.url).differences
    assert told.place == "$.data.subtasks[0].startTime"
    assert told.difference.came == '"2021/08/25 15:09"'
    assert told.difference.wanted.startswith("a date-time such as 2021-")


def test_what_differs_at_several_places_is_told_once(mock: MockServer) -> None:
    places = {f"/data/subtasks/{index}/status": "SLEEPING" for index in (0, 2)}
    mock.fault(operation="getTaskInstance", violate={"set": places})
    (told,) = verdict_of(mock.url).differences
    assert (told.place, told.times) == ("$.data.subtasks[*].status", 2)
    assert told.difference.wanted.startswith("one of PENDING, READY")


def test_another_status_and_another_code(mock: MockServer) -> None:
    mock.fault(path="*/8999999999999999999", error={"status": 410})
    mock.fault(path="*/none", error={"status": 400, "code": "COM1"})
    assert kinds(verdict_of(mock.url)) == [
        ("getTaskInstance (no such task)", "status", "$"),
        ("getTaskInstance (an id that is no Long)", "code", "$.error.code"),
    ]


def test_a_500(mock: MockServer) -> None:
    mock.fault(error={"status": 500, "message": "no database"})
    verdict = verdict_of(mock.url, tasks=["1000"])
    assert {kind for _, kind, _ in kinds(verdict)} == {"status"}
    assert verdict.differences[0].difference[2:] == ("200", "500 (no database)")


def test_a_login_page(mock: MockServer) -> None:
    page = "<!doctype html><title>OCP: sign in</title>"
    mock.fault(response={"status": 200, "headers": {"Content-Type": "text/html"}, "body": page})
    verdict = verdict_of(mock.url)
    assert kinds(verdict)[0] == ("listTaskInstances", "body", "$")
    assert verdict.differences[0].difference[2:] == ("application/json", f"text/html: {page}")


def test_a_way_to_a_login_page(mock: MockServer) -> None:
    mock.fault(response={"status": 302, "headers": {"Location": "/login?token=hush"}})
    first, *_ = verdict_of(mock.url).differences
    assert first.difference[2:] == ("200", "302 (to /login?token=[redacted])")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"fault": "EMPTY_RESPONSE"}, "the connection was closed without an answer"),
        ({"fault": "CONNECTION_RESET_BY_PEER"}, "reset"),
        ({"fault": "RANDOM_DATA_THEN_CLOSE"}, "an answer that is no HTTP"),
        ({"truncateBodyAtFraction": 0.5}, "an answer that broke off"),
    ],
)
def test_no_answer(mock: MockServer, rule: dict[str, Any], reason: str) -> None:
    mock.fault(**rule)
    verdict = verdict_of(mock.url)
    assert kinds(verdict) == [("listTaskInstances", "no answer", "$")]
    assert re.search(reason, verdict.differences[0].difference.came)


def test_no_answer_in_time(mock: MockServer) -> None:
    mock.fault(fault="HANG")
    [told] = verdict_of(mock.url, timeout_s=0.3).differences
    assert told.difference.came == "nothing whole within 0.3 s"


def test_who_is_throttled_asks_once_more(mock: MockServer) -> None:
    mock.fault(response={"status": 429, "headers": {"Retry-After": "0"}}, times=1)
    assert verdict_of(mock.url).differences == []
    assert [one["status"] for one in mock.requests()].count(429) == 1


def test_nobody_there() -> None:
    with MockServer(failed_world()) as mock:
        url = mock.url
    (told,) = verdict_of(url).differences
    assert told.difference.came == "Connection refused"
