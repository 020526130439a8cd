"""The page with one task of very many subtasks, in a real browser, at the sizes that people have."""

from typing import Final

import browser
import pytest
from browser import Tabs, expect
from large_worlds import SHAPES, large
from panels import Admin, admin
from test_page_sizes import SETTLED, SHIFTS, SIZES, header

from mockserver import MockServer

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

COUNTS: Final = (200, 2000)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_retry_and_its_answer_are_in_view_and_nothing_moves(tabs: Tabs, shape: str, count: int) -> None:
    """Before and after the act, while a step changes a hundred subtasks."""
    with MockServer(large(shape, count, count // 2)) as mock:
        for size in SIZES:
            page = admin(tabs, mock.url, size=size)
            retried(page, size[0])
            mock.reset()
            page.page.close()


def retried(page: Admin, width: int) -> None:
    retry = page.button("Retry")
    expect(retry).to_be_in_viewport(ratio=1)
    expect(page.page.get_by_label("Shown at")).to_be_visible()
    expect(page.why).to_contain_text("nothing stands in the way")
    high, top = header(page.page), retry.bounding_box()
    assert high <= (48 if width == 360 else 90)
    page.page.evaluate(SHIFTS)
    retry.click()
    expect(page.result).to_contain_text("200")
    expect(page.result).to_be_in_viewport(ratio=1)
    expect(page.why).to_contain_text("only a FAILED subtask")
    page.press("Next event")
    expect(page.badge).to_contain_text("RUNNING")
    page.press("Next event")
    expect(page.badge).to_contain_text("FAILED")
    page.page.evaluate(SETTLED)
    assert page.page.evaluate("window.shifts") == []
    assert (header(page.page), retry.bounding_box()) == (high, top)
    expect(retry).to_be_in_viewport(ratio=1)
