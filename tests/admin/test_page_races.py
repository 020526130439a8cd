"""The page when an answer comes late: what has been told, chosen or typed meanwhile counts, in a real browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import browser
import pytest
from browser import Tabs, expect
from clients import RETRY, TASK, Client
from panels import Admin, admin

from mockserver import MockServer

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Route

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)


@contextmanager
def late(page: Admin, path: str) -> Iterator[Callable[[], None]]:
    """Answers of a control call, made while this lasts, come when it ends, as they were. Gives what waits for one."""
    held: list[tuple[Route, APIResponse]] = []

    def asked() -> None:
        while not held:
            page.page.wait_for_timeout(1)  # Playwright calls nobody else meanwhile

    page.page.route(f"**/__admin/{path}", lambda route: held.append((route, route.fetch())))
    yield asked
    asked()
    page.page.route(f"**/__admin/{path}", lambda route: route.continue_())
    for route, answer in held:
        route.fulfill(response=answer)


def test_what_one_does_before_the_stream_has_come_is_answered(tabs: Tabs, failed: Client) -> None:
    """A browser that has no connection left for it can take long."""
    page, held = Admin(tabs.open()), list["Route"]()
    page.page.route("**/__admin/events", lambda route: held.append(route))
    page.page.goto(f"{failed.mock.url}/__admin/")
    page.press("Retry")
    expect(page.result).to_contain_text("200")
    page.press("Next event")
    expect(page.caused).to_have_count(1)
    for route in held:
        route.continue_()
    page.comes()
    expect(page.badge).to_contain_text("RUNNING")
    expect(page.result).to_contain_text("200")
    expect(page.caused).to_have_count(1)


def test_a_token_counts_that_is_given_before_a_call_without_it_is_refused(tabs: Tabs) -> None:
    with MockServer("failed-subtask", admin_token="let me in") as mock:
        page = Admin(tabs.open())
        dialog = page.page.get_by_role("dialog", name="Admin token")
        with late(page, "events") as asked:
            page.page.goto(f"{mock.url}/__admin/")
            asked()
            dialog.get_by_label("Token").fill("let me in")
            page.press("Go on")
            expect(dialog).to_be_hidden()
        page.comes()
        page.shows("FAILED", of=10001)
        expect(dialog).to_be_hidden()


def test_a_change_that_is_told_while_the_task_is_read_is_not_lost(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/17")
    expect(page.task(1000)).to_contain_text("FAILED")
    with late(page, "tasks/1000") as asked:
        page.page.evaluate("location.hash = '#/tasks/1000/10000'")
        asked()
        failed.post(RETRY)
        expect(page.task(1000)).to_contain_text("RUNNING")
    page.shows("READY", of=10001)


def test_a_subtask_is_chosen_by_its_address_while_its_task_is_read(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/17")
    with late(page, "tasks/1000"):
        page.page.evaluate("location.hash = '#/tasks/1000/10000'")
        expect(page.page.get_by_role("article")).to_be_visible()
        page.page.evaluate("location.hash = '#/tasks/1000/10002'")
        expect(page.page.locator("title")).to_have_js_property("text", "1000 · 10002 · Tasks · ocp-mockserver")
    expect(page.subtask.get_by_role("heading")).to_contain_text("10002")


def test_who_is_chosen_while_users_are_read_acts(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url)
    page.act_as("viewer")
    state = permissions.state()
    state["users"]["viewer"]["permissions"] = []
    with late(page, "users") as asked:
        permissions.admin("PUT", "/state", state)
        asked()
        expect(page.why).to_contain_text("as viewer: 403: viewer lacks")
        page.act_as("operator")
    expect(page.page.get_by_role("option", name="viewer (no permission)")).to_have_count(1)
    expect(page.page.get_by_label("Act as")).to_have_value("operator")


def test_how_time_passes_is_what_was_chosen_last(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    passes = page.page.get_by_label("How time passes")
    with (
        page.page.expect_response(lambda answer: '"speed":10' in (answer.request.post_data or "")),
        late(page, "clock"),
    ):
        passes.select_option("1")
        expect(page.page.get_by_label("Time of the world")).not_to_contain_text("15:10:13.000")
        passes.select_option("10")
    expect(passes).to_have_value("10")
    assert failed.mock.clock()["speed"] == 10


def test_a_status_that_is_chosen_stays_while_the_subtask_changes(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    page.page.get_by_text("Change the world directly").click()
    status = page.subtask.get_by_label("Status")
    expect(status).to_have_value("FAILED")
    failed.post(RETRY)
    expect(status).to_have_value("READY")
    status.select_option("SUCCESSFUL")
    failed.mock.advance("1s")
    expect(page.badge).to_contain_text("RUNNING")
    expect(status).to_have_value("SUCCESSFUL")
    page.press("Set status")
    expect(page.badge).to_contain_text("SUCCESSFUL")


def test_a_setting_that_is_chosen_stays_while_another_one_is_set_elsewhere(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds")
    dialect, waits = page.page.get_by_label("Dialect"), page.page.get_by_label("READY waits")
    expect(waits).to_have_value("1s")
    dialect.select_option("ocp-4.2.1")
    failed.admin("PUT", "/settings", {"dialect": "ocp-express", "scheduler": {"dispatch": "3s"}})
    expect(waits).to_have_value("3s")
    expect(dialect).to_have_value("ocp-4.2.1")


def test_what_nobody_sees_is_not_retried(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    expect(page.badge).to_contain_text("FAILED")
    page.go("Requests")
    page.page.keyboard.press("r")
    page.page.keyboard.press("s")
    expect(page.page.get_by_role("button", name="No change")).to_be_visible()
    assert failed.mock.requests() == []


def test_a_fixture_of_now_goes_with_its_world(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds")
    page.press("Copy fixture of now")
    fixture = page.page.get_by_label("Fixture of now")
    expect(fixture).to_be_visible()
    page.press("Reset")
    expect(fixture).to_be_hidden()


def test_a_retry_is_one_request_also_after_a_step(tabs: Tabs, failed: Client) -> None:
    """So its answer is there one round trip after the press."""
    page = admin(tabs, failed.mock.url)
    expect(page.badge).to_contain_text("FAILED")
    expect(page.page.get_by_role("banner")).to_contain_text("nothing is due")
    page.press("Retry")
    expect(page.result).to_contain_text("200")
    expect(page.badge).to_contain_text("READY")
    with late(page, "health"):
        page.press("Step")
        expect(page.badge).to_contain_text("FAILED")
        page.press("Retry")
        expect(page.result).to_contain_text("200")


def test_an_answer_about_a_rule_is_older_than_what_is_told_of_it(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    expect(page.page.get_by_text("No rule is active")).to_be_visible()
    with late(page, "faults"):
        page.press("503")
        expect(page.rules).to_contain_text("0 hits")
        failed.post(RETRY)
        expect(page.rules).to_contain_text("1 hit,")
    expect(page.page.get_by_text("Added fault-1")).to_be_visible()
    expect(page.rules).to_contain_text("1 hit,")


def test_an_answer_about_the_clock_is_older_than_what_is_told_of_it(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    expect(page.button("Retry")).to_be_visible()
    time = page.page.get_by_label("Time of the world")
    with late(page, "clock") as asked:
        page.page.get_by_label("How time passes").select_option("10")
        asked()
        failed.mock.set_clock("manual", now="2022-02-02T02:02:02Z")
        expect(time).to_contain_text("2022-02-02")
    expect(page.page.get_by_label("How time passes")).to_have_value("manual")
    expect(time).to_contain_text("2022-02-02")


def test_a_log_that_comes_late_is_read_again(tabs: Tabs, failed: Client) -> None:
    """Nothing is told of it: only time passes."""
    run = {"duration": "4s", "log": "first line\nsecond line"}
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "RUNNING", "runs": [run]})
    page = admin(tabs, failed.mock.url, "#/tasks/1000/10000")
    expect(page.subtask.get_by_role("heading")).to_contain_text("10000")
    with late(page, "tasks/1000/subtasks/10001") as asked:
        page.node(10001).click()
        asked()
        failed.mock.advance("2s")
        expect(page.page.get_by_label("Time of the world")).to_contain_text("15:10:15")
    expect(page.page.get_by_role("region", name="Log", exact=True)).to_contain_text("first line")


def test_a_request_that_comes_after_the_journal_was_emptied_stays(tabs: Tabs, failed: Client) -> None:
    failed.get(TASK)
    page = admin(tabs, failed.mock.url, "#/requests")
    expect(page.row("getTaskInstance")).to_be_visible()
    with late(page, "requests"):
        page.press("Empty the journal")
        expect(page.page.get_by_text("No request has come yet.")).to_be_visible()
        failed.post(RETRY)
        expect(page.row("retrySubtask")).to_be_visible()
    expect(page.page.get_by_text("The journal is empty.")).to_be_visible()
    expect(page.row("retrySubtask")).to_be_visible()
