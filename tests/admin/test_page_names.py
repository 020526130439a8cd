"""What a screen reader has of the page: the accessibility tree that Chromium makes of each panel."""

from collections import Counter
from typing import Any, Final

import browser
import pytest
from browser import PHONE, WIDE, Tabs
from panels import Admin
from views import busy, viewed

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

OPERATED: Final = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "menuitem"}
NAMED: Final = {*OPERATED, "dialog", "menu", "timer", "region", "article", "navigation", "table"}
GROUPED: Final = {"Outcome", "Duration", "Log", "Remove this run", "Operation", "User", "Task id", "Subtask id"}
"""There are several of these: of each run of a list, in each of two groups that have names."""


def tree(page: Admin) -> list[tuple[str, str]]:
    """Of all that is not ignored: its role and its name."""
    session = page.page.context.new_cdp_session(page.page)
    nodes: list[Any] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    seen = [node for node in nodes if not node["ignored"]]
    return [(node["role"]["value"], str(node.get("name", {}).get("value", ""))) for node in seen]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=str)
def test_everything_that_is_operated_has_a_name_of_its_own(tabs: Tabs, size: tuple[int, int]) -> None:
    with busy() as client:
        for page, view in viewed(tabs, client, size=size):
            found = tree(page)
            assert [role for role, name in found if role in NAMED and not name.strip()] == [], view
            counts = Counter(name for role, name in found if role in OPERATED - {"link"})
            assert {name for name, count in counts.items() if count > 1} <= GROUPED, view
