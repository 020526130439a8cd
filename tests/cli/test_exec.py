"""`exec`: a server while a command runs; whose exit code it is, who gets the signals, and that nothing is left."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from clients import RETRY, TASKS
from nursery import Forked
from processes import END_S, environment, forked, loading, needed, run, run_anew
from waiting import eventually

from mockserver.cli import exec
from mockserver.cli.main import main, parsed

ROOT = Path(__file__).resolve().parents[2]
NOTHING = (
    "ocp-mockserver: 0 requests: 0 valid, 0 deliberately invalid, 0 violations of the contract; "
    "0 client errors, 0 expected; 0 faults acted; 0 lost to the journal"
)
ASK = "import os, sys, urllib.request; print(urllib.request.urlopen(os.environ['OCP_BASE_URL'] + sys.argv[1]).read())"


def asking(path: str) -> list[str]:
    """A command that asks the server it finds, and fails if that does not answer well."""
    return [sys.executable, "-c", ASK, path]


def asking_in_vain(path: str) -> list[str]:
    """The same, and content with a refusal."""
    program = f"import urllib.error\ntry:\n exec({ASK!r})\nexcept urllib.error.HTTPError as error:\n print(error.code)"
    return [sys.executable, "-c", program, path]


# --- exit codes ----------------------------------------------------------------------------------------------------


def test_a_command_retries_a_subtask() -> None:
    """Here, and in one test of each other command, in a process that has not imported anything yet."""
    needed("curl")
    fixture = str(ROOT / "fixtures" / "failed-subtask.yaml")
    ended = run_anew("exec", fixture, "--", "sh", "-c", f'curl -fsS -X POST "$OCP_BASE_URL{RETRY}"')
    assert ended.returncode == 0, ended.stderr
    assert '"status":"READY"' in ended.stdout
    assert ended.stderr == NOTHING.replace("0 requests: 0 valid", "1 request: 1 valid") + "\n"


def test_the_code_is_the_commands() -> None:
    ended = run("exec", "empty", "--", "sh", "-c", "exit 255")
    assert (ended.returncode, ended.stdout, ended.stderr) == (255, "", NOTHING + "\n")


@pytest.mark.slow
def test_a_command_that_dies_of_a_signal_is_128_and_its_number() -> None:
    assert run("exec", "empty", "--", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "code"), [(("--strict",), 3), ((), 0)], ids=["strict", "by default"])
def test_an_unknown_route_is_3_where_it_is_strict(flags: Sequence[str], code: int) -> None:
    ended = run("exec", "empty", *flags, "--", *asking_in_vain("/api/v2/nowhere"))
    assert (ended.returncode, ended.stdout) == (code, "404\n")
    logged, *told, account = ended.stderr.splitlines()
    assert "GET /api/v2/nowhere: 404" in logged
    line = "ocp-mockserver: client error: GET /api/v2/nowhere: 404: No route /api/v2/nowhere."
    assert told == [line] * (code == 3)
    assert "0 violations of the contract; 1 client error, 0 expected; " in account
    assert account.endswith(" (exit code 3)") == (code == 3)


@pytest.mark.slow
def test_a_refusal_that_the_contract_knows_is_no_client_error() -> None:
    ended = run("exec", "failed-subtask", "--strict", "--", *asking_in_vain(f"{TASKS}/7"))
    assert (ended.returncode, ended.stdout) == (0, "404\n")


@pytest.mark.slow
def test_where_both_fail_the_commands_code_wins() -> None:
    command = shlex.join(asking_in_vain("/api/v2/nowhere"))
    assert run("exec", "empty", "--strict", "--", "sh", "-c", f"{command}; exit 7").returncode == 7


@pytest.mark.slow
def test_a_command_that_is_not_there_is_127_and_one_line() -> None:
    ended = run("exec", "empty", "--", "no-such-command", "x")
    assert (ended.returncode, ended.stdout) == (127, "")
    assert ended.stderr == "ocp-mockserver: no-such-command: command not found\n"


@pytest.mark.slow
def test_a_command_that_may_not_be_run_is_126_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("")
    ended = run("exec", "empty", "--", str(tmp_path / "text"))
    assert (ended.returncode, ended.stdout) == (126, "")
    assert ended.stderr == f"ocp-mockserver: {tmp_path / 'text'}: Permission denied\n"


@pytest.mark.parametrize("line", ["exec", "exec empty", "exec empty npm test", "exec --", "exec empty --strict --"])
def test_without_a_command_it_is_a_usage_error(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with pytest.raises(SystemExit) as exit:
        main(line.split())
    assert exit.value.code == 2
    assert "it comes after --" in capsys.readouterr().err


@pytest.mark.slow
def test_mistakes_in_a_fixture_start_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("auht: basic\n")
    ended = run("exec", str(tmp_path / "bad.yaml"), "--", "echo", "started")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"{tmp_path / 'bad.yaml'}:1:1: ")


# --- what the command gets -----------------------------------------------------------------------------------------


def test_what_follows_the_dashes_is_the_commands() -> None:
    arguments = parsed(["exec", "a.yaml", "b.yaml", "--auth", "basic", "--", "cmd", "--strict", "--", "x"])
    assert arguments.paths == ["a.yaml", "b.yaml"]
    assert arguments.command == ["cmd", "--strict", "--", "x"]
    assert (arguments.auth, arguments.strict, arguments.port) == ("basic", False, 0)


def test_the_dashes_of_other_commands_are_as_ever() -> None:
    assert parsed(["serve", "--", "--odd.yaml"]).paths == ["--odd.yaml"]


@pytest.mark.slow
def test_the_base_url_has_no_prefix_and_the_rest_of_the_environment_stays() -> None:
    command = ["sh", "-c", 'echo "$OCP_BASE_URL $HERE"']
    ended = run("exec", "empty", "--", *command, env={"HERE": "stays", "OCP_BASE_URL": "http://elsewhere"})
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]* stays\n", ended.stdout)


@pytest.mark.slow
def test_what_it_reads_and_writes_is_ours() -> None:
    reader, writer = os.pipe()
    with (
        open(reader) as typed,
        forked("exec", "empty", "--", "sh", "-c", "cat; echo aside >&2", stdin=reader) as process,
    ):
        typed.close()
        os.write(writer, b"what was typed\n")
        os.close(writer)
        assert process.communicate(END_S) == ("what was typed\n", f"aside\n{NOTHING}\n")


@pytest.mark.slow
def test_it_serves_the_dialect_that_is_asked_for() -> None:
    ended = run("exec", "failed-subtask", "--dialect", "ocp-express", "--", *asking("/api/v1/tasks/instances/1000"))
    assert ended.returncode == 0, ended.stderr
    assert '"creator":{"name":' in ended.stdout


@pytest.mark.slow
def test_it_has_the_flags_of_serve() -> None:
    flags = shlex.split("--auth basic --api-prefix /api/v1 --seed 7 --clock manual --field-names table --no-admin")
    ended = run("exec", "failed-subtask", *flags, "--", *asking_in_vain("/api/v1/tasks/instances"))
    assert ended.stdout == "401\n"


@pytest.mark.slow
def test_an_access_log_only_where_it_is_asked_for() -> None:
    ended = run("exec", "empty", "--access-log", "--", *asking(TASKS))
    assert re.search(rf" GET {TASKS} 200 [0-9.]+ ms", ended.stderr)


# --- signals -------------------------------------------------------------------------------------------------------

STAYS = """\
import signal, subprocess, sys
child = subprocess.Popen(["sleep", "1000"])
print(child.pid, flush=True)
signal.sigwait([signal.SIGUSR1]) if "deaf" in sys.argv else child.wait()
"""


class Executed:
    """`exec` of a command that tells the process ids of its children; it has done so when the block begins."""

    def __init__(self, *command: str, children: int = 1) -> None:
        self.process = forked("exec", "empty", "--", *command)
        self.children = [int(self.process.stdout.readline()) for _ in range(children)]

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=END_S)
        return self.process.wait(), err

    def __enter__(self) -> "Executed":
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)


def runs(pid: int) -> bool:
    """Whether there is such a process that is not dead yet, if only nobody has looked."""
    ended = subprocess.run([needed("ps"), "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, timeout=END_S)
    return ended.stdout.strip()[:1] not in ("", "Z")


SHELL = ("sh", "-c", "sleep 1000 & echo $!; wait; echo never")


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGINT,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGQUIT, marks=pytest.mark.slow),
    ],
)
def test_a_signal_is_passed_on_and_no_process_is_left(number: int) -> None:
    with Executed(sys.executable, "-c", STAYS) as executed:
        code, err = executed.end(number)
    assert code in (128 + number, 1), "1 is Python's, of SIGINT"
    assert err.endswith(NOTHING + "\n")
    eventually(lambda: not runs(executed.children[0]))


@pytest.mark.slow
def test_a_shell_in_between_makes_no_difference() -> None:
    with Executed(*SHELL) as executed:
        assert executed.end(signal.SIGTERM) == (128 + signal.SIGTERM, NOTHING + "\n")
    eventually(lambda: not runs(executed.children[0]))


@pytest.mark.slow
def test_a_command_may_end_in_its_own_way() -> None:
    """It is waited for, however long it takes, and its code is what counts."""
    script = "trap 'echo ended; exit 4' TERM; echo $$; while :; do sleep 0.01; done"
    with Executed("sh", "-c", script) as executed:
        executed.process.send_signal(signal.SIGTERM)
        out, _ = executed.process.communicate(timeout=END_S)
    assert (executed.process.returncode, out) == (4, "ended\n")


TO_ANOTHER_THREAD = """
import os, signal, threading, time
from mockserver.cli.exec import Command

def tell():
    time.sleep(0.2)  # so that the main thread waits; nothing fails if it does not
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

command = Command()
command.start(["sleep", "1000"], os.environ)
threading.Thread(target=tell).start()
print(command.wait())
"""


@pytest.mark.slow
def test_a_signal_that_comes_to_another_thread_is_passed_on() -> None:
    """The system may give it to any: it then interrupts nothing that the main thread waits in."""
    with Forked(["-c", TO_ANOTHER_THREAD], env=environment()) as process:
        assert process.communicate(END_S) == (f"{128 + signal.SIGTERM}\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_no_signal_changes_the_code_of_a_command_that_has_ended(number: int) -> None:
    """While the server ends, and the interpreter, which gives up its handlers as it goes."""
    waits = "import os, signal as s; s.pthread_sigmask(0, [1, 15]); print(os.getpid(), flush=True); s.sigwait([1, 15])"
    with Executed(sys.executable, "-c", f"{waits}; os._exit(4)") as executed:
        while executed.process.poll() is None:
            executed.process.send_signal(number)
        assert executed.process.returncode == 4
        assert executed.process.communicate()[1] == NOTHING + "\n"


@pytest.mark.slow
def test_what_a_command_leaves_behind_is_ended() -> None:
    with Executed("sh", "-c", "sleep 1000 & echo $!") as executed:
        assert executed.process.wait(timeout=END_S) == 0
    eventually(lambda: not runs(executed.children[0]))


def test_what_will_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec, "GROUP_GRACE_S", 0.05)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(1000)"
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, process_group=0)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        exec.end_group(process.pid)
        assert process.wait(timeout=END_S) == -signal.SIGKILL
    exec.end_group(process.pid)


def test_a_signal_before_the_command_runs_ends_it_with_the_signals_code() -> None:
    """While it loads its fixture."""
    with loading("exec", "--", "echo", "started") as process:
        process.terminate()
        out, err = process.communicate(timeout=END_S)
    assert (process.returncode, out, err) == (128 + signal.SIGTERM, "", "")


# --- the same at a terminal ----------------------------------------------------------------------------------------


@pytest.fixture
def terminal() -> Iterator[Callable[..., tuple[Forked, int]]]:
    pty = pytest.importorskip("pty")
    with ExitStack() as ending:

        def start(*command: str) -> tuple[Forked, int]:
            """`exec` at a terminal of its own, and our end of that."""
            ours, theirs = pty.openpty()
            ending.callback(os.close, ours)
            ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
            process = ending.enter_context(forked("exec", "empty", "--", *command, terminal=True, **ends))
            os.close(theirs)
            return process, ours

        yield start


def until(terminal: int, text: str) -> str:
    """What is written there, up to and with this text."""
    written = ""
    while text not in written:
        written += os.read(terminal, 10_000).decode()
    return written


@pytest.mark.slow
def test_a_command_reads_what_is_typed(terminal: Any) -> None:
    process, ours = terminal("sh", "-c", 'read line && echo "got: $line"')
    os.write(ours, b"hello\n")
    assert "got: hello" in until(ours, "client errors")
    assert process.wait(timeout=END_S) == 0


@pytest.mark.slow
def test_the_terminal_interrupts_a_command_once(terminal: Any) -> None:
    """Ctrl-C reaches it from the terminal, and not from us as well."""
    script = "import signal\nfor _ in range(2):\n print('got', signal.sigwait([2, 15]), flush=True)"
    masked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [2, 15]); print('ready', flush=True)\n{script}"
    process, ours = terminal(sys.executable, "-c", masked)
    until(ours, "ready")
    os.write(ours, b"\x03")
    until(ours, "got 2")
    process.terminate()
    assert "got 15" in until(ours, "client errors")
    assert process.wait(timeout=END_S) == 0


@pytest.mark.slow
def test_a_signal_at_a_terminal_leaves_no_process_either(terminal: Any) -> None:
    process, ours = terminal("sh", "-c", "sleep 1000 & echo child: $!.; wait; echo never")
    child = int(re.findall(r"child: (\d+)\.", until(ours, ".\r\n"))[0])
    process.terminate()
    until(ours, "client errors")
    assert process.wait(timeout=END_S) == 128 + signal.SIGTERM
    eventually(lambda: not runs(child))
