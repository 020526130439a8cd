"""The page in a real browser when things are not as usual: no tasks, no server, no token, ids past 2^53, no mouse."""

import json
import re
from typing import Final

import browser
import pytest
from aiohttp import web
from browser import Tabs, expect, open_admin, shoot
from clients import RETRY, TASK, Client, Json, failed_world
from panels import PANELS, SOON_MS, Admin, admin

from mockserver import MockServer, create_app
from mockserver.server import runner
from mockserver.server.responses import BUFFERED
from mockserver.server.routing import SITE
from mockserver.testing.server import GRACE_S
from mockserver.world.served import MAX_SNAPSHOTS

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

# --- little to show --------------------------------------------------------------------------------------------------


def test_an_empty_world_says_so_on_every_panel(tabs: Tabs) -> None:
    with MockServer("empty") as mock:
        page = admin(tabs, mock.url)
        expect(page.page.get_by_text("This world has no tasks.")).to_be_visible()
        for panel, told in {
            "Faults": "No rule is active",
            "Requests": "No request has come yet.",
            "Permissions": "No answer has broken the contract.",
            "World": "Nothing yet.",
        }.items():
            page.go(panel)
            expect(page.page.get_by_text(told)).to_be_visible()
        page.press("Run until idle")
        expect(page.page.get_by_text("No change")).to_be_visible()


@pytest.mark.parametrize("id", ["17", "nonsense", "%3Cb%3E"])
def test_a_task_that_there_is_not_says_so(tabs: Tabs, failed: Client, id: str) -> None:
    page = admin(tabs, failed.mock.url, f"#/tasks/{id}")
    article = page.page.get_by_role("article")
    expect(article).to_contain_text(re.compile("17|nonsense|<b>"))
    expect(article.get_by_role("button")).to_have_count(0)
    page.open_task(1000, "Task 1000")
    page.shows("FAILED", of=10001)


def test_an_address_that_there_is_not_leads_to_the_tasks(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/nowhere/17")
    expect(page.heading("Tasks")).to_be_visible()
    for broken in ("#/%", "#/toString", "#/__proto__"):
        page.page.goto(f"{failed.mock.url}/__admin/{broken}")
        expect(page.heading("Tasks")).to_be_visible()


def test_tasks_are_found_by_name(tabs: Tabs) -> None:
    with MockServer("tour") as mock:
        page = admin(tabs, mock.url)
        expect(page.tasks).to_have_count(8)
        page.field("Name").fill("CREATE")
        expect(page.tasks).to_have_count(2)
        page.field("Name").fill("nothing is called so")
        expect(page.tasks).to_have_count(0)
        expect(page.page.get_by_text("0 tasks")).to_be_visible()


def test_of_many_tasks_the_newest_are_shown_and_the_others_found(tabs: Tabs) -> None:
    tasks = [{"id": id, "name": f"Task {id}", "subtasks": [{"id": 1}]} for id in range(1, 1001)]
    with MockServer({"tasks": tasks}) as mock:
        page = admin(tabs, mock.url)
        expect(page.page.get_by_text("The newest 500 of 1000 tasks")).to_be_visible()
        page.field("Name").fill("task 17")
        expect(page.page.get_by_text("11 tasks")).to_be_visible()
        page.open_task(17, "Task 17")


MARKUP: Final = "<img src=x onerror=alert(1)><b>&amp;</b>"


def test_markup_is_text_wherever_it_comes_from(tabs: Tabs) -> None:
    subtask = {"id": 1, "name": MARKUP, "status": "FAILED", "log": MARKUP}
    with MockServer({"tasks": [{"id": 1, "name": MARKUP, "subtasks": [subtask]}]}) as mock, Client(mock) as client:
        client.admin("POST", "/faults", {"error": {"status": 500, "message": MARKUP}, "times": 1})
        page = admin(tabs, mock.url, "#/tasks/1")
        page.press("Retry")
        expect(page.result).to_contain_text(MARKUP)
        expect(page.heading(f"1 {MARKUP}")).to_have_count(2)
        expect(page.page.get_by_role("region", name="Log", exact=True)).to_contain_text(MARKUP)
        page.go("Faults")
        expect(page.used_up).to_contain_text(MARKUP)
        page.page.goto(f"{mock.url}/__admin/#/requests/1")
        expect(page.page.get_by_role("region", name="Response body")).to_contain_text(MARKUP)
        expect(page.page.locator("main img, main b")).to_have_count(0)


def test_below_another_application_it_works_too(tabs: Tabs) -> None:
    outer, inner = web.Application(), create_app(failed_world())
    outer.add_subapp("/mock", inner)
    outer[SITE], outer[BUFFERED] = inner[SITE], inner[BUFFERED]  # for `running_in_thread`, which serves ours otherwise
    sockets = runner.bound("127.0.0.1", 0)
    with runner.running_in_thread(outer, sockets, grace_s=GRACE_S):
        page = admin(tabs, f"http://127.0.0.1:{sockets[0].getsockname()[1]}/mock/w/anna", "#/tasks/1000")
        page.press("Retry")
        expect(page.result).to_contain_text("200")
        page.press("Run until idle")
        page.shows("FAILED", "RETRY", of=10001)
        page.go("World")
        expect(page.page.get_by_role("listitem").get_by_text("/mock/w/anna")).to_be_visible()
        page.page.get_by_role("main").get_by_role("link", name="main").click()
        expect(page.page.locator("#where")).to_contain_text("@ main")


# --- no server -------------------------------------------------------------------------------------------------------


def test_a_lost_connection_says_so_and_is_found_again(tabs: Tabs) -> None:
    """With another world behind it: the page looks at everything anew."""
    with MockServer(failed_world()) as mock:
        page = admin(tabs, mock.url, "#/tasks")
        expect(page.task(1000)).to_be_visible()
        port = mock.port
    expect(page.lost).to_contain_text("Connection lost")
    page.press("Run until idle")
    expect(page.alert).to_contain_text("the server cannot be reached")
    shoot(page.page, "connection-lost")
    with MockServer({"tasks": [{"id": 2000, "name": "Another one", "subtasks": [{"id": 1}]}]}, port=port):
        expect(page.connection).to_have_text("● live")
        expect(page.task(2000)).to_be_visible()
        expect(page.task(1000)).to_have_count(0)


def test_a_world_that_is_replaced_is_shown_anew(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.shows("FAILED", of=10001)
    failed.admin("PUT", "/state", {"tasks": [{"id": 1000, "name": "Another", "subtasks": [{"id": 5}]}]})
    expect(page.heading("1000 Another")).to_be_visible()
    page.shows("READY", of=5)
    expect(page.node(10001)).to_have_count(0)
    expect(page.page.get_by_text("No subtask is chosen")).to_be_visible()


def test_a_control_call_that_is_refused_is_an_alert_until_it_is_dismissed(tabs: Tabs, failed: Client) -> None:
    for number in range(MAX_SNAPSHOTS):
        failed.mock.snapshot(f"kept-{number}")
    page = admin(tabs, failed.mock.url, "#/worlds")
    page.page.get_by_label("Name of a snapshot").fill("one-more")
    page.press("Take it")
    expect(page.alert).to_contain_text(f"{MAX_SNAPSHOTS} snapshots")
    page.press("Dismiss")
    expect(page.alert).to_have_text("")


# --- a token ---------------------------------------------------------------------------------------------------------


def test_the_admin_token_is_asked_for_once(tabs: Tabs) -> None:
    with MockServer("permissions", admin_token="let me in") as mock:
        page = Admin(open_admin(tabs, mock.url, "#/tasks/1000"))
        dialog = page.page.get_by_role("dialog", name="Admin token")
        expect(dialog).to_be_visible()
        shoot(page.page, "token")
        page.page.keyboard.press("Escape")
        dialog.get_by_label("Token").fill("open sesame")
        page.press("Go on")
        expect(dialog.get_by_role("alert")).to_have_text("That is not the token.")
        dialog.get_by_label("Token").fill("let me in")
        page.press("Go on")
        expect(page.connection).to_have_text("● live")
        page.shows("FAILED", of=10001)
        page.act_as("operator")
        page.press("Retry")
        expect(page.result).to_contain_text("200")
        page.press("Step")
        page.shows("FAILED", "RETRY", of=10001)
        for panel in PANELS:
            page.go(panel)
        expect(dialog).to_be_hidden()
        page.page.reload()
        expect(page.connection).to_have_text("● live")
        expect(dialog).to_be_hidden()


# --- ids past 2^53 ---------------------------------------------------------------------------------------------------

TASK_ID: Final = 2**63 - 1
SUBTASKS: Final = (2**53 + 1, 2**53 + 3)
BIG: Final[Json] = {
    "clock": {"mode": "manual"},
    "tasks": [
        {
            "id": TASK_ID,
            "name": "The last one",
            "subtasks": [{"id": SUBTASKS[0], "status": "FAILED"}, {"id": SUBTASKS[1], "upstreams": [SUBTASKS[0]]}],
        }
    ],
}


def test_ids_past_2_to_the_53_are_exact_everywhere(tabs: Tabs) -> None:
    task, subtask = TASK_ID, SUBTASKS[0]
    with MockServer(BIG) as mock:
        page = admin(tabs, mock.url)
        page.open_task(task, "The last one")
        page.node(subtask).click()
        page.press("Retry")
        expect(page.result).to_contain_text(f"Retry {subtask} as nobody: 200")
        page.shows("READY", "RETRY", of=subtask)
        page.press("Run until idle")
        page.shows("SUCCESSFUL", of=SUBTASKS[1])
        expect(page.caused.last).to_contain_text(f"task {task}")
        page.go("Faults")
        presets = page.page.get_by_role("group", name="For which requests")
        presets.get_by_label("Task id", exact=True).fill(str(task))
        presets.get_by_label("Subtask id").fill(str(subtask))
        page.press("503")
        expect(page.rules).to_contain_text(f"retrySubtask on subtask {subtask} on task {task}")
        assert (mock.faults()[0]["taskInstanceId"], mock.faults()[0]["subtaskInstanceId"]) == (task, subtask)
        page.go("Requests")
        expect(page.row("retrySubtask")).to_contain_text(f"{task}/subtasks/{subtask}")
        page.row("retrySubtask").get_by_role("link").click()
        expect(page.page.get_by_role("region", name="Response body")).to_contain_text(f'"id": {subtask}')


def test_the_director_is_exact_too(tabs: Tabs) -> None:
    with MockServer(BIG) as mock:
        page = admin(tabs, mock.url, f"#/tasks/{TASK_ID}")
        page.page.get_by_text("Change the world directly").click()
        page.field("Status").select_option("SUCCESSFUL")
        page.press("Set status")
        page.shows("SUCCESSFUL", of=SUBTASKS[0])
        page.go("World")
        page.press("Copy fixture of now")
        fixture = page.field("Fixture of now")
        expect(fixture).not_to_have_value("")
        assert json.loads(fixture.input_value())["tasks"][0]["id"] == TASK_ID


# --- a bug of ours ---------------------------------------------------------------------------------------------------


@pytest.mark.planted(2)
def test_a_violation_is_hard_to_miss(tabs: Tabs, strict: Client) -> None:
    """By itself, wherever one is; and it leads to the account."""
    page = admin(tabs, strict.mock.url, "#/tasks/1000")
    verdict = page.page.get_by_role("link", name="broke the contract")
    expect(verdict).to_have_count(0)
    page.press("Retry")
    expect(page.result).to_contain_text("This answer breaks the contract: a bug of the mock server.")
    expect(verdict).to_have_text("1 answer broke the contract", timeout=SOON_MS)
    strict.get(TASK)
    expect(verdict).to_have_text("2 answers broke the contract", timeout=SOON_MS)
    shoot(page.page, "violation")
    verdict.click()
    expect(page.page.get_by_text("✕ 2 answers broke the contract")).to_be_visible()


# --- no mouse --------------------------------------------------------------------------------------------------------


FOCUSED: Final = "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"


def tab_to(page: Admin, name: str, key: str = "Tab") -> None:
    """By that key alone. The name is a pattern."""
    for _ in range(60):
        page.page.keyboard.press(key)
        if re.fullmatch(name, page.page.evaluate(FOCUSED)):
            return
    raise AssertionError(f"{key} does not lead to {name}")


def test_everything_can_be_done_by_the_keyboard(tabs: Tabs) -> None:
    with MockServer("permissions", auth="open") as mock:
        page = admin(tabs, mock.url)
        expect(page.task(1000)).to_be_visible()
        keys = page.page.keyboard
        keys.press("Tab")
        expect(page.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        keys.press("Enter")
        expect(page.page.get_by_role("main")).to_be_focused()
        tab_to(page, "1000 Uninstall ocp agent.*")
        keys.press("Enter")
        page.shows("FAILED", of=10001)
        tab_to(page, "10001 Uninstall ocp agent, FAILED")
        keys.press("ArrowLeft")
        expect(page.node(10000)).to_be_focused()
        keys.press("Enter")
        expect(page.subtask).to_contain_text("10000 Check host")
        keys.press("End")
        expect(page.node(10002)).to_be_focused()
        keys.press("ArrowLeft")
        expect(page.node(10001)).to_be_focused()
        keys.press("Space")
        expect(page.subtask).to_contain_text("10001 Uninstall ocp agent")
        tab_to(page, "Retry")
        keys.press("Enter")
        page.shows("READY", "RETRY", of=10001)
        expect(page.button("Retry")).to_be_focused()
        tab_to(page, "Step by", "Shift+Tab")
        keys.press("Enter")
        page.shows("FAILED", "RETRY", of=10001)
        expect(page.page.get_by_label("Step by")).to_be_focused()


def test_who_goes_to_a_task_reads_on_there_and_who_opens_the_page_begins_at_its_top(tabs: Tabs, failed: Client) -> None:
    failed.admin("PUT", "/state", {"tasks": [{"id": id, "subtasks": [{"id": id}]} for id in (1, 2)]})
    page = admin(tabs, failed.mock.url)
    expect(page.heading("2 Task 2")).to_be_visible()
    assert page.page.evaluate("document.activeElement === document.body")
    page.tasks.last.click()
    expect(page.heading("1 Task 1")).to_be_focused()


def test_the_content_is_skipped_to_on_every_panel(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("main")).to_be_focused()
    expect(page.heading("Faults")).to_be_visible()


def test_what_one_types_stays_while_lists_move(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    page.page.get_by_text("Your own fault").click()
    message = page.page.get_by_label("Message")
    message.focus()
    for number in range(5):
        page.page.keyboard.type(f"{number} ")
        failed.fault(503, times=1)
        failed.get(TASK)
        expect(page.used_up).to_have_count(number + 1)
    expect(page.used_up.first).to_contain_text("used up")
    expect(message).to_be_focused()
    expect(message).to_have_value("0 1 2 3 4 ")


def test_a_filter_keeps_the_focus_while_requests_come(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/requests")
    page.field("Contains").focus()
    page.page.keyboard.type("retry")
    failed.get(TASK)
    failed.post(RETRY)
    expect(page.row("retrySubtask")).to_be_visible()
    page.page.keyboard.type("Sub")
    failed.post(RETRY)
    expect(page.row("retrySubtask")).to_have_count(2)
    expect(page.field("Contains")).to_be_focused()
    expect(page.field("Contains")).to_have_value("retrySub")


def test_a_chosen_subtask_keeps_the_focus_while_the_world_moves(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.node(10001).focus()
    failed.post(RETRY)
    page.shows("READY", of=10001)
    failed.mock.advance("5s")
    page.shows("FAILED", of=10001)
    expect(page.node(10001)).to_be_focused()
