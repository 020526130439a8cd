"""The chapter about real servers: its commands do what it says, with a server of ours in the place of the real one."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
import requests
from clients import failed_world
from pages import PAGES, block, blocks, coded, rows
from processes import END_S, environment, needed, npm_installed

from mockserver import MockServer
from mockserver.remote.judgement import Kind

PAGE = "docs/real-server.md"
REAL = "https://ocp.example:8080"
USERS = {"viewer": {"password": "secret", "permissions": ["TASK_VIEWER"]}}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(failed_world(users=USERS)) as running:
        yield running


def run_line(line: str, mock: MockServer, folder: Path) -> subprocess.CompletedProcess[str]:
    ours = line.replace(REAL, mock.url).replace("ocp-mockserver", f"{shlex.quote(sys.executable)} -m mockserver")
    return subprocess.run(
        [needed("bash"), "-c", ours], cwd=folder, env=environment(), capture_output=True, text=True, timeout=END_S
    )


@pytest.mark.parametrize("line", block("bash", " verify ").splitlines())
def test_the_lines_of_verify(mock: MockServer, line: str, tmp_path: Path) -> None:
    ended = run_line(line, mock, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    written = tmp_path / "ocp.xml"
    if "junit" in line:
        assert ElementTree.parse(written).getroot().get("failures") == "0"


def test_what_verify_is_shown_to_say(mock: MockServer, tmp_path: Path) -> None:
    places = {f"/data/subtasks/{index}/owner": "anna" for index in range(3)}
    mock.fault(operation="getTaskInstance", violate={"set": places})
    line = block("bash", " verify ").splitlines()[0]
    (shown,) = blocks(PAGE, "text")
    said = [one for one in run_line(line, mock, tmp_path).stdout.splitlines() if not one.startswith("note: ")]
    said[0] = re.sub(r"\d+ requests", "11 requests", said[0])
    assert said == shown.replace(REAL, mock.url).splitlines()


def test_the_lines_of_record(mock: MockServer, tmp_path: Path) -> None:
    for line in block("bash", " record ").splitlines():
        ended = run_line(line, mock, tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
    with MockServer(tmp_path / "task-1000.yaml") as again:
        assert again.task(1000).status == "FAILED"


def test_every_kind_of_difference_is_in_the_table() -> None:
    assert coded(rows(PAGES[PAGE])) == list(get_args(Kind))


@pytest.mark.slow
def test_prism_judges_what_passes(mock: MockServer, tmp_path: Path) -> None:
    document, proxy = block("bash", "prism-cli").splitlines()
    npm_installed(tmp_path, *re.findall(r"npx (\S+)", proxy))
    assert run_line(document, mock, tmp_path).returncode == 0
    words = shlex.split(proxy.replace(REAL, mock.url).replace("4010", "0"))
    command = [str(tmp_path / "node_modules" / ".bin" / "prism"), *words[2:]]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as prism:
        try:
            url = listening(prism)
            assert asked(url).status_code == 200
            mock.fault(operation="getTaskInstance", violate={"set": {"/data/status": "EXPLODED"}})
            assert asked(url).status_code == 500
            assert "data.status" in asked(url).headers["sl-violations"]
        finally:
            prism.terminate()


def listening(prism: "subprocess.Popen[str]") -> str:
    assert prism.stdout is not None
    said = []
    for line in prism.stdout:
        said.append(line)
        found = re.search(r"listening on (http://[\d.:]+)", line)
        if found:
            return found[1]
    raise AssertionError("".join(said))


def asked(url: str) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{url}/tasks/instances/1000", timeout=END_S)
