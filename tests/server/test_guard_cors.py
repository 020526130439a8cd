"""Browsers: any page may call the API, and no page may drive /__admin."""

import socket
from collections.abc import Iterator, Mapping, Sequence

import pytest
import requests
from clients import RETRY, SUBTASK, TASK, TASKS, Client, failed_world, filled, said
from processes import END_S

from mockserver import MockServer
from mockserver.admin.routes import ROUTES

ORIGIN = "http://localhost:3000"
TOKEN = "sécret"
Route = tuple[str, str]
"""Method and path."""
EXPOSED = {
    *("X-Mock-Contract", "X-Mock-Rule", "X-Mock-Hint", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    *("Preference-Applied", "Allow", "Content-Disposition", "Retry-After"),
}


@pytest.fixture
def guarded() -> Iterator[Client]:
    with MockServer(failed_world(), admin_token=TOKEN) as mock, Client(mock) as client:
        yield client


def words(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


def shared(answer: requests.Response) -> bool:
    """Whether a page of ORIGIN may read it; if it may not, nothing else of CORS is said either."""
    headers = answer.headers
    if "Access-Control-Allow-Origin" not in headers:
        assert not [name for name in headers if name.lower().startswith("access-control-")]
        return False
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in words(headers["Vary"])
    return True


# --- CORS ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TASKS, RETRY, f"{TASKS}/x", "/api/v2/nothing", "/", "/api/v1/tasks/instances"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_preflight_is_granted(permissions: Client, path: str, method: str) -> None:
    """For known paths and unknown, without credentials: what is wrong the request itself is told."""
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,traceparent, x-mock-fault,x-xsrf-token",
    }
    answer = permissions("OPTIONS", path, headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert shared(answer)
    assert words(answer.headers["Access-Control-Allow-Methods"]) == {method}
    allowed = words(answer.headers["Access-Control-Allow-Headers"])
    assert allowed == {"authorization", "content-type", "traceparent", "x-mock-fault", "x-xsrf-token"}


def test_what_is_no_name_is_not_echoed(failed: Client) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "P ST",
        "Access-Control-Request-Headers": b"x-a, x b, \xff, <i>, ,x-c",
    }
    answer = failed("OPTIONS", RETRY, headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Headers"]) == (204, "x-a, x-c")
    assert answer.headers["Access-Control-Allow-Methods"] == ""


def test_a_preflight_is_neither_in_the_journal_nor_struck_by_a_fault(failed: Client) -> None:
    failed.fault()
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert failed("OPTIONS", RETRY, headers=asked).status_code == 204
    assert failed.admin("GET", "/requests")["requests"] == []
    assert failed.admin("GET", "/faults/fault-1")["matches"] == 0


@pytest.mark.parametrize("headers", [{"Origin": ORIGIN}, {"Access-Control-Request-Method": "POST"}, {}], ids=str)
def test_options_without_both_headers_is_no_preflight(failed: Client, headers: dict[str, str]) -> None:
    answer = failed("OPTIONS", RETRY, headers=headers)
    assert said(answer) == (405, "COM10008")
    assert shared(answer) == ("Origin" in headers)


@pytest.mark.parametrize(
    ("method", "path", "auth", "status"),
    [
        ("GET", TASK, ("viewer", "viewer"), 200),
        ("HEAD", TASK, ("viewer", "viewer"), 200),
        ("POST", f"{TASK}/downloadDiagnosis", ("viewer", "viewer"), 200),
        ("GET", f"{TASKS}/x", ("viewer", "viewer"), 400),
        ("GET", TASK, None, 401),
        ("POST", RETRY, ("viewer", "viewer"), 403),
        ("GET", f"{TASKS}/7", ("viewer", "viewer"), 404),
        ("GET", "/nowhere", None, 404),
        ("PUT", TASK, ("viewer", "viewer"), 405),
        ("POST", f"{SUBTASK}/skip", ("operator", "operator"), 503),
        ("GET", "/openapi.json", None, 200),
    ],
)
def test_every_answer_can_be_read_by_any_page(
    permissions: Client, method: str, path: str, auth: tuple[str, str] | None, status: int
) -> None:
    """Errors and faults too, with the headers that are ours; and what it says does not depend on who reads it."""
    permissions.fault(operation="skipSubtask")
    answer = permissions(method, path, auth=auth, headers={"Origin": ORIGIN})
    assert answer.status_code == status
    assert shared(answer)
    assert words(answer.headers["Access-Control-Expose-Headers"]) >= EXPOSED
    plain = permissions(method, path, auth=auth)
    assert plain.status_code == status
    assert not shared(plain)
    for name in ("Content-Type", "X-Mock-Contract", "X-Mock-Hint", "X-Mock-Rule", "Allow"):
        assert answer.headers.get(name) == plain.headers.get(name)
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("origin", ["null", "https://example.com", "file://", "chrome-extension://abc"])
def test_an_origin_is_echoed_as_it_is(failed: Client, origin: str) -> None:
    answer = failed.get(TASK, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_one_answer_to_a_page_does_not_open_the_next(failed: Client) -> None:
    """The headers that answers share are not written to."""
    assert shared(failed.get(TASK, headers={"Origin": ORIGIN}))
    assert not shared(failed.get(TASK))
    assert failed.get(TASK, headers={"Origin": "null"}).headers["Access-Control-Allow-Origin"] == "null"


# --- /__admin and its guard ----------------------------------------------------------------------------------------

ALL = [(method, filled(path)) for path, handlers in ROUTES.items() for method in handlers]
BEHIND = [(method, path) for method, path in ALL if path != "/__admin/health"]
SOME = [("GET", "/__admin/state"), ("POST", "/__admin/reset"), ("DELETE", "/__admin/faults")]


def everywhere(client: Client, headers: Mapping[str, str | bytes], routes: Sequence[Route] = BEHIND) -> set[int]:
    """How every control route answers to them: the guard stands before all of them, and nothing has changed."""
    token = {"Authorization": f"Bearer {TOKEN}".encode()}
    before = client.get("/__admin/state", headers=token).json()
    answers = [client(method, path, headers=headers, data=b"{}") for method, path in routes]
    assert not any(shared(answer) for answer in answers), "nor may a page read the refusal"
    assert client.get("/__admin/state", headers=token).json() == before
    return {answer.status_code for answer in answers}


@pytest.mark.parametrize(
    ("origin", "routes"),
    [
        ("http://evil.example", BEHIND),
        *((origin, SOME) for origin in ("null", "http://localhost:1", "http://[", "", "127.0.0.1")),
    ],
)
def test_a_foreign_page_drives_nothing(failed: Client, origin: str, routes: list[Route]) -> None:
    """Its Origin gives it away, whatever it asks for."""
    assert everywhere(failed, {"Origin": origin, "Content-Type": "application/json"}, routes) == {403}


@pytest.mark.parametrize(
    ("host", "routes"),
    [
        ("evil.example", BEHIND),
        *((host, SOME) for host in ("localhost.evil.example:80", "127.0.0.1.evil.example", "[", ":")),
    ],
)
def test_a_foreign_host_drives_nothing(failed: Client, host: str, routes: list[Route]) -> None:
    """A page whose name was pointed here sends that name."""
    assert everywhere(failed, {"Host": host}, routes) == {403}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1", "10.1.2.3:80", "[::1]:8080", "[::ffff:1.2.3.4]"]
)
def test_an_address_and_localhost_are_nobodys_page(failed: Client, host: str) -> None:
    assert failed.get("/__admin/clock", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("dest", ["image", "script", "empty", "iframe", None])
def test_what_a_foreign_page_has_in_it_is_refused(failed: Client, site: str, dest: str | None) -> None:
    """It has no Origin, and could not read the answer; but it would make worlds, and hold streams open."""
    headers = {"Sec-Fetch-Site": site, **({} if dest is None else {"Sec-Fetch-Dest": dest})}
    answer = failed.get("/w/foreign/__admin/state", headers=headers)
    assert (answer.status_code, "foreign" in answer.json()["error"]["message"]) == (403, True)
    assert failed.admin("GET", "/worlds")["worlds"] == []
    assert failed.get("/__admin/tasks", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document"}).ok, "a link"
    for own in ("same-origin", "none"):
        assert failed.get("/__admin/tasks", headers={"Sec-Fetch-Site": own, "Sec-Fetch-Dest": "empty"}).ok


def test_a_page_of_our_own_may(failed: Client) -> None:
    """Same host and port: nothing of CORS is needed for it."""
    answer = failed.get("/__admin/clock", headers={"Origin": failed.mock.url})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_the_refusal_of_a_host_says_how_to_allow_it(failed: Client) -> None:
    answer = failed.get("/__admin/clock", headers={"Host": "ocp.test:8080"})
    assert "--allow-host ocp.test" in answer.json()["error"]["message"]


def test_a_request_without_a_host_is_no_browsers(failed: Client) -> None:
    """HTTP/1.0; but one that names an Origin all the same is refused."""
    for origin, status in ((b"", b"200"), (b"Origin: null\r\n", b"403")):
        with socket.create_connection(("127.0.0.1", failed.mock.port), timeout=END_S) as connection:
            connection.sendall(b"GET /__admin/clock HTTP/1.0\r\n" + origin + b"\r\n")
            assert connection.recv(100).split(b" ")[1] == status


@pytest.mark.parametrize("path", ["/__admin/faults", "/__admin/state", "/__admin/nothing"])
@pytest.mark.parametrize("origin", [ORIGIN, None])
def test_a_preflight_of_a_control_route_is_not_granted(failed: Client, path: str, origin: str | None) -> None:
    asked = {"Origin": origin or failed.mock.url, "Access-Control-Request-Method": "POST"}
    answer = failed("OPTIONS", path, headers=asked)
    assert answer.status_code in (403, 404, 405)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_without_its_token_nothing_is_driven(guarded: Client) -> None:
    assert everywhere(guarded, {}) == {401}


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer wrong", "Bearer sécre", "Basic sécret", "sécret", "Bearer \xff", None]
)
def test_without_its_token_whatever_there_is_instead(guarded: Client, header: str | None) -> None:
    """Bytes that are no text included; and the challenge says what is wanted."""
    headers = {} if header is None else {"Authorization": header.encode("latin-1" if "\xff" in header else "utf-8")}
    answer = guarded.get("/__admin/state", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "sécret" not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "Bearer   "])
def test_with_its_token_it_is(guarded: Client, scheme: str) -> None:
    assert guarded.get("/__admin/clock", headers={"Authorization": (scheme + "sécret").encode()}).status_code == 200


def test_a_token_guards_the_control_routes_and_nothing_else(guarded: Client) -> None:
    assert guarded.get(TASK).status_code == 200
    assert guarded.get("/openapi.json").status_code == 200


def test_health_needs_neither_token_nor_host(guarded: Client) -> None:
    """A container's probe has none."""
    answer = guarded.get("/__admin/health", headers={"Host": "ocp-mock.svc.cluster.local"})
    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "healthy", "tasks": 1, "subtasks": 3}.items()


def test_a_foreign_host_may_ask_the_api(failed: Client) -> None:
    """The guard is only for what drives the server."""
    assert failed.get(TASK, headers={"Host": "ocp.example.com"}).status_code == 200
