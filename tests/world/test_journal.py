"""The journal of requests: what it keeps the longest, and how many bytes the journals of all worlds have together."""

import gc
from collections import deque
from typing import Final

import pytest
from clients import RETRY, TASK, Client
from multidict import CIMultiDict

from mockserver.contract.credentials import NOBODY
from mockserver.contract.routes import NOWHERE, Route, route
from mockserver.server.routing import SITE
from mockserver.world.evidence.exchange import ENTRY_BYTES, Asked, Exchange, size_of
from mockserver.world.journal import NEW_BYTES, Journal, SharedBytes

READ: Final = route("GET", "tasks/instances/1")
ACT: Final = route("POST", "tasks/instances/1/retry")
DIAGNOSIS: Final = route("POST", "tasks/instances/1/downloadDiagnosis")


def entry(to: Route = READ, size: int = 1) -> Exchange:
    headers: CIMultiDict[str] = CIMultiDict()
    asked = Asked(
        method="GET", target="/", path="/", query="", to=to, sent=NOBODY, headers=headers, body=b"", size=size
    )
    return Exchange(asked, 0, "", None, 0, 0, 0)


def journal(limit: int = 10, shared: SharedBytes | None = None) -> Journal:
    return Journal(limit, shared or SharedBytes())


def filled(*kinds: Route, limit: int = 10) -> Journal:
    one = journal(limit)
    for to in kinds:
        one.append(entry(to))
    return one


def numbers(one: Journal, after: int = 0, until: int | None = None) -> list[int]:
    return [number for number, _ in one.numbered(after, until)]


# --- what is kept longest ------------------------------------------------------------------------------------------


def test_polling_drives_no_operation_out() -> None:
    one = filled(READ, ACT, READ, ACT, *[READ] * 100)
    assert numbers(one) == [2, 4, *range(97, 105)]
    assert (len(one), one.total, one.dropped, one.passed) == (10, 104, 94, 96)


def test_operations_have_half_of_the_room_at_most() -> None:
    one = filled(*[ACT] * 100, *[READ] * 100)
    assert numbers(one) == [*range(96, 101), *range(196, 201)]


@pytest.mark.parametrize("to", [READ, ACT, NOWHERE])
def test_of_one_kind_the_latest_are_kept(to: Route) -> None:
    assert numbers(filled(*[to] * 37)) == list(range(28, 38))


@pytest.mark.parametrize(("to", "acts"), [(READ, False), (ACT, True), (DIAGNOSIS, False), (NOWHERE, False)])
def test_what_acts_is_what_changes_something(to: Route, acts: bool) -> None:
    assert (1 in numbers(filled(to, *[READ] * 100))) is acts


def test_an_entry_is_found_by_its_number_or_not_at_all() -> None:
    one = filled(READ, ACT, *[READ] * 50)
    found = dict(one.numbered())
    for number in range(-1, 60):
        if number in found:
            assert one[number] is found[number]
        else:
            with pytest.raises(IndexError):
                one[number]
    assert list(one) == list(found.values())


def test_a_part_of_it_is_what_is_there_of_that() -> None:
    one = filled(READ, ACT, *[READ] * 50)
    assert numbers(one, 1, 3) == [2]
    assert numbers(one, 2, 45) == [44, 45]
    assert numbers(one, 50) == [51, 52]
    assert numbers(one, 52) == []


def test_what_is_forgotten_begins_anew() -> None:
    one = filled(READ, ACT, *[READ] * 50)
    epoch = one.epoch
    one.forget()
    assert (len(one), one.total, one.dropped, one.size, numbers(one)) == (0, 0, 0, 0, [])
    assert one.epoch is not epoch
    one.append(entry())
    assert numbers(one) == [1]


@pytest.mark.slow
def test_over_http_too(failed: Client) -> None:
    failed.post(RETRY)
    for _ in range(1100):
        failed.get(TASK)
    told = failed.admin("GET", "/requests")
    assert [one["operation"] for one in told["requests"][:2]] == ["retrySubtask", "getTaskInstance"]
    assert (len(told["requests"]), told["total"], told["dropped"]) == (1000, 1101, 101)
    assert failed.admin("GET", "/requests/1")["request"]["operation"] == "retrySubtask"
    assert failed.get("/__admin/requests/2").status_code == 404


# --- bytes ---------------------------------------------------------------------------------------------------------


def answered(one: Journal, content: int, size: int = 1) -> Exchange:
    exchange = entry(size=size)
    one.append(exchange)
    exchange.content = b"x" * content
    one.answered(exchange)
    return exchange


def test_all_journals_together_have_a_limit_and_the_largest_drops() -> None:
    shared = SharedBytes(10**6)
    small, large = journal(1000, shared), journal(1000, shared)
    for _ in range(3):
        answered(small, 9_999)
    for _ in range(1000):
        answered(large, 9_999)
        assert small.size + large.size <= 10**6 + 2 * NEW_BYTES
    assert len(small) == 3
    assert len(large) >= 97
    assert large.size == 10_000 * len(large)


@pytest.mark.slow
def test_a_world_that_is_gone_takes_none() -> None:
    shared = SharedBytes(10**6)
    one = journal(1000, shared)
    for _ in range(100):
        answered(one, 9_999)
    del one
    gc.collect()
    other = journal(1000, shared)
    for _ in range(100):
        answered(other, 9_999)
    assert len(other) == 100


def test_what_is_dropped_or_forgotten_before_its_answer_is_not_counted() -> None:
    one = journal(2)
    late = entry()
    one.append(late)
    for _ in range(2):
        answered(one, 0)
    late.content = b"x" * 100
    one.answered(late)
    assert one.size == 2
    held = entry()
    one.append(held)
    one.forget()
    held.content = b"x" * 100
    one.answered(held)
    assert one.size == 0


def test_the_size_of_a_request_is_that_of_its_texts() -> None:
    headers = CIMultiDict({"A": "bc"})
    assert size_of("/x", headers, b"12") == ENTRY_BYTES + 2 + 2 * 3 + 2
    assert size_of("", CIMultiDict(), b"x" * 10**6) == ENTRY_BYTES + 16 * 1024 + 1


@pytest.mark.slow
def test_every_world_of_a_server_has_its_share(failed: Client) -> None:
    site = failed.mock._app[SITE]
    site.worlds._journals.limit = 2 * 10**6
    for _ in range(20):
        for world in range(50):
            failed.get(f"/w/world-{world}{TASK}", headers={"X-Padding": "x" * 8000})
    journals = [one.served.journal for one in site.worlds.all()]
    sizes = [journal.size for journal in journals]
    assert 1.9 * 10**6 < sum(sizes) < 2 * 10**6 + len(journals) * NEW_BYTES
    assert all(journals[1:]), "each has something still"


# --- what is kept of journals that were emptied ----------------------------------------------------------------------


def past(shared: SharedBytes) -> list[int]:
    assert shared.past is not None
    return [number for _, number, _ in shared.past]


def test_what_a_reset_empties_is_kept_where_somebody_wants_it() -> None:
    shared = SharedBytes()
    shared.past = deque()
    one = journal(shared=shared)
    one.append(entry(ACT))
    one.append(entry())
    one.forget()
    one.append(entry())
    assert (past(shared), shared.lost) == ([1, 2], 0)


def test_only_so_many_bytes_of_it() -> None:
    shared = SharedBytes(limit=10)
    shared.past = deque()
    one = journal(shared=shared)
    for size in (4, 5, 6):
        one.append(entry(size=size))
    one.forget()
    assert (past(shared), shared.lost) == ([3], 2)


def test_what_was_dropped_before_is_lost() -> None:
    shared = SharedBytes()
    one = journal(2, shared)
    for _ in range(5):
        one.append(entry())
    one.forget()
    assert (one.dropped, shared.lost) == (0, 3)


@pytest.mark.parametrize("room", [10**6, 10])
def test_what_a_reset_emptied_and_its_undoing_brought_back_counts_once(room: int) -> None:
    shared = SharedBytes(limit=room)
    shared.past = deque()
    one = journal(2, shared)
    for size in (4, 5, 6):
        one.append(entry(size=size))
    for _ in range(3):
        kept = one.kept()
        one.forget()
        one.append(entry())
        one.take_back(kept)
    assert numbers(one) == [2, 3]
    assert not {id(told[2]) for told in shared.past} & {id(kept) for kept in one}
    assert len(one) + one.dropped + len(shared.past) + shared.lost == 6


def test_what_was_lost_before_a_reset_is_lost_once() -> None:
    shared = SharedBytes()
    one = journal(2, shared)
    for _ in range(5):
        one.append(entry())
    kept = one.kept()
    one.forget()
    one.take_back(kept)
    assert (one.dropped, shared.lost) == (3, 0)
