"""A thousand tasks of a hundred subtasks load in the time and the memory that are promised."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import resource, sys, time
from mockserver.fixtures import read
began = time.perf_counter()
fixture = read([sys.argv[1]], now=0)
seconds = time.perf_counter() - began
kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(len(task.subtasks) for task in fixture.tasks.values()), seconds, kib)
"""


def subtask(task: int, number: int) -> dict[str, object]:
    id = task * 1000 + number
    status = ("SUCCESSFUL", "FAILED", "PENDING")[(number > 50) + (number >= 50)]
    upstreams = [id - 1] if number else []
    return {"id": id, "name": f"Step {number}", "status": status, "timeout": 600, "upstreams": upstreams, "log": "text"}


def as_yaml(tasks: list[dict[str, object]]) -> str:
    """Block style, as a person writes it: the dearest to read."""
    lines = ["tasks:"]
    for task in tasks:
        lines += [f"  - id: {task['id']}", f"    name: {task['name']}", "    subtasks:"]
        for one in task["subtasks"]:  # type: ignore[attr-defined]  # mypy sees `object`
            lines += [f"      {'- ' if key == 'id' else '  '}{key}: {value}" for key, value in one.items()]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "limit_s"), [("json", 15), ("yaml", 60)])
def test_a_large_world_loads(kind: str, limit_s: float, tmp_path: Path) -> None:
    tasks: list[dict[str, object]] = [
        {"id": task, "name": f"Task {task}", "subtasks": [subtask(task, number) for number in range(100)]}
        for task in range(1, 1001)
    ]
    file = tmp_path / f"large.{kind}"
    file.write_text(json.dumps({"tasks": tasks}) if kind == "json" else as_yaml(tasks))
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(file)], check=True, capture_output=True, text=True)
    count, seconds, kib = map(float, run.stdout.split())
    assert count == 100_000
    assert seconds < limit_s
    assert kib < 1024 * 1024
