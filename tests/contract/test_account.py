"""The server's account: every reply is counted once, whatever it was, and the three verdicts add up."""

from http.client import HTTPConnection

import pytest
import requests
from books import BOOKS, mistakes
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, failed_world
from processes import END_S
from raw_sockets import connected, heard, request
from waiting import eventually

from mockserver import MockServer

ORIGIN = {"Origin": "http://localhost:3000"}
VERDICTS = ("valid", "deliberatelyInvalid", "violations")


class Counted:
    """What each request adds to the account."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.wanted: Json = dict.fromkeys(VERDICTS, 0) | {"clientErrors": 0}

    def add(self, verdict: str, method: str, path: str, *, client_error: bool = False, **options: object) -> None:
        """With one reply more, whose verdict that is."""
        self.wanted[verdict] += 1
        self.wanted["clientErrors"] += client_error
        try:
            self.ask(method, path, **options)
        except requests.RequestException:
            assert verdict == "deliberatelyInvalid"
            self.check(method, path)

    def ask(self, method: str, path: str, **options: object) -> None:
        self.client(method, path, allow_redirects=False, **options)
        self.check(method, path)

    def check(self, method: str, path: str) -> None:
        found = self.client.admin("GET", "/contract")
        assert found["valid"] + found["deliberatelyInvalid"] + found["violations"] == found["replies"]
        assert {key: found[key] for key in self.wanted} == self.wanted, (method, path)


@pytest.fixture
def counted(permissions: Client) -> Counted:
    return Counted(permissions)


def own(fault: str) -> Json:
    return {"headers": {"X-Mock-Fault": fault}, "auth": ("operator", "operator")}


def test_every_reply_of_the_api_is_counted_once(counted: Counted) -> None:
    operator = ("operator", "operator")
    add = counted.add
    add("valid", "POST", RETRY, auth=operator)
    add("valid", "POST", RETRY, auth=operator)
    add("valid", "GET", TASK, auth=operator)
    add("valid", "HEAD", TASK, auth=operator)
    add("valid", "POST", f"{TASK}/downloadDiagnosis", auth=operator)
    add("valid", "GET", f"{SUBTASK}/log", auth=operator, headers=ORIGIN)
    add("valid", "GET", TASK)
    add("valid", "GET", TASK, auth=("operator", "wrong"))
    add("valid", "POST", RETRY, auth=("viewer", "viewer"))
    add("valid", "GET", f"{TASKS}/7", auth=operator)
    add("valid", "GET", f"{TASKS}/x", auth=operator, client_error=True)
    add("valid", "GET", f"{TASKS}?size=0", auth=operator, client_error=True)
    add("valid", "GET", f"{TASKS}?sort=name", auth=operator, client_error=True)
    add("valid", "GET", f"{TASKS}/x?unknown=1")
    add("valid", "GET", TASK, headers={"Authorization": "Bearer x"}, client_error=True)
    add("valid", "GET", TASK, headers={"Authorization": "Basic x"})
    add("valid", "GET", TASK, headers={"Cookie": "JSESSIONID=x"})
    add("valid", "GET", TASK, auth=operator, headers={"Accept": "text/html"}, client_error=True)
    add("valid", "GET", "/api/v2/nothing", auth=operator, client_error=True)
    add("valid", "GET", "/", client_error=True)
    add("valid", "DELETE", TASK, auth=operator, client_error=True)
    add("valid", "POST", RETRY, data=b"x" * (2**20 + 1), client_error=True)
    add("valid", "OPTIONS", TASK, headers={**ORIGIN, "Access-Control-Request-Method": "POST"})
    add("valid", "OPTIONS", TASK, auth=operator, client_error=True)

    counted.ask("GET", "/openapi.json")
    counted.ask("GET", "/__admin/health")
    counted.ask("GET", "/__admin/nothing")
    counted.ask("POST", "/__admin/faults", data=b"{")
    counted.ask("GET", "/__admin/state", headers=ORIGIN)

    add("valid", "POST", RETRY, **own('{"error": {"status": 503}}'))
    add("valid", "POST", RETRY, headers={"Prefer": "code=403"})
    add("valid", "POST", RETRY, client_error=True, **own("{"))
    add("valid", "GET", TASK, **own('{"fixedDelayMilliseconds": 1}'))
    add("valid", "GET", TASK, **own('{"chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 1}}'))
    add("valid", "GET", TASK, **own('{"violate": {"set": {"/data/name": "another"}}}'))
    add("deliberatelyInvalid", "GET", TASK, **own('{"violate": "random"}'))
    add("deliberatelyInvalid", "GET", TASK, **own('{"response": {"status": 200}}'))
    add("deliberatelyInvalid", "GET", TASK, **own('{"response": {"status": 302, "headers": {"Location": "/"}}}'))
    add("deliberatelyInvalid", "GET", TASK, **own('{"truncateBodyAtFraction": 0.5}'))
    add("deliberatelyInvalid", "POST", RETRY, **own('{"fault": "CONNECTION_RESET_BY_PEER"}'))
    add("deliberatelyInvalid", "POST", RETRY, **own('{"fault": "EMPTY_RESPONSE"}'))
    add("deliberatelyInvalid", "POST", RETRY, **own('{"fault": "MALFORMED_RESPONSE_CHUNK"}'))
    add("deliberatelyInvalid", "POST", RETRY, **own('{"fault": "RANDOM_DATA_THEN_CLOSE"}'))
    add("deliberatelyInvalid", "POST", f"{TASK}/downloadDiagnosis", **own('{"violate": "random"}'))


def test_a_bad_request_that_meets_a_fault_is_counted_as_one_too(failed: Client) -> None:
    """With `before` nobody has looked at it; with `after`, and where the effect keeps the answer, somebody has."""
    for rule, errors in (
        ({"error": {"status": 503}}, 0),
        ({"error": {"status": 503}, "when": "after"}, 1),
        ({"violate": "random"}, 2),
        ({"fixedDelayMilliseconds": 1}, 3),
    ):
        failed.admin("POST", "/faults", {"times": 1, **rule})
        failed.get(f"{TASKS}/x")
        assert failed.admin("GET", "/contract")["clientErrors"] == errors


JSON_TYPE = {"Content-Type": "application/json"}
NOT_JSON = "Content-Type is application/json, and the body is not JSON"


@pytest.mark.parametrize(
    ("headers", "body", "how"),
    [
        ({}, b"", None),
        ({}, b"anything", None),
        (JSON_TYPE, b"", None),
        ({"Content-Type": "text/xml"}, b"", None),
        (JSON_TYPE, b'{"a": [1.5, null]}', None),
        ({"Content-Type": 'Application/JSON; charset="utf-8"'}, b"{}", None),
        (JSON_TYPE, b"9" * 10_000, None),
        (JSON_TYPE, b"{", NOT_JSON),
        (JSON_TYPE, b"NaN", NOT_JSON),
        (JSON_TYPE, b"\xff", NOT_JSON),
        (JSON_TYPE, b"[" * 100_000, NOT_JSON),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"a=1",
            "Content-Type is 'application/x-www-form-urlencoded', and the API takes application/json",
        ),
        ({"Accept": "application/json, text/plain, */*"}, b"", None),
        ({"Accept": "application/*;q=0.1"}, b"", None),
        ({"Accept": "text/html, *; q=.2"}, b"", None),
        ({"Accept": ""}, b"", None),
        ({"Accept": "APPLICATION/JSON;charset=utf-8"}, b"", None),
        ({"Accept": "text/html"}, b"", "Accept is 'text/html', and the answer is application/json"),
        ({"Accept": "application/json;q=0, */*"}, b"", "Accept rules out application/json"),
        (
            {**JSON_TYPE, "Accept": "application/xml"},
            b"{",
            f"Accept is 'application/xml', and the answer is application/json; {NOT_JSON}",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_never_refused_is_counted(failed: Client, headers: Json, body: bytes, how: str | None) -> None:
    """An acting operation takes any body and any headers, and the journal says how they left the contract."""
    assert failed.post(RETRY, data=body, headers=headers).status_code == 200
    assert failed.admin("GET", "/contract")["clientErrors"] == (how is not None)
    assert failed.admin("GET", "/requests")["requests"][0]["clientError"] == how


def test_a_file_is_not_json(failed: Client) -> None:
    for accept, errors in (("application/zip", 0), ("*/*", 0), ("application/json", 1)):
        assert failed.post(f"{TASK}/downloadDiagnosis", headers={"Accept": accept}).status_code == 200
        assert failed.admin("GET", "/contract")["clientErrors"] == errors


def test_a_plain_request_is_counted_each_time(failed: Client) -> None:
    """What was found out about its bytes once is still true."""
    for _ in range(3):
        assert failed.get(TASK, headers={"Accept": "text/html"}).status_code == 200
    assert failed.admin("GET", "/contract")["clientErrors"] == 3


def test_a_credential_of_another_kind_is_none_where_none_is_asked_for(failed: Client) -> None:
    assert failed.get(TASK, headers={"Authorization": "Bearer x"}).status_code == 200
    assert failed.admin("GET", "/contract")["clientErrors"] == 0


def test_an_answer_that_is_let_go_was_meant_to_break(failed: Client) -> None:
    for rule in ({"fault": "HANG"}, {"fixedDelayMilliseconds": 1e6}, {"fixedDelayMilliseconds": 1e6, "when": "after"}):
        added = failed.admin("POST", "/faults", rule)
        before = failed.admin("GET", "/contract")["deliberatelyInvalid"]
        with connected(failed.mock.port) as connection:
            connection.sendall(request())
            eventually(lambda: len(BOOKS.latest.served.held) == 1)
            failed.admin("DELETE", f"/faults/{added['id']}")
            assert heard(connection) == (b"", "closed")
        assert failed.admin("GET", "/contract")["deliberatelyInvalid"] == before + 1


def test_a_request_that_is_no_http_counts(failed: Client) -> None:
    """aiohttp itself refuses it before there is a route or a world; more of them in test_refused_by_aiohttp."""
    with connected(failed.mock.port) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert b" 400 " in heard(connection).head.partition(b"\r\n")[0]
    account = failed.admin("GET", "/contract")
    assert (account["replies"], account["clientErrors"]) == (1, 1)


def test_the_account_stays_after_reset_and_another_state(failed: Client) -> None:
    state = failed.admin("GET", "/state")
    failed.get(f"{TASKS}/x")
    before = failed.admin("GET", "/contract")
    failed.admin("POST", "/reset")
    failed.admin("PUT", "/state", state)
    assert failed.admin("GET", "/contract") == before
    assert before["clientErrors"] == 1


@pytest.mark.planted(2)
def test_a_narrowed_schema_is_seen_to_count(strict: Client) -> None:
    answer = strict.post(RETRY)
    assert answer.status_code == 500
    assert answer.headers["X-Mock-Contract"] == "violation"
    assert "$.data.status" in answer.json()["error"]["message"]
    assert strict.get(TASK).headers["X-Mock-Contract"] == "violation"
    account = strict.admin("GET", "/contract")
    assert [account[key] for key in ("replies", *VERDICTS)] == [2, 0, 0, 2]


@pytest.mark.planted(4)
@pytest.mark.parametrize(
    "effect",
    [
        {"violate": "random"},
        {"truncateBodyAtFraction": 0.5},
        {"chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 1}},
        {"fixedDelayMilliseconds": 1},
    ],
    ids=str,
)
def test_no_fault_hides_a_violation(strict: Client, effect: Json) -> None:
    """It stays our bug, and its answer says so, whole."""
    strict.post(RETRY)
    strict.admin("POST", "/faults", effect)
    for _ in range(3):
        answer = strict.get(TASK)
        assert answer.status_code == 500
        assert answer.headers["X-Mock-Contract"] == "violation"
        assert "Contract violation" in answer.json()["error"]["message"]
    assert strict.admin("GET", "/contract")["violations"] == 4


@pytest.mark.planted(0)
def test_a_fault_that_replaces_the_answer_has_nothing_to_violate(strict: Client) -> None:
    for effect in ({"error": {"status": 503}}, {"response": {"status": 502}}):
        strict.admin("POST", "/faults", {"times": 1, **effect})
        assert strict.post(RETRY).status_code in (502, 503)
    assert strict.admin("GET", "/contract")["violations"] == 0


# --- the books of the whole run (see `books`) ------------------------------------------------------------------------

RIGHT = {
    **{"answered": 7, "replies": 7, "valid": 4, "deliberatelyInvalid": 2, "violations": 1},
    **{"clientErrors": 3, "planted": 1},
}


def test_books_that_match_have_no_mistake() -> None:
    assert mistakes(RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"planted": 0}, ["1 violations, of which the tests have planted 0"]),
        ({"planted": 2}, ["1 violations, of which the tests have planted 2"]),
        ({"valid": 5}, ["the three verdicts do not add up to the replies"]),
        ({"answered": 8}, ["7 replies in the accounts, but 8 requests were answered"]),
    ],
    ids=str,
)
def test_books_that_do_not_match_say_so(wrong: dict[str, int], told: list[str]) -> None:
    assert mistakes(RIGHT | wrong) == told


def test_every_server_is_in_the_books() -> None:
    """Whatever it is asked with, and whoever asks it; but for control calls."""
    before = BOOKS.sums()
    with MockServer(failed_world()) as mock:
        for path in (TASK, "/__admin/health", "/nothing"):
            connection = HTTPConnection("127.0.0.1", mock.port, timeout=END_S)
            connection.request("GET", path)
            connection.getresponse().read()
            connection.close()
    after = BOOKS.sums()
    assert {key: after[key] - before[key] for key in after} == {
        **{"answered": 2, "replies": 2, "valid": 2, "deliberatelyInvalid": 0, "violations": 0},
        **{"clientErrors": 1, "expectedErrors": 0, "planted": 0},
    }
