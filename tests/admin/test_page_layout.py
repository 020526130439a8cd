"""What the page looks like in a real browser: narrow and wide, light and dark, in grey, with 200 subtasks, for axe.

Every view is one that somebody has while they work: with a task or a request open, with rules that stand. The pictures
are for people to look at (`OCP_TEST_SCREENSHOTS`), and two of them are in docs/.
"""

from collections.abc import Callable
from typing import Final, Literal

import browser
import pytest
from browser import PHONE, WIDE, Tabs, barriers, expect, open_admin, shoot, sticking_out
from clients import RETRY, TASK, Client, Json
from panels import Admin, admin
from views import busy, viewed

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)
axe = pytest.fixture(browser.axe_source, scope="session")

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


# --- the views -------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", GRAPHS)
def test_200_subtasks_are_shown_each_in_a_place_of_its_own(tabs: Tabs, axe: str, name: str) -> None:
    with MockServer(many(name)) as mock:
        page = admin(tabs, mock.url, bypass_csp=True)
        link = page.page.get_by_role("link", name="200 subtasks")
        expect(link).to_be_visible()
        link.click()
        page.press("Fit into the box")
        nodes = page.page.locator(".node")
        expect(nodes).to_have_count(NODES)
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
