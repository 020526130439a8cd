"""Standard streams that nobody reads, or that are closed: everything is answered, and ends with its code."""

import http.client
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from processes import COMMAND, END_S, environment, forked, needed
from waiting import eventually

from mockserver.cli.streams import Unwaited, dropped

REQUESTS = 3000
"""Each leaves a line; all of them are more than is kept of a stream."""
FEWER = 100
"""Enough where the pipe is full from the start."""
UNTIL_ENDED_S = 5 + 1 + 1
"""Grace, a moment, and what a process takes to go."""


UNKNOWN = "/api/v2/tasks/instances/9999?" + "x" * 400
HEALTH = "/__admin/health"


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """Its reader and its writer. The next byte that is written has to wait."""
    reader, writer = os.pipe()
    try:
        fill(writer)
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def fill(writer: int) -> None:
    os.set_blocking(writer, False)
    for piece in (b"\n" * 4096, b"\n"):
        try:
            while True:
                os.write(writer, piece)
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)


def statuses(port_file: Path, *paths: str) -> set[int]:
    """What a server answers, once it has told its port, to one request after the other."""
    eventually(port_file.exists)
    with closing(http.client.HTTPConnection("127.0.0.1", int(port_file.read_text()), timeout=END_S)) as connection:
        found = set()
        for path in paths:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            found.add(answer.status)
        return found


# --- a process whose pipes nobody reads ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "times"),
    [
        ("--access-log", FEWER),
        ("", FEWER),
        ("--access-log --log-format json", FEWER),
        pytest.param("--access-log", REQUESTS, marks=pytest.mark.slow),
    ],
    ids=["access log", "refusals", "json", "more than is kept"],
)
def test_a_server_that_nobody_reads_answers_and_ends(tmp_path: Path, flags: str, times: int) -> None:
    file = tmp_path / "port"
    with full_pipe() as (_, out), full_pipe() as (_, err):
        words = ["serve", "empty", "--port", "0", "--port-file", str(file), *flags.split()]
        with forked(*words, stdout=out, stderr=err) as process:
            assert statuses(file, *[UNKNOWN] * times) == {404}
            assert statuses(file, HEALTH) == {200}
            process.terminate()
            assert process.wait(timeout=UNTIL_ENDED_S) == 0
    assert not file.exists()


@pytest.mark.slow
def test_exec_ends_with_the_code_of_its_command_though_nobody_reads() -> None:
    with full_pipe() as (_, err), forked("exec", "empty", "--", "sh", "-c", "exit 7", stderr=err) as process:
        assert process.wait(timeout=END_S) == 7


@pytest.mark.slow
def test_nor_does_anybody_wait_to_be_told_that_it_does_not_serve(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("auht: basic\n")
    with full_pipe() as (_, err), forked("serve", str(tmp_path / "bad.yaml"), stderr=err) as process:
        assert process.wait(timeout=END_S) == 2


@pytest.mark.slow
def test_a_reader_who_has_gone_is_no_end(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    file = tmp_path / "port"
    words = ["serve", "empty", "--port", "0", "--port-file", str(file), "--access-log"]
    with forked(*words, stdout=writer, stderr=writer) as process:
        os.close(writer)
        assert statuses(file, HEALTH) == {200}
        process.terminate()
        assert process.wait(timeout=UNTIL_ENDED_S) == 0


# --- closed ones ---------------------------------------------------------------------------------------------------

CLOSED = [
    "2>&-",
    "<&- >&- 2>&-",
    *(pytest.param(closed, marks=pytest.mark.slow) for closed in (">&-", "<&-", ">&- 2>&-")),
]


def in_shell(closed: str, *arguments: str) -> list[str]:
    return [needed("sh"), "-c", f"exec {shlex.join([*COMMAND, *arguments])} {closed}"]


@pytest.mark.slow
@pytest.mark.parametrize("closed", CLOSED)
def test_a_server_without_a_stream_serves(tmp_path: Path, closed: str) -> None:
    file = tmp_path / "port"
    words = in_shell(closed, "serve", "empty", "--port", "0", "--port-file", str(file), "--access-log")
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert statuses(file, UNKNOWN) == {404}
        process.terminate()
        _, err = process.communicate(timeout=END_S)
        assert process.returncode == 0
    assert b"Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("closed", CLOSED)
def test_a_command_without_a_stream_runs(closed: str) -> None:
    words = in_shell(closed, "exec", "empty", "--strict", "--", "sh", "-c", "exit 7")
    ended = subprocess.run(words, env=environment(), capture_output=True, timeout=END_S)
    assert ended.returncode == 7
    assert b"Traceback" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("words", [("validate", "failed-subtask"), ("scenarios",)], ids=" ".join)
def test_a_full_disk_is_told_in_a_line(words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full, forked(*words, stdout=full.fileno()) as process:
        _, err = process.communicate(END_S)
        assert (process.wait(), err) == (
            1,
            "ocp-mockserver: what it says cannot be written: No space left on device\n",
        )


# --- one stream ----------------------------------------------------------------------------------------------------


def read_until(reader: int, text: str) -> list[str]:
    """The lines that come, up to and with the first that has this text. No empty ones."""
    read = ""
    while text not in read or not read.endswith("\n"):
        read += os.read(reader, 65536).decode()
    return read.split()


def test_what_does_not_fit_is_dropped_counted_and_told_when_there_is_room() -> None:
    with full_pipe() as (reader, writer):
        stream = Unwaited(writer, limit=100)
        stream.told = "dropped:{}".format
        for number in range(15):
            print(f"line-{number:04}", file=stream)  # ten bytes
        assert read_until(reader, "dropped:") == [*(f"line-{number:04}" for number in range(10)), "dropped:5"]
        print("there is room", file=stream)
        assert read_until(reader, "room") == ["there", "is", "room"]


def test_lines_of_one_text_are_counted_each() -> None:
    with full_pipe() as (reader, writer):
        stream = Unwaited(writer, limit=100)
        stream.told = "dropped:{}".format
        print("a\n" * 60, file=stream)
        print("kept", file=stream)
        assert read_until(reader, "dropped:") == ["kept", "dropped:60"]


def test_what_is_told_is_a_line_of_its_own() -> None:
    assert dropped(3) == "ocp-mockserver: lines dropped here, since nobody read them: 3"


def test_the_end_waits_a_moment_for_a_reader_and_no_longer() -> None:
    with full_pipe() as (reader, writer):
        stream = Unwaited(writer)
        print("line", file=stream)
        began = time.monotonic()
        stream.drain(began + 0.05)
        assert 0.05 <= time.monotonic() - began < END_S
        reading = threading.Thread(target=read_until, args=[reader, "line"])
        reading.start()
        stream.drain(time.monotonic() + END_S)  # somebody reads now
        reading.join(END_S)
        assert not reading.is_alive()


def test_nobody_waits_for_a_reader_who_has_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = Unwaited(writer)
    print("line", file=stream)
    stream.drain(time.monotonic() + END_S)
    print("and one more", file=stream)
    stream.drain(time.monotonic() + END_S)
    os.close(writer)


def test_a_pipe_that_does_not_block_gets_everything() -> None:
    """Whoever has its other end, Node for one, may have made it so."""
    with full_pipe() as (reader, writer):
        os.set_blocking(writer, False)
        stream = Unwaited(writer)
        print("x" * 200_000, file=stream)
        print("end", file=stream)
        assert read_until(reader, "end") == ["x" * 200_000, "end"]


def test_a_line_comes_as_a_whole_and_what_is_flushed_at_once() -> None:
    reader, writer = os.pipe()
    stream = Unwaited(writer, "ascii")
    stream.write("a ")
    stream.write("line, \u00fc\nand")
    assert read_until(reader, "\n") == ["a", "line,", "\\xfc"]
    stream.flush()
    assert os.read(reader, 100) == b"and"
    os.close(reader)
    os.close(writer)


def test_a_traceback_of_the_last_moment_is_written() -> None:
    program = "from mockserver.cli import streams; streams.install(); raise ValueError('the end')"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=END_S
    )
    assert ended.stderr.endswith("ValueError: the end\n")
    assert ended.returncode == 1
