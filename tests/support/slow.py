"""Cases of which a plain run takes a few, and `-m slow` the others."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def slow_but(unmarked: Collection[Any], cases: Iterable[Any]) -> list[Any]:
    """For `pytest.mark.parametrize`: all the cases, of which those that are not `unmarked` are slow.

    A tuple is several values.
    """

    def values(case: Any) -> tuple[Any, ...]:
        return case if isinstance(case, tuple) else (case,)

    return [case if case in unmarked else pytest.param(*values(case), marks=pytest.mark.slow) for case in cases]
