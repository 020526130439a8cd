"""The log of a subtask: the header that clients split on, what a fixture gives, and its bounds."""

import re

import pytest
from builders import START, at

from mockserver.tasks.run_log import MAX_BYTES, MAX_RUNS, Logged, LogRun, bounded, ended, parsed, text
from mockserver.times import MS

EIGHT = 8 * 3600
HEADER = re.compile(r"^############([A-Z_]+)(\d{4}-.*)############$", re.MULTILINE)
"""As a client writes it."""


def test_a_run_opens_with_its_header_on_a_line_of_its_own() -> None:
    log = (LogRun("EXECUTE", START + 121 * MS, "one\n"), LogRun("RETRY", at(60), ""))
    assert text(log, EIGHT) == (
        "############EXECUTE2021-08-25T15:10:13.121+08:00############\none\n"
        "############RETRY2021-08-25T15:11:13+08:00############\n"
    )


def test_the_header_is_in_the_servers_offset() -> None:
    assert "2021-08-25T07:10:13Z####" in text((LogRun("EXECUTE", START, ""),), 0)


def test_no_runs_are_an_empty_log() -> None:
    assert text((), EIGHT) == ""


@pytest.mark.parametrize("given", ["no", "no\n"])
def test_a_log_without_a_header_gets_one(given: str) -> None:
    assert parsed(given, "RETRY", at(7)) == (LogRun("RETRY", at(7), "no\n"),)


def test_an_empty_log_is_a_run_that_says_nothing() -> None:
    assert parsed("", "EXECUTE", START) == (LogRun("EXECUTE", START, ""),)


def test_a_log_with_headers_keeps_them() -> None:
    log = (
        LogRun("EXECUTE", START + MS, "one\ntwo\n"),
        LogRun("RETRY", at(60), ""),
        LogRun("CANCEL", at(61), "three\n"),
    )
    assert parsed(text(log, EIGHT), "SKIP", at(9)) == log


def test_what_stands_before_the_first_header_is_kept() -> None:
    given = "before\n############EXECUTE2021-08-25T15:10:13+08:00############\none\n"
    assert parsed(given, "SKIP", at(9)) == (LogRun("", 0, "before\n"), LogRun("EXECUTE", START, "one\n"))
    assert text(parsed(given, "SKIP", at(9)), EIGHT) == given


@pytest.mark.parametrize(
    "given",
    [
        "###########EXECUTE2021-08-25T15:10:13+08:00############\n",
        "############EXECUTE2021-08-25T15:10:13############\n",
        "############EXECUTE2021-02-30T15:10:13+08:00############\n",
        "############2021-08-25T15:10:13+08:00############\n",
        " ############EXECUTE2021-08-25T15:10:13+08:00############\n",
        f"############{'A' * 21}2021-08-25T15:10:13+08:00############\n",
    ],
)
def test_what_only_looks_like_a_header_is_text(given: str) -> None:
    assert parsed(given, "EXECUTE", START) == (LogRun("EXECUTE", START, given),)


def test_a_log_is_the_same_after_it_was_written_and_read() -> None:
    """So that a state that is read and put back changes nothing, whatever offset it was written in."""
    log = (LogRun("EXECUTE", START + 1, "Zeile\n日志\n"), LogRun("ROLLBACK_SKIP", at(60), ""))
    for offset_s in (0, EIGHT, -EIGHT):
        assert parsed(text(log, offset_s), "SKIP", at(9)) == log


@pytest.mark.parametrize("name", ["EXECUTE", "RETRY", "ROLLBACK", "SKIP", "CANCEL", "ROLLBACK_SKIP"])
def test_a_client_splits_on_the_header(name: str) -> None:
    assert HEADER.findall(text((LogRun(name, START, "one\n"),), EIGHT)) == [(name, "2021-08-25T15:10:13+08:00")]


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_the_text_of_a_run_goes_to_the_run_that_ends() -> None:
    log = [LogRun("EXECUTE", START, "one\n"), LogRun("RETRY", at(1), "")]
    ended(log, "two")
    assert log == [LogRun("EXECUTE", START, "one\n"), LogRun("RETRY", at(1), "two\n")]


def test_a_log_keeps_its_last_hundred_runs() -> None:
    log = bounded([LogRun("RETRY", at(n), f"{n}\n") for n in range(250)])
    assert [run.text for run in log] == [f"{n}\n" for n in range(250 - MAX_RUNS, 250)]


def test_a_log_keeps_the_last_whole_runs_that_fit() -> None:
    log = bounded([LogRun("RETRY", at(n), "x" * 20_000 + "\n") for n in range(9)])
    assert [run.time for run in log] == [at(6), at(7), at(8)]
    assert len(text(log, EIGHT)) <= MAX_BYTES


def test_of_a_run_that_alone_is_too_long_the_end_is_kept() -> None:
    (run,) = bounded([LogRun("EXECUTE", START, "short\n"), LogRun("RETRY", at(1), "x" * 10**6 + "the end\n")])
    assert run.name == "RETRY"
    assert run.text.endswith("xthe end\n")
    assert MAX_BYTES - 100 < len(text((run,), EIGHT)) <= MAX_BYTES


@pytest.mark.parametrize("sign", ["é", "日", "😀", "\ud800"])
def test_a_bound_is_in_bytes_and_never_cuts_a_character(sign: str) -> None:
    (run,) = bounded([LogRun("RETRY", at(1), sign * 10**5)])
    assert len(text((run,), EIGHT).encode("utf-8", "surrogatepass")) <= MAX_BYTES
    assert set(run.text) <= {sign}


def test_a_fixtures_log_is_bounded_too() -> None:
    assert len(text(parsed("line\n" * 10**5, "EXECUTE", START), EIGHT)) <= MAX_BYTES
    headers = "".join(f"############RETRY2021-08-25T15:10:13.{n:03d}+08:00############\n" for n in range(1, 300))
    assert len(parsed(headers, "EXECUTE", START)) == MAX_RUNS


# --- the log as a value ----------------------------------------------------------------------------------------------


def test_a_log_without_runs_is_none() -> None:
    assert Logged.of(()) is None


def test_a_run_begins_and_ends_in_a_new_value_and_the_earlier_one_stays() -> None:
    first = Logged(None, LogRun("EXECUTE", START, ""))
    second = first.ended("one")
    third = second.begun("RETRY", at(1)).ended("two\n")
    assert [log.runs() for log in (first, second, third)] == [
        (LogRun("EXECUTE", START, ""),),
        (LogRun("EXECUTE", START, "one\n"),),
        (LogRun("EXECUTE", START, "one\n"), LogRun("RETRY", at(1), "two\n")),
    ]


@pytest.mark.parametrize("text", ["x\n", "x" * 5000 + "\n", "x" * MAX_BYTES + "\n"])
def test_it_tells_the_runs_that_a_bound_leaves_and_keeps_not_many_more(text: str) -> None:
    runs = [LogRun("RETRY", at(n), text) for n in range(3 * MAX_RUNS)]
    log = Logged(None, runs[0])
    for run in runs[1:]:
        log = log.begun(run.name, run.time).ended(run.text)
    assert log.runs() == bounded(runs)
    assert log.count <= 2 * MAX_RUNS + 1
    assert log.size <= 3 * MAX_BYTES + len(text)
