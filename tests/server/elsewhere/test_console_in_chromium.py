"""A console in Chromium: all of it from the server, and again with the routes beside the tasks from a back end."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import browser
import pytest
import requests
from aiohttp import web
from browser import Tabs, expect
from console import HTML, LOGIN, PAGE, SIDE
from processes import END_S, Served
from upstreams import upstream

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)


async def page(_: web.Request) -> web.Response:
    return web.Response(text=HTML, content_type="text/html")


async def beside(_: web.Request) -> web.Response:
    answer = web.json_response({"successful": True, "data": {}})
    answer.set_cookie("theirs", "1", domain="127.0.0.1", secure=True, samesite="None")
    return answer


@pytest.fixture(scope="module")
def alone() -> Iterator[str]:
    """Nothing but the shipped fixture. (The page itself is one more stub.)"""
    with Served("ocp-express-console", "--clock", "manual") as served:
        yield served.url


@pytest.fixture(scope="module")
def forwarding(alone: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Users, tasks and the login are the server's; the page and the routes beside are a back end's."""
    world = requests.get(f"{alone}/w/fresh/__admin/state", timeout=END_S).json()
    file = tmp_path_factory.mktemp("console") / "world.json"
    file.write_text(json.dumps({**world, "stubs": [LOGIN]}))
    handlers = {"/console": page, **{f"/api/v1/{path}": beside for path in SIDE}}
    with upstream(handlers) as system, Served(str(file), "--forward", system.url) as served:
        yield served.url


@pytest.fixture(params=["alone", "alone in a world", "forwarding", "forwarding in a world"])
def url(request: pytest.FixtureRequest) -> str:
    way, _, world = request.param.partition(" ")
    found = request.getfixturevalue(way) + ("/w/anna" if world else "")
    assert requests.post(f"{found}/__admin/reset", timeout=END_S).status_code == 200
    if way == "alone":
        assert requests.post(f"{found}/__admin/stubs", json=PAGE, timeout=END_S).status_code == 201
    return str(found)


def log_in(page: "Page", user: str, password: str | None = None) -> None:
    """Once the page has said that nobody is: what it asked before would be answered to whoever logs in."""
    said(page).to_contain_text("log")
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(user if password is None else password)
    page.get_by_role("button", name="Log in").click()


def said(page: "Page") -> Any:
    return expect(page.get_by_role("status"))


def test_an_operator_logs_in_and_retries(tabs: Tabs, url: str) -> None:
    page = tabs.open(f"{url}/console")
    said(page).to_have_text("please log in")
    log_in(page, "operator", "wrong")
    said(page).to_contain_text("not logged in: Wrong user name or password")
    log_in(page, "operator")
    said(page).to_have_text("here are the tasks")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("10001 READY")).to_be_visible()


def test_a_viewer_sees_and_may_not(tabs: Tabs, url: str) -> None:
    page = tabs.open(f"{url}/console")
    log_in(page, "viewer")
    said(page).to_have_text("here are the tasks")
    page.get_by_role("button", name="Retry").click()
    said(page).to_contain_text("403: User viewer lacks the permission TASK_MANAGER")


def test_who_does_what_is_in_the_journal_and_no_secret_is(tabs: Tabs, url: str) -> None:
    page = tabs.open(f"{url}/console")
    log_in(page, "operator")
    said(page).to_have_text("here are the tasks")
    (cookie,) = [one for one in page.context.cookies() if one.get("name") == "OCP_MOCK_SESSION"]
    journal = requests.get(f"{url}/__admin/requests", timeout=END_S)
    asked = journal.json()["requests"]
    assert {one["user"] for one in asked if one["kind"] == "api" and one["status"] == 200} == {"operator"}
    assert len([one for one in asked if one["kind"] in ("stub", "forwarded")]) > len(SIDE)
    assert cookie.get("value", "") not in journal.text


def test_a_session_ends_by_a_reset(tabs: Tabs, url: str) -> None:
    page = tabs.open(f"{url}/console")
    log_in(page, "operator")
    said(page).to_have_text("here are the tasks")
    requests.post(f"{url}/__admin/reset", timeout=END_S)
    assert page.evaluate("async () => (await ask('tasks/instances')).status") == 401


def test_the_back_ends_cookies_stay_with_the_browser(tabs: Tabs, forwarding: str) -> None:
    page = tabs.open(f"{forwarding}/console")
    said(page).to_have_text("please log in")
    assert "theirs" in {one.get("name") for one in page.context.cookies()}
