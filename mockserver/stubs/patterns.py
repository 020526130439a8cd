"""Regular expressions that always end: one step for each character, whatever the pattern.

Python's own `re` goes back and tries again, for ever if it must (`(a+)+` and a long value that does not fit). So a
pattern is read by `re`'s parser, and walked here as an automaton, whose states are made when they are first needed. It
says whether the whole value fits, and no more. What no such automaton can do (look around, refer back) is refused.
(RE2 would do this for us; but Alpine, of which many images are made, has no wheel of it.)
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import count
from typing import Any, Final

_parser: Final[Any] = import_module("re._parser")
_compiler: Final[Any] = import_module("re._compiler")

LONGEST: Final = 2048
LARGEST: Final = 1000
"""So many parts a pattern may have, its repetitions written out: a step looks at each of them at most."""
REMEMBERED: Final = 65_536
"""So many steps are remembered, of all patterns together."""
ENDLESS: Final = (
    "a pattern here does not look around or refer back, has no word's edge, and is not possessive or atomic "
    "(it always ends, after one step for each character)"
)
_IGNORED: Final = frozenset({"AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING"})
_ONE_SIGN: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})
_ACCEPT: Final = 0
_NUMBERS: Final = count()
_steps: Final[dict[tuple[int, int, str], int]] = {}
"""By the pattern's number, the places and the character: the next places. It keeps no pattern, and no number is given
twice."""
Sign = Callable[[str], object]
"""Whether a character is the one that is due: `re` itself says so."""


class Pattern:
    def __init__(self, text: str) -> None:
        """Raises ValueError, which says what is wrong with it."""
        if len(text) > LONGEST:
            raise ValueError(f"a pattern has at most {LONGEST} characters")
        self.text = text
        self._signs: list[tuple[Sign, int] | None] = [None]
        """By place: the character that is due there, and the next place; None for a place that only leads on."""
        self._onward: list[tuple[int, ...]] = [()]
        self._edge: list[str | None] = [None]
        """Of a place that only leads on: at which end of the value alone."""
        self._same: dict[tuple[str, int], Sign] = {}
        self.parts = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = _parser.parse(text)
            first = self._sequence(parsed, _ACCEPT, parsed.state.flags)
        except (RecursionError, OverflowError):
            raise ValueError("nested too deep, or too often repeated") from None
        except _parser.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        self._number = next(_NUMBERS)
        self._start = self._places([first], is_start=True)

    def fits(self, value: str) -> bool:
        """The whole of it."""
        places = self._start
        for sign in value:
            step = self._number, places, sign
            after = _steps.get(step)
            if after is None:
                after = self._after(places, sign)
                if len(_steps) >= REMEMBERED:
                    _steps.clear()
                _steps[step] = after
            if not after:
                return False
            places = after
        return bool(places & 1 << _ACCEPT)

    def _after(self, places: int, sign: str) -> int:
        due = [due for place in _in(places) if (due := self._signs[place]) is not None]
        right = {fits for fits in {fits for fits, _ in due} if fits(sign)}
        return self._places([then for fits, then in due if fits in right], is_start=False)

    def _places(self, places: Iterable[int], *, is_start: bool) -> int:
        """Where a walk may be, in several places at once, as the bits of a number: those at which a character is due,
        and _ACCEPT if the value may end here."""
        edges = {"start"} if is_start else set[str]()
        inside = self._reached(places, edges)
        fits = _ACCEPT in self._reached(places, edges | {"end"})
        return sum(1 << place for place in inside if self._signs[place] is not None) | fits << _ACCEPT

    def _reached(self, places: Iterable[int], edges: set[str]) -> set[int]:
        reached, waiting = set[int](), list(places)
        while waiting:
            place = waiting.pop()
            if place not in reached and (self._edge[place] is None or self._edge[place] in edges):
                reached.add(place)
                waiting += self._onward[place]
        return reached

    # --- the automaton, from its end to its beginning ----------------------------------------------------------------

    def _sequence(self, items: Any, then: int, flags: int) -> int:
        for item in reversed(list(items)):
            then = self._item(item, then, flags)
        return then

    def _item(self, item: Any, then: int, flags: int) -> int:
        """The place from which this leads to `then`."""
        self._count()
        kind, what = str(item[0]), item[1]
        if kind in _ONE_SIGN:
            key = repr(item), flags
            if key not in self._same:
                self._same[key] = _sign(item, flags)
            return self._place((self._same[key], then))
        if kind == "BRANCH":
            for _ in what[1]:
                self._count()  # each, though it may be empty
            return self._place(onward=[self._sequence(branch, then, flags) for branch in what[1]])
        if kind == "SUBPATTERN":
            _, more, less, inner = what
            return self._sequence(inner, then, (flags | more) & ~less)
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = what
            return self._repeated((least, most), inner, then, flags)
        if kind == "AT" and str(what) in _IGNORED:
            return self._place(onward=[then], edge="start" if "BEGINNING" in str(what) else "end")
        raise ValueError(ENDLESS)

    def _repeated(self, times: tuple[int, int], inner: Any, then: int, flags: int) -> int:
        """Greedy or not is all the same to whether it fits."""
        least, most = times
        if most == _parser.MAXREPEAT:
            end = self._place()
            self._onward[end] = self._sequence(inner, end, flags), then
            then = end
        else:
            end = then
            for _ in range(most - least):
                then = self._place(onward=[self._sequence(inner, then, flags), end])
        for _ in range(least):
            self._count()
            then = self._sequence(inner, then, flags)
        return then

    def _place(self, sign: tuple[Sign, int] | None = None, onward: Iterable[int] = (), edge: str | None = None) -> int:
        self._signs.append(sign)
        self._onward.append(tuple(onward))
        self._edge.append(edge)
        return len(self._signs) - 1

    def _count(self) -> None:
        self.parts += 1
        if self.parts > LARGEST:
            raise ValueError(f"too large: with its repetitions written out it has more than {LARGEST} parts")


def _sign(item: Any, flags: int) -> Sign:
    state = _parser.State()
    state.flags = flags
    fits: Sign = _compiler.compile(_parser.SubPattern(state, [item]), flags).fullmatch
    return fits


def _in(places: int) -> Iterator[int]:
    while places:
        lowest = places & -places
        yield lowest.bit_length() - 1
        places ^= lowest
