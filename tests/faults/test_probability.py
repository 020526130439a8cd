"""What is left to chance is decided by the seed, the rule and its n-th match; and what acts once acts once."""

import asyncio
import re
from collections import Counter
from typing import Any, Final

import pytest
from clients import RETRY, TASK, TASKS, Client, Json, failed_world
from processes import END_S
from slow import slow_but
from together import released_together

from mockserver import MockServer
from mockserver.faults.effects import Delay, Error
from mockserver.faults.rules import Fault, Incoming, choose
from mockserver.world.held import Held

REQUEST = Incoming("retrySubtask", "POST", RETRY, "operator", 1000, 10001)


def acts(probability: float, requests: int, seed: int = 7) -> int:
    """On how many of so many requests a rule acts."""
    rule, hits = Fault(id="fault-1", effect=Error(status=503), probability=probability), 0
    for _ in range(requests):
        [rule], acting = choose([rule], seed, 0)
        hits += acting is not None
    assert rule.matches == requests
    assert rule.hits == hits
    return hits


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_of_two_thousand_requests_none_or_all(seed: int) -> None:
    assert acts(0, 2_000, seed) == 0
    assert acts(0.0, 2_000, seed) == 0
    assert acts(1, 2_000, seed) == 2_000


@pytest.mark.slow
def test_the_least_of_chances_is_one() -> None:
    assert 0 < acts(0.001, 10_000) < 30
    assert 9_970 < acts(0.999, 10_000) < 10_000


# --- once is once ----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("late", [{}, {"fixedDelayMilliseconds": 5}], ids=["at once", "late"])
@pytest.mark.parametrize("times", [1, 7])
async def test_of_fifty_simultaneous_matches_as_many_are_struck_as_it_says(times: int, late: Json) -> None:
    """One that is late has acted when its request came, not when its answer goes."""
    with MockServer(failed_world()) as mock:
        await asyncio.to_thread(mock.fault, operation="retrySubtask", error={"status": 503}, times=times, **late)
        connections = [await asyncio.open_connection("127.0.0.1", mock.port) for _ in range(50)]
        async with asyncio.timeout(END_S):
            told = Counter(await released_together(connections))
        for _, writer in connections:
            writer.close()
            await writer.wait_closed()
    assert told == {(503, "COM10999"): times, (200, None): 1, (400, "TSK10007"): 49 - times}


# --- the same seed, the same decisions -------------------------------------------------------------------------------


def struck(seed: int, traffic: bool, **rule: Any) -> list[Any]:
    """What becomes of thirty equal requests, on a server of their own, with or without other traffic in between."""
    with MockServer(failed_world(seed=seed)) as mock, Client(mock) as client:
        if traffic:
            client.fault(operation="listTaskInstances", probability=0.3)
        else:
            client.fault(operation="cancelSubtask")
        client.admin("POST", "/faults", {"operation": "getTaskInstance", **rule})
        found: list[Any] = []
        for n in range(30):
            for _ in range(n % 4 if traffic else 0):
                client.get(TASKS)
                client.get(TASK, headers={"Prefer": "code=418"})
                client.get("/api/v2/nothing")
                client.admin("GET", "/faults")
            answer = client.get(TASK)
            found.append((answer.status_code, re.sub(rb'"traceId":"\w+"', b"", answer.content)))
        return found


RANDOM: Final[list[Json]] = [
    {"violate": "random", "probability": 0.3, "skip": 2, "times": 5},
    {"error": {"status": 503}, "probability": 0.5},
    {"violate": "random"},
]


@pytest.mark.parametrize("rule", slow_but(RANDOM[:1], RANDOM), ids=str)
def test_other_traffic_changes_nothing(rule: Json) -> None:
    alone, amid = struck(11, False, **rule), struck(11, True, **rule)
    assert alone == amid
    assert len(set(alone)) > 1
    assert struck(12, False, **rule) != alone


def test_delays_are_drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for them here: what would have been waited for is compared."""
    waits: list[float] = []

    async def noted(self: Held, rule: str, seconds: float | None) -> bool:
        assert seconds is not None
        waits.append(seconds)
        return True

    monkeypatch.setattr(Held, "wait", noted)
    drawn = []
    for seed, traffic in ((7, False), (7, True), (8, False)):
        waits.clear()
        struck(seed, traffic, delayDistribution={"type": "lognormal", "median": 80, "sigma": 0.4})
        drawn.append(waits.copy())
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 30
    assert all(0.01 < one < 0.5 for one in drawn[0])


def test_a_delay_does_not_depend_on_the_chance_that_it_came_at_all() -> None:
    """The dice of a match fall in a fixed order, whatever the probability was."""
    delay = Delay(kind="uniform", first=0, second=1000)
    rule = Fault(id="fault-1", delay=delay)
    first = rule.dice(3, 7)
    first.random()
    second = rule.dice(3, 7)
    second.random()
    assert delay.seconds(first) == delay.seconds(second)


def test_a_state_that_is_put_back_goes_on_with_the_same_dice(failed: Client) -> None:
    failed.fault(operation="getTaskInstance", probability=0.5)
    [failed.get(TASK) for _ in range(5)]
    state = failed.admin("GET", "/state")
    first = [failed.get(TASK).status_code for _ in range(30)]
    failed.admin("PUT", "/state", state)
    assert [failed.get(TASK).status_code for _ in range(30)] == first
    assert set(first) == {200, 503}
