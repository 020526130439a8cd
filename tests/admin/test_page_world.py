"""The page's panel World in a real browser: a reset that is undone, and fixtures at a click."""

import browser
import pytest
from browser import Tabs, expect
from clients import RETRY, Client
from panels import admin

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)


def test_a_reset_is_undone(tabs: Tabs, failed: Client) -> None:
    """World, journal and rules are back."""
    failed.post(RETRY)
    failed.fault(operation="listTaskInstances")
    before = (failed.state(), failed.mock.requests(), failed.mock.history())
    page = admin(tabs, failed.mock.url, "#/worlds")
    expect(page.page.get_by_role("link", name="1 active rule")).to_be_visible()
    page.press("Reset")
    expect(page.page.get_by_role("link", name="1 active rule")).to_be_hidden()
    assert (failed.subtasks()[1], failed.mock.requests()) == ("FAILED", [])
    page.press("Undo the reset")
    expect(page.page.get_by_role("link", name="1 active rule")).to_be_visible()
    expect(page.button("Undo the reset")).to_be_hidden()
    assert (failed.state(), failed.mock.requests(), failed.mock.history()) == before


def test_of_another_fixture_no_reset_is_undone(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds")
    page.press("Reset")
    expect(page.button("Undo the reset")).to_be_visible()
    failed.admin("POST", "/fixtures/tour/load")
    expect(page.button("Undo the reset")).to_be_hidden()


def test_a_fixture_is_loaded_at_a_click(tabs: Tabs) -> None:
    """And is what the header names; the task that has failed in it is open."""
    with MockServer("empty") as mock:
        page = admin(tabs, mock.url)
        page.page.get_by_role("link", name="Choose a fixture").click()
        page.press("Load parallel-failures")
        expect(page.news).to_contain_text("This world is made from parallel-failures now.")
        expect(page.page.get_by_role("banner")).to_contain_text("parallel-failures @ main")
        page.go("Tasks")
        expect(page.task(3000)).to_contain_text("FAILED")
        mock.reset()
        expect(page.task(3000)).to_be_visible()


def test_the_restart_of_a_server_is_told(tabs: Tabs) -> None:
    """And nothing of the world before it is left."""
    with MockServer("permissions") as mock:
        page = admin(tabs, mock.url)
        page.press("Retry")
        expect(page.result).to_contain_text("401")
        port = mock.port
    expect(page.lost).to_contain_text("Connection lost")
    with MockServer("failed-subtask", port=port):
        expect(page.news).to_contain_text("The server was restarted: this is a new world.")
        expect(page.connection).to_have_text("● live")
        expect(page.result).to_have_count(0)
        expect(page.lost).to_have_text("")
