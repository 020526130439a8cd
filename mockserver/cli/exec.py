"""The command `exec`: a server for as long as another command runs, and that command's exit code.

The command is a process group of its own, which gets every signal that we get, and of which nothing is left when the
command has ended. Where there is a terminal it stays in our group instead, so that Ctrl-C, Ctrl-Z and reading work as
ever: there the terminal itself interrupts it, and other signals go to it and to all that descends from it.
"""

import argparse
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final
from urllib.parse import urlsplit

from mockserver.cli import endings
from mockserver.cli.gate import journal_file
from mockserver.cli.gate.judgement import Evidence, told, verdict, wrong
from mockserver.cli.serve import prepared, refused
from mockserver.fixtures.mistakes import FixtureError, counted
from mockserver.server import runner
from mockserver.server.routing import SITE
from mockserver.world.account import Accounts

BASE_URL: Final = "OCP_BASE_URL"
CANNOT_RUN: Final = 126
NOT_FOUND: Final = 127
SIGNALLED: Final = 128
"""And the signal's number. These three are a shell's."""
SERVER_GRACE_S: Final = 0.5
"""For requests in flight when the command has ended: nobody waits for them."""
GROUP_GRACE_S: Final = 2.0
"""For what the command has left behind, from SIGTERM to SIGKILL."""
PR_SET_CHILD_SUBREAPER: Final = 36
INTERRUPTS: Final = ("SIGINT", "SIGQUIT")
PASSED_ON: Final = (*INTERRUPTS, "SIGTERM", "SIGHUP")


def run(arguments: argparse.Namespace) -> int:
    if not hasattr(os, "killpg"):
        print("ocp-mockserver: exec needs process groups, which this system lacks; use serve", file=sys.stderr)
        return 1
    for number in passed_on():
        signal.signal(number, lambda number, _: endings.leave(SIGNALLED + number))  # until there is a command
    try:
        app, _, sockets = prepared(arguments)
        site = app[SITE]
        if arguments.journal is not None:
            journal_file.begin(arguments.journal, site.worlds)
    except (FixtureError, OSError) as error:
        return refused(error)
    environment = with_server(os.environ, runner.url_of(arguments.host, sockets))
    adopt_orphans()
    command = Command()
    with runner.running_in_thread(app, sockets, grace_s=SERVER_GRACE_S, access_log=bool(arguments.access_log)):
        try:
            command.start(arguments.command, environment)
        except OSError as error:
            absent = isinstance(error, FileNotFoundError)
            reason = "command not found" if absent else error.strerror
            print(f"ocp-mockserver: {arguments.command[0]}: {reason}", file=sys.stderr)
            return NOT_FOUND if absent else CANNOT_RUN
        code = command.wait()
    endings.finish()  # there is nobody any more to pass signals on to
    accounts = site.worlds.accounts
    evidence, faults = evidence_of(accounts), accounts.total().faults
    for line in wrong(evidence, strict=arguments.strict):
        print(f"ocp-mockserver: {line}", file=sys.stderr)
    worse = 0 if code else verdict(evidence, strict=arguments.strict)
    if arguments.journal is not None and not journal_file.write(arguments.journal, site.worlds):
        worse = worse or 1
    last = f"{told(evidence.account)}; {counted(faults, 'fault')} acted; {site.worlds.lost} lost to the journal"
    print(f"ocp-mockserver: {last}" + (f" (exit code {worse})" if worse and not code else ""), file=sys.stderr)
    return code or worse


def evidence_of(accounts: Accounts) -> Evidence:
    """Of all worlds."""
    total, found = accounts.total(), accounts.all()
    told = [one.to_json() for account in found for one in account.complaints]
    return Evidence(
        account=total.to_json(),
        client_errors=told,
        omitted=total.client_errors - len(told),
        expectations=[one.to_json() for account in found for one in account.expectations.values()],
    )


def with_server(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """What the command gets. No proxy is asked for the server: not everybody spares this machine by themselves.

    Some programs look at NO_PROXY, some at no_proxy, and an asterisk counts for some only where it stands alone.
    """
    host = urlsplit(url).hostname or ""
    names = [f"[{host}]", host] if ":" in host else [host]
    added = {}
    for name, other in (("NO_PROXY", "no_proxy"), ("no_proxy", "NO_PROXY")):
        given = [one.strip() for one in environment.get(name, environment.get(other, "")).split(",") if one.strip()]
        added[name] = ",".join(given if given == ["*"] else [*given, *names])
    return {**environment, **added, BASE_URL: url}


def passed_on() -> list[signal.Signals]:
    """Whoever has us ignore one (nohup, a shell's &) means the command, too."""
    signals = [signal.Signals[name] for name in PASSED_ON]
    return [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]


class Command:
    """A process, once it runs; from now on our signals are for it. What came before it ran, it gets when it does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._terminal = has_terminal()
        for number in passed_on():
            signal.signal(number, self._pass_on)

    def start(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Raises OSError."""
        process = subprocess.Popen(words, env=environment, process_group=None if self._terminal else 0)
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def wait(self) -> int:
        """Until it has ended, and nothing is left of it. Its exit code, as a shell tells it."""
        process = self._process
        assert process is not None
        code = self._ended(process)
        if not self._terminal:
            end_group(process.pid)
        return SIGNALLED - code if code < 0 else code

    @staticmethod
    def _ended(process: subprocess.Popen[bytes]) -> int:
        """Not `process.wait()`, which not every signal interrupts."""
        usual = signal.signal(signal.SIGCHLD, lambda *_: None)  # else it wakes nobody
        try:
            with endings.waking() as woken:
                while (code := process.poll()) is None:
                    select.select([woken], [], [])
                    os.read(woken, 4096)
        finally:
            signal.signal(signal.SIGCHLD, usual)
        return code

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        process = self._process
        if process is None:
            self._early.append(number)
        elif process.returncode is None and not self._terminal:
            send_to_group(process.pid, number)
            send_to_group(process.pid, signal.SIGCONT)  # what is stopped hears it, too
        elif process.returncode is None and signal.Signals(number).name not in INTERRUPTS:
            for pid in family(process.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)


def has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def family(pid: int) -> list[int]:
    """A process and all that descend from it; only the process where there is no `ps`."""
    try:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, timeout=5).stdout
    except (OSError, subprocess.SubprocessError):
        return [pid]
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def adopt_orphans() -> None:
    """On Linux we see what descends from us end, also what has lost its parent. Elsewhere the system's init does."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def send_to_group(group: int, number: int) -> bool:
    """Whether there is anybody in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter where only the dead are left
        return False
    return True


def end_group(group: int) -> None:
    """Ends what the command has left behind. What is a group of its own, as a daemon is, was not left behind."""
    if not send_to_group(group, signal.SIGTERM):
        return
    deadline = time.monotonic() + GROUP_GRACE_S
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            while os.waitpid(-group, os.WNOHANG)[0]:
                pass
        if not send_to_group(group, 0):
            return
        time.sleep(0.01)
    send_to_group(group, signal.SIGKILL)
