"""Dialect, nulls and order of arrays: changed while a world is served, each world by itself; and under which prefix."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from clients import Client, Json, failed_world

from mockserver import MockServer
from mockserver.contract.dialects import DIALECTS, NULLS
from mockserver.server.hints import ELSEWHERE

V1: Final = "/api/v1/tasks/instances/1000"
V2: Final = "/api/v2/tasks/instances/1000"
EXPRESS: Final[Json] = {"dialect": "ocp-express"}
BOTH: Final = {V1: 200, V2: 200}


def settings(client: Client, world: str = "", **given: str) -> Json:
    """Of a world, once these are set."""
    answer = client("PUT", f"{world}/__admin/settings", json=given)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def found(client: Client, world: str = "", **options: Any) -> dict[str, int]:
    return {path: client.get(world + path, **options).status_code for path in (V1, V2)}


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_the_dialect_is_set(failed: Client, name: str) -> None:
    """The state says so, what answers has its code, and the document is its own; nothing else changes."""
    before = failed.state()
    assert settings(failed, dialect=name)["dialect"] == name
    assert failed.state() == before | {"dialect": name}
    row = DIALECTS[name]
    assert failed.get(f"{V2}/nothing").json()["error"]["code"] == row.code("no route")
    document = failed.get("/openapi.json").json()
    assert document["servers"][0] == {"url": row.prefix}
    assert settings(failed, dialect="ocp-4.2.2")["dialect"] == "ocp-4.2.2"
    assert failed.state() == before


@pytest.mark.parametrize("nulls", NULLS)
def test_nulls_are_set(failed: Client, nulls: str) -> None:
    assert settings(failed, nulls=nulls)["nulls"] == nulls
    subtask = failed.get(V2).json()["data"]["subtasks"][2]
    assert subtask.get("startTime", "absent") == (None if nulls == "null" else "absent")
    assert ("executor" in subtask) == (nulls == "null")


def test_the_next_answer_is_in_the_new_variant_and_what_has_happened_stays(failed: Client) -> None:
    """A subtask that was retried is as it was; the next retry counts as its dialect does."""
    failed.post(f"{V2}/subtasks/10001/retry")
    assert failed.get(V2).json()["data"]["subtasks"][1]["runTime"] == 2
    settings(failed, dialect="ocp-express", nulls="null")
    failed.mock.advance("5s")
    failed.post(f"{V1}/subtasks/10001/retry")
    task = failed.get(V1).json()["data"]
    assert (task["subtasks"][1]["runTime"], task["tenantInfo"], task["finishTime"]) == (2, None, None)


@pytest.mark.parametrize("given", [{"dialect": "ocp-5"}, {"nulls": "none"}, {"arrayOrder": "random"}, {"nulls": None}])
def test_what_is_none_is_refused_and_changes_nothing(failed: Client, given: Json) -> None:
    before = failed.state()
    answer = failed("PUT", "/__admin/settings", json={"seed": 7, "dialect": "ocp-4.2.1", **given})
    assert (answer.status_code, answer.json()["error"]["details"][0]["path"]) == (422, f"$.{next(iter(given))}")
    assert failed.state() == before


def test_a_named_world_is_set_alone(failed: Client) -> None:
    given = {"dialect": "ocp-4.2.1", "nulls": "null", "arrayOrder": "shuffled"}
    assert settings(failed, "/w/anna", **given).items() >= given.items()
    codes = [failed.get(f"{world}{V2}/x").json()["error"]["code"] for world in ("", "/w/anna", "/w/berta")]
    assert codes == ["COM10002", 1002, "COM10002"]
    assert failed.state()["dialect"] == "ocp-4.2.2"
    failed.post("/w/anna/__admin/reset")
    assert failed.get("/w/anna/__admin/settings").json()["dialect"] == "ocp-4.2.2", "as its files gave it"


# --- prefixes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def express() -> Iterator[Client]:
    """A server that has started with the dialect of the engine."""
    with MockServer(failed_world(**EXPRESS)) as mock, Client(mock) as client:
        yield client


def test_a_world_of_another_dialect_is_under_that_ones_prefix_too(failed: Client) -> None:
    """And under the server's first; one of the server's own dialect is under no other."""
    assert found(failed) == {V1: 404, V2: 200}
    settings(failed, "/w/anna", **EXPRESS)
    assert found(failed, "/w/anna") == BOTH
    assert found(failed, headers={"X-Mock-World": "anna"}) == BOTH
    assert found(failed) == found(failed, "/w/berta") == {V1: 404, V2: 200}
    settings(failed, **EXPRESS)
    assert found(failed) == BOTH
    settings(failed, dialect="ocp-4.2.1")
    assert found(failed) == {V1: 404, V2: 200}


def test_and_so_the_other_way_round(express: Client) -> None:
    assert found(express) == {V1: 200, V2: 404}
    settings(express, "/w/anna", dialect="ocp-4.2.2")
    assert found(express, "/w/anna") == BOTH
    assert express.get("/w/anna/openapi.json").json()["servers"] == [
        {"url": "/w/anna/api/v2"},
        {"url": "/w/anna/api/v1"},
    ]


def test_where_it_is_not_it_is_no_route_and_the_hint_says_where(failed: Client) -> None:
    answer = failed.get(V1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "COM10002")
    assert answer.headers["X-Mock-Hint"] == f"did you mean GET {V2}?{ELSEWHERE}"
    assert failed.latest()["request"]["operation"] is None
    retried = failed.post(f"{V1}/subtasks/10001/retry")
    assert (retried.status_code, failed.subtasks()[1]) == (404, "FAILED")


def test_prefixes_that_were_asked_for_are_those_of_every_world() -> None:
    with MockServer(failed_world(), api_prefixes=["/ocp"]) as mock, Client(mock) as client:
        settings(client, **EXPRESS)
        assert found(client) == {V1: 404, V2: 404}
        assert client.get("/ocp/tasks/instances/1000").status_code == 200


# --- the order of arrays -------------------------------------------------------------------------------------------

MANY: Final = 12
"""So many that a shuffled array is hardly ever as it was."""


def shuffled_world(seed: int = 7) -> Json:
    """A subtask that all others follow, and one that follows them; and two more tasks."""
    middle = [{"id": id, "upstreams": [1]} for id in range(2, MANY)]
    subtasks = [{"id": 1, "status": "FAILED"}, *middle, {"id": MANY, "upstreams": [one["id"] for one in middle]}]
    tasks = [{"id": 1000, "subtasks": subtasks}, {"id": 2000}, {"id": 3000}]
    return {"clock": {"mode": "manual"}, "arrayOrder": "shuffled", "seed": seed, "tasks": tasks}


def orders(client: Client, count: int = 2) -> list[tuple[list[int], list[int], list[int]]]:
    """Of the subtasks, of the first one's downstreams, and of the last one's upstreams, answer by answer."""
    told = []
    for _ in range(count):
        subtasks = client.get(V2).json()["data"]["subtasks"]
        by_id = {one["id"]: one for one in subtasks}
        told.append(([one["id"] for one in subtasks], by_id[1]["downstreams"], by_id[MANY]["upstreams"]))
    return told


@pytest.fixture
def shuffled() -> Iterator[Client]:
    with MockServer(shuffled_world()) as mock, Client(mock) as client:
        yield client


def sorted_through(value: Any) -> Any:
    """Without the order of any array."""
    if isinstance(value, dict):
        return {key: sorted_through(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((sorted_through(item) for item in value), key=str)
    return value


def test_two_answers_differ_in_their_order_and_not_in_their_content(shuffled: Client) -> None:
    first, second = (shuffled.get(V2).json()["data"] for _ in range(2))
    assert first != second
    assert sorted_through(first) == sorted_through(second)
    for one, other in zip(*orders(shuffled), strict=True):
        assert one != other
        assert sorted(one) == sorted(other)
        assert one != sorted(one)


def test_what_an_act_answers_is_shuffled_too(shuffled: Client) -> None:
    data = shuffled.post(f"{V2}/subtasks/1/retry").json()["data"]
    in_order = list(range(2, MANY))
    assert data["downstreams"] != in_order
    assert sorted(data["downstreams"]) == in_order


def test_a_list_stays_in_order_and_its_subtasks_do_not(shuffled: Client) -> None:
    pages = [shuffled.get("/api/v2/tasks/instances?sort=id,asc").json()["data"]["contents"] for _ in range(4)]
    assert {tuple(task["id"] for task in page) for page in pages} == {(1000, 2000, 3000)}
    assert len({tuple(one["id"] for one in page[0]["subtasks"]) for page in pages}) == 4


def test_the_order_repeats_with_the_seed(shuffled: Client) -> None:
    first = [shuffled.get(V2).content for _ in range(3)]
    shuffled.admin("POST", "/reset")
    assert [shuffled.get(V2).content for _ in range(3)] == first, "also after a reset, to the byte"
    shuffled.admin("POST", "/reset")
    in_order = orders(shuffled, 3)
    for seed, same in ((7, True), (8, False)):
        with MockServer(shuffled_world(seed)) as mock, Client(mock) as client:
            assert (orders(client, 3) == in_order) == same


def test_the_state_keeps_the_order_of_the_fixture(shuffled: Client) -> None:
    """A control route shuffles nothing; and what was set back is in that order again."""
    orders(shuffled)
    in_order = list(range(1, MANY + 1))
    assert [one["id"] for one in shuffled.state()["tasks"][0]["subtasks"]] == in_order
    settings(shuffled, arrayOrder="fixture")
    assert orders(shuffled) == [(in_order, in_order[1:-1], in_order[1:-1])] * 2
    settings(shuffled, arrayOrder="shuffled")
    first, second = orders(shuffled)
    assert first != second
