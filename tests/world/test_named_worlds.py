"""Many worlds on one server: each a copy of the loaded fixtures, made when it is first asked for."""

import threading
from collections.abc import Iterator

import pytest
import requests
from builders import retry
from clients import API, RETRY, TASK, Client, failed_world

from mockserver import MockServer
from mockserver.fixtures.source import load
from mockserver.world.worlds import Options, Worlds


def statuses(client: Client, base: str = "", **options: object) -> list[str]:
    answer = client.get(f"{base}{TASK}", **options)
    return [one["status"] for one in answer.json()["data"]["subtasks"]]


def test_a_world_of_its_own_is_a_copy_that_others_do_not_see(failed: Client) -> None:
    assert failed.post(f"/w/ci-42{RETRY}").json()["data"]["status"] == "READY"
    assert statuses(failed, "/w/ci-42")[1] == "READY"
    assert statuses(failed)[1] == "FAILED"
    assert statuses(failed, "/w/other")[1] == "FAILED"


def test_the_header_does_the_same_as_the_path(failed: Client) -> None:
    failed.post(RETRY, headers={"X-Mock-World": "ci-42"})
    assert statuses(failed, "/w/ci-42")[1] == "READY"
    assert statuses(failed)[1] == "FAILED"
    assert failed.get("/__admin/requests", headers={"X-Mock-World": "ci-42"}).json()["total"] == 2


def test_where_both_name_a_world_the_path_wins(failed: Client) -> None:
    failed.post(f"/w/one{RETRY}", headers={"X-Mock-World": "two"})
    assert failed.admin("GET", "/worlds")["worlds"] == ["one"]


def test_clock_rules_and_journal_are_a_worlds_own(failed: Client) -> None:
    failed.post("/w/one/__admin/faults", json={"error": {"status": 503}})
    failed.post("/w/one/__admin/denials", json={"permission": "TASK_MANAGER"})
    failed.post("/w/one/__admin/clock/advance", json={"by": "1h"})
    assert failed.post(f"/w/one{RETRY}").status_code == 503
    assert failed.post(f"/w/two{RETRY}").status_code == 200
    assert failed.admin("GET", "/faults") == {"faults": []}
    assert failed.get("/w/one/__admin/clock").json()["now"] != failed.get("/w/two/__admin/clock").json()["now"]
    assert failed.get("/w/one/__admin/requests").json()["total"] == 1


def test_a_world_that_was_forgotten_starts_anew(failed: Client) -> None:
    failed.post(f"/w/one{RETRY}")
    failed.admin("DELETE", "/worlds/one")
    assert failed.admin("GET", "/worlds")["worlds"] == []
    assert failed("DELETE", "/__admin/worlds/one").status_code == 404
    assert statuses(failed, "/w/one")[1] == "FAILED"


def test_reset_is_of_one_world(failed: Client) -> None:
    failed.post(RETRY)
    failed.post(f"/w/one{RETRY}")
    failed.post("/w/one/__admin/reset")
    assert statuses(failed, "/w/one")[1] == "FAILED"
    assert statuses(failed)[1] == "READY"


@pytest.mark.parametrize("name", ["a b", "-x", "x" * 65, "a/b", "ü", ""])
def test_what_is_no_name_is_refused(failed: Client, name: str) -> None:
    headers = {"X-Mock-World": name.encode()}
    answer = failed.get(TASK, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "COM10001")
    refused = failed.get("/__admin/clock", headers=headers)
    assert refused.status_code == 400
    assert "X-Mock-World" in refused.json()["error"]["message"]
    assert failed.admin("GET", "/worlds")["worlds"] == []


def test_an_unknown_route_in_a_world_is_the_apis_404(failed: Client) -> None:
    assert failed.get("/w/one/api/v2/nothing").json()["error"]["code"] == "COM10002"
    assert failed.get("/w/one/nothing").json()["error"]["code"] == "COM10002"
    assert failed.get("/w/one/__admin/nothing").status_code == 404


def test_the_document_of_a_world_names_its_own_server(failed: Client) -> None:
    assert failed.get("/w/one/openapi.json").json()["servers"] == [{"url": "/w/one/api/v2"}]


def test_the_least_recently_used_world_goes_past_the_limit() -> None:
    worlds = Worlds(load(failed_world(), now=0), Options(), limit=3)
    for name in ("a", "b", "c", "a", "d"):
        worlds.named(name)
    assert (worlds.names(), worlds.evicted) == (["c", "a", "d"], 1)


@pytest.mark.slow
def test_health_counts_worlds_and_evictions(failed: Client) -> None:
    for n in range(258):
        failed.get(f"/w/w{n}/__admin/clock")
    health = failed.admin("GET", "/health")
    assert (health["worlds"], health["evictedWorlds"]) == (256, 2)


@pytest.mark.slow
def test_a_copy_of_a_large_world_shares_what_it_has_not_changed() -> None:
    """What it costs does not grow with the world: no execution is copied, but the one that changes."""
    subtasks = [{"id": n, "status": "FAILED"} for n in range(100)]
    fixture = load({"clock": {"mode": "manual"}, "tasks": [{"id": n, "subtasks": subtasks} for n in range(50)]}, now=0)
    worlds = Worlds(fixture, Options())
    one, two = worlds.named("one").served, worlds.named("two").served
    retry(one.live, 3, task=7)
    assert [n for n in range(50) if one.world.tasks[n] is not two.world.tasks[n]] == [7]


@pytest.fixture
def shared() -> Iterator[MockServer]:
    with MockServer(failed_world()) as mock:
        yield mock


@pytest.mark.parametrize("rounds", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_thirty_two_threads_each_in_a_world_of_its_own(shared: MockServer, rounds: int) -> None:
    """Each drives its own retry flow so often, with advance and faults: no cross-talk, and the journals add up."""
    wrong: list[object] = []

    def drive(number: int) -> None:
        session = requests.Session()
        session.trust_env = False
        base = f"{shared.url}/w/thread-{number}"
        for _ in range(rounds):
            session.post(f"{base}/__admin/reset")
            session.post(f"{base}/__admin/faults", json={"error": {"status": 500 + number}, "times": 1})
            seen = [
                session.post(f"{base}{API}/tasks/instances/1000/subtasks/10001/retry").status_code for _ in range(3)
            ]
            session.post(f"{base}/__admin/clock/advance", json={"until": "idle"})
            task = session.get(f"{base}{API}/tasks/instances/1000").json()["data"]
            total = session.get(f"{base}/__admin/requests").json()["total"]
            found = (seen, [one["status"] for one in task["subtasks"]], task["subtasks"][1]["runTime"], total)
            if found != ([500 + number, 200, 400], ["SUCCESSFUL", "FAILED", "PENDING"], 2, 4):
                wrong.append((number, found))

    threads = [threading.Thread(target=drive, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_server_that_is_renewed_makes_the_named_worlds_of_a_path_anew() -> None:
    one, two = ({"clock": {"mode": "manual"}, "tasks": [{"id": id, "name": "Task", "subtasks": []}]} for id in (1, 2))
    with MockServer(one) as mock:
        mock._renew(load(two))
        asked = [requests.get(f"{mock.url}/w/ci-42{API}/tasks/instances/2", timeout=5).status_code for _ in range(2)]
        assert asked == [200, 200]
