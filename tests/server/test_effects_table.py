"""Every effect, before and after, for aiohttp, requests and httpx: what the client gets or raises, what happened in the
world, what the journal says, and what the account makes of it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Any, Final, NamedTuple

import aiohttp
import httpx
import pytest
import requests
from clients import RETRY, TASK, Client, Json, failed_world
from processes import END_S
from shared_servers import SharedServers
from slow import slow_but
from waiting import eventually

from mockserver.times import MS
from mockserver.world import served

IMPATIENT_S: Final = 0.05


class Got(NamedTuple):
    status: int
    headers: Any
    body: bytes


Ask = Callable[[str, str, float], Got]
"""Method, URL and how long to wait for each byte."""


def by_requests(method: str, url: str, wait_s: float) -> Got:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, timeout=(END_S, wait_s))
        return Got(answer.status_code, answer.headers, answer.content)


def by_httpx(method: str, url: str, wait_s: float) -> Got:
    with httpx.Client(trust_env=False, verify=False) as client:  # which would read all certificates
        answer = client.request(method, url, timeout=httpx.Timeout(END_S, read=wait_s))
        return Got(answer.status_code, answer.headers, answer.content)


def by_aiohttp(method: str, url: str, wait_s: float) -> Got:
    async def ask() -> Got:
        timeout = aiohttp.ClientTimeout(total=END_S, sock_read=wait_s)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.request(method, url) as answer:
            return Got(answer.status, answer.headers, await answer.read())

    return asyncio.run(ask())


CLIENTS: Final[dict[str, Ask]] = {"aiohttp": by_aiohttp, "requests": by_requests, "httpx": by_httpx}
Raised = dict[str, type[Exception] | tuple[type[Exception], ...]]
LATE: Final[Raised] = {
    "aiohttp": aiohttp.SocketTimeoutError,
    "requests": requests.ReadTimeout,
    "httpx": httpx.ReadTimeout,
}
HTML: Final = "<html><h1>502 Bad Gateway</h1></html>"


class Row(NamedTuple):
    rule: Json
    status: int | None
    """Of the answer; None where there is none."""
    verdict: str
    effect: str
    """In the journal."""
    replaces: bool = False
    """Whether the operation need not happen."""
    raises: Raised | None = None
    whole: bool = True
    """Whether the body is a success as if nothing were wrong."""
    wait_s: float = END_S


ROWS: Final[dict[str, Row]] = {
    "error": Row({"error": {"status": 503}}, 503, "valid", "error", replaces=True),
    "reset": Row(
        {"fault": "CONNECTION_RESET_BY_PEER"},
        None,
        "deliberatelyInvalid",
        "CONNECTION_RESET_BY_PEER",
        replaces=True,
        raises={
            "aiohttp": aiohttp.ClientOSError,
            "requests": requests.ConnectionError,
            "httpx": httpx.ReadError,
        },
    ),
    "empty": Row(
        {"fault": "EMPTY_RESPONSE"},
        None,
        "deliberatelyInvalid",
        "EMPTY_RESPONSE",
        replaces=True,
        raises={
            "aiohttp": aiohttp.ServerDisconnectedError,
            "requests": requests.ConnectionError,
            "httpx": httpx.RemoteProtocolError,
        },
    ),
    "malformed": Row(
        {"fault": "MALFORMED_RESPONSE_CHUNK"},
        None,
        "deliberatelyInvalid",
        "MALFORMED_RESPONSE_CHUNK",
        replaces=True,
        raises={
            "aiohttp": (aiohttp.ClientPayloadError, aiohttp.ClientResponseError),  # the latter if all comes at once
            "requests": requests.exceptions.ChunkedEncodingError,
            "httpx": httpx.RemoteProtocolError,
        },
    ),
    "random": Row(
        {"fault": "RANDOM_DATA_THEN_CLOSE"},
        None,
        "deliberatelyInvalid",
        "RANDOM_DATA_THEN_CLOSE",
        replaces=True,
        raises={
            "aiohttp": aiohttp.ClientResponseError,
            "requests": requests.ConnectionError,
            "httpx": httpx.RemoteProtocolError,
        },
    ),
    "hang": Row(
        {"fault": "HANG"}, None, "deliberatelyInvalid", "HANG", replaces=True, raises=LATE, wait_s=IMPATIENT_S
    ),
    "truncated": Row(
        {"truncateBodyAtFraction": 0.5},
        200,
        "deliberatelyInvalid",
        "truncateBodyAtFraction",
        raises={
            "aiohttp": aiohttp.ClientPayloadError,
            "requests": requests.exceptions.ChunkedEncodingError,
            "httpx": httpx.RemoteProtocolError,
        },
    ),
    "dribbled": Row(
        {"chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 5}}, 200, "valid", "chunkedDribbleDelay"
    ),
    "response": Row(
        {"response": {"status": 502, "headers": {"Content-Type": "text/html", "X-Proxy": "1"}, "body": HTML}},
        502,
        "deliberatelyInvalid",
        "response",
        replaces=True,
    ),
    "a valid response": Row(
        {"response": {"status": 502, "body": {
            "successful": False, "timestamp": "2021-08-25T15:10:13+08:00", "duration": 0, "status": 502,
            "traceId": "0123456789abcdef", "server": "proxy", "error": {"code": "COM1", "message": "no"},
        }}},
        502,
        "valid",
        "response",
        replaces=True,
    ),
    "violate": Row(
        {"violate": {"set": {"/data/status": "EXPLODED"}}},
        200,
        "deliberatelyInvalid",
        "violate: set /data/status",
        whole=False,
    ),
    "rate limit": Row({"rateLimit": {"limit": 0, "perSeconds": 60}}, 429, "valid", "rateLimit", replaces=True),
    "delay": Row({"fixedDelayMilliseconds": 5}, 200, "valid", "fixedDelayMilliseconds"),
    "a drawn delay": Row(
        {"delayDistribution": {"type": "uniform", "lower": 1, "upper": 5}}, 200, "valid", "delayDistribution"
    ),
    "a delay and an error": Row(
        {"fixedDelayMilliseconds": 5, "error": {"status": 504}},
        504,
        "valid",
        "error and fixedDelayMilliseconds",
        replaces=True,
    ),
    "a delay and a reset": Row(
        {"delayDistribution": {"type": "lognormal", "median": 2, "sigma": 0}, "fault": "CONNECTION_RESET_BY_PEER"},
        None,
        "deliberatelyInvalid",
        "CONNECTION_RESET_BY_PEER and delayDistribution",
        replaces=True,
        raises={
            "aiohttp": aiohttp.ClientOSError,
            "requests": requests.ConnectionError,
            "httpx": httpx.ReadError,
        },
    ),
}  # fmt: skip
SENT: Final = {"response": HTML.encode()}


def account(client: Client) -> Json:
    found: Json = client.admin("GET", "/contract")
    return {key: found[key] for key in ("deliberatelyInvalid", "violations")} | {"valid": found["valid"]}


CELLS: Final = list(product(CLIENTS, ("before", "after"), ROWS))
FEW: Final = [cell for cell in CELLS if cell[0] == "aiohttp" or cell[1] == "before"]
"""What one client shows of "after", the others show with `-m slow`."""


@pytest.mark.parametrize(("which", "when", "name"), slow_but(FEW, CELLS))
def test_an_effect(failed: Client, which: str, when: str, name: str) -> None:
    row, ask = ROWS[name], CLIENTS[which]
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "when": when, **row.rule})
    before = account(failed)

    url = failed.mock.url + RETRY
    if row.raises is not None:
        with pytest.raises(row.raises[which]):
            ask("POST", url, row.wait_s)
        eventually(lambda: failed.mock.requests() != [])  # it may not even have been read
        got = None
    else:
        got = ask("POST", url, row.wait_s)
        assert got.status == row.status
        assert got.headers["X-Mock-Rule"] == "fault-1"
        verdict = "deliberately-invalid" if row.verdict == "deliberatelyInvalid" else "valid"
        assert got.headers["X-Mock-Contract"] == verdict
        assert ("Retry-After" in got.headers) == (name == "rate limit")
        if name in SENT:
            assert got.body == SENT[name]

    happened = when == "after" or not row.replaces
    subtask = failed.state()["tasks"][0]["subtasks"][1]
    assert (subtask["status"], subtask["operation"], subtask["runTime"]) == (
        ("READY", "RETRY", 2) if happened else ("FAILED", "EXECUTE", 1)
    )

    [entry] = failed.admin("GET", "/requests")["requests"]
    assert entry["status"] == row.status
    assert (entry["rule"], entry["effect"], entry["resent"]) == ("fault-1", row.effect, False)
    assert entry["operation"] == "retrySubtask"
    if row.status is None:
        assert entry["responseBody"] is None
    elif got is not None and name not in SENT:
        assert entry["responseBody"] == json.loads(got.body)
    if got is not None and got.status == 200 and row.whole:
        assert entry["responseBody"]["data"]["status"] == "READY"

    after = account(failed)
    changed = {key: after[key] - before[key] for key in after}
    wanted = {"deliberatelyInvalid": 0, "violations": 0, "valid": 0}
    wanted[row.verdict] += 1
    assert changed == wanted
    rule = failed.admin("GET", "/faults/fault-1")
    assert (rule["matches"], rule["hits"]) == (1, 1)


@pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS)
def test_a_client_that_does_not_wait_for_a_late_answer_has_asked_all_the_same(failed: Client, ask: Ask) -> None:
    """With `before` it has not happened while it is late; with `after` it has, and the client does not know."""
    failed.admin("POST", "/faults", {"when": "after", "fixedDelayMilliseconds": 3_600_000})
    with pytest.raises((aiohttp.SocketTimeoutError, requests.ReadTimeout, httpx.ReadTimeout)):
        ask("POST", failed.mock.url + RETRY, IMPATIENT_S)
    eventually(lambda: failed.mock.requests() != [])  # it may not even have been read
    assert failed.subtasks() == ["SUCCESSFUL", "READY", "PENDING"]
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert (entry["status"], entry["rule"], entry["effect"]) == (None, "fault-1", "fixedDelayMilliseconds")


# --- requests that clients send again by themselves ------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"])
@pytest.mark.parametrize(
    ("which", "method", "attempts"),
    [("aiohttp", "GET", 2), ("aiohttp", "POST", 1), ("requests", "GET", 1), ("httpx", "GET", 1)],
)
def test_aiohttp_sends_a_get_again_and_the_journal_says_so(
    failed: Client, monkeypatch: pytest.MonkeyPatch, fault: str, which: str, method: str, attempts: int
) -> None:
    monkeypatch.setattr(served, "ticks", lambda: 17)
    failed.admin("POST", "/faults", {"fault": fault})
    with pytest.raises((aiohttp.ClientError, requests.ConnectionError, httpx.TransportError)):
        CLIENTS[which](method, failed.mock.url + (TASK if method == "GET" else RETRY), END_S)
    entries = failed.admin("GET", "/requests")["requests"]
    assert [entry["resent"] for entry in entries] == [False, True][:attempts]
    assert [entry["status"] for entry in entries] == [None] * attempts
    assert failed.admin("GET", "/faults/fault-1")["hits"] == attempts


@pytest.mark.parametrize("fault", ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"])
def test_aiohttp_never_sees_a_fault_that_acts_once_on_a_get(failed: Client, fault: str) -> None:
    """`times` counts attempts as they arrive: this is what docs/faults.md warns of."""
    failed.admin("POST", "/faults", {"fault": fault, "times": 1})
    assert by_aiohttp("GET", failed.mock.url + TASK, END_S).status == 200
    assert [entry["status"] for entry in failed.admin("GET", "/requests")["requests"]] == [None, 200]


@pytest.mark.parametrize(("passed", "resent"), [(0, True), (250 * MS, True), (250 * MS + 1, False)])
def test_a_repeat_is_one_within_a_quarter_of_a_second(
    failed: Client, monkeypatch: pytest.MonkeyPatch, passed: int, resent: bool
) -> None:
    now = [1_000_000]
    monkeypatch.setattr(served, "ticks", lambda: now[0])
    failed.admin("POST", "/faults", {"fault": "EMPTY_RESPONSE", "times": 1})
    with pytest.raises(requests.ConnectionError):
        failed.get(TASK)
    now[0] += passed
    assert failed.get(TASK).status_code == 200
    assert [entry["resent"] for entry in failed.admin("GET", "/requests")["requests"]] == [False, resent]


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("HEAD", TASK, {}),
        ("GET", f"{TASK}?size=1", {}),
        ("GET", TASK, {"auth": ("operator", "operator")}),
        ("GET", TASK, {"data": b"x"}),
    ],
)
def test_another_request_is_no_repeat(failed: Client, method: str, path: str, options: Json) -> None:
    failed.admin("POST", "/faults", {"fault": "EMPTY_RESPONSE", "times": 1})
    with pytest.raises(requests.ConnectionError):
        failed.get(TASK)
    failed(method, path, **options)
    assert [entry["resent"] for entry in failed.admin("GET", "/requests")["requests"]] == [False, False]


@pytest.mark.parametrize("rule", [{"error": {"status": 503}}, {"truncateBodyAtFraction": 0.5}], ids=str)
def test_after_an_answer_nothing_is_a_repeat(failed: Client, rule: Json) -> None:
    failed.admin("POST", "/faults", {**rule, "times": 1})
    with suppress(requests.RequestException):
        failed.get(TASK)
    failed.get(TASK)
    assert [entry["resent"] for entry in failed.admin("GET", "/requests")["requests"]] == [False, False]


# --- every effect on every kind of answer ----------------------------------------------------------------------------

ANSWERS: Final = {
    "a list": ("GET", "/api/v2/tasks/instances"),
    "a head": ("HEAD", TASK),
    "no data": ("POST", RETRY.replace("retry", "skip")),
    "a file": ("POST", f"{TASK}/downloadDiagnosis"),
    "a refusal": ("POST", f"{TASK}/subtasks/10000/retry"),
    "a task that is not there": ("GET", "/api/v2/tasks/instances/7"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if name != "hang"])
@pytest.mark.parametrize(
    ("method", "path", "clock"),
    [*((*asked, "manual") for asked in ANSWERS.values()), (*ANSWERS["a list"], "real")],
    ids=[*ANSWERS, "a list, real"],
)
def test_an_effect_on_any_answer_is_no_violation(
    caplog: pytest.LogCaptureFixture, shared_servers: SharedServers, name: str, method: str, path: str, clock: Any
) -> None:
    """And nothing is logged as if it were a failure of ours."""
    mock = shared_servers.renewed(f"failed, {clock}", failed_world(), clock=clock)
    with Client(mock) as client:
        client.admin("POST", "/faults", ROWS[name].rule)
        try:
            answer = client(method, path, headers={"Origin": "http://localhost:3000"})
        except requests.RequestException:
            assert name in ("reset", "empty", "malformed", "random", "truncated", "a delay and a reset")
        else:
            assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
            assert answer.headers["X-Mock-Rule"] == "fault-1"
        [entry] = mock.requests()  # over a connection of its own: what follows a malformed HEAD is still in the other
        assert entry["rule"] == "fault-1"
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
