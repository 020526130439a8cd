"""Client errors that a test makes on purpose: by a rule or by a header, counted apart, and told if they don't come."""

from typing import Any

import pytest
import requests
from clients import RETRY, TASK, TASKS, Client

BAD = f"{TASKS}/x"
SLOPPY = f"{TASKS}?nonsense=1"


def expect(client: Client, **given: Any) -> Any:
    return client.admin("POST", "/contract/expectations", given)


def counts(client: Client) -> tuple[int, int]:
    found = client.admin("GET", "/contract")
    return found["clientErrors"], found["expectedErrors"]


def met(client: Client) -> list[int]:
    return [one["met"] for one in client.admin("GET", "/contract/expectations")["expectations"]]


def test_an_expectation_is_listed_with_how_often_it_was_met(failed: Client) -> None:
    added = expect(failed, operation="getTaskInstance", status=400, times=2)
    assert added == {
        **{"id": "expectation-1", "operation": "getTaskInstance", "status": 400, "times": 2},
        **{"met": 0, "world": None},
    }
    failed.get(BAD)
    assert failed.admin("GET", "/contract/expectations") == {"expectations": [added | {"met": 1}]}
    assert failed.admin("GET", "/contract/expectations/expectation-1")["met"] == 1
    assert counts(failed) == (0, 1)


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        ({}, BAD, True),
        ({}, "/api/v2/nowhere", True),
        ({}, SLOPPY, True),
        ({"status": 400}, BAD, True),
        ({"status": 400}, "/api/v2/nowhere", False),
        ({"status": 200}, SLOPPY, True),
        ({"operation": "getTaskInstance"}, BAD, True),
        ({"operation": "getTaskInstance"}, SLOPPY, False),
        ({"operation": "getTaskInstance"}, "/api/v2/nowhere", False),
        ({"operation": "listTaskInstances", "status": 400}, SLOPPY, False),
    ],
)
def test_which_client_errors_it_takes(failed: Client, given: Any, path: str, expected: bool) -> None:
    expect(failed, **given)
    failed.get(path)
    assert counts(failed) == ((0, 1) if expected else (1, 0))
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert entry["clientError"] is not None
    assert entry["expected"] == expected
    assert failed.admin("GET", "/contract/client-errors")["omitted"] == 0
    assert len(failed.admin("GET", "/contract/client-errors")["clientErrors"]) == (not expected)


def test_without_times_any_number_is_expected(failed: Client) -> None:
    expect(failed)
    for _ in range(3):
        failed.get(BAD)
    assert (counts(failed), met(failed)) == ((0, 3), [3])


def test_past_its_times_it_is_not_expected(failed: Client) -> None:
    expect(failed, times=2)
    for _ in range(3):
        failed.get(BAD)
    assert (counts(failed), met(failed)) == ((1, 2), [2])


def test_one_that_is_not_met_yet_comes_first(failed: Client) -> None:
    expect(failed)
    expect(failed, status=400)
    failed.get(BAD)
    failed.get(BAD)
    assert met(failed) == [1, 1]


def test_what_the_contract_knows_meets_nothing(failed: Client) -> None:
    """A refusal is a part of it, and no client error."""
    expect(failed, status=404)
    failed.get(f"{TASKS}/7")
    assert (counts(failed), met(failed)) == ((0, 0), [0])


def test_deleted_they_are_unexpected_again(failed: Client) -> None:
    for _ in range(2):
        expect(failed)
    failed.admin("DELETE", "/contract/expectations/expectation-1")
    failed.get(BAD)
    failed.admin("DELETE", "/contract/expectations")
    failed.get(BAD)
    assert (counts(failed), met(failed)) == ((1, 1), [])
    assert failed.get("/__admin/contract/expectations/expectation-1").status_code == 404


def test_they_are_of_their_world_and_stay_after_its_reset(failed: Client) -> None:
    expect(failed)
    failed.admin("POST", "/reset")
    failed.get(f"/w/one{BAD}")
    assert (counts(failed), met(failed)) == ((0, 0), [0])
    failed.get(BAD)
    assert (counts(failed), met(failed)) == ((0, 1), [1])


def test_those_of_a_world_that_is_gone_are_told_if_they_were_not_met(failed: Client) -> None:
    for status in (400, 404):
        assert failed.post("/w/one/__admin/contract/expectations", json={"status": status}).status_code == 201
    failed.get(f"/w/one{BAD}")
    failed.admin("DELETE", "/worlds/one")
    [left] = failed.admin("GET", "/contract/expectations?worlds=all")["expectations"]
    assert (left["status"], left["met"], left["world"]) == (404, 0, "one")


def test_an_account_that_is_zero_expects_the_same_anew(failed: Client) -> None:
    expect(failed)
    failed.get(BAD)
    failed.admin("DELETE", "/contract")
    assert (counts(failed), met(failed)) == ((0, 0), [0])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"operation": "retry"}, "$.operation"),
        ({"status": 99}, "$.status"),
        ({"times": 0}, "$.times"),
        ({"count": 1}, "$.count"),
        ({"id": "mine"}, "$.id"),
        ({"met": 1}, "$.met"),
    ],
    ids=str,
)
def test_what_is_no_expectation_is_refused(failed: Client, body: Any, path: str) -> None:
    answer = failed.post("/__admin/contract/expectations", json=body)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["error"]["details"]] == [path]
    assert met(failed) == []


# --- the header ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "status"), [(BAD, "400"), ("/api/v2/nowhere", "404"), (SLOPPY, "200")])
def test_a_request_can_say_so_itself(failed: Client, path: str, status: str) -> None:
    failed.get(path, headers={"X-Mock-Expect": status})
    assert counts(failed) == (0, 1)
    assert failed.admin("GET", "/requests")["requests"][0]["expected"] is True


@pytest.mark.parametrize(
    ("method", "path", "expects", "how"),
    [
        ("GET", BAD, "404", "X-Mock-Expect is '404', and the answer is 400: Not a valid request"),
        ("GET", TASK, "400", "X-Mock-Expect is '400', and the answer is 200"),
        ("POST", RETRY, "oops", "X-Mock-Expect is 'oops', and the answer is 200"),
    ],
)
def test_a_request_that_says_so_and_is_answered_otherwise_is_an_unexpected_one(
    failed: Client, method: str, path: str, expects: str, how: str
) -> None:
    failed(method, path, headers={"X-Mock-Expect": expects})
    assert counts(failed) == (1, 0)
    assert failed.admin("GET", "/requests")["requests"][0]["clientError"].startswith(how)


def test_a_refusal_that_the_contract_knows_may_be_expected_and_counts_as_nothing(failed: Client) -> None:
    failed.get(f"{TASKS}/7", headers={"X-Mock-Expect": "404"})
    assert counts(failed) == (0, 0)


def test_also_of_a_request_that_never_gets_an_answer(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "EMPTY_RESPONSE", "when": "after", "times": 1})
    with pytest.raises(requests.ConnectionError):
        failed.get(BAD, headers={"X-Mock-Expect": "400"})
    assert counts(failed) == (1, 0)
