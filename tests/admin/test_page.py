"""The page at GET /__admin/ in a real browser: the seed's flow by nothing but it, its clock, its director, its worlds.

Its rules are in test_page_rules, its journal in test_page_requests, its looks in test_page_layout. Nothing here sleeps:
Playwright waits until what is expected is there.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import browser
import pytest
import requests
from browser import Tabs, expect, shoot
from clients import RETRY, Client, failed_world
from panels import CLIPBOARD, PANELS, admin
from processes import END_S, environment, plugin_is_installed

from mockserver import MockServer
from mockserver.contract.dialects import DIALECTS

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

NAME: Final = "Uninstall ocp agent"


def test_the_seeds_flow_from_the_page_alone(tabs: Tabs, permissions: Client, tmp_path: Path) -> None:
    before = permissions.state()
    page = admin(tabs, permissions.mock.url, **CLIPBOARD)
    page.open_task(1000, NAME)
    page.shows("SUCCESSFUL", of=10000)
    page.shows("FAILED", of=10001)
    page.shows("PENDING", of=10002)

    page.act_as("viewer")
    page.press("Retry")
    for told in ("Retry 10001 as viewer: 403", "IAM11000", "User viewer lacks the permission TASK_MANAGER", "operator"):
        expect(page.result).to_contain_text(told)
    assert permissions.state() == before

    page.act_as("operator")
    page.press("Retry")
    expect(page.result).to_contain_text("Retry 10001 as operator: 200")
    page.shows("READY", "RETRY", "run 2", "1 s left", of=10001)

    page.press("Step")
    page.shows("FAILED", "RETRY", "run 2", of=10001)
    page.shows("PENDING", of=10002)
    expect(page.caused).to_contain_text(["READY → ▶ RUNNING", "subtask 10001 ▶ RUNNING → ✕ FAILED", "✕ FAILED"])

    page.press("Retry")
    expect(page.result).to_contain_text("200")
    page.press("Run until idle")
    for id in (10000, 10001, 10002):
        page.shows("SUCCESSFUL", of=id)
    expect(page.task(1000)).to_contain_text("✓ SUCCESSFUL")
    expect(page.task(1000)).to_contain_text("3 of 3")
    expect(page.caused.last).to_contain_text("task 1000 ▶ RUNNING → ✓ SUCCESSFUL")

    page.go("Requests")
    expect(page.page.get_by_role("row")).to_have_count(1 + 3)
    page.row("viewer").get_by_role("link").click()
    expect(page.page.get_by_text("It changed nothing.")).to_be_visible()
    page.page.go_back()
    page.row("200 ok").first.get_by_role("link").click()
    opened = page.page.get_by_role("region", name="The request that is open")
    expect(opened).to_contain_text("subtask 10001 ✕ FAILED → ◔ READY")
    page.copy("pytest test")
    expect(page.news).to_contain_text("Copied: pytest test.")
    passes(tmp_path, page.clipboard())

    assert permissions.subtasks() == ["SUCCESSFUL"] * 3
    loaded = [url for url in tabs.addresses if url.endswith("/page/main.js")]
    assert len(loaded) == 1, "the page was loaded again"


def passes(folder: Path, source: str) -> None:
    """It is run by pytest, in a process of its own."""
    (folder / "test_copied.py").write_text(source, encoding="utf-8")
    entered = [] if plugin_is_installed() else ["-p", "mockserver.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", *entered, "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    ended = subprocess.run(
        command, cwd=folder, env=environment({"PYTEST_ADDOPTS": ""}), capture_output=True, text=True, timeout=END_S
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout


def test_a_page_that_is_only_looked_at_leaves_no_trace(tabs: Tabs, permissions: Client) -> None:
    """What it asks for itself is in no journal, and changes nothing."""
    before = permissions.state()
    page = admin(tabs, permissions.mock.url, "#/tasks/1000")
    page.shows("FAILED", of=10001)
    for panel in PANELS:
        page.go(panel)
    assert permissions.admin("GET", "/requests")["total"] == 0
    assert permissions.admin("GET", "/history")["total"] == 0
    assert permissions.state() == before


# --- acts ------------------------------------------------------------------------------------------------------------

ACTS: Final = {
    "Skip": ("FAILED", "Skip 10001 as nobody: 200", "READY, SKIP"),
    "Cancel": ("RUNNING", "Cancel 10001 as nobody: 200", "CANCELING"),
    "Retry": ("FAILED", "Retry 10001 as nobody: 200", "READY, RETRY"),
    "Retry task": ("FAILED", "Retry task 1000 as nobody: 200", "READY, RETRY"),
    "Roll back": ("FAILED", "Roll back 1000 as nobody: 200", "READY, ROLLBACK"),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_shown_as_it_happens(tabs: Tabs, failed: Client, act: str) -> None:
    before, told, after = ACTS[act]
    failed.mock.task(1000).subtask(10001).set(status=before)
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.node(10001).click()
    page.press(act)
    expect(page.result).to_contain_text(told)
    page.shows(*after.split(", "), of=10001)


def test_who_sends_no_credentials_is_told_so(tabs: Tabs, permissions: Client) -> None:
    """And the browser asks nobody for a password."""
    page = admin(tabs, permissions.mock.url, "#/tasks/1000")
    page.press("Retry")
    expect(page.result).to_contain_text("Retry 10001 as nobody: 401")
    expect(page.result).to_contain_text("IAM10000")


def test_who_acts_stays_chosen(tabs: Tabs, permissions: Client) -> None:
    """While the world is edited, and when another one has that user too."""
    page = admin(tabs, permissions.mock.url, "#/tasks/1000")
    acting = page.page.get_by_label("Act as")
    page.act_as("viewer")
    permissions.mock.task(1000).set(name="Another name")
    expect(page.heading("1000 Another name")).to_be_visible()
    users = {"viewer": {"password": "new"}, "eve": {"password": "eve"}}
    permissions.admin("PUT", "/state", {"users": users, "tasks": []})
    expect(acting.get_by_role("option", name="eve")).to_have_count(1)
    expect(acting).to_have_value("viewer")
    permissions.admin("PUT", "/state", {"users": {"eve": users["eve"]}, "tasks": []})
    expect(acting.get_by_role("option", name="viewer")).to_have_count(0)
    expect(acting).to_have_value("")


def test_what_happens_elsewhere_is_seen_without_a_reload(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.shows("FAILED", of=10001)
    failed.post(RETRY)
    page.shows("READY", "RETRY", "run 2", of=10001)
    expect(page.task(1000)).to_contain_text("10001: in 1.0 s")
    failed.mock.advance("1s")
    page.shows("RUNNING", "RETRY", "run 2", "4 s left", of=10001)


# --- the director ----------------------------------------------------------------------------------------------------


def test_the_director_sets_a_status(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.page.get_by_text("Change the world directly").click()
    page.field("Status").select_option("SUCCESSFUL")
    page.press("Set status")
    page.shows("SUCCESSFUL", of=10001)
    page.shows("READY", "1 s left", of=10002)
    assert failed.subtasks() == ["SUCCESSFUL", "SUCCESSFUL", "READY"]


def test_the_director_lets_it_fail_twice_and_then_succeed(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.page.get_by_text("Change the world directly").click()
    page.press("Fail twice, then succeed")
    page.press("Set runs")
    expect(page.page.get_by_text("1 of 3 comes next.")).to_be_visible()
    for end, log in (("FAILED", "It failed once."), ("FAILED", "It failed twice."), ("SUCCESSFUL", "")):
        page.press("Retry")
        page.shows("READY", of=10001)
        page.press("Step")
        page.shows(end, of=10001)
        if log:
            expect(page.page.get_by_role("region", name="Log", exact=True)).to_contain_text(log)


def test_an_open_log_grows_while_its_run_lasts(tabs: Tabs, failed: Client) -> None:
    """Nothing is told of it: only time passes."""
    run = {"duration": "4s", "log": "first line\nsecond line"}
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "RUNNING", "runs": [run]})
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.page.locator("[data-key='10001']").first.click()
    log = page.page.get_by_role("region", name="Log", exact=True)
    expect(log).not_to_contain_text("first line")
    failed.mock.advance("2s")
    expect(log).to_contain_text("first line")
    expect(log).not_to_contain_text("second line")
    assert failed.subtasks()[1] == "RUNNING"


def test_runs_that_are_refused_are_not_lost(tabs: Tabs, failed: Client) -> None:
    before = failed.state()
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.page.get_by_text("Change the world directly").click()
    page.field("Duration").first.fill("soon")
    page.press("Set runs")
    expect(page.alert).to_contain_text("runs[0].duration")
    expect(page.field("Duration").first).to_have_value("soon")
    assert failed.state() == before


def test_runs_that_are_being_typed_stay_when_the_subtask_changes(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.page.get_by_text("Change the world directly").click()
    page.field("Log").first.fill("half a sen")
    failed.post(RETRY)
    page.shows("READY", of=10001)
    expect(page.field("Log").first).to_have_value("half a sen")
    expect(page.field("Log").first).to_be_focused()


# --- the clock -------------------------------------------------------------------------------------------------------


def test_a_real_clock_moves_and_what_is_due_happens_by_itself(tabs: Tabs) -> None:
    world = failed_world(scheduler={"dispatch": "100ms", "run": "200ms"})
    with MockServer(world) as mock, Client(mock) as client:
        mock.task(1000).subtask(10001).set(runs=[{}])
        client.post(RETRY)
        page = admin(tabs, mock.url, "#/tasks/1000")
        page.shows("READY", of=10001)
        time = page.page.get_by_label("Time of the world")
        expect(time).to_have_text("2021-08-25 15:10:13.000")
        page.page.get_by_label("How time passes").select_option("real time")
        expect(time).not_to_have_text("2021-08-25 15:10:13.000")
        page.shows("SUCCESSFUL", of=10002)
        assert mock.clock()["speed"] == 1


def test_the_clock_is_hurried_and_frozen(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    mode, time = page.page.get_by_label("How time passes"), page.page.get_by_label("Time of the world")
    mode.select_option("10")
    expect(time).not_to_have_text("2021-08-25 15:10:13.000")
    assert (failed.mock.clock()["mode"], failed.mock.clock()["speed"]) == ("real", 10)
    with page.page.expect_response("**/__admin/clock"):
        mode.select_option("frozen")
    clock = failed.mock.clock()
    assert clock["mode"] == "manual"
    expect(time).to_contain_text(clock["now"].replace("T", " ")[:19])


def test_a_clock_that_is_set_elsewhere_is_shown(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    page.page.get_by_label("How time passes").focus()
    failed.mock.set_clock("real", speed=25)
    expect(page.page.get_by_label("How time passes")).to_have_value("25")
    failed.mock.set_clock("manual", now="2030-01-02T03:04:05.678+08:00")
    expect(page.page.get_by_label("Time of the world")).to_have_text("2030-01-02 03:04:05.678")


def test_a_step_to_the_next_event_lists_what_it_caused(tabs: Tabs, failed: Client) -> None:
    failed.post(RETRY)
    page = admin(tabs, failed.mock.url)
    page.press("Next event")
    expect(page.caused).to_have_count(1)
    expect(page.caused).to_contain_text("subtask 10001 ◔ READY → ▶ RUNNING")
    expect(page.page.get_by_label("Time of the world")).to_have_text("2021-08-25 15:10:14.000")


def test_a_step_that_causes_nothing_says_so(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    page.press("Run until idle")
    expect(page.page.get_by_text("No change")).to_be_visible()


def test_a_step_that_is_none_is_refused_in_words(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    page.page.get_by_label("Step by").fill("abc")
    page.press("Step")
    expect(page.alert).to_contain_text("“abc” is no step: write 5s, 250ms, 2m or 1h.")
    expect(page.page.get_by_label("Time of the world")).to_have_text("2021-08-25 15:10:13.000")


# --- worlds ----------------------------------------------------------------------------------------------------------


def test_two_pages_on_two_worlds_leave_each_other_alone(tabs: Tabs, failed: Client) -> None:
    def others() -> object:
        paths = [f"{world}/__admin/{what}" for world in ("", "/w/bert") for what in ("state", "requests")]
        return [failed.get(path).json() for path in paths]

    before = others()
    anna, bert = (admin(tabs, f"{failed.mock.url}/w/{name}", "#/tasks/1000") for name in ("anna", "bert"))
    for page, name in ((anna, "anna"), (bert, "bert")):
        page.shows("FAILED", of=10001)
        expect(page.page.locator("#where")).to_contain_text(f"@ {name}")
    anna.press("Retry")
    anna.shows("READY", of=10001)
    anna.press("Step")
    anna.shows("FAILED", "RETRY", "run 2", of=10001)
    anna.go("Requests")
    expect(anna.row("retrySubtask")).to_have_count(1)
    assert others() == before
    bert.shows("FAILED", of=10001)
    expect(bert.node(10001)).not_to_have_accessible_name(re.compile("RETRY"))
    expect(bert.page.get_by_label("Time of the world")).to_have_text("2021-08-25 15:10:13.000")
    bert.go("Requests")
    expect(bert.page.get_by_text("No request has come yet.")).to_be_visible()


def test_one_goes_from_world_to_world(tabs: Tabs, failed: Client) -> None:
    failed.get("/w/anna/__admin/state")
    page = admin(tabs, failed.mock.url, "#/worlds")
    page.page.get_by_role("link", name="anna").click()
    expect(page.page.locator("#where")).to_contain_text("@ anna")
    page.go("World")
    page.field("Name of a world").fill("a new.one")
    page.press("Open it")
    expect(page.page.locator("#where")).to_contain_text("@ anna")
    page.field("Name of a world").fill("new.one")
    page.press("Open it")
    expect(page.page.locator("#where")).to_contain_text("@ new.one")
    assert page.page.url.startswith(f"{failed.mock.url}/w/new.one/__admin/#/tasks")
    page.go("World")
    expect(page.page.get_by_text("new.one (this one)")).to_be_visible()
    page.page.get_by_role("main").get_by_role("link", name="main").click()
    expect(page.page.locator("#where")).to_contain_text("@ main")


def test_a_world_is_removed_and_made_elsewhere(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds")
    requests.get(f"{failed.mock.url}/w/anna/__admin/state", timeout=END_S)
    page.press("Remove the world anna")
    expect(page.page.get_by_role("link", name="anna")).to_have_count(0)
    assert failed.admin("GET", "/worlds")["worlds"] == []


def test_snapshots_and_reset(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds")
    page.field("Name of a snapshot").fill("before the retry")
    page.press("Take it")
    assert failed.admin("GET", "/snapshots")["snapshots"] == []  # no name of a snapshot has spaces: the browser says so
    page.field("Name of a snapshot").fill("before-the-retry")
    page.press("Take it")
    expect(page.page.get_by_text("before-the-retry (2021-08-25 15:10:13)")).to_be_visible()
    failed.post(RETRY)
    expect(page.page.get_by_text("2 changes, the newest first.")).to_be_visible()
    page.press("Restore")
    expect(page.news).to_contain_text("The world is as it was in before-the-retry.")
    assert failed.subtasks()[1] == "FAILED"
    page.press("Reset")
    expect(page.page.get_by_text("Nothing yet.")).to_be_visible()
    expect(page.button("Restore")).to_have_count(0)


def test_the_fixture_of_now_is_copied(tabs: Tabs, failed: Client) -> None:
    failed.post(RETRY)
    page = admin(tabs, failed.mock.url, "#/worlds", **CLIPBOARD)
    page.press("Copy fixture of now")
    expect(page.news).to_contain_text("Copied: fixture of now.")
    with MockServer(json.loads(page.clipboard())) as mock:
        assert mock.task(1000).subtask(10001).status == "READY"


def test_settings_are_set_at_once(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url, "#/worlds")
    expect(page.field("Duration of a run")).to_have_value("2s")
    page.field("Duration of a run").fill("7s")
    page.field("Login").select_option("open")
    page.press("Set")
    expect(page.news).to_contain_text("The settings are set.")
    settings = permissions.mock.settings()
    assert (settings["auth"], settings["scheduler"]["run"]) == ("open", "7s")
    shoot(page.page, "world")


@pytest.mark.parametrize(("first", "then"), [("ocp-4.2.2", "ocp-express"), ("ocp-express", "ocp-4.2.2")])
def test_the_page_asks_the_api_where_its_dialect_has_it(tabs: Tabs, first: str, then: str) -> None:
    """Also after it was changed there. Each dialect's API is under a prefix of its own."""
    with MockServer(failed_world(dialect=first)) as mock:
        page = admin(tabs, mock.url, "#/tasks/1000")
        page.press("Retry")
        expect(page.result).to_contain_text("Retry 10001 as nobody: 200")
        page.go("World")
        page.field("Dialect").select_option(then)
        page.press("Set")
        expect(page.news).to_contain_text("The settings are set.")
        page.go("Tasks")
        page.open_task(1000, "Task 1000")
        page.press("Roll back")
        expect(page.result).to_contain_text(f"Roll back 1000 as nobody: 400 — {DIALECTS[then].code('not allowed')}: ")
        paths = [one["path"] for one in mock.requests()]
    assert paths == [
        f"{DIALECTS[first].prefix}/tasks/instances/1000/subtasks/10001/retry",
        f"{DIALECTS[then].prefix}/tasks/instances/1000/rollback",
    ]


FORM: Final = {
    "Dialect": ("dialect", "ocp-express"),
    "Unknown values": ("nulls", "null"),
    "Order of arrays": ("arrayOrder", "shuffled"),
    "Field names": ("fieldNames", "table"),
}


def test_every_setting_of_the_answers_is_in_the_form(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds")
    for label, (key, value) in FORM.items():
        expect(page.field(label)).to_have_value(failed.mock.settings()[key])
        page.field(label).select_option(value)
    page.press("Set")
    expect(page.news).to_contain_text("The settings are set.")
    settings = failed.mock.settings()
    assert {key: settings[key] for key, _ in FORM.values()} == dict(FORM.values())
    failed.mock.set_settings(dialect="ocp-4.2.1", nulls="absent")
    page.page.reload()
    expect(page.field("Dialect")).to_have_value("ocp-4.2.1")
    expect(page.field("Unknown values")).to_have_value("absent")


@pytest.mark.parametrize("nulls", ["absent", "null"])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_a_task_is_retried_in_every_dialect(tabs: Tabs, dialect: str, nulls: str) -> None:
    """Of which an answer has what another lacks. `runTime` is the dialect's; the second retry is refused."""
    long = 2**53 + 1
    subtasks = [{"id": long, "status": "FAILED"}, {"id": 2, "upstreams": [long]}]
    world = {"tasks": [{"id": long, "name": "Long", "subtasks": subtasks}], "dialect": dialect, "nulls": nulls}
    row = DIALECTS[dialect]
    with MockServer(world) as mock:
        page = admin(tabs, mock.url)
        page.open_task(long, "Long")
        page.node(2).click()
        expect(page.subtask).to_contain_text("Executor—")
        page.node(long).click()
        page.press("Retry")
        expect(page.result).to_contain_text(f"Retry {long} as nobody: 200")
        page.shows("READY", "RETRY", *(["run 2"] if row.counts_retry else []), of=long)
        page.press("Retry")
        expect(page.result).to_contain_text(f"400 — {row.code('not allowed')}: ")
        page.press("Run until idle")
        page.shows("SUCCESSFUL", of=2)
        page.go("Requests")
        page.row("200 ok").get_by_role("link").click()
        opened = page.page.get_by_role("region", name="The request that is open")
        expect(opened).to_contain_text(f"subtask {long} ✕ FAILED → ◔ READY")
