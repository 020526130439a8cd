"""The command in a process of its own, with the package that is under test; and tools that may be missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Any, NoReturn

import pytest
import requests
from nursery import Forked

import mockserver

PACKAGE = Path(mockserver.__file__).resolve().parent
COMMAND = (sys.executable, "-m", "mockserver")
END_S = 30
"""Longer than anything takes: a test that waits so long has failed."""
INSTALL_S = 300


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without settings of the command, and such that a new process finds the package under test."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OCP_MOCK_")}
    return {**kept, "PYTHONPATH": str(PACKAGE.parent), **(more or {})}


def run(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    with forked(*arguments, env=env) as process:
        out, err = process.communicate(timeout=END_S)
        return subprocess.CompletedProcess(arguments, process.wait(), out, err)


def run_anew(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter that has imported nothing yet, as a user's."""
    return subprocess.run([*COMMAND, *arguments], env=environment(), capture_output=True, text=True, timeout=END_S)


def forked(*arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> Forked:
    """The command, in a process of the nursery's."""
    return Forked(["-m", "mockserver", *arguments], env=environment(env), **options)


LOADING = """
import sys, time
from mockserver.__main__ import main
from mockserver.fixtures import source
def load(*_, **__):
    print("loading", flush=True)
    while True:
        time.sleep(0.01)  # a signal just before a sleep does not interrupt it
source.load = load
sys.exit(main())
"""


def loading(*arguments: str) -> Forked:
    """The command, which has begun to load its fixture and will not end with that."""
    process = Forked(["-c", LOADING, *arguments], env=environment())
    assert process.stdout.readline() == "loading\n"
    return process


class Served:
    """`serve` on a free port while the block lasts. It is ready when the block begins."""

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stderr: int | None = None,
        anew: bool = False,
    ) -> None:
        """`anew`: in an interpreter that has imported nothing yet, as a user's."""
        words = ["serve", *([] if "--port" in arguments else ["--port", "0"]), *arguments]
        self._process: Forked | subprocess.Popen[str]
        if anew:
            self._process = subprocess.Popen(
                [*COMMAND, *words], env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        else:
            self._process = forked(*words, env=env, stderr=stderr)
        self.greeting: list[str] = []
        self.logs = ""
        self._ended = False
        for line in self._process.stdout or ():
            self.greeting.append(line.rstrip("\n"))
            if line.startswith("listening on "):
                break
        else:
            self.end()
            raise AssertionError(f"it did not serve: {self.logs}")

    @property
    def url(self) -> str:
        return self.greeting[-1].removeprefix("listening on ")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=END_S, **options)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=END_S, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=END_S, **options)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def tell(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = SIGTERM) -> int:
        """Sends a signal, if it still runs, and returns the exit code. What it logged is in `logs`."""
        if not self._ended:
            self._ended = True
            self._process.send_signal(number)
            try:
                more, logs = self._process.communicate(timeout=END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                more, logs = self._process.communicate()
            self.greeting += more.splitlines()
            self.logs = logs or ""
        return self._process.wait()

    def __enter__(self) -> "Served":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def plugin_is_installed() -> bool:
    """Whether pytest finds ours by its entry point; a bare checkout has none."""
    return any(point.name == "ocp_mockserver" for point in entry_points(group="pytest11"))


def missing(reason: str) -> NoReturn:
    """Without a tool a test is skipped here, and fails in CI, which installs what it needs."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def needed(*names: str) -> str:
    """The path of a tool, under the first of its names that is there."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    missing(f"{names[0]} is not installed")


def npm_installed(folder: Path, *packages: str) -> Path:
    """A folder in which they are. Without npm, or without a registry to ask, there is nothing to test here."""
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    command = [needed("npm"), "install", "--no-audit", "--no-fund", "--save-dev", *packages]
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        missing(f"npm install: not within {INSTALL_S} s")
    if ended.returncode:
        missing(f"npm install: {ended.stderr}")
    return folder
