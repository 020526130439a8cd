"""Snapshots: named copies of a world. What follows a restore repeats exactly, and a copy stays what it was."""

from typing import Any

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, failed_world

from mockserver import MockServer
from mockserver.world.served import MAX_SNAPSHOTS


def take(client: Client, name: str = "base") -> Json:
    taken: Json = client.admin("POST", "/snapshots", {"name": name})
    return taken


def restore(client: Client, name: str = "base") -> Json:
    restored: Json = client.admin("POST", f"/snapshots/{name}/restore")
    return restored


def scene(client: Client) -> list[bytes]:
    """Everything that the server then says, byte by byte."""
    answers = [client.get(TASK), client.post(RETRY), client.get(TASKS)]
    for step in ("1s", "4s"):
        client.mock.advance(step)
        answers += [client.get(TASK), client.get(f"{SUBTASK}/log")]
    answers += [client.post(RETRY) for _ in range(6)]
    answers += [client("POST", "/__admin/faults", json={"operation": "retryTask", "error": {"status": 500}})]
    answers += [client("POST", "/__admin/denials", json={"permission": "TASK_MANAGER", "times": 1})]
    answers += [client.post(f"{TASK}/retry"), client.post(RETRY), client.get(TASK)]
    client.mock.advance(until="idle")
    answers += [client.get(TASK), client.post(f"{TASK}/downloadDiagnosis")]
    answers += [client.get(f"/__admin/{part}") for part in ("state", "clock", "faults", "denials", "settings")]
    return [answer.content for answer in answers]


def test_what_follows_a_restore_repeats_exactly() -> None:
    """traceId and timestamp, dice, ids of rules and how often each has acted: in mid-run, with a rule half used."""
    with MockServer(failed_world(seed=3)) as mock, Client(mock) as client:
        client.fault(operation="retrySubtask", probability=0.5)
        client.fault(operation="getTaskInstance", skip=1, times=2)
        client.get(TASK)
        client.mock.advance("250ms")
        take(client)
        first = scene(client)
        assert len({*first}) > 15
        client.admin("PUT", "/settings", {"fieldNames": "table", "seed": 99, "server": "elsewhere"})
        client.admin("PUT", "/clock", {"mode": "real", "speed": 10})
        client.admin("DELETE", "/faults")
        client.post(RETRY)
        restore(client)
        assert scene(client) == first
        restore(client)
        assert scene(client) == first
        assert client.admin("GET", "/contract")["violations"] == 0


def test_a_restore_is_a_put_of_the_state_that_was(failed: Client) -> None:
    failed.post(RETRY)
    failed.mock.advance("2s")
    take(failed)
    state = failed.admin("GET", "/state")
    failed.mock.advance(until="idle")
    failed.admin("PUT", "/state", {"tasks": [{"id": 5}]})
    restore(failed)
    assert failed.admin("GET", "/state") == state


def test_a_snapshot_stays_what_it_was_whatever_is_done_to_the_world(failed: Client) -> None:
    """Copies share what they have in common, until one of them changes it."""
    failed.get(TASK)
    take(failed)
    state, shown = failed.state(), failed.get(TASK).json()["data"]
    for change in (
        lambda: failed.post(RETRY),
        lambda: failed.admin("PATCH", "/tasks/1000/subtasks/10000", {"name": "Renamed", "log": "x"}),
        lambda: failed.admin("PATCH", "/tasks/1000", {"name": "Renamed"}),
        lambda: failed.admin("PUT", "/settings", {"fieldNames": "table"}),
        lambda: failed.mock.advance("30s"),
        lambda: failed.fault(),
        lambda: failed.admin("POST", "/denials", {"permission": "TASK_VIEWER"}),
        lambda: failed.post(f"{TASK}/rollback"),
    ):
        change()
        failed.get(TASK)
        restore(failed)
        assert failed.state() == state
        assert failed.get(TASK).json()["data"] == shown


def test_two_snapshots_of_two_spellings(failed: Client) -> None:
    """What was written in one spelling is never sent in the other."""
    take(failed, "sample")
    failed.admin("PUT", "/settings", {"fieldNames": "table"})
    failed.get(TASK)
    take(failed, "table")
    for name, key in (("sample", "downstreams"), ("table", "downstream"), ("sample", "downstreams")):
        restore(failed, name)
        assert failed.get(TASK).json()["data"]["subtasks"][0][key] == [10001]


def test_journal_history_and_account_go_on(failed: Client) -> None:
    take(failed)
    failed.post(RETRY)
    replies = failed.admin("GET", "/contract")["replies"]
    restore(failed)
    assert failed.admin("GET", "/requests")["total"] == 1
    assert failed.admin("GET", "/history")["total"] == 2
    assert failed.admin("GET", "/contract")["replies"] == replies
    failed.post(RETRY)
    assert failed.admin("GET", "/history")["total"] == 4


def test_a_real_clock_goes_on_from_the_instant_that_was() -> None:
    with MockServer(failed_world(), clock="real") as mock, Client(mock) as client:
        taken = take(client)
        client.admin("POST", "/clock/advance", {"by": "1h"})
        late = client.admin("GET", "/clock")
        restore(client)
        clock = client.admin("GET", "/clock")
        assert (clock["mode"], clock["speed"]) == ("real", 1)
        assert taken["time"] <= clock["now"] < late["now"]


def test_a_list_of_snapshots_names_each_with_its_time(failed: Client) -> None:
    assert failed.admin("GET", "/snapshots") == {"snapshots": []}
    first = failed("POST", "/__admin/snapshots", json={"name": "a"})
    assert first.status_code == 201
    assert first.json() == {"name": "a", "time": "2021-08-25T15:10:13+08:00", "tasks": 1}
    failed.mock.advance("1s")
    second = take(failed, "b.2_c-3")
    assert failed.admin("GET", "/snapshots") == {"snapshots": [first.json(), second]}
    answer = failed("DELETE", "/__admin/snapshots/a")
    assert (answer.status_code, answer.content) == (204, b"")
    assert failed.admin("GET", "/snapshots") == {"snapshots": [second]}
    assert restore(failed, "b.2_c-3") == second


def test_one_of_the_same_name_is_replaced(failed: Client) -> None:
    take(failed, "a")
    take(failed, "b")
    failed.mock.advance("1s")
    later = take(failed, "a")
    assert [one["name"] for one in failed.admin("GET", "/snapshots")["snapshots"]] == ["b", "a"]
    failed.mock.advance("1s")
    assert restore(failed, "a") == later
    assert failed.admin("GET", "/clock")["now"] == later["time"] == "2021-08-25T15:10:14+08:00"


def test_a_reset_removes_them_and_a_put_world_does_not(failed: Client) -> None:
    take(failed)
    failed.admin("PUT", "/state", {"tasks": []})
    restore(failed)
    failed.admin("POST", "/reset")
    assert failed.admin("GET", "/snapshots") == {"snapshots": []}
    answer = failed("POST", "/__admin/snapshots/base/restore")
    assert answer.status_code == 404
    assert "a reset removes them" in answer.json()["error"]["message"]


def test_snapshots_are_bounded(failed: Client) -> None:
    for number in range(MAX_SNAPSHOTS):
        take(failed, f"s{number}")
    answer = failed("POST", "/__admin/snapshots", json={"name": "more"})
    assert answer.status_code == 422
    assert "delete some" in answer.json()["error"]["message"]
    take(failed, "s7")
    assert len(failed.admin("GET", "/snapshots")["snapshots"]) == MAX_SNAPSHOTS


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a b"}, {"name": "-a"}, {"name": "a/b"}, {"name": 1}, {"name": "x" * 65}, []]
)
def test_a_bad_name_is_refused(failed: Client, body: Any) -> None:
    assert failed("POST", "/__admin/snapshots", json=body).status_code == 422
    assert failed.admin("GET", "/snapshots") == {"snapshots": []}


@pytest.mark.parametrize(("method", "path"), [("POST", "/snapshots/b/restore"), ("DELETE", "/snapshots/b")])
def test_one_that_is_not_there_is_refused_with_those_there_are(failed: Client, method: str, path: str) -> None:
    take(failed, "a")
    before = failed.state()
    answer = failed(method, f"/__admin{path}")
    assert answer.status_code == 404
    assert "no snapshot b: there are a" in answer.json()["error"]["message"]
    assert failed.state() == before


def test_an_answer_that_is_held_is_let_go_by_a_restore(failed: Client) -> None:
    """Its rule is of another world then; tests/test_transport.py has what its client sees."""
    take(failed)
    failed.fault(operation="retrySubtask")
    restore(failed)
    assert failed.admin("GET", "/faults") == {"faults": []}
    assert failed.post(RETRY).status_code == 200
