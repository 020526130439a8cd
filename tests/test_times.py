"""Instants and durations: read, written, and the format `date-time`."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.times import (
    EARLIEST,
    LATEST,
    LONGEST,
    MS,
    NEVER,
    SECOND,
    is_wire_instant,
    parse_duration,
    parse_instant,
    render_duration,
    render_instant,
)

EIGHT = 8 * 3600
BASE, _ = parse_instant("2021-08-25T15:10:13+08:00")
derandomized = settings(derandomize=True, database=None, deadline=None)
instants = st.integers(EARLIEST, LATEST)
offsets = st.integers(-18 * 60, 18 * 60).map(lambda minutes: minutes * 60)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "2021-08-25T15:10:13+08:00"),
        (121 * MS, "2021-08-25T15:10:13.121+08:00"),
        (100 * MS, "2021-08-25T15:10:13.1+08:00"),
        (1 * MS, "2021-08-25T15:10:13.001+08:00"),
        (1_000, "2021-08-25T15:10:13.000001+08:00"),
        (121_500_000, "2021-08-25T15:10:13.1215+08:00"),
        (1, "2021-08-25T15:10:13.000000001+08:00"),
        (999_999_999, "2021-08-25T15:10:13.999999999+08:00"),
    ],
)
def test_a_fraction_has_no_zeros_at_its_end(nanos: int, text: str) -> None:
    assert render_instant(BASE + nanos, EIGHT) == text
    assert parse_instant(text) == (BASE + nanos, EIGHT)


@pytest.mark.parametrize(
    ("offset_s", "text"),
    [
        (0, "2021-08-25T07:10:13Z"),
        (EIGHT, "2021-08-25T15:10:13+08:00"),
        (-(3 * 3600 + 1800), "2021-08-25T03:40:13-03:30"),
        (18 * 3600, "2021-08-26T01:10:13+18:00"),
        (60, "2021-08-25T07:11:13+00:01"),
    ],
)
def test_an_offset_is_z_only_where_it_is_zero(offset_s: int, text: str) -> None:
    assert render_instant(BASE, offset_s) == text
    assert parse_instant(text) == (BASE, offset_s)


@pytest.mark.parametrize("text", ["2021-08-25T07:10:13+00:00", "2021-08-25T07:10:13-00:00", "2021-08-25T07:10:13.0Z"])
def test_what_java_would_not_write_is_read_all_the_same(text: str) -> None:
    assert parse_instant(text)[0] == BASE


NO_INSTANTS = [
    *("", "now", "2021-08-25", "2021-08-25T15:10:13", "2021-08-25 15:10:13+08:00", "2021-08-25T15:10+08:00"),
    *("2021-08-25T15:10:13+0800", "2021-08-25T15:10:13+08", "2021-08-25t15:10:13z", "2021-08-25T15:10:13.+08:00"),
    *("2021-08-25T15:10:13.1234567890Z", "2021-02-30T00:00:00Z", "2021-13-01T00:00:00Z", "2021-08-25T24:00:00Z"),
    *("2021-08-25T15:60:00Z", "2021-08-25T15:10:60Z", "2021-08-25T15:10:13+19:00", "2021-08-25T15:10:13+08:60"),
    *("0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "+2021-08-25T15:10:13Z", "9999-12-31T23:59:59Z"),
    *("2021-08-25T15:10:13+08:00\n", " 2021-08-25T15:10:13Z", "٢٠٢١-08-25T15:10:13Z", "2021-08-25T15:10:13Z[UTC]"),
]


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_anything_else_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|no such date|years"):
        parse_instant(text)
    assert not is_wire_instant(text)


@pytest.mark.parametrize(
    "text", ["2021-08-25T07:10:13+00:00", "2021-08-25T07:10:13-00:00", "2021-08-25T07:10:13.121+00:00"]
)
def test_an_offset_of_zero_is_written_in_one_way(text: str) -> None:
    parse_instant(text)
    assert not is_wire_instant(text)


@pytest.mark.parametrize("fraction", ["", ".1", ".12", ".121", ".100", ".121500", ".123456789"])
def test_the_format_takes_one_to_nine_digits_of_fraction(fraction: str) -> None:
    """Other pages of the document than those of tasks have six."""
    assert is_wire_instant(f"2021-08-25T15:10:13{fraction}+08:00")


@derandomized
@given(instants, offsets)
def test_what_is_written_is_of_the_format_and_reads_back(instant: int, offset_s: int) -> None:
    text = render_instant(instant, offset_s)
    assert parse_instant(text) == (instant, offset_s)
    assert is_wire_instant(text)


@derandomized
@given(instants, offsets)
def test_what_is_written_is_what_datetime_says(instant: int, offset_s: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant // SECOND)
    assert (
        render_instant(instant, offset_s)[:19]
        == moment.astimezone(timezone(timedelta(seconds=offset_s))).isoformat()[:19]
    )


@derandomized
@given(st.text("0123456789-T:.Z+", max_size=36))
def test_no_text_at_all_makes_it_fail_otherwise(text: str) -> None:
    is_wire_instant(text)


@pytest.mark.parametrize("instant", [EARLIEST, LATEST])
@pytest.mark.parametrize("offset_s", [-18 * 3600, 0, 18 * 3600])
def test_the_first_and_the_last_instant_can_be_shown_everywhere(instant: int, offset_s: int) -> None:
    assert parse_instant(render_instant(instant, offset_s)) == (instant, offset_s)


# --- durations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        *(("250ms", 250 * MS), ("4s", 4 * SECOND), ("2m", 120 * SECOND), ("1h", 3600 * SECOND), ("never", NEVER)),
        *((0, 0), (3, 3 * SECOND), (0.5, SECOND // 2), (1e-9, 1), ("0s", 0), ("1.5h", 5400 * SECOND)),
        *(("0.25ms", 250_000), ("0.000001ms", 1), ("007s", 7 * SECOND), ("1.10s", 1100 * MS), (-0.0, 0)),
    ],
)
def test_a_duration_is_a_number_with_a_unit_or_seconds(value: object, nanos: int) -> None:
    assert parse_duration(value) == nanos


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "4",
            "4 s",
            " 4s",
            "4s\n",
            "-4s",
            "+4s",
            "4S",
            "4sec",
            "4d",
            ".5s",
            "5.s",
            "1e3s",
            "٤s",
            "1h30m",
            "NEVER",
        ),
        *(None, True, False, [], {}, b"4s", -1, -0.5, float("nan"), float("inf"), -float("inf"), 10**30, 1e30),
        *("9" * 30 + "s", "9" * 5000 + "s", "878400h", LONGEST // SECOND),
    ],
)
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r"duration"):
        parse_duration(value)


def test_a_duration_is_less_than_a_hundred_years() -> None:
    assert parse_duration(LONGEST // SECOND - 1) < LONGEST < NEVER


@derandomized
@given(st.integers(0, LONGEST - 1) | st.integers(0, 10**10) | st.just(NEVER))
def test_a_duration_that_is_written_reads_back(nanos: int) -> None:
    assert parse_duration(render_duration(nanos)) == nanos


@pytest.mark.parametrize(
    ("nanos", "text"), [(0, "0s"), (4 * SECOND, "4s"), (250 * MS, "250ms"), (1, "0.000001ms"), (NEVER, "never")]
)
def test_a_duration_is_written_short(nanos: int, text: str) -> None:
    assert render_duration(nanos) == text
