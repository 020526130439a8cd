"""Real processes of the command without its imports: one process has done them, and is forked for each.

That one, the nursery, is a plain interpreter without threads. It runs a module or a program, as `python -m` and
`python -c` do, in a child with its own session, signals, descriptors, folder and environment, whose interpreter ends as
ever. Only the imports, most of what a process costs, are not done again.
"""

import atexit
import fcntl
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import IO, Any, Final

PRELOADED: Final = ("mockserver.cli.serve", "mockserver.cli.exec", "mockserver.cli.healthcheck", "mockserver.cli.init")
LARGEST: Final = 1 << 16
"""Bytes of an order."""

# --- in the process of the tests -----------------------------------------------------------------------------------


class Forked:
    """Such a process; to be used as a subprocess.Popen whose stdout and stderr are text."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        terminal: bool = False,
    ) -> None:
        """Without descriptors it reads nothing, and what it writes is kept. Or stdin is the `terminal` it leads."""
        self.returncode: int | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by communicate)
        reader, writer = os.pipe()
        self.stdout: IO[str] = os.fdopen(reader)
        self._told, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {"words": words, "env": dict(env), "folder": os.getcwd(), "terminal": terminal}
        with open(os.devnull) as nothing, open(writer, "w") as written, telling:
            given = [
                nothing.fileno() if stdin is None else stdin,
                written.fileno() if stdout is None else stdout,
                self._errors.fileno() if stderr is None else stderr,
                telling.fileno(),
            ]
            socket.send_fds(_door(), [json.dumps(order).encode()], given)
        self.pid = self._next()

    def _next(self, timeout: float | None = None) -> int:
        if not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        return int(self._told.recv(64))

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = self._next(timeout)
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                self.wait()  # it has just ended

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote that nobody has read yet, once it and all that has its stdout are gone."""
        read: list[str] = []
        reading = threading.Thread(target=lambda: read.append(self.stdout.read()), daemon=True)
        reading.start()
        reading.join(timeout)
        if reading.is_alive():
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        self.wait(timeout)
        self._errors.seek(0)
        with self.stdout, self._told, self._errors:
            return read[0], self._errors.read()

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._errors.closed:
            self.kill()
            self.communicate()


_doors: Final[list[socket.socket]] = []
"""Of the nursery, once there is one. It ends when this process does."""


def _door() -> socket.socket:
    if not _doors:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            nursery = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        _doors.append(ours)
        atexit.register(nursery.wait)
        atexit.register(ours.close)  # before that: it ends it
    return _doors[0]


# --- in the nursery ------------------------------------------------------------------------------------------------


def nurse(door: socket.socket) -> None:
    for name in PRELOADED:
        import_module(name)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)  # whatever whoever runs the tests ignores
    signal.signal(signal.SIGINT, signal.default_int_handler)
    while True:
        order, given, _, _ = socket.recv_fds(door, LARGEST, 4)
        if not order:
            return
        keeper = os.fork()
        if keeper == 0:
            door.close()
            keep(json.loads(order), given)
            return
        for descriptor in given:
            os.close(descriptor)
        keepers.add(keeper)
        keepers.difference_update({pid for pid in keepers if os.waitpid(pid, os.WNOHANG)[0]})


keepers: Final[set[int]] = set()


def keep(order: dict[str, Any], given: list[int]) -> None:
    """Has a child, and tells its process id and, when it has ended, its exit code. Returns in the child, at its end."""
    *streams, telling = given
    child = os.fork()
    if child == 0:
        os.close(telling)
        live(order, streams)
        return
    for descriptor in streams:
        os.close(descriptor)
    os.write(telling, str(child).encode())
    _, status = os.waitpid(child, 0)
    os.write(telling, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def live(order: dict[str, Any], streams: list[int]) -> None:
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if order["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, closefd=False)  # noqa: SIM115 (as they always are)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    option, what, *arguments = order["words"]
    sys.argv = [what, *arguments]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    nurse(socket.socket(fileno=int(sys.argv[1])))
