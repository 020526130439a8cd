"""The log of a subtask: its runs in order, each opened by the header that clients split on, and bounded.

The header is `############{NAME}{TIMESTAMP}############` on a line of its own (source: engine). It appears when a run
starts; the text of the run appears when it ends.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from mockserver.times import parse_instant, render_instant

MAX_RUNS: Final = 100
MAX_BYTES: Final = 64 * 1024
HEADER_BYTES: Final = 80
"""At most: 24 signs, a name of 20, a time of 35 and the line break."""
_HEADER = re.compile(
    r"^#{12}([A-Z_]{1,20})(\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))#{12}\n?", re.ASCII | re.MULTILINE
)


class LogRun(NamedTuple):
    """One run. `time` is its start in nanoseconds; a `name` of "" is text that stood before the first header."""

    name: str
    time: int
    text: str


Log = tuple[LogRun, ...]


def ended(log: list[LogRun], text: str) -> None:
    """The last run has ended and leaves `text`, which is not empty."""
    grown = log[-1].text + text
    log[-1] = log[-1]._replace(text=grown if grown.endswith("\n") else grown + "\n")
    log[:] = bounded(log)


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
    return "".join(
        f"############{run.name}{render_instant(run.time, offset_s)}############\n{run.text}" if run.name else run.text
        for run in log
    )


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
        """The last runs that fit, oldest first."""
        kept: list[LogRun] = []
        one: Logged | None = self
        while one is not None and len(kept) < MAX_RUNS:
            kept.append(one.run)
            one = one.earlier
        return bounded(kept[::-1])

    def begun(self, name: str, time: int) -> "Logged":
        """With the header of a run that begins."""
        past: Logged | None = self
        if self.count >= 10 * MAX_RUNS or self.size > 2 * MAX_BYTES:
            past = Logged.of(self.runs())  # what is told no more is kept no more
        return Logged(past, LogRun(name, time, ""))

    def ended(self, text: str) -> "Logged":
        """With what the last run leaves, which is not empty."""
        grown = self.run.text + text
        return Logged(self.earlier, self.run._replace(text=grown if grown.endswith("\n") else grown + "\n"))
