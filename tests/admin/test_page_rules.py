"""The page's panels Faults and Who may what, in a real browser: rules that it adds, shows and removes, live."""

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import browser
import pytest
import requests
from browser import Tabs, expect, shoot
from clients import RETRY, TASK, Client, Json, said
from panels import CLIPBOARD, SOON_MS, admin
from processes import END_S
from raw_sockets import connected, heard, request
from waiting import eventually

from mockserver import MockServer

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

IMPATIENT_S: Final = 0.3


def soon(what: "Locator", text: str) -> None:
    """Shows it, within SOON_MS."""
    expect(what).to_contain_text(text, timeout=SOON_MS)


# --- presets: what a client elsewhere gets ---------------------------------------------------------------------------


def retried(client: Client) -> requests.Response:
    """A retry from outside, by a client that sends each request once."""
    return requests.post(client.mock.url + RETRY, timeout=END_S)


def lost(client: Client) -> None:
    with pytest.raises(requests.ConnectionError):
        retried(client)
    assert client.subtasks()[1] == "READY", "it did happen"


def unavailable(client: Client) -> None:
    assert retried(client).status_code == 503
    assert client.subtasks()[1] == "FAILED", "it did not happen"


def slow(client: Client) -> None:
    answer = retried(client)
    assert (answer.status_code, answer.elapsed.total_seconds() >= 2) == (200, True)


def hang(client: Client) -> None:
    with connected(client.mock.port) as connection:
        connection.sendall(request(RETRY, "POST", **{"Content-Length": "0"}))
        eventually(lambda: client.mock.faults()[0]["hits"] == 1)
        connection.settimeout(IMPATIENT_S)
        assert heard(connection) == (b"", "silent")
    assert client.subtasks()[1] == "FAILED", "it did not happen"


def reset(client: Client) -> None:
    with pytest.raises(requests.ConnectionError):
        retried(client)
    assert client.subtasks()[1] == "FAILED", "it did not happen"


def html(client: Client) -> None:
    answer = retried(client)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert "502 Bad Gateway" in answer.text
    assert client.subtasks()[1] == "FAILED", "it did not happen"


def invalid(client: Client) -> None:
    answer = retried(client)
    assert answer.headers["X-Mock-Contract"] == "deliberately-invalid"
    assert client.subtasks()[1] == "READY", "it did happen"


def limited(client: Client) -> None:
    answers = [retried(client) for _ in range(6)]
    assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True]
    assert int(answers[-1].headers["Retry-After"]) > 0


def denied(client: Client) -> None:
    assert said(retried(client)) == (403, "IAM11000")


PRESETS: Final[dict[str, tuple[Callable[[Client], None], str]]] = {
    "Lost answer": (lost, "1 hit, until removed"),
    "503": (unavailable, "1 hit, until removed"),
    "Slow (2 s)": (slow, "1 hit, until removed"),
    "Hang": (hang, "1 hit, until removed"),
    "Connection reset": (reset, "1 hit, until removed"),
    "HTML from a proxy": (html, "1 hit, until removed"),
    "Broken contract": (invalid, "1 hit, until removed"),
    "Rate limit": (limited, "1 hit, until removed"),
    "Permission revoked": (denied, "1 hit, until removed"),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_acts_on_requests_from_outside(tabs: Tabs, failed: Client, preset: str) -> None:
    """Its hits are counted on the page as they happen; and the button that removes it does."""
    page = admin(tabs, failed.mock.url, "#/faults")
    acts, counted = PRESETS[preset]
    page.press(preset)
    expect(page.rules).to_have_count(1)
    expect(page.rules).to_contain_text("0 hits")
    acts(failed)
    soon(page.rules, counted)
    page.rules.get_by_role("button").click()
    expect(page.rules).to_have_count(0)
    failed.mock.task(1000).subtask(10001).set(status="FAILED")
    assert retried(failed).headers.get("X-Mock-Rule") is None


def test_every_preset_of_the_page_is_tried(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    buttons = page.page.locator(".presets").get_by_role("button")
    expect(buttons).to_have_text(list(PRESETS))


def test_a_preset_is_aimed(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url, "#/faults")
    presets = page.page.get_by_role("group", name="For which requests")
    presets.get_by_label("Operation").select_option("getTaskInstance")
    presets.get_by_label("User").fill("viewer")
    presets.get_by_label("Task id", exact=True).fill("1000")
    expect(presets).to_contain_text("A preset acts on getTaskInstance by viewer on task 1000.")
    page.press("503")
    expect(page.rules).to_contain_text("getTaskInstance by viewer on task 1000: error 503")
    statuses = [permissions.get(TASK, auth=(user, user)).status_code for user in ("viewer", "operator", "viewer")]
    assert statuses == [503, 200, 503]


# --- rules from elsewhere --------------------------------------------------------------------------------------------


def test_a_fault_from_outside_appears_and_counts_by_itself(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    expect(page.page.get_by_text("No rule is active")).to_be_visible()
    failed.fault(418, operation="getTaskInstance", times=3)
    soon(page.rules, "getTaskInstance: error 418")
    for hits, left in (("1 hit", "2 of 3 left"), ("2 hits", "1 of 3 left")):
        failed.get(TASK)
        soon(page.rules, f"{hits}, {left}")
    failed.get(TASK)
    soon(page.used_up, "3 hits, used up")
    expect(page.rules).to_have_count(0)
    failed.mock.clear_faults()
    expect(page.used_up).to_have_count(0, timeout=SOON_MS)


def test_a_rule_that_has_acted_is_found_from_its_answer(tabs: Tabs, failed: Client) -> None:
    failed.fault(operation="retrySubtask", times=1)
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.press("Retry")
    expect(page.result).to_contain_text("503")
    page.result.get_by_role("link", name="fault-1").click()
    expect(page.used_up).to_contain_text("1 hit, used up")
    expect(page.used_up).to_be_focused()


def test_all_rules_are_removed_at_once(tabs: Tabs, failed: Client) -> None:
    failed.fault()
    failed.mock.deny("TASK_MANAGER")
    page = admin(tabs, failed.mock.url, "#/faults")
    expect(page.rules).to_have_count(2)
    page.press("Remove all")
    expect(page.rules).to_have_count(0)
    assert (failed.mock.faults(), failed.mock.denials()) == ([], [])
    assert retried(failed).status_code == 200


def test_an_act_of_the_page_that_hangs_can_be_stopped(tabs: Tabs, failed: Client) -> None:
    """And the page says that nobody can know what became of it."""
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fault": "HANG"})
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.press("Retry")
    expect(page.result).to_contain_text("waiting for the answer")
    page.press("Stop waiting")
    expect(page.result).to_contain_text("Retry 10001 as nobody: no answer — you stopped waiting.")
    expect(page.button("Stop waiting")).to_be_hidden()
    assert failed.subtasks()[1] == "FAILED"
    failed.mock.clear_faults()
    page.press("Retry")
    expect(page.result).to_contain_text("200")


def test_an_answer_that_was_lost_did_happen_and_the_page_shows_both(tabs: Tabs, failed: Client) -> None:
    failed.admin("POST", "/faults", {"when": "after", "fault": "CONNECTION_RESET_BY_PEER"})
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.press("Retry")
    expect(page.result).to_contain_text("Retry 10001 as nobody: no answer — the connection broke before an answer")
    page.shows("READY", "RETRY", "run 2", of=10001)


def test_what_the_browser_has_sent_twice_by_itself_is_said(tabs: Tabs, failed: Client) -> None:
    """Chromium does so, even with a POST, when a connection breaks that has been used before."""
    page = admin(tabs, failed.mock.url, "#/tasks/1000")
    page.press("Cancel")
    expect(page.result).to_contain_text("Cancel 10001 as nobody: 400")  # by the connection that breaks then
    failed.admin("POST", "/faults", {"when": "after", "fault": "CONNECTION_RESET_BY_PEER", "times": 1})
    page.press("Retry")
    expect(page.result).to_contain_text("TSK10007")
    expect(page.result).to_contain_text("The browser has sent it twice")
    assert [one["resent"] for one in failed.mock.requests("retrySubtask")] == [False, True]


# --- a fault of one's own --------------------------------------------------------------------------------------------


def test_what_the_server_refuses_is_told_in_full_and_nothing_is_lost(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    page.page.get_by_text("Your own fault").click()
    form = page.page.locator("form").filter(has=page.button("Add this fault"))
    typed = {"Status": "99", "Message": "it's “busy”", "Times": "-1", "Probability": "often"}
    for label, text in typed.items():
        form.get_by_label(label, exact=True).locator("visible=true").fill(text)
    page.press("Add this fault")
    told = form.get_by_role("alert")
    for path in ("$.error.status: ", "$.times: ", "$.probability: "):
        expect(told).to_contain_text(path)
    for label, text in typed.items():
        box = form.get_by_label(label, exact=True).locator("visible=true")
        expect(box).to_have_value(text)
        assert (box.get_attribute("aria-invalid") == "true") is (label != "Message")
    assert failed.mock.faults() == []

    for label, text in {"Status": "507", "Times": "1", "Probability": ""}.items():
        form.get_by_label(label, exact=True).locator("visible=true").fill(text)
    page.press("Add this fault")
    expect(page.rules).to_contain_text("error 507, “it's “busy””")
    expect(told).to_have_text("")
    answer = retried(failed)
    assert (answer.status_code, answer.json()["error"]["message"]) == (507, typed["Message"])


def test_a_fault_of_ones_own_is_copied_as_a_control_call(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults", **CLIPBOARD)
    page.page.get_by_text("Your own fault").click()
    form = page.page.locator("form").filter(has=page.button("Add this fault"))
    form.get_by_label("Message").fill("it's full")
    form.get_by_role("button", name="Copy as curl").click()
    expect(page.news).to_contain_text("Copied: curl command.")
    subprocess.run(["bash", "-c", page.clipboard()], check=True, capture_output=True, timeout=END_S)
    expect(page.rules).to_contain_text("error 503, “it's full”")


OWN: Final[dict[str, Json]] = {
    "A broken connection": {"fault": "CONNECTION_RESET_BY_PEER"},
    "A response of your own": {
        "response": {"status": 502, "headers": {"Content-Type": "text/html"}, "body": "<h1>502 Bad Gateway</h1>"}
    },
    "A body that breaks off": {"truncateBodyAtFraction": 0.5},
    "A body in pieces": {"chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 3000}},
    "Contract broken: something removed": {"violate": {"remove": "/data/status"}},
    "Contract broken: something set": {"violate": {"set": {"/data/status": "EXPLODED"}}},
    "Contract broken: at random": {"violate": "random"},
    "A rate limit": {"rateLimit": {"limit": 5, "perSeconds": 1}},
    "Nothing but a delay": {"fixedDelayMilliseconds": 2000},
}


def test_every_effect_can_be_added_by_the_form(tabs: Tabs, failed: Client) -> None:
    page = admin(tabs, failed.mock.url, "#/faults")
    page.page.get_by_text("Your own fault").click()
    form = page.page.locator("form").filter(has=page.button("Add this fault"))
    for number, (words, body) in enumerate(OWN.items(), 1):
        form.get_by_label("Effect").select_option(words)
        form.get_by_label("Delay").select_option("fixed" if "fixedDelayMilliseconds" in body else "none")
        form.get_by_role("button", name="Add this fault").click()
        expect(page.rules).to_have_count(number)
        added = failed.mock.faults()[-1]
        assert {key: added[key] for key in body} == body, words


# --- who may what ----------------------------------------------------------------------------------------------------


def test_a_click_in_the_matrix_denies_and_another_gives_back(tabs: Tabs, permissions: Client) -> None:
    def retry_as(user: str) -> tuple[int, int | str | None]:
        return said(permissions.post(RETRY, auth=(user, user)))

    page = admin(tabs, permissions.mock.url, "#/who")
    page.press("operator may retrySubtask: deny it")
    denied = page.button("operator is denied retrySubtask: give it back")
    expect(denied).to_have_text("✕ denied")
    expect(denied).to_be_focused()
    assert retry_as("operator") == (403, "IAM11000")
    assert retry_as("admin") == (200, None)
    permissions.mock.task(1000).subtask(10001).set(status="FAILED")
    denied.click()
    expect(page.button("operator may retrySubtask: deny it")).to_have_text("✓ may")
    assert retry_as("operator") == (200, None)


def test_what_a_user_lacks_is_said_and_cannot_be_given(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url, "#/who")
    cell = page.button("viewer may not retrySubtask: lacks TASK_MANAGER")
    expect(cell).to_be_disabled()
    expect(cell).to_have_text("✕ may not")


def test_a_denial_from_outside_appears_in_the_matrix_by_itself(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url, "#/who")
    expect(page.button("operator may skipSubtask: deny it")).to_be_visible()
    permissions.mock.deny("TASK_MANAGER", operation="skipSubtask")
    denied = page.button("operator is denied skipSubtask: give it back")
    expect(denied).to_be_visible(timeout=SOON_MS)
    page.press("Give all back")
    expect(page.button("operator may skipSubtask: deny it")).to_be_visible(timeout=SOON_MS)


def test_the_account_counts_as_requests_come(tabs: Tabs, permissions: Client) -> None:
    page = admin(tabs, permissions.mock.url, "#/who")
    invalid = page.page.locator(".who dd").nth(2)
    expect(invalid).to_have_text("0")
    permissions.admin("POST", "/faults", {"violate": "random", "times": 1})
    permissions.get(TASK, auth=("viewer", "viewer"))
    expect(invalid).to_have_text("1", timeout=SOON_MS)
    expect(page.page.get_by_text("✓ No answer has broken the contract.")).to_be_visible()


def test_pictures_of_the_rules(tabs: Tabs) -> None:
    with MockServer("tour") as mock, Client(mock) as client:
        client.fault(operation="retrySubtask", times=2)
        client.admin("POST", "/faults", {"fixedDelayMilliseconds": 300, "user": "viewer", "skip": 1})
        client.admin("POST", "/faults", {"when": "after", "fault": "CONNECTION_RESET_BY_PEER", "times": 1})
        client.mock.deny("TASK_MANAGER", user="operator", operation="skipSubtask")
        with pytest.raises(requests.ConnectionError):
            retried(client)
        page = admin(tabs, mock.url, "#/faults")
        expect(page.rules).to_have_count(3)
        shoot(page.page, "faults")
        page.page.get_by_text("Your own fault").click()
        shoot(page.page, "faults-form")
        page.go("Permissions")
        expect(page.button("operator is denied skipSubtask: give it back")).to_be_visible()
        shoot(page.page, "matrix")
