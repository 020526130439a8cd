"""What a fault does, as values: effects and delays ⇄ JSON, which keys go together, and where a mistake is told."""

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mockserver.contract.dialects import DEFAULT, DIALECTS
from mockserver.contract.schemas import contract
from mockserver.faults.effects import (
    DELAYS,
    EFFECTS,
    LONGEST_MS,
    Delay,
    Dribble,
    Effect,
    Error,
    RateLimit,
    Response,
    Transport,
    Truncate,
    Violate,
    delay_of,
    effect_of,
    problems,
)
from mockserver.faults.rules import Fault, from_json
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.source import Text, load
from mockserver.fixtures.writer import to_data

VALUES: list[tuple[dict[str, Any], Effect]] = [
    ({"error": {"status": 503}}, Error(status=503)),
    ({"error": {"status": 400, "code": 0, "message": ""}}, Error(status=400, code=0, message="")),
    ({"error": {"status": 503, "headers": {"Retry-After": "9"}}}, Error(status=503, headers={"Retry-After": "9"})),
    ({"fault": "CONNECTION_RESET_BY_PEER"}, Transport(fault="CONNECTION_RESET_BY_PEER")),
    ({"fault": "EMPTY_RESPONSE"}, Transport(fault="EMPTY_RESPONSE")),
    ({"fault": "MALFORMED_RESPONSE_CHUNK"}, Transport(fault="MALFORMED_RESPONSE_CHUNK")),
    ({"fault": "RANDOM_DATA_THEN_CLOSE"}, Transport(fault="RANDOM_DATA_THEN_CLOSE")),
    ({"fault": "HANG"}, Transport(fault="HANG")),
    ({"truncateBodyAtFraction": 0.5}, Truncate(fraction=0.5)),
    ({"truncateBodyAtFraction": 0}, Truncate(fraction=0)),
    ({"chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 3000}}, Dribble(chunks=5, total_ms=3000)),
    ({"response": {"status": 204}}, Response(status=204, headers={})),
    ({"response": {"status": 200, "body": ""}}, Response(status=200, headers={}, body="")),
    ({"response": {"status": 200, "body": False}}, Response(status=200, headers={}, body=False)),
    (
        {"response": {"status": 502, "headers": {"Content-Type": "text/html"}, "body": "<h1>"}},
        Response(status=502, headers={"Content-Type": "text/html"}, body="<h1>"),
    ),
    ({"violate": "random"}, Violate()),
    ({"violate": {"remove": "/data/status"}}, Violate(remove="/data/status")),
    ({"violate": {"set": {"/data/status": None, "/x": [1]}}}, Violate(set={"/data/status": None, "/x": [1]})),
    ({"rateLimit": {"limit": 0, "perSeconds": 0.5}}, RateLimit(limit=0, per_s=0.5)),
]
LATE: list[tuple[dict[str, Any], Delay]] = [
    ({"fixedDelayMilliseconds": 0}, Delay(kind="fixed", first=0)),
    ({"fixedDelayMilliseconds": LONGEST_MS}, Delay(kind="fixed", first=LONGEST_MS)),
    (
        {"delayDistribution": {"type": "uniform", "lower": 5, "upper": 5.5}},
        Delay(kind="uniform", first=5, second=5.5),
    ),
    (
        {"delayDistribution": {"type": "lognormal", "median": 80, "sigma": 0.4}},
        Delay(kind="lognormal", first=80, second=0.4),
    ),
]
UNIFORM = {"type": "uniform", "lower": 1, "upper": 2}
ERROR = {"status": 500}


def judged(body: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a body that the schema accepts."""
    assert contract().checker("fault").accepts(body), contract().checker("fault").problems(body)
    return [(problem.json_path, problem.message) for problem in problems(body, DIALECTS[DEFAULT])]


# --- values ⇄ JSON ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "effect"), VALUES, ids=str)
def test_an_effect_is_the_same_after_it_was_read_and_written(body: dict[str, Any], effect: Effect) -> None:
    assert judged(body) == []
    assert effect_of(body) == effect
    assert effect.to_json() == body
    assert delay_of(body) is None


@pytest.mark.parametrize(("body", "delay"), LATE, ids=str)
def test_a_delay_is_the_same_after_it_was_read_and_written(body: dict[str, Any], delay: Delay) -> None:
    assert judged(body) == []
    assert delay_of(body) == delay
    assert delay.to_json() == body
    assert effect_of(body) is None


@pytest.mark.parametrize(("effect", "late"), [(effect, late) for effect, _ in VALUES for late, _ in LATE[:1]], ids=str)
def test_a_delay_may_stand_with_any_effect(effect: dict[str, Any], late: dict[str, Any]) -> None:
    body = effect | late
    assert judged(body) == []
    rule = from_json(body, "fault-1")
    assert rule == Fault(id="fault-1", effect=effect_of(effect), delay=delay_of(late))
    assert from_json(rule.to_json(), "other") == rule


def test_every_effect_and_every_fault_has_a_value_here() -> None:
    assert {key for body, _ in VALUES for key in body} == set(EFFECTS)
    assert {key for body, _ in LATE for key in body} == set(DELAYS)
    faults = {body["fault"] for body, _ in VALUES if "fault" in body}
    assert faults == set(contract().checker("fault").schema["properties"]["fault"]["enum"])  # type: ignore[index]  # a schema may be a bool


def test_a_rate_limit_keeps_its_window() -> None:
    rule = Fault(id="slow", effect=RateLimit(limit=1, per_s=2), matches=3, hits=1, window=(17, 3))
    assert contract().checker("fault").accepts(rule.to_json())
    assert from_json(rule.to_json(), "other") == rule


# --- which keys go together ------------------------------------------------------------------------------------------

TWO_EFFECTS = [
    ({**first, **second}, f"$.{next(iter(second))}")
    for n, (first, _) in enumerate(VALUES)
    for second, _ in VALUES[n + 1 :]
    if first.keys() != second.keys()
]
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "$", "an effect is missing: one of error, fault"),
    ({"operation": "retrySubtask", "times": 1}, "$", "fixedDelayMilliseconds, delayDistribution"),
    ({"fixedDelayMilliseconds": 1, "delayDistribution": UNIFORM}, "$.delayDistribution", "one delay only"),
    ({"delayDistribution": {"type": "uniform"}}, "$.delayDistribution", "the key lower is missing"),
    ({"delayDistribution": {"type": "uniform", "lower": 1}}, "$.delayDistribution", "the key upper is missing"),
    ({"delayDistribution": {"type": "lognormal", "median": 1}}, "$.delayDistribution", "the key sigma is missing"),
    ({"delayDistribution": {"type": "lognormal", "sigma": 1}}, "$.delayDistribution", "the key median is missing"),
    ({"delayDistribution": {**UNIFORM, "sigma": 1}}, "$.delayDistribution.sigma", "not for the type uniform"),
    ({"delayDistribution": {**UNIFORM, "median": 1}}, "$.delayDistribution.median", "not for the type uniform"),
    (
        {"delayDistribution": {"type": "lognormal", "median": 1, "sigma": 1, "lower": 0}},
        "$.delayDistribution.lower",
        "not for the type lognormal",
    ),
    (
        {"delayDistribution": {"type": "lognormal", "median": 1, "sigma": 1, "upper": 0}},
        "$.delayDistribution.upper",
        "not for the type lognormal",
    ),
    ({"delayDistribution": {"type": "uniform", "lower": 2, "upper": 1}}, "$.delayDistribution.upper", "less than"),
    ({"violate": {}}, "$.violate", "remove or set is missing, or both"),
    ({"violate": {"set": {}}}, "$.violate", "remove or set is missing, or both"),
    ({"violate": {"remove": "/a", "set": {"/b": 1}}}, "$.violate", "or both are there"),
    ({"violate": {"remove": ""}}, "$.violate", "'' is not a JSON pointer"),
    ({"violate": {"remove": "data/status"}}, "$.violate", "'data/status' is not a JSON pointer"),
    ({"violate": {"set": {"/a": 1, "$.data": 1}}}, "$.violate", "'$.data' is not a JSON pointer"),
    ({"response": {"status": 204, "body": "x"}}, "$.response.body", "a 204 has no body"),
    ({"response": {"status": 304, "body": {}}}, "$.response.body", "a 304 has no body"),
    ({"response": {"status": 204, "body": 0}}, "$.response.body", "a 204 has no body"),
    *(
        ({"response": {"status": 200, "headers": {name: "1"}}}, f"$.response.headers.{name}", "the framing")
        for name in ("Content-Length", "content-length", "Transfer-Encoding", "Connection")
    ),
    *(
        ({"response": {"status": 200, "headers": {name: "1"}}}, f"$.response.headers.{name}", "not a header's name")
        for name in ("", " ", "a b", "a:b", "é", "a\r\nSet-Cookie", "--")
    ),
    *(
        ({"response": {"status": 200, "headers": {"X-A": value}}}, "$.response.headers.X-A", "printable ASCII")
        for value in ("a\r\nX-B: b", "a\nb", "\0", "é", "a\tb", "\x7f")
    ),
]


@pytest.mark.parametrize(("body", "path"), TWO_EFFECTS, ids=str)
def test_two_effects_do_not_go_together(body: dict[str, Any], path: str) -> None:
    [(where, message)] = judged(body)
    assert where in (path, f"$.{next(iter(body))}")
    assert message.startswith("one effect only, and ")


@pytest.mark.parametrize(("body", "path", "message"), WRONG, ids=str)
def test_what_does_not_go_together_is_told_with_its_place(body: dict[str, Any], path: str, message: str) -> None:
    assert path in [where for where, told in judged(body) if message in told]


def test_everything_that_does_not_go_together_is_told() -> None:
    body = {
        "error": ERROR,
        "fault": "HANG",
        "response": {"status": 204, "headers": {"Content-Length": "1", "a b": "1"}, "body": "x"},
        "fixedDelayMilliseconds": 1,
        "delayDistribution": {"type": "uniform", "sigma": 1},
        "violate": {"remove": "x", "set": {"y": 1}},
    }
    assert sorted(path for path, _ in judged(body)) == [
        "$.delayDistribution",
        "$.delayDistribution",
        "$.delayDistribution",
        "$.delayDistribution.sigma",
        "$.fault",
        "$.response",
        "$.response.body",
        "$.response.headers.Content-Length",
        "$.response.headers.a b",
        "$.violate",
        "$.violate",
        "$.violate",
        "$.violate",
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "RESET"},
        {"fixedDelayMilliseconds": -1},
        {"fixedDelayMilliseconds": LONGEST_MS + 1},
        {"fixedDelayMilliseconds": "1"},
        {"fixedDelayMilliseconds": True},
        {"fixedDelayMilliseconds": math.nan},
        {"fixedDelayMilliseconds": math.inf},
        {"delayDistribution": {"lower": 1, "upper": 2}},
        {"delayDistribution": {"type": "normal"}},
        {"delayDistribution": {"type": "lognormal", "median": 1, "sigma": 101}},
        {"truncateBodyAtFraction": -0.1},
        {"truncateBodyAtFraction": 1.1},
        {"chunkedDribbleDelay": {"numberOfChunks": 0, "totalDuration": 1}},
        {"chunkedDribbleDelay": {"numberOfChunks": 1001, "totalDuration": 1}},
        {"chunkedDribbleDelay": {"numberOfChunks": 1}},
        {"response": {}},
        {"response": {"status": 199}},
        {"response": {"status": 200, "headers": {"X-A": 1}}},
        {"violate": "RANDOM"},
        {"violate": {"remove": 1}},
        {"violate": {"replace": "/data"}},
        {"rateLimit": {"limit": -1, "perSeconds": 1}},
        {"rateLimit": {"limit": 1, "perSeconds": 0}},
        {"rateLimit": {"limit": 1}},
    ],
    ids=str,
)
def test_what_the_schema_refuses(body: dict[str, Any]) -> None:
    assert not contract().checker("fault").accepts(body)


# --- in a fixture ----------------------------------------------------------------------------------------------------

BAD = """\
faults:
  - {operation: retrySubtask, times: 1}
  - {error: {status: 500}, fault: HANG}
  - error: {status: 500}
    fixedDelayMilliseconds: 1
    delayDistribution: {type: uniform, lower: 2, upper: 1}
  - response:
      status: 204
      headers: {Content-Length: "1"}
      body: gone
  - violate: {remove: data}
  - fault: RESET
  - {truncateBodyAtFraction: 2}
"""


def test_a_fixtures_faults_are_judged_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    with pytest.raises(FixtureError) as caught:
        load([str(file)], now=0)
    told = [str(mistake).removeprefix(str(tmp_path) + "/") for mistake in caught.value.problems]
    wanted = [
        ("bad.yaml:2:5", "an effect is missing"),
        ("bad.yaml:3:35", "one effect only, and error is one already"),
        ("bad.yaml:6:24", "one delay only, and fixedDelayMilliseconds is one already"),
        ("bad.yaml:6:57", "less than lower"),
        ("bad.yaml:9:33", "the framing"),
        ("bad.yaml:10:13", "a 204 has no body"),
        ("bad.yaml:11:14", "'data' is not a JSON pointer"),
        ("bad.yaml:12:12", 'fault: "RESET" is not one of'),
        ("bad.yaml:13:30", "truncateBodyAtFraction: 2 is more than the most, 1"),
    ]
    for line, (place, message) in zip(told, wanted, strict=True):
        assert line.startswith(f"{place}: "), (line, place)
        assert message in line


GOOD = """\
faults:
  - {operation: retrySubtask, fault: HANG, times: 1}
  - {error: {status: 500}, delayDistribution: {type: lognormal, median: 80, sigma: 0.4}}
  - response: {status: 502, headers: {Content-Type: text/html}, body: "<h1>bad gateway</h1>"}
  - response: {status: 200, body: {a: [1, {b: null}], c: no}}
  - {violate: {set: {/data/upstreams: [1, x], /data/status: EXPLODED}}}
  - {violate: random, id: broken}
  - {chunkedDribbleDelay: {numberOfChunks: 5, totalDuration: 3000}}
  - {rateLimit: {limit: 5, perSeconds: 1}}
  - {truncateBodyAtFraction: 0.5}
  - {fixedDelayMilliseconds: 1.5}
"""


def test_a_fixtures_faults_are_the_same_after_they_were_written_and_read() -> None:
    world = load(Text(GOOD, "good.yaml"), now=0)
    data = to_data(world)
    assert contract().checker("fixture").accepts(data)
    assert load(data, now=0).faults == world.faults
    assert list(world.faults) == [*(f"fault-{n}" for n in range(1, 6)), "broken", *(f"fault-{n}" for n in range(6, 10))]
    assert world.faults["fault-4"].effect == Response(status=200, headers={}, body={"a": [1, {"b": None}], "c": "no"})


# --- delays ----------------------------------------------------------------------------------------------------------


def drawn(delay: Delay, count: int = 2000) -> list[float]:
    dice = Random(7)
    return [delay.seconds(dice) for _ in range(count)]


def test_a_fixed_delay_is_what_it_says() -> None:
    assert set(drawn(Delay(kind="fixed", first=1500))) == {1.5}


def test_a_uniform_delay_is_within_its_bounds_and_spread_over_them() -> None:
    found = drawn(Delay(kind="uniform", first=100, second=300))
    assert 0.1 <= min(found) < 0.105
    assert 0.295 < max(found) <= 0.3
    assert set(drawn(Delay(kind="uniform", first=5, second=5), 3)) == {0.005}


def test_a_lognormal_delay_has_its_median() -> None:
    found = sorted(drawn(Delay(kind="lognormal", first=80, second=0.4)))
    assert math.isclose(found[len(found) // 2], 0.08, rel_tol=0.05)
    within = sum(0.08 * math.exp(-0.4) <= one <= 0.08 * math.exp(0.4) for one in found)
    assert abs(within / len(found) - 0.683) < 0.04
    assert {round(one, 9) for one in drawn(Delay(kind="lognormal", first=80, second=0), 3)} == {0.08}


def test_a_delay_is_never_longer_than_a_week() -> None:
    assert max(drawn(Delay(kind="lognormal", first=LONGEST_MS, second=100))) == LONGEST_MS / 1000
    assert set(drawn(Delay(kind="lognormal", first=0, second=100))) == {0}
