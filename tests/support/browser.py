"""Real headless Chromium, driven by Playwright: one for each worker, a fresh profile for each window that a test opens.

A test says in its own file `tabs = pytest.fixture(browser.tabs)`. When it ends, whatever its pages did that it did not
expect is a failure: a request to anything but this machine, an exception, an error on the console (a breach of the
Content-Security-Policy is one). Playwright's routes are not used to see to that: while one is set, Playwright itself
grants every CORS preflight, and no server is asked.

Playwright and the browser are imported and started when the first test needs them: the other tests do without.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import pytest
from processes import END_S, missing, needed, npm_installed

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, WebError, WebSocket

EVIL: Final = "evil.example"
"""A name that leads to this machine, in the browser only: somebody else's page whose name was pointed here."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SCREENSHOTS: Final = "OCP_TEST_SCREENSHOTS"
"""The variable that names the folder which `shoot` fills. Without it there are no pictures."""
WIDE: Final = (1280, 800)
PHONE: Final = (360, 740)

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The last rule is for everything else, addresses included: the browser cannot leave this machine.
    f"--host-resolver-rules=EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE ::1, MAP {EVIL} 127.0.0.1, MAP * ~NOTFOUND",
)
NOT_LOADED: Final = "Failed to load resource: "
"""How Chromium's console begins what it says of every answer above 399, and of every connection that breaks."""


# --- one browser for all tests of a process ------------------------------------------------------------------------


class Chromium:
    """Playwright's synchronous interface runs a loop of its own in this thread, and leaves it marked as the running
    one; pytest-asyncio's tests would find it. So it is marked so only while `awake`."""

    def __init__(self) -> None:
        path = needed(*NAMES)
        try:
            from playwright.sync_api import expect, sync_playwright
        except ImportError:
            missing("playwright is not installed")
        expect.set_options(timeout=END_S * 1000)
        self._playwright = sync_playwright().start()
        self._loop = asyncio.get_running_loop()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=path, args=list(FLAGS), chromium_sandbox=False, timeout=END_S * 1000
            )
        except BaseException:
            self._playwright.stop()
            raise
        finally:
            asyncio._set_running_loop(None)

    @contextmanager
    def awake(self) -> Iterator[None]:
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def context(self, **options: Any) -> "BrowserContext":
        return self._browser.new_context(**options)

    @property
    def is_running(self) -> bool:
        return self._browser.is_connected()

    def end(self) -> None:
        with self.awake():
            self._browser.close()
            self._playwright.stop()


CHROMIUM: Final = pytest.StashKey[Chromium]()


def chromium(config: pytest.Config) -> Chromium:
    """Started by the first test that wants one, and again if it has crashed; ended when pytest ends."""
    known = config.stash.get(CHROMIUM, None)
    if known is None or not known.is_running:
        known = config.stash[CHROMIUM] = Chromium()
        config.add_cleanup(known.end)
    return known


# --- the windows of one test ---------------------------------------------------------------------------------------


class Tabs:
    """The windows that a test opens, and what their pages did."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self._allowed: list[str] = []
        self._oddities: list[str] = []
        self.addresses: list[str] = []
        """Of every request, in order."""

    def open(
        self,
        url: str | None = None,
        *,
        size: tuple[int, int] = WIDE,
        scheme: Literal["light", "dark"] = "light",
        bypass_csp: bool = False,
        **options: Any,
    ) -> "Page":
        """A page in a profile of its own: it shares nothing with the others.

        `options` are those of Playwright's `new_context`, such as `permissions=["clipboard-read"]`.
        """
        context = self._chromium.context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, bypass_csp=bypass_csp, **options
        )
        self._contexts.append(context)
        context.set_default_timeout(END_S * 1000)
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", lambda page: page.on("websocket", self._connected))
        context.on("console", self._said)
        context.on("weberror", self._raised)
        page = context.new_page()
        page.on("crash", lambda _: self._oddities.append("the page has crashed"))
        if url is not None:
            page.goto(url)
        return page

    def allow(self, *patterns: str) -> None:
        """Of exceptions and the console's errors, these are expected (regular expressions)."""
        self._allowed += patterns

    def oddities(self) -> list[str]:
        """What the pages did, and the test does not expect."""
        return [one for one in self._oddities if not any(re.search(allowed, one) for allowed in self._allowed)]

    def close(self) -> None:
        """All that they have said until now is heard."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _asked(self, url: str) -> None:
        self.addresses.append(url)
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss", "ftp") and parts.hostname not in {*LOOPBACK, EVIL}:
            self._oddities.append(f"asks another machine: {url}")

    def _connected(self, socket: "WebSocket") -> None:
        self._asked(socket.url)

    def _said(self, message: "ConsoleMessage") -> None:
        if message.type == "error" and not message.text.startswith(NOT_LOADED):
            self._oddities.append(f"console: {message.text}")

    def _raised(self, error: "WebError") -> None:
        self._oddities.append(f"exception: {error.error}")


def tabs(request: pytest.FixtureRequest) -> Iterator[Tabs]:
    """Windows of a real browser. Fails a test whose pages did what it does not expect."""
    browser = chromium(request.config)
    with browser.awake():
        tabs = Tabs(browser)
        try:
            yield tabs
        finally:
            tabs.close()
    odd = tabs.oddities()
    assert odd == [], odd


def expect(what: "Locator") -> Any:
    """Playwright's: it waits until it is so, and fails after END_S."""
    from playwright.sync_api import expect

    return expect(what)


# --- what a page looks like ----------------------------------------------------------------------------------------


def open_admin(tabs: Tabs, url: str, fragment: str = "", **options: Any) -> "Page":
    """The page at /__admin/ of a server, or of one of its worlds (`http://…/w/anna`)."""
    return tabs.open(f"{url}/__admin/{fragment}", **options)


def shoot(page: "Page", name: str, *, grey: bool = False) -> None:
    """A picture of the whole page, if somebody wants pictures. In `grey`, without any colour."""
    folder = os.environ.get(SCREENSHOTS)
    if not folder:
        return
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia" if grey else "none"})
    page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, animations="disabled")
    session.detach()


STICKING_OUT: Final = """() => {
  const held = (one) => { // within what scrolls, or is cut on purpose
    for (let over = one.parentElement; over !== null; over = over.parentElement) {
      const {overflowX, textOverflow} = getComputedStyle(over);
      if (/auto|scroll/.test(overflowX) || textOverflow === "ellipsis" || over.localName === "svg") return true;
    }
    return false;
  };
  const out = [...document.body.querySelectorAll("*")].filter((one) =>
    one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 0.5 && !held(one));
  return out.map((one) => `<${one.localName} id="${one.id}" class="${one.getAttribute("class") ?? ""}">`);
}"""


def sticking_out(page: "Page") -> list[str]:
    """Elements that end right of the window, where nobody can scroll to them."""
    found: list[str] = page.evaluate(STICKING_OUT)
    return found


def axe_source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fixture of a session: the text of axe-core, from npm."""
    folder = npm_installed(tmp_path_factory.mktemp("axe"), "axe-core@4")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def barriers(page: "Page", axe: str) -> list[str]:
    """What axe has against the page as it is now, one line per element. Open it with `bypass_csp`: axe adds styles."""
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        f"{rule['id']} ({rule['impact']}) at {' '.join(map(str, node['target']))}: "
        + " ".join(node["failureSummary"].split())
        for rule in found
        for node in rule["nodes"]
    ]
