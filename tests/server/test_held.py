"""Answers that are held back: who lets them go, what has happened by then, and that they keep nobody waiting.

Nothing here sleeps: what is held is seen in the server's own list (`BOOKS.latest.served.held`).
"""

import os
import signal
import socket
import time

import pytest
import requests
from books import BOOKS
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, failed_world
from processes import END_S, Served
from raw_sockets import connected, heard, request
from waiting import eventually, waiting

from mockserver import MockServer
from mockserver.testing import server

DAY_MS = 86_400_000
AT_ONCE_S = 4.0
"""Seconds within which what is let go is gone, on however busy a machine: what is not takes five of them, or a day."""
RETRIED = request(RETRY, "POST", **{"Content-Length": "0"})


def closed(connections: list[socket.socket], within_s: float = AT_ONCE_S) -> None:
    """Each is closed without a byte."""
    deadline = time.monotonic() + within_s
    for connection in connections:
        connection.settimeout(END_S)
        assert heard(connection) == (b"", "closed")
    assert time.monotonic() < deadline


def still_held(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.settimeout(0.01)
        assert heard(connection) == (b"", "silent")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for an answer when it stops waits long."""
    monkeypatch.setattr(server, "GRACE_S", END_S)


# --- who lets go -----------------------------------------------------------------------------------------------------


def test_a_reset_lets_everything_go_and_a_delayed_retry_has_not_happened(patient: None) -> None:
    """Twenty answers hang and a retry is late by a day: all see a close at once, and so does the server then stop."""
    with MockServer(failed_world()) as mock, Client(mock) as client:
        site = BOOKS.latest
        client.admin("POST", "/faults", {"operation": "getTaskInstance", "fault": "HANG"})
        client.admin("POST", "/faults", {"operation": "retrySubtask", "fixedDelayMilliseconds": DAY_MS})
        with waiting(client, *[request()] * 20, RETRIED) as connections:
            client.admin("POST", "/reset")
            closed(connections)
        assert client.subtasks() == ["SUCCESSFUL", "FAILED", "PENDING"]
        assert client.admin("GET", "/requests")["requests"] == []
        eventually(lambda: len(site.served.held) == 0)
        account = client.admin("GET", "/contract")
        assert (account["deliberatelyInvalid"], account["violations"]) == (21, 0)
        began = time.monotonic()
    assert time.monotonic() - began < AT_ONCE_S


@pytest.mark.parametrize("how", ["the rule", "all rules"])
def test_a_rule_that_is_removed_lets_only_its_own_go(failed: Client, how: str) -> None:
    hang = failed.admin("POST", "/faults", {"operation": "getTaskInstance", "fault": "HANG"})["id"]
    failed.admin("POST", "/faults", {"operation": "listTaskInstances", "fault": "HANG"})
    own = {"X-Mock-Fault": '{"fault": "HANG"}'}
    with waiting(failed, request(), request(), request(TASKS), request(f"{SUBTASK}/log", **own)) as connections:
        if how == "the rule":
            failed.admin("DELETE", f"/faults/{hang}")
            closed(connections[:2])
            still_held(connections[2:])
        else:
            failed.admin("DELETE", "/faults")
            closed(connections[:3])
            still_held(connections[3:])
        failed.admin("POST", "/reset")
        closed(connections[-1:])


def test_all_rules_that_are_none_let_nothing_go(failed: Client) -> None:
    with waiting(failed, request(**{"X-Mock-Fault": '{"fault": "HANG"}'})) as connections:
        failed.admin("DELETE", "/faults")
        still_held(connections)


def test_a_rule_that_is_used_up_still_holds_and_lets_go(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "HANG", "times": 1})
    with waiting(failed, request()) as connections:
        assert failed.get(TASK).status_code == 200
        still_held(connections)
        failed.admin("DELETE", "/faults/fault-1")
        closed(connections)


def test_another_world_lets_everything_go(failed: Client) -> None:
    state = failed.admin("GET", "/state")
    failed.admin("POST", "/faults", {"fixedDelayMilliseconds": DAY_MS})
    with waiting(failed, RETRIED, request(**{"X-Mock-Fault": '{"fault": "HANG"}'})) as connections:
        failed.admin("PUT", "/state", state)
        closed(connections)
    assert failed.subtasks() == ["SUCCESSFUL", "FAILED", "PENDING"]


def test_a_put_that_is_refused_lets_nothing_go(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "HANG"})
    with waiting(failed, request()) as connections:
        assert failed("PUT", "/__admin/state", json={"tasks": [1]}).status_code == 422
        still_held(connections)


def test_a_dribbled_answer_is_let_go_too(failed: Client) -> None:
    dribble = {"numberOfChunks": 2, "totalDuration": DAY_MS}
    failed.admin("POST", "/faults", {"chunkedDribbleDelay": dribble})
    with waiting(failed, RETRIED) as [connection]:
        failed.admin("DELETE", "/faults")
        answer = heard(connection)
    assert answer.end == "closed"
    assert answer.body == b""
    assert failed.subtasks() == ["SUCCESSFUL", "READY", "PENDING"], "its effect was there before its answer"


# --- what has happened -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [{}, {"error": {"status": 503}}, {"truncateBodyAtFraction": 0.5}], ids=str)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delay_waits_first_and_acts_then_or_with_after_acts_first(failed: Client, when: str, effect: Json) -> None:
    failed.admin(
        "POST", "/faults", {"operation": "retrySubtask", "fixedDelayMilliseconds": DAY_MS, "when": when, **effect}
    )
    with waiting(failed, RETRIED) as connections:
        expected = ["SUCCESSFUL", "READY" if when == "after" else "FAILED", "PENDING"]
        assert failed.subtasks() == expected
        failed.admin("DELETE", "/faults")
        closed(connections)
    eventually(lambda: len(BOOKS.latest.served.held) == 0)
    assert failed.subtasks() == expected
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert (entry["status"], entry["responseBody"], entry["rule"]) == (None, None, "fault-1")


def test_a_client_that_hangs_up_during_a_delay_undoes_nothing(failed: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Its retry happens when its time has come."""
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fixedDelayMilliseconds": 30})
    with waiting(failed, RETRIED):
        assert failed.subtasks()[1] == "FAILED" or not BOOKS.latest.served.held
    eventually(lambda: failed.subtasks()[1] == "READY")
    [entry] = failed.admin("GET", "/requests")["requests"]
    assert (entry["status"], entry["responseBody"]["data"]["status"]) == (200, "READY")
    account = failed.admin("GET", "/contract")
    assert (account["violations"], account["deliberatelyInvalid"]) == (0, 0)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


@pytest.mark.parametrize(
    "effect",
    [
        {"truncateBodyAtFraction": 0.5},
        {"chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 10}},
        {"chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 0}},
        {"error": {"status": 503}},
        {"response": {"status": 200, "body": "x"}},
        {"violate": "random"},
        {"fault": "CONNECTION_RESET_BY_PEER"},
        {"fault": "EMPTY_RESPONSE"},
        {"fault": "MALFORMED_RESPONSE_CHUNK"},
        {"fault": "RANDOM_DATA_THEN_CLOSE"},
    ],
    ids=str,
)
def test_a_client_that_has_gone_is_no_failure_of_ours(
    failed: Client, caplog: pytest.LogCaptureFixture, effect: Json
) -> None:
    """One line in the journal, one reply in the account, nothing in the log."""
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fixedDelayMilliseconds": 20, **effect})
    before = failed.admin("GET", "/contract")["replies"]
    answered = BOOKS.answered
    with waiting(failed, RETRIED) as [connection]:
        connection.close()
    eventually(lambda: len(BOOKS.latest.served.held) == 0)
    eventually(lambda: BOOKS.answered > answered)
    account = failed.admin("GET", "/contract")
    assert account["replies"] - before == 1
    assert account["violations"] == 0
    assert len(failed.admin("GET", "/requests")["requests"]) == 1
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


@pytest.mark.slow
def test_a_client_that_hangs_up_ends_its_hanging_answer(failed: Client) -> None:
    """Within a second, so that answers that nobody waits for do not pile up."""
    failed.admin("POST", "/faults", {"fault": "HANG"})
    with waiting(failed, request(), request()):
        pass
    eventually(lambda: len(BOOKS.latest.served.held) == 0)


def test_a_delay_over_a_manual_clock_is_the_walls_and_moves_no_time(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fixedDelayMilliseconds": 20})
    now = failed.admin("GET", "/clock")["now"]
    answer = failed.get(TASK)
    assert (answer.json()["timestamp"], answer.json()["duration"]) == (now, 0)
    assert answer.elapsed.total_seconds() >= 0.02


def test_time_that_passes_during_a_delay_counts(failed: Client) -> None:
    """A retry that is late acts on the world as it then is."""
    failed.admin("POST", "/faults", {"times": 1, "operation": "retrySubtask", "fixedDelayMilliseconds": DAY_MS})
    failed.admin("POST", "/faults", {"times": 1, "operation": "retrySubtask", "fixedDelayMilliseconds": 50})
    with waiting(failed, RETRIED) as [connection]:
        assert failed.post(RETRY.replace("retry", "skip")).status_code == 200
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 400")
    assert b'"code":"TSK10007"' in received


def test_a_real_clock_counts_a_delay_into_the_duration() -> None:
    with MockServer(failed_world(), clock="real") as mock, Client(mock) as client:
        client.admin("POST", "/faults", {"fixedDelayMilliseconds": 30})
        assert 30 <= client.get(TASK).json()["duration"] < END_S * 1000


@pytest.mark.parametrize(
    ("rule", "spelled"), [({"when": "after"}, "parallelIdx"), ({"when": "before"}, "paralleIdx")], ids=str
)
def test_settings_that_change_during_a_delay_leave_an_answer_as_it_was_when_it_acted(
    failed: Client, rule: Json, spelled: str
) -> None:
    rule = {"operation": "retrySubtask", "fixedDelayMilliseconds": 1000, **rule}
    failed.admin("POST", "/faults", rule)
    with waiting(failed, RETRIED) as [connection]:
        failed.admin("PUT", "/settings", {"fieldNames": "table", "server": "another"})
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 200")
    assert f'"{spelled}":'.encode() in received
    assert (b'"server":"another"' in received) == (rule["when"] == "before")
    assert failed.admin("GET", "/contract")["violations"] == 0


# --- nobody else waits -----------------------------------------------------------------------------------------------


def test_nobody_else_waits_while_fifty_answers_hang(failed: Client) -> None:
    failed.admin("POST", "/faults", {"operation": "getSubtaskLog", "fault": "HANG"})
    failed.admin("POST", "/faults", {"operation": "retryTask", "fixedDelayMilliseconds": DAY_MS})
    late = request(f"{TASK}/retry", "POST", **{"Content-Length": "0"})
    with waiting(failed, *[request(f"{SUBTASK}/log")] * 50, late):
        began = time.monotonic()
        assert failed.post(RETRY).status_code == 200
        assert all(failed.get(TASK).status_code == 200 for _ in range(100))
        assert time.monotonic() - began < 5
        assert len(BOOKS.latest.served.held) == 51


# --- the end of the server -------------------------------------------------------------------------------------------

EVERYTHING_HELD: list[Json] = [
    {"operation": "getTaskInstance", "fault": "HANG"},
    {"operation": "retrySubtask", "fixedDelayMilliseconds": DAY_MS},
    {"operation": "listTaskInstances", "chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": DAY_MS}},
    {"operation": "skipSubtask", "fixedDelayMilliseconds": DAY_MS, "when": "after"},
]
HELD_REQUESTS = [request()] * 20 + [RETRIED] * 5 + [request(TASKS)] * 5


def test_a_server_with_everything_held_stops_at_once(patient: None) -> None:
    with (
        MockServer(failed_world(faults=EVERYTHING_HELD)) as mock,
        Client(mock) as client,
        waiting(client, *HELD_REQUESTS) as connections,
    ):
        began = time.monotonic()
        mock.stop()
        assert time.monotonic() - began < AT_ONCE_S
        for connection in connections:
            assert heard(connection).end == "closed"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_with_everything_held_ends_at_once(number: int) -> None:
    """Those that are held are let go at once: the five seconds are for requests that will end."""
    with Served("failed-subtask", "--clock", "manual") as served:
        for rule in EVERYTHING_HELD:
            requests.post(f"{served.url}/__admin/faults", json=rule, timeout=END_S)
        connections = [connected(served.port) for _ in HELD_REQUESTS]
        for connection, one in zip(connections, HELD_REQUESTS, strict=True):
            connection.sendall(one)
        eventually(lambda: served.get("/__admin/requests").json()["total"] == len(HELD_REQUESTS))
        began = time.monotonic()
        assert served.end(number) == 0
        assert time.monotonic() - began < AT_ONCE_S
        for connection in connections:
            assert heard(connection).end == "closed"
            connection.close()
        assert "Traceback" not in served.logs
