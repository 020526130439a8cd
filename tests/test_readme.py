"""The README is true: its commands run, its examples hold, its tables are complete."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import END_S, Served, environment, needed

from mockserver.admin.feed import KEPT
from mockserver.admin.listening import BEHIND_BYTES, LISTENERS
from mockserver.admin.routes import ROUTES
from mockserver.admin.rules import MAX_RULES
from mockserver.cli.main import parsed
from mockserver.fixtures import source
from mockserver.fixtures.constructor import MAX_DEPTH
from mockserver.fixtures.document import MAX_BYTES
from mockserver.server.responses import BODY_SECONDS, MAX_BODY
from mockserver.world.journal import BODY_BYTES, CHANGES, REQUESTS
from mockserver.world.live import EVENTS_AT_ONE_INSTANT, EVENTS_IN_ONE_CALL
from mockserver.world.served import MAX_SNAPSHOTS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BASE = "http://127.0.0.1:8080"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE)


# --- commands ------------------------------------------------------------------------------------------------------


def test_the_first_two_commands_are_one_line_each() -> None:
    first, second = (block.splitlines() for block in blocks("sh")[:2])
    assert [line.split()[:2] for line in (*first, *second)] == [["pip", "install"]] * 2


def test_the_first_command_serves_a_shipped_fixture() -> None:
    installed, command = blocks("sh")[0].split("&&")
    arguments = parsed(shlex.split(command)[1:])
    assert installed.strip() == "pip install ."
    assert (arguments.port, arguments.paths) == (8080, ["failed-subtask"])


def test_the_curl_lines_tell_the_story() -> None:
    """In their order, against the fixture that the first command serves."""
    needed("curl")
    lines = [line for block in blocks("sh")[2:] for line in block.splitlines() if line.startswith("curl ")]
    answers = []
    with Served("failed-subtask") as served:
        for line in lines:
            assert BASE in line
            command = [*shlex.split(line.replace(BASE, served.url)), "-sS"]
            answers.append(subprocess.check_output(command, text=True, timeout=END_S))
    first, advanced, again, idle, task, fault = answers
    for fact in ('"status":"READY"', '"operation":"RETRY"', '"runTime":2'):
        assert fact in first
    assert '"to":"FAILED"' in advanced
    assert '"runTime":3' in again
    assert '"to":"SUCCESSFUL"' in idle
    assert '"status":"SUCCESSFUL","type":"MANUAL"' in task
    assert '"id":"fault-1"' in fault


@pytest.mark.parametrize(
    "line", [line for block in blocks("sh") for line in block.splitlines() if line.startswith("ocp-")]
)
def test_the_other_commands_run(line: str) -> None:
    command = line.replace("ocp-mockserver", f"{shlex.quote(sys.executable)} -m mockserver", 1)
    assert command != line
    ended = subprocess.run(
        [needed("bash"), "-c", command], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=END_S
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_there_is_no_command_that_nobody_runs() -> None:
    lines = [line for block in blocks("sh")[2:] for line in block.splitlines()]
    assert {line.split()[0] for line in lines} == {"curl", "ocp-mockserver"}


def test_ci_finds_the_commands_where_it_looks() -> None:
    """.ci/run takes the first two sh blocks, and the first curl line that is a retry."""
    if shutil.which("awk") is None or not (ROOT / ".ci" / "run").exists():
        pytest.skip("needs awk and a checkout")
    program = re.search(r"^block\(\) .*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert program is not None
    script = f"{program[0]}\nblock 1\nblock 2\n"
    out = subprocess.check_output([needed("bash"), "-c", script], cwd=ROOT, text=True, timeout=END_S)
    assert out == "".join(blocks("sh")[:2])


# --- examples ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", blocks("python"))
def test_the_python_examples_run(program: str) -> None:
    exec(compile(program, "README.md", "exec"), {})


@pytest.mark.parametrize("text", [text for text in blocks("yaml") if not text.startswith("jobs:")])
def test_the_yaml_examples_are_fixtures(text: str) -> None:
    source.load(source.Text(text, "README.md"), now=0)


# --- claims --------------------------------------------------------------------------------------------------------


def test_every_shipped_fixture_is_in_the_table() -> None:
    assert sorted(first_cells("Fixtures")) == sorted(source.shipped())


def test_every_control_route_is_in_the_table_in_order() -> None:
    routes = [f"{method} {path}" for path, handlers in ROUTES.items() for method in handlers]
    assert first_cells("Control routes") == routes


def test_every_difference_has_a_source() -> None:
    rows = [line.split("|") for line in section("Differences from OCP").splitlines() if line.startswith("| ")][1:]
    known = {"document", "engine", "ours", "a guess"}
    assert len(rows) > 15
    assert all(set(row[3].strip().split(", ")) <= known for row in rows)


@pytest.mark.parametrize(
    "claim",
    [
        f"{MAX_BODY // 2**20} MiB and {BODY_SECONDS} s",
        f"{MAX_BYTES // 2**20} MiB, {MAX_DEPTH} levels",
        f"{REQUESTS:,} requests, {BODY_BYTES // 2**10} KiB",
        f"{CHANGES:,} changes",
        f"{MAX_RULES:,} faults",
        f"{MAX_SNAPSHOTS} snapshots",
        f"{EVENTS_IN_ONE_CALL:,} events, and {EVENTS_AT_ONE_INSTANT:,} at one",
        f"{LISTENERS} listeners to `/__admin/events`, and the last {KEPT:,} events",
        f"{BEHIND_BYTES // 2**10} KiB still to read",
    ],
)
def test_a_limit_is_the_codes(claim: str) -> None:
    assert claim in " ".join(section("Limits").split())


def test_every_package_that_is_named_is_there() -> None:
    named = re.findall(r"`([a-z/_]+(?:/|\.py))`", section("Reading the code"))
    assert named
    assert [name for name in named if not (ROOT / "mockserver" / name).exists() and not (ROOT / name).exists()] == []
