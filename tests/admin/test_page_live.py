"""The page while things happen, in a real browser: rows stay under the pointer, keys, the menu of copies, mistakes."""

import subprocess
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Final

import browser
import pytest
import requests
from browser import Tabs, expect
from clients import RETRY, TASK, TASKS, Client
from panels import CLIPBOARD, SOON_MS, Admin, admin
from processes import END_S, Served, needed, npm_installed

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

SHIFTED: Final = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => {
    if (!one.hadRecentInput) window.shifted += one.value;
  }))
    .observe({type: "layout-shift"});
}"""
PERIOD_S: Final = 0.2


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_row_stays_under_the_pointer_while_requests_come(tabs: Tabs, failed: Client) -> None:
    """Four come for each of twenty clicks, five a second; it is aimed two of them earlier. (A row goes when 200 more
    have come: to a slow machine a clock alone would bring them.)"""
    for number in range(60):
        failed.get(f"{TASKS}/{number}")
    ended, wanted, url = Event(), Semaphore(0), failed.mock.url

    def ask() -> None:
        number = 60
        while wanted.acquire() and not ended.wait(PERIOD_S):
            requests.get(f"{url}{TASKS}/{number}", timeout=END_S)
            number += 1

    page = admin(tabs, url, "#/requests")
    expect(page.row("/59")).to_be_in_viewport()
    page.page.evaluate(SHIFTED)
    asking = Thread(target=ask)
    asking.start()
    try:
        for number in (42 + 7 * click % 18 for click in range(20)):
            row = page.page.locator(f'tr[data-key="{number}"]')
            box = row.bounding_box()
            assert box is not None
            total = failed.mock.requests()[-1]["id"]
            wanted.release(4)
            while failed.mock.requests()[-1]["id"] < total + 2:
                pass
            page.page.mouse.click(box["x"] + 200, box["y"] + box["height"] / 2)
            expect(page.page.get_by_role("heading", name=f"Request {number}: ")).to_be_visible()
            page.page.keyboard.press("Escape")
            expect(page.page.get_by_role("heading", name=f"Request {number}: ")).to_be_hidden()
    finally:
        ended.set()
        wanted.release()
        asking.join()
    assert page.page.evaluate("window.shifted") < 0.05


def test_what_comes_below_the_last_row_in_view_is_counted(tabs: Tabs, failed: Client) -> None:
    for number in range(60):
        failed.get(f"{TASKS}/{number}")
    page = admin(tabs, failed.mock.url, "#/requests")
    expect(page.row("/59")).to_be_in_viewport()
    for number in range(60, 63):
        failed.get(f"{TASKS}/{number}")
    page.press("3 new ↓")
    expect(page.row("/62")).to_be_in_viewport()
    expect(page.button("3 new ↓")).to_be_hidden()


def test_filters_are_in_the_address(tabs: Tabs, failed: Client) -> None:
    failed.get(TASK)
    failed.get(f"{TASKS}/17")
    page = admin(tabs, failed.mock.url, "#/requests")
    page.field("Status").select_option("4xx refused")
    expect(page.row("getTaskInstance")).to_have_count(1)
    page.row("getTaskInstance").click()
    expect(page.page.get_by_role("heading", name="Request 2: ")).to_be_focused()
    assert page.page.url.endswith("#/requests/2?status=4")
    page.page.reload()
    page.comes()
    expect(page.row("getTaskInstance")).to_have_count(1)
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("heading", name="Request 2: ")).to_be_hidden()


def test_requests_of_the_page_itself_are_marked(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    page.press("Retry")
    expect(page.result.get_by_role("link", name="request 1")).to_be_visible()
    failed.post(RETRY)
    page.go("Requests")
    expect(page.row("200 ok")).to_contain_text("· page")
    expect(page.row("400 refused")).not_to_contain_text("· page")


# --- copies ----------------------------------------------------------------------------------------------------------


def opened(tabs: Tabs, client: Client) -> Admin:
    client.post(RETRY, auth=("viewer", "viewer"), json={"it's": "`${why}` \\ ü"})
    page = admin(tabs, client.mock.url, "#/requests/1", **CLIPBOARD)
    expect(page.page.get_by_role("heading", name="Request 1: ")).to_be_visible()
    return page


def test_a_copied_fetch_call_is_answered(tabs: Tabs, permissions: Client) -> None:
    page = opened(tabs, permissions)
    page.copy("fetch")
    expect(page.news).to_contain_text("Copied: fetch call.")
    command = [needed("node"), "-e", page.clipboard()]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=END_S)
    assert said.stdout.startswith("403 {")
    assert "IAM11000" in said.stdout


def test_a_copied_playwright_test_passes(tabs: Tabs, permissions: Client, tmp_path: Path) -> None:
    """Whatever has become of the world since."""
    page = opened(tabs, permissions)
    permissions.mock.advance(until="idle")
    page.copy("Playwright test")
    expect(page.news).to_contain_text("Copied: Playwright test.")
    folder = npm_installed(tmp_path, "@playwright/test@1")
    (folder / "copied.spec.ts").write_text(page.clipboard(), encoding="utf-8")
    command = [needed("node"), "node_modules/@playwright/test/cli.js", "test", "copied.spec.ts"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=4 * END_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_round_of_retries_takes_few_keys(tabs: Tabs, failed: Client) -> None:
    """r, s, r, i."""
    page = admin(tabs, failed.mock.url)
    expect(page.badge).to_contain_text("FAILED")
    keys = page.page.keyboard
    keys.press("r")
    expect(page.result).to_contain_text("200")
    expect(page.badge).to_contain_text("READY")
    keys.press("s")
    expect(page.badge).to_contain_text("FAILED")
    keys.press("r")
    expect(page.badge).to_contain_text("READY")
    keys.press("i")
    page.shows("SUCCESSFUL", of=10002)


def test_keys_can_be_switched_off_and_never_hinder_typing(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url)
    page.page.get_by_role("searchbox", name="Name").press("r")
    keys = page.page.keyboard
    page.page.get_by_role("searchbox", name="Name").fill("")
    page.heading("1000 Task 1000").click()
    keys.press("3")
    expect(page.heading("Requests")).to_be_visible()
    keys.press("?")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.page.get_by_label("Keys of one letter are on").uncheck()
    keys.press("Escape")
    keys.press("1")
    keys.press("r")
    expect(page.heading("Requests")).to_be_visible()
    assert failed.mock.requests() == []


def test_a_step_is_announced_in_one_sentence(tabs: Tabs) -> None:
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1, "subtasks": [{"id": id} for id in range(200)]}]}
    with MockServer({**world, "scheduler": {"concurrency": 200}}) as mock:
        page = admin(tabs, mock.url)
        page.press("Next event")
        said = page.page.get_by_role("status").filter(has_text="changes")
        expect(said).to_have_text("15:10:14: 200 changes.")


# --- the fixture -----------------------------------------------------------------------------------------------------


def test_a_fixture_saved_with_mistakes_is_a_bar_until_it_is_mended(tabs: Tabs, tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    right = "tasks: [{id: 1, name: First, subtasks: [{id: 2}]}]\n"
    file.write_text(right, encoding="utf-8")
    with Served(str(file)) as served:
        page = admin(tabs, served.url)
        expect(page.page.get_by_role("banner")).to_contain_text("world.yaml @ main")
        file.write_text(right.replace("subtasks", "subtask"), encoding="utf-8")
        bar = page.page.get_by_role("alert").filter(has_text="Saved with mistakes")
        expect(bar).to_contain_text("world.yaml:1:", timeout=SOON_MS)
        expect(bar).to_contain_text("did you mean subtasks?")
        file.write_text(right.replace("First", "Second"), encoding="utf-8")
        expect(page.task(1)).to_contain_text("Second", timeout=SOON_MS)
        expect(bar).to_have_count(0)


def test_a_script_that_does_not_come_is_told(tabs: Tabs) -> None:
    """Those of the other panels come when one goes there; the server may have ended by then."""
    with MockServer("failed-subtask") as mock:
        page = admin(tabs, mock.url)
    expect(page.connection).to_contain_text("lost")
    page.page.get_by_role("navigation").get_by_role("link", name="Faults", exact=True).click()
    expect(page.alert).to_contain_text("could not be loaded")
