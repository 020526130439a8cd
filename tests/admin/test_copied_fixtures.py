"""The fixture of the moment that a request met: the whole world as it was, wound back from whatever it has become."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest
import requests
import yaml
from busy_world import BUSY
from clients import RETRY, SUBTASK, TASK, TASKS, Client, Json, world_of

from mockserver import MockServer
from mockserver.fixtures.source import shipped

BUSIER: Final[Json] = {
    **BUSY,
    "faults": [],
    "denials": [],
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
AT_ONCE: Final = {"dispatch": "0s", "run": "0s", "concurrency": 2}


def of_then(state: Json) -> Json:
    """What a fixture of a moment tells: all but the rules, and how the clock went on."""
    told = {key: value for key, value in state.items() if key not in ("faults", "denials", "counters")}
    return {**told, "clock": state["clock"]["now"]}


def served(text: str) -> Json:
    with MockServer(yaml.safe_load(text)) as mock:
        return of_then(mock.state())


def wound_back(client: Client, number: int) -> tuple[Json | None, str | None]:
    copies = client.admin("GET", f"/requests/{number}/copies")
    return None if copies["fixture"] is None else served(copies["fixture"]), copies["why"]


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
        yield of_then(state)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scheduler", [BUSY["scheduler"], AT_ONCE], ids=["busy", "at once"])
def test_whatever_happens_since_the_world_of_then_is_told_or_nothing(seed: int, scheduler: Json) -> None:
    """Retries by hand and by themselves, cancels, skips, rollbacks and first starts; logs too."""
    check({**BUSIER, "scheduler": scheduler}, seed, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
@pytest.mark.parametrize("scheduler", [BUSY["scheduler"], AT_ONCE], ids=["busy", "at once"])
def test_the_same_for_many_lives(seed: int, scheduler: Json) -> None:
    check({**BUSIER, "scheduler": scheduler}, seed, steps=40)


def check(world: Json, seed: int, steps: int) -> None:
    told = 0
    with MockServer(world) as mock, Client(mock) as client:
        states = list(lived(client, Random(seed), steps))
        for number, state in enumerate(states, 1):
            then, why = wound_back(client, number)
            told += then is not None
            assert then in (state, None), why
    assert told == steps, why


@pytest.mark.parametrize("name", sorted(shipped()))
def test_in_every_shipped_world(name: str) -> None:
    with MockServer(name) as mock, Client(mock) as client:
        before = of_then(mock.state())
        client.get(TASKS)
        mock.advance("1h")
        assert wound_back(client, 1) == (before, None)


def test_the_world_of_a_request_answers_as_it_was_answered(failed: Client) -> None:
    """Its rule acts again, and what follows is the same."""
    failed.fault(operation="retrySubtask", times=1, skip=0, probability=1)
    first = failed.post(RETRY).json()
    text = failed.latest("/copies")["fixture"]
    second = failed.post(RETRY).json()
    with MockServer(yaml.safe_load(text)) as mock, Client(mock) as client:
        answers = [client.post(RETRY).json(), client.post(RETRY).json()]
    for answer, then in zip(answers, (first, second), strict=True):
        for key in ("status", "error", "data"):
            assert answer.get(key) == then.get(key)


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


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/tasks/1000/subtasks/10001", {"log": "another"}),
        ("PUT", "/settings", {"seed": 5}),
        ("PUT", "/state", {"tasks": [{"id": 1000}]}),
        ("POST", "/snapshots/then/restore", None),
    ],
)
def test_what_was_edited_since_is_not_wound_back(failed: Client, method: str, path: str, body: Any) -> None:
    """But what comes after that is told again."""
    failed.admin("POST", "/snapshots", {"name": "then"})
    failed.get(TASK)
    assert wound_back(failed, 1)[0] is not None
    failed.admin(method, path, body)
    assert wound_back(failed, 1) == (None, f"fixture: the world is another one since then: {method} /__admin{path}")
    failed.get(TASK)
    assert wound_back(failed, 2)[1] is None


def test_a_test_of_it_can_be_copied_all_the_same(failed: Client) -> None:
    failed.get(TASK)
    before = failed.latest("/copies")["pytest"]
    failed.admin("PUT", "/state", {"users": {"me": {"password": "me"}}, "tasks": []})
    assert failed.latest("/copies")["pytest"] == before


def test_a_rollback_of_another_task_is_wound_back_while_it_is_in_the_journal(failed: Client) -> None:
    """The history alone has not all that a rollback changes."""
    state = of_then(failed.admin("GET", "/state"))
    failed.get(TASKS)
    failed.post(f"{TASK}/rollback")
    failed.admin("POST", "/clock/advance", {"until": "idle"})
    assert wound_back(failed, 1) == (state, None)


def test_a_skip_while_a_task_rolls_back_is_no_rollback_of_it() -> None:
    """It changes only what the history has of it."""
    subtask = {"id": 10001, "status": "FAILED", "operation": "ROLLBACK"}
    world = {"tasks": [{"id": 1000, "operation": "ROLLBACK", "subtasks": [subtask]}]}
    with MockServer(world) as mock, Client(mock) as client:
        client.post(f"{SUBTASK}/skip")
        state = of_then(mock.state())
        client.get(TASK)
        assert state["tasks"][0]["subtasks"][0]["operation"] == "ROLLBACK_SKIP"
        assert wound_back(client, 2) == (state, None)


def test_a_rollback_of_a_task_that_is_not_kept_is_told_to_be_lost() -> None:
    world = world_of(501)
    world["tasks"][0]["subtasks"][0]["status"] = "FAILED"
    with MockServer(world) as mock, Client(mock) as client:
        client.get(TASKS)
        client.post(f"{TASKS}/1/rollback")
        assert "task 1 was rolled back since then" in str(wound_back(client, 1)[1])


def test_a_log_that_may_have_been_cut_is_told_to_be_lost() -> None:
    runs = [{"outcome": "FAILED", "log": "x" * 20_000}]
    world = {"tasks": [{"id": 1000, "subtasks": [{"id": 10001, "status": "FAILED", "runs": runs}]}]}
    with MockServer(world) as mock, Client(mock) as client:
        before = of_then(mock.state())
        client.post(RETRY)
        mock.advance(until="idle")
        assert wound_back(client, 1) == (before, None)
        for _ in range(3):
            client.post(RETRY)
            mock.advance(until="idle")
        then, why = wound_back(client, 1)
    assert (then, why) == (None, "fixture: the log of subtask 10001 may have been cut since then")


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
        assert wound_back(client, 1) == (
            None,
            "fixture: the world has 2500 subtasks, and more than 2000 are not copied",
        )


def test_a_fixture_says_what_it_is(failed: Client) -> None:
    failed.fault(times=1)
    failed.get(f"{SUBTASK}/log")
    first, second, rest = failed.latest("/copies")["fixture"].split("\n", 2)
    assert first == (
        "# The world just before request 1 (GET) acted, at 2021-08-25T15:10:13+08:00, where its clock stands still."
    )
    assert second == "# Of the rules it has the one that acted on the request, or none."
    assert rest.startswith("clock: {mode: manual, ")


def test_a_request_that_was_never_answered_met_a_world_too(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "HANG"})
    before = of_then(failed.admin("GET", "/state"))
    with pytest.raises(requests.ReadTimeout):
        requests.post(failed.mock.url + RETRY, timeout=0.1)
    assert wound_back(failed, 1) == (before, None)
