"""What stubs ask of the server: nobody else waits for it, and it ends."""

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from clients import Client

from mockserver import MockServer
from mockserver.admin import rules
from mockserver.server.elsewhere import stubbing
from mockserver.server.elsewhere.stubbing import MAX_FORM
from mockserver.stubs import collection
from mockserver.stubs.collection import Stubs
from mockserver.stubs.mapping import MOST_NAMES, Stub, from_json

PATTERN = {"request": {"urlPattern": "/a{100}"}, "response": {"body": "found"}}


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that looked for the stubs of a target."""
    found: list[str] = []
    own = Stubs.asked_for

    def asked_for(stubs: Stubs, target: Any) -> tuple[Stub, ...]:
        found.append(threading.current_thread().name)
        return own(stubs, target)

    monkeypatch.setattr(Stubs, "asked_for", asked_for)
    return found


@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", {}), ("GET", {"Expect": ""}), ("OPTIONS", {"Origin": "http://a", "Access-Control-Request-Method": "GET"})],
)
def test_nobody_else_waits_while_patterns_are_tried(
    failed: Client, threads: list[str], monkeypatch: pytest.MonkeyPatch, method: str, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(collection, "AT_ONCE", 1000)
    failed.admin("POST", "/stubs", PATTERN)
    assert failed(method, "/" + "a" * 100, headers=headers).ok
    assert threads == ["beside the loop"]


def test_what_is_short_is_answered_at_once(failed: Client, threads: list[str]) -> None:
    failed.admin("POST", "/stubs", PATTERN)
    assert failed.get("/" + "a" * 100).text == "found"
    assert "beside the loop" not in threads


def test_patterns_with_too_many_parts_together_change_nothing(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "PARTS", 300)
    failed.admin("POST", "/stubs", PATTERN)
    answer = failed.post("/__admin/stubs", json=PATTERN)
    assert (answer.status_code, "more than 300 parts" in answer.json()["error"]["message"]) == (422, True)
    state = failed.mock.state()
    state["stubs"] += [PATTERN]
    answer = failed("PUT", "/__admin/state", json=state)
    (wrong,) = answer.json()["error"]["details"]
    assert (answer.status_code, wrong["path"]) == (422, "$.stubs[1]")
    assert [stub["id"] for stub in failed.mock.stubs()] == ["stub-1"]


@pytest.mark.parametrize("key", ["headers", "cookies", "queryParameters"])
def test_a_stub_looks_at_so_many_names(failed: Client, key: str) -> None:
    names = {f"x{number}": {"absent": True} for number in range(MOST_NAMES)}
    assert failed.post("/__admin/stubs", json={"request": {key: names}, "response": {}}).ok
    names["x"] = {"absent": True}
    answer = failed.post("/__admin/stubs", json={"request": {key: names}, "response": {}})
    (wrong,) = answer.json()["error"]["details"]
    assert (answer.status_code, wrong) == (422, {"path": f"$.request.{key}", "message": "more than 100 names"})


def test_nobody_else_waits_while_stubs_are_made_and_told(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is enough: it can have any size."""
    threads: list[str] = []
    made, told = from_json, Stub.to_json

    def making(*given: Any) -> Stub:
        threads.append(threading.current_thread().name)
        return made(*given)

    def telling(stub: Stub) -> Any:
        threads.append(threading.current_thread().name)
        return told(stub)

    monkeypatch.setattr(collection, "from_json", making)
    monkeypatch.setattr(Stub, "to_json", telling)
    failed.admin("POST", "/stubs", PATTERN)
    failed.admin("GET", "/stubs")
    failed.admin("GET", "/stubs/stub-1")
    assert threads == ["beside the loop"] * 4


def test_of_more_than_there_may_be_the_rest_is_not_looked_at(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST", 2)
    monkeypatch.setattr(collection, "MOST", 2)
    answer = failed.post("/__admin/stubs", json=[PATTERN] * 3 + [1])
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "more than 2 stubs: delete some")


def test_a_form_that_logs_in_is_small(failed: Client) -> None:
    """So that nobody waits while it is taken apart."""
    failed.admin("POST", "/stubs", {"request": {"method": "POST"}, "response": {"session": "form"}})
    form, kind = b"username=anna&password=a&", {"Content-Type": "application/x-www-form-urlencoded"}
    most = form + b"&" * (MAX_FORM - len(form))
    assert "OCP_MOCK_SESSION" in failed.post("/login", data=most, headers=kind).headers["Set-Cookie"]
    answer = failed.post("/login", data=most + b"&", headers=kind)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        413,
        "The request body is larger than 16384 bytes.",
    )
    assert "Set-Cookie" not in answer.headers


def test_what_is_no_form_is_as_large_as_it_likes(failed: Client) -> None:
    failed.admin("POST", "/stubs", {"request": {"method": "POST"}, "response": {"session": "anna"}})
    assert "Set-Cookie" in failed.post("/login", data=b"a&" * MAX_FORM).headers


@pytest.mark.parametrize(("number", "status"), [(errno.EMFILE, 503), (errno.ENFILE, 503), (errno.EACCES, 500)])
def test_a_body_that_cannot_be_read_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    """It is below __files all the while."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "__files").mkdir()
    (tmp_path / "__files" / "a.txt").write_text("text")
    (tmp_path / "a.yaml").write_text("stubs: [{response: {bodyFileName: a.txt}}]")
    with MockServer(tmp_path) as mock, Client(mock) as client:
        with monkeypatch.context() as patch:
            patch.setattr(stubbing, "open", fail, raising=False)
            answer = client.get("/a")
        assert client.get("/a").text == "text"
    message = f"The stub's body, a.txt, cannot be read: {os.strerror(number)}."
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)
