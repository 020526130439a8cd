"""Client errors that a test makes on purpose, in a `with` block: expected on the server, and asked for at its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from mockserver.testing import report
from mockserver.testing.client import Line

SHOWN: Final = 10
"""So many of the latest requests are told of one that was not met."""


@contextmanager
def expecting(line: Line, expected: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Raises AssertionError at the end of a block that went well and did not meet it."""
    __tracebackhide__ = True
    added = line.call("POST", "/contract/expectations", expected)
    where = f"/contract/expectations/{added['id']}"
    try:
        yield added
        found = line.call("GET", where)
    finally:
        line.call("DELETE", where)
    for problem in report.unmet([{**found, "world": None}]):
        requests = line.call("GET", f"/requests?limit={SHOWN}")["requests"]
        lines = [f"  {report.request_line(one)}" for one in requests] or ["  none"]
        raise AssertionError("\n".join([problem, "The latest requests:", *lines]))
