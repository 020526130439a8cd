"""In a real browser: a page of another origin cannot drive /__admin, by no way that pages have; and may use the API.

Whatever such a page sends reaches the server, which is counted: it is refused, and not merely never sent. What is
refused does work for somebody else: without a browser, or from a page of the server's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import browser
import pytest
from books import BOOKS
from browser import EVIL, Tabs
from clients import RETRY, SUBTASK, TASKS, Client, Json, failed_world
from waiting import eventually

from mockserver import MockServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
tabs = pytest.fixture(browser.tabs)

CORS: Final = "blocked by CORS policy"
"""In every complaint of the console about an answer that was kept from a page."""


# --- a site elsewhere, and a server with something to lose -----------------------------------------------------------


class Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>elsewhere</title><body>" if self.path == "/" else b""
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "style-src *")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def site() -> Iterator[int]:
    """Another site's server; on which port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=["127.0.0.1", EVIL])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    """A page of another origin: on another port of this machine, or under another name too."""
    with site() as port:
        yield f"http://{request.param}:{port}/"


@pytest.fixture
def busy() -> Iterator[Client]:
    """A server on which each of ACTS has something to change."""
    with MockServer(failed_world()) as mock, Client(mock) as client:
        client.admin("POST", "/snapshots", {"name": "before"})
        for world in ("", "/w/anna"):
            assert client.post(world + RETRY).status_code == 200
        client.fault(operation="skipSubtask")
        yield client


def everything(client: Client) -> Json:
    """All that a control call could change. Icons, for which browsers ask by themselves, are no requests."""
    worlds = client.admin("GET", "/worlds")["worlds"]
    requests = client.admin("GET", "/requests")["requests"]
    return {
        "state": client.state(),
        "worlds": worlds,
        "anna": client.get("/w/anna/__admin/state").json() if "anna" in str(worlds) else None,
        "requests": [one for one in requests if one["path"] != "/favicon.ico"],
        **{path: client.admin("GET", path) for path in ("/snapshots", "/history", "/clock")},
    }


class Act(NamedTuple):
    method: str
    path: str
    body: Json | None = None


ACTS: Final = (
    Act("POST", "/__admin/reset"),
    Act("POST", "/w/anna/__admin/reset"),
    Act("POST", "/__admin/snapshots/before/restore"),
    Act("POST", "/__admin/snapshots", {"name": "mine"}),
    Act("POST", "/__admin/clock/advance", {"by": "5s"}),
    Act("POST", "/__admin/faults", {"fault": "HANG"}),
    Act("POST", "/__admin/denials", {"permission": "TASK_MANAGER"}),
    Act("PUT", "/__admin/clock", {"mode": "real"}),
    Act("PUT", "/__admin/settings", {"auth": "basic"}),
    Act("PUT", "/__admin/state", {"tasks": []}),
    Act("PATCH", "/__admin/tasks/1000/subtasks/10001", {"status": "SUCCESSFUL"}),
    Act("DELETE", "/__admin/faults"),
    Act("DELETE", "/__admin/requests"),
    Act("DELETE", "/__admin/snapshots/before"),
    Act("DELETE", "/__admin/worlds/anna"),
)
POSTS: Final = tuple(act for act in ACTS if act.method == "POST")
EMPTY: Final = tuple(act for act in POSTS if act.body is None)
"""They need no Content-Type, and so no preflight asks for leave: only the Origin gives the page away."""
READ: Final = tuple(
    Act("GET", f"{world}/__admin/{path}")
    for world in ("", "/w/anna")
    for path in ("", "page/main.js", "state", "requests", "events", "worlds", "health")
)


@pytest.mark.parametrize("act", ACTS, ids=str)
def test_an_act_does_work_without_a_browser(busy: Client, act: Act) -> None:
    before = everything(busy)
    assert busy(act.method, act.path, json=act.body).ok
    assert everything(busy) != before


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("act", EMPTY, ids=str)
def test_an_empty_form_does_work_without_a_browser(busy: Client, act: Act, content_type: str) -> None:
    before = everything(busy)
    assert busy(act.method, act.path, headers={"Content-Type": content_type}).ok
    assert everything(busy) != before


# --- the ways of a page ----------------------------------------------------------------------------------------------

FETCH: Final = """async ({url, method, body}) => {
  const json = body === null ? {} : {headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)};
  try {
    const answer = await fetch(url, {method, credentials: "include", ...json});
    return answer.status + await answer.text();
  } catch { return ""; }
}"""
XHR: Final = """({url, method, body}) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.onloadend = () => done(request.status ? request.status + request.responseText : "");
  request.open(method, url);
  if (body !== null) request.setRequestHeader("Content-Type", "application/json");
  request.send(body === null ? null : JSON.stringify(body));
})"""
NO_CORS: Final = """async ({url, method, body}) => {
  try {
    const answer = await fetch(url, {method, mode: "no-cors", body: body === null ? undefined : JSON.stringify(body)});
    return (answer.status || "") + await answer.text();
  } catch { return ""; }
}"""
BEACON: Final = """({url, body}) => {
  navigator.sendBeacon(url, body === null ? "" : JSON.stringify(body));
  return "";
}"""
FORM: Final = """({url, method, body}) => new Promise((done) => {
  const page = new DOMParser().parseFromString(`<iframe name=answer></iframe>
    <form target=answer method="${method}" enctype="ENCTYPE" rel="REL"><input type=hidden></form>`, "text/html");
  document.body.replaceChildren(...page.body.children);
  const [frame, form] = document.body.children;
  form.action = url;
  if (body !== null) form.firstChild.name = JSON.stringify(body);
  frame.onload = () => done(frame.contentDocument?.body.textContent ?? "");
  form.submit();
})"""
SANDBOX: Final = """({url, method, body}) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  const options = {method, mode: "no-cors", body: body === null ? undefined : JSON.stringify(body)};
  const told = "parent.postMessage((answer.status || '') + await answer.text(), '*')";
  frame.srcdoc = `<script type=module>
    const answer = await fetch(${JSON.stringify(url)}, ${JSON.stringify(options)}); ${told}</` + `script>`;
  addEventListener("message", (event) => done(event.data), {once: true});
  document.body.replaceChildren(frame);
})"""


def form(enctype: str, rel: str = "") -> str:
    return FORM.replace("ENCTYPE", enctype).replace("REL", rel)


WAYS: Final[dict[str, tuple[str, tuple[Act, ...]]]] = {
    "fetch": (FETCH, ACTS),
    "XMLHttpRequest": (XHR, ACTS),
    "fetch that wants no answer": (NO_CORS, POSTS),
    "beacon": (BEACON, POSTS),
    "form": (form("application/x-www-form-urlencoded"), POSTS),
    "form of plain text": (form("text/plain"), POSTS),
    "form with files": (form("multipart/form-data"), POSTS),
    "form that hides where it is from": (form("text/plain", "noreferrer"), POSTS),
    "frame without an origin": (SANDBOX, POSTS),
}
"""Programs, which return what of an answer a page could read; and the acts that can be tried so."""


def replies() -> int:
    """How many requests the server has answered."""
    return BOOKS.handled


def tried(page: "Page", way: str, client: Client, act: Act) -> str:
    """What of the answer the page could read. The server has been asked once when this returns."""
    before = replies()
    read = page.evaluate(way, {"url": client.mock.url + act.path, "method": act.method, "body": act.body})
    eventually(lambda: replies() > before)
    assert replies() == before + 1
    return str(read)


@pytest.mark.parametrize("way", WAYS)
def test_a_page_elsewhere_drives_nothing(tabs: Tabs, busy: Client, elsewhere: str, way: str) -> None:
    tabs.allow(CORS)
    page, before = tabs.open(elsewhere), everything(busy)
    program, acts = WAYS[way]
    for act in acts:
        assert tried(page, program, busy, act) == "", act
        assert everything(busy) == before, act


@pytest.mark.parametrize(
    "way", ["fetch", "XMLHttpRequest", "fetch that wants no answer", "beacon", "form", "form of plain text"]
)
def test_a_page_of_the_servers_own_does(tabs: Tabs, busy: Client, way: str) -> None:
    """The same programs, so that they would work if they were let."""
    page, before = tabs.open(f"{busy.mock.url}/openapi.json"), everything(busy)
    read = page.evaluate(WAYS[way][0], {"url": f"{busy.mock.url}/__admin/reset", "method": "POST", "body": None})
    assert "healthy" in read or way == "beacon"
    eventually(lambda: everything(busy) != before)


@pytest.mark.parametrize("way", [FETCH, XHR, NO_CORS], ids=["fetch", "XMLHttpRequest", "fetch that wants no answer"])
def test_a_page_elsewhere_reads_nothing(tabs: Tabs, busy: Client, elsewhere: str, way: str) -> None:
    tabs.allow(CORS)
    page, before = tabs.open(elsewhere), everything(busy)
    for act in READ:
        if not (way is NO_CORS and act.path.endswith("/events")):  # an opaque answer that never ends
            assert tried(page, way, busy, act) == "", act
    assert everything(busy) == before


# --- a name that was pointed here ------------------------------------------------------------------------------------


def rebound(client: Client) -> str:
    """The server's URL, under somebody else's name."""
    return f"http://{EVIL}:{client.mock.port}"


@pytest.mark.parametrize("path", [one.path for one in READ if not one.path.endswith(("/health", "/__admin/", ".js"))])
def test_nothing_is_shown_under_a_foreign_name(tabs: Tabs, busy: Client, path: str) -> None:
    answer = tabs.open().goto(rebound(busy) + path)
    assert answer is not None
    assert answer.status == 403
    assert answer.json().keys() == {"error"}
    assert f"the Host {EVIL}:{busy.mock.port} is foreign" in answer.json()["error"]["message"]


@pytest.mark.parametrize("way", ["fetch", "XMLHttpRequest", "form"])
def test_a_page_under_a_foreign_name_drives_nothing(tabs: Tabs, busy: Client, way: str) -> None:
    """For the browser it is the server's own page, and may read what it is told: that it is refused."""
    page, before = tabs.open(f"{rebound(busy)}/openapi.json"), everything(busy)
    program, acts = WAYS[way]
    for act in acts:
        read = page.evaluate(program, {"url": rebound(busy) + act.path, "method": act.method, "body": act.body})
        assert "is foreign" in read, act
        assert everything(busy) == before, act


# --- a stream --------------------------------------------------------------------------------------------------------

LISTEN: Final = """(url) => new Promise((done) => {
  const source = new EventSource(url, {withCredentials: true});
  source.addEventListener("hello", (event) => { source.close(); done(event.data); });
  source.onerror = () => done(["connecting", "open", "closed"][source.readyState]);
})"""


def test_a_page_elsewhere_hears_nothing(tabs: Tabs, busy: Client, elsewhere: str) -> None:
    """And its browser does not try again."""
    tabs.allow(CORS)
    page = tabs.open(elsewhere)
    assert page.evaluate(LISTEN, f"{busy.mock.url}/__admin/events") == "closed"


def test_a_page_under_a_foreign_name_hears_nothing(tabs: Tabs, busy: Client) -> None:
    page = tabs.open(f"{rebound(busy)}/openapi.json")
    assert page.evaluate(LISTEN, f"{rebound(busy)}/__admin/events") == "closed"


def test_a_page_of_the_servers_own_hears_what_happens(tabs: Tabs, busy: Client) -> None:
    page = tabs.open(f"{busy.mock.url}/openapi.json")
    assert '"clock"' in page.evaluate(LISTEN, f"{busy.mock.url}/__admin/events")


# --- as a part of another page ---------------------------------------------------------------------------------------

EMBED: Final = """({tag, attribute, url}) => new Promise((done) => {
  const part = document.createElement(tag);
  if (tag === "link") part.rel = "stylesheet";
  part.onload = () => done("loaded");
  part.onerror = () => done("refused");
  part[attribute] = url;
  document.body.append(part);
})"""


@pytest.mark.parametrize(("tag", "attribute"), [("img", "src"), ("script", "src"), ("link", "href")])
def test_it_is_no_part_of_a_page_elsewhere(tabs: Tabs, busy: Client, elsewhere: str, tag: str, attribute: str) -> None:
    page, before = tabs.open(elsewhere), everything(busy)
    for path in ("state", "requests", "page/icon.svg", "page/main.js", "page/page.css"):
        part = {"tag": tag, "attribute": attribute, "url": f"{busy.mock.url}/__admin/{path}"}
        assert page.evaluate(EMBED, part) == "refused", path
    assert everything(busy) == before


FRAME: Final = """(url) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.onload = () => done(frame.contentDocument?.body.textContent ?? null);
  frame.src = url;
  document.body.append(frame);
})"""


@pytest.mark.parametrize("world", ["", "/w/anna"])
def test_the_page_is_shown_in_no_frame(tabs: Tabs, busy: Client, elsewhere: str, world: str) -> None:
    """So nobody clicks on it unawares. (A browser that did not say who asks would get it, and obey frame-ancestors.)"""
    page = tabs.open(elsewhere)
    address = f"{busy.mock.url}{world}/__admin/"
    with page.expect_response(address) as answer:
        page.evaluate(FRAME, address)
    assert answer.value.status == 403
    assert f"{busy.mock.url}{world}/__admin/page/main.js" not in tabs.addresses


OPEN: Final = "(url) => { window.opened = open(url); }"
LOOK: Final = "() => { try { return opened.document.body.textContent; } catch (error) { return error.name; } }"


def test_a_page_elsewhere_opens_a_window_and_cannot_look_into_it(tabs: Tabs, busy: Client, elsewhere: str) -> None:
    page = tabs.open(elsewhere)
    with page.expect_popup() as opened:
        page.evaluate(OPEN, f"{busy.mock.url}/__admin/state")
    opened.value.wait_for_load_state()
    assert "10001" in opened.value.content()
    assert page.evaluate(LOOK) == "SecurityError"


def test_the_page_knows_nobody_who_has_opened_it(tabs: Tabs, busy: Client, elsewhere: str) -> None:
    """And to them its window seems closed: they cannot lead it elsewhere."""
    page = tabs.open(elsewhere)
    with page.expect_popup() as opened:
        page.evaluate(OPEN, f"{busy.mock.url}/__admin/")
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("opener") is None
    assert page.evaluate("opened.closed") is True


# --- the API ---------------------------------------------------------------------------------------------------------

USE: Final = """async ({url, user}) => {
  const authorization = "Basic " + btoa(`${user}:${user}`);
  const answer = await fetch(url, {method: "POST", credentials: "include", headers: {Authorization: authorization}});
  const [contract, hint] = ["X-Mock-Contract", "X-Mock-Hint"].map((name) => answer.headers.get(name));
  return {status: answer.status, body: await answer.json(), contract, hint};
}"""


def test_a_page_elsewhere_uses_the_api(tabs: Tabs, permissions: Client, elsewhere: str) -> None:
    """With credentials; it reads what it is told, and why."""
    page = tabs.open(elsewhere)
    refused = page.evaluate(USE, {"url": permissions.mock.url + RETRY, "user": "viewer"})
    assert (refused["status"], refused["body"]["error"]["code"]) == (403, "IAM11000")
    assert "operator" in refused["hint"]
    retried = page.evaluate(USE, {"url": permissions.mock.url + RETRY, "user": "operator"})
    assert (retried["status"], retried["contract"]) == (200, "valid")
    assert (retried["body"]["data"]["status"], retried["body"]["data"]["operation"]) == ("READY", "RETRY")
    assert permissions.mock.task(1000).subtask(10001).status == "READY"


def test_a_page_elsewhere_uses_the_api_of_a_world(tabs: Tabs, busy: Client, elsewhere: str) -> None:
    page = tabs.open(elsewhere)
    url = f"{busy.mock.url}/w/bert{TASKS}"
    listed = page.evaluate("async (url) => (await (await fetch(url)).json()).data.contents", url)
    assert [task["id"] for task in listed] == [1000]


HEADERS: Final = {"X-Requested-With": "XMLHttpRequest", "traceparent": "00-1-2-01", "X-XSRF-TOKEN": "t"}
ANY: Final = """async ({url, method, headers}) => {
  const answer = await fetch(url, {method, headers, credentials: "include"});
  const body = await answer.json();
  const [limit, challenge] = ["RateLimit-Limit", "WWW-Authenticate"].map((name) => answer.headers.get(name));
  return {status: answer.status, code: body.error?.code, limit, challenge};
}"""


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("GET", HEADERS, 200), ("POST", HEADERS, 200), ("DELETE", {}, 405), ("DELETE", HEADERS, 405), ("PUT", {}, 405)],
    ids=str,
)
def test_a_page_elsewhere_sends_what_it_likes(
    tabs: Tabs, busy: Client, elsewhere: str, method: str, headers: dict[str, str], status: int
) -> None:
    """Its request reaches the server, whatever headers it has and by whatever method."""
    page = tabs.open(elsewhere)
    busy.admin("POST", "/faults", {"rateLimit": {"limit": 9, "perSeconds": 9}})
    url = busy.mock.url + (f"{SUBTASK}/cancel" if method == "POST" else TASKS)
    if method == "POST":
        busy.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "RUNNING"})
    answer = page.evaluate(ANY, {"url": url, "method": method, "headers": headers})
    assert (answer["status"], answer["limit"]) == (status, None if status == 405 else "9")
    entry = busy.latest()["request"]
    assert (entry["method"], entry["status"]) == (method, status)


def test_a_401_settles_the_fetch_of_a_page(tabs: Tabs, permissions: Client, elsewhere: str) -> None:
    """Of one elsewhere, and of one behind the same proxy: nothing is said that opens a browser's own dialog."""
    for start in (elsewhere, f"{permissions.mock.url}/openapi.json"):
        page = tabs.open(start)
        answer = page.evaluate(ANY, {"url": permissions.mock.url + TASKS, "method": "GET", "headers": {}})
        assert answer == {"status": 401, "code": "IAM10000", "limit": None, "challenge": None}


# --- what makes a browser's test fail --------------------------------------------------------------------------------

ODD: Final[dict[str, tuple[str, str]]] = {
    "an exception": ("setTimeout(() => { throw new Error('lost'); })", "exception: .*lost"),
    "a promise nobody looked at": ("void Promise.reject(new Error('lost'))", "exception: .*lost"),
    "an error on the console": ("console.error('lost')", "console: lost"),
    "a breach of its policy": ("document.body.setAttribute('style', 'color: red')", "console: .*style-src"),
    "a request to another machine": ("void fetch('http://192.0.2.1/')", "asks another machine: http://192.0.2.1/"),
    "one by name": ("new Image().src = 'http://example.com/'", "asks another machine: http://example.com/"),
    "a socket to another machine": ("new WebSocket('ws://example.com/')", "asks another machine: ws://example.com/"),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("elsewhere", ["127.0.0.1"], indirect=True)
def test_what_a_page_should_not_do_is_told(tabs: Tabs, elsewhere: str, odd: str) -> None:
    program, told = ODD[odd]
    page = tabs.open(elsewhere)
    page.evaluate(f"() => {{ {program} }}")
    waited(page, lambda: tabs.oddities() != [])
    assert tabs.oddities()
    tabs.allow(told, "Failed to fetch", "ERR_NAME_NOT_RESOLVED")
    assert tabs.oddities() == []


def waited(page: "Page", so: Callable[[], bool]) -> None:
    """Returns once it is so. What pages say is heard while Playwright waits for an answer."""
    eventually(lambda: so() or bool(page.evaluate("false")))


def test_a_request_to_this_machine_is_nothing_odd(tabs: Tabs, busy: Client, elsewhere: str) -> None:
    page = tabs.open(elsewhere)
    page.evaluate("(url) => fetch(url).then((answer) => answer.text())", f"{busy.mock.url}/nowhere")
    assert urlsplit(tabs.addresses[-1]).path == "/nowhere"
    assert tabs.oddities() == []
