"""The stream of events: what it tells of, that nothing is told twice and nothing is missing, and who is let go.

A listener is a real client on a real socket; what it reads it holds against the schemas, by jsonschema itself. It waits
for events, and only a test that has failed waits long. That nothing came is seen by what comes next.
"""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from aiohttp import web
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.test_utils import TestClient, TestServer
from books import BOOKS
from builders import START, fixture, run, subtask, task
from clients import RETRY, SUBTASK, TASK, Client, Json, failed_world
from judges import judge
from moving import move
from multidict import CIMultiDict
from processes import END_S, Served
from raw_sockets import connected, heard, request
from waiting import eventually, waiting

from mockserver import MockServer, __version__, create_app
from mockserver.admin.events import feed, listeners
from mockserver.admin.events.feed import AT_ONCE, EVENTS, KEPT, Feed
from mockserver.admin.events.listeners import BEHIND, BEHIND_BYTES, LISTENING, Listener, Listening
from mockserver.admin.journal import entry_json
from mockserver.contract.credentials import NOBODY
from mockserver.contract.routes import NOWHERE
from mockserver.faults.denials import Denial
from mockserver.faults.effects import Response
from mockserver.faults.rules import Fault
from mockserver.testing import server
from mockserver.world import moves
from mockserver.world.evidence.exchange import BODY_BYTES, Asked, Exchange
from mockserver.world.live import TooManyEvents
from mockserver.world.served import RELOADED, RENEWED
from mockserver.world.worlds import Options, Site, Worlds

PATH = "/__admin/events"
HUNDRED = 100


class Event(NamedTuple):
    name: str
    id: int | None
    data: Json


class Stream:
    """A listener: it has been answered when this is made."""

    def __init__(self, client: Client, base: str = "", last: object = None, **headers: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", client.mock.port, timeout=END_S)
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self._connection.request("GET", base + PATH, headers=headers)
        self.answer: HTTPResponse = self._connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.readline() == b"retry: 1000\n"
        assert self.answer.readline() == b"\n"

    def read(self) -> Event | None:
        """The next event, which fits its schema; None at the end of the stream."""
        fields: dict[str, str] = {}
        while (line := self.answer.readline().decode()) not in ("\n", ""):
            key, _, value = line.rstrip("\n").partition(": ")
            assert key in ("event", "id", "data")
            assert key not in fields
            fields[key] = value
        if not line:
            assert not fields
            return None
        event = Event(fields["event"], int(fields["id"]) if "id" in fields else None, json.loads(fields["data"]))
        judge(EVENTS[event.name]).validate(event.data)
        return event

    def events(self, count: int = 1) -> list[Event]:
        found = [self.read() for _ in range(count)]
        assert None not in found
        return [event for event in found if event is not None]

    def event(self, name: str) -> Json:
        """The data of the next event, which is of that name."""
        [event] = self.events()
        assert event.name == name, event
        return event.data

    def until(self, name: str) -> list[Event]:
        """All up to the first of that name."""
        found = self.events()
        while found[-1].name != name:
            found += self.events()
        return found

    def close(self) -> None:
        self.answer.close()
        self._connection.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_on(client: Client) -> Listening:
    return client.mock._app[LISTENING]


@pytest.fixture
def failed() -> Iterator[Client]:
    """As everywhere, but a server of its own: of one that is shared, listeners may not be quite gone yet."""
    with MockServer(failed_world()) as mock, Client(mock) as client:
        yield client


@pytest.fixture
def stream(failed: Client) -> Iterator[Stream]:
    """A listener to `failed`, which has read its hello."""
    with Stream(failed) as stream:
        stream.event("hello")
        yield stream


# --- what is told --------------------------------------------------------------------------------------------------


def changed(events: Sequence[Event]) -> list[Json]:
    """The changes among them, as the history has them."""
    told = [event.data for event in events if event.name == "change"]
    return [{key: value for key, value in one.items() if key not in ("runTime", "due")} for one in told]


def test_it_begins_with_hello(failed: Client) -> None:
    with Stream(failed) as stream:
        headers = stream.answer.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["Cache-Control"] == "no-store, no-transform"
        assert headers["X-Mock-Contract"] == "valid"
        [hello] = stream.events()
    assert hello.name == "hello"
    assert hello.data == {"version": __version__, "world": None, "clock": failed.admin("GET", "/clock"), "mistakes": []}
    assert hello.id is not None
    assert 0 < hello.id < 2**53


def test_a_retry_is_told_with_its_changes(failed: Client, stream: Stream) -> None:
    failed.post(RETRY)
    *changes, entry = stream.until("request")
    assert changed(changes) == failed.admin("GET", "/history")["history"]
    assert {event.name for event in changes} == {"change"}
    now = [(event.data["runTime"], event.data["due"]) for event in changes]
    assert now == [(2, "2021-08-25T15:10:14+08:00"), (None, None)], "and what is shown of it from then on"
    [kept] = failed.admin("GET", "/requests")["requests"]
    assert entry.data == {key: value for key, value in kept.items() if not key.endswith(("Body", "Headers"))}


def test_a_fault_is_told_when_it_comes_acts_and_goes(failed: Client, stream: Stream) -> None:
    added = failed.fault(operation="getTaskInstance")
    assert stream.event("fault") == {"id": "fault-1", "rule": added}
    failed.get(TASK)
    acted, told = stream.events(2)
    assert (acted.data["rule"]["hits"], told.data["rule"]) == (1, "fault-1")
    failed.admin("DELETE", "/faults/fault-1")
    assert stream.event("fault") == {"id": "fault-1", "rule": None}


def test_a_denial_is_told_when_it_comes_acts_and_goes(failed: Client, stream: Stream) -> None:
    added = failed.admin("POST", "/denials", {"permission": "TASK_MANAGER", "times": 1})
    assert stream.event("denial") == {"id": "denial-1", "rule": added}
    assert failed.post(RETRY).status_code == 403
    acted, told = stream.events(2)
    assert (acted.data["rule"]["hits"], told.data["status"]) == (1, 403)
    failed.admin("DELETE", "/denials")
    assert stream.event("denial") == {"id": "denial-1", "rule": None}


def test_a_clock_that_is_moved_or_set_is_told(failed: Client, stream: Stream) -> None:
    failed.mock.advance("5s")
    assert stream.event("clock") == failed.admin("GET", "/clock")
    failed.admin("PUT", "/clock", {"mode": "real", "speed": 2})
    told = stream.event("clock")
    assert (told["mode"], told["speed"]) == ("real", 2)


def test_what_is_due_on_a_real_clock_comes_by_itself() -> None:
    """Nobody asks anything; and that time passes is no event."""
    world = failed_world(scheduler={"dispatch": "100ms", "run": "100ms"})
    del world["clock"]
    with MockServer(world, clock="real") as mock, Client(mock) as client, Stream(client) as stream:
        stream.event("hello")
        client.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "READY", "operation": "SKIP"})
        found = stream.until("change")
        while (found[-1].data["to"], found[-1].data["subtaskInstanceId"]) != ("SUCCESSFUL", None):
            found += stream.until("change")
    assert [event.name for event in found if event.name != "change"] == ["world"]
    assert [event.data["cause"] for event in found][-1] == "time"


EDITS: list[tuple[str, str, Any]] = [
    ("POST", "/reset", None),
    ("PUT", "/state", {"tasks": [{"id": 5}], "clock": {"mode": "manual"}}),
    ("PATCH", "/tasks/1000", {"prohibitRollback": True}),
    ("PATCH", "/tasks/1000/subtasks/10001", {"runs": [{"outcome": "FAILED"}]}),
    ("PUT", "/settings", {"server": "elsewhere"}),
    ("POST", "/snapshots/base/restore", None),
    ("DELETE", "/requests", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EDITS)
def test_a_world_that_is_edited_is_told_with_the_cause(failed: Client, method: str, path: str, body: Any) -> None:
    failed.admin("POST", "/snapshots", {"name": "base"})
    for base in ("", "/w/a"):
        failed("POST", f"{base}/__admin/snapshots", json={"name": "base"})
        with Stream(failed, base) as stream:
            stream.event("hello")
            assert failed(method, f"{base}/__admin{path}", json=body).ok
            assert stream.event("world") == {"cause": f"{method} /__admin{path}"}


def test_what_a_patch_changes_is_told_too(failed: Client, stream: Stream) -> None:
    failed.admin("PATCH", "/tasks/1000/subtasks/10001", {"status": "READY"})
    world, *changes = stream.events(3)
    assert world.name == "world"
    assert changed(changes) == failed.admin("GET", "/history")["history"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/state", {"tasks": 1}),
        ("PATCH", "/tasks/1", {"status": "READY"}),
        ("PUT", "/settings", {"nothing": 1}),
        ("POST", "/snapshots/nothing/restore", None),
        ("POST", "/faults", {"times": 0}),
        ("GET", "/state", None),
        ("POST", "/snapshots", {"name": "base"}),
    ],
)
def test_what_changes_nothing_is_not_told(failed: Client, stream: Stream, method: str, path: str, body: Any) -> None:
    failed(method, f"/__admin{path}", json=body)
    failed.get(TASK)
    assert stream.event("request")["status"] == 200


def test_files_that_are_read_again_are_told_in_every_world(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    file.write_text(json.dumps(failed_world()))
    with MockServer(file) as mock, Client(mock) as client, Stream(client) as main, Stream(client, "/w/a") as named:
        assert [one.event("hello")["world"] for one in (main, named)] == [None, "a"]
        main.event("worlds")
        client.admin("POST", "/fixtures/reload")
        assert [one.event("world")["cause"] for one in (main, named)] == [RELOADED] * 2


def test_a_server_that_is_renewed_tells_it_and_ends_the_streams_of_its_other_worlds(
    failed: Client, stream: Stream
) -> None:
    """As the plugin does between two tests: nobody asks anything, and it is told."""
    with Stream(failed, "/w/a") as named:
        named.event("hello")
        stream.event("worlds")
        failed.mock._renew()
        assert stream.event("world")["cause"] == RENEWED
        assert stream.event("worlds") == {"worlds": []}
        assert named.read() is None
    failed.get(TASK)
    assert stream.event("request")["id"] == 1


def test_the_names_of_the_worlds_are_told_when_they_change(failed: Client, stream: Stream) -> None:
    failed.get(f"/w/b{TASK}")
    assert stream.event("worlds") == {"worlds": ["b"]}
    failed.get(TASK, headers={"X-Mock-World": "a"})
    assert stream.event("worlds") == {"worlds": ["a", "b"]}
    failed.get(f"/w/b{TASK}")
    failed.admin("DELETE", "/worlds/a")
    assert stream.event("worlds") == {"worlds": ["b"]}


@pytest.mark.planted(1)
def test_a_violation_is_told(failed: Client, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("mockserver.admin.state.health_json", lambda site: {"status": "ill"})
        assert failed.get("/__admin/health").status_code == 500
    BOOKS.answered += 1
    assert stream.event("contract")["violations"] == 1


@pytest.mark.planted(1)
def test_an_event_that_breaks_its_schema_is_left_out_and_counted(
    failed: Client, stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the account it is one more reply that was a violation, though nobody asked for it."""
    with monkeypatch.context() as patched:
        patched.setattr(feed, "clock_json", lambda served: {"mode": "broken"})
        failed.mock.advance("5s")
        told = stream.event("contract")
    BOOKS.answered += 1
    assert told["violations"] == 1
    assert "contract violation" in caplog.text


def test_a_request_that_waits_is_told_and_told_again_when_it_is_over(failed: Client, stream: Stream) -> None:
    """Here its rule is removed. The stream has the first before that."""
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fixedDelayMilliseconds": 3_600_000})
    with waiting(failed, request(RETRY, "POST", **{"Content-Length": "0"})):
        told = stream.until("request")[-1].data
        assert (told["id"], told["status"], told["effect"]) == (1, None, "fixedDelayMilliseconds")
        failed.admin("DELETE", "/faults/fault-1")
        told = stream.until("request")[-1].data
    assert (told["id"], told["status"], told["effect"]) == (1, None, "fixedDelayMilliseconds, let go")


def test_a_ping_says_what_time_it_is_and_has_no_id(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PING", 0)
    with Stream(failed) as stream:
        [hello, ping] = stream.events(2)
    assert (ping.name, ping.id) == ("ping", None)
    assert ping.data == {"now": hello.data["clock"]["now"]}


# --- whom it is told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["path", "header"])
def test_a_listener_hears_of_its_own_world_only(failed: Client, how: str) -> None:
    def listener(name: str) -> Stream:
        return Stream(failed, f"/w/{name}") if how == "path" else Stream(failed, **{"X-Mock-World": name})

    with listener("a") as a, listener("b") as b:
        assert (a.event("hello")["world"], b.event("hello")["world"]) == ("a", "b")
        a.event("worlds")
        failed.post(f"/w/a{RETRY}")
        failed.get(f"/w/b{SUBTASK}/log")
        assert [event.name for event in a.until("request")] == ["change", "change", "request"]
        assert b.event("request")["operation"] == "getSubtaskLog"


def test_the_streams_of_a_world_that_goes_end(failed: Client) -> None:
    with Stream(failed, "/w/a") as stream:
        stream.event("hello")
        failed.admin("DELETE", "/worlds/a")
        assert stream.read() is None
        assert failed.admin("GET", "/worlds")["worlds"] == []


def test_a_world_that_somebody_listens_to_goes_after_those_that_nobody_uses(failed: Client) -> None:
    BOOKS.latest.worlds.limit = 2
    with Stream(failed, "/w/a") as stream:
        stream.event("hello")
        for name in ("b", "c"):
            failed.get(f"/w/{name}{TASK}")
        assert failed.admin("GET", "/worlds")["worlds"] == ["a", "c"]


def test_a_listener_does_not_use_its_world(failed: Client) -> None:
    """It goes past the limit before others that are in use; its stream ends, and makes none anew."""
    BOOKS.latest.worlds.limit = 2
    with Stream(failed, "/w/a") as stream:
        stream.event("hello")
        for name in ("b", "c"):
            failed.post(f"/w/{name}{RETRY}")
        while stream.read() is not None:
            pass
        assert failed.admin("GET", "/worlds")["worlds"] == ["b", "c"]


# --- numbers, and coming back --------------------------------------------------------------------------------------


def test_numbers_grow_by_one(failed: Client, stream: Stream) -> None:
    failed.post(RETRY)
    ids = [event.id for event in stream.events(3)]
    failed.get(TASK)
    ids += [event.id for event in stream.events()]
    assert ids[0] is not None
    assert ids == list(range(ids[0], ids[0] + 4))


@pytest.mark.parametrize("company", [True, False], ids=["while another listens", "while nobody listens"])
@pytest.mark.parametrize("read", [0, 1, 3])
def test_who_comes_back_gets_what_it_has_missed_and_nothing_twice(failed: Client, read: int, company: bool) -> None:
    with ExitStack() as others:
        if company:
            others.enter_context(Stream(failed)).event("hello")
        with Stream(failed) as stream:
            [hello] = stream.events()
            failed.post(RETRY)
            first = stream.events(read)
        eventually(lambda: len(open_on(failed)) == company)
        failed.mock.advance("5s")
        failed.get(TASK)
        with Stream(failed, last=[hello, *first][-1].id) as again:
            found = first
            while not (found and found[-1].name == "request" and found[-1].data["id"] == 2):
                found += again.events()
    assert hello.id is not None
    assert [event.id for event in found] == list(range(hello.id + 1, hello.id + 1 + len(found)))
    assert changed(found) == failed.admin("GET", "/history")["history"]
    assert [event.data["id"] for event in found if event.name == "request"] == [1, 2]
    assert [event.name for event in found].count("clock") == 1


def test_who_has_missed_nothing_is_told_nothing(failed: Client) -> None:
    with Stream(failed) as stream:
        [hello] = stream.events()
    with Stream(failed, last=hello.id) as again:
        failed.get(TASK)
        again.event("request")


@pytest.mark.parametrize("last", ["", "x", "-1", "0", "1", "1.5", "9" * 15, "9" * 40, "²"])
def test_an_id_that_is_not_known_is_greeted(failed: Client, last: str) -> None:
    """One of another process, of another world, or none at all."""
    with Stream(failed, last=last) as stream:
        stream.event("hello")


def test_the_id_of_another_world_is_greeted(failed: Client) -> None:
    with Stream(failed) as main:
        [hello] = main.events()
    eventually(lambda: time.time_ns() // 10**6 * 1000 > (hello.id or 0))
    with Stream(failed, "/w/a", last=hello.id) as stream:
        assert stream.event("hello")["world"] == "a"


# --- the feed, without a server ------------------------------------------------------------------------------------


def site_of(*subtasks: Any) -> Site:
    return Worlds(fixture(task(*subtasks)), Options()).main


def told(data: bytes) -> list[Event]:
    found = []
    for block in data.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append(Event(fields["event"], int(fields["id"]), json.loads(fields["data"])))
        judge(EVENTS[found[-1].name]).validate(found[-1].data)
    return found


def news(one: Feed) -> list[Event]:
    """What is new, read to the end."""
    before = one.latest
    while one.collect():
        pass
    return told(one.since(before))


def entry_of(path: str, status: int | None = 200, content: bytes = b"") -> Exchange:
    """Of the journal, answered unless its status is None."""
    asked = Asked(
        method="GET", target=path, path=path, query="", to=NOWHERE, sent=NOBODY, headers=CIMultiDict(), body=b""
    )
    return Exchange(
        asked=asked,
        time=START,
        trace_id="0" * 16,
        before=None,
        traces=0,
        generation=1,
        began=0,
        status=status,
        content=content,
    )


def keep(site: Site, *paths: str) -> None:
    for path in paths:
        site.served.journal.append(entry_of(path))


def test_an_answer_that_is_held_back_is_told_twice() -> None:
    """Without a status while it waits, and again with it."""
    site = site_of()
    one = Feed(site)
    entry = entry_of("/held", status=None)
    site.served.journal.append(entry)
    keep(site, "/other")
    assert [(event.data["id"], event.data["status"]) for event in news(one)] == [(1, None), (2, 200)]
    assert news(one) == []
    entry.status, entry.rule = 503, "fault-1"
    [event] = news(one)
    assert (event.data["id"], event.data["status"], event.data["rule"]) == (1, 503, "fault-1")
    assert news(one) == []


def test_an_answer_that_comes_after_its_entry_was_forgotten_is_not_told() -> None:
    site = site_of()
    one = Feed(site)
    entry = entry_of("/held", status=None)
    site.served.journal.append(entry)
    assert len(news(one)) == 1
    site.served.journal.forget()
    entry.status = 200
    assert news(one) == []


def test_a_feed_begins_with_what_happens_next() -> None:
    site = site_of(subtask(1, status="READY"))
    keep(site, "/before")
    move(site.served, moves.by(10**9))
    assert news(Feed(site)) == []


def test_more_than_is_kept_is_skipped_and_counted() -> None:
    """And then it goes on: the client looks at everything anew."""
    site = site_of(subtask(1, status="READY", runs=[run("FAILED", 1)], retry_count=400))
    one = Feed(site)
    keep(site, "/x")
    move(site.served, moves.until(None))
    changes = site.served.live.history.total
    assert changes > KEPT
    [clock, skipped] = news(one)
    assert (clock.name, skipped.name) == ("clock", "skipped")
    assert skipped.data == {"changes": changes, "requests": 1}
    keep(site, "/y")
    [entry] = news(one)
    assert entry.data["path"] == "/y"


def test_so_many_are_read_at_once_and_the_rest_the_next_time() -> None:
    site = site_of()
    one = Feed(site)
    keep(site, *(f"/{n}" for n in range(AT_ONCE + 1)))
    before = one.latest
    assert one.collect()
    assert one.latest == before + AT_ONCE
    assert not one.collect()
    assert [event.data["path"] for event in told(one.since(before))] == [f"/{n}" for n in range(AT_ONCE + 1)]


@pytest.mark.slow
def test_an_event_that_is_kept_no_more_is_greeted() -> None:
    site = site_of()
    one = Feed(site)
    first = one.latest
    for _ in range(KEPT):
        site.served.edited("x")
        one.collect()
    assert len(told(one.since(first))) == KEPT
    site.served.edited("x")
    one.collect()
    assert [event.name for event in told(one.since(first))] == ["hello"]
    assert len(told(one.since(first + 1))) == KEPT


def test_many_rules_that_change_at_once_are_skipped() -> None:
    site = site_of()
    one = Feed(site)
    for _ in range(AT_ONCE + 1):
        site.served.live.add_denial(lambda id: Denial(id, "TASK_VIEWER"))
    assert [event.name for event in news(one)] == ["skipped"]
    site.served.live.remove_denials()
    assert [event.name for event in news(one)] == ["skipped"]


def test_a_rule_too_large_to_be_sent_is_skipped(failed: Client, stream: Stream) -> None:
    failed.admin("POST", "/faults", {"response": {"status": 200, "body": "x" * feed.LARGEST}})
    assert stream.event("skipped") == {"changes": 0, "requests": 0}


def test_a_rule_too_large_to_be_sent_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request that it counts is an event, and its body can have 500,000 keys."""
    site, proven, real = site_of(), [], Feed._proven
    one = Feed(site)

    def watched(self: Feed, name: str, data: object) -> str | None:
        proven.append(name)
        return real(self, name, data)

    monkeypatch.setattr(Feed, "_proven", watched)
    for keys in (feed.LARGEST, 1):
        effect = Response(status=200, headers={}, body={f"k{number}": 1 for number in range(keys)})
        site.served.live.add_fault(partial(Fault, effect=effect))
        one.collect()
    assert proven == ["skipped", "fault"]


def test_a_world_that_goes_round_is_told_as_far_as_it_went(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is left alone for a while: each attempt takes long."""
    site = site_of()
    one = Feed(site)
    attempts = []

    def round_and_round() -> None:
        attempts.append(1)
        keep(site, "/x")
        raise TooManyEvents("READY")

    monkeypatch.setattr(site.served, "up_to_now", round_and_round)
    assert len(news(one)) == 1
    assert news(one) == []
    assert len(attempts) == 1


def test_a_journal_that_begins_again_is_read_from_its_beginning() -> None:
    site = site_of()
    one = Feed(site)
    keep(site, *(f"/{n}" for n in range(3)))
    news(one)
    site.served.reset()
    keep(site, *(f"/again/{n}" for n in range(5)))
    assert [event.data["id"] for event in news(one)] == [1, 2, 3, 4, 5]


def test_a_history_that_begins_again_is_read_from_its_beginning() -> None:
    site = site_of(subtask(1, status="READY"))
    one = Feed(site)
    for _ in range(2):
        move(site.served, moves.until(None))
        changes = [event.data["to"] for event in news(one) if event.name == "change"]
        assert changes == ["RUNNING", "SUCCESSFUL", "SUCCESSFUL"]
        site.served.reset()


# --- who is let go -------------------------------------------------------------------------------------------------


class Pipe:
    """A transport, as far as a listener looks at it."""

    def __init__(self) -> None:
        self.waiting, self.written, self.end = 0, b"", ""

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return bool(self.end)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.end = "aborted"


class Asking:
    """A request, likewise."""

    def __init__(self, transport: Pipe | None, version: HttpVersion = HttpVersion11) -> None:
        self.transport = transport
        self.version = version


def listener_of(asking: Asking) -> Listener:
    listener = Listener(cast(web.Request, asking))
    listener.joined = True
    return listener


@pytest.mark.asyncio
async def test_a_listener_is_written_to_in_its_own_framing() -> None:
    for version, expected in ((HttpVersion11, b"chunk"), (HttpVersion10, b"plain")):
        pipe = Pipe()
        listener = listener_of(Asking(pipe, version))
        listener.send(b"plain", b"chunk", 0)
        listener.send(b"", b"0\r\n\r\n", 0)
        assert pipe.written == expected
        assert not listener.over.done()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("looks", "kept"),
    [
        ([(BEHIND_BYTES, 0)], True),
        ([(BEHIND_BYTES + 1, 0)], False),
        ([(1, 0), (1, BEHIND)], True),
        ([(1, 0), (1, BEHIND + 1)], False),
        ([(1, 0), (0, 1), (1, BEHIND + 1)], True),
    ],
)
async def test_a_listener_with_too_much_or_for_too_long_is_dropped(looks: list[tuple[int, int]], kept: bool) -> None:
    """`looks`: how many bytes wait, and when."""
    pipe = Pipe()
    listener = listener_of(Asking(pipe))
    for pipe.waiting, now in looks:
        listener.send(b"x", b"x", now)
    assert pipe.end == ("" if kept else "aborted")
    assert listener.over.done() is not kept


@pytest.mark.asyncio
async def test_a_listener_that_has_gone_is_over() -> None:
    listener = listener_of(Asking(None))
    listener.send(b"x", b"x", 0)
    assert listener.over.done()


@pytest.mark.asyncio
@pytest.mark.parametrize(("waiting", "joined", "end"), [(0, True, ""), (1, True, "aborted"), (0, False, "aborted")])
async def test_nobody_waits_at_the_end_for_who_has_not_read_all(waiting: int, joined: bool, end: str) -> None:
    pipe = Pipe()
    listener = listener_of(Asking(pipe))
    pipe.waiting, listener.joined = waiting, joined
    listener.end()
    assert pipe.end == end
    assert listener.over.done()


@pytest.mark.slow
def test_a_listener_that_never_reads_is_dropped_and_another_goes_on(
    failed: Client, stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    large = {"response": {"status": 200, "body": "x" * (feed.LARGEST - 1000)}}
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", failed.mock.port))
        silent.sendall(request(PATH))
        eventually(lambda: len(open_on(failed)) == 2)
        count = 0
        while len(open_on(failed)) == 2:
            failed.admin("POST", "/faults", large)
            assert stream.event("fault")["id"] == f"fault-{(count := count + 1)}"
            assert count < 200, "3 MiB wait for it, and it is still there"
        silent.settimeout(END_S)
        answer = heard(silent)
    assert answer.end != "silent"
    assert not answer.received.endswith(b"0\r\n\r\n"), "that would be an end in good order"
    failed.get(SUBTASK)
    assert stream.event("request")["id"] == 1
    assert not caplog.records


def test_a_listener_that_hangs_up_is_forgotten(failed: Client, caplog: pytest.LogCaptureFixture) -> None:
    listeners = open_on(failed)
    for how in ("before it has read", "after"):
        with connected(failed.mock.port) as connection:
            connection.sendall(request(PATH))
            if how == "after":
                connection.recv(65536)
        eventually(lambda: len(listeners) == 0 and listeners._pump is None)
    assert failed.admin("GET", "/contract")["violations"] == 0
    assert not caplog.records


def test_a_bug_ends_the_stream_and_not_the_server(
    failed: Client, stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Feed, "collect", lambda self: 1 / 0)
        assert stream.read() is None
    assert "ZeroDivisionError" in caplog.text
    with Stream(failed) as again:
        again.event("hello")


def test_no_more_than_so_many_listen(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "LISTENERS", 1)
    with Stream(failed) as stream:
        stream.event("hello")
        answer = failed.get(PATH)
        assert answer.status_code == 503
        assert "1 listen already" in answer.json()["error"]["message"]
        failed.get(TASK)
        stream.event("request")
    eventually(lambda: len(open_on(failed)) == 0)
    Stream(failed).close()


def test_head_is_answered_at_once(failed: Client) -> None:
    answer = failed("HEAD", PATH)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert len(open_on(failed)) == 0


def test_over_http_1_0_the_end_of_the_connection_is_the_end(failed: Client) -> None:
    with connected(failed.mock.port) as connection:
        connection.sendall(request(f"/w/a{PATH}", version="1.0"))
        eventually(lambda: len(open_on(failed)) == 1)
        failed.get(f"/w/a{TASK}")
        failed.admin("DELETE", "/worlds/a")
        answer = heard(connection)
    assert answer.end == "closed"
    assert b"chunked" not in answer.head.lower()
    assert answer.body.startswith(b"retry: 1000\n\nevent: hello\n")


def test_a_token_is_asked_for() -> None:
    with MockServer(failed_world(), admin_token="secret") as mock, Client(mock) as client:
        assert client.get(PATH).status_code == 401
        with Stream(client, Authorization="Bearer secret") as stream:
            stream.event("hello")


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}], ids=str)
def test_a_foreign_page_does_not_listen(failed: Client, header: dict[str, str]) -> None:
    assert failed.get(PATH, headers=header).status_code == 403
    assert len(open_on(failed)) == 0


# --- the end -------------------------------------------------------------------------------------------------------


def listeners_on(port: int) -> list[socket.socket]:
    connections = []
    for _ in range(HUNDRED):
        connections.append(connected(port))
        connections[-1].sendall(request(PATH))
    for connection in connections:
        received = b""
        while b"event: hello" not in received:
            received += connection.recv(65536)
    return connections


def ended_in_order(connections: list[socket.socket]) -> None:
    for connection in connections:
        answer = heard(connection)
        assert answer.end == "closed"
        assert answer.received.endswith(b"0\r\n\r\n")
        connection.close()


def test_a_server_with_a_hundred_listeners_stops_at_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", END_S)  # of one that waits for them
    with MockServer(failed_world()) as mock:
        connections = listeners_on(mock.port)
        began = time.monotonic()
        mock.stop()
        assert time.monotonic() - began < 4
    ended_in_order(connections)
    assert not caplog.records


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_serve_with_a_hundred_listeners_ends_at_once() -> None:
    with Served("failed-subtask", "--clock", "manual") as served:
        connections = listeners_on(served.port)
        began = time.monotonic()
        assert served.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 4, "and not after the five seconds for requests in flight"
        ended_in_order(connections)
        assert "Traceback" not in served.logs
        assert "destroyed" not in served.logs


@pytest.mark.asyncio
async def test_below_another_application_it_streams_and_ends_too() -> None:
    """And leaves no task behind."""
    outer = web.Application()
    outer.add_subapp("/mock", create_app(failed_world()))
    before = len(asyncio.all_tasks())
    async with TestClient(TestServer(outer)) as client:
        answer = await client.get(f"/mock/w/a{PATH}")
        assert await answer.content.readuntil(b"\n\n") == b"retry: 1000\n\n"
        assert (await answer.content.readuntil(b"\n\n")).startswith(b"event: hello\n")
        await client.post(f"/mock/w/a{RETRY}")
        assert (await answer.content.readuntil(b"\n\n")).startswith(b"event: change\n")
        await client.server.close()
        await answer.content.read()  # raises, if it does not end in good order
    assert len(asyncio.all_tasks()) == before


def test_a_summary_is_an_entry_without_its_bodies() -> None:
    """Whether they were cut is still to be seen."""
    entry = entry_of("/x", content=b"x" * (BODY_BYTES + 1))
    whole = entry_json(1, entry, str)
    assert whole["truncated"]
    assert entry_json(1, entry, str, whole=False) == {
        key: whole[key] for key in whole if not key.endswith(("Body", "Headers"))
    }
