"""The page at /__admin/ as somebody uses it: by what is written on it, and as a screen reader names it."""

import re
from typing import TYPE_CHECKING, Any, Final

from browser import Tabs, expect, open_admin

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PANELS: Final = ("Tasks", "Faults", "Requests", "Permissions", "World")
FIELDS: Final = ("textbox", "combobox", "searchbox")
WIDTH_OF_PANES: Final = 1200
SOON_MS: Final = 15_000
"""So long a test waits for the page to show what has happened elsewhere: for ever, as a loaded machine counts."""
CLIPBOARD: Final[dict[str, Any]] = {"permissions": ["clipboard-read", "clipboard-write"]}
"""Options of a window that may use it."""
HAS_COME: Final = """() => {
  const [where, user, time] = ["#where", "#user", "[role=timer]"].map((one) => document.querySelector(one));
  const isTold = where.textContent !== "…" && user.options.length > 1 && time?.textContent;
  return isTold && document.querySelector("#help h2") !== null;
}"""


class Admin:
    def __init__(self, page: "Page") -> None:
        self.page = page

    def comes(self) -> None:
        """It is connected, has been told how the world stands, says so in its header, and heeds keys."""
        expect(self.connection).to_have_text("● live")
        self.page.wait_for_function(HAS_COME)

    def go(self, panel: str) -> None:
        self.page.get_by_role("navigation").get_by_role("link", name=panel, exact=True).click()
        expect(self.heading(panel)).to_be_visible()

    def open_task(self, id: int, name: str = "") -> None:
        self.page.get_by_role("link", name=f"{id} {name}").click()
        expect(self.heading(f"{id} {name}")).to_be_visible()

    def act_as(self, user: str) -> None:
        """On a phone that is in a menu."""
        menu = self.button("World and clock")
        if menu.is_visible():
            menu.click()
        self.page.get_by_label("Act as").select_option(user)
        if menu.is_visible():
            self.page.keyboard.press("Escape")

    def pull(self) -> None:
        """All of the subtask, where it is a sheet."""
        size = self.page.viewport_size
        if size is not None and size["width"] < WIDTH_OF_PANES:
            self.button("More").click()

    def press(self, button: str) -> None:
        self.button(button).click()

    def heading(self, text: str) -> "Locator":
        return self.page.get_by_role("heading", name=text, exact=True)

    def button(self, text: str) -> "Locator":
        return self.page.get_by_role("button", name=text, exact=True)

    def field(self, label: str) -> "Locator":
        shown = self.page.locator("main section:not([hidden])")
        boxes = [shown.get_by_role(role, name=label, exact=True) for role in FIELDS]
        return boxes[0].or_(boxes[1]).or_(boxes[2])

    def row(self, text: str) -> "Locator":
        """Of the table that is shown."""
        return self.page.get_by_role("row").filter(has_text=text)

    def node(self, id: int) -> "Locator":
        """A subtask in the graph."""
        return self.page.get_by_role("group", name="Subtasks").get_by_role("button", name=re.compile(rf"^{id} "))

    def picture(self, id: int) -> "Locator":
        """All that is drawn of it there."""
        return self.page.locator(f'.node[data-key="{id}"]')

    @property
    def tasks(self) -> "Locator":
        """A line for each."""
        return self.page.get_by_role("list", name="List of tasks").get_by_role("listitem")

    def task(self, id: int) -> "Locator":
        return self.tasks.filter(has_text=str(id))

    @property
    def result(self) -> "Locator":
        """What came back from the API."""
        return self.page.locator(".result:not(:empty)")

    @property
    def why(self) -> "Locator":
        """What Retry would meet, beside the button."""
        return self.page.locator(".why")

    @property
    def subtask(self) -> "Locator":
        """The one that is chosen."""
        return self.page.get_by_role("region", name="Subtask", exact=True)

    @property
    def badge(self) -> "Locator":
        """Its status."""
        return self.subtask.locator(".badge")

    @property
    def connection(self) -> "Locator":
        return self.page.locator("#connection")

    @property
    def caused(self) -> "Locator":
        """What the last step has changed, a line each."""
        return self.page.locator("#caused li")

    @property
    def news(self) -> "Locator":
        return self.page.locator("#news")

    @property
    def lost(self) -> "Locator":
        return self.page.locator("#lost")

    @property
    def alert(self) -> "Locator":
        return self.page.locator("#alerts")

    @property
    def rules(self) -> "Locator":
        """A line for each fault and denial that still acts."""
        return self.page.get_by_role("list", name="Active faults").get_by_role("listitem")

    @property
    def used_up(self) -> "Locator":
        """Likewise for those that do not; they are folded away."""
        return self.page.locator("[aria-label='Used up'] li")

    def shows(self, status: str, *words: str, of: int) -> None:
        """A subtask in the graph does so, in words."""
        told = "".join(f", {re.escape(word)}" for word in (status, *words))
        expect(self.node(of)).to_have_accessible_name(re.compile(rf"^{of} .*{told}\b"))

    def copy(self, what: str) -> None:
        """By the menu of the request that is open."""
        self.press("Copy …")
        self.page.get_by_role("menuitem", name=what).click()

    def clipboard(self) -> str:
        return str(self.page.evaluate("navigator.clipboard.readText()"))


def admin(tabs: Tabs, url: str, fragment: str = "", **options: Any) -> Admin:
    """The page of a server or of a world, in a window of its own, once it has come."""
    opened = Admin(open_admin(tabs, url, fragment, **options))
    opened.comes()
    return opened
