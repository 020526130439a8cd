"""The log of a subtask: the header that clients split on, what a fixture gives, and its bounds."""

import re

import pytest
from builders import START, at

from mockserver.tasks.run_log import (
    HEADER_BYTES,
    Growth,
    Logged,
    LogRun,
    bounded,
    parsed,
    text,
    written,
)
from mockserver.times import MS, SECOND

EIGHT = 8 * 3600
MAX_RUNS = 100
MAX_BYTES = 64 * 1024
HEADER = re.compile(r"[#]{12}\{([A-Z_]+)\}\{([^}]+)\}[#]{12}")
"""As a client writes it."""


def test_a_run_opens_with_its_header_on_a_line_of_its_own() -> None:
    log = (LogRun("EXECUTE", START + 121 * MS, "one\n"), LogRun("RETRY", at(60), ""))
    assert text(log, EIGHT) == (
        "############{EXECUTE}{2021-08-25T15:10:13.121+08:00}############\none\n"
        "############{RETRY}{2021-08-25T15:11:13.000+08:00}############\n"
    )


@pytest.mark.parametrize(("more", "fraction"), [(0, "000"), (740 * MS, "740"), (MS - 1, "000"), (10**9 - 1, "999")])
def test_the_time_in_a_header_has_three_digits_of_fraction(more: int, fraction: str) -> None:
    shown = text((LogRun("EXECUTE", START + more, ""),), EIGHT)
    assert shown == f"############{{EXECUTE}}{{2021-08-25T15:10:13.{fraction}+08:00}}############\n"


def test_the_header_is_in_the_servers_offset() -> None:
    assert "{2021-08-25T07:10:13.000Z}####" in text((LogRun("EXECUTE", START, ""),), 0)


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
    given = (
        "before\n############{EXECUTE}{2021-08-25T15:10:13.000+08:00}############\none\n"
        "############{RETRY}{2021-08-25T15:10:14.000+08:00}############\ntwo\n"
    )
    before, *runs = parsed(given, "SKIP", at(9))
    assert (before, runs) == (
        LogRun("", 0, "before\n"),
        [LogRun("EXECUTE", START, "one\n"), LogRun("RETRY", at(1), "two\n")],
    )
    assert text(parsed(given, "SKIP", at(9)), EIGHT) == given


@pytest.mark.parametrize(
    "given",
    [
        "############EXECUTE2021-08-25T15:10:13.000+08:00############\n",
        "###########{EXECUTE}{2021-08-25T15:10:13+08:00}############\n",
        "############{EXECUTE}{2021-08-25T15:10:13}############\n",
        "############{EXECUTE}{2021-02-30T15:10:13+08:00}############\n",
        "############{}{2021-08-25T15:10:13+08:00}############\n",
        " ############{EXECUTE}{2021-08-25T15:10:13+08:00}############\n",
        "############{%s}{2021-08-25T15:10:13+08:00}############\n" % ("A" * 21),
    ],
)
def test_what_only_looks_like_a_header_is_text(given: str) -> None:
    assert parsed(given, "EXECUTE", START) == (LogRun("EXECUTE", START, given),)


def test_a_log_is_the_same_after_it_was_written_and_read() -> None:
    """So that a state that is read and put back changes nothing, whatever offset it was written in."""
    log = (LogRun("EXECUTE", START + MS, "Zeile\n日志\n"), LogRun("ROLLBACK_SKIP", at(60), ""))
    for offset_s in (0, EIGHT, -EIGHT):
        assert parsed(text(log, offset_s), "SKIP", at(9)) == log


@pytest.mark.parametrize("name", ["EXECUTE", "RETRY", "ROLLBACK", "SKIP", "CANCEL", "ROLLBACK_SKIP"])
def test_a_client_splits_on_the_header(name: str) -> None:
    assert HEADER.findall(text((LogRun(name, START, "one\n"),), EIGHT)) == [(name, "2021-08-25T15:10:13.000+08:00")]


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_the_bound_counts_the_longest_header() -> None:
    assert len(text((LogRun("A" * 20, START, ""),), EIGHT)) == HEADER_BYTES


def test_a_log_keeps_its_last_hundred_runs() -> None:
    log = bounded([LogRun("RETRY", at(n), f"{n}\n") for n in range(250)])
    assert [run.text for run in log] == [f"{n}\n" for n in range(250 - MAX_RUNS, 250)]


@pytest.mark.parametrize(("length", "fit"), [(20_001, 3), (4_094, 15), (MAX_BYTES // 2 - HEADER_BYTES, 2)])
def test_a_log_keeps_the_last_whole_runs_that_fit(length: int, fit: int) -> None:
    runs = [LogRun("RETRY", at(n), "x" * length) for n in range(20)]
    log = bounded(runs)
    assert log == tuple(runs[-fit:])
    assert len(text(log, EIGHT)) <= MAX_BYTES < len(text((*log, runs[0]), EIGHT))


def test_of_a_run_that_alone_is_too_long_the_end_is_kept() -> None:
    (run,) = bounded([LogRun("EXECUTE", START, "short\n"), LogRun("RETRY", at(1), "x" * 10**6 + "the end\n")])
    assert run.name == "RETRY"
    assert run.text.endswith("xthe end\n")
    assert len(run.text) == MAX_BYTES - HEADER_BYTES


@pytest.mark.parametrize("sign", ["é", "日", "😀", "\ud800"])
def test_a_bound_is_in_bytes_and_never_cuts_a_character(sign: str) -> None:
    (run,) = bounded([LogRun("RETRY", at(1), sign * 10**5)])
    assert len(text((run,), EIGHT).encode("utf-8", "surrogatepass")) <= MAX_BYTES
    assert set(run.text) <= {sign}


def test_a_fixtures_log_is_bounded_too() -> None:
    assert len(text(parsed("line\n" * 10**5, "EXECUTE", START), EIGHT)) <= MAX_BYTES
    headers = "".join(
        f"############{{RETRY}}{{2021-08-25T15:10:13.{n:03d}+08:00}}############\n" for n in range(1, 300)
    )
    assert len(parsed(headers, "EXECUTE", START)) == MAX_RUNS


# --- a log that grows ----------------------------------------------------------------------------------------------


FIVE = "".join(f"{n}\n" for n in range(1, 6))


def written_at(text: str, instant: int) -> Growth:
    """All of it at once."""
    return Growth(text, instant, instant)


def growing(text: str, seconds: float, known: int = 0) -> LogRun:
    return LogRun("EXECUTE", START, "", Growth(text, START, at(seconds), known))


def grown(run: LogRun, *instants: float) -> list[str]:
    return [run.at(at(instant)).text for instant in instants]


def test_its_lines_are_evenly_spread_and_the_last_is_there_at_the_end() -> None:
    run = growing(FIVE, 10)
    assert grown(run, 0, 1.999, 2, 3.999, 4, 9.999) == ["", "", "1\n", "1\n", "1\n2\n", "1\n2\n3\n4\n"]
    assert grown(run, 10, 11) == [FIVE, FIVE]


def test_it_may_begin_with_the_epoch() -> None:
    run = LogRun("EXECUTE", 0, "", Growth(FIVE, 0, 10 * SECOND))
    assert [run.at(seconds * SECOND).text for seconds in (1, 4)] == ["", "1\n2\n"]


def test_before_it_begins_nothing_is_there() -> None:
    assert Growth(FIVE, START, at(10)).written(at(-5)) == 0


@pytest.mark.parametrize("text", ["1\n", "1\n" * 1000])
@pytest.mark.parametrize("seconds", [0, 10])
def test_once_it_is_whole_nothing_more_is_to_come(text: str, seconds: float) -> None:
    """Of a run that takes no time from its start on."""
    assert growing(text, seconds).at(at(11)) == LogRun("EXECUTE", START, text)


def test_a_third_is_there_exactly_when_a_third_has_passed() -> None:
    run = growing("1\n2\n3\n4\n5\n6", 1)
    assert [len(text.split()) for text in grown(run, 1 / 3 - 1e-8, 1 / 3 + 1e-8, 0.5 - 1e-9, 0.5)] == [1, 2, 2, 3]


@pytest.mark.parametrize("text", ["1", "1\n", "\n", "\n\n1", "1\r2\u20283\n"])
def test_a_line_ends_with_a_line_feed_and_with_nothing_else(text: str) -> None:
    whole = text if text.endswith("\n") else text + "\n"
    lines = whole.count("\n")
    assert grown(growing(text, 10), 10 / lines - 0.001, 10) == ["", whole]


def test_what_is_known_is_not_written_twice() -> None:
    """What was read in mid-run goes on as it would have."""
    run = growing(FIVE, 10)
    halfway = run.at(at(5))
    assert halfway == LogRun("EXECUTE", START, "1\n2\n", Growth(FIVE, START, at(10), 2))
    assert grown(halfway, 5, 6, 10) == ["1\n2\n", "1\n2\n3\n", FIVE]
    assert halfway.at(at(10)).growth is None


def test_a_run_that_ends_early_keeps_what_there_is() -> None:
    assert growing(FIVE, 10).ended(at(5)) == LogRun("EXECUTE", START, "1\n2\n")


def test_a_log_that_grows_is_bounded_too() -> None:
    log = (LogRun("EXECUTE", START, "old\n"), growing("x" * 999 + "\n", 10)._replace(text="y" * MAX_BYTES))
    shown = written(log, at(10))
    assert len(text(shown, EIGHT)) <= MAX_BYTES
    assert [run.text[-1000:] for run in shown] == ["x" * 999 + "\n"]


def test_of_a_log_only_the_last_run_grows() -> None:
    log = (LogRun("EXECUTE", START, "one\n"), LogRun("EXECUTE", START, "two\n"), growing(FIVE, 10))
    for runs in (log, log[2:]):
        assert written(runs, at(2)) == (*runs[:-1], runs[-1].at(at(2)))


def test_a_log_without_runs_has_nothing_written() -> None:
    assert written((), START) == ()


# --- the log as a value ----------------------------------------------------------------------------------------------


def test_a_log_without_runs_is_none() -> None:
    assert Logged.of(()) is None


def test_a_run_begins_and_ends_in_a_new_value_and_the_earlier_one_stays() -> None:
    first = Logged(None, LogRun("EXECUTE", START, "", written_at("one", START)))
    second = first.ended(START)
    third = second.begun("RETRY", at(1), written_at("two\n", at(1))).ended(at(1))
    assert [log.runs() for log in (first, second, third)] == [
        (LogRun("EXECUTE", START, "", written_at("one", START)),),
        (LogRun("EXECUTE", START, "one\n"),),
        (LogRun("EXECUTE", START, "one\n"), LogRun("RETRY", at(1), "two\n")),
    ]


@pytest.mark.parametrize("text", ["x\n", "x" * 5000 + "\n", "x" * MAX_BYTES + "\n"])
def test_it_tells_the_runs_that_a_bound_leaves(text: str) -> None:
    runs = [LogRun("RETRY", at(n), text) for n in range(11 * MAX_RUNS)]
    log = Logged(None, runs[0])
    for run in runs[1:]:
        log = log.begun(run.name, run.time, written_at(run.text, run.time)).ended(run.time)
    assert log.runs() == bounded(runs)


@pytest.mark.parametrize("text", ["x\n", "x" * 5000 + "\n"])
def test_it_keeps_not_many_more_runs_than_it_tells_and_is_seldom_made_anew(text: str) -> None:
    """So that neither the memory nor the time of a retry grows with how many there were."""
    log = Logged(None, LogRun("RETRY", at(0), text))
    logs, anew = [], 0
    for n in range(1, 11 * MAX_RUNS):
        begun = log.begun("RETRY", at(n), written_at(text, at(n)))
        if begun.earlier is not log:
            anew += 1
            logs.append(log)
        log = begun.ended(at(n))
    for kept in map(everything, [*logs, log]):
        assert len(kept) <= 10 * MAX_RUNS
        assert sum(len(run.text) for run in kept) <= 2 * MAX_BYTES + len(text)
    assert 12 * anew < 11 * MAX_RUNS


def everything(log: Logged) -> list[LogRun]:
    kept, earlier = [log.run], log.earlier
    while earlier is not None:
        kept.append(earlier.run)
        earlier = earlier.earlier
    return kept
