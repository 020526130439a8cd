"""Any fixture at hand: the list of those that can be loaded by their names, and loading one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import RETRY, Client

from mockserver import MockServer
from mockserver.fixtures.source import shipped

SCENARIO = "scenario:retryTask-FAILED-EXECUTE"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "one.yaml").write_text(
        "# yaml-language-server: $schema=x\n# The first.\n# And more.\ntasks: [{id: 1}]\n"
    )
    (tmp_path / "inner" / "two.json").write_text('{"tasks": [{"id": 2}]}')
    return tmp_path


@pytest.fixture
def served(folder: Path) -> Iterator[Client]:
    with MockServer(folder, seed=5) as mock, Client(mock) as client:
        yield client


def tasks(client: Client, world: str = "") -> list[int]:
    return [task["id"] for task in client.get(f"{world}/__admin/state").json()["tasks"]]


def test_what_is_shipped_and_then_what_is_served(served: Client) -> None:
    listed = served.mock.fixtures()
    assert [one["name"] for one in listed] == [*shipped(), "inner/two.json", "one.yaml"]
    assert listed[-2:] == [
        {"name": "inner/two.json", "origin": "file", "about": ""},
        {"name": "one.yaml", "origin": "file", "about": "The first."},
    ]
    assert all(one["about"] for one in listed if one["origin"] == "shipped")


@pytest.mark.parametrize(
    ("name", "ids"),
    [("failed-subtask", [1000]), ("one.yaml", [1]), ("inner%2Ftwo.json", [2]), ("empty", []), (SCENARIO, [1000])],
)
def test_one_is_loaded_and_is_what_this_world_resets_to(served: Client, name: str, ids: list[int]) -> None:
    health = served.admin("POST", f"/fixtures/{name}/load")
    assert (health["tasks"], tasks(served)) == (len(ids), ids)
    served.mock.load({"tasks": [{"id": 9}]})
    served.mock.reset()
    assert tasks(served) == ids
    assert served.mock.settings()["seed"] == 5, "what the server was started with wins"


def test_another_world_stays_and_its_journal_too(served: Client) -> None:
    served.get("/api/v2/tasks/instances")
    served.get("/w/anna/__admin/tasks")
    served.admin("POST", "/fixtures/failed-subtask/load")
    assert tasks(served, "/w/anna") == tasks(served, "/w/berta") == [1, 2]
    assert len(served.mock.requests()) == 1


def test_the_files_that_are_read_again_take_its_place(served: Client) -> None:
    served.admin("POST", "/fixtures/failed-subtask/load")
    served.admin("POST", "/fixtures/reload")
    assert tasks(served) == [1, 2]


def test_keys_of_the_body_win_over_it(served: Client) -> None:
    served.admin("POST", "/fixtures/tour/load", {"seed": 9, "clock": {"mode": "manual"}})
    assert (served.mock.settings()["seed"], served.mock.clock()["mode"]) == (9, "manual")


def test_a_name_of_none_is_a_404_with_the_nearest(served: Client) -> None:
    for name, meant in (("failed-subtsk", "failed-subtask"), (f"{SCENARIO}S", SCENARIO.partition(":")[2])):
        answer = served.post(f"/__admin/fixtures/{name}/load")
        assert answer.status_code == 404
        assert f"did you mean {meant}?" in answer.text


def test_a_file_with_mistakes_changes_nothing(served: Client, folder: Path) -> None:
    (folder / "one.yaml").write_text("tusks: []")
    answer = served.post("/__admin/fixtures/one.yaml/load")
    assert (answer.status_code, "did you mean tasks?" in answer.text) == (422, True)
    assert tasks(served) == [1, 2]


# --- a reset that is undone ------------------------------------------------------------------------------------------


def test_a_reset_is_undone(failed: Client) -> None:
    failed.post(RETRY)
    failed.mock.advance("2s")
    failed.fault(503)
    failed.mock.snapshot("one")
    failed.mock.stub({"response": {"body": "x"}})

    def everything() -> object:
        mock = failed.mock
        return mock.state(), mock.requests(), mock.history(), mock.clock(), failed.admin("GET", "/snapshots")

    before = everything()
    failed.mock.reset()
    failed.get("/api/v2/tasks/instances")
    assert everything() != before
    failed.admin("POST", "/reset/undo")
    assert everything() == before
    failed.mock.advance(until="idle")
    assert failed.subtasks()[1] == "FAILED", "and it goes on from there"


def test_nothing_can_be_undone_before_a_reset_nor_twice(failed: Client) -> None:
    assert failed.post("/__admin/reset/undo").status_code == 409
    failed.mock.reset()
    assert failed.post("/__admin/reset/undo").status_code == 200
    assert failed.post("/__admin/reset/undo").status_code == 409


def test_after_a_minute_it_is_too_late(failed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failed.mock.reset()
    monkeypatch.setattr("mockserver.world.served.UNDONE_WITHIN", -1)
    assert failed.post("/__admin/reset/undo").status_code == 409


def test_a_world_has_its_own(failed: Client) -> None:
    failed.post("/w/anna/__admin/reset")
    assert failed.post("/__admin/reset/undo").status_code == 409
    assert failed.post("/w/anna/__admin/reset/undo").status_code == 200


def test_another_fixture_is_not_undone(failed: Client) -> None:
    failed.mock.reset()
    failed.admin("POST", "/fixtures/tour/load")
    assert failed.post("/__admin/reset/undo").status_code == 409


def test_files_that_are_read_again_are_not_undone(served: Client) -> None:
    served.mock.reset()
    served.admin("POST", "/fixtures/reload")
    assert served.post("/__admin/reset/undo").status_code == 409
