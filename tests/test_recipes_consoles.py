"""The recipes in docs/consoles.md: run against small systems of the tests' own, or checked for form."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import browser
import pytest
import requests
import vite as vite_server
from aiohttp import web
from browser import Tabs, expect
from clients import TASK, TASKS
from pages import BASE, block, blocks
from processes import END_S, INSTALL_S, environment, needed, npm_installed
from upstreams import upstream
from waiting import eventually

from mockserver import MockServer
from mockserver.cli.main import parsed

tabs = pytest.fixture(browser.tabs)

PAGE: Final = "docs/consoles.md"
SOON_MS: Final = 2000
ONLY_TASKS: Final = "export const proxy"
RETRY: Final = f"{TASK}/subtasks/10001/retry"


# --- commands ------------------------------------------------------------------------------------------------------

COMMANDS: Final = [line for text in blocks(PAGE, "bash") for line in text.splitlines() if line.startswith("ocp-")]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one(line: str) -> None:
    arguments = parsed(shlex.split(line)[1:])
    assert arguments.paths


# --- Vite ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vite(tmp_path: Path) -> Iterator[Any]:
    """Starts Vite in a folder with a page, with these entries of a proxy; gives its URL."""

    def start(proxy: str = "export const proxy = {};") -> str:
        folder = npm_installed(tmp_path, "vite@5")
        (folder / "proxy.ts").write_text(proxy)
        (folder / "vite.config.ts").write_text(
            'import { proxy } from "./proxy";\nexport default { server: { proxy } };'
        )
        (folder / "index.html").write_text('<h1>first</h1><script type="module" src="/main.js"></script>')
        (folder / "main.js").write_text("document.title = 'loaded';")
        return started(folder)

    with vite_server.starting() as started:
        yield start


@pytest.mark.slow
def test_a_proxy_can_have_only_the_tasks_from_the_mock(vite: Any) -> None:
    with upstream() as real, MockServer("failed-subtask") as mock:
        url = vite(block("ts", ONLY_TASKS).replace(BASE, mock.url).replace("https://ocp.test:8443", real.url))
        retried = requests.post(url + RETRY, timeout=END_S).json()
        other = requests.get(f"{url}/api/v2/profiles/me", timeout=END_S).json()
    assert retried["data"]["status"] == "READY"
    assert other["target"] == "/api/v2/profiles/me"


@pytest.mark.slow
def test_behind_a_proxy_a_reset_is_the_proxys_own_error(vite: Any) -> None:
    with MockServer("failed-subtask") as mock:
        url = vite(block("ts", ONLY_TASKS).replace(BASE, mock.url))
        mock.fault(operation="retrySubtask", fault="CONNECTION_RESET_BY_PEER")
        assert requests.post(url + RETRY, timeout=END_S).status_code == 500


@pytest.mark.slow
def test_a_development_server_behind_the_mock_reloads_its_page(vite: Any, tabs: Tabs, tmp_path: Path) -> None:
    """Its websocket goes through the mock: what is saved is shown. It is saved again until it is:
    Vite does not say since when it watches, nor the page since when it is connected."""

    def shown(text: str) -> bool:
        (tmp_path / "index.html").write_text(f"<h1>{text}</h1>")
        try:
            expect(page.locator("h1")).to_have_text(text, timeout=SOON_MS)
        except AssertionError:
            return False
        return True

    with MockServer("failed-subtask", forward=vite()) as mock:
        page = tabs.open(mock.url)
        expect(page.locator("h1")).to_have_text("first")
        assert any(address.startswith(mock.url.replace("http", "ws")) for address in tabs.addresses)
        assert page.evaluate(f"async () => (await fetch('{TASKS}')).status") == 200  # before it is loaded anew
        eventually(lambda: shown("second"))
        tabs.close()  # while it can be reached: Vite's client looks for it again and again


def test_the_same_lines_are_umis(tmp_path: Path) -> None:
    """Plain JavaScript, in the order that counts."""
    (tmp_path / "proxy.mjs").write_text(block("ts", ONLY_TASKS))
    program = 'console.log(JSON.stringify((await import("./proxy.mjs")).proxy))'
    command = [needed("node"), "--input-type=module", "--eval", program]
    out = subprocess.check_output(command, cwd=tmp_path, env=environment(), text=True, timeout=END_S)
    first, second = json.loads(out).items()
    assert first == (TASKS, {"target": BASE, "changeOrigin": True})
    assert second[0] == "/api"


# --- Playwright ----------------------------------------------------------------------------------------------------

CONSOLE: Final = """\
<!doctype html><ul></ul><script>
  const task = "/api/v2/tasks/instances/1000";
  const retry = async (id) => { await fetch(`${task}/subtasks/${id}/retry`, { method: "POST" }); await show(); };
  async function show() {
    const { data } = await (await fetch(task)).json();
    document.querySelector("ul").replaceChildren(...data.subtasks.map(({ id, status }) => {
      const line = document.createElement("li");
      line.textContent = `${id} ${status}`;
      if (status === "FAILED") {
        const button = document.createElement("button");
        button.textContent = "Retry";
        button.onclick = () => retry(id);
        line.append(" ", button);
      }
      return line;
    }));
  }
  show();
  setInterval(show, 5000);
</script>
"""
CONFIG: Final = """\
import { defineConfig } from "@playwright/test";
const launchOptions = { executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] };
export default defineConfig({
  workers: 2, fullyParallel: true, repeatEach: 2, reporter: "line",
  timeout: 120_000, expect: { timeout: 30_000 },
  use: { baseURL: process.env.OCP_BASE_URL, launchOptions },
});
"""
CLOCKS: Final = """\
import { expect, test } from "./mock";
test("the page's clock is the world's", async ({ page, advance }) => {
  await page.goto("/");
  const now = () => page.evaluate(() => new Date().toISOString().slice(0, 15));
  expect(await now()).toBe("2021-08-25T07:1");
  await advance(3600);
  expect(await now()).toBe("2021-08-25T08:1");
});
test("a fault is this worker's alone", async ({ page, control, world }) => {
  const error = { status: 503 };
  await control.POST("/__admin/faults", { body: { operation: "getTaskInstance", error } });
  const answer = page.waitForResponse(/1000$/);
  await page.goto("/");
  expect((await answer).status()).toBe(503);
  expect(world).toMatch(/^worker-/);
});
"""


async def console(_: web.Request) -> web.Response:
    return web.Response(text=CONSOLE, content_type="text/html")


@pytest.mark.slow
def test_playwright_has_a_world_for_each_worker(tmp_path: Path) -> None:
    install, generate = block("bash", "@playwright/test").splitlines()
    folder = npm_installed(tmp_path, *(word for word in shlex.split(install) if "@" in word))
    with MockServer("failed-subtask") as mock:
        command = [needed("npx"), "--no-install", *shlex.split(generate.replace(BASE, mock.url))[1:]]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=INSTALL_S)
    (folder / "mock.ts").write_text(block("ts", "base.extend"))
    (folder / "retry.spec.ts").write_text(block("ts", "failed again"))
    (folder / "clocks.spec.ts").write_text(CLOCKS)
    (folder / "playwright.config.ts").write_text(CONFIG)
    typed = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    tsc = [needed("npx"), "--no-install", "tsc", *typed, "--skipLibCheck", "retry.spec.ts", "clocks.spec.ts"]
    judged = subprocess.run(tsc, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    assert judged.returncode == 0, judged.stdout
    (line,) = [one for one in COMMANDS if "playwright" in one]
    env = environment({"CHROMIUM": needed(*browser.NAMES), "CI": ""})
    with upstream({"/": console}) as system:
        words = shlex.split(line.replace("http://localhost:5173", system.url))[1:]
        ended = subprocess.run(
            [sys.executable, "-m", "mockserver", *words],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "6 passed" in ended.stdout
