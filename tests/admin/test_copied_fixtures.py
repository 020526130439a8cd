"""The fixture of a past request: the whole world that it met, exact, whatever has become of it since."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest
import yaml
from busy_world import BUSY
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, world_of
from raw_sockets import request
from slow import slow_but
from waiting import waiting

from mockserver import MockServer
from mockserver.fixtures.source import shipped
from mockserver.world.served import GENERATIONS

BUSIER: Final[Json] = {
    **BUSY,
    "tasks": [
        *BUSY["tasks"],
        {"id": 50, "executor": "on", "startTime": None, "subtasks": [{"id": 1, "runs": [{"log": "a"}]}, {"id": 2}]},
        {
            "id": 60,
            "subtasks": [
                {"id": 1, "status": "RUNNING", "log": None, "runs": [{"outcome": "FAILED", "log": "first"}]},
                {"id": 2, "status": "RUNNING", "log": "half", "runs": [{"log": "whole", "duration": 1}]},
                {"id": 3, "status": "READY", "upstreams": [1], "retryCount": 1},
            ],
        },
        {"id": 70, "subtasks": [{"id": 1, "status": "SUCCESSFUL"}, {"id": 2, "status": "FAILED", "upstreams": [1]}]},
    ],
}
COPIES: Final = ("pytest", "fixture")
"""What needs the world."""
AT_ONCE: Final = {"dispatch": "0s", "run": "0s", "concurrency": 2}


def copied(client: Client, number: int) -> tuple[Json | None, str | None]:
    """The state of a server with the fixture of that request; and why there may be none."""
    copies = client.admin("GET", f"/requests/{number}/copies")
    if copies["fixture"] is None:
        return None, copies["why"]
    with MockServer(yaml.safe_load(copies["fixture"])) as mock:
        return mock.state(), copies["why"]


def asked(dice: Random, state: Json) -> tuple[str, str]:
    """A request about something in this world."""
    task = dice.choice(state["tasks"])
    path = f"{TASKS}/{task['id']}"
    acts = [(f"{path}/retry", 1), (f"{path}/rollback", 1)]
    for subtask in task["subtasks"]:
        below = f"{path}/subtasks/{subtask['id']}"
        acts += [(f"{below}/retry", 3), (f"{below}/skip", 1), (f"{below}/cancel", 2)]
    if dice.random() < 0.3:
        return "GET", path
    paths, weights = zip(*acts, strict=True)
    return "POST", dice.choices(paths, weights)[0]


def lived(client: Client, dice: Random, steps: int) -> Iterator[Json]:
    """The state before each request of a life in which much happens."""
    for _ in range(steps):
        if dice.random() < 0.4:
            client.admin("POST", "/clock/advance", {"by": dice.choice(["0s", "250ms", "1s", "5s"])})
        state = client.admin("GET", "/state")
        method, path = asked(dice, state)
        client(method, path)
        yield state


@pytest.mark.parametrize("seed", slow_but([0], range(2)))
@pytest.mark.parametrize("scheduler", [BUSY["scheduler"], AT_ONCE], ids=["busy", "at once"])
def test_whatever_happens_since_its_world_is_told_exactly(seed: int, scheduler: Json) -> None:
    """Retries by hand and by themselves, cancels, skips, rollbacks and first starts; logs, rules and counters too."""
    check({**BUSIER, "scheduler": scheduler}, seed, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 103))
@pytest.mark.parametrize("scheduler", [BUSY["scheduler"], AT_ONCE], ids=["busy", "at once"])
def test_the_same_for_many_lives(seed: int, scheduler: Json) -> None:
    check({**BUSIER, "scheduler": scheduler}, seed, steps=20)


def check(world: Json, seed: int, steps: int) -> None:
    with MockServer(world) as mock, Client(mock) as client:
        for number, state in enumerate(list(lived(client, Random(seed), steps)), 1):
            assert copied(client, number) == (state, None)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_in_every_shipped_world(name: str) -> None:
    with MockServer(name) as mock, Client(mock) as client:
        before = mock.state()
        client.get(f"{mock.api_url.removeprefix(mock.url)}/tasks/instances")
        mock.advance("1h")
        assert copied(client, 1) == (before, None)


def test_the_world_of_a_request_answers_as_it_was_answered(failed: Client) -> None:
    """Its rule acts again, and what follows is the same, trace ids and all."""
    failed.fault(operation="retrySubtask", times=1, skip=0, probability=1)
    first = failed.post(RETRY).json()
    text = failed.latest("/copies")["fixture"]
    second = failed.post(RETRY).json()
    with MockServer(yaml.safe_load(text)) as mock, Client(mock) as client:
        answers = [client.post(RETRY).json(), client.post(RETRY).json()]
    for answer, then in zip(answers, (first, second), strict=True):
        assert answer | {"duration": then["duration"]} == then


def test_a_denial_stands_again(failed: Client) -> None:
    failed.admin("POST", "/denials", {"permission": "TASK_MANAGER", "times": 2})
    failed.post(RETRY)
    failed.post(RETRY)
    fixture = yaml.safe_load(failed.latest("/copies")["fixture"])
    assert fixture["denials"] == [{"id": "denial-1", "permission": "TASK_MANAGER", "times": 2, "hits": 1}]


def test_a_rate_that_was_broken_is_broken_again(failed: Client) -> None:
    failed.admin("POST", "/faults", {"rateLimit": {"limit": 2, "perSeconds": 1}})
    assert [failed.get(TASK).status_code for _ in range(3)] == [200, 200, 429]
    with MockServer(yaml.safe_load(failed.latest("/copies")["fixture"])) as mock, Client(mock) as client:
        assert client.get(TASK).status_code == 429


def test_what_acts_late_is_copied_as_it_was_when_it_acted() -> None:
    """On a real clock: the request came, waited for a delay, and met what had happened meanwhile."""
    world = {
        "clock": {"mode": "real"},
        "scheduler": {"dispatch": "50ms", "run": "20m"},
        "tasks": [{"id": 1, "subtasks": [{"id": 2}]}],
    }
    with MockServer(world, clock="real") as mock, Client(mock) as client:
        client.admin("POST", "/faults", {"fixedDelayMilliseconds": 100})
        answer = client.get(f"{TASKS}/1").json()
        copies = client.latest("/copies")
    assert answer["data"]["subtasks"][0]["status"] == "RUNNING"
    assert copies["why"] is None
    with MockServer(yaml.safe_load(copies["fixture"])) as mock, Client(mock) as client:
        [rule] = client.admin("GET", "/faults")["faults"]
        client.admin("DELETE", "/faults")
        assert client.get(f"{TASKS}/1").json()["data"] == answer["data"]
    assert (rule["fixedDelayMilliseconds"], rule["hits"]) == (100, 0)


def test_what_acts_late_keeps_the_seed_that_it_came_with(failed: Client) -> None:
    """Which gave it its trace id, and its rule its dice."""
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fixedDelayMilliseconds": 100})
    with waiting(failed, request(RETRY, "POST", **{"Content-Length": "0"})) as [connection]:
        failed.admin("PUT", "/settings", {"seed": 99, "server": "another"})
        connection.recv(65536)
    entry, text = failed.latest()["request"], failed.latest("/copies")["fixture"]
    with MockServer(yaml.safe_load(text)) as mock, Client(mock) as client:
        answer = client.post(RETRY).json()
    assert (answer["traceId"], answer["server"]) == (entry["traceId"], "another")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/tasks/1000", {"prohibitRollback": True}),
        ("PATCH", "/tasks/1000/subtasks/10001", {"log": "another"}),
        ("PUT", "/settings", {"seed": 5}),
        ("PUT", "/state", {"tasks": [{"id": 1000}]}),
        ("POST", "/snapshots/then/restore", None),
        ("PUT", "/clock", {"mode": "real"}),
        ("POST", "/clock/advance", {"until": "idle"}),
        ("DELETE", "/faults", None),
        ("DELETE", "/denials", None),
    ],
)
def test_whatever_is_edited_since_it_is_the_same_world(failed: Client, method: str, path: str, body: Any) -> None:
    failed.admin("POST", "/snapshots", {"name": "then"})
    failed.fault(times=2)
    failed.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    state = failed.admin("GET", "/state")
    failed.get(TASK)
    failed.admin(method, path, body)
    assert copied(failed, 1) == (state, None)


@pytest.mark.parametrize("edit", [("PUT", "/state", {"tasks": []}), ("POST", "/snapshots/then/restore", None)], ids=str)
def test_a_world_that_was_replaced_too_often_is_told_to_be_lost(failed: Client, edit: tuple[str, str, Any]) -> None:
    """And so is what was made of it; the request itself is still in the journal."""
    failed.admin("POST", "/snapshots", {"name": "then"})
    state = failed.admin("GET", "/state")
    failed.get(TASK)
    for _ in range(GENERATIONS - 1):
        failed.admin(*edit)
    assert copied(failed, 1) == (state, None)
    failed.get(TASK)
    failed.admin(*edit)
    found, copies = failed.admin("GET", "/requests/1"), failed.admin("GET", "/requests/1/copies")
    lost = "the world was replaced 16 times or more since then"
    assert (found["states"], found["why"]) == ([], f"how it was before: {lost}")
    assert found["request"]["status"] == 200
    assert (copies["fixture"], copies["pytest"]) == (None, None)
    assert copies["why"] == f"pytest: {lost}; fixture: {lost}"
    assert copies["curl"].endswith(TASK)
    assert copied(failed, 2)[1] is None


def test_a_test_of_it_can_be_copied_all_the_same(failed: Client) -> None:
    failed.get(TASK)
    before = failed.latest("/copies")["pytest"]
    failed.admin("PUT", "/state", {"users": {"me": {"password": "me"}}, "tasks": []})
    assert failed.latest("/copies")["pytest"] == before


def test_what_a_rollback_has_changed_since_is_as_it_was(failed: Client) -> None:
    """The history has not all that a rollback changes."""
    state = failed.admin("GET", "/state")
    failed.get(TASKS)
    failed.post(f"{TASK}/rollback")
    failed.admin("POST", "/clock/advance", {"until": "idle"})
    assert copied(failed, 1) == (state, None)


def test_a_long_log_is_told_whole() -> None:
    """Whatever is cut of it since."""
    runs = [{"outcome": "FAILED", "log": "x" * 20_000}]
    world = {"tasks": [{"id": 1000, "subtasks": [{"id": 10001, "status": "FAILED", "runs": runs}]}]}
    with MockServer(world) as mock, Client(mock) as client:
        states = []
        for _ in range(5):
            states.append(mock.state())
            client.post(RETRY)
            mock.advance(until="idle")
        assert [copied(client, number) for number in range(1, 6)] == [(state, None) for state in states]


@pytest.mark.slow
def test_a_large_world_is_not_copied() -> None:
    with (
        MockServer(
            {
                "tasks": world_of(500)["tasks"]
                + [{"id": id, "subtasks": world_of(500)["tasks"][0]["subtasks"]} for id in range(2, 6)]
            }
        ) as mock,
        Client(mock) as client,
    ):
        client.get(f"{TASKS}/1")
        assert copied(client, 1) == (
            None,
            "; ".join(f"{name}: the world has 2500 subtasks, and more than 2000 are not copied" for name in COPIES),
        )


def test_a_fixture_says_what_it_is(failed: Client) -> None:
    failed.fault(times=1)
    failed.get(f"{SUBTASK}/log")
    first, rest = failed.latest("/copies")["fixture"].split("\n", 1)
    assert first == (
        "# The world just before request 1 (GET) acted, at 2021-08-25T15:10:13+08:00, where its clock stands still."
    )
    assert rest.startswith("clock: {mode: manual, ")


def test_a_request_that_was_never_answered_met_a_world_too(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "HANG"})
    before = failed.admin("GET", "/state")
    with waiting(failed, request(RETRY, "POST")):
        assert copied(failed, 1) == (before, None)
