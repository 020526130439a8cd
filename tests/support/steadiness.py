"""Whether what is on a page stays where it is, in the browser's own account of layout shifts."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES: Final = ((1440, 900), (1024, 768), (768, 1024), (360, 740))
"""Of windows that people have."""
SHIFTS: Final = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(({value, sources}) =>
    [value, ...sources.map(({node}) => node?.className || node?.textContent)]))).observe({type: "layout-shift"});
}"""
SETTLED: Final = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def watch_shifts(page: "Page") -> None:
    page.evaluate(SHIFTS)


def shifts(page: "Page") -> list[list[object]]:
    """Of each since it is watched: how much, and of what."""
    page.evaluate(SETTLED)
    found: list[list[object]] = page.evaluate("window.shifts")
    return found


def header(page: "Page") -> float:
    """Its height."""
    height: float = page.evaluate("document.querySelector('header').getBoundingClientRect().height")
    return height
