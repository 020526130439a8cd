"""The clock's routes: read, switched, advanced; never backwards, and all of a move or nothing of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests
from clients import FOREVER, RETRY, SUBTASK, TASK, TASKS, Client, Json, failed_world
from waiting import eventually

from mockserver import MockServer

NOW = "2021-08-25T15:10:13+08:00"


@pytest.fixture
def retried(failed: Client) -> Client:
    """READY: it runs in 1 s, and fails 4 s later."""
    assert failed.post(RETRY).status_code == 200
    return failed


@pytest.fixture
def real() -> Iterator[Client]:
    with MockServer(failed_world(), clock="real") as mock, Client(mock) as client:
        yield client


def ask(client: Client, **body: Any) -> requests.Response:
    return client.post("/__admin/clock/advance", json=body)


def advance(client: Client, **body: Any) -> Json:
    answer = ask(client, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]  # JSON is Any


def told(answer: Json) -> list[tuple[str, int | None, str]]:
    """(time, subtask or None, new status) of each transition."""
    return [(one["time"][14:19], one["subtaskInstanceId"], one["to"]) for one in answer["transitions"]]


def clock(client: Client) -> Json:
    found: Json = client.admin("GET", "/clock")
    return found


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def refused(client: Client, status: int, method: str, path: str, body: object) -> Json:
    """Nothing has moved."""
    before = client.state()
    answer = client(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert client.state() == before
    return answer.json()["error"]  # type: ignore[no-any-return]  # JSON is Any


# --- reading -------------------------------------------------------------------------------------------------------


def test_a_manual_clock_stands(failed: Client) -> None:
    assert clock(failed) == clock(failed) == {"mode": "manual", "now": NOW, "speed": 1}
    assert failed.get(TASK).json()["timestamp"] == NOW


def test_a_real_clock_goes(real: Client) -> None:
    first = clock(real)
    assert (first["mode"], first["speed"]) == ("real", 1)
    eventually(lambda: clock(real)["now"] > first["now"])


def test_a_real_clock_shows_the_machines_time() -> None:
    with MockServer({}, clock="real") as mock, Client(mock) as client:
        now = datetime.fromisoformat(clock(client)["now"])
        assert abs((datetime.now(now.tzinfo) - now).total_seconds()) < 30
        assert now.utcoffset() is not None
        assert clock(client)["now"].endswith("+08:00")


def test_a_fast_clock_goes_fast() -> None:
    """A million times: its subtask has run long before we look."""
    world = failed_world()
    world["tasks"][0]["subtasks"][1]["runs"] = [{"duration": "20s"}]
    with MockServer(world, speed=1_000_000) as mock, Client(mock) as client:
        client.post(RETRY)
        eventually(lambda: client.get(TASK).json()["data"]["status"] == "SUCCESSFUL")
        assert clock(client)["speed"] == 1_000_000


# --- advance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["5s", 5, 5.0, "5000ms", "0.0833333333334m", "0h"], ids=repr)
def test_by_a_duration(retried: Client, by: object) -> None:
    answer = advance(retried, by=by)
    expected = (
        [] if by == "0h" else [("10:14", 10001, "RUNNING"), ("10:18", 10001, "FAILED"), ("10:18", None, "FAILED")]
    )
    assert told(answer) == expected


def test_by_adds_up_to_the_same_as_at_once(retried: Client) -> None:
    """Several hops in one go, each at its own instant."""
    small = [one for _ in range(20) for one in told(advance(retried, by="250ms"))]
    state = retried.state()
    retried.admin("POST", "/reset")
    retried.post(RETRY)
    assert told(advance(retried, by="5s")) == small
    assert retried.state() == state


@pytest.mark.parametrize("to", ["2021-08-25T15:10:14+08:00", "2021-08-25T07:10:14Z", "2021-08-24T23:40:14.000-07:30"])
def test_to_an_instant(retried: Client, to: str) -> None:
    """In any offset; the server's is the one that is shown. What is due at that instant has happened."""
    answer = advance(retried, to=to)
    assert (answer["now"], told(answer)) == ("2021-08-25T15:10:14+08:00", [("10:14", 10001, "RUNNING")])


def test_to_now_moves_nothing(retried: Client) -> None:
    assert advance(retried, to=NOW) == {"now": NOW, "transitions": [], "omitted": 0}


def test_until_next_goes_from_event_to_event(retried: Client) -> None:
    assert told(advance(retried, until="next")) == [("10:14", 10001, "RUNNING")]
    assert told(advance(retried, until="next")) == [("10:18", 10001, "FAILED"), ("10:18", None, "FAILED")]
    assert advance(retried, until="next") == {"now": "2021-08-25T15:10:18+08:00", "transitions": [], "omitted": 0}


def test_until_idle_stops_at_the_last_event(retried: Client) -> None:
    assert advance(retried, until="idle")["now"] == "2021-08-25T15:10:18+08:00"
    assert advance(retried, until="idle") == {"now": "2021-08-25T15:10:18+08:00", "transitions": [], "omitted": 0}


def test_until_idle_does_not_wait_for_what_never_ends(failed: Client) -> None:
    failed.admin("PUT", "/state", failed_world(tasks=[{"id": 1, "subtasks": [{"id": 1, **FOREVER}]}]))
    assert advance(failed, until="idle")["transitions"] == []


@pytest.mark.parametrize(
    ("until", "now"),
    [
        ({"taskInstanceId": 1000, "status": "RUNNING"}, "10:13"),
        ({"taskInstanceId": 1000, "status": "FAILED"}, "10:18"),
        ({"taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "READY"}, "10:13"),
        ({"taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "RUNNING"}, "10:14"),
        ({"taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "FAILED"}, "10:18"),
    ],
    ids=str,
)
def test_until_a_status_stops_when_it_comes(retried: Client, until: Json, now: str) -> None:
    """At once where it is there already."""
    assert advance(retried, until=until)["now"][14:19] == now


def test_every_transition_is_told_with_its_cause(failed: Client) -> None:
    """What time brings is told by advance; what an operator did, the operator knows."""
    failed.post(RETRY)
    failed.mock.advance("5s")
    failed.post(RETRY)
    first, *_ = advance(failed, until="idle")["transitions"]
    assert first == {
        "time": "2021-08-25T15:10:19+08:00",
        "taskInstanceId": 1000,
        "subtaskInstanceId": 10001,
        "from": "READY",
        "to": "RUNNING",
        "operation": "RETRY",
        "cause": "time",
    }


def test_transitions_come_in_order_of_time_and_of_subtask(failed: Client) -> None:
    subtasks = [
        {"id": id, "status": "READY", "runs": [{"duration": duration}]} for id, duration in ((3, 1), (1, 2), (2, 1))
    ]
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, "tasks": [{"id": 7, "subtasks": subtasks}]})
    assert told(advance(failed, until="idle")) == [
        *(("10:14", id, "RUNNING") for id in (1, 2, 3)),
        *(("10:15", id, "SUCCESSFUL") for id in (2, 3)),
        ("10:16", 1, "SUCCESSFUL"),
        ("10:16", None, "SUCCESSFUL"),
    ]


@pytest.mark.slow
def test_what_history_no_longer_has_is_counted(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subtask that retries itself 6000 times makes 18,000 changes; the latest are told."""
    subtask = {"id": 1, "status": "READY", "retryCount": 6000, "runs": [{"outcome": "FAILED"}]}
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, "tasks": [{"id": 7, "subtasks": [subtask]}]})
    answer = advance(failed, until="idle")
    assert len(answer["transitions"]) + answer["omitted"] == 6001 * 3 - 1 + 1
    assert answer["omitted"] > 0
    assert answer["transitions"][-1]["to"] == "FAILED"


@pytest.mark.parametrize("by", ["1s", 1])
def test_a_real_clock_can_be_advanced(real: Client, by: object) -> None:
    real.post(RETRY)
    before = clock(real)["now"]
    answer = advance(real, by=by)
    assert 1 <= seconds_between(before, answer["now"]) < 30
    assert answer["transitions"][0]["to"] == "RUNNING"
    assert clock(real)["now"] >= answer["now"]
    assert clock(real)["mode"] == "real"


def test_a_real_clock_can_be_advanced_until_idle(real: Client) -> None:
    real.post(RETRY)
    assert told(advance(real, until="idle"))[-1][2] == "FAILED"


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$"),
        ({"by": "1s", "to": NOW}, "$"),
        ({"by": "1s", "until": "idle"}, "$"),
        ({"by": "-1s"}, "$.by"),
        ({"by": -1}, "$.by"),
        ({"by": "1 s"}, "$.by"),
        ({"by": "1d"}, "$.by"),
        ({"by": "never"}, "$.by"),
        ({"by": True}, "$.by"),
        ({"by": None}, "$.by"),
        ({"by": "999999999h"}, "$.by"),
        ({"by": 1e300}, "$.by"),
        ({"to": "tomorrow"}, "$.to"),
        ({"to": "2021-08-25T15:10:14"}, "$.to"),
        ({"to": "2021-02-30T00:00:00Z"}, "$.to"),
        ({"to": "2021-08-25T25:10:14Z"}, "$.to"),
        ({"to": 1629875414}, "$.to"),
        ({"until": "then"}, "$.until"),
        ({"until": {"taskInstanceId": 1000}}, "$.until"),
        ({"until": {"taskInstanceId": 1000, "status": "DONE"}}, "$.until.status"),
        ({"until": {"taskInstanceId": 1000, "status": "READY"}}, "$.until.status"),
        ({"until": {"taskInstanceId": "1000x", "status": "FAILED"}}, "$.until.taskInstanceId"),
        ({"until": "idle", "by": None}, "$.by"),
        ({"form": "1s"}, "$.form"),
    ],
    ids=str,
)
def test_what_is_no_way_to_go_is_refused(retried: Client, body: Any, path: str) -> None:
    error = refused(retried, 422, "POST", "/__admin/clock/advance", body)
    assert path in [one["path"] for one in error["details"]]


@pytest.mark.parametrize("to", ["2021-08-25T15:10:12.999999999+08:00", "1970-01-01T00:00:00Z"])
def test_never_backwards(retried: Client, to: str) -> None:
    refused(retried, 422, "POST", "/__admin/clock/advance", {"to": to})
    refused(retried, 422, "PUT", "/__admin/clock", {"mode": "manual", "now": to})
    refused(retried, 422, "PUT", "/__admin/clock", {"mode": "real", "now": to})


def test_not_past_the_end_of_all_years(failed: Client) -> None:
    """Never past the year 9000, so that what is then due can still be shown."""
    failed.admin("PUT", "/state", failed_world(clock={"mode": "manual", "now": "8950-01-01T00:00:00Z"}))
    refused(failed, 422, "POST", "/__admin/clock/advance", {"to": "9000-01-01T00:00:01Z"})
    refused(failed, 422, "POST", "/__admin/clock/advance", {"by": "876000h"})
    advance(failed, to="9000-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "until",
    [
        {"taskInstanceId": 1000, "status": "SUCCESSFUL"},
        {"taskInstanceId": 1000, "subtaskInstanceId": 10002, "status": "READY"},
        {"taskInstanceId": 1000, "subtaskInstanceId": 10001, "status": "CANCELING"},
    ],
    ids=str,
)
def test_what_never_comes_is_told_and_moves_nothing(retried: Client, until: Json) -> None:
    """409: not even to where all is at rest."""
    refused(retried, 409, "POST", "/__admin/clock/advance", {"until": until})


@pytest.mark.parametrize(
    "until",
    [
        {"taskInstanceId": 7, "status": "FAILED"},
        {"taskInstanceId": 1000, "subtaskInstanceId": 7, "status": "FAILED"},
    ],
    ids=str,
)
def test_what_is_not_there_is_not_waited_for(retried: Client, until: Json) -> None:
    error = refused(retried, 404, "POST", "/__admin/clock/advance", {"until": until})
    assert "7" in error["message"]


def endless(dispatch: int) -> Json:
    """A subtask that retries itself for ever: first in a second, then whenever it is dispatched."""
    runs = [{"outcome": "FAILED", "duration": 1}, {"outcome": "FAILED", "duration": 0}]
    subtask = {"id": 1, "status": "RUNNING", "retryCount": 2**31 - 1, "runs": runs}
    tasks = [{"id": 1, "subtasks": [subtask]}]
    return {"clock": {"mode": "manual"}, "scheduler": {"dispatch": dispatch}, "tasks": tasks}


@pytest.mark.parametrize("body", [{"by": "1s"}, {"until": "idle"}, {"until": "next"}], ids=str)
def test_too_many_events_at_one_instant_move_nothing(
    failed: Client, monkeypatch: pytest.MonkeyPatch, body: Json
) -> None:
    monkeypatch.setattr("mockserver.world.live.EVENTS_AT_ONE_INSTANT", 1000)
    failed.admin("PUT", "/state", endless(dispatch=0))
    error = refused(failed, 422, "POST", "/__admin/clock/advance", body)
    assert "at one instant" in error["message"]
    assert failed.get(TASKS).status_code == 200


def test_too_many_events_in_one_call_move_nothing(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.world.moves.EVENTS_IN_ONE_CALL", 500)
    failed.admin("PUT", "/state", endless(dispatch=1))
    refused(failed, 422, "POST", "/__admin/clock/advance", {"until": "idle"})
    advance(failed, by="10s")


# --- switching -----------------------------------------------------------------------------------------------------


def test_a_clock_can_be_stopped(real: Client) -> None:
    """Where it is; what was under way goes on when it is advanced."""
    real.post(RETRY)
    before = clock(real)["now"]
    stopped = real.admin("PUT", "/clock", {"mode": "manual"})
    assert stopped["now"] >= before
    assert clock(real) == clock(real) == stopped
    assert told(advance(real, until="idle"))[-1][2] == "FAILED"


def test_a_clock_can_be_let_go(retried: Client) -> None:
    """From where it is, at any speed, and stopped again."""
    assert retried.admin("PUT", "/clock", {"mode": "real", "speed": 1_000_000})["now"] >= NOW
    eventually(lambda: retried.get(TASK).json()["data"]["status"] == "FAILED")
    stopped = retried.admin("PUT", "/clock", {"mode": "manual"})
    assert stopped == clock(retried)
    assert (stopped["mode"], stopped["speed"]) == ("manual", 1)
    finish = retried.get(TASK).json()["data"]["finishTime"]
    assert finish == "2021-08-25T15:10:18+08:00"


@pytest.mark.parametrize("mode", ["manual", "real"])
def test_a_clock_can_be_set_ahead(retried: Client, mode: str) -> None:
    """Everything due until then happens on the way."""
    answer = retried.admin("PUT", "/clock", {"mode": mode, "now": "2021-08-25T15:10:18+08:00"})
    assert answer["now"] >= "2021-08-25T15:10:18+08:00"
    assert retried.subtasks()[1] == "FAILED"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$"),
        ({"mode": "fast"}, "$.mode"),
        ({"mode": "manual", "speed": 2}, "$.speed"),
        ({"mode": "real", "speed": 0}, "$.speed"),
        ({"mode": "real", "speed": -1}, "$.speed"),
        ({"mode": "real", "speed": 1e7}, "$.speed"),
        ({"mode": "real", "now": "now"}, "$.now"),
        ({"mode": "real", "now": "2021-13-01T00:00:00Z"}, "$.now"),
        ({"now": NOW}, "$"),
        ({"mode": "real", "sped": 2}, "$.sped"),
    ],
    ids=str,
)
def test_what_is_no_clock_is_refused(retried: Client, body: Any, path: str) -> None:
    error = refused(retried, 422, "PUT", "/__admin/clock", body)
    assert path in [one["path"] for one in error["details"]]


def test_cancelling_makes_the_next_event_another(retried: Client) -> None:
    """The timer of the run that it interrupts is void."""
    retried.mock.advance("1s")
    retried.post(f"{SUBTASK}/cancel")
    assert told(advance(retried, until="next")) == [("10:15", 10001, "FAILED"), ("10:15", None, "FAILED")]
    assert advance(retried, until="next")["transitions"] == []
