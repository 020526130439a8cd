"""GET /__admin/state then PUT changes nothing: not in the same server, nor in another, nor in mid-run."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from busy_world import BUSY
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json
from slow import slow_but

from mockserver import MockServer
from mockserver.contract.dialects import DIALECTS, DialectName
from mockserver.fixtures.source import shipped


@pytest.fixture
def pair() -> Iterator[tuple[Client, Client]]:
    """A server that is busy, and one that has nothing in common with it."""
    other = {"clock": {"mode": "real"}, "seed": 5, "fieldNames": "table", "tasks": [{"id": 99}]}
    with (
        MockServer(BUSY) as mock,
        MockServer(other, clock="real") as another,
        Client(mock) as one,
        Client(another) as two,
    ):
        yield one, two


def whole(client: Client) -> Json:
    state: Json = client.admin("GET", "/state")
    return state


SCRIPT: tuple[tuple[str, str, Any], ...] = (
    ("POST", RETRY, None),
    ("GET", TASKS, None),
    ("POST", "/__admin/clock/advance", {"by": "300ms"}),
    ("GET", TASK, None),
    ("POST", f"{TASKS}/2/subtasks/1/cancel", None),
    ("GET", f"{TASKS}/1", None),
    ("POST", "/__admin/clock/advance", {"until": "next"}),
    ("GET", TASKS, None),
    ("POST", f"{SUBTASK}/cancel", None),
    ("GET", f"{TASKS}/1", None),
    ("POST", "/__admin/faults", {"operation": "getSubtaskLog", "times": 1, "error": {"status": 502}}),
    ("GET", f"{SUBTASK}/log", None),
    ("GET", f"{SUBTASK}/log", None),
    ("POST", "/__admin/clock/advance", {"by": "2s"}),
    ("POST", f"{TASK}/retry", None),
    ("POST", f"{SUBTASK}/skip", None),
    ("GET", f"{TASKS}/x", None),
    ("POST", f"{TASKS}/2/rollback", None),
    ("POST", f"{TASK}/downloadDiagnosis", None),
    ("POST", "/__admin/clock/advance", {"until": "idle"}),
    ("GET", f"{TASKS}?sort=id,asc", None),
    ("GET", f"{TASKS}?sort=id,asc", None),
    ("GET", TASK, None),
    ("GET", f"{SUBTASK}/log", None),
    ("GET", "/nowhere", None),
    ("GET", "/__admin/faults", None),
    ("GET", "/__admin/denials", None),
    ("GET", "/__admin/state", None),
)
"""Requests of every kind, in the course of which much happens."""


def played(client: Client, script: tuple[tuple[str, str, Any], ...]) -> list[tuple[int, bytes]]:
    answers = [client(method, path, json=body) for method, path, body in script]
    return [(answer.status_code, answer.content) for answer in answers]


@pytest.mark.parametrize("step", slow_but(range(0, len(SCRIPT), 5), range(len(SCRIPT))))
def test_two_servers_with_one_state_answer_alike_byte_by_byte(pair: tuple[Client, Client], step: int) -> None:
    """Wherever in the script the state is taken: trace ids, timestamps, dice, timers and logs are the same."""
    one, two = pair
    played(one, SCRIPT[:step])
    two.admin("PUT", "/state", whole(one))
    assert played(one, SCRIPT[step:]) == played(two, SCRIPT[step:])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["application/json", "application/yaml"])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_the_way_to_answer_is_part_of_the_state(pair: tuple[Client, Client], dialect: DialectName, kind: str) -> None:
    """Also as YAML, where null in quotes is a word."""
    one, two = pair
    one.mock.set_settings(dialect=dialect, nulls="null", array_order="shuffled")
    state = whole(one)
    assert (state["dialect"], state["nulls"], state["arrayOrder"]) == (dialect, "null", "shuffled")
    text = json.dumps(state) if kind == "application/json" else yaml.safe_dump(state, sort_keys=False)
    assert two("PUT", "/__admin/state", data=text, headers={"Content-Type": kind}).json() == state
    assert played(one, SCRIPT) == played(two, SCRIPT)


def test_the_script_does_much() -> None:
    """Else the test above would show little."""
    with MockServer(BUSY) as mock, Client(mock) as client:
        statuses = {status for status, _ in played(client, SCRIPT)}
        assert {200, 201, 400, 403, 404, 500, 502, 503} <= statuses
        assert len(client.admin("GET", "/requests")["requests"]) > 15


@pytest.mark.parametrize("step", [0, 3, 5, 9, 15, len(SCRIPT)])
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_get_then_put_changes_nothing(step: int, form: str) -> None:
    """In the server itself; as YAML too, which a reader may prefer."""
    with MockServer(BUSY) as mock, Client(mock) as client:
        played(client, SCRIPT[:step])
        before = whole(client)
        text = json.dumps(before) if form == "json" else yaml.safe_dump(before, allow_unicode=True)
        answer = client("PUT", "/__admin/state", data=text.encode(), headers={"Content-Type": f"application/{form}"})
        assert answer.status_code == 200, answer.text
        assert answer.json() == before
        assert whole(client) == before


LINES = "".join(f"line {n}\n" for n in range(1, 8))
WRITING: Json = {
    "clock": {"mode": "manual"},
    "tasks": [
        {
            "id": 1000,
            "subtasks": [
                {"id": 1, "runs": [{"duration": "10s", "log": LINES}]},
                {"id": 2, "runs": [{"duration": "20s", "log": LINES}], "timeout": 9},
                {"id": 3, "runs": [{"duration": "never", "log": LINES}], "timeout": 7},
                {"id": 4, "runs": [{"duration": "never", "log": LINES}], "timeout": 0},
                {"id": 5, "status": "RUNNING", "log": None, "runs": [{"duration": "10s", "log": LINES}]},
                {"id": 6, "status": "RUNNING", "due": None, "runs": [{"log": LINES}]},
                {"id": 7, "status": "RUNNING", "log": "text", "runs": [{"duration": 8, "log": LINES}]},
            ],
        }
    ],
}
"""Seven logs that grow, each in its own way."""


@pytest.mark.parametrize("seconds", slow_but([4], range(12)))
def test_a_log_under_way_goes_on_as_it_would_have(pair: tuple[Client, Client], seconds: int) -> None:
    one, two = pair
    one.admin("PUT", "/state", WRITING)
    one.mock.advance(f"{seconds}s")
    before = whole(one)
    assert two.admin("PUT", "/state", before) == before
    for _ in range(12):
        for client in pair:
            client.mock.advance("700ms")
        for id in range(1, 8):
            path = f"{TASK}/subtasks/{id}/log"
            assert one.get(path).json()["data"] == two.get(path).json()["data"]
        assert whole(two) == whole(one)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_world_comes_back(name: str) -> None:
    with MockServer(name) as mock, Client(mock) as client:
        mock.advance("1500ms")
        before = whole(client)
        client.admin("PUT", "/state", before)
        assert whole(client) == before


def test_a_state_is_a_fixture_file(pair: tuple[Client, Client]) -> None:
    """What GET answers, another server can be started from."""
    one, _ = pair
    played(one, SCRIPT[:9])
    state = whole(one)
    with MockServer(state) as mock, Client(mock) as client:
        assert whole(client) == state


def test_a_real_clock_comes_back_where_it_was(pair: tuple[Client, Client]) -> None:
    """With its speed; it goes on from there."""
    one, two = pair
    one.admin("PUT", "/clock", {"mode": "real", "speed": 0.000001})
    before = whole(one)
    two.admin("PUT", "/state", before)
    assert two.admin("GET", "/clock") == {"mode": "real", "now": before["clock"]["now"], "speed": 0.000001}


def test_rules_keep_their_names_and_what_they_have_done(pair: tuple[Client, Client]) -> None:
    one, two = pair
    for _ in range(2):
        one.get(f"{TASKS}/1")
    one.admin("DELETE", "/faults/fault-2")
    two.admin("PUT", "/state", whole(one))
    [rule] = two.admin("GET", "/faults")["faults"]
    assert (rule["id"], rule["matches"], rule["hits"]) == ("fault-1", 2, 1)
    assert two.fault()["id"] == "fault-3"
    assert two.admin("POST", "/denials", {"permission": "TASK_VIEWER"})["id"] == "denial-2"
