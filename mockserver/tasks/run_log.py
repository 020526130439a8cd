"""The log of a subtask: its runs in order, each opened by the header that clients split on, and bounded.

The header is `############{EXECUTE}{2021-08-25T15:09:32.697+08:00}############` on a line of its own, with braces and
three digits of fraction (source: document). It appears when a run starts; the text of the run grows while it runs. Who
reads a log says when: what is written by then follows from the run alone.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from mockserver.times import MS, SECOND, parse_instant, render_instant

MAX_RUNS: Final = 100
MAX_BYTES: Final = 64 * 1024
HEADER_BYTES: Final = 78
"""Of the longest: 24 signs, four braces, a name of 20, a time of 29 and the line break."""
_HEADER = re.compile(
    r"^#{12}\{([A-Z_]{1,20})\}\{(\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))\}#{12}\n?", re.ASCII | re.MULTILINE
)


class Growth(NamedTuple):
    """How a run that is under way writes: the lines of `text` are evenly spread, and the last is there at `until`."""

    text: str
    since: int
    until: int
    """Nanoseconds, as `since`."""
    known: int = 0
    """How many of the lines the run has in its own text already."""

    def lines(self) -> list[str]:
        return [f"{line}\n" for line in self.text.removesuffix("\n").split("\n")]

    def written(self, now: int) -> int:
        """How many of the lines there are at `now`."""
        count, lasts, gone = len(self.lines()), self.until - self.since, now - self.since
        return count if gone >= lasts else max(gone * count // lasts, 0)


class LogRun(NamedTuple):
    """One run. `time` is its start in nanoseconds; a `name` of "" is text that stood before the first header."""

    name: str
    time: int
    text: str
    growth: Growth | None = None
    """What more is written while it is under way."""

    def at(self, now: int) -> "LogRun":
        """As it is at `now`, with what is still to come."""
        growth = self.growth
        if growth is None:
            return self
        lines = growth.lines()
        written = max(growth.written(now), growth.known)
        text = self.text + "".join(lines[growth.known : written])
        return LogRun(self.name, self.time, text, growth._replace(known=written) if written < len(lines) else None)

    def ended(self, now: int) -> "LogRun":
        """As it stays when the run ends at `now`, whatever was still to come."""
        return self if self.growth is None else self.at(now)._replace(growth=None)


Log = tuple[LogRun, ...]


def written(log: Sequence[LogRun], now: int) -> Log:
    """What there is of it at `now`. Only a last run grows."""
    return bounded((*log[:-1], log[-1].at(now))) if log else ()


def bounded(log: Sequence[LogRun]) -> Log:
    """The last runs that fit; where one run alone does not, the end of its text."""
    room = MAX_BYTES
    kept: list[LogRun] = []
    for run in reversed(log[-MAX_RUNS:]):
        size = HEADER_BYTES + len(run.text.encode("utf-8", "surrogatepass"))
        if size > room:
            if not kept:
                tail = run.text.encode("utf-8", "surrogatepass")[-(room - HEADER_BYTES) :].decode("utf-8", "ignore")
                kept.append(run._replace(text=tail))
            break
        room -= size
        kept.append(run)
    return tuple(reversed(kept))


def text(log: Sequence[LogRun], offset_s: int) -> str:
    return "".join(f"{_header(run, offset_s)}{run.text}" if run.name else run.text for run in log)


def _header(run: LogRun, offset_s: int) -> str:
    seconds, fraction = divmod(run.time, SECOND)
    time = render_instant(seconds * SECOND, offset_s)
    return f"############{{{run.name}}}{{{time[:19]}.{fraction // MS:03d}{time[19:]}}}############\n"


def parsed(text: str, name: str, time: int) -> Log:
    """A log as a fixture gives it: it gets the header (`name`, `time`) unless it has one."""
    if text and not text.endswith("\n"):
        text += "\n"
    headers = list(_HEADER.finditer(text))
    if not headers:
        return bounded((LogRun(name, time, text),))
    runs = [LogRun("", 0, text[: headers[0].start()])] if headers[0].start() else []
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        end = following.start() if following else len(text)
        try:
            instant, _ = parse_instant(header[2])
        except ValueError:
            return bounded((LogRun(name, time, text),))
        runs.append(LogRun(header[1], instant, text[header.end() : end]))
    return bounded(tuple(runs))


class Logged:
    """The log of a subtask as a value: one more run shares all that came before. What is told of it is bounded."""

    __slots__ = ("count", "earlier", "run", "size")

    def __init__(self, earlier: "Logged | None", run: LogRun) -> None:
        self.earlier = earlier
        self.run = run
        self.count: int = 1 if earlier is None else earlier.count + 1
        self.size: int = (0 if earlier is None else earlier.size) + len(run.text)
        """Characters of text; no more than the bytes."""

    @classmethod
    def of(cls, runs: Sequence[LogRun]) -> "Logged | None":
        logged = None
        for run in runs:
            logged = cls(logged, run)
        return logged

    def runs(self) -> Log:
        """The last runs that fit, oldest first; one that grows as it was when it began."""
        kept: list[LogRun] = []
        one: Logged | None = self
        while one is not None and len(kept) < MAX_RUNS:
            kept.append(one.run)
            one = one.earlier
        return bounded(kept[::-1])

    def begun(self, name: str, time: int, growth: Growth | None = None) -> "Logged":
        """With the header of a run that begins."""
        past: Logged | None = self
        if self.count >= 10 * MAX_RUNS or self.size > 2 * MAX_BYTES:
            past = Logged.of(self.runs())  # what is told no more is kept no more
        return Logged(past, LogRun(name, time, "", growth))

    def moved(self, by: int) -> "Logged":
        """With what is still to come so much later."""
        growth = self.run.growth
        if growth is None:
            return self
        later = growth._replace(since=growth.since + by, until=growth.until + by)
        return Logged(self.earlier, self.run._replace(growth=later))

    def ended(self, now: int) -> "Logged":
        """With the last run as it ends at `now`."""
        return self if self.run.growth is None else Logged(self.earlier, self.run.ended(now))
