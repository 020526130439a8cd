"""The page with one task of very many subtasks, in a real browser: in view, steady, silent, without a barrier."""

import re
from typing import Final, Literal

import browser
import pytest
from browser import PHONE, WIDE, Tabs, barriers, expect, shoot, sticking_out
from large_worlds import SHAPES, large
from panels import Admin, admin
from steadiness import SIZES, header, shifts, watch_shifts

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)
axe = pytest.fixture(browser.axe_source, scope="session")

MANY: Final = 2000
FAILED: Final = (700, 1300)

# --- what one comes for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [200, MANY])
@pytest.mark.parametrize("shape", SHAPES)
def test_retry_and_its_answer_are_in_view_and_nothing_moves(tabs: Tabs, shape: str, count: int) -> None:
    """At every size, before and after the act; a step changes a hundred subtasks."""
    with MockServer(large(shape, count, count // 2)) as mock:
        for size in SIZES:
            page = admin(tabs, mock.url, size=size)
            retried(page, size[0])
            page.page.close()
            mock.reset()


def retried(page: Admin, width: int) -> None:
    retry = page.button("Retry")
    expect(retry).to_be_in_viewport(ratio=1)
    expect(page.page.get_by_label("Shown at")).to_be_visible()
    expect(page.why).to_contain_text("nothing stands in the way")
    high, top = header(page.page), retry.bounding_box()
    assert high <= (48 if width == PHONE[0] else 90)
    watch_shifts(page.page)
    retry.click()
    expect(page.result).to_contain_text("200")
    expect(page.result).to_be_in_viewport(ratio=1)
    expect(page.why).to_contain_text("only a FAILED subtask")
    page.press("Next event")
    expect(page.badge).to_contain_text("RUNNING")
    page.press("Next event")
    expect(page.badge).to_contain_text("FAILED")
    assert shifts(page.page) == []
    assert (header(page.page), retry.bounding_box()) == (high, top)
    expect(retry).to_be_in_viewport(ratio=1)


def test_no_answer_alert_or_list_outlives_its_state(tabs: Tabs) -> None:
    """Another choice, a change, a Reset, another server at the same address."""
    world = large("random", MANY, *FAILED)
    with MockServer(world) as mock:
        page = admin(tabs, mock.url)

        def acted() -> None:
            page.press("Retry")
            expect(page.result).to_contain_text("200")
            page.press("Next event")
            expect(page.page.get_by_role("button", name=re.compile(r"^\d+ changes?$"))).to_be_enabled()
            page.page.get_by_label("Step by").fill("soon")
            page.press("Step")
            expect(page.alert).to_contain_text("is no step")

        def bare(*, of: int) -> None:
            expect(page.subtask.get_by_role("heading")).to_contain_text(f"{of} ")
            expect(page.result).to_have_count(0)
            expect(page.alert).to_have_text("")

        page.press("Retry")
        expect(page.result).to_contain_text("200")
        page.press("Next failure")
        bare(of=FAILED[1])
        acted()
        bare_list = page.page.get_by_role("button", name="No step yet")
        mock.reset()
        bare(of=FAILED[1])
        expect(page.badge).to_contain_text("FAILED")
        expect(bare_list).to_be_disabled()
        expect(page.caused).to_have_count(0)
        acted()
        port = mock.port
    expect(page.lost).to_contain_text("Connection lost")
    with MockServer(world, port=port):
        expect(page.connection).to_have_text("● live")
        bare(of=FAILED[1])
        expect(page.badge).to_contain_text("FAILED")
        expect(bare_list).to_be_disabled()
        expect(page.caused).to_have_count(0)


# --- the picture -----------------------------------------------------------------------------------------------------

SEEN: Final = (
    """() => ["x", "y", "width"].map((name) => Number(document.querySelector(".minimap .seen").getAttribute(name)))"""
)


def seen(page: Admin) -> list[float]:
    """What of the picture is in view: its left, its top, its width."""
    found: list[float] = page.page.evaluate(SEEN)
    return found


def test_a_press_and_a_drag_on_the_minimap_move_the_view(tabs: Tabs) -> None:
    with MockServer(large("random", MANY, *FAILED)) as mock:
        page = admin(tabs, mock.url)
        expect(page.picture(FAILED[0])).to_be_in_viewport()
        small = page.page.locator(".minimap")
        box = small.bounding_box()
        assert box is not None
        before, mouse = seen(page), page.page.mouse
        mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
        mouse.down()
        pressed = seen(page)
        assert pressed[:2] != before[:2]
        mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"], steps=4)
        mouse.up()
        dragged = seen(page)
        assert (dragged[0] < pressed[0], dragged[1] < pressed[1], dragged[2]) == (True, True, before[2])
        expect(page.page.locator(".node:visible").first).to_be_visible()
        expect(page.subtask.get_by_role("heading")).to_contain_text(f"{FAILED[0]} ")


def test_two_fingers_zoom_and_one_pans(tabs: Tabs) -> None:
    with MockServer(large("layered", MANY, *FAILED)) as mock:
        page = admin(tabs, mock.url, size=PHONE, has_touch=True)
        expect(page.picture(FAILED[0])).to_be_in_viewport()
        box = page.page.get_by_role("region", name="Graph of the subtasks").bounding_box()
        assert box is not None
        left, top = box["x"] + 60, box["y"] + 60
        session = page.page.context.new_cdp_session(page.page)

        def touched(kind: str, *places: float) -> None:
            points = [{"x": left + place, "y": top, "id": number} for number, place in enumerate(places)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        before = seen(page)
        touched("touchStart", 0)
        touched("touchMove", 40)
        touched("touchEnd")
        panned = seen(page)
        assert (panned[0] < before[0], panned[1:]) == (True, before[1:])
        touched("touchStart", 0)
        touched("touchStart", 0, 200)
        touched("touchMove", 50, 150)
        touched("touchMove", 75, 125)
        touched("touchEnd")
        assert seen(page)[2] > 2 * panned[2]
        assert page.page.evaluate("visualViewport.scale") == 1, "not the page"


# --- for who does not see it -----------------------------------------------------------------------------------------

SAID: Final = """() => {
  window.said = [];
  for (const one of document.querySelectorAll("[role=status], [role=alert], [aria-live], output:not([role])"))
    new MutationObserver(() => window.said.push(one.textContent))
      .observe(one, {childList: true, subtree: true, characterData: true});
}"""


def test_a_step_of_200_changes_says_one_sentence_and_nothing_else(tabs: Tabs) -> None:
    world = {"clock": {"mode": "manual"}, "tasks": [{"id": 1, "subtasks": [{"id": id} for id in range(200)]}]}
    with MockServer({**world, "scheduler": {"concurrency": 200}}) as mock:
        page = admin(tabs, mock.url)
        page.press("Fit into the box")
        page.node(7).focus()
        page.page.evaluate(SAID)
        page.page.keyboard.press("s")
        page.shows("SUCCESSFUL", of=7)
        page.page.wait_for_function("() => window.said.length > 0")  # the stream may be faster than the step's answer
        assert page.page.evaluate("window.said") == ["15:10:18: 401 changes."]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=str)
def test_a_big_graph_is_no_barrier(
    tabs: Tabs, axe: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    """As it opens; and all of it, which is the same at each size."""
    with MockServer(large("random", MANY, *FAILED)) as mock:
        page = admin(tabs, mock.url, size=size, scheme=scheme, bypass_csp=True)
        expect(page.picture(FAILED[0])).to_be_in_viewport()
        page.press("Retry")
        expect(page.result).to_contain_text("200")
        shoot(page.page, f"2000-{size[0]}-{scheme}")
        assert (sticking_out(page.page), barriers(page.page, axe)) == ([], [])
        if size == PHONE:
            return
        page.press("Fit into the box")
        expect(page.page.locator(".node")).to_have_count(MANY)
        shoot(page.page, f"2000-{size[0]}-{scheme}-fit")
        assert (sticking_out(page.page), barriers(page.page, axe)) == ([], [])
