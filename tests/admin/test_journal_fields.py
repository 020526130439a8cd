"""An entry of the journal: its headers, query, duration and error code; and the filters by method and path."""

import pytest
from clients import RETRY, TASK, TASKS, Client, Json

ORIGIN = {"Origin": "http://localhost:3000"}


def latest(client: Client) -> Json:
    entry: Json = client.admin("GET", "/requests?limit=1")["requests"][0]
    return entry


def test_an_entry_has_the_headers_of_both_sides(failed: Client) -> None:
    failed.get(f"{TASKS}/7", headers={**ORIGIN, "X-Request-Id": "7"})
    entry = latest(failed)
    assert entry["requestHeaders"]["X-Request-Id"] == "7"
    received = entry["responseHeaders"]
    assert received["X-Mock-Hint"] == entry["hint"]
    assert received["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


def test_also_those_of_a_fault(failed: Client) -> None:
    failed.fault(503, error={"status": 503, "headers": {"X-Trouble": "7"}})
    failed.get(TASK)
    received = latest(failed)["responseHeaders"]
    assert (received["X-Trouble"], received["X-Mock-Rule"]) == ("7", "fault-1")


def test_headers_of_one_name_are_joined(failed: Client) -> None:
    failed("GET", TASK, headers={"Accept": "text/plain, */*", "Cookie": "a=b"})
    entry = latest(failed)
    assert entry["requestHeaders"]["Accept"] == "text/plain, */*"
    assert entry["requestHeaders"]["Cookie"] == "[redacted]"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", {}),
        ("?page=2", {"page": "2"}),
        (
            "?status=FAILED&status=RUNNING&name=a%20b&empty=",
            {"status": ["FAILED", "RUNNING"], "name": "a b", "empty": ""},
        ),
        ("?token=abc", {"token": "[redacted]"}),
        ("?to=%2Fx%3Ftoken%3Dabc", {"to": "/x?token=[redacted]"}),
    ],
)
def test_the_query_is_told_by_its_names(failed: Client, query: str, told: Json) -> None:
    failed.get(TASKS + query)
    entry = latest(failed)
    assert (entry["path"], entry["query"]) == (TASKS, told)


def test_it_says_how_long_it_took_by_the_machine_on_a_clock_that_stands_still(failed: Client) -> None:
    failed.get(TASK)
    assert 0 < latest(failed)["duration"] < 60_000
    failed.get(TASK, headers={"X-Mock-Fault": '{"fixedDelayMilliseconds": 20}'})
    assert latest(failed)["duration"] >= 20


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", TASK, None),
        ("GET", f"{TASKS}/7", "COM10002"),
        ("GET", "/api/v2/x", "COM10002"),
        ("PUT", TASK, "COM10002"),
    ],
)
def test_it_has_the_code_of_an_error(failed: Client, method: str, path: str, code: str | None) -> None:
    answer = failed(method, path)
    entry = latest(failed)
    assert entry["errorCode"] == answer.json().get("error", {}).get("code")
    assert (entry["errorCode"] is None) == (code is None)


@pytest.mark.parametrize(
    ("query", "operations"),
    [
        ("method=POST", ["retrySubtask"]),
        ("path=/api/v2/tasks/*/retry", ["retrySubtask"]),
        ("path=*/instances", ["listTaskInstances"]),
        ("path=/api/v2/tasks/instances&method=GET", ["listTaskInstances"]),
        ("path=/api/*", ["listTaskInstances", "retrySubtask"]),
        ("path=/tasks/*", []),
        ("method=get", []),
    ],
)
@pytest.mark.parametrize("world", ["", "/w/anna"])
def test_they_are_filtered_by_method_and_path(failed: Client, query: str, operations: list[str], world: str) -> None:
    """A path of a named world has the world in it, and is found without."""
    failed.get(f"{world}{TASKS}?page=1")
    failed.post(f"{world}{RETRY}")
    found = failed.get(f"{world}/__admin/requests?{query}").json()["requests"]
    assert [entry["operation"] for entry in found] == operations
