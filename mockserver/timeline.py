"""Times that a fixture leaves out, so that they make sense: created before started before finished, upstream before
downstream, all of it before now. What is given stays, and the rest fits around it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from mockserver.times import EARLIEST, MS, SECOND

PAUSE: Final = SECOND
"""Between a finish and what comes after it, where there is room."""
LENGTH: Final = 2 * SECOND


class Span:
    """The times of one subtask: None is not there, or, where it is wanted, not known yet."""

    __slots__ = ("create", "finish", "start", "upstreams", "wants_finish", "wants_start")

    def __init__(self, upstreams: Sequence[int]) -> None:
        self.upstreams = upstreams
        self.create: int | None = None
        self.start: int | None = None
        self.finish: int | None = None
        self.wants_start = False
        self.wants_finish = False


def fit(spans: Mapping[int, Span], order: Sequence[int], floor: int | None, ceiling: int) -> None:
    """Fills in the starts and finishes that are wanted. `order` has each subtask after its upstreams.

    Nothing starts before `floor`, and nothing that is wanted is after `ceiling` unless what is given forces it.
    """
    floor = EARLIEST if floor is None else floor
    earliest: dict[int, int] = {}
    leaves: dict[int, int] = {}
    for id in order:
        span = spans[id]
        low = max([floor, *given(span.create), *(leaves[upstream] for upstream in span.upstreams)])
        earliest[id] = low
        leaves[id] = max([low, *given(span.start), *given(span.finish)])
    latest = dict.fromkeys(order, ceiling)
    for id in reversed(order):
        span = spans[id]
        low, high = earliest[id], latest[id]
        if span.wants_finish:
            span.finish = _placed(max([low, *given(span.start)]), high, PAUSE)
        high = min([high, *given(span.finish)])
        if span.wants_start:
            span.start = _placed(low, high, LENGTH if span.finish is not None else 0)
        high = min([high, *given(span.start)])
        for upstream in span.upstreams:
            latest[upstream] = min(latest[upstream], high)


def created(spans: Mapping[int, Span], create: int | None, before: int) -> int:
    """When the task was created, and with it each subtask of which nothing is said; fills those in."""
    if create is None:
        first = min((time for span in spans.values() for time in given(span.start, span.finish)), default=before)
        known = min((time for span in spans.values() for time in given(span.create)), default=None)
        create = known if known is not None and known <= first else max(first - PAUSE, EARLIEST)
    for span in spans.values():
        if span.create is None:
            span.create = create
    return create


def given(*times: int | None) -> list[int]:
    """Those that are there."""
    return [time for time in times if time is not None]


def _placed(low: int, high: int, gap: int) -> int:
    """`gap` before `high`; in the middle where there is less room."""
    if high - gap > low:
        return high - gap
    middle = (low + high) // 2
    whole = middle - middle % MS
    return whole if whole > low else max(low, middle)
