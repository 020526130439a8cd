"""What the page looks like in a real browser: narrow and wide, light and dark, in grey, with 200 subtasks, for axe.

Every view is one that somebody has while they work: with a task or a request open, with rules that stand. The pictures
are for people to look at (`OCP_TEST_SCREENSHOTS`), and two of them are in docs/.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import browser
import pytest
from browser import PHONE, WIDE, Tabs, barriers, expect, open_admin, shoot, sticking_out
from clients import RETRY, TASK, Client, Json
from panels import Admin, admin

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)
axe = pytest.fixture(browser.axe_source, scope="session")

LONG: Final = "a-name-without-a-single-place-where-a-line-could-break-" * 3
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SIZES: Final = {"wide": WIDE, "phone": PHONE}
NODES: Final = 200


def chain() -> list[Json]:
    return [{"id": id, "upstreams": [id - 1] if id else []} for id in range(NODES)]


def parallel() -> list[Json]:
    between = range(1, NODES - 1)
    return [
        {"id": 0},
        *({"id": id, "upstreams": [0]} for id in between),
        {"id": NODES - 1, "upstreams": list(between)},
    ]


def layered() -> list[Json]:
    """Ten by twenty; each waits for two of the layer before."""
    return [
        {"id": id, "upstreams": [] if id < 20 else [id - 20, id // 20 * 20 - 20 + (id + 7) % 20]} for id in range(NODES)
    ]


GRAPHS: Final[dict[str, Callable[[], list[Json]]]] = {"chain": chain, "parallel": parallel, "layered": layered}


def many(name: str) -> Json:
    subtasks = GRAPHS[name]()
    statuses = {1: "FAILED", 2: "RUNNING"} if name == "parallel" else {}
    subtasks[0]["status"] = "SUCCESSFUL"
    for id, status in statuses.items():
        subtasks[id]["status"] = status
    return {"tasks": [{"id": 5, "name": f"200 subtasks, {name}", "subtasks": subtasks}]}


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
    page.act_as("operator")
    page.press("Retry")
    page.result.get_by_role("button", name="Copy …").click()
    expect(page.page.get_by_role("menu")).to_be_visible()


def help(page: Admin) -> None:
    page.page.keyboard.press("Escape")
    page.page.goto("#/tasks/1000")
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


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_no_view_scrolls_sideways_and_axe_finds_nothing(
    tabs: Tabs, axe: str, size: str, scheme: Literal["light", "dark"]
) -> None:
    with busy() as client:
        for page, view in viewed(tabs, client, size=SIZES[size], scheme=scheme, bypass_csp=True):
            shoot(page.page, f"{size}-{scheme}-{view}")
            assert sticking_out(page.page) == [], view
            assert barriers(page.page, axe) == [], view


def test_what_is_wrong_would_be_found(tabs: Tabs, axe: str) -> None:
    """An image without a text, and a line that no phone is wide enough for."""
    with MockServer("empty") as mock:
        page = admin(tabs, mock.url, size=PHONE, bypass_csp=True).page
        assert (sticking_out(page), barriers(page, axe)) == ([], [])
        page.evaluate("document.querySelector('main').append(new Image(400, 1))")
        assert any('<img id=""' in line for line in sticking_out(page))
        assert any(line.startswith("image-alt ") for line in barriers(page, axe))


def test_the_panel_one_is_on_is_marked_in_view(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/worlds", size=PHONE)
    current = page.page.get_by_role("navigation").get_by_role("link", name="World")
    expect(current).to_have_attribute("aria-current", "page")
    box = current.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE[0]


def test_a_refusal_is_in_view_wherever_one_has_scrolled_to(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000", size=PHONE)
    page.pull()
    page.page.get_by_text("Change the world directly").click()
    page.field("Duration").last.fill("soon")
    page.press("Set runs")
    expect(page.alert.get_by_text("duration")).to_be_in_viewport(ratio=1)


def test_the_dialog_and_a_lost_connection_are_no_barriers_either(tabs: Tabs, axe: str) -> None:
    with MockServer("tour", admin_token="let me in") as mock:
        page = Admin(open_admin(tabs, mock.url, size=PHONE, bypass_csp=True))
        expect(page.page.get_by_role("dialog", name="Admin token")).to_be_visible()
        assert (sticking_out(page.page), barriers(page.page, axe)) == ([], [])
        page.page.get_by_label("Token", exact=True).fill("let me in")
        page.press("Go on")
        expect(page.subtask).to_be_visible()
    expect(page.lost).to_contain_text("Connection lost")
    page.press("Next event")
    expect(page.alert).to_contain_text("cannot be reached")
    assert (sticking_out(page.page), barriers(page.page, axe)) == ([], [])


# --- without colour --------------------------------------------------------------------------------------------------

SHAPES: Final = {
    "PENDING": "○",
    "READY": "◔",
    "RUNNING": "▶",
    "CANCELING": "■",
    "FAILED": "✕",
    "SUCCESSFUL": "✓",
}
EVERY: Final[Json] = {
    "clock": {"mode": "manual"},
    "tasks": [
        {
            "id": 1,
            "name": "One of each",
            "subtasks": [{"id": 10 + number, "status": status} for number, status in enumerate(SHAPES)],
        }
    ],
}


def test_every_status_can_be_told_without_colour(tabs: Tabs) -> None:
    """By its word and by its shape: in the graph, and in the badge of the one that is chosen."""
    assert len(set(SHAPES.values())) == len(SHAPES)
    with MockServer(EVERY) as mock:
        page = admin(tabs, mock.url, "#/tasks/1")
        for number, (status, shape) in enumerate(SHAPES.items()):
            expect(page.picture(10 + number)).to_contain_text(f"{shape} {status}")
            page.picture(10 + number).click()
            expect(page.subtask.locator(".badge")).to_have_text(f"{shape} {status}")
        shoot(page.page, "grey", grey=True)


# --- many subtasks ---------------------------------------------------------------------------------------------------

OVERLAPPING: Final = """() => {
  const boxes = [...document.querySelectorAll(".node")].map((node) => {
    const {left, right, top, bottom} = node.querySelector(".face").getBoundingClientRect();
    return {left, right, top, bottom, key: node.dataset.key};
  });
  const cross = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return boxes.flatMap((a, at) => boxes.slice(at + 1).filter((b) => cross(a, b)).map((b) => `${a.key} and ${b.key}`));
}"""
OPENS_MS: Final = 2000
"""From a click to the picture of 200 subtasks, on a machine with other things to do."""


@pytest.mark.parametrize("name", GRAPHS)
def test_200_subtasks_are_shown_each_in_a_place_of_its_own(tabs: Tabs, axe: str, name: str) -> None:
    with MockServer(many(name)) as mock:
        page = admin(tabs, mock.url, bypass_csp=True)
        link = page.page.get_by_role("link", name="200 subtasks")
        expect(link).to_be_visible()
        link.click()
        page.press("Fit into the box")
        nodes = page.page.locator(".node")
        expect(nodes).to_have_count(NODES, timeout=OPENS_MS)
        assert page.page.evaluate(OVERLAPPING) == []
        shoot(page.page, f"200-{name}")
        assert sticking_out(page.page) == []
        assert barriers(page.page, axe) == []


@pytest.mark.parametrize("name", GRAPHS)
def test_each_of_200_subtasks_can_be_reached_by_the_keyboard(tabs: Tabs, name: str) -> None:
    """From any of them to any other by arrow keys; and what has the focus is in view."""
    with MockServer(many(name)) as mock:
        page = admin(tabs, mock.url, "#/tasks/5")
        page.press("Fit into the box")
        expect(page.page.locator(".node")).to_have_count(NODES)
        page.node(0).focus()
        assert set(page.page.evaluate(WALKED)) == {str(id) for id in range(NODES)}
        page.node(0).focus()
        page.page.keyboard.press("End")
        last = page.page.locator(".node:focus-within")
        expect(last).to_be_in_viewport()
        page.page.keyboard.press("Enter")
        expect(page.subtask.get_by_role("heading")).to_contain_text(f"{last.get_attribute('data-key')} ")


WALKED: Final = """() => {
  const seen = new Set(), todo = [document.activeElement];
  while (todo.length) {
    const from = todo.pop(), {key: id} = from.closest(".node").dataset;
    if (seen.has(id)) continue;
    seen.add(id);
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
      from.focus({preventScroll: true});
      from.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
      todo.push(document.activeElement);
    }
  }
  return [...seen];
}"""


# --- pictures --------------------------------------------------------------------------------------------------------


def test_the_pictures_of_the_readme(tabs: Tabs) -> None:
    with MockServer("tour") as mock, Client(mock) as client:
        page = admin(tabs, mock.url)
        page.open_task(1000, "Uninstall ocp agent")
        page.act_as("viewer")
        page.press("Retry")
        expect(page.result).to_contain_text("403")
        shoot(page.page, "readme-task")
        page.act_as("operator")
        page.press("Retry")
        expect(page.result).to_contain_text("200")
        client.admin("POST", "/faults", {"operation": "retrySubtask", "error": {"status": 503}, "times": 2})
        client.get(TASK)
        assert client.post(RETRY, auth=("operator", "operator")).status_code == 503
        page.page.goto(f"{mock.url}/__admin/#/requests/2")
        expect(page.page.get_by_role("region", name="The request that is open")).to_contain_text("FAILED → ◔ READY")
        shoot(page.page, "readme-requests")
