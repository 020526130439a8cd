"""The page as files: what is served, with which headers, to whom. What it does is tested in a browser (test_page)."""

import posixpath
import re
from pathlib import PurePosixPath
from typing import Final

import pytest
import requests
from clients import Client
from processes import END_S, PACKAGE

from mockserver import MockServer
from mockserver.admin.static import HEADERS, POLICY, TYPES
from mockserver.contract.bundles import schema_files
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.permissions import TASK_VIEWER

FOLDER: Final = PACKAGE / "admin" / "page"
FILES: Final = sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file())
TEXTS: Final = {name: (FOLDER / name).read_text(encoding="utf-8") for name in FILES}


@pytest.mark.parametrize("base", ["", "/w/anna"])
def test_the_page_is_served_in_every_world(failed: Client, base: str) -> None:
    answer = failed.get(f"{base}/__admin/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text == TEXTS["index.html"]


@pytest.mark.parametrize("base", ["", "/w/anna"])
def test_its_address_without_the_last_slash_leads_there(failed: Client, base: str) -> None:
    answer = failed.get(f"{base}/__admin", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "__admin/")
    assert failed.get(f"{base}/__admin").url == f"{failed.mock.url}{base}/__admin/"


@pytest.mark.parametrize("name", FILES)
def test_each_of_its_files_is_served_as_what_it_is(failed: Client, name: str) -> None:
    answer = failed.get(f"/__admin/page/{name}")
    assert (answer.status_code, answer.content.decode()) == (200, TEXTS[name])
    assert answer.headers["Content-Type"] == TYPES[PurePosixPath(name).suffix]
    head = failed("HEAD", f"/__admin/page/{name}")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (
        200,
        b"",
        answer.headers["Content-Length"],
    )


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("identity", None), ("", None)],
)
def test_its_files_are_sent_compressed_to_who_takes_that(failed: Client, accepted: str, encoding: str | None) -> None:
    answer = failed.get("/__admin/page/main.js", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.text == TEXTS["main.js"]
    size = int(answer.headers["Content-Length"])
    assert size == len(answer.content) if encoding is None else size < len(answer.content) / 2


@pytest.mark.parametrize("path", ["/__admin/", "/__admin", "/__admin/page/main.js"])
def test_every_answer_has_the_strict_headers(failed: Client, path: str) -> None:
    answer = failed.get(path, allow_redirects=False)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_the_policy_allows_nothing_but_its_own_files() -> None:
    directives = dict(part.split(" ", 1) for part in POLICY.split("; "))
    assert directives["default-src"] == "'none'"
    assert set(directives.values()) <= {"'none'", "'self'", "'script'"}
    assert "unsafe" not in POLICY


@pytest.mark.parametrize(
    "name",
    [
        *(
            "nothing.js",
            "..%2f__init__.py",
            "..%2fpage%2fpage.css",
            "%2e%2e",
            "common",
            "common/nothing.js",
            "page.css%00",
            "index.htm",
            "%ff.css",
        ),
        *("C:%5cpage.css", "C:page.css", "PAGE.CSS", "x" * 300 + ".css"),
    ],
    ids=lambda name: name[:24],
)
def test_what_is_no_file_of_the_page_is_404(failed: Client, name: str) -> None:
    answer = failed.get(f"/__admin/page/{name}")
    assert answer.status_code == 404
    assert "no file" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/__admin/", "/__admin", "/__admin/page/main.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_can_only_be_read(failed: Client, path: str, method: str) -> None:
    answer = failed(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/__admin/", "/__admin", "/__admin/page/main.js", "/w/anna/__admin/"])
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_it_is_served_whatever_the_host_and_the_origin(failed: Client, path: str, headers: dict[str, str]) -> None:
    """Behind a proxy that changes the Host it says what is refused: it cannot, if its scripts are refused too. Under a
    name that leads to this machine (DNS rebinding) it drives nothing."""
    answer = failed.get(path, headers=headers, allow_redirects=False)
    assert answer.status_code in (200, 308)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/__admin/", "/__admin/page/main.js", "/w/anna/__admin/"])
def test_no_other_page_gets_it_but_its_link_leads_there(failed: Client, path: str) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
    assert failed.get(path, headers=foreign).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert failed.get(path, headers=link).status_code == 200


def test_it_needs_no_token_but_what_it_asks_for_does() -> None:
    with MockServer("failed-subtask", admin_token="secret") as mock, Client(mock) as client:
        assert client.get("/__admin/").status_code == 200
        assert client.get("/__admin/page/main.js").status_code == 200
        for path in ("/__admin/tasks", "/__admin/users", "/__admin/events"):
            assert client.get(path).status_code == 401


def test_its_files_name_only_files_that_are_there() -> None:
    named = set(re.findall(r'(?:href|src)="page/([^"]+)"', TEXTS["index.html"]))
    for name, text in TEXTS.items():
        if name.endswith(".js"):
            named |= {
                posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
                for other in re.findall(r'(?:from |import\()"(\.[^"]+)"', text)
            }
    assert named | {"index.html"} == set(FILES), "and every file is named"


def test_the_scripts_that_a_first_look_needs_are_asked_for_at_once() -> None:
    """One after the other they would be a waterfall: a round trip for each import of an import. Those of the list come
    first, then those that one acts with on a task, then those of its picture: a browser fetches six at a time. Other
    panels' come when they are looked at."""
    found = re.findall(r'<link rel="modulepreload" href="page/([^"]+)"( fetchpriority="low")?>', TEXTS["index.html"])
    first, then = ([name for name, low in found if bool(low) is is_low] for is_low in (False, True))
    assert {*first, "main.js"} == imported("main.js")
    acts = imported("tasks/task.js") - imported("main.js")
    assert set(then[: len(acts)]) == acts
    assert set(then[len(acts) :]) == imported("graph/graph.js") - acts - imported("main.js")


def imported(name: str) -> set[str]:
    """A script and what it imports, directly or not."""
    there, todo = set[str](), [name]
    while todo:
        one = todo.pop()
        if one not in there:
            there.add(one)
            named = re.findall(r'import [^;(]*? from "(\.[^"]+)"', TEXTS[one])
            todo += [posixpath.normpath(posixpath.join(posixpath.dirname(one), other)) for other in named]
    return there


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(name: str) -> None:
    text = TEXTS[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"https?://(?!127\.0\.0\.1)[a-z]", text)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\bstyle=", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_a_file_fits_a_sitting(name: str) -> None:
    assert len(TEXTS[name].splitlines()) <= 300
    assert TEXTS[name].startswith(("// ", "/**")), "its first lines say what it is"


def test_it_names_the_operations_that_there_are() -> None:
    listed = re.search(r"OPERATIONS = \[(.*?)\]", TEXTS["faults/fault-words.js"], re.DOTALL)
    reading = re.search(r"READING = new Set\(\[(.*?)\]", TEXTS["faults/fault-words.js"], re.DOTALL)
    assert listed is not None
    assert reading is not None
    assert re.findall(r'"(\w+)"', listed[1]) == list(OPERATIONS)
    assert set(re.findall(r'"(\w+)"', reading[1])) == {
        one.id for one in OPERATIONS.values() if one.permission == TASK_VIEWER
    }


def test_its_form_has_the_choices_that_there_are() -> None:
    fields = schema_files()["fixture"]["properties"]
    listed = re.search(r"CHOICES = \{(.*?)\n\};", TEXTS["worlds/settings.js"], re.DOTALL)
    assert listed is not None
    found = re.findall(r'(\w+): \["[\w ]+", \{(.*?)\}\]', listed[1], re.DOTALL)
    choices = {key: re.findall(r'"?([\w.-]+)"?: "', options) for key, options in found}
    assert choices == {key: value["enum"] for key, value in fields.items() if set(value.get("enum", ())) != set()}


@pytest.mark.slow
def test_without_control_routes_there_is_no_page() -> None:
    from processes import Served

    with Served("--no-admin") as served:
        answer = requests.get(f"{served.url}/__admin/", timeout=END_S)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "COM10002")
