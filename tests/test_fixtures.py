"""What a fixture's data becomes: types, defaults, times, both spellings, what is under way, and folders."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mockserver import fixtures, runlog
from mockserver.fixture import MANUAL_START, Fixture
from mockserver.fixtures import FixtureError, from_data, read, read_text
from mockserver.lifecycle import OPERATIONS, STATUSES, Pace, Reference, Run, Subtask
from mockserver.times import MS, NEVER, SECOND, parse_instant

NOW = "2021-08-25T15:10:13.121+08:00"
NOW_NS = parse_instant(NOW)[0]
WALL = 1_700_000_000_123_456_789
MANUAL = {"mode": "manual", "now": NOW}


def world(*subtasks: Mapping[str, Any], **task: Any) -> Fixture:
    data = {"clock": MANUAL, "tasks": [{"id": 1000, **task, "subtasks": list(subtasks)}]}
    return from_data(data, now=WALL)


def only(**subtask: Any) -> Subtask:
    return world({"id": 1, **subtask}).tasks[1000].subtasks[1]


def yaml_only(text: str) -> Subtask:
    """The subtask whose keys are given as a flow of YAML."""
    fixture = read_text(f"tasks: [{{id: 1, subtasks: [{{id: 1, {text}}}]}}]", name="f", now=WALL)
    return fixture.tasks[1].subtasks[1]


def mistake(data: object) -> str:
    with pytest.raises(FixtureError) as caught:
        from_data(data, now=WALL)
    (problem,) = caught.value.problems
    return str(problem)


# --- defaults ------------------------------------------------------------------------------------------------------


def test_nothing_is_a_world() -> None:
    fixture = from_data({}, now=WALL)
    assert fixture.tasks == {}
    assert fixture.settings.auth == "open"
    assert fixture.settings.pace == Pace(SECOND, 2 * SECOND, 10)


@pytest.mark.parametrize("key", ["users", "clock", "scheduler", "tasks", "faults", "denials", "counters"])
def test_a_section_with_nothing_in_it_is_as_good_as_absent(key: str) -> None:
    """A list whose entries are all commented out is null in YAML."""
    assert fixtures.to_data(from_data({key: None}, now=WALL)) == fixtures.to_data(from_data({}, now=WALL))


def test_a_subtask_needs_only_an_id() -> None:
    subtask = only()
    definition = subtask.definition
    assert (subtask.status, subtask.operation, subtask.run_time) == ("PENDING", "EXECUTE", 1)
    assert (definition.name, definition.description, definition.series_id) == ("Subtask 1", "Subtask 1", 1)
    assert (definition.node_type, definition.parallel_idx, definition.timeout) == ("JAVA_TASK", -1, 1800)
    assert (definition.class_name, definition.context, definition.prohibit_rollback) == (None, None, False)
    assert (definition.retry_count, definition.runs, definition.rollbacks) == (0, (Run(),), (Run(),))
    assert (subtask.executor, subtask.start_time, subtask.finish_time, subtask.due) == (None, None, None, None)


def test_a_task_needs_only_an_id() -> None:
    task = world().tasks[1000].task
    definition = task.definition
    assert (task.status, task.operation, definition.name, definition.type) == (
        "SUCCESSFUL",
        "EXECUTE",
        "Task 1000",
        "MANUAL",
    )
    assert (definition.creator, definition.cluster, definition.tenant, definition.host_id) == (None, None, None, None)
    assert (task.executor, task.start_time, task.finish_time) == (None, None, None)


def test_series_ids_count_in_the_order_of_the_file() -> None:
    subtasks = world({"id": 3}, {"id": 1}, {"id": 2, "seriesId": 77}).tasks[1000].subtasks
    assert {id: subtask.definition.series_id for id, subtask in subtasks.items()} == {1: 2, 2: 77, 3: 1}


def test_everything_is_in_order_of_id() -> None:
    fixture = from_data(
        {"tasks": [{"id": 2}, {"id": 1, "subtasks": [{"id": 9, "upstreams": [8, -1]}, {"id": 8}, {"id": -1}]}]},
        now=WALL,
    )
    assert list(fixture.tasks) == [1, 2]
    assert list(fixture.tasks[1].subtasks) == [-1, 8, 9]
    assert fixture.tasks[1].subtasks[9].definition.upstreams == (-1, 8)


@pytest.mark.parametrize("key", ["description", "className", "context", "executor", "startTime", "finishTime"])
def test_a_null_that_is_written_stays(key: str) -> None:
    """Unlike a key that is not given, which has its default."""
    subtask = fixtures.to_data(world({"id": 1, "status": "FAILED", key: None}))["tasks"][0]["subtasks"][0]
    assert subtask[key] is None


@pytest.mark.parametrize(
    "key", ["creator", "cluster", "tenant", "taskDefinitionId", "executor", "startTime", "finishTime"]
)
def test_a_null_that_is_written_in_a_task_stays(key: str) -> None:
    assert fixtures.to_data(world({"id": 1, "status": "FAILED"}, **{key: None}))["tasks"][0][key] is None


@pytest.mark.parametrize(
    "key", ["name", "status", "operation", "timeout", "runTime", "upstreams", "createTime", "runs"]
)
def test_a_null_where_none_may_be_is_a_mistake(key: str) -> None:
    assert "null is not" in mistake({"tasks": [{"id": 1, "subtasks": [{"id": 1, key: None}]}]})


def test_references_keep_what_is_given() -> None:
    definition = (
        world(cluster={"id": 1, "name": "ob", "obClusterId": 2, "type": "PRIMARY"}, creator={"id": 3})
        .tasks[1000]
        .task.definition
    )
    assert definition.cluster == Reference(1, "ob", 2, "PRIMARY")
    assert definition.creator == Reference(3, None)


# --- types ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1234", "0123", "1.10", "no", "on", "true", "12:30:45", "2021-08-25", "2021-08-25T15:09:31+08:00"]
)
def test_a_string_is_taken_as_written(text: str) -> None:
    assert yaml_only(f"name: {text}").definition.name == text


def test_a_number_is_a_string_where_one_is_due_in_json_and_in_python_too() -> None:
    """`password: 1234` is what everybody writes."""
    text = '{"users": {"a": {"password": 1.10}}}'
    assert read_text(text, name="f", kind="json", now=WALL).users["a"].password == "1.10"
    assert from_data({"users": {"a": {"password": 1234}}}, now=WALL).users["a"].password == "1234"


def test_a_key_is_taken_as_written() -> None:
    """Users may be called 1234, no or null's neighbours; a user name is a key."""
    fixture = read_text("users: {1234: {password: a}, no: {password: b}}", name="f", now=WALL)
    assert list(fixture.users) == ["1234", "no"]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("TRUE", True)])
def test_a_boolean_is_true_or_false(text: str, value: bool) -> None:
    assert yaml_only(f"prohibitRollback: {text}").definition.prohibit_rollback is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("{a: 1, b: [x, 1.5, yes, null, ~]}", {"a": 1, "b": ["x", 1.5, "yes", None, None]}), ("12", "12"), ("{}", {})],
)
def test_a_context_is_text_or_an_object_of_any_kind(text: str, value: object) -> None:
    assert yaml_only(f"context: {text}").definition.context == value


def test_a_whole_float_is_an_integer() -> None:
    """As JSON Schema has it; and the value is an int afterwards, for the wire."""
    timeout = only(timeout=60.0).definition.timeout
    assert (timeout, type(timeout)) == (60, int)


@pytest.mark.parametrize("id", [2**63 - 1, -(2**63), 0, -1])
def test_an_id_is_any_long(id: int) -> None:
    assert list(read_text(f"tasks: [{{id: {id}}}]", name="f", now=WALL).tasks) == [id]


@pytest.mark.parametrize("id", [2**63, -(2**63) - 1, 10**5000], ids=["above", "below", "huge"])
def test_an_id_past_a_long_is_a_mistake(id: int) -> None:
    """An integer of more digits than Python turns into text is no crash either."""
    assert mistake({"tasks": [{"id": id}]}).startswith("tasks[0].id: ")


def test_data_may_be_of_any_mapping_and_of_tuples() -> None:
    from types import MappingProxyType

    fixture = from_data(MappingProxyType({"tasks": (MappingProxyType({"id": 1}),)}), now=WALL)
    assert list(fixture.tasks) == [1]


def test_what_is_read_is_left_alone() -> None:
    """The same data can be read again."""
    data = {"clock": dict(MANUAL), "tasks": [{"id": 1, "subtasks": [{"id": 1, "paralleIdx": 0, "due": None}]}]}
    before = json.dumps(data)
    from_data(data, now=WALL)
    assert json.dumps(data) == before


# --- both spellings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("className", "parallelIdx", "downstreams"), ("clusterName", "paralleIdx", "downstream")]
)
def test_both_spellings_are_read(names: tuple[str, str, str]) -> None:
    first = dict(zip(names, ("C", 3, [2]), strict=True))
    definition = world({"id": 1, **first}, {"id": 2, "upstreams": [1]}).tasks[1000].subtasks[1].definition
    assert (definition.class_name, definition.parallel_idx, definition.downstreams) == ("C", 3, (2,))


def test_both_spellings_at_once_may_agree() -> None:
    assert only(className="C", clusterName="C").definition.class_name == "C"


# --- times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_subtask_has_the_times_that_its_status_and_operation_give_it(status: str, operation: str) -> None:
    """Every combination loads."""
    subtask = only(status=status, operation=operation)
    waits = status in ("PENDING", "READY") and operation == "EXECUTE"
    assert (subtask.start_time is None) == waits
    assert (subtask.finish_time is None) == (waits or status in ("RUNNING", "CANCELING"))
    assert (subtask.executor is None) == waits
    times = [subtask.definition.create_time, subtask.start_time, subtask.finish_time]
    known = [time for time in times if time is not None]
    assert known == sorted(set(known))
    assert known[-1] <= NOW_NS


def test_times_follow_the_graph() -> None:
    subtasks = (
        world(
            {"id": 3, "status": "FAILED", "upstreams": [1, 2]},
            {"id": 1, "status": "SUCCESSFUL"},
            {"id": 2, "status": "SUCCESSFUL", "upstreams": [1]},
        )
        .tasks[1000]
        .subtasks
    )
    times = [time for id in (1, 2, 3) for time in (subtasks[id].start_time, subtasks[id].finish_time)]
    assert times == sorted(times, key=lambda time: time or 0)
    assert len(set(times)) == 6


def test_times_that_are_given_stay_and_the_others_fit_between() -> None:
    """Even where there are a few milliseconds of room."""
    subtasks = (
        world(
            {"id": 1, "status": "SUCCESSFUL", "startTime": "2021-08-25T15:09:31.000+08:00"},
            {"id": 2, "status": "SUCCESSFUL", "upstreams": [1]},
            {
                "id": 3,
                "status": "FAILED",
                "upstreams": [2],
                "startTime": "2021-08-25T07:09:31.100Z",
                "finishTime": "2021-08-25T15:09:32+08:00",
            },
        )
        .tasks[1000]
        .subtasks
    )
    start = parse_instant("2021-08-25T15:09:31+08:00")[0]
    assert subtasks[1].start_time == start
    assert subtasks[3].start_time == start + 100 * MS
    between = [
        subtasks[1].start_time,
        subtasks[1].finish_time,
        subtasks[2].start_time,
        subtasks[2].finish_time,
        subtasks[3].start_time,
    ]
    assert between == sorted(set(between), key=lambda time: time or 0)
    assert all(time % MS == 0 for time in between if time is not None)


def test_a_task_has_the_times_of_its_subtasks() -> None:
    state = world({"id": 1, "status": "SUCCESSFUL"}, {"id": 2, "status": "FAILED", "upstreams": [1]}).tasks[1000]
    assert state.task.start_time == state.subtasks[1].start_time
    assert state.task.finish_time == state.subtasks[2].finish_time
    assert state.task.definition.create_time == state.subtasks[1].definition.create_time < (state.task.start_time or 0)


def test_a_running_task_has_no_finish() -> None:
    task = world({"id": 1, "status": "SUCCESSFUL"}, {"id": 2}).tasks[1000].task
    assert task.start_time is not None
    assert task.finish_time is None


def test_a_task_whose_subtasks_have_not_started_has_not_either() -> None:
    task = world({"id": 1}).tasks[1000].task
    assert (task.start_time, task.executor) == (None, None)


def test_the_times_of_a_task_bound_those_of_its_subtasks() -> None:
    state = world(
        {"id": 1, "status": "SUCCESSFUL"},
        createTime="2021-08-25T15:00:00+08:00",
        startTime="2021-08-25T15:00:01+08:00",
        finishTime="2021-08-25T15:00:02+08:00",
    ).tasks[1000]
    create, start, finish = (parse_instant(f"2021-08-25T15:00:0{n}+08:00")[0] for n in range(3))
    subtask = state.subtasks[1]
    assert subtask.start_time is not None
    assert subtask.finish_time is not None
    assert create <= subtask.definition.create_time < subtask.start_time < subtask.finish_time <= finish
    assert (state.task.start_time, state.task.finish_time) == (start, finish)


def test_the_node_that_ran_is_the_server() -> None:
    fixture = from_data(
        {"server": "a83ad33525", "tasks": [{"id": 1, "subtasks": [{"id": 1, "status": "FAILED"}]}]}, now=WALL
    )
    assert fixture.tasks[1].subtasks[1].executor == fixture.tasks[1].task.executor == "a83ad33525"


# --- the clock -----------------------------------------------------------------------------------------------------


def test_a_manual_clock_starts_at_the_same_time_on_every_machine() -> None:
    clock = from_data({"clock": {"mode": "manual"}}, now=WALL).clock
    assert (clock.mode, clock.now, clock.given) == ("manual", MANUAL_START, False)


def test_a_real_clock_starts_at_the_walls_time() -> None:
    clock = from_data({}, now=WALL).clock
    assert (clock.mode, clock.now, clock.given) == ("real", WALL // MS * MS, False)


def test_the_offset_of_now_is_the_servers() -> None:
    fixture = from_data({"clock": {"now": "2021-08-25T07:10:13.121Z"}}, now=WALL)
    assert (fixture.clock.now, fixture.clock.given, fixture.settings.offset_s) == (NOW_NS, True, 0)


def test_an_override_wins_and_keeps_what_is_beside_it() -> None:
    data = {"auth": "basic", "clock": {"mode": "real", "now": NOW, "speed": 5}}
    fixture = from_data(data, now=WALL, overrides={"clock": {"mode": "manual"}, "seed": 7})
    assert (fixture.clock.mode, fixture.clock.now, fixture.clock.speed) == ("manual", NOW_NS, 5)
    assert (fixture.settings.auth, fixture.settings.seed) == ("basic", 7)


def test_a_mistake_in_an_override_is_told_by_its_path() -> None:
    with pytest.raises(FixtureError) as caught:
        from_data({}, now=WALL, overrides={"clock": {"speed": 0}})
    assert str(caught.value) == "clock.speed: 0 is less than the least, 1e-06"


# --- what is under way ---------------------------------------------------------------------------------------------

LATER = "2021-08-25T15:10:20+08:00"
LATER_NS = parse_instant(LATER)[0]


def test_what_is_under_way_counts_from_now() -> None:
    assert only(status="READY").due == NOW_NS + SECOND
    assert only(status="CANCELING").due == NOW_NS + SECOND
    running = only(status="RUNNING", runs=[{"outcome": "FAILED", "duration": "4s", "log": "no"}, {}])
    assert (running.due, running.coming, running.next_run) == (NOW_NS + 4 * SECOND, Run("FAILED", 4 * SECOND, "no"), 1)


def test_a_due_that_is_given_stays() -> None:
    assert only(status="READY", due=LATER).due == LATER_NS
    running = only(status="RUNNING", due=LATER, runs=[{"outcome": "FAILED", "log": "no"}, {}])
    assert (running.due, running.coming, running.next_run) == (LATER_NS, Run("FAILED", None, "no"), 1)


@pytest.mark.parametrize("status", ["READY", "RUNNING", "CANCELING"])
def test_a_due_of_null_is_never(status: str) -> None:
    assert only(status=status, due=None).due is None


def test_an_outcome_that_is_given_takes_no_entry_of_runs() -> None:
    running = only(status="RUNNING", due=LATER, outcome="TIMEOUT", outcomeLog="late", nextRun=1, runs=[{}, {}])
    assert (running.coming, running.next_run) == (Run("TIMEOUT", None, "late"), 1)


def test_durations_and_never() -> None:
    runs = only(timeout=0, runs=[{"duration": "never"}, {"duration": 1.5}, {"duration": "250ms"}]).definition.runs
    assert [run.duration for run in runs] == [NEVER, 1500 * MS, 250 * MS]


# --- logs ----------------------------------------------------------------------------------------------------------


def log_of(**subtask: Any) -> str | None:
    log = world({"id": 1, **subtask}).tasks[1000].logs.get(1)
    return runlog.text(log, 8 * 3600) if log else None


START = {"startTime": "2021-08-25T15:09:33.732+08:00"}


def test_a_log_gets_the_header_of_its_operation_and_start() -> None:
    log = log_of(status="FAILED", operation="RETRY", log="refused", **START)
    assert log == "############RETRY2021-08-25T15:09:33.732+08:00############\nrefused\n"


def test_a_log_with_headers_keeps_them() -> None:
    first = "############EXECUTE2021-08-25T15:09:31+08:00############\nfirst\n"
    text = first + "############RETRY2021-08-25T15:09:33+08:00############\n"
    assert log_of(status="FAILED", log=text) == text


def test_a_subtask_that_has_started_has_at_least_a_header() -> None:
    assert log_of(status="SUCCESSFUL", **START) == "############EXECUTE2021-08-25T15:09:33.732+08:00############\n"


def test_a_subtask_that_has_not_started_has_no_log() -> None:
    assert log_of() is None


def test_a_log_of_null_is_none() -> None:
    assert log_of(status="FAILED", log=None) is None


# --- a task's status -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "operation", "status"),
    [
        ([], "EXECUTE", "SUCCESSFUL"),
        (["PENDING"], "EXECUTE", "RUNNING"),
        (["PENDING"], "ROLLBACK", "SUCCESSFUL"),
        (["SUCCESSFUL", "SUCCESSFUL"], "EXECUTE", "SUCCESSFUL"),
        (["SUCCESSFUL"], "ROLLBACK", "RUNNING"),
        (["FAILED", "PENDING"], "EXECUTE", "FAILED"),
        (["FAILED", "READY"], "RETRY", "RUNNING"),
        (["FAILED", "CANCELING"], "EXECUTE", "RUNNING"),
    ],
)
def test_a_status_is_derived_and_one_that_is_written_must_agree(
    statuses: list[str], operation: str, status: str
) -> None:
    subtasks = [{"id": id, "status": one} for id, one in enumerate(statuses)]
    assert world(*subtasks, operation=operation).tasks[1000].task.status == status
    for written in ("RUNNING", "FAILED", "SUCCESSFUL"):
        data = {"tasks": [{"id": 1, "operation": operation, "status": written, "subtasks": subtasks}]}
        if written == status:
            from_data(data, now=WALL)
        else:
            assert f"{written}, but its subtasks make it {status}: " in mistake(data)


# --- users and rules -----------------------------------------------------------------------------------------------


def test_rules_are_numbered_in_order_around_those_that_have_an_id() -> None:
    rules: list[dict[str, Any]] = [{}, {"id": "fault-2"}, {}, {"id": "own", "hits": 3, "matches": 4}]
    fixture = from_data({"faults": [{"error": {"status": 500}, **rule} for rule in rules]}, now=WALL)
    assert list(fixture.faults) == ["fault-1", "fault-2", "fault-3", "own"]
    assert (fixture.faults["own"].hits, fixture.faults["own"].matches) == (3, 4)
    assert fixture.counters == (0, 3, 0)


def test_counters_go_on_from_what_has_been_given_out() -> None:
    denials = [{"id": "denial-4", "permission": "TASK_MANAGER"}]
    fixture = from_data({"denials": denials, "counters": {"trace": 9, "denial": 2}}, now=WALL)
    assert fixture.counters == (9, 0, 4)


def test_a_user_without_permissions_may_nothing() -> None:
    assert from_data({"users": {"a": {"password": "b"}}}, now=WALL).users["a"].permissions == ()


# --- files and folders ---------------------------------------------------------------------------------------------


def test_a_folder_is_merged_in_order_of_name(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("tasks: [{id: 2}]\nusers: {b: {password: b}}\nserver: x\n")
    (tmp_path / "a.yaml").write_text("tasks: [{id: 1}]\nusers: {a: {password: a}}\nserver: x\nclock: {mode: manual}\n")
    (tmp_path / "c.json").write_text('{"tasks": [{"id": 3}], "clock": {"speed": 2}}')
    (tmp_path / ".hidden.yaml").write_text("not: {")
    (tmp_path / "README.md").write_text("not: {")
    fixture = read([tmp_path], now=WALL)
    assert list(fixture.tasks) == [1, 2, 3]
    assert list(fixture.users) == ["a", "b"]
    assert (fixture.settings.server, fixture.clock.mode, fixture.clock.speed) == ("x", "manual", 2)


def test_several_sources_are_merged_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("faults: [{id: b, error: {status: 500}}]")
    (tmp_path / "a.yaml").write_text("faults: [{id: a, error: {status: 500}}]")
    assert list(read([tmp_path / "b.yaml", str(tmp_path / "a.yaml")], now=WALL).faults) == ["b", "a"]


def test_a_zip_is_read_too(tmp_path: Path) -> None:
    """A zipped wheel has no files, only Traversables."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        archive.writestr("fixtures/one.yaml", "tasks: [{id: 1}]")
    folder = zipfile.Path(tmp_path / "w.zip") / "fixtures"
    assert list(read([folder], now=WALL).tasks) == [1]
    assert list(read([folder / "one.yaml"], now=WALL).tasks) == [1]
