"""The fixtures that come with the package: that each loads without a warning and shows what its comment promises; and
that every world, in mid-run too, is the same world when its state is read again."""

import json
from importlib.resources.abc import Traversable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry

from mockserver import fixtures
from mockserver.contract import BASE, compiled, schema_files
from mockserver.fixture import ClockSetting, Fixture
from mockserver.fixtures import FixtureError, Mistake, from_data, read, shipped, to_data
from mockserver.lifecycle import OPERATIONS, STATUSES, TASK_STATUSES
from mockserver.times import SECOND
from mockserver.wire import wire_of
from mockserver.world import World

WALL = 1_700_000_000_123_000_000
NAMES = sorted(shipped())
every_fixture = pytest.mark.parametrize("name", NAMES)


def loaded(name: str) -> Fixture:
    return read([shipped()[name]], now=WALL)


def state_of(world: World) -> Any:
    return to_data(world.as_fixture(ClockSetting("manual", world.now, 1.0, True)))


def answers(world: World) -> Any:
    """All that the API could say of the tasks, byte by byte, and what is to come."""
    wire = wire_of(world.settings)
    return [wire.task(execution).text for execution in world.executions.values()], state_of(world)["tasks"]


# --- the files -----------------------------------------------------------------------------------------------------


def test_what_is_promised_is_there() -> None:
    promised = {
        "failed-subtask",
        "permissions",
        "seed-sample",
        "retry-fails-again",
        "parallel-failures",
        "rollback-failed",
    }
    assert promised | {"big-ids", "table-field-names", "empty", "automatic-retry", "timeout", "tour"} <= set(NAMES)


@every_fixture
def test_a_fixture_loads_without_a_warning(name: str) -> None:
    found: list[Mistake] = []
    read([shipped()[name]], now=WALL, warn=found.append)
    assert bool(found) == (name == "big-ids")


@every_fixture
def test_a_fixture_opens_with_its_schema_and_says_what_it_shows(name: str) -> None:
    lines = shipped()[name].read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../schemas/fixture.schema.json"
    comment = " ".join(lines[1 : next(index for index, line in enumerate(lines) if not line.startswith("#"))])
    assert "screen" in comment.lower()


@every_fixture
def test_an_editor_that_knows_the_schema_has_nothing_to_say(name: str) -> None:
    """The schema alone, as an editor applies it to what its own YAML reader makes of the file."""
    data = yaml.safe_load(shipped()[name].read_text(encoding="utf-8"))
    contents = [(BASE + f"{file}.schema.json", schema) for file, schema in schema_files().items()]
    registry: Any = Registry().with_contents(contents)
    Draft202012Validator({"$ref": BASE + "fixture.schema.json"}, registry=registry).validate(data)


# --- world → fixture → world ---------------------------------------------------------------------------------------


@every_fixture
def test_state_that_is_read_again_is_the_same(name: str) -> None:
    data = to_data(loaded(name))
    assert compiled("fixture").problems(data) == []
    again = from_data(json.loads(json.dumps(data)), now=0)
    assert to_data(again) == data
    assert again.settings == loaded(name).settings


@every_fixture
@pytest.mark.parametrize("steps", [0, 1, 3, 7])
def test_a_world_in_mid_run_goes_on_alike(name: str, steps: int) -> None:
    """Every failed subtask is retried, some time passes, and from there two worlds have the same future."""
    world = World(loaded(name))
    for id, execution in list(world.executions.items()):
        if execution.task.status == "FAILED" and execution.task.operation != "ROLLBACK":
            world.retry_task(id, "test")
    world.advance(world.now + steps * SECOND // 2)
    data = json.loads(json.dumps(state_of(world)))
    twin = World(from_data(data, now=0))
    for seconds in (0, 1, 2, 5, 40, 4000):
        world.advance(world.now + seconds * SECOND)
        twin.advance(twin.now + seconds * SECOND)
        assert answers(twin) == answers(world)


@pytest.mark.parametrize("operation", ["EXECUTE", "RETRY", "ROLLBACK", "SKIP"])
def test_a_run_that_is_being_cancelled_goes_on_alike(operation: str) -> None:
    subtask = {"id": 1, "status": "RUNNING", "operation": operation, "runs": [{"duration": "9s", "log": "text"}, {}]}
    world = World(from_data({"clock": {"mode": "manual"}, "tasks": [{"id": 1, "subtasks": [subtask]}]}, now=0))
    world.cancel_subtask(1, 1, "test")
    twin = World(from_data(json.loads(json.dumps(state_of(world))), now=0))
    for one in (world, twin):
        one.advance(one.now + 5 * SECOND)
    assert answers(twin) == answers(world)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["FAILED", "never"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "runs", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_put_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    """Up to three values of a whole state are replaced by junk: a mistake is told, or the world goes round as ever."""
    state = to_data(loaded(data.draw(st.sampled_from(["rollback-failed", "permissions", "tour"]))))
    state["faults"] = [{"error": {"status": 500}, "operation": "retryTask"}]
    state["denials"] = [{"permission": "TASK_MANAGER"}]
    for _ in range(data.draw(st.integers(1, 3))):
        node: Any = state
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = data.draw(st.sampled_from(keys))
            inner = node[key]
            if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 4)):
                node = inner
                continue
            node[key] = data.draw(JUNK)
            break
        if not all(state.values()):
            break
    try:
        fixture = from_data(state, now=WALL)
    except FixtureError:
        return
    again = to_data(fixture)
    assert compiled("fixture").problems(again) == []
    assert to_data(from_data(again, now=0)) == again


# --- what each shows -----------------------------------------------------------------------------------------------


def statuses(fixture: Fixture, task: int) -> list[str]:
    return [subtask.status for subtask in fixture.tasks[task].subtasks.values()]


def test_the_tour_has_everything_that_stays() -> None:
    """Tasks in every status, subtasks in every status, most operations; and an hour later it looks the same."""
    world = World(loaded("tour"))
    before = answers(world)
    subtasks = [subtask for execution in world.executions.values() for subtask in execution.subtasks.values()]
    assert {execution.task.status for execution in world.executions.values()} == set(TASK_STATUSES)
    assert {subtask.status for subtask in subtasks} == set(STATUSES)
    assert {subtask.operation for subtask in subtasks} >= set(OPERATIONS) - {"ROLLBACK_SKIP"}
    world.advance(world.now + 3600 * SECOND)
    assert answers(world) == before


def test_the_tour_serves_the_readme() -> None:
    """Its task 1000 is the one of failed-subtask, and works for anonymous and for named users alike."""
    tour, failed = loaded("tour"), loaded("failed-subtask")
    assert [(one.id, one.status, one.definition.runs) for one in tour.tasks[1000].subtasks.values()] == [
        (one.id, one.status, one.definition.runs) for one in failed.tasks[1000].subtasks.values()
    ]
    assert tour.settings.auth == "open"
    assert set(tour.users) == {"operator", "viewer", "admin"}


def test_the_seed_sample_has_the_seeds_values() -> None:
    sample = {
        "createTime": "2021-08-25T15:09:31+08:00",
        "description": "Uninstall ocp agent",
        "downstreams": [13000336],
        "executor": "192.168.0.1",
        "finishTime": "2021-08-25T15:09:35.626+08:00",
        "id": 13000333,
        "name": "Uninstall ocp agent",
        "nodeType": "JAVA_TASK",
        "operation": "EXECUTE",
        "parallelIdx": -1,
        "prohibitRollback": False,
        "runTime": 1,
        "seriesId": 2,
        "startTime": "2021-08-25T15:09:33.732+08:00",
        "status": "SUCCESSFUL",
        "timeout": 1800,
        "upstreams": [13000335],
    }
    subtask = next(one for one in to_data(loaded("seed-sample"))["tasks"][0]["subtasks"] if one["id"] == 13000333)
    assert sample.items() <= subtask.items()


def test_permissions_is_failed_subtask_behind_a_login() -> None:
    permissions, failed = to_data(loaded("permissions")), to_data(loaded("failed-subtask"))
    assert permissions["tasks"] == failed["tasks"]
    assert (permissions["auth"], failed["auth"], failed["users"]) == ("basic", "open", {})
    assert {name: user["permissions"] for name, user in permissions["users"].items()} == {
        "operator": ["TASK_MANAGER"],
        "viewer": ["TASK_VIEWER"],
        "admin": ["ADMIN"],
    }


def test_a_retry_fails_again_before_it_succeeds() -> None:
    world = World(loaded("retry-fails-again"))
    seen = []
    for _ in range(3):
        world.retry_subtask(2000, 20001, "test")
        world.advance(world.now + 20 * SECOND)
        seen.append(world.executions[2000].subtasks[20001].status)
    assert seen == ["FAILED", "FAILED", "SUCCESSFUL"]
    assert world.executions[2000].task.status == "SUCCESSFUL"


def test_two_branches_have_failed() -> None:
    assert statuses(loaded("parallel-failures"), 3000).count("FAILED") == 2


def test_a_rollback_fails_and_the_next_one_does_not() -> None:
    world = World(loaded("rollback-failed"))
    world.rollback_task(4000, "test")
    world.advance(world.now + 60 * SECOND)
    subtask = world.executions[4000].subtasks[40001]
    assert (subtask.status, subtask.operation) == ("FAILED", "ROLLBACK")
    world.rollback_task(4000, "test")
    world.advance(world.now + 60 * SECOND)
    assert world.executions[4000].task.status == "SUCCESSFUL"
    assert world.executions[4001].task.status == "FAILED"


def test_automatic_retries_come_by_themselves() -> None:
    world = World(loaded("automatic-retry"))
    world.advance(world.now + 60 * SECOND)
    first, second = world.executions[6000].subtasks[60001], world.executions[6001].subtasks[60011]
    assert (first.status, first.run_time) == ("SUCCESSFUL", 3)
    assert (second.status, second.run_time) == ("FAILED", 2)


def test_a_timeout_ends_a_run_and_without_one_it_goes_on() -> None:
    world = World(loaded("timeout"))
    world.advance(world.now + 3600 * SECOND)
    first, second = world.executions[7000].subtasks[70001], world.executions[7001].subtasks[70011]
    assert (first.status, first.operation, first.run_time) == ("FAILED", "CANCEL", 1)
    assert second.status == "RUNNING"


def test_the_shipped_fixtures_are_found_by_name_and_passed_on_as_they_are() -> None:
    """In a zipped wheel there is no path to them."""
    assert isinstance(shipped()["empty"], Traversable)
    assert fixtures.builtin().name == "tour.yaml"
