"""What the open-source console of OCP Express does, over HTTP: from its login page to a retry that is refused."""

from collections.abc import Iterator

import pytest
import requests
from processes import END_S

from mockserver import MockServer

ASKED_BY_EVERY_PAGE = ("profiles/me", "loginKey", "info", "config/systemInfo", "time")
BY_THE_BUBBLE = ("ob/tenants", "ob/tenants/1", "ob/tenants/1/sessions/stats", "ob/tenants/1/users")


@pytest.fixture(scope="module")
def served() -> Iterator[MockServer]:
    with MockServer("ocp-express-console") as mock:
        yield mock


@pytest.fixture
def console(served: MockServer) -> Iterator["Console"]:
    served._renew()
    with Console(served.api_url) as console:
        yield console


class Console(requests.Session):
    def __init__(self, api: str) -> None:
        super().__init__()
        self.trust_env = False
        self.api = api

    def ask(self, path: str, method: str = "GET", **form: str) -> requests.Response:
        return self.request(method, f"{self.api}/{path}", data=form or None, timeout=END_S)

    def login(self, user: str) -> requests.Response:
        return self.ask("login", "POST", username=user, password=user)


def test_its_dialect_brings_its_prefix(console: Console) -> None:
    assert console.api.endswith("/api/v1")


@pytest.mark.parametrize("path", ASKED_BY_EVERY_PAGE)
def test_what_every_page_asks_for_is_there_before_and_after_a_login(console: Console, path: str) -> None:
    before = console.ask(path)
    console.login("viewer")
    assert before.status_code == 200
    assert console.ask(path).content == before.content


def test_the_time_is_no_envelope_and_the_key_is_empty(console: Console) -> None:
    """With another key the console would encrypt the password."""
    assert console.ask("time").json() == {}
    assert console.ask("loginKey").json() == {"successful": True, "data": {"publicKey": ""}}


@pytest.mark.parametrize("path", BY_THE_BUBBLE)
def test_the_header_s_bubble_finds_nothing(console: Console, path: str) -> None:
    assert (console.ask(path).status_code, console.ask(path).json()) == (200, {})


@pytest.mark.parametrize(("method", "path"), [("GET", "ob/clusters"), ("PUT", "config/x"), ("DELETE", "alarm/1?a=b")])
def test_all_other_pages_live(console: Console, method: str, path: str) -> None:
    answer = console.ask(path, method)
    assert (answer.status_code, answer.json()) == (200, {"successful": True, "data": {}})


def test_a_user_logs_in_looks_is_refused_and_logs_out(console: Console) -> None:
    assert console.ask("tasks/instances").status_code == 401
    assert console.login("viewer").json() == {"successful": True, "data": {"location": "/task"}}
    listed = console.ask("tasks/instances").json()
    assert [task["id"] for task in listed["data"]["contents"]] == [1002, 1001, 1000]
    assert console.ask("tasks/instances/1000/subtasks/10001/retry", "POST").status_code == 403
    console.ask("logout", "POST")
    assert console.ask("tasks/instances").status_code == 401


def test_an_operator_retries_without_any_authorization(console: Console, served: MockServer) -> None:
    console.login("operator")
    assert console.ask("tasks/instances/1000/subtasks/10001/retry", "POST").json()["data"]["status"] == "READY"
    assert [one["user"] for one in served.requests("retrySubtask")] == ["operator"]
    assert served.contract()["clientErrors"] == 0
