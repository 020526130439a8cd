"""Who may do what, over HTTP: credentials, permissions and denials."""

import base64
from collections.abc import Iterator

import pytest
from clients import RETRY, SUBTASK, TASK, TASKS, Client, failed_world, said

from mockserver import MockServer
from mockserver.contract.operations import OPERATIONS

OPERATOR = ("operator", "operator")
VIEWER = ("viewer", "viewer")
ADMIN = ("admin", "admin")
CHALLENGE = 'Basic realm="OCP"'
MALFORMED = {
    "no token": "Basic",
    "not base64": "Basic ???",
    "no colon": "Basic " + base64.b64encode(b"operator").decode(),
    "a password after the token": "Basic " + base64.b64encode(b"operator:operator").decode() + " x",
}
"""Of a scheme that every world knows."""
UNKNOWN = {"another scheme": "Bearer abc", "one word": "abc", "empty": ""}
malformed = pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED.keys())


@pytest.fixture
def opened() -> Iterator[Client]:
    """A world without a login that has users all the same."""
    users = {"viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"]}}
    with MockServer(failed_world(users=users)) as mock, Client(mock) as client:
        yield client


def operation(id: str) -> tuple[str, str]:
    """Method and path with which an operation is asked for."""
    found = OPERATIONS[id]
    return found.method, "/api/v2" + found.path.format(taskInstanceId=1000, subtaskInstanceId=10001)


# --- credentials ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", OPERATIONS)
def test_without_credentials_nothing_is_done(permissions: Client, id: str) -> None:
    before = permissions.state()
    answer = permissions(*operation(id))
    assert said(answer) == (401, "IAM10000")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert permissions.state() == before


@pytest.mark.parametrize("auth", [("operator", "guess"), ("nobody", "operator"), ("", ""), ("operator", "")])
def test_wrong_credentials_are_refused(permissions: Client, auth: tuple[str, str]) -> None:
    before = permissions.state()
    answer = permissions.post(RETRY, auth=auth)
    assert said(answer) == (401, "IAM10004")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert permissions.state() == before


@pytest.mark.parametrize("header", [*MALFORMED.values(), *UNKNOWN.values()], ids=[*MALFORMED, *UNKNOWN])
def test_a_malformed_header_is_refused(permissions: Client, header: str) -> None:
    answer = permissions.post(RETRY, headers={"Authorization": header})
    assert said(answer) == (401, "IAM10004")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE


@malformed
def test_a_malformed_header_is_refused_where_none_is_needed(failed: Client, header: str) -> None:
    assert said(failed.get(TASK, headers={"Authorization": header})) == (401, "IAM10004")


@pytest.mark.parametrize(
    "headers", [*({"Authorization": one} for one in UNKNOWN.values()), {"Cookie": "SID=1"}], ids=str
)
def test_a_scheme_that_the_world_does_not_know_is_nobody_in_particular(
    opened: Client, permissions: Client, headers: dict[str, str]
) -> None:
    """Let in where nobody must log in; a cookie is no credentials at all."""
    assert said(opened.post(RETRY, headers=headers)) == (200, None)
    assert opened.latest()["request"]["user"] is None
    assert said(permissions.post(RETRY, headers=headers)) == (401, "IAM10000" if "Cookie" in headers else "IAM10004")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Bearer secret", "The Authorization scheme is Bearer, not Basic."),
        ("secret", "The Authorization scheme is not Basic."),
        ("token=secret, x", "The Authorization scheme is not Basic."),
    ],
)
def test_what_may_be_a_secret_is_not_repeated(permissions: Client, header: str, message: str) -> None:
    """Not in the answer, nor in what the journal has of the request."""
    answer = permissions.get(TASK, headers={"Authorization": header})
    assert message in answer.json()["error"]["message"]
    assert "secret" not in permissions.get("/__admin/requests").text


@pytest.mark.parametrize(
    ("headers", "is_told"),
    [
        ({}, True),
        ({"User-Agent": "curl/8.5.0"}, True),
        ({"User-Agent": "Mozilla/5.0"}, False),
        ({"User-Agent": "Mozilla/5.0", "Sec-Fetch-Mode": "navigate"}, True),
        ({"User-Agent": "curl/8.5.0", "Sec-Fetch-Mode": "cors"}, False),
        ({"Sec-Fetch-Mode": "same-origin"}, False),
        ({"Origin": "http://localhost:3000"}, False),
        ({"Origin": "null", "Sec-Fetch-Mode": "navigate"}, False),
        ({"X-Requested-With": "XMLHttpRequest"}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "asking", [{}, {"Authorization": "Bearer x"}, {"Prefer": "code=401"}], ids=["nobody", "wrong", "fault"]
)
def test_how_to_log_in_is_not_told_to_a_browsers_script(
    permissions: Client, headers: dict[str, str], is_told: bool, asking: dict[str, str]
) -> None:
    """Its browser would open a dialog of its own."""
    answer = permissions.get(TASK, headers={**headers, **asking})
    assert answer.status_code == 401
    assert answer.headers.get("WWW-Authenticate") == (CHALLENGE if is_told else None)


def test_the_scheme_is_read_in_any_case(permissions: Client) -> None:
    header = "bASIC " + base64.b64encode(b"viewer:viewer").decode()
    assert permissions.get(TASK, headers={"Authorization": header}).status_code == 200


def test_a_password_can_have_a_colon_and_any_letter() -> None:
    """UTF-8, as browsers send it, and Latin-1, as requests does."""
    users = {"jörg": {"password": "a:b:ç", "permissions": ["ADMIN"]}}
    with MockServer(failed_world(auth="basic", users=users)) as mock, Client(mock) as client:
        for encoding in ("utf-8", "latin-1"):
            header = b"Basic " + base64.b64encode("jörg:a:b:ç".encode(encoding))
            assert client.get(TASK, headers={"Authorization": header}).status_code == 200


def test_in_open_mode_nobody_in_particular_may_do_everything(opened: Client) -> None:
    assert said(opened.post(RETRY)) == (200, None)


def test_in_open_mode_credentials_that_are_sent_count(opened: Client) -> None:
    assert said(opened.post(RETRY, auth=("viewer", "wrong"))) == (401, "IAM10004")
    assert said(opened.post(RETRY, auth=VIEWER)) == (403, "IAM11000")
    assert said(opened.get(TASK, auth=VIEWER)) == (200, None)


@pytest.mark.parametrize("auth", ["open", "basic"])
def test_without_users_any_credentials_will_do(auth: str) -> None:
    with MockServer(failed_world(auth=auth)) as mock, Client(mock) as client:
        assert said(client.post(RETRY, auth=("anybody", "anything"))) == (200, None)
        assert said(client.get(TASK)) == ((200, None) if auth == "open" else (401, "IAM10000"))


# --- permissions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", OPERATIONS)
@pytest.mark.parametrize(
    ("auth", "held"),
    [
        (VIEWER, {"TASK_VIEWER"}),
        (OPERATOR, {"TASK_VIEWER", "TASK_MANAGER"}),
        (ADMIN, {"TASK_VIEWER", "TASK_MANAGER"}),
    ],
    ids=["viewer", "operator", "admin"],
)
def test_who_may_do_what(permissions: Client, id: str, auth: tuple[str, str], held: set[str]) -> None:
    """TASK_MANAGER reads and acts, TASK_VIEWER reads, ADMIN is both; who may not changes nothing."""
    before = permissions.state()
    answer = permissions(*operation(id), auth=auth)
    if OPERATIONS[id].permission in held:
        assert answer.status_code != 403
    else:
        assert said(answer) == (403, "IAM11000")
        assert auth[0] in answer.json()["error"]["message"]
        assert OPERATIONS[id].permission in answer.json()["error"]["message"]
        assert "operator, admin" in answer.headers["X-Mock-Hint"]
        assert permissions.state() == before


def test_a_user_without_permissions_may_not_even_look() -> None:
    world = failed_world(users={"guest": {"password": "guest"}})
    with MockServer(world) as mock, Client(mock) as client:
        assert said(client.get(TASKS, auth=("guest", "guest"))) == (403, "IAM11000")


# --- denials -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", [OPERATOR, ADMIN])
def test_a_denial_takes_the_permission_from_everybody_until_reset(permissions: Client, auth: tuple[str, str]) -> None:
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    before = permissions.subtasks()
    answer = permissions.post(RETRY, auth=auth)
    assert said(answer) == (403, "IAM11000")
    assert answer.headers["X-Mock-Rule"] == "denial-1"
    assert permissions.subtasks() == before
    permissions.admin("POST", "/reset")
    assert said(permissions.post(RETRY, auth=auth)) == (200, None)


def test_a_denial_takes_it_from_anonymous_too(failed: Client) -> None:
    failed.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    assert said(failed.post(RETRY)) == (403, "IAM11000")


def test_denying_the_manager_leaves_the_viewer(permissions: Client) -> None:
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    for path in (TASKS, TASK, f"{SUBTASK}/log"):
        assert said(permissions.get(path, auth=OPERATOR)) == (200, None)


def test_denying_the_viewer_leaves_the_manager(permissions: Client) -> None:
    """A denial takes nothing that implies what it takes."""
    permissions.admin("POST", "/denials", {"permission": "TASK_VIEWER"})
    assert said(permissions.get(TASK, auth=OPERATOR)) == (403, "IAM11000")
    assert said(permissions.post(RETRY, auth=OPERATOR)) == (200, None)


@pytest.mark.parametrize(
    ("matcher", "refused"),
    [
        ({"user": "operator"}, True),
        ({"user": "admin"}, False),
        ({"operation": "retrySubtask"}, True),
        ({"operation": "skipSubtask"}, False),
        ({"taskInstanceId": 1000}, True),
        ({"taskInstanceId": 1001}, False),
        ({"user": "operator", "operation": "retrySubtask", "taskInstanceId": 1000}, True),
        ({"user": "operator", "operation": "skipSubtask", "taskInstanceId": 1000}, False),
    ],
    ids=str,
)
def test_a_denial_is_only_for_what_it_names(permissions: Client, matcher: dict[str, object], refused: bool) -> None:
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER", **matcher})
    assert said(permissions.post(RETRY, auth=OPERATOR)) == ((403, "IAM11000") if refused else (200, None))


def test_a_denial_is_used_up_after_its_times(permissions: Client) -> None:
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER", "times": 2})
    told = [said(permissions.post(RETRY, auth=OPERATOR))[0] for _ in range(3)]
    assert told == [403, 403, 200]
    assert permissions.admin("GET", "/denials/denial-1") == {
        "id": "denial-1",
        "permission": "TASK_MANAGER",
        "times": 2,
        "hits": 2,
    }


def test_a_denial_counts_only_whom_it_stopped(permissions: Client) -> None:
    """Not one who may not anyway, nor one whom nobody knows."""
    permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER", "times": 1})
    assert "X-Mock-Rule" not in permissions.post(RETRY, auth=VIEWER).headers
    assert said(permissions.post(RETRY)) == (401, "IAM10000")
    assert permissions.admin("GET", "/denials/denial-1")["hits"] == 0


def test_a_denial_that_is_deleted_is_gone(permissions: Client) -> None:
    for _ in range(2):
        permissions.admin("POST", "/denials", {"permission": "TASK_MANAGER"})
    permissions.admin("DELETE", "/denials/denial-2")
    assert permissions.post(RETRY, auth=OPERATOR).headers["X-Mock-Rule"] == "denial-1"
    permissions.admin("DELETE", "/denials")
    assert permissions.admin("GET", "/denials") == {"denials": []}
    assert said(permissions.post(RETRY, auth=OPERATOR)) == (200, None)
