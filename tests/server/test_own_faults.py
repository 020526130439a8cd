"""Faults that a request asks for itself: X-Mock-Fault and Prefer. And rate limits, on the world's clock."""

import json
from typing import Any

import pytest
import requests
from clients import RETRY, TASK, TASKS, Client, Json, failed_world, said

from mockserver import MockServer

EFFECTS: list[tuple[Json, int | None, bool]] = [
    ({"error": {"status": 503}}, 503, False),
    ({"error": {"status": 403, "code": 1, "message": "没有"}}, 403, False),
    ({"fault": "CONNECTION_RESET_BY_PEER"}, None, False),
    ({"fault": "EMPTY_RESPONSE", "when": "after"}, None, True),
    ({"fault": "MALFORMED_RESPONSE_CHUNK"}, None, False),
    ({"fault": "RANDOM_DATA_THEN_CLOSE", "when": "before"}, None, False),
    ({"truncateBodyAtFraction": 0.5}, None, True),
    ({"chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 3}}, 200, True),
    ({"response": {"status": 502, "body": "<html>"}}, 502, False),
    ({"response": {"status": 502, "body": "<html>"}, "when": "after"}, 502, True),
    ({"violate": "random"}, 200, True),
    ({"violate": {"remove": "/data/status"}}, 200, True),
    ({"fixedDelayMilliseconds": 2}, 200, True),
    ({"delayDistribution": {"type": "uniform", "lower": 0, "upper": 2}, "error": {"status": 500}}, 500, False),
]


def own(fault: object) -> dict[str, str]:
    return {"X-Mock-Fault": fault if isinstance(fault, str) else json.dumps(fault)}


@pytest.mark.parametrize(("fault", "status", "happened"), EFFECTS, ids=str)
def test_a_request_asks_for_its_own_fault(failed: Client, fault: Json, status: int | None, happened: bool) -> None:
    try:
        answer = failed.post(RETRY, headers=own(fault))
    except requests.RequestException:
        assert status is None
    else:
        assert answer.status_code == status
        assert answer.headers["X-Mock-Rule"] == "X-Mock-Fault"
        assert "Preference-Applied" not in answer.headers
    assert failed.subtasks()[1] == ("READY" if happened else "FAILED")
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert entry["rule"] == "X-Mock-Fault"
    assert failed.admin("GET", "/faults") == {"faults": []}
    assert failed.post(RETRY).status_code == (400 if happened else 200), "the next request is a plain one"


BAD: list[tuple[str, str]] = [
    ("", "not JSON"),
    ("{", "not JSON"),
    ("error", "not JSON"),
    ("[" * 3000, "not JSON"),
    ('{"error": {"status": 503}, "error": {"status": 504}}', "'error' is given twice"),
    ('{"fixedDelayMilliseconds": NaN}', "NaN is no JSON"),
    ('{"fixedDelayMilliseconds": Infinity}', "Infinity is no JSON"),
    ('{"fixedDelayMilliseconds": 1e999}', "1e999 is too large"),
    ('{"response": {"status": 200, "body": NaN}}', "NaN is no JSON"),
    ('{"response": {"status": 200, "body": "\\ud800"}}', "U+D800"),
    ("[]", "$: "),
    ("503", "$: "),
    ("null", "$: "),
    ('"HANG"', "$: "),
    ("{}", "$: an effect is missing"),
    ('{"when": "after"}', "$: an effect is missing"),
    ('{"eror": {"status": 503}}', "did you mean error?"),
    ('{"error": {"status": 200}}', "$.error.status: "),
    ('{"error": {"status": "503"}}', "$.error.status: "),
    ('{"fault": "BANG"}', "$.fault: "),
    ('{"fault": "HANG", "error": {"status": 503}}', "$.fault: one effect only"),
    ('{"violate": {"remove": "x"}}', "$.violate: "),
    ('{"rateLimit": {"limit": 1, "perSeconds": 1}}', "$.rateLimit: not for one request"),
    *(
        (json.dumps({"error": {"status": 503}, key: value}), f"$.{key}: not for one request")
        for key, value in {
            "id": "mine",
            "operation": "retrySubtask",
            "method": "POST",
            "path": "*",
            "taskInstanceId": 1000,
            "subtaskInstanceId": 10001,
            "user": "viewer",
            "skip": 0,
            "times": 1,
            "probability": 0.5,
            "hits": 0,
            "matches": 0,
            "window": {"until": 0, "count": 0},
        }.items()
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text[:60] for text, _ in BAD])
def test_one_that_is_none_is_refused_by_name_and_changes_nothing(failed: Client, text: str, message: str) -> None:
    before = failed.state()
    answer = failed.post(RETRY, headers=own(text))
    assert said(answer) == (400, "COM10001")
    error = answer.json()["error"]
    assert error["message"].startswith("Not a valid request: X-Mock-Fault: ")
    assert {one["field"] for one in error["subErrors"]} == {"X-Mock-Fault"}
    assert any(message in one["message"] for one in error["subErrors"]), error
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert "X-Mock-Rule" not in answer.headers
    assert failed.state() == before
    assert failed.admin("GET", "/contract")["clientErrors"] == 1


def test_every_mistake_of_one_is_told(failed: Client) -> None:
    answer = failed.post(RETRY, headers=own({"error": {"status": 1}, "skip": -1, "fault": "X"}))
    assert len(answer.json()["error"]["subErrors"]) == 3


def test_one_that_is_not_ascii_is_refused_too(failed: Client) -> None:
    answer = failed.post(RETRY, headers={"X-Mock-Fault": b"\xff\xfe"})
    assert said(answer) == (400, "COM10001")
    answer = failed.post(RETRY, headers={"X-Mock-Fault": '{"error": {"status": 503, "message": "没有"}}'.encode()})
    assert answer.json()["error"]["message"] == "没有"


def test_a_control_route_takes_none(failed: Client) -> None:
    for headers in (own({"error": {"status": 503}}), own("{"), {"Prefer": "code=503"}):
        assert failed("GET", "/__admin/health", headers=headers).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v2/nothing", 404), ("PUT", TASK, 405)])
def test_what_is_no_operation_takes_none(failed: Client, method: str, path: str, status: int) -> None:
    for headers in (own({"error": {"status": 503}}), own("{"), {"Prefer": "code=503"}):
        assert failed(method, path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "auth"),
    [
        (f"{TASKS}/x/retry", ("operator", "operator")),
        (RETRY, None),
        (RETRY, ("operator", "wrong")),
        (RETRY, ("viewer", "viewer")),
        (f"{TASKS}/1/retry", ("operator", "operator")),
    ],
)
def test_ones_own_fault_comes_before_every_refusal(permissions: Client, path: str, auth: Any) -> None:
    assert permissions.post(path, auth=auth, headers=own({"error": {"status": 503}})).status_code == 503
    assert permissions.post(path, auth=auth, headers={"Prefer": "code=503"}).status_code == 503


@pytest.mark.parametrize("headers", [own({"error": {"status": 504}}), {"Prefer": "code=504"}], ids=str)
def test_ones_own_fault_comes_before_the_rules_which_do_not_count_it(failed: Client, headers: Any) -> None:
    failed.fault(times=1)
    assert failed.post(RETRY, headers=headers).status_code == 504
    rule = failed.admin("GET", "/faults/fault-1")
    assert (rule["matches"], rule["hits"]) == (0, 0)
    assert failed.post(RETRY).status_code == 503


def test_one_that_is_refused_does_not_count_either(failed: Client) -> None:
    failed.fault(times=1)
    assert failed.post(RETRY, headers=own("{")).status_code == 400
    assert failed.admin("GET", "/faults/fault-1")["matches"] == 0


def test_x_mock_fault_comes_before_prefer(failed: Client) -> None:
    answer = failed.post(RETRY, headers={**own({"error": {"status": 504}}), "Prefer": "code=503"})
    assert answer.status_code == 504
    assert "Preference-Applied" not in answer.headers


# --- Prefer ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("code=403", 403),
        ("code=599", 599),
        ("code=400", 400),
        ('code="503"', 503),
        ("CODE=503", 503),
        ("Code = 503", 503),
        ("respond-async, code=503", 503),
        ("dynamic=true, wait=10, code=503, example=a", 503),
        ("code=503; dynamic=true", 503),
        ('example="a, b", code=503', 503),
        ("code=200, code=503", 503),
        ("code=503, code=504", 503),
        (",,code=503,", 503),
        ("code=200", 200),
        ("code=399", 200),
        ("code=600", 200),
        ("code=4030", 200),
        ("code=0403", 200),
        ("code=04033", 200),
        ("code=", 200),
        ("code", 200),
        ("code=teapot", 200),
        ('code="503', 200),
        ("code=٤٠٣", 200),
        ("code=-403", 200),
        ("code=4e2", 200),
        ("barcode=503", 200),
        ('example="code=503"', 200),
        ('example="a, code=503"', 200),
        ("status=503", 200),
        ("", 200),
        ('"' * 1000 + ",code=200," * 100, 200),
    ],
)
def test_a_preferred_code(failed: Client, prefer: str, status: int) -> None:
    """One that cannot be met is ignored, and the answer is what it would have been."""
    answer = failed.post(RETRY, headers={"Prefer": prefer.encode()})
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers.get("Preference-Applied") == (None if status == 200 else f"code={status}")
    assert answer.headers.get("X-Mock-Rule") == (None if status == 200 else "Prefer")
    assert failed.subtasks()[1] == ("READY" if status == 200 else "FAILED")
    assert failed.admin("GET", "/contract")["violations"] == 0


def test_preferences_in_several_headers(failed: Client) -> None:
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", failed.mock.port)
    connection.putrequest("GET", TASK)
    for preference in ("respond-async", "code=418", "code=503"):
        connection.putheader("Prefer", preference)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Preference-Applied")) == (418, "code=418")
    connection.close()


@pytest.mark.parametrize(
    ("status", "code"), [(401, "IAM10000"), (403, "IAM11000"), (404, "TSK10001"), (500, "COM10999")]
)
def test_a_preferred_code_is_an_error_like_any_other(failed: Client, status: int, code: int) -> None:
    answer = failed.get(TASK, headers={"Prefer": f"code={status}"})
    assert said(answer) == (status, code)
    assert answer.headers["X-Mock-Contract"] == "valid"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


# --- rate limits -----------------------------------------------------------------------------------------------------


def limited(client: Client, limit: int, per: float, **more: Any) -> None:
    client.admin("POST", "/faults", {"rateLimit": {"limit": limit, "perSeconds": per}, **more})


def statuses(client: Client, count: int) -> list[int]:
    return [client.get(TASK).status_code for _ in range(count)]


def test_above_the_limit_it_is_429_until_the_worlds_clock_opens_the_window_again(failed: Client) -> None:
    limited(failed, 2, 10)
    assert statuses(failed, 4) == [200, 200, 429, 429]
    failed.admin("POST", "/clock/advance", {"by": "9.999s"})
    assert statuses(failed, 1) == [429]
    failed.admin("POST", "/clock/advance", {"by": "1ms"})
    assert statuses(failed, 3) == [200, 200, 429]


def test_the_window_opens_with_its_first_request(failed: Client) -> None:
    limited(failed, 1, 10)
    failed.admin("POST", "/clock/advance", {"by": "1h"})
    assert statuses(failed, 2) == [200, 429]
    failed.admin("POST", "/clock/advance", {"by": "10s"})
    failed.admin("POST", "/clock/advance", {"by": "5s"})
    assert statuses(failed, 2) == [200, 429]
    failed.admin("POST", "/clock/advance", {"by": "9s"})
    assert statuses(failed, 1) == [429]


@pytest.mark.parametrize(
    ("per", "passed", "retry_after"),
    [
        (10, "0s", "10"),
        (10, "1ms", "10"),
        (10, "9s", "1"),
        (10, "9.999s", "1"),
        (0.5, "0s", "1"),
        (86400, "1s", "86399"),
    ],
)
def test_retry_after_is_never_too_early(failed: Client, per: float, passed: str, retry_after: str) -> None:
    limited(failed, 1, per)
    assert statuses(failed, 1) == [200]
    failed.admin("POST", "/clock/advance", {"by": passed})
    answer = failed.get(TASK)
    assert said(answer) == (429, 0)
    assert answer.headers["Retry-After"] == retry_after
    assert f"in {per:g} s (fault-1)" in answer.json()["error"]["message"]
    failed.admin("POST", "/clock/advance", {"by": f"{retry_after}s"})
    assert statuses(failed, 1) == [200]


def rate(answer: requests.Response) -> tuple[str | None, ...]:
    """Limit, remaining, reset."""
    return tuple(answer.headers.get(f"RateLimit-{what}") for what in ("Limit", "Remaining", "Reset"))


def test_every_answer_that_a_rate_limit_counts_says_how_much_is_left(failed: Client) -> None:
    limited(failed, 2, 10, operation="getTaskInstance")
    assert rate(failed.get(TASK)) == ("2", "1", "10")
    failed.admin("POST", "/clock/advance", {"by": "500ms"})
    assert rate(failed.get(f"{TASKS}/7")) == ("2", "0", "10"), "a refusal is an answer"
    failed.admin("POST", "/clock/advance", {"by": "8s"})
    throttled = failed.get(TASK)
    assert (throttled.status_code, *rate(throttled)) == (429, "2", "0", "2")
    assert throttled.headers["Retry-After"] == "2"
    assert rate(failed.get(TASKS)) == (None, None, None), "it does not watch that"
    failed.admin("POST", "/clock/advance", {"by": "2s"})
    answer = failed.get(TASK)
    assert (answer.status_code, *rate(answer), answer.headers.get("Retry-After")) == (200, "2", "1", "10", None)


def test_what_another_rule_does_to_an_answer_leaves_the_rate_on_it(failed: Client) -> None:
    failed.fault(503, times=1)
    failed.admin("POST", "/faults", {"response": {"status": 502, "headers": {"RateLimit-Limit": "7"}}, "times": 1})
    limited(failed, 5, 10)
    assert [(answer.status_code, *rate(answer)) for answer in (failed.get(TASK) for _ in range(3))] == [
        (502, "7", "4", "10"),  # its own stays
        (503, "5", "3", "10"),
        (200, "5", "2", "10"),
    ]


def test_of_several_rates_the_tightest_is_told(failed: Client) -> None:
    limited(failed, 9, 10)
    limited(failed, 3, 60)
    limited(failed, 5, 10)
    assert [rate(failed.get(TASK)) for _ in range(2)] == [("3", "2", "60"), ("3", "1", "60")]


def test_a_rate_that_is_used_up_says_nothing_and_one_that_was_not_asked_says_what_is_left(failed: Client) -> None:
    limited(failed, 0, 10, times=1)
    assert rate(failed.get(TASK)) == ("0", "0", "10")
    assert rate(failed.get(TASK)) == (None, None, None), "it is used up"
    limited(failed, 5, 10)
    failed.fault(503, times=1)
    assert rate(failed.get(TASK)) == ("5", "5", "10"), "a newer rule acted first"


def test_a_429_without_a_rate_has_its_headers_too(failed: Client) -> None:
    """Unless the rule says otherwise."""
    failed.fault(429, times=1)
    answer = failed.get(TASK)
    assert (*rate(answer), answer.headers["Retry-After"]) == ("1", "0", "1", "1")
    failed.mock.fault(error={"status": 429, "headers": {"Retry-After": "30"}})
    assert failed.get(TASK).headers["Retry-After"] == "30"


def test_a_limit_of_zero_lets_nothing_through(failed: Client) -> None:
    limited(failed, 0, 1)
    assert statuses(failed, 2) == [429, 429]
    failed.admin("POST", "/clock/advance", {"by": "2s"})
    assert statuses(failed, 1) == [429]


def test_only_what_matches_counts_and_only_what_is_refused_is_a_hit(failed: Client) -> None:
    limited(failed, 2, 10, operation="retrySubtask")
    assert statuses(failed, 5) == [200] * 5
    assert [failed.post(RETRY).status_code for _ in range(3)] == [200, 400, 429]
    rule = failed.admin("GET", "/faults/fault-1")
    assert (rule["matches"], rule["hits"], rule["window"]["count"]) == (3, 1, 3)


def test_a_rate_that_is_kept_lets_an_older_rule_act(failed: Client) -> None:
    failed.fault(503)
    limited(failed, 1, 10)
    assert statuses(failed, 2) == [503, 429]


def test_before_and_after(failed: Client) -> None:
    limited(failed, 0, 1, operation="retrySubtask", times=1)
    assert failed.post(RETRY).status_code == 429
    assert failed.subtasks()[1] == "FAILED"
    limited(failed, 0, 1, operation="retrySubtask", times=1, when="after")
    assert failed.post(RETRY).status_code == 429
    assert failed.subtasks()[1] == "READY"


def test_skip_and_times_and_a_rate_limit(failed: Client) -> None:
    """What is skipped is not counted into the window."""
    limited(failed, 1, 10, skip=2, times=2)
    assert statuses(failed, 7) == [200, 200, 200, 429, 429, 200, 200]


def test_a_window_survives_get_and_put_of_the_state(failed: Client) -> None:
    limited(failed, 2, 10)
    assert statuses(failed, 1) == [200]
    state = failed.admin("GET", "/state")
    assert statuses(failed, 2) == [200, 429]
    failed.admin("PUT", "/state", state)
    assert failed.admin("GET", "/state") == state
    assert statuses(failed, 2) == [200, 429]
    failed.admin("POST", "/clock/advance", {"by": "10s"})
    assert statuses(failed, 1) == [200]


def test_a_window_is_closed_again_after_reset() -> None:
    world = failed_world(faults=[{"rateLimit": {"limit": 1, "perSeconds": 10}}])
    with MockServer(world) as mock, Client(mock) as client:
        assert statuses(client, 2) == [200, 429]
        client.admin("POST", "/reset")
        assert statuses(client, 2) == [200, 429]


def test_a_new_rule_brings_no_window(failed: Client) -> None:
    """What the server counts is not for whoever adds the rule."""
    body = {"rateLimit": {"limit": 1, "perSeconds": 1}, "window": {"until": 0, "count": 0}}
    answer = failed("POST", "/__admin/faults", json=body)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["error"]["details"]] == ["$.window"]


def test_a_rate_on_a_real_clock_that_is_fast() -> None:
    """On the world's clock: at a thousand times the speed, a minute's window is over in 60 ms."""
    with MockServer(failed_world(), speed=1000) as mock, Client(mock) as client:
        limited(client, 1, 3600)
        assert statuses(client, 2) == [200, 429]
        client.admin("POST", "/clock/advance", {"by": "1h"})
        assert statuses(client, 1) == [200]
