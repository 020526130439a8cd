"""Rules that are large: what is done with one is done in a thread, so that nobody else waits; and what it answers with
is the same."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import pytest
from clients import TASK, Client, Json
from gates import IN_THREAD, Gate, threads_of
from processes import END_S

from mockserver.admin import routes
from mockserver.faults import effects
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


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ({"violate": {"set": dict.fromkeys(LARGE, 1)}}, len(LARGE)),
        ({"response": {"status": 200, "headers": dict.fromkeys(LARGE, "x")}}, len(LARGE)),
        ({"error": {"status": 500, "code": "x", "headers": dict.fromkeys(LARGE, "x")}}, len(LARGE) + 1),
        ({"violate": {"set": {"data": 1}}}, 1),
    ],
    ids=["pointers", "headers", "code and headers", "small"],
)
def test_what_is_wrong_with_a_large_fault_is_found_in_a_thread(
    failed: Client, monkeypatch: pytest.MonkeyPatch, fault: Json, wrong: int
) -> None:
    """And all of it is told; nothing is added."""
    failed.admin("PUT", "/settings", {"dialect": "ocp-4.2.1"})
    threads, telling = threads_of(monkeypatch, effects, "key_problems"), threads_of(monkeypatch, routes, "error_json")
    answer = failed("POST", "/__admin/faults", json=fault)
    assert (answer.status_code, len(answer.json()["error"]["details"])) == (422, wrong)
    assert [name == IN_THREAD for name in (*threads, *telling)] == [wrong > 1] * 2
    assert failed.admin("GET", "/faults") == {"faults": []}


def test_a_code_is_of_the_dialect_that_there_is_when_the_fault_is_added(
    failed: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings may change while a large one is looked at."""
    gate = Gate(monkeypatch, effects, "key_problems")
    fault = {"error": {"status": 500, "code": "x", "headers": {f"x{number}": "y" * 20 for number in range(3000)}}}
    with Client(failed.mock) as other, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(partial(other, "POST", "/__admin/faults", json=fault))
        assert gate.reached.acquire(timeout=END_S)
        failed.admin("PUT", "/settings", {"dialect": "ocp-4.2.1"})
        gate.open.set()
        [wrong] = asking.result().json()["error"]["details"]
    assert wrong["path"] == "$.error.code"
    assert failed.admin("GET", "/faults") == {"faults": []}
