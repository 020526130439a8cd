"""Signals from the first line on, and the port file: whenever it is told to end, it does so, and leaves nothing."""

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nursery import Forked
from processes import COMMAND, END_S, Served, environment, loading, run

ROOT = Path(__file__).resolve().parents[2]
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NEVER_IMPORTED = 'print("importing", flush=True)\nwhile True:\n    pass\n'
SCRIPT = (sys.executable, "-c", "import sys; from mockserver.__main__ import main; sys.exit(main())")
"""What an installer makes of an entry point."""
AS_USUAL = "import os, signal as s, sys; s.signal(s.SIGHUP, s.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
"""Whatever whoever runs the tests ignores."""
IGNORING = AS_USUAL.replace("SIG_DFL", "SIG_IGN")


# --- while it imports ----------------------------------------------------------------------------------------------


@contextmanager
def importing(folder: Path, module: str, *words: str, first: str = AS_USUAL) -> Iterator[subprocess.Popen[str]]:
    """The command, in the midst of importing that module, from which it does not return."""
    (folder / f"{module}.py").write_text(NEVER_IMPORTED)
    env = environment({"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])})
    command = [sys.executable, "-c", first, *words]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "importing\n"
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    process.send_signal(number)
    _, err = process.communicate(timeout=END_S)
    return process.returncode, err


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("module", ["argparse", "aiohttp"], ids=["first import", "heavy import"])
def test_a_server_that_still_imports_ends_with_0(tmp_path: Path, module: str, number: int) -> None:
    with importing(tmp_path, module, *COMMAND, "serve", "empty") as process:
        assert ended(process, number) == (0, "")


def test_the_console_script_does_so_too(tmp_path: Path) -> None:
    with importing(tmp_path, "argparse", *SCRIPT, "serve", "empty") as process:
        assert ended(process, signal.SIGTERM) == (0, "")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"ocp-mockserver": "mockserver.__main__:main"}


@pytest.mark.slow
@pytest.mark.parametrize("words", [["exec", "empty", "--", "true"], ["validate", "empty"]], ids=["exec", "validate"])
def test_other_commands_are_ended_by_the_signal(tmp_path: Path, words: list[str]) -> None:
    """What they were to do is not done."""
    with importing(tmp_path, "argparse", *COMMAND, *words) as process:
        assert ended(process, signal.SIGINT) == (128 + signal.SIGINT, "")


def test_a_shells_background_job_is_told_all_the_same(tmp_path: Path) -> None:
    """Such a shell ignores SIGINT for it, and who says kill -INT means it."""
    with importing(tmp_path, "argparse", *COMMAND, "serve", first=IGNORING.replace("HUP", "INT")) as process:
        assert ended(process, signal.SIGINT) == (0, "")


@pytest.mark.slow
def test_what_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    with importing(tmp_path, "argparse", *COMMAND, "validate", "empty", first=IGNORING) as process:
        process.send_signal(signal.SIGHUP)
        assert ended(process, signal.SIGTERM) == (128 + signal.SIGTERM, "")


@pytest.mark.slow
@pytest.mark.parametrize("module", ["argparse", "aiohttp"], ids=["first import", "heavy import"])
def test_so_does_the_first_process_of_a_container(tmp_path: Path, module: str) -> None:
    """Which gets no signal that it has no handler for."""
    alone = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    try:
        subprocess.run([*alone, "true"], check=True, capture_output=True, timeout=END_S)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets nobody have process ids of their own")  # no tool that could be installed
    with importing(tmp_path, module, *alone, *COMMAND, "serve", "empty") as process:
        first = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        os.kill(first, signal.SIGTERM)
        assert process.wait(timeout=END_S) == 0


@pytest.mark.slow
def test_importing_the_entry_point_changes_no_handler() -> None:
    program = "import signal as s; before = s.getsignal(2), s.getsignal(15); import mockserver.__main__\n"
    program += "assert before == (s.getsignal(2), s.getsignal(15))"
    with Forked(["-c", program], env=environment()) as process:
        assert process.communicate(END_S) == ("", "")
        assert process.wait() == 0


# --- while it loads, and while it serves ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDING)
def test_a_server_that_still_loads_ends_with_0_and_has_no_port_file(tmp_path: Path, number: int) -> None:
    file = tmp_path / "port"
    file.write_text("1\n")  # of a server that was killed
    with loading("serve", "empty", "--port-file", str(file)) as process:
        assert not file.exists()
        process.send_signal(number)
        assert process.communicate(END_S) == ("", "")
        assert process.wait() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDING)
def test_a_server_that_ends_leaves_no_port_file(tmp_path: Path, number: int) -> None:
    file = tmp_path / "port"
    served = Served("empty", "--port-file", str(file))
    assert file.read_text() == f"{served.port}\n"
    assert served.end(number) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_ends_is_gone_at_once() -> None:
    """The interpreter takes a second or two to tidy up where a thread is still at something large."""
    tidying = "import atexit, os; atexit.register(os.write, 1, b'tidies up')"
    program = SCRIPT[-1].replace("sys.exit", f"{tidying}; sys.exit")
    with Forked(["-c", program, "serve", "empty", "--port", "0"], env=environment()) as process:
        while not process.stdout.readline().startswith("listening"):
            pass
        process.terminate()
        assert process.communicate(END_S) == ("", "")
        assert process.wait() == 0


# --- the port file -------------------------------------------------------------------------------------------------


def test_an_old_port_file_is_gone_before_the_heavy_imports(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("1\n")
    with importing(tmp_path, "aiohttp", *COMMAND, "serve", "empty", "--port-file", str(file)):
        assert not file.exists()


@pytest.mark.slow
def test_the_port_file_of_another_server_stays(tmp_path: Path) -> None:
    file = tmp_path / "port"
    with Served("empty", "--port-file", str(file)) as first:
        with Served("empty", "--port-file", str(file)) as second:
            first.end()
            assert file.read_text() == f"{second.port}\n"
        assert list(tmp_path.iterdir()) == []


def test_so_does_one_that_somebody_has_written(tmp_path: Path) -> None:
    file = tmp_path / "port"
    with Served("empty", "--port-file", str(file)):
        file.write_text("mine\n")
    assert file.read_text() == "mine\n"


@pytest.mark.slow
def test_a_port_file_can_be_a_link(tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "port"
    link.symlink_to(file)
    with Served("empty", "--port-file", str(link)) as served:
        assert file.read_text() == f"{served.port}\n"
    assert link.is_symlink()
    assert not file.exists()


@pytest.mark.slow
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_nothing_but_a_regular_file_will_do(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "port")
    ended = run("serve", "empty", "--port-file", str(tmp_path / "port"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"ocp-mockserver: --port-file {tmp_path / 'port'}: not a regular file\n"
    assert (tmp_path / "port").exists()
