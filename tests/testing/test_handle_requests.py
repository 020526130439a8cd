"""The handle: requests by method, path, query, headers and body; and client errors that are expected."""

from collections.abc import Iterator
from typing import Any

import pytest
from clients import RETRY, TASK, TASKS, Client, failed_world

from mockserver import Handle, MockServer


@pytest.fixture(params=["", "anna"], ids=["the server's world", "a named world"])
def mock(failed: Client, request: pytest.FixtureRequest) -> Iterator[Handle]:
    """Two requests came."""
    with MockServer.connect(failed.mock.url, world=request.param or None) as handle:
        below = f"/w/{request.param}" if request.param else ""
        failed.get(f"{below}{TASKS}?page=1&status=FAILED&status=READY", headers={"X-Request-Id": "6"})
        failed.post(f"{below}{RETRY}", headers={"X-Request-Id": "7"}, json={"a": [1, None]})
        yield handle


LIST, ACT = "listTaskInstances", "retrySubtask"


@pytest.mark.parametrize(
    ("filters", "operations"),
    [
        ({"method": "POST"}, [ACT]),
        ({"path": "/api/*"}, [LIST, ACT]),
        ({"path": f"{TASKS}/*/retry"}, [ACT]),
        ({"path": TASKS, "method": "GET"}, [LIST]),
        ({"path": "/api/v1/*"}, []),
        ({"query": {"page": 1}}, [LIST]),
        ({"query": {"status": ["FAILED", "READY"], "page": "1"}}, [LIST]),
        ({"query": {"status": "FAILED"}}, []),
        ({"query": {}}, [LIST, ACT]),
        ({"headers": {"x-request-id": 7}}, [ACT]),
        ({"headers": {"X-Request-Id": "7", "X-Other": "1"}}, []),
        ({"json": {"a": [1, None]}}, [ACT]),
        ({"json": {"a": [1]}}, []),
        ({"json": None}, [LIST]),
        ({"method": "POST", "status": 200, "headers": {"X-Request-Id": "7"}}, [ACT]),
    ],
    ids=str,
)
def test_which_requests_it_finds(mock: Handle, filters: Any, operations: list[str]) -> None:
    assert [entry["operation"] for entry in mock.requests(**filters)] == operations
    found = mock.assert_requested(count=len(operations), **filters)
    assert [entry["operation"] for entry in found] == operations


def test_a_limit_counts_after_every_filter(mock: Handle) -> None:
    assert [entry["operation"] for entry in mock.requests(query={}, limit=1)] == [ACT]
    assert [entry["operation"] for entry in mock.requests(limit=1)] == [ACT]


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({"headers": {"X-Request-Id": "8"}}, "expected a request retrySubtask(headers={'X-Request-Id': '8'}), but"),
        ({"query": {"a": 1}}, "[query is {}]"),
        ({"json": {"b": 1}}, "[json is {'a': [1, None]}]"),
        ({"method": "PUT"}, "[method is POST]"),
    ],
    ids=str,
)
def test_a_failure_tells_what_differs(mock: Handle, filters: Any, told: str) -> None:
    with pytest.raises(AssertionError) as failure:
        mock.assert_requested("retrySubtask", **filters)
    assert told in str(failure.value)


def test_without_an_operation_the_failure_says_what_was_sought(mock: Handle) -> None:
    with pytest.raises(AssertionError, match=r"^expected a request \(method='PUT'\), but there were none"):
        mock.assert_requested(method="PUT")
    with pytest.raises(AssertionError, match=r"^expected no requests, but there were 2"):
        mock.assert_requested(count=0)


@pytest.mark.parametrize("name", ["retrySubtaks", "retry_subtask", "RetrySubtask"])
def test_a_misspelt_operation_is_told_with_what_was_meant(mock: Handle, name: str) -> None:
    for ask in (mock.requests, mock.assert_requested):
        with pytest.raises(ValueError, match=rf"'{name}' is no operation \(did you mean retrySubtask\?\)"):
            ask(name)


def test_a_misspelt_keyword_is_told_with_what_was_meant(mock: Handle) -> None:
    wrong: Any = {"header": {}}
    with pytest.raises(TypeError, match=r"takes no 'header' \(did you mean headers\?\)"):
        mock.assert_requested("retrySubtask", **wrong)


@pytest.mark.parametrize("filters", [{"headers": {"Authorization": "Basic x"}}, {"query": {"access_token": "x"}}])
def test_of_a_secret_nothing_can_be_proven(mock: Handle, filters: Any) -> None:
    with pytest.raises(ValueError, match=r"the journal does not keep (Authorization|access_token), which is a secret"):
        mock.assert_requested(**filters)


# --- client errors on purpose ----------------------------------------------------------------------------------------


def counts(mock: Handle) -> tuple[int, int]:
    account = mock.contract()
    return account["clientErrors"], account["expectedErrors"]


def test_what_is_expected_in_a_block_is_no_client_error(failed: Client) -> None:
    mock = failed.mock
    with mock.expecting_client_errors(status=400, operation="getTaskInstance"):
        failed.get(f"{TASKS}/x")
    assert counts(mock) == (0, 1)
    failed.get(f"{TASKS}/x")
    assert counts(mock) == (1, 1), "after the block it is not expected any more"
    mock.clear_contract()
    assert counts(mock) == (0, 0)


def test_where_it_does_not_come_the_block_fails_and_tells_what_came(failed: Client) -> None:
    def block() -> None:
        with failed.mock.expecting_client_errors(status=400, operation="getTaskInstance", times=2):
            failed.get(f"{TASKS}/x")
            failed.get(TASK)

    with pytest.raises(AssertionError) as failure:
        block()
    first, second, *requests = str(failure.value).splitlines()
    assert first == "expected 2 client errors of getTaskInstance with status 400: there were 1"
    assert second == "The latest requests:"
    assert [line.split()[1:3] for line in requests] == [["GET", f"{TASKS}/x:"], ["GET", f"{TASK}:"]]


def test_a_block_that_fails_by_itself_says_its_own_and_expects_nothing_any_more(failed: Client) -> None:
    with pytest.raises(KeyError), failed.mock.expecting_client_errors():
        raise KeyError
    assert failed.admin("GET", "/contract/expectations") == {"expectations": []}


def test_a_misspelt_operation_is_expected_of_nobody(failed: Client) -> None:
    with pytest.raises(ValueError, match=r"did you mean retrySubtask\?"):
        failed.mock.expecting_client_errors(operation="retrySubtaks")


def test_the_sum_of_all_worlds(failed: Client) -> None:
    failed.get("/w/one/api/v2/nowhere")
    assert failed.mock.contract()["clientErrors"] == 0
    assert failed.mock.contract(worlds="all")["clientErrors"] == 1


def test_a_server_of_its_own_does_the_same() -> None:
    with MockServer(failed_world()) as mock, pytest.raises(AssertionError), mock.expecting_client_errors():
        pass
