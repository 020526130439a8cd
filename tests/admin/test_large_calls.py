"""Control calls that take long: others are answered meanwhile, and what they change is kept or refused, never lost."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any, Final

import pytest
from books import BOOKS
from clients import TASK, TASKS, Client, Json, failed_world, said, world_of
from gates import Gate
from processes import END_S, Served

from mockserver import MockServer
from mockserver.admin import calls, rules, state, tasks
from mockserver.contract.wire import Wire
from mockserver.fixtures.text.constructor import MAX_DEPTH
from mockserver.server import handlers

LONGEST_S: Final = 1.0


def refused(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Before a state is read."""
    return Gate(monkeypatch, state, "read")


def put(mock: MockServer, world: Json) -> Any:
    with Client(mock) as client:
        return client("PUT", "/__admin/state", json=world)


# --- others are answered meanwhile -----------------------------------------------------------------------------------


def test_while_a_state_is_read_others_are_answered(failed: Client, gate: Gate, pool: ThreadPoolExecutor) -> None:
    """By the world that there is until then."""
    putting = pool.submit(put, failed.mock, world_of(3))
    assert gate.reached.acquire(timeout=END_S)
    assert said(failed.get(TASK)) == (200, None)
    assert failed.post(f"{TASK}/subtasks/10001/retry").status_code == 200
    gate.open.set()
    assert putting.result().status_code == 200
    assert said(failed.get(TASK))[0] == 404
    assert failed.admin("GET", "/history")["total"] > 0, "what came meanwhile is told"


@pytest.mark.parametrize(
    ("room", "name", "ask"),
    [
        (state, "to_data", ("GET", "/__admin/state")),
        (tasks, "task_data", ("GET", "/__admin/tasks/1000")),
        (tasks, "subtask_data", ("GET", "/__admin/tasks/1000/subtasks/10001")),
        (tasks, "summary_json", ("GET", "/__admin/tasks")),
        (calls, "strict_json", ("PUT", "/__admin/settings")),
    ],
    ids=["state", "task", "subtask", "tasks", "body"],
)
def test_while_an_answer_is_made_others_are_answered(
    failed: Client,
    monkeypatch: pytest.MonkeyPatch,
    pool: ThreadPoolExecutor,
    room: Any,
    name: str,
    ask: tuple[str, str],
) -> None:
    gate = Gate(monkeypatch, room, name)
    body = None if ask[0] == "GET" else " " * calls.AT_ONCE + '{"seed": 8}'
    headers = {} if body is None else {"Content-Type": "application/json"}
    with Client(failed.mock) as other:
        asking = pool.submit(partial(other, *ask, data=body, headers=headers))
        assert gate.reached.acquire(timeout=END_S)
        assert said(failed.get(TASK)) == (200, None)
        gate.open.set()
        assert asking.result().status_code == 200


def test_while_a_long_task_is_written_others_are_answered(
    failed: Client, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor
) -> None:
    """Once: whoever asks again gets what was written."""
    failed.admin("PUT", "/state", {"clock": {"mode": "manual"}, **world_of(handlers.LONG + 1)})
    gate = Gate(monkeypatch, Wire, "task")
    with Client(failed.mock) as other:
        asking = pool.submit(other.get, f"{TASKS}/1")
        assert gate.reached.acquire(timeout=END_S)
        assert said(failed.get(TASKS)) == (200, None)
        gate.open.set()
        assert len(asking.result().json()["data"]["subtasks"]) == handlers.LONG + 1
        monkeypatch.delattr(Wire, "_task_json")
        assert said(other.get(f"{TASKS}/1")) == said(failed.get(f"{TASKS}/1")) == (200, None)


# --- a change that comes meanwhile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/reset", "/snapshots/before/restore"])
def test_a_world_that_was_loaded_anew_meanwhile_stays(
    failed: Client, gate: Gate, pool: ThreadPoolExecutor, path: str
) -> None:
    failed.admin("POST", "/snapshots", {"name": "before"})
    putting = pool.submit(put, failed.mock, world_of(3))
    assert gate.reached.acquire(timeout=END_S)
    failed.admin("POST", path)
    gate.open.set()
    assert "nothing was changed" in refused(putting.result(), 409)
    assert failed.subtasks() == ["SUCCESSFUL", "FAILED", "PENDING"]


def test_of_two_states_the_one_that_came_last_is_there_in_the_end(
    failed: Client, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    first = pool.submit(put, failed.mock, world_of(3))
    assert gate.reached.acquire(timeout=END_S)
    second = pool.submit(put, failed.mock, failed_world(seed=17))
    assert not gate.reached.acquire(timeout=0.05), "it waits for the first"
    gate.open.set()
    assert [one.result().status_code for one in (first, second)] == [200, 200]
    assert failed.state()["seed"] == 17


def test_a_state_that_is_refused_holds_nobody_up(failed: Client) -> None:
    before = failed.state()
    assert failed("PUT", "/__admin/state", json={"tasks": 7}).status_code == 422
    assert failed.state() == before
    failed.admin("PUT", "/state", world_of(1))


# --- large bodies ----------------------------------------------------------------------------------------------------


def test_many_mistakes_are_all_told(failed: Client) -> None:
    """More than an answer is made of at once."""
    body = json.dumps({f"k{number}": 1 for number in range(2000)})
    answer = failed("PUT", "/__admin/settings", data=body, headers={"Content-Type": "application/json"})
    assert refused(answer, 422) == "not settings"
    assert len(answer.json()["error"]["details"]) == 2000
    assert answer.headers["X-Mock-Contract"] == "valid"


@pytest.mark.planted(1)
def test_a_large_answer_that_breaks_its_schema_is_a_500(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "to_data", lambda fixture: {"seed": "planted"})
    answer = failed.get("/__admin/state")
    assert "contract violation" in refused(answer, 500)
    assert answer.headers["X-Mock-Contract"] == "violation"
    BOOKS.answered += 1


def test_what_goes_wrong_in_the_thread_is_a_500(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(state, "to_data")
    assert "the mock server failed: NameError" in refused(failed.get("/__admin/state"), 500)


# --- a fault that could not be PUT back ------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [MAX_DEPTH - 4, MAX_DEPTH - 3, 300])
@pytest.mark.parametrize("wrap", [lambda value: {"response": {"status": 200, "body": value}}], ids=["response"])
def test_a_fault_can_be_put_back_or_is_refused(failed: Client, wrap: Callable[[Any], Json], depth: int) -> None:
    answer = failed("POST", "/__admin/faults", json=wrap(nested(depth)))
    if depth <= MAX_DEPTH - 4:
        assert answer.status_code == 201
    else:
        assert refused(answer, 422) == "not a fault"
        assert f"nested more than {MAX_DEPTH - rules.WITHIN} levels" in answer.text
    before = failed.state()
    failed.admin("PUT", "/state", before)
    assert failed.state() == before


# --- a world that goes round in no time ------------------------------------------------------------------------------


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A subtask that fails and retries itself for ever, in no time."""
    monkeypatch.setattr("mockserver.world.live.EVENTS_AT_ONE_INSTANT", 500)
    subtask = {"id": 10, "status": "READY", "retryCount": 2**31 - 1, "runs": [{"outcome": "FAILED", "duration": 0}]}
    world = {"clock": {"mode": "manual"}, "scheduler": {"dispatch": 0}, "tasks": [{"id": 1000, "subtasks": [subtask]}]}
    with MockServer(world) as mock, Client(mock) as client:
        assert said(client.get(TASKS))[0] == 500
        yield client


REPAIRS: Final[dict[str, Callable[[Client], object]]] = {
    "PUT state": lambda it: it.admin("PUT", "/state", failed_world()),
    "PUT its own state": lambda it: it.admin(
        "PUT", "/state", {**it.state(), "scheduler": {"dispatch": "1s"}, "tasks": []}
    ),
    "PATCH of the task": lambda it: it.admin("PATCH", "/tasks/1000", {"subtasks": [{"id": 10, "retryCount": 0}]}),
    "PATCH of the subtask": lambda it: it.admin("PATCH", "/tasks/1000/subtasks/10", {"retryCount": 0}),
}


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_world_that_goes_round_is_repaired(stuck: Client, repair: str) -> None:
    REPAIRS[repair](stuck)
    assert said(stuck.get(TASKS)) == (200, None)
    stuck.admin("POST", "/clock/advance", {"by": "1h"})


def test_settings_slow_down_what_goes_round(stuck: Client) -> None:
    """What is under way keeps its due; the next time it is dispatched a second later."""
    stuck.admin("PUT", "/settings", {"scheduler": {"dispatch": "1s"}})
    assert said(stuck.get(TASKS)) == (200, None)
    assert stuck.admin("POST", "/clock/advance", {"by": "10s"})["transitions"]


@pytest.mark.parametrize("path", ["/state", "/tasks", "/tasks/1000", "/tasks/1000/subtasks/10", "/settings"])
def test_it_is_shown_as_far_as_it_comes(stuck: Client, path: str) -> None:
    stuck.admin("GET", path)


def test_that_it_goes_round_is_found_out_once(stuck: Client) -> None:
    """Not anew by each request, in 100,000 events."""
    before = stuck.admin("GET", "/tasks/1000/subtasks/10")
    for _ in range(3):
        assert said(stuck.get(TASKS))[0] == 500
    assert stuck.admin("GET", "/tasks/1000/subtasks/10") == before


# --- measured --------------------------------------------------------------------------------------------------------


def poll(url: str, told: Connection) -> None:
    """Asks how it is until it is told to end; sends how long the longest wait was."""
    import requests

    with requests.Session() as session:
        longest = 0.0
        told.send(0.0)
        while not told.poll(0.01):
            began = monotonic()
            session.get(f"{url}/__admin/health", timeout=END_S)
            longest = max(longest, monotonic() - began)
        told.send(longest)


def busy_world(count: int) -> Json:
    """Each subtask fails and retries itself for a day."""
    runs = [{"outcome": "FAILED", "duration": "1s"}]
    tasks = [{"id": id, "subtasks": [{"id": id, "retryCount": 10**6, "runs": runs}]} for id in range(1, count + 1)]
    return {"clock": {"mode": "manual"}, "tasks": tasks}


@pytest.mark.slow
@pytest.mark.alone
def test_nobody_waits_long_whatever_another_asks() -> None:
    context = get_context("spawn")
    with Served("--clock", "manual") as served:
        ours, theirs = context.Pipe()
        process = context.Process(target=poll, args=(served.url, theirs), daemon=True)
        process.start()
        assert ours.poll(END_S)
        ours.recv()
        put = partial(served.ask, "PUT", "/__admin/state")
        assert put(json=world_of(20_000)).status_code == 200
        assert served.get("/__admin/state").status_code == 200
        assert put(json=world_of(20_000)).status_code == 200
        fault = {"X-Mock-Fault": '{"violate": "random"}'}
        assert (
            served.get("/api/v2/tasks/instances/1", headers=fault).headers["X-Mock-Contract"] == "deliberately-invalid"
        )
        assert put(json=busy_world(100)).status_code == 200
        assert served.post("/__admin/clock/advance", json={"by": "10m"}).status_code == 200
        keys = ",".join(f'"k{number}": 1' for number in range(20_000))
        assert put(data="{" + keys + ', "k1": 1}').status_code in (400, 415)
        ours.send(None)
        assert ours.poll(END_S)
        assert ours.recv() < LONGEST_S
        process.join(END_S)


@pytest.mark.slow
def test_an_end_interrupts_a_long_move() -> None:
    """A world that goes on for ten million events is told to end, and ends."""
    with Served("--clock", "manual") as served, ThreadPoolExecutor(1) as pool:
        assert served.ask("PUT", "/__admin/state", json=busy_world(100)).status_code == 200
        moving = pool.submit(served.post, "/__admin/clock/advance", json={"by": "100000h"})
        while served.ask("PUT", "/__admin/clock", json={"mode": "manual"}).status_code != 409:
            assert not moving.done()
        assert served.end() == 0
        assert moving.result().status_code == 409
