"""The built wheel in new environments: with nothing but pytest, and with each company that a test run may keep."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
INSTALL_S = 300
SYNC = """
import urllib.request

def test_it(ocp_mock):
    retry = ocp_mock.url + "/api/v2/tasks/instances/1000/subtasks/10001/retry"
    assert urllib.request.urlopen(urllib.request.Request(retry, method="POST")).status == 200
"""
ASYNC = """
import aiohttp, httpx, pytest, requests

RETRY = "/api/v2/tasks/instances/1000/subtasks/10001/retry"

{mark}
@pytest.mark.parametrize("turn", range(3))
async def test_it(ocp_mock, turn):
    async with aiohttp.ClientSession() as session, session.post(ocp_mock.url + RETRY) as answer:
        assert answer.status == 200
    async with httpx.AsyncClient() as client:
        assert (await client.post(ocp_mock.url + RETRY)).status_code == 400
    assert requests.post(ocp_mock.url + RETRY).status_code == 400
    ocp_mock.advance(until="idle")
    ocp_mock.assert_requested("retrySubtask", count=3)
"""
MANY = """
import pytest, requests

RETRY = "/api/v2/tasks/instances/1000/subtasks/10001/retry"

@pytest.mark.parametrize("turn", range(200))
def test_it(ocp_mock, turn):
    assert requests.post(ocp_mock.url + RETRY).status_code == 200
    assert ocp_mock.advance("1s")["transitions"][0]["to"] == "RUNNING"
    if turn % 3 == 0:
        ocp_mock.fault(error={"status": 503})
        assert requests.post(ocp_mock.url + RETRY).status_code == 503
    ocp_mock.assert_requested("retrySubtask", count=1 + (turn % 3 == 0))
    assert ocp_mock.requests()[0]["id"] == 1
"""


def checked(*command: str | Path, cwd: Path) -> str:
    own = environment()
    del own["PYTHONPATH"]
    own.pop("PYTEST_ADDOPTS", None)
    ended = subprocess.run(
        command, cwd=cwd, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_S
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    checked(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed(folder: Path, *packages: str | Path) -> Path:
    """The python of a new environment that has these and what they need."""
    checked(sys.executable, "-m", "venv", folder, cwd=folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    checked(python, "-m", "pip", "install", "--quiet", *packages, cwd=folder)
    return python


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("alone"), wheel, "pytest")


@pytest.fixture(scope="module")
def crowded(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    packages = ("pytest", "pytest-asyncio", "pytest-aiohttp", "pytest-xdist", "httpx", "requests")
    return installed(tmp_path_factory.mktemp("crowded"), wheel, *packages)


def run(python: Path, folder: Path, tests: str, *options: str) -> str:
    (folder / "test_it.py").write_text(tests)
    return checked(python, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *options, cwd=folder)


def test_the_wheel_and_pytest_are_enough(alone: Path, tmp_path: Path) -> None:
    out = run(alone, tmp_path, SYNC)
    assert "1 passed" in out
    assert "ocp-mockserver: " in out


def test_unused_it_imports_nothing_heavy(alone: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass")
    ended = subprocess.run(
        [alone, "-X", "importtime", "-m", "pytest", "--co"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in ended.stderr.splitlines()}
    assert "mockserver" in loaded
    assert loaded.isdisjoint({"aiohttp", "jsonschema", "yaml", "asyncio", "referencing"})


@pytest.mark.parametrize(
    ("company", "mark", "options"),
    [
        ("pytest-asyncio, strict", "@pytest.mark.asyncio", ["-p", "no:aiohttp", "-o", "asyncio_mode=strict"]),
        ("pytest-asyncio, auto", "", ["-p", "no:aiohttp", "-o", "asyncio_mode=auto"]),
        ("pytest-aiohttp, strict", "@pytest.mark.asyncio", ["-o", "asyncio_mode=strict"]),
        ("pytest-aiohttp, auto", "", ["-o", "asyncio_mode=auto"]),
        ("anyio", "@pytest.mark.anyio", ["-p", "no:asyncio", "-p", "no:aiohttp"]),
    ],
    ids=lambda value: value if isinstance(value, str) and "," in value else "",
)
def test_asynchronous_tests_with_three_clients(
    crowded: Path, tmp_path: Path, company: str, mark: str, options: list[str]
) -> None:
    ini = "" if company == "anyio" else "asyncio_default_fixture_loop_scope = function\n"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}")
    backend = "\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
    assert "3 passed" in run(crowded, tmp_path, ASYNC.format(mark=mark) + backend, *options)


def test_two_hundred_tests_on_four_workers(crowded: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    assert "200 passed" in run(crowded, tmp_path, MANY, "-n", "4", "-p", "no:asyncio", "-p", "no:aiohttp")
