"""Sessions: a stub logs somebody in, a cookie then acts as that user at the task API, and what ends it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from clients import RETRY, TASK, TASKS
from processes import END_S
from raw_sockets import connected

from mockserver import MockServer

USERS = {
    "operator": {"password": "secret-word", "permissions": ["TASK_MANAGER"]},
    "viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"]},
}
STUBS = [
    {"request": {"method": "POST", "urlPath": "/login"}, "response": {"session": "form", "jsonBody": {"ok": True}}},
    {"request": {"urlPath": "/as-viewer"}, "response": {"session": "viewer"}},
    {"request": {"urlPath": "/logout"}, "response": {"session": "end"}},
]
WORLD = {"auth": "basic", "users": USERS, "tasks": [{"id": 1000, "subtasks": [{"id": 10001, "status": "FAILED"}]}]}


class Browser(requests.Session):
    """Keeps cookies, as a browser does."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.trust_env = False
        self.base = base

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.request(method, self.base + path, timeout=END_S, **options)

    def login(self, user: str = "operator", password: str = "secret-word") -> requests.Response:
        return self.ask("POST", "/login", data={"username": user, "password": password})

    def status(self, path: str = TASK, method: str = "GET") -> int:
        return self.ask(method, path).status_code

    @property
    def token(self) -> str:
        return self.cookies["OCP_MOCK_SESSION"]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer({**WORLD, "stubs": STUBS}) as mock:
        yield mock


@pytest.fixture
def mock(server: MockServer) -> MockServer:
    server._renew()
    return server


@pytest.fixture
def browser(mock: MockServer) -> Iterator[Browser]:
    with Browser(mock.url) as browser:
        yield browser


def test_a_form_logs_in_whom_it_names(browser: Browser, mock: MockServer) -> None:
    assert browser.status() == 401
    answer = browser.login()
    assert answer.json() == {"ok": True}
    assert answer.headers["Set-Cookie"] == f"OCP_MOCK_SESSION={browser.token}; Path=/; HttpOnly"
    assert (browser.status(), browser.status(RETRY, "POST")) == (200, 200)
    assert mock.requests("retrySubtask")[0]["user"] == "operator"


@pytest.mark.parametrize(
    "form",
    [
        {"username": "operator", "password": "viewer"},
        {"username": "nobody", "password": "secret-word"},
        {"username": "operator"},
        {},
    ],
)
def test_a_form_that_is_wrong_is_a_401_in_the_envelope(browser: Browser, form: dict[str, str]) -> None:
    answer = browser.ask("POST", "/login", data=form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "IAM10004")
    assert "WWW-Authenticate" not in answer.headers
    assert not browser.cookies


def test_a_user_is_logged_in_without_a_question(browser: Browser) -> None:
    browser.ask("GET", "/as-viewer")
    answer = browser.ask("POST", RETRY)
    assert (answer.status_code, browser.status()) == (403, 200)
    assert "User viewer lacks" in answer.json()["error"]["message"]


def test_a_session_ends(browser: Browser) -> None:
    browser.login()
    token = browser.token
    assert "Max-Age=0" in browser.ask("GET", "/logout").headers["Set-Cookie"]
    assert not browser.cookies
    browser.cookies.set("OCP_MOCK_SESSION", token)
    answer = browser.ask("GET", TASK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "IAM10000")
    assert "log in again" in answer.headers["X-Mock-Hint"]


@pytest.mark.parametrize("path", [TASK, TASKS, f"{TASK}/subtasks/10001/log"])
def test_a_reset_ends_every_session_and_its_undoing_brings_them_back(
    browser: Browser, mock: MockServer, path: str
) -> None:
    browser.login()
    mock.reset()
    assert browser.status(path) == 401
    mock._line.call("POST", "/reset/undo")
    assert browser.status(path) == 200


def test_what_is_no_session_is_no_client_error(browser: Browser, mock: MockServer) -> None:
    before = mock.contract()["clientErrors"]
    browser.cookies.set("OCP_MOCK_SESSION", "made-up")
    assert browser.status() == 401
    assert browser.status("/as-viewer") == 200, "no stub asks who it is"
    assert mock.contract()["clientErrors"] == before


def test_an_unknown_session_is_a_401_where_credentials_are_not_required_too(browser: Browser, mock: MockServer) -> None:
    mock.set_settings(auth="open")
    assert browser.status() == 200
    browser.cookies.set("OCP_MOCK_SESSION", "made-up")
    assert browser.status() == 401


def test_where_nobody_can_log_in_the_cookie_is_some_other_server_s(browser: Browser, mock: MockServer) -> None:
    mock.set_settings(auth="open")
    mock.clear_stubs()
    browser.cookies.set("OCP_MOCK_SESSION", "made-up")
    assert browser.status() == 200


def test_credentials_that_are_sent_win(browser: Browser) -> None:
    browser.login("viewer", "viewer")
    assert browser.ask("POST", RETRY, auth=("operator", "secret-word")).status_code == 200
    assert browser.ask("GET", TASK, auth=("operator", "wrong")).status_code == 401


def test_a_session_of_one_world_is_none_in_another(browser: Browser, mock: MockServer) -> None:
    with Browser(f"{mock.url}/w/anna") as anna:
        answer = anna.login()
        assert answer.headers["Set-Cookie"].endswith("; Path=/w/anna; HttpOnly")
        assert anna.status() == 200
        browser.cookies.set("OCP_MOCK_SESSION", anna.token)
    assert browser.status() == 401
    browser.base += "/w/berta"
    assert browser.status() == 401


def test_of_two_cookies_the_one_that_is_known_counts(browser: Browser, mock: MockServer) -> None:
    browser.login()
    cookie = {"Cookie": f"a=b; OCP_MOCK_SESSION=other; OCP_MOCK_SESSION={browser.token}"}
    assert requests.get(mock.url + TASK, headers=cookie, timeout=END_S).status_code == 200


def test_a_user_who_is_gone_has_no_session(browser: Browser, mock: MockServer) -> None:
    browser.login()
    mock.load({**mock.state(), "users": {"viewer": USERS["viewer"]}})
    assert browser.status() == 401


def test_the_cookie_and_the_form_s_password_are_in_no_journal_and_no_log(
    browser: Browser, mock: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        browser.login()
        browser.status()
        browser.status(RETRY, "POST")
        browser.status("/x")
    journal = mock.requests()
    shown = [journal, mock.state(), *(mock._line.call("GET", f"/requests/{one['id']}/copies") for one in journal)]
    assert journal[0]["requestBody"] == "username=operator&password=[redacted]"
    assert browser.token not in json.dumps(shown) + caplog.text
    assert "secret-word" not in json.dumps(journal) + caplog.text


@pytest.mark.parametrize(
    ("path", "body"),
    [("/plain?access_token=hush-hush", {}), ("/plain", {"json": {"user": {"password": "hush-hush"}}})],
    ids=["query", "body"],
)
def test_no_stub_s_request_shows_a_secret(
    browser: Browser, mock: MockServer, caplog: pytest.LogCaptureFixture, path: str, body: dict[str, object]
) -> None:
    mock.stub({"request": {"urlPath": "/plain"}, "response": {"body": "well"}})
    with caplog.at_level(logging.INFO):
        assert browser.ask("POST", path, **body).text == "well"
    (entry,) = mock.requests()
    shown = json.dumps([entry, mock._line.call("GET", f"/requests/{entry['id']}/copies")])
    assert "hush-hush" not in shown + caplog.text
    assert "[redacted]" in shown


def test_what_a_session_asked_for_is_copied_with_its_user_s_credentials(browser: Browser, mock: MockServer) -> None:
    browser.login("viewer", "viewer")
    browser.status()
    copies = mock._line.call("GET", f"/requests/{mock.requests()[-1]['id']}/copies")
    assert "-u viewer:viewer" in copies["curl"]


def test_a_request_that_the_front_would_answer_finds_its_session(browser: Browser, mock: MockServer) -> None:
    """In the very bytes of one that was answered without."""
    browser.login()
    head = f"GET {TASK} HTTP/1.1\r\nHost: x\r\n"
    with connected(mock.port) as connection:
        for cookie, status in (("", b"401"), (f"Cookie: OCP_MOCK_SESSION={browser.token}\r\n", b"200")):
            connection.sendall(f"{head}{cookie}\r\n".encode())
            assert connection.recv(65536)[9:12] == status
