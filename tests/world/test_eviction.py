"""Past the limit of named worlds: which one goes, and who makes none."""

from collections.abc import Callable, Iterator
from threading import Thread

import pytest
import requests
from builders import retry
from clients import RETRY, TASK, Client, failed_world
from processes import END_S
from waiting import eventually

from mockserver import MockServer
from mockserver.fixtures.source import load
from mockserver.server.routing import SITE
from mockserver.world.worlds import Options, Site, Worlds

LIMIT = 3
TOKEN = "secret"


@pytest.fixture
def worlds() -> Worlds:
    return Worlds(load(failed_world(faults=[{"error": {"status": 503}, "times": 1}]), now=0), Options(), limit=LIMIT)


def worlds_of(client: Client) -> Worlds:
    return client.mock._app[SITE].worlds


@pytest.fixture
def limited(failed: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(worlds_of(failed), "limit", LIMIT)
    return failed


def names(client: Client) -> list[str]:
    found: list[str] = client.admin("GET", "/worlds")["worlds"]
    return found


def test_worlds_that_nobody_has_changed_go_first(worlds: Worlds) -> None:
    retry(worlds.named("used").served.live, 10001)
    for n in range(1000):
        worlds.named(f"w{n}")
    assert worlds.names() == ["used", "w998", "w999"]


def test_among_those_in_use_the_least_recently_used_goes(worlds: Worlds) -> None:
    for name in ("a", "b", "c"):
        retry(worlds.named(name).served.live, 10001)
    worlds.named("a")
    worlds.named("d")
    assert worlds.names() == ["c", "a", "d"]


def test_a_flood_costs_a_full_server_one_world_at_most(worlds: Worlds) -> None:
    for name in ("a", "b", "c"):
        retry(worlds.named(name).served.live, 10001)
    for n in range(1000):
        worlds.named(f"w{n}")
    assert worlds.names() == ["b", "c", "w999"]


EVIL = {"Origin": "http://evil.example"}


def test_a_web_page_of_another_origin_costs_nobody_his_world(limited: Client) -> None:
    """A POST without a preflight changes what it meets."""
    for name in ("a", "b"):
        limited.post(f"/w/{name}{RETRY}")
    for n in range(10):
        assert limited.post(f"/w/evil{n}{RETRY}", headers=EVIL).status_code == 200
    assert names(limited) == ["a", "b", "evil9"]
    limited.post(f"/w/c{RETRY}")
    assert names(limited) == ["a", "b", "c"]
    for n in range(10):
        limited.post(RETRY, headers=EVIL | {"X-Mock-World": f"evil{n}"})
    assert names(limited) == ["a", "b", "c"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_world_that_a_page_shares_with_others_is_theirs_too(limited: Client, method: str) -> None:
    limited.post(f"/w/ours{RETRY}", headers=EVIL)
    limited(method, f"/w/ours{TASK}" if method == "GET" else f"/w/ours{RETRY}")
    for n in range(10):
        limited.post(f"/w/evil{n}{RETRY}", headers=EVIL)
    assert "ours" in names(limited)


def test_a_page_of_the_servers_own_keeps_its_world(limited: Client) -> None:
    limited.post(f"/w/ours{RETRY}", headers={"Origin": limited.mock.url})
    for n in range(10):
        limited.get(f"/w/w{n}{TASK}")
    assert "ours" in names(limited)


@pytest.mark.parametrize(("method", "path"), [("GET", "tasks/7"), ("POST", "faults"), ("POST", "snapshots/x/restore")])
def test_a_refused_call_costs_nobody_his_world(limited: Client, method: str, path: str) -> None:
    for name in ("a", "b", "c"):
        limited.post(f"/w/{name}{RETRY}")
    assert limited(method, f"/w/new/__admin/{path}").status_code >= 400
    assert names(limited) == ["a", "b", "c"]
    assert limited.get("/w/new/__admin/tasks/1000").ok
    assert names(limited) == ["b", "c", "new"]


def test_time_alone_changes_no_world(worlds: Worlds) -> None:
    live = worlds.named("old").served.live
    retry(live, 10001)
    assert live.touched
    aged = live.copy()
    aged.advance(aged.world.now + 10**10)
    assert aged.history.total
    assert not aged.touched


def test_a_world_that_its_rules_have_changed_is_in_use(limited: Client) -> None:
    limited.admin("PUT", "/state", failed_world(denials=[{"permission": "TASK_MANAGER", "times": 5}]))
    limited.fault(times=1)
    limited.admin("POST", "/snapshots", {"name": "s"})
    live = worlds_of(limited).main.served.live
    live.touched = False
    limited.get(TASK)
    assert live.touched
    live.touched = False
    limited.post(RETRY)
    assert live.touched


@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.post(f"/w/used{RETRY}"),
        lambda client: client.post("/w/used/__admin/clock/advance", json={"by": "1s"}),
        lambda client: client.post("/w/used/__admin/snapshots", json={"name": "s"}),
        lambda client: client("PATCH", "/w/used/__admin/tasks/1000", json={"name": "x"}),
        lambda client: client.post("/w/used/__admin/faults", json={"error": {"status": 500}}),
    ],
    ids=["operation", "clock", "snapshot", "edit", "rule"],
)
def test_what_somebody_has_changed_outlives_what_others_only_read(
    limited: Client, use: Callable[[Client], requests.Response]
) -> None:
    assert use(limited).ok
    for n in range(10):
        limited.get(f"/w/w{n}{TASK}")
    assert "used" in names(limited)


def test_a_world_in_which_somebody_waits_outlives_what_others_only_read(limited: Client) -> None:
    limited.post("/w/used/__admin/faults", json={"fault": "HANG"})
    url, site = limited.mock.url, worlds_of(limited).named("used")

    def wait() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/w/used{TASK}", timeout=END_S)

    waiting = Thread(target=wait)
    waiting.start()
    eventually(lambda: len(site.served.held) == 1)
    site.served.live.touched = False
    for n in range(10):
        limited.get(f"/w/w{n}{TASK}")
    assert "used" in names(limited)
    limited.admin("DELETE", "/worlds/used")
    waiting.join()


@pytest.fixture
def guarded() -> Iterator[Client]:
    with MockServer(failed_world(), admin_token=TOKEN) as mock, Client(mock) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/w/new/__admin/health", {}, 200),
        ("GET", "/w/new/openapi.json", {}, 200),
        ("GET", "/w/new/__admin/openapi.json", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("GET", "/w/new/__admin/", {}, 200),
        ("GET", "/w/new/__admin/page/main.js", {}, 200),
        ("GET", "/w/new/__admin/contract", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("GET", "/w/new/__admin/contract/client-errors", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("GET", "/w/new/__admin/contract/expectations", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("GET", "/__admin/health", {"X-Mock-World": "new"}, 200),
        ("GET", "/w/new/__admin/clock", {}, 401),
        ("GET", "/w/new/__admin/clock", {"Host": "evil.example"}, 403),
        ("GET", "/w/new/__admin/clock", {"Origin": "http://evil.example"}, 403),
        ("GET", "/w/new/__admin/clock", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("DELETE", "/w/new/__admin/clock", {"Authorization": f"Bearer {TOKEN}"}, 405),
        ("GET", "/w/new/__admin/nothing", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("GET", "/w/new/__admin/tasks/7", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("POST", "/w/new/__admin/faults", {"Authorization": f"Bearer {TOKEN}"}, 422),
    ],
)
def test_what_only_looks_and_what_is_refused_makes_no_world(
    guarded: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert guarded(method, path, headers=headers).status_code == status
    assert worlds_of(guarded).names() == []


def test_health_and_document_are_those_of_the_world_that_would_be_made(limited: Client) -> None:
    limited.admin("PUT", "/state", {"dialect": "ocp-express", "tasks": []})
    health = limited.get("/w/new/__admin/health").json()
    assert (health["tasks"], health["worlds"]) == (1, 0)
    assert limited.get("/w/new/openapi.json").json()["servers"] == [{"url": "/w/new/api/v2"}]
    limited.admin("POST", "/reset")


def test_a_refused_call_keeps_a_world_that_was_there(limited: Client) -> None:
    limited.get(f"/w/old{TASK}")
    assert limited.post("/w/old/__admin/faults", json={}).status_code == 422
    assert names(limited) == ["old"]


def test_a_call_that_is_refused_leaves_the_world_to_one_that_is_under_way(worlds: Worlds) -> None:
    site: Site = worlds.named("new")
    site.calls += 1
    worlds.unmake(site)
    assert worlds.names() == ["new"]
