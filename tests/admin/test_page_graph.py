"""The graph of a big task in a real browser: it fits, pans and zooms, draws what is in view, leads to what failed."""

import re
from typing import Any, Final

import browser
import pytest
from browser import Tabs, expect
from clients import Json
from large_worlds import SHAPES, TASK_ID, large
from panels import Admin, admin

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

MANY: Final = 2000
FAILED: Final = (77, 1234, 1900)
IN_BOX: Final = """() => {
  const box = document.querySelector(".graph-frame .box").getBoundingClientRect();
  return [...document.querySelectorAll(".node .face")].filter((face) => {
    const {left, right, top, bottom} = face.getBoundingClientRect();
    return left < box.left || right > box.right || top < box.top || bottom > box.bottom;
  }).length;
}"""


def big(shape: str = "layered", **more: Any) -> Json:
    return large(shape, MANY, *FAILED, **more)


@pytest.mark.parametrize("shape", SHAPES)
def test_fit_shows_all_of_2000(tabs: Tabs, shape: str) -> None:
    """Before that, only what is in view is drawn."""
    with MockServer(big(shape)) as mock:
        page = admin(tabs, mock.url)
        nodes = page.page.locator(".node")
        expect(nodes.first).to_be_visible()
        assert nodes.count() < 200
        page.press("Fit into the box")
        expect(nodes).to_have_count(MANY)
        assert page.page.evaluate(IN_BOX) == 0
        expect(page.page.locator(".node text")).to_have_count(0)
        expect(page.page.locator(".minimap")).to_be_visible()


@pytest.mark.parametrize("shape", SHAPES)
def test_each_failed_subtask_is_reached_in_order(tabs: Tabs, shape: str) -> None:
    with MockServer(big(shape)) as mock:
        page = admin(tabs, mock.url)
        for number, id in enumerate((*FAILED, FAILED[0]), 1):
            expect(page.subtask.get_by_role("heading")).to_contain_text(f"{id} ")
            expect(page.picture(id)).to_be_in_viewport()
            expect(page.page.get_by_text(f"{(number - 1) % 3 + 1}/3")).to_be_visible()
            page.press("Next failure")
        page.press("Previous failure")
        expect(page.subtask.get_by_role("heading")).to_contain_text(f"{FAILED[0]} ")


def test_a_status_dims_the_others(tabs: Tabs) -> None:
    with MockServer(big()) as mock:
        page = admin(tabs, mock.url)
        failed = page.page.get_by_role("button", name="✕ 3 FAILED")
        failed.click()
        expect(failed).to_have_attribute("aria-pressed", "true")
        page.press("Fit into the box")
        faded = page.page.locator(".node.faded")
        expect(faded).to_have_count(MANY - len(FAILED))
        mock.task(TASK_ID).subtask(3).set(status="FAILED")
        expect(faded).to_have_count(MANY - len(FAILED) - 1)
        page.page.get_by_role("button", name="✕ 4 FAILED").click()
        expect(faded).to_have_count(0)


def place(page: Admin, id: int) -> tuple[float, float]:
    box = page.picture(id).bounding_box()
    assert box is not None
    return box["x"], box["y"]


def test_dragging_pans_and_selects_nothing(tabs: Tabs) -> None:
    """Nor does it choose what it began on."""
    with MockServer(big()) as mock:
        page = admin(tabs, mock.url)
        expect(page.picture(FAILED[0])).to_be_in_viewport()
        x, y = place(page, FAILED[0])
        box = page.page.get_by_role("region", name="Graph of the subtasks").bounding_box()
        assert box is not None
        mouse = page.page.mouse
        mouse.move(box["x"] + 150, box["y"] + 130)
        mouse.down()
        mouse.move(box["x"] + 110, box["y"] + 150, steps=5)
        mouse.up()
        assert place(page, FAILED[0]) == pytest.approx((x - 40, y + 20), abs=1)
        assert page.page.evaluate("getSelection().toString()") == ""
        expect(page.subtask.get_by_role("heading")).to_contain_text(f"{FAILED[0]} ")


def test_the_wheel_zooms_at_the_pointer(tabs: Tabs) -> None:
    with MockServer(big()) as mock:
        page = admin(tabs, mock.url)
        box = page.picture(FAILED[0]).bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"], box["y"])
        page.page.keyboard.down("Control")
        page.page.mouse.wheel(0, 100)
        page.page.keyboard.up("Control")
        expect(page.page.get_by_label("Shown at")).not_to_have_text("70%")
        smaller = page.picture(FAILED[0]).bounding_box()
        assert smaller is not None
        assert smaller["width"] < box["width"]
        assert (smaller["x"], smaller["y"]) == pytest.approx((box["x"], box["y"]), abs=3)


def test_events_patch_the_picture_and_fetch_no_whole_task(tabs: Tabs) -> None:
    with MockServer(large("layered", MANY)) as mock:
        page = admin(tabs, mock.url)
        page.press("Fit into the box")
        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(request.url))
        mock.advance("1s")
        expect(page.page.get_by_role("button", name=re.compile(r"^▶ [1-9]\d* RUNNING"))).to_be_visible()
        mock.advance("2s")
        expect(page.page.get_by_role("button", name=re.compile(r"^✓ [1-9]\d* SUCCESSFUL"))).to_be_visible()
        expect(page.page.locator(".node.is-successful")).not_to_have_count(0)
        assert [url for url in asked if url.endswith(f"/tasks/{TASK_ID}")] == []
