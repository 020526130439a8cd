"""Instants and durations: integers of nanoseconds inside, the API's strings outside.

An instant is nanoseconds since 1970-01-01T00:00Z. As text it has seconds always, a fraction only when it is not zero
and then without zeros at its end, and an offset that is `Z` only when it is zero. On the wire it is in whole
milliseconds (source: the documents' samples of tasks). Nothing here reads a clock.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Self

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
NEVER: Final = 1 << 62
"""A duration longer than every timeout: 146 years. Real durations are refused from a hundred years up."""
LONGEST: Final = 100 * 366 * 86400 * SECOND
DEFAULT_OFFSET_S: Final = 8 * 3600

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):(\d\d))", re.ASCII
)
_WIRE = re.compile(r"[0-9T:-]{19}(?:\.\d{1,9})?(?:Z|[+-](?!00:00)\d\d:\d\d)", re.ASCII)
"""What Java writes of all that `_DATE_TIME` takes: the offset zero is `Z`."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNIT = {"ms": MS, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = -62135596800 * SECOND + 86400 * SECOND
"""A day inside datetime's own range, so that every offset can show it."""
LATEST: Final = 253402300799 * SECOND - 86400 * SECOND


LATEST_NOW: Final = 221845392000 * SECOND
"""The year 9000: where every clock ends, so that what is then due can still be shown."""


def parse_instant(text: str) -> tuple[int, int]:
    """The instant and its offset in seconds. Raises ValueError for what is not an ISO 8601 offset date-time."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("not an offset date-time such as 2021-08-25T15:09:31+08:00")
    year, month, day, hour, minute, second, fraction, zulu, sign, off_h, off_m = match.groups()
    offset = 0 if zulu else (int(off_h) * 3600 + int(off_m) * 60) * (-1 if sign == "-" else 1)
    if abs(offset) > 18 * 3600 or (off_m and int(off_m) > 59):
        raise ValueError("an offset lies within ±18:00")
    try:
        whole = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"no such date or time: {error}") from None
    delta = whole - _EPOCH
    instant = (delta.days * 86400 + delta.seconds - offset) * SECOND + int((fraction or "0").ljust(9, "0"))
    if not EARLIEST <= instant <= LATEST:
        raise ValueError("outside the years 1 to 9999")
    return instant, offset


def render_instant(instant: int, offset_s: int) -> str:
    seconds, nanos = divmod(instant, SECOND)
    stem, offset = _second(seconds, offset_s)
    if not nanos:
        return stem + offset
    fraction = f"{nanos // MS:03d}" if not nanos % MS else f"{nanos:09d}"
    return f"{stem}.{fraction.rstrip('0')}{offset}"


@lru_cache(maxsize=256)
def _second(seconds: int, offset_s: int) -> tuple[str, str]:
    """The text of a whole second, and of its offset: most instants are a millisecond of a second just shown."""
    text = (_EPOCH + timedelta(seconds=seconds)).astimezone(timezone(timedelta(seconds=offset_s))).isoformat()
    return text[:19], text[19:] if offset_s else "Z"


class WireInstant(str):
    """An instant's text in whole milliseconds, proven by how it is made: from an instant, and in no other way.

    A copy or anything cut from it is an ordinary string.
    """

    __slots__ = ()

    def __new__(cls, instant: int, offset_s: int) -> Self:
        return str.__new__(cls, render_instant(instant // MS * MS, offset_s))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def is_wire_instant(text: str) -> bool:
    """The format `date-time` of our schemas: one to nine digits of fraction, since other pages of the document have six
    where tasks have three at most."""
    if _WIRE.fullmatch(text) is None:
        return False
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


def parse_duration(value: object) -> int:
    """Nanoseconds of `250ms`, `4s`, `2m`, `1h`, `never` (NEVER) or a number of seconds. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a duration such as 250ms, 4s, 2m, 1h, never or a number of seconds")
    if value == "never":
        return NEVER
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise ValueError("not a duration such as 250ms, 4s, 2m, 1h, never or a number of seconds")
        number, unit = match.groups()
        if len(number) > 20:
            raise ValueError("a duration is less than a hundred years")
        whole, _, part = number.partition(".")
        scale = _UNIT[unit]
        nanos = int(whole) * scale + (int(part) * scale // 10 ** len(part) if part else 0)
    elif isinstance(value, int):
        nanos = value * SECOND
    else:
        if not abs(value) < LONGEST:  # NaN and the infinities too
            raise ValueError("a duration is less than a hundred years")
        nanos = round(value * SECOND)
    if nanos < 0:
        raise ValueError("a duration is not negative")
    if nanos >= LONGEST:
        raise ValueError("a duration is less than a hundred years")
    return nanos


def render_duration(nanos: int) -> str | int | float:
    """The shortest spelling that parse_duration reads back as the same number of nanoseconds."""
    if nanos >= NEVER:
        return "never"
    if nanos % SECOND == 0:
        return f"{nanos // SECOND}s"
    if nanos % MS == 0:
        return f"{nanos // MS}ms"
    return f"{nanos // MS}.{nanos % MS:06d}ms"
