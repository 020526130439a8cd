"""Every mistake there is in a fixture is told once, where it stands, in words that help; and none hides another."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mockserver import fixtures, reading
from mockserver.fixtures import FixtureError, Mistake, from_data, read, read_text
from mockserver.judging import resembling

WALL = 1_700_000_000_000_000_000


def mistakes(text: str, kind: Any = "yaml") -> list[str]:
    with pytest.raises(FixtureError) as caught:
        read_text(text, name="f", kind=kind, now=WALL)
    lines = [str(problem) for problem in caught.value.problems]
    assert str(caught.value) == "\n".join(lines)
    return lines


def warnings(text: str) -> list[str]:
    found: list[Mistake] = []
    read_text(text, name="f", now=WALL, warn=found.append)
    return [str(warning) for warning in found]


def in_subtask(text: str) -> str:
    """The one mistake of a subtask with these keys, whose flow starts in line 1, column 34."""
    (told,) = mistakes("tasks: [{id: 1, subtasks: [{id: 1, " + text + "}, {id: 2}]}]")
    return told


# --- each kind of mistake, and where it is told ----------------------------------------------------------------------

TOP_LEVEL = [
    ("auth: basik", "1:7", "auth: \"basik\" is not one of open, basic (did you mean basic?)"),
    ("user: {}", "1:1", 'unknown key "user" (did you mean users?)'),
    ("data: {}", "1:1", 'unknown key "data"'),
    ("tasks: {id: 1}", "1:8", "tasks: "),
    ("tasks: [1]", "1:9", "1 is not a mapping"),
    ("- id: 1", "1:1", "is not a mapping"),
    ("server: [a]", "1:9", "server: [\"a\"] is not a string"),
    ("server:", "1:1", "server: null is not a string (leave the key out for its default)"),
    ("seed: -1", "1:7", "seed: -1 is less than the least, 0"),
    ("seed: 18446744073709551616", "1:7", "seed: 18446744073709551616 is more than the most"),
    ("seed: seven", "1:7", 'seed: "seven" is not an integer'),
    ('seed: "7"', "1:7", 'seed: "7" is not an integer: take its quotes away'),
    ("fieldNames: tabel", "1:13", "(did you mean table?)"),
    ("clock: {mode: fast}", "1:15", "is not one of real, manual"),
    ("clock: {now: 2021-08-25}", "1:14", 'now: "2021-08-25" is not an offset date-time such as 2021-'),
    ("clock: {now: 2021-02-30T00:00:00Z}", "1:14", "now: no such date or time: "),
    ("clock: {now: 9999-01-01T00:00:00Z}", "1:14", "now: a clock starts between the years 1000 and 9000"),
    ("clock: {speed: 0}", "1:16", "speed: 0 is less than the least"),
    ("clock: {speed: .inf}", "1:16", 'speed: ".inf" is not a number'),
    ("clock: {speed: 1e999}", "1:16", "speed: the number is too large"),
    ("clock: {speeed: 1}", "1:9", 'unknown key "speeed" (did you mean speed?)'),
    ("scheduler: {dispatch: 1x}", "1:23", 'dispatch: "1x" is not a duration such as 250ms, 4s, 2m, 1h, never'),
    ("scheduler: {run: -1}", "1:18", "run: -1: a duration is not negative"),
    ("scheduler: {run: 999999h}", "1:18", "run: a duration is less than a hundred years"),
    ("scheduler: {concurrency: 0}", "1:26", "concurrency: 0 is less than the least, 1"),
    ("users: {a: {}}", "1:12", "the key password is missing"),
    ("users: {a: {password: }}", "1:13", "password: null is not a string"),
    ('users: {"a:b": {password: x}}', "1:9", "a user's name is not empty, and has no colon"),
    ('users: {"": {password: x}}', "1:9", "a user's name is not empty"),
    ('users: {"a\\tb": {password: x}}', "1:9", "and no control character"),
    ('users: {a: {password: "x\\ny"}}', "1:23", "password: it has a control character"),
    ("users: {a: {password: x, permissions: [TASK_VIEWR]}}", "1:40", "(did you mean TASK_VIEWER?)"),
    ("faults: [{error: {status: 399}}]", "1:27", "status: 399 is less than the least, 400"),
    ("faults: [{times: 1}]", "1:10", "an effect is missing: one of error, fault"),
    ("faults: [{errors: {}}]", "1:11", 'unknown key "errors" (did you mean error?)'),
    ("faults: [{error: {status: 500}, operation: retrySubTask}]", "1:44", "(did you mean retrySubtask?)"),
    ("denials: [{id: a, permission: TASK_VIEWER}, {id: a, permission: TASK_VIEWER}]", "1:50", "twice, first at f:1"),
    ("denials: [{permission: ADMIN}]", "1:24", "is not one of TASK_VIEWER, TASK_MANAGER"),
    ("counters: {trace: -1}", "1:19", "trace: -1 is less than the least, 0"),
    ('server: "\\ud800"', "1:9", "server: it has half of a surrogate pair, U+D800, which is no character"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message"), TOP_LEVEL)
def test_a_mistake_at_the_top_is_told(text: str, place: str, message: str) -> None:
    (told,) = mistakes(text)
    assert told.startswith(f"f:{place}: "), told
    assert message in told


IN_TASK = [
    ("name: x", 9, "the key id is missing"),
    ('id: "1000"', 14, 'id: "1000" is not an integer: take its quotes away'),
    ("id: 9223372036854775808", 14, "id: 9223372036854775808 is more than the most, 9223372036854775807"),
    ("id: 1.5", 14, "id: 1.5 is not an integer"),
    ("id: 1_000", 14, 'id: "1_000" is not an integer'),
    ("id: true", 14, "id: true is not an integer"),
    ("id: 1, nmae: x", 17, 'unknown key "nmae" (did you mean name?)'),
    ("id: 1, prohibit_rollback: true", 17, "(did you mean prohibitRollback?)"),
    ("id: 1, prohibitRollback: yes", 35, 'prohibitRollback: "yes" is not a boolean: true or false'),
    ("id: 1, type: MANUEL", 23, "(did you mean MANUAL?)"),
    ("id: 1, creator: admin", 26, "creator: "),
    ("id: 1, creator: {nmae: x}", 27, "(did you mean name?)"),
    ("id: 1, cluster: {id: x}", 31, 'id: "x" is '),
    ("id: 1, subtasks: {}", 27, "subtasks: {} is not a list"),
    ("id: 1, createTime: 2021-08-25 15:09:31", 29, "createTime: "),
    ("id: 1, status: RUNNING", 25, "status: RUNNING, but its subtasks make it SUCCESSFUL: it has none"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "message"), IN_TASK)
def test_a_mistake_in_a_task_is_told(text: str, column: int, message: str) -> None:
    (told,) = mistakes("tasks: [{" + text + "}]")
    assert told.startswith(f"f:1:{column}: "), told
    assert message in told


IN_SUBTASK = [
    ("stauts: FAILED", 36, 'unknown key "stauts" (did you mean status?)'),
    ("retry_count: 1", 36, 'unknown key "retry_count" (did you mean retryCount?)'),
    ("status: FAILD", 44, "(did you mean FAILED?)"),
    ("operation: execute", 47, "is not one of EXECUTE, RETRY"),
    ("timeout: 30s", 45, 'timeout: "30s" is not an integer'),
    ("timeout: -1", 45, "timeout: -1 is less than the least, 0"),
    ("upstreams: 2", 47, "upstreams: 2 is not a list"),
    ('upstreams: ["2"]', 48, 'upstreams: "2" is not an integer: take its quotes away'),
    ("upstreams: [1]", 48, "subtask 1 can't be its own upstream"),
    ("upstreams: [2, 2]", 51, "the upstream 2 is given twice"),
    ("upstreams: [3]", 48, "there is no subtask 3 in this task"),
    ("downstreams: [2]", 49, "downstreams: [2] disagrees with the upstreams, which give []"),
    ("downstream: [2]", 48, "downstream: [2] disagrees with the upstreams, which give []"),
    ("parallelIdx: 1, paralleIdx: 2", 64, "paralleIdx and parallelIdx are one field, and say 2 and 1"),
    ("runs: []", 42, "runs: [] "),
    ("runs: [{outcome: DONE}]", 53, "is not one of SUCCESSFUL, FAILED"),
    ("runs: [{duration: 1 s}]", 54, 'duration: "1 s" is not a duration'),
    ("runs: [{times: 2}]", 44, 'unknown key "times"'),
    ("runs: [{}], nextRun: 1", 57, "nextRun: runs has 1, counted from 0"),
    ("nextRollback: 1", 50, "nextRollback: rollbacks has 1, counted from 0"),
    ("due: 2021-08-25T15:09:31Z", 41, "due: nothing is due of a subtask that is PENDING"),
    ("status: FAILED, outcome: FAILED", 61, "outcome: only of a subtask that is RUNNING"),
    ("status: RUNNING, outcome: FAILED", 62, "outcome: only of a subtask that is RUNNING and says when it is due"),
    ("status: RUNNING, due: null, outcomeLog: x", 76, "outcomeLog: only together with outcome"),
    ("startTime: yesterday", 47, 'startTime: "yesterday" is not an offset date-time'),
    ("context: [1]", 45, "context: [1] is not a string or a mapping or null"),
    ('context: {a: {b: "\\ud83d"}}', 53, "half of a surrogate pair"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "message"), IN_SUBTASK)
def test_a_mistake_in_a_subtask_is_told(text: str, column: int, message: str) -> None:
    told = in_subtask(text)
    assert told.startswith(f"f:1:{column}: "), told
    assert message in told


def test_an_id_given_twice_is_told_at_the_second_place() -> None:
    text = "tasks:\n  - id: 1\n    subtasks:\n      - {id: 5}\n      - {id: 5}\n  - id: 1\n"
    assert mistakes(text) == [
        "f:5:14: subtask 5 is given twice in this task, first at f:4",
        "f:6:9: task 1 is given twice, first at f:2",
    ]


def test_a_cycle_is_told_once_and_spelled_out() -> None:
    text = """\
tasks:
  - id: 1
    subtasks:
      - {id: 10002, upstreams: [10001]}
      - {id: 10001, upstreams: [10002]}
      - {id: 10003, upstreams: [10002]}
"""
    assert mistakes(text) == ["f:5:32: a cycle: 10001 → 10002 → 10001"]


def test_an_upstream_that_is_nearly_right_is_guessed() -> None:
    assert (
        "there is no subtask 10003 in this task (did you mean 10001?)"
        in mistakes("tasks: [{id: 1, subtasks: [{id: 10001}, {id: 20000, upstreams: [10003]}]}]")[0]
    )


TEN = """\
auth: basik
users:
  viewer: {password: viewer, permissions: [TASK_VIEWR]}
clock: {mode: manual, now: 2021-08-25}
tasks:
  - id: "1000"
    subtasks:
      - id: 10000
        stauts: SUCCESSFUL
      - id: 10001
        status: FAILD
        status: FAILED
        upstreams: [10009]
        runs: [{outcome: FAILED, duration: soon}]
      - {id: 10002, upstreams: [10003]}
      - {id: 10003, upstreams: [10002]}
  - id: 9223372036854775808
"""


def test_ten_different_mistakes_are_ten_lines_in_order() -> None:
    """The first does not hide the second, and none is told twice."""
    assert [told.split(" ")[0] for told in mistakes(TEN)] == [
        "f:1:7:",
        "f:3:44:",
        "f:4:28:",
        "f:6:9:",
        "f:9:9:",
        "f:11:17:",
        "f:12:9:",
        "f:13:21:",
        "f:14:44:",
        "f:15:32:",
        "f:17:9:",
    ]


def test_a_mistake_in_json_is_told_with_its_place() -> None:
    text = '{\n  "tasks": [\n    {"id": 1, "subtasks": [{"id": 1, "stauts": 1}]},\n    {"id": true}\n  ]\n}'
    assert mistakes(text, "json") == [
        'f:3:38: unknown key "stauts" (did you mean status?)',
        "f:4:12: id: true is not an integer",
    ]


def test_a_mistake_behind_an_alias_is_told_where_it_is_written() -> None:
    text = "tasks:\n  - id: 1\n    subtasks: &s\n      - {id: 1, status: FAILD}\n  - id: 2\n    subtasks: *s\n"
    assert [told[:7] for told in mistakes(text)] == ["f:4:25:"]


# --- no noise ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "status: FAILED, subtasks: [{id: 1, stauts: FAILED}]",
        "status: RUNNING, subtasks: [{iid: 1}, {id: 2, upstreams: [1]}]",
        "status: FAILED, subtasks: [{id: 1, status: FAILD}]",
        "status: SUCCESSFUL, oparation: ROLLBACK, subtasks: [{id: 1}]",
        "subtasks: [{id: 1, downstreams: [2]}, {id: 2, upstream: [1]}]",
        "subtasks: [{id: 1, downstreams: [2]}, {id: 2, upstreams: 1}]",
        'subtasks: [{id: "1"}, {id: 2, upstreams: [1]}]',
        "subtasks: [{id: 1, runs: {}, nextRun: 1}]",
        "subtasks: [{id: 1, status: RUNING, due: 2021-08-25T15:09:31Z, outcome: FAILED}]",
        "subtasks: [{id: 1, status: RUNNING, due: now, outcome: FAILED}]",
    ],
)
def test_one_mistake_is_one_line(text: str) -> None:
    """What depends on a value that is wrong is not judged."""
    assert len(mistakes("tasks: [{id: 1, " + text + "}]")) == 1


# --- foreign keys --------------------------------------------------------------------------------------------------


def test_a_foreign_key_of_a_real_answer_is_a_warning() -> None:
    """The `data` of a real answer can be pasted, whatever a newer version has added to it."""
    text = "tasks: [{id: 1, updateTime: x, cluster: {id: 1, region: y}, subtasks: [{id: 1, prohibitSkip: true}]}]"
    assert warnings(text) == [
        'f:1:17: the key "updateTime" is not ours, and is ignored',
        'f:1:49: the key "region" is not ours, and is ignored',
        'f:1:80: the key "prohibitSkip" is not ours, and is ignored',
    ]


SUBTASK_KEYS = ["id", "name", "status", "upstreams", "className", "clusterName", "createTime", "runTime", "parallelIdx"]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("stauts", "status"),
        ("Status", "status"),
        ("upstream", "upstreams"),
        ("class_name", "className"),
        ("createtime", "createTime"),
        ("paralelIdx", "parallelIdx"),
        ("nmae", "name"),
        ("clusterId", None),
        ("updateTime", None),
        ("nameEn", None),
        ("taskId", None),
        ("gmtCreate", None),
        ("x", None),
    ],
)
def test_a_key_resembles_ours_or_does_not(key: str, meant: str | None) -> None:
    assert resembling(key, SUBTASK_KEYS) == meant


# --- warnings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tasks: [{id: 9007199254740992}]", ["f:1:14: task 9007199254740992 is past 2^53 - 1"]),
        ("tasks: [{id: -9007199254740992}]", ["f:1:14: task -9007199254740992 is past"]),
        ("tasks: [{id: 9007199254740991}]", []),
        ("tasks: [{id: 1, subtasks: [{id: 9007199254740992}]}]", ["f:1:33: subtask 9007199254740992 is past"]),
        (
            "tasks: [{id: 1, subtasks: [{id: 1, timeout: 3, runs: [{duration: 3s}, {duration: 4s}]}]}]",
            ["f:1:82: this is longer than the timeout of 3 s, which will end it"],
        ),
        ("tasks: [{id: 1, subtasks: [{id: 1, timeout: 1, runs: [{}]}]}]", ["f:1:55: this is longer than the timeout"]),
        ("tasks: [{id: 1, subtasks: [{id: 1, timeout: 0, runs: [{duration: 4s}]}]}]", []),
        ("tasks: [{id: 1, subtasks: [{id: 1, timeout: 3, runs: [{duration: never}]}]}]", []),
        (
            "tasks: [{id: 1, subtasks: [{id: 7}]}, {id: 2, subtasks: [{id: 7}]}]",
            ["f:1:63: subtask 7 is in another task too, at f:1"],
        ),
    ],
)
def test_what_is_odd_but_not_wrong_is_a_warning(text: str, expected: list[str]) -> None:
    told = warnings(text)
    assert len(told) == len(expected)
    assert all(one.startswith(other) for one, other in zip(told, expected, strict=True)), told


# --- several files -------------------------------------------------------------------------------------------------


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def told_of(sources: Sequence[Any], folder: Path) -> list[str]:
    with pytest.raises(FixtureError) as caught:
        read(sources, now=WALL)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_what_is_given_twice_in_two_files_is_told_at_the_second(tmp_path: Path) -> None:
    written(
        tmp_path, a="users: {u: {password: x}}\ntasks:\n  - id: 1\n", b="users: {u: {password: x}}\ntasks:\n  - id: 1\n"
    )
    assert told_of([tmp_path], tmp_path) == [
        "b.yaml:1:9: the user u is given twice, first at a.yaml:1",
        "b.yaml:3:9: task 1 is given twice, first at a.yaml:3",
    ]


def test_two_files_that_disagree_are_told(tmp_path: Path) -> None:
    written(tmp_path, a="server: x\nclock: {mode: manual}\nseed: 1\n", b="server: y\nclock: {mode: real}\nseed: 1\n")
    assert told_of([tmp_path], tmp_path) == [
        "b.yaml:1:9: server: y, but x at a.yaml:1",
        "b.yaml:2:15: clock.mode: real, but manual at a.yaml:2",
    ]


def test_mistakes_of_all_files_are_told_in_their_order(tmp_path: Path) -> None:
    """One that is not YAML at all, too, hides no other."""
    written(tmp_path, a="auth: x\n", b="tasks: [\n", c="tasks: [{id: x}]\n")
    assert [told.split(" ")[0] for told in told_of([tmp_path], tmp_path)] == [
        "a.yaml:1:7:",
        "b.yaml:2:1:",
        "c.yaml:1:14:",
    ]


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert told_of([tmp_path / "none.yaml"], tmp_path) == ["none.yaml: there is no such file or folder"]


def test_a_folder_without_fixtures_is_told(tmp_path: Path) -> None:
    """It is more likely the wrong folder than an empty world."""
    assert told_of([str(tmp_path)], tmp_path)[0].endswith(": no *.yaml, *.yml or *.json in this folder")


def test_a_file_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixtures, "MAX_BYTES", 1024 * 1024)
    written(tmp_path, a="# " + "x" * 1024 * 1024)
    assert told_of([tmp_path / "a.yaml"], tmp_path) == ["a.yaml: larger than 1 MiB"]
    assert reading.MAX_BYTES == 64 * 1024 * 1024


# --- data without a text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "[] is not a mapping"),
        ({"tasks": [{"id": 1}, {"id": 1}]}, "tasks[1].id: task 1 is given twice, first at tasks[0].id"),
        ({"tasks": [{"id": 1, 2: 3}]}, "tasks[0].2: the key is not a string"),
        ({"server": object}, "server: a type is not a value of JSON"),
        ({"clock": {"speed": float("nan")}}, "clock.speed: the number is too large"),
        ({"tasks": [{"id": 1, "name": {1, 2}}]}, "tasks[0].name: a set is not a value of JSON"),
    ],
)  # fmt: skip
def test_a_mistake_in_data_is_told_by_its_path(data: object, told: str) -> None:
    with pytest.raises(FixtureError) as caught:
        from_data(data, now=WALL)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == (None, None, None)
    assert str(problem).startswith(told)


def test_data_that_contains_itself_is_no_crash() -> None:
    context: dict[str, object] = {}
    context["itself"] = context
    with pytest.raises(FixtureError, match="nested more than 64 levels deep"):
        from_data({"tasks": [{"id": 1, "subtasks": [{"id": 1, "context": context}]}]}, now=WALL)


def test_a_message_is_one_line_without_control_characters() -> None:
    """A file must not write on somebody's terminal."""
    (told,) = mistakes('"a\\nb\\e[31m\\ud800": 1')
    assert re.fullmatch(r"[ -~]+", told)
