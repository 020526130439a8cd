"""The page's panel Requests in a real browser: the journal as it grows, one request of it opened, and copies of it."""

import subprocess
from typing import Final

import browser
import pytest
import requests
import yaml
from browser import Tabs, expect, shoot
from clients import RETRY, SUBTASK, TASK, TASKS, Client
from panels import CLIPBOARD, SOON_MS, Admin, admin
from processes import END_S, needed

from mockserver import MockServer
from mockserver.world.served import GENERATIONS

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

OPENED: Final = "The request that is open"


def opened(page: Admin, number: int) -> Admin:
    """One request, from its row."""
    page.page.get_by_role("main").locator(f'a[href="#/requests/{number}"]').click()
    expect(page.page.get_by_role("heading", name=f"Request {number}: ")).to_be_visible()
    return page


def test_requests_from_outside_appear_by_themselves_oldest_first(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/requests")
    expect(page.page.get_by_text("No request has come yet.")).to_be_visible()
    failed.get(TASK)
    expect(page.row("getTaskInstance")).to_contain_text("200 ok", timeout=SOON_MS)
    failed.post(RETRY)
    failed.post(RETRY)
    rows = page.page.get_by_role("row")
    expect(rows).to_have_count(1 + 3, timeout=SOON_MS)
    expect(rows.nth(1)).to_contain_text("getTaskInstance")
    expect(rows.nth(2)).to_contain_text("200 ok")
    expect(rows.nth(3)).to_contain_text("400 refused")
    expect(rows.nth(3)).to_contain_text("nothing is legal now")


FILTERS: Final = {
    "Contains": ("fill", "10001", ["retrySubtask", "retrySubtask"]),
    "Operation": ("select", "getTaskInstance", ["getTaskInstance", "getTaskInstance"]),
    "Status": ("select", "4xx refused", ["getTaskInstance", "retrySubtask"]),
    "User": ("select", "viewer", ["getTaskInstance", "retrySubtask"]),
}


@pytest.mark.parametrize("label", FILTERS)
def test_a_filter_leaves_what_fits(tabs: Tabs, permissions: Client, label: str) -> None:
    permissions.get(TASK)
    permissions.get(TASK, auth=("viewer", "viewer"))
    permissions.post(RETRY, auth=("operator", "operator"))
    permissions.post(RETRY, auth=("viewer", "viewer"))
    page = admin(tabs, permissions.mock.url, "#/requests")
    links = page.page.locator("tbody .operation")
    expect(links).to_have_count(4)
    how, value, left = FILTERS[label]
    page.field(label).fill(value) if how == "fill" else page.field(label).select_option(value)
    expect(links).to_have_text(left)
    expect(page.page.get_by_text("4 requests; 2 fit.")).to_be_visible()
    for _ in range(2):
        permissions.get(f"{TASKS}/17", auth=("admin", "admin"))
    expect(page.page.get_by_text("6 requests; ")).to_be_visible()
    expect(links).to_have_count({"Operation": 4, "Status": 4}.get(label, 2))


def test_one_opens_with_all_that_is_known_of_it(tabs: Tabs, permissions: Client) -> None:
    answer = permissions.post(RETRY, auth=("viewer", "viewer"))
    permissions.post(RETRY, auth=("operator", "operator"), json={"why": "it should work now"})
    page = opened(admin(tabs, permissions.mock.url, "#/requests"), 1)
    shown = page.page.get_by_role("region", name=OPENED)
    for told in (f"POST {RETRY}", "task 1000, subtask 10001", "viewer", "403 refused", answer.headers["X-Mock-Hint"]):
        expect(shown).to_contain_text(told)
    expect(shown).to_contain_text("It changed nothing.")
    expect(shown).to_contain_text("IAM11000")
    expect(shown.locator(".headers").last).to_contain_text("X-Mock-Hint")
    expect(page.page.get_by_role("region", name="Response body")).to_contain_text('"code": "IAM11000"')
    opened(page, 2)
    expect(shown).to_contain_text("subtask 10001 ✕ FAILED → ◔ READY operation EXECUTE → RETRY, run time 1 → 2")
    expect(shown).to_contain_text("task 1000 ✕ FAILED → ▶ RUNNING")
    expect(page.page.get_by_role("region", name="Request body")).to_contain_text('"why": "it should work now"')
    shoot(page.page, "requests")


def test_a_spoiled_answer_shows_rule_and_effect(tabs: Tabs, failed: Client) -> None:
    failed.admin("POST", "/faults", {"violate": {"remove": "/data/status"}, "times": 1})
    failed.post(RETRY)
    page = opened(admin(tabs, failed.mock.url, "#/requests"), 1)
    shown = page.page.get_by_role("region", name=OPENED)
    expect(shown).to_contain_text(failed.mock.requests()[0]["effect"])
    shown.get_by_role("link", name="fault-1").click()
    expect(page.used_up).to_contain_text("the answer lacks /data/status")


def test_one_that_waits_says_so_until_its_answer_comes(tabs: Tabs, failed: Client) -> None:
    failed.admin("POST", "/faults", {"fixedDelayMilliseconds": 6000})
    page = admin(tabs, failed.mock.url, "#/requests")
    page.page.evaluate("(url) => void fetch(url)", f"{failed.mock.url}{TASK}")
    expect(page.row("getTaskInstance")).to_contain_text("waits")
    opened(page, 1)
    expect(page.row("getTaskInstance")).to_contain_text("200 ok")
    expect(page.page.get_by_role("region", name=OPENED)).to_contain_text("200 ok")


def test_the_journal_is_emptied(tabs: Tabs, failed: Client) -> None:
    failed.get(TASK)
    page = admin(tabs, failed.mock.url, "#/requests")
    expect(page.row("getTaskInstance")).to_be_visible()
    page.press("Empty the journal")
    expect(page.page.get_by_text("No request has come yet.")).to_be_visible()
    assert failed.mock.requests() == []
    failed.get(SUBTASK + "/log")
    expect(page.row("getSubtaskLog")).to_be_visible()


@pytest.mark.parametrize("number", ["99", "nonsense"])
def test_one_that_there_is_not_says_so(tabs: Tabs, failed: Client, number: str) -> None:
    page = admin(tabs, failed.mock.url, f"#/requests/{number}")
    expect(page.page.get_by_text(f"The journal has no request {number}:")).to_be_visible()


def test_the_opened_one_says_when_it_is_gone(tabs: Tabs, failed: Client) -> None:
    failed.get(TASK)
    page = opened(admin(tabs, failed.mock.url, "#/requests"), 1)
    failed.mock.clear_requests()
    expect(page.page.get_by_text("The journal has no request 1:")).to_be_visible()


def test_a_burst_of_requests_is_counted_to_the_last(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/requests")
    expect(page.page.get_by_text("No request has come yet.")).to_be_visible()
    for number in range(300):
        failed.get(f"{TASKS}/{number}")
    expect(page.page.get_by_text("300 requests. The newest 200 are shown.")).to_be_visible(timeout=SOON_MS)
    expect(page.page.get_by_role("row").last).to_contain_text("/299")


def test_more_than_the_page_shows_are_counted_and_found(tabs: Tabs, failed: Client) -> None:
    """As many as the journal keeps, and some more."""
    for _ in range(2):
        failed.post(RETRY)
    for number in range(1004):
        failed.get(f"{TASKS}/{number}")
    page = admin(tabs, failed.mock.url, "#/requests")
    total = "1006 requests, of which the oldest 6 are dropped"
    expect(page.page.get_by_text(f"{total}. The newest 200 are shown.")).to_be_visible()
    expect(page.page.get_by_role("row")).to_have_count(1 + 200)
    page.field("Contains").fill("/instances/17")
    expect(page.page.get_by_text(f"{total}; 11 fit.")).to_be_visible()
    expect(page.page.get_by_role("row").nth(1)).to_contain_text("/17")
    page.page.goto(f"{failed.mock.url}/__admin/#/requests/3")
    expect(page.page.get_by_text("The journal has no request 3: it has been dropped or emptied")).to_be_visible()


# --- copies ----------------------------------------------------------------------------------------------------------


def copied(page: Admin, item: str, what: str = "") -> str:
    """What the clipboard then holds; the page shows it too."""
    page.copy(item)
    what = what or item
    expect(page.news).to_contain_text(f"Copied: {what}.")
    text = page.clipboard()
    expect(page.page.get_by_label(what[0].upper() + what[1:], exact=True)).to_have_value(text)
    return text


def test_a_copied_curl_line_is_answered(tabs: Tabs, permissions: Client) -> None:
    permissions.post(RETRY, auth=("operator", "operator"))
    permissions.mock.task(1000).subtask(10001).set(status="FAILED")
    page = opened(admin(tabs, permissions.mock.url, "#/requests", **CLIPBOARD), 1)
    needed("curl")
    line = copied(page, "curl", "curl command")
    said = subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True, timeout=END_S)
    assert '"status":"READY"' in said.stdout
    expect(page.row("operator")).to_have_count(2)


def test_a_copied_fixture_gives_the_moment_again(tabs: Tabs, permissions: Client) -> None:
    """The subtask that had failed before the request, whatever has become of it."""
    permissions.post(RETRY, auth=("operator", "operator"))
    permissions.mock.advance(until="idle")
    page = opened(admin(tabs, permissions.mock.url, "#/requests", **CLIPBOARD), 1)
    text = copied(page, "fixture of this moment")
    with MockServer(yaml.safe_load(text)) as mock:
        subtask = mock.task(1000).subtask(10001)
        assert (subtask.status, subtask.run_time) == ("FAILED", 1)
        answer = requests.post(f"{mock.url}{RETRY}", auth=("operator", "operator"), timeout=END_S)
        assert answer.json()["data"]["status"] == "READY"


def test_where_there_is_no_clipboard_the_text_can_be_selected(tabs: Tabs, failed: Client) -> None:
    failed.get(TASK)
    page = opened(admin(tabs, failed.mock.url, "#/requests"), 1)
    page.page.context.clear_permissions()
    page.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.copy("curl")
    expect(page.news).to_contain_text("may not use the clipboard")
    assert page.page.evaluate("getSelection().toString()").startswith("curl ")


def test_what_cannot_be_copied_says_why(tabs: Tabs, failed: Client) -> None:
    failed.get(TASK)
    for _ in range(GENERATIONS):
        failed.admin("PUT", "/state", {"tasks": []})
    page = opened(admin(tabs, failed.mock.url, "#/requests"), 1)
    why = failed.admin("GET", "/requests/1/copies")["why"]
    assert why
    page.copy("fixture of this moment")
    expect(page.page.get_by_text("There is no fixture of this moment: ")).to_be_visible()
