"""The page at the sizes that people have: what one comes for is in view, and stays where it is whatever happens."""

from typing import Final

import browser
import pytest
from browser import Tabs, expect, shoot
from clients import Client
from panels import Admin, admin
from steadiness import SIZES, header, shifts, watch_shifts

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

WORLDS: Final = ("failed-subtask", "tour")


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_retry_and_its_answer_are_in_view_and_nothing_moves(tabs: Tabs, size: tuple[int, int], world: str) -> None:
    """From the first look on, without scrolling; while one retries, steps, and retries again."""
    with MockServer(world) as mock:
        page = admin(tabs, mock.url, size=size)
        retry = page.button("Retry")
        expect(retry).to_be_in_viewport(ratio=1)
        expect(page.why).to_contain_text("nothing stands in the way")
        high = header(page.page)
        assert high <= (48 if size[0] == 360 else 90)
        watch_shifts(page.page)
        for _ in range(2):
            retry.click()
            expect(page.result).to_contain_text("200")
            expect(page.result).to_be_in_viewport(ratio=1)
            expect(retry).to_be_in_viewport(ratio=1)
            expect(page.why).to_contain_text("only a FAILED subtask")
            page.press("Next event")
            expect(page.badge).to_contain_text("RUNNING")
            page.press("Next event")
            expect(page.badge).not_to_contain_text("RUNNING")
            if "FAILED" not in page.badge.inner_text():
                break
        assert shifts(page.page) == []
        assert header(page.page) == high


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_answer_that_is_long_in_coming_moves_nothing(tabs: Tabs, failed: Client, size: tuple[int, int]) -> None:
    """Who waits can stop that."""
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fault": "HANG"})
    page = admin(tabs, failed.mock.url, size=size)
    expect(page.why).to_contain_text("no byte ever comes back")
    watch_shifts(page.page)
    page.press("Retry")
    expect(page.button("Stop waiting")).to_be_in_viewport(ratio=1)
    shoot(page.page, f"waiting-{size[0]}")
    page.press("Stop waiting")
    expect(page.button("Stop waiting")).to_be_hidden()
    assert shifts(page.page) == []


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_header_has_one_height_whatever_it_says(tabs: Tabs, failed: Client, size: tuple[int, int]) -> None:
    page = admin(tabs, failed.mock.url, size=size)
    expect(page.button("Retry")).to_be_visible()
    high, top = header(page.page), page.button("Retry").bounding_box()
    for _ in range(3):
        failed.fault(operation="listTaskInstances")
    rules = page.page.get_by_role("link", name="3 active rules")
    expect(rules).to_be_in_viewport(ratio=1)
    failed.mock.set_clock("real", speed=3600)
    expect(page.page.get_by_label("Time of the world")).not_to_contain_text("15:10:13")
    assert (header(page.page), page.button("Retry").bounding_box()) == (high, top)
    rules.click()
    expect(page.heading("Faults")).to_be_visible()


def test_the_header_says_which_world_this_is(tabs: Tabs) -> None:
    with MockServer("failed-subtask", dialect="ocp-express") as mock:
        page = admin(tabs, f"{mock.url}/w/anna")
        banner = page.page.get_by_role("banner")
        for told in ("failed-subtask", "@ anna", f"{mock.url}/w/anna", "ocp-express", "nothing is due"):
            expect(banner).to_contain_text(told)
        page.press("Retry")
        expect(banner).to_contain_text("next: 10001 READY in 1.0 s")


# --- what is chosen, and its address ---------------------------------------------------------------------------------


def address(page: Admin) -> str:
    return page.page.url.partition("#")[2]


def test_the_failed_subtask_is_chosen_and_addressed(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    expect(page.subtask.get_by_role("heading")).to_contain_text("10001")
    assert address(page) == "/tasks/1000/10001"
    page.node(10000).click()
    expect(page.subtask.get_by_role("heading")).to_contain_text("10000")
    assert address(page) == "/tasks/1000/10000"
    page.page.reload()
    expect(page.subtask.get_by_role("heading")).to_contain_text("10000")


def test_a_subtask_that_fails_while_its_task_is_open_offers_retry(tabs: Tabs, failed: Client) -> None:
    failed.mock.task(1000).subtask(10001).set(status="SUCCESSFUL")
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    expect(page.page.get_by_text("No subtask is chosen")).to_be_visible()
    failed.mock.task(1000).subtask(10002).set(status="FAILED")
    expect(page.subtask.get_by_role("heading")).to_contain_text("10002")
    expect(page.why).to_have_text("as nobody: nothing stands in the way")
    page.press("Retry")
    expect(page.result).to_contain_text("Retry 10002 as nobody: 200")


def test_the_next_failure_is_chosen_when_one_has_ended(tabs: Tabs) -> None:
    with MockServer("parallel-failures") as mock:
        failed = [one.id for one in mock.task(3000).subtasks if one.status == "FAILED"]
        page = admin(tabs, mock.url)
        expect(page.subtask.get_by_role("heading")).to_contain_text(str(failed[0]))
        mock.task(3000).subtask(failed[0]).set(status="SUCCESSFUL")
        expect(page.subtask.get_by_role("heading")).to_contain_text(str(failed[1]))


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_dated_and_leads_to_its_request(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url)
    page.act_as("viewer")
    expect(page.why).to_have_text("as viewer: 403: viewer lacks TASK_MANAGER")
    page.press("Retry")
    expect(page.result).to_contain_text("15:10:13 Retry 10001 as viewer: 403 — IAM11000")
    page.result.get_by_role("link", name="request 1").click()
    expect(page.page.get_by_role("heading", name="Request 1: retrySubtask")).to_be_visible()


def test_no_answer_outlives_what_it_was_about(tabs: Tabs, failed: Client) -> None:
    """Another choice, a change, a Reset."""
    page = admin(tabs, failed.mock.url)

    def retried() -> None:
        failed.mock.task(1000).subtask(10001).set(status="FAILED")
        page.node(10001).click()
        page.shows("FAILED", of=10001)
        page.press("Retry")
        expect(page.result).to_contain_text("200")

    retried()
    page.node(10000).click()
    expect(page.result).to_have_count(0)
    retried()
    failed.mock.advance("1s")
    page.shows("RUNNING", of=10001)
    expect(page.result).to_have_count(0)
    retried()
    failed.admin("POST", "/reset")
    page.shows("FAILED", of=10001)
    expect(page.result).to_have_count(0)


WARNINGS: Final = {
    "fault": (
        "/faults",
        {"operation": "retrySubtask", "error": {"status": 503}, "times": 2},
        "fault-1: error 503, 2 of 2 left",
    ),
    "skipped": ("/faults", {"error": {"status": 503}, "skip": 5}, "nothing stands in the way"),
    "elsewhere": ("/faults", {"error": {"status": 503}, "subtaskInstanceId": 10000}, "nothing stands in the way"),
    "path": ("/faults", {"error": {"status": 503}, "path": "*/10001/retry"}, "fault-1: error 503, until removed"),
    "denial": ("/denials", {"permission": "TASK_MANAGER"}, "403: nobody is denied by denial-1"),
    "on this task": (
        "/denials",
        {"permission": "TASK_MANAGER", "taskInstanceId": 1000},
        "403: nobody is denied by denial-1",
    ),
}


def test_who_sends_no_credentials_is_warned_where_they_are_required(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url)
    expect(page.why).to_have_text("as nobody: 401: nobody is not let in; choose a user")
    page.act_as("operator")
    expect(page.why).to_have_text("as operator: nothing stands in the way")


@pytest.mark.parametrize("case", WARNINGS)
def test_what_a_retry_would_meet_is_said_before_it_is_pressed(tabs: Tabs, failed: Client, case: str) -> None:
    path, body, told = WARNINGS[case]
    page = admin(tabs, failed.mock.url)
    expect(page.why).to_have_text("as nobody: nothing stands in the way")
    failed.admin("POST", path, body)
    expect(page.why).to_have_text(f"as nobody: {told}")
