"""What somebody has before them while they work with the page: each panel with something on it, menus and help open."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from browser import Tabs, expect
from clients import RETRY, TASK, Client
from panels import Admin, admin

from mockserver import MockServer

LONG: Final = "a-name-without-a-single-place-where-a-line-could-break-" * 3


@contextmanager
def busy() -> Iterator[Client]:
    """The built-in world, with something on every panel, and with names that are too long."""
    with MockServer("tour") as mock, Client(mock) as client:
        client.post(RETRY, auth=("viewer", "viewer"))
        client.post(RETRY, auth=("operator", "operator"), json={"note": LONG})
        client.get(TASK)
        client.get(f"/{LONG}")
        client.fault(operation="retrySubtask", times=2, user=LONG)
        client.admin("POST", "/faults", {"when": "after", "fault": "CONNECTION_RESET_BY_PEER", "times": 1})
        client.admin("POST", "/faults", {"fixedDelayMilliseconds": 1, "path": f"/{LONG}/*", "skip": 3})
        client.mock.deny("TASK_MANAGER", user="operator", operation="skipSubtask")
        client.mock.snapshot("before-it-all")
        client.get("/w/anna/__admin/state")
        yield client


# --- the views -------------------------------------------------------------------------------------------------------


def tasks(page: Admin) -> None:
    page.page.goto("#/tasks")
    expect(page.tasks).to_have_count(8)


def task(page: Admin) -> None:
    """With its log, and with what can be changed directly."""
    page.page.goto("#/tasks/1000")
    page.node(10001).click()
    page.act_as("viewer")
    page.press("Retry")
    expect(page.result).not_to_contain_text("waiting")  # the first one met a reset
    page.press("Retry")
    expect(page.result).to_contain_text("403")
    page.pull()
    expect(page.page.get_by_role("region", name="Log", exact=True)).to_be_visible()
    page.page.get_by_text("Change the world directly").click()
    expect(page.button("Set runs")).to_be_visible()


def stepped(page: Admin) -> None:
    """A task in which every subtask stands otherwise, and the list of what a step has caused."""
    page.page.goto("#/tasks/1002")
    page.shows("CANCELING", of=10023)
    page.press("Next event")
    expect(page.caused).to_have_count(1)


def faults(page: Admin) -> None:
    page.page.goto("#/faults")
    expect(page.rules).to_have_count(3)


def form(page: Admin) -> None:
    page.page.get_by_text("Your own fault").click()
    page.page.get_by_label("Probability").fill("often")
    page.press("Add this fault")
    expect(page.page.get_by_role("alert").filter(has_text="$.probability")).to_be_visible()


def journal(page: Admin) -> None:
    page.page.goto("#/requests")
    expect(page.row("retrySubtask").first).to_be_visible()


def request(page: Admin) -> None:
    page.page.goto("#/requests/2")
    page.copy("pytest test")
    expect(page.page.get_by_role("textbox", name="Pytest test")).to_be_visible()


def matrix(page: Admin) -> None:
    page.page.goto("#/who")
    expect(page.button("operator is denied skipSubtask: give it back")).to_be_visible()


def worlds(page: Admin) -> None:
    page.page.goto("#/worlds")
    expect(page.button("Restore")).to_be_visible()
    page.press("Copy fixture of now")
    expect(page.page.get_by_role("textbox", name="Fixture of now")).to_be_visible()


def undoable(page: Admin) -> None:
    """A reset, and what was written over its button."""
    page.page.goto("#/worlds")
    page.press("Reset")
    expect(page.button("Undo the reset")).to_be_visible()


def copies(page: Admin) -> None:
    """A menu that is open, over a task that was retried."""
    page.page.goto("#/tasks/1000/10001")
    expect(page.badge).to_contain_text("FAILED")  # a new address closes what is open
    page.act_as("operator")
    page.press("Retry")
    page.result.get_by_role("button", name="Copy …").click()
    expect(page.page.get_by_role("menu")).to_be_visible()


def help(page: Admin) -> None:
    """Over the task with its answer. (A key must not follow a new address: the browser tells the page of one later.)"""
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("menu")).to_be_hidden()
    page.page.keyboard.press("?")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()


def clock(page: Admin) -> None:
    """On a phone that is a menu, else the list of what a step has changed."""
    page.page.keyboard.press("Escape")
    page.press("Next event")
    menu = page.button("World and clock")
    if menu.is_visible():
        menu.click()
    else:
        page.page.get_by_role("button", name=re.compile(r"^\d+ changes?$")).click()
        expect(page.caused.first).to_be_visible()


VIEWS: Final = (tasks, task, stepped, faults, form, journal, request, matrix, worlds, undoable, copies, help, clock)


def viewed(tabs: Tabs, client: Client, **options: Any) -> Iterator[tuple[Admin, str]]:
    """One view after the other, in one window."""
    page = admin(tabs, client.mock.url, base_url=f"{client.mock.url}/__admin/", **options)
    for view in VIEWS:
        view(page)
        yield page, view.__name__
