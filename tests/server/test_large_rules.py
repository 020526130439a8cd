"""Rules that are large: what is done with one is done in a thread, so that nobody else waits; and what it answers with
is the same."""

import json
from typing import Any, Final

import pytest
from clients import TASK, Client
from gates import IN_THREAD, threads_of

from mockserver.server import fault_injection

LARGE: Final = {f"key {number}": [number] for number in range(3000)}


@pytest.mark.parametrize(
    ("body", "thread"), [(LARGE, True), (json.dumps(LARGE), True), ({"a": [1]}, False), ("short", False), (None, False)]
)
def test_a_large_body_is_sent_as_it_is(
    failed: Client, monkeypatch: pytest.MonkeyPatch, body: Any, thread: bool
) -> None:
    threads = threads_of(monkeypatch, fault_injection, "replaced")
    failed.admin("POST", "/faults", {"response": {"status": 200, **({} if body is None else {"body": body})}})
    answer = failed.get(TASK)
    assert answer.text == ("" if body is None else body if isinstance(body, str) else json.dumps(body))
    assert answer.headers["X-Mock-Contract"] == "deliberately-invalid"
    assert [name == IN_THREAD for name in threads] == [thread]


def test_a_large_valid_body_is_valid(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_injection, "AT_ONCE", 0)
    threads = threads_of(monkeypatch, fault_injection, "replaced")
    answer = failed.get(TASK)
    for body in (answer.json(), answer.text):
        rule = {"status": 200, "headers": {"Content-Type": "application/json"}, "body": body}
        failed.admin("POST", "/faults", {"response": rule})
        again = failed.get(TASK)
        assert (again.json(), again.headers["X-Mock-Contract"]) == (answer.json(), "valid")
    assert threads == [IN_THREAD] * 2


def test_so_is_one_in_the_place_of_a_stub(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threads_of(monkeypatch, fault_injection, "replacing")
    failed.admin("POST", "/stubs", {"request": {"url": "/other"}, "response": {"status": 200}})
    failed.admin("POST", "/faults", {"path": "/other", "response": {"status": 200, "body": LARGE}})
    assert failed.get("/other").json() == LARGE
    assert threads == [IN_THREAD]
