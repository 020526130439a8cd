"""In a real browser: a small console of our own, which logs in with a form, asks what the real one asks on every page,
lists tasks and retries, works from nothing but the shipped fixture. Its one page is a stub, too."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import browser
import pytest
from browser import Tabs, expect

from mockserver import MockServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

PAGE: Final = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<form><input name="username"><input name="password" type="password"><button>Log in</button></form>
<p id="said"></p><ul></ul>
<script type="module">
const api = "/api/v1", said = document.querySelector("#said"), list = document.querySelector("ul");
async function ask(path, options) {
  const answer = await fetch(`${api}/${path}`, options);
  if (answer.status === 404) throw new Error(`the error page: ${path}`);
  return [answer.status, await answer.json()];
}
async function show() {
  for (const path of ["profiles/me", "loginKey", "info", "config/systemInfo", "time"]) await ask(path);
  const [status, body] = await ask("tasks/instances");
  said.textContent = status === 401 ? "log in" : "tasks";
  list.replaceChildren(...(body.data?.contents ?? []).map(({id, name, status}) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.textContent = "Retry";
    button.onclick = async () => {
      const [code, {data, error}] = await ask(`tasks/instances/${id}/retry`, {method: "POST"});
      said.textContent = `${code} ${data?.status ?? error.message}`;
    };
    item.append(`${name}: ${status} `, button);
    return item;
  }));
}
document.forms[0].onsubmit = async (event) => {
  event.preventDefault();
  list.replaceChildren();
  const [status, {data}] = await ask("login", {method: "POST", body: new URLSearchParams(new FormData(event.target))});
  if (status === 200) { history.pushState(null, "", data.location); await show(); } else said.textContent = "wrong";
};
await show();
</script>"""


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer("ocp-express-console") as mock:
        headers = {"Content-Type": "text/html; charset=utf-8"}
        mock.stub({"request": {"urlPathPattern": "/(task)?"}, "response": {"body": PAGE, "headers": headers}})
        yield mock


def logged_in(page: "Page", user: str, password: str) -> None:
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_small_console(mock: MockServer, tabs: Tabs) -> None:
    page = tabs.open(f"{mock.url}/")
    said, first = page.locator("#said"), page.locator("li").last
    expect(said).to_have_text("log in")
    logged_in(page, "viewer", "no")
    expect(said).to_have_text("wrong")
    logged_in(page, "viewer", "viewer")
    expect(said).to_have_text("tasks")
    assert page.url == f"{mock.url}/task"
    expect(first).to_contain_text("Restart observer: FAILED")
    first.get_by_role("button").click()
    expect(said).to_contain_text("403 User viewer lacks")
    page.reload()
    expect(said).to_have_text("tasks")
    logged_in(page, "operator", "operator")
    expect(page.locator("li")).to_have_count(3)
    first.get_by_role("button").click()
    expect(said).to_have_text("200 RUNNING")
    assert [one["user"] for one in mock.requests("retryTask")] == ["viewer", "operator"]


def test_a_reset_of_the_world_logs_out(mock: MockServer, tabs: Tabs) -> None:
    page = tabs.open(f"{mock.url}/")
    expect(page.locator("#said")).to_have_text("log in")
    logged_in(page, "admin", "admin")
    expect(page.locator("#said")).to_have_text("tasks")
    stubs = mock.stubs()
    mock.reset()
    mock.stub(stubs[-1])
    page.reload()
    expect(page.locator("#said")).to_have_text("log in")
