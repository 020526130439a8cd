"""`verify` against every way in which `violate` can break an answer: it finds that very place."""

from collections.abc import Iterator
from typing import Any

import pytest
from clients import Client, failed_world
from remotes import verdict_of

from mockserver import MockServer
from mockserver.contract.schemas import contract
from mockserver.faults.mutation import Mutation, applied, candidates

pytestmark = pytest.mark.slow
TASK = {"cluster": {"id": 1, "name": "obtest"}, "creator": {"id": 100, "name": "admin"}}
PATHS = {
    "listTaskInstances": "/tasks/instances",
    "getTaskInstance": "/tasks/instances/1000",
    "getSubtaskLog": "/tasks/instances/1000/subtasks/10001/log",
}


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    world = failed_world()
    subtask = {"id": 10001, "status": "FAILED", "context": {"hostId": 1}, "className": "com.oceanbase.Check"}
    world["tasks"] = [{"id": 1000, **TASK, "subtasks": [{"id": 10000}, {**subtask, "upstreams": [10000]}]}]
    with MockServer(world) as running:
        yield running


def rule(mutation: Mutation) -> dict[str, Any]:
    pointer = "".join(f"/{step}" for step in mutation.path)
    return {"remove": pointer} if mutation.kind == "missing" else {"set": {pointer: mutation.value}}


@pytest.mark.parametrize("operation", PATHS)
def test_it_finds_that_very_path(mock: MockServer, operation: str) -> None:
    checker = contract().response(operation)
    with Client(mock) as client:
        value = client.get("/api/v2" + PATHS[operation]).json()
    mutations = [one for one in candidates(value, checker) if not checker.accepts(applied(value, one))]
    once = {(one.kind, one.path): one for one in mutations}
    assert len(once) > 20
    for mutation in once.values():
        mock.clear_faults()
        mock.fault(operation=operation, violate=rule(mutation))
        found = verdict_of(mock.url).differences
        assert any(one.operation == operation and one.difference.path == mutation.path for one in found), (
            str(mutation),
            found,
        )
    mock.clear_faults()
