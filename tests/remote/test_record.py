"""`record`: a fixture that answers as the server did, that people like to read, and that has no secrets in it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from clients import Client, Json, failed_world
from processes import run
from remotes import recording_of

from mockserver import MockServer
from mockserver.contract.dialects import DIALECTS, DialectName
from mockserver.fixtures import source
from mockserver.fixtures.mistakes import Mistake
from mockserver.remote.client import AccessKey, Basic
from mockserver.remote.record import NotRecorded, Recording

every_fixture = pytest.mark.parametrize("name", sorted(source.shipped()))
TASK: Json = {"id": 1000, "name": "Uninstall ocp agent"}


def answers(mock: MockServer) -> Mapping[str, Any]:
    """All that the server says of its tasks: the data of each, and each log."""
    found: dict[str, Any] = {}
    with Client(mock) as client:
        tasks = f"{mock.api_url.removeprefix(mock.url)}/tasks/instances"
        for task in client.get(f"{tasks}?size=2000").json()["data"]["contents"]:
            path = f"{tasks}/{task['id']}"
            found[path] = client.get(path).json()["data"]
            for subtask in found[path]["subtasks"]:
                log = f"{path}/subtasks/{subtask['id']}/log"
                found[log] = client.get(log).json()["data"]
    return found


def assert_answers_the_same(mock: MockServer, recording: Recording, tmp_path: Path) -> None:
    assert recording.notes == []
    file = tmp_path / "recorded.yaml"
    file.write_text(recording.text, encoding="utf-8")
    warned: list[Mistake] = []
    source.load(str(file), warn=warned.append)
    assert [one for one in warned if "2^53" not in one.message] == []
    with MockServer(str(file)) as again:
        assert answers(again) == answers(mock)


def recorded(world: Json | str, **options: Any) -> Recording:
    with MockServer(world) as mock:
        return recording_of(mock.url, **options)


# --- the same answers ----------------------------------------------------------------------------------------------


@every_fixture
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_shipped_world_answers_as_before(name: str, dialect: DialectName, tmp_path: Path) -> None:
    with MockServer(name, dialect=dialect, auth="open") as mock:
        if name == "empty":
            with pytest.raises(NotRecorded, match="there are no tasks"):
                recording_of(mock.url)
        else:
            assert_answers_the_same(mock, recording_of(mock.url), tmp_path)


@pytest.mark.parametrize("options", [{"nulls": "null"}, {"field_names": "table"}, {"array_order": "shuffled"}])
def test_another_way_to_write_the_same(options: dict[str, Any], tmp_path: Path) -> None:
    with MockServer("tour", **options) as mock:
        recording = recording_of(mock.url)
        mock.set_settings(array_order="fixture")
        if "array_order" not in options:
            assert_answers_the_same(mock, recording, tmp_path)


@pytest.mark.parametrize("seconds", [0.5, 1.5, 4, 9, 60])
def test_in_mid_run(seconds: float, tmp_path: Path) -> None:
    """Logs grow, rollbacks are under way, and something has been cancelled."""
    with MockServer("tour") as mock, Client(mock) as client:
        for task in mock.state()["tasks"]:
            for subtask in task["subtasks"]:
                act = {"FAILED": "retry", "RUNNING": "cancel"}.get(subtask["status"])
                if act is not None:
                    client.post(f"/api/v2/tasks/instances/{task['id']}/subtasks/{subtask['id']}/{act}")
        mock.advance(f"{seconds}s")
        assert_answers_the_same(mock, recording_of(mock.url), tmp_path)


def test_logs_in_whatever_form(tmp_path: Path) -> None:
    header = "############{EXECUTE}{2021-08-25T15:09:32.697+08:00}############"
    logs = [
        " indented\n\tand more \n",
        f"before\n{header}\nafter\n\n\n",
        "-",
        "a: b # c",
        "嗨\u2028 \x1b[1m",
        None,
        header,
    ]
    subtasks = [{"id": index, "status": "FAILED", "log": log} for index, log in enumerate(logs)]
    with MockServer({"tasks": [{"id": 1, "name": "- x: #", "subtasks": subtasks}]}) as mock:
        assert_answers_the_same(mock, recording_of(mock.url), tmp_path)


def test_only_the_tasks_that_are_named() -> None:
    with MockServer("tour") as mock:
        data = yaml.safe_load(recording_of(mock.url, 1001, 1000, 1001).text)
    assert [task["id"] for task in data["tasks"]] == [1000, 1001]


def test_who_asks() -> None:
    users = {"viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"], "accessKeys": {"AKID": "SECRET"}}}
    for credentials in (Basic("viewer", "viewer"), AccessKey("AKID", "SECRET")):
        text = recorded(failed_world(users=users, auth="basic"), credentials=credentials).text
        assert "SECRET" not in text
        assert "viewer" not in text


# --- as somebody likes to read it ----------------------------------------------------------------------------------


def test_no_more_than_is_needed() -> None:
    world = {**TASK, "subtasks": [{"id": 1, "name": "Check host"}, {"id": 2, "name": "Clean up", "upstreams": [1]}]}
    task = yaml.safe_load(recorded({"tasks": [world]}).text)["tasks"][0]
    assert {**task, "createTime": ...} == {
        **TASK,
        "createTime": ...,
        "subtasks": [
            {"id": 1, "name": "Check host", "status": "READY"},
            {"id": 2, "name": "Clean up", "upstreams": [1]},
        ],
    }


def test_its_first_line_says_what_it_is() -> None:
    with MockServer(failed_world()) as mock:
        first, *_ = recording_of(mock.url).text.splitlines()
        assert first == (
            f"# Recorded from {mock.api_url} (ocp-4.2.2) at 2021-08-25T15:10:13+08:00: task 1000 (Task 1000), FAILED."
        )


def test_runs_are_guessed_from_the_log() -> None:
    """As comments that can be uncommented."""
    with MockServer("failed-subtask") as mock, Client(mock) as client:
        client.post("/api/v2/tasks/instances/1000/subtasks/10001/retry")
        mock.advance("30s")
        text = recording_of(mock.url).text
    assert "        # runs:\n" in text
    uncommented = re.sub(r"(?m)^( +)# (runs:|  - )", r"\1\2", text)
    runs = [one.get("runs") for one in yaml.safe_load(uncommented)["tasks"][0]["subtasks"]]
    refused = {"outcome": "FAILED", "duration": "4s", "log": "Permission denied (publickey)"}
    assert runs[1][-1] == refused
    source.load(source.Text(uncommented))


# --- what is left out ----------------------------------------------------------------------------------------------


def test_what_looks_like_a_secret_is_hidden() -> None:
    context = {"hostId": 1, "sysPassword": "hunter2", "nested": [{"accessToken": "hunter3"}], "passwordless": True}
    log = "login --password=hunter4 to http://root:hunter5@host/\nAPI_SECRET: 'hunter6'\nthe password was refused"
    subtasks = [
        {"id": 1, "status": "FAILED", "context": context, "log": log},
        {"id": 2, "status": "FAILED", "context": '{"passwd": "hunter7"}'},
    ]
    recording = recorded({"tasks": [{"id": 1000, "subtasks": subtasks}]})
    assert "hunter" not in recording.text
    first, second = yaml.safe_load(recording.text)["tasks"][0]["subtasks"]
    assert first["context"] == {
        "hostId": 1, "sysPassword": "***", "nested": [{"accessToken": "***"}], "passwordless": True
    }  # fmt: skip
    assert first["log"] == "login --password=*** to http://root:***@host/\nAPI_SECRET: '***'\nthe password was refused"
    assert second["context"] == '{"passwd": "***"}'
    assert [note for note in recording.notes if note.startswith("*** stands for what looks like a secret: ")] != []


def test_a_field_that_no_fixture_has_is_told() -> None:
    with MockServer(failed_world()) as mock:
        mock.fault(operation="getTaskInstance", violate={"set": {"/data/owner": "anna"}})
        recording = recording_of(mock.url)
    assert recording.notes == ["left out, since no fixture has it: $.owner of task 1000"]
    assert "anna" not in recording.text


def test_what_was_about_to_happen_is_told() -> None:
    """The real server's scheduler looks about once a second; ours at once."""
    with MockServer(failed_world()) as mock:
        waiting = {"/data/subtasks/1/status": "SUCCESSFUL", "/data/status": "RUNNING"}
        mock.fault(operation="getTaskInstance", violate={"set": waiting})
        notes = recording_of(mock.url).notes
    assert 'answered as "READY", and was "PENDING": $.subtasks[*].status of task 1000' in notes


def test_what_a_fixture_tells_less_exactly_is_told() -> None:
    with MockServer(failed_world()) as mock:
        time = "2021-08-25T15:10:07.123456+08:00"
        mock.fault(operation="getTaskInstance", violate={"set": {"/data/subtasks/0/startTime": time}})
        (note,) = recording_of(mock.url).notes
    assert note == (
        f'answered as "2021-08-25T15:10:07.123+08:00", and was "{time}": $.subtasks[*].startTime of task 1000'
    )


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"error": {"status": 500, "message": "no database"}}, r"500 \(no database\)"),
        ({"response": {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<p>"}}, "text/html: <p>"),
        ({"fault": "EMPTY_RESPONSE"}, "closed without an answer"),
        ({"operation": "getSubtaskLog", "error": {"status": 404}}, "subtasks/10000/log: 404"),
        ({"operation": "getTaskInstance", "violate": {"set": {"/data/status": "RUNNING"}}}, "it is RUNNING|RUNNING"),
        ({"operation": "getTaskInstance", "violate": {"remove": "/data"}}, "instances/1000: "),
    ],
)
def test_what_cannot_be_recorded_is_told(rule: dict[str, Any], told: str) -> None:
    with MockServer(failed_world()) as mock:
        mock.fault(**rule)
        with pytest.raises(NotRecorded, match=told):
            recording_of(mock.url)


# --- the command ---------------------------------------------------------------------------------------------------


def test_a_file_and_what_is_to_be_known_of_it(tmp_path: Path) -> None:
    file = tmp_path / "recorded.yaml"
    with MockServer(failed_world()) as mock:
        mock.fault(operation="getTaskInstance", violate={"set": {"/data/owner": "anna"}})
        ended = run("record", mock.url, "--task", "1000", "-o", str(file))
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "note: left out, since no fixture has it: $.owner of task 1000\n"
    assert run("validate", str(file)).stdout == f"{file}: 1 task, 3 subtasks, valid\n"


def test_without_a_file_it_is_printed() -> None:
    with MockServer(failed_world()) as mock:
        ended = run("record", mock.url)
        assert ended.stdout == recording_of(mock.url).text
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nothing_is_written_where_nothing_was_recorded(tmp_path: Path) -> None:
    file = tmp_path / "recorded.yaml"
    with MockServer(failed_world()) as mock:
        ended = run("record", mock.url, "--task", "17", "-o", str(file))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == ("nothing was recorded: GET /api/v2/tasks/instances/17: 404 (Task 17 does not exist.)\n")
    assert not file.exists()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with MockServer(failed_world()) as mock:
        ended = run("record", mock.url, "-o", str(tmp_path))
    assert ended.returncode == 1
    assert f"{tmp_path}: Is a directory" in ended.stderr
