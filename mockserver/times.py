"""Instants and durations: integers of nanoseconds inside, the API's strings outside.

An instant is nanoseconds since 1970-01-01T00:00Z. On the wire it is what Java's ISO_OFFSET_DATE_TIME writes (source:
the seed's sample): seconds always, a fraction only when it is not zero and then in 3, 6 or 9 digits, and an offset
that is `Z` only when it is zero. Nothing here reads a clock.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
NEVER: Final = 1 << 62
"""A duration longer than every timeout: 146 years. Real durations are refused from a hundred years up."""
LONGEST: Final = 100 * 366 * 86400 * SECOND
DEFAULT_OFFSET_S: Final = 8 * 3600

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):(\d\d))", re.ASCII
)
_WIRE_FRACTION = re.compile(r"(?:\d{3}|\d{6}|\d{9})", re.ASCII)
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
    moment = _EPOCH + timedelta(seconds=seconds)
    text = moment.astimezone(timezone(timedelta(seconds=offset_s))).isoformat()
    if not nanos and offset_s:
        return text
    stem, offset = text[:19], text[19:] if offset_s else "Z"
    if not nanos:
        return stem + offset
    digits = f"{nanos:09d}"
    if not nanos % 1000:
        digits = digits[:3] if not nanos % MS else digits[:6]
    return f"{stem}.{digits}{offset}"


def is_wire_instant(text: str) -> bool:
    """The format `date-time` of our schemas: exactly what Java's renderer could have written."""
    try:
        parse_instant(text)
    except ValueError:
        return False
    _, dot, fraction = text[:-1].partition(".")
    if not dot:
        return not text.endswith(("+00:00", "-00:00"))
    digits = re.split(r"[Z+-]", fraction)[0]
    zeros = digits.endswith("000") if len(digits) > 3 else digits == "000"
    return bool(_WIRE_FRACTION.fullmatch(digits)) and not zeros and not text.endswith(("+00:00", "-00:00"))


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
