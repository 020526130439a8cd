"""The page on a slow line: 800 ms latency and 50 kB/s, as Chromium emulates them. What waits for what, not how long."""

from typing import Any, Final

import browser
import pytest
from browser import Tabs, expect
from clients import RETRY, Client
from panels import Admin

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

LINE: Final = {"offline": False, "latency": 800, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
ASKED: Final = """() => Object.fromEntries(performance.getEntriesByType("resource").reverse()
  .map(({name, startTime, responseEnd}) => [name.replace(/^.*(?=[/])/, ""), [startTime, responseEnd]]))"""
"""When each was asked for first, and when it had come, by the last part of its address."""


def test_what_one_comes_for_waits_for_as_little_as_can_be(tabs: Tabs, failed: Client) -> None:
    page = tabs.open()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    page.goto(f"{failed.mock.url}/__admin/", wait_until="commit")
    shown = Admin(page)
    expect(shown.connection).to_contain_text("connecting")
    expect(shown.task(1000)).to_be_visible()
    expect(shown.button("Retry")).to_be_visible()
    expect(shown.node(10001)).to_be_visible()
    asked: dict[str, Any] = page.evaluate(ASKED)
    end_of_picture = max(asked[f"/{name}.js"][1] for name in ("graph", "routes", "view", "walk"))
    assert asked["/tasks?limit=500"][0] < asked["/main.js"][1], "the list does not wait for its scripts"
    assert asked["/1000"][0] < end_of_picture, "nor the task for those of its picture"
    expect(shown.page.locator("#dialect")).not_to_be_empty()
    tabs.addresses.clear()
    shown.press("Retry")
    expect(shown.result).to_contain_text("200")
    sent = [url for url in tabs.addresses if url.endswith((RETRY, "/health"))]
    assert sent[0].endswith(RETRY), "and a retry for nothing"
