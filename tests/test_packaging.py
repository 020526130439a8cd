"""What is installed is what is here; and the built wheel alone, in a new environment and an empty folder, serves."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests
from processes import END_S, PACKAGE, environment

ROOT = Path(__file__).resolve().parent.parent
INSTALL_S = 300
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def files_here() -> dict[str, bytes]:
    """What belongs into the package, by the names that it has there."""
    data = {
        f"shipped/{name}/{file}": raw for name in ("schemas", "fixtures") for file, raw in files_of(ROOT / name).items()
    }
    return {**files_of(ROOT / "mockserver"), **data}


def test_what_is_tested_is_what_is_here() -> None:
    """After `pip install .` the tests run against the installed copy: install again, or `pip install -e .`."""
    if PACKAGE != ROOT / "mockserver":
        assert files_of(PACKAGE) == files_here()


def test_the_run_time_dependencies_are_three() -> None:
    names = {re.split(r"[^a-z-]", line, maxsplit=1)[0] for line in PYPROJECT["project"]["dependencies"]}
    assert names == {"aiohttp", "jsonschema", "pyyaml"}


# --- slow: built and installed -------------------------------------------------------------------------------------


def checked_run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    ended = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_S
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def clean_environment() -> dict[str, str]:
    kept = environment()
    del kept["PYTHONPATH"]
    return kept


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    checked_run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment that has the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("venv")
    checked_run(sys.executable, "-m", "venv", folder, cwd=folder)
    bin = folder / ("Scripts" if os.name == "nt" else "bin")
    checked_run(bin / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder, env=clean_environment())
    return bin


@pytest.mark.slow
def test_the_wheel_has_every_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(names) == sorted(f"mockserver/{name}" for name in files_here())


@pytest.mark.slow
@pytest.mark.parametrize("command", [["ocp-mockserver"], ["python", "-m", "mockserver"]], ids=["script", "module"])
def test_the_wheel_alone_serves_the_built_in_world(programs: Path, tmp_path: Path, command: list[str]) -> None:
    process = subprocess.Popen(
        [programs / command[0], *command[1:], "serve", "--port", "0"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            url = next(line.split()[-1] for line in process.stdout if line.startswith("listening on "))
            page = requests.get(f"{url}/api/v2/tasks/instances", timeout=END_S).json()["data"]["page"]
            assert page["totalElements"] > 5
            retry = f"{url}/api/v2/tasks/instances/1000/subtasks/10001/retry"
            assert requests.post(retry, timeout=END_S).json()["data"]["status"] == "READY"
            assert requests.get(f"{url}/openapi.json", timeout=END_S).json()["openapi"] == "3.1.0"
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_wheel_is_typed(programs: Path, tmp_path: Path) -> None:
    where = checked_run(
        programs / "python",
        "-c",
        "import mockserver; print(mockserver.__path__[0])",
        cwd=tmp_path,
        env=clean_environment(),
    )
    assert (Path(where.strip()) / "py.typed").is_file()


@pytest.mark.slow
def test_the_wheel_works_without_being_unpacked(wheel: Path, tmp_path: Path) -> None:
    env = {**clean_environment(), "PYTHONPATH": str(wheel)}
    program = "import mockserver, sys; sys.exit('.whl' not in mockserver.__file__)"
    checked_run(sys.executable, "-c", program, cwd=tmp_path, env=env)
    out = checked_run(sys.executable, "-m", "mockserver", "validate", "failed-subtask", cwd=tmp_path, env=env)
    assert out.endswith("valid\n")


@pytest.mark.slow
def test_the_wheel_from_the_sdist_is_the_wheel_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("build")
    checked_run(sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", *(f"docs/{name}" for name in files_of(ROOT / "docs"))} <= names
    checked_run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, sdist, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
