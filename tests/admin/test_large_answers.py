"""What a control call tells of, and can be very long, is told in a thread: nobody else waits for it."""

from typing import Any

import pytest
from clients import RETRY, Client
from gates import IN_THREAD, threads_of

from mockserver.admin import exchange, rules
from mockserver.faults.denials import Denial
from mockserver.faults.rules import Fault
from mockserver.stubs.mapping import Stub

RULES = {
    "faults": {"fixedDelayMilliseconds": 0},
    "denials": {"permission": "TASK_MANAGER"},
    "stubs": {"request": {"url": "/other"}, "response": {"status": 200}},
}


@pytest.mark.parametrize(
    ("kind", "room", "one"),
    [
        ("faults", Fault, False),
        ("faults", Fault, True),
        ("denials", Denial, False),
        ("stubs", Stub, False),
        ("stubs", Stub, True),
    ],
)
def test_rules_are_told_in_a_thread(
    failed: Client, monkeypatch: pytest.MonkeyPatch, kind: str, room: Any, one: bool
) -> None:
    """Each can be as large as the body that it came with."""
    added = failed.admin("POST", f"/{kind}", RULES[kind])
    threads = threads_of(monkeypatch, room, "to_json")
    told = failed.admin("GET", f"/{kind}/{added['id']}" if one else f"/{kind}")
    assert told == (added if one else {kind: [added]})
    assert threads == [IN_THREAD]


def test_a_fault_that_is_added_is_told_in_a_thread(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threads_of(monkeypatch, Fault, "to_json")
    failed.admin("POST", "/faults", RULES["faults"])
    assert threads == [IN_THREAD]


def test_users_are_told_in_a_thread(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = {"password": "x", "permissions": ["ADMIN"]}
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, "users": {"eve": eve}})
    threads = threads_of(monkeypatch, rules, "user_json")
    assert failed.admin("GET", "/users") == {"users": [{"name": "eve", **eve}]}
    assert threads == [IN_THREAD]


def test_what_a_request_changed_is_told_in_a_thread(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be about a task of 100,000 subtasks."""
    failed.post(RETRY)
    threads = threads_of(monkeypatch, exchange, "states_of")
    detail = failed.admin("GET", "/requests/1")
    assert [(one["before"]["status"], one["after"]["status"]) for one in detail["states"]][1:] == [("FAILED", "READY")]
    assert threads == [IN_THREAD]
