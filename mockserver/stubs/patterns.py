"""Regular expressions that always end: one step for each character, whatever the pattern.

Python's own `re` goes back and tries again, for ever if it must (`(a+)+` and a long value that does not fit). So a
pattern is read by `re`'s parser, and walked here as an automaton, whose states are made when they are first needed. It
says whether the whole value fits, and no more. What no such automaton can do (look around, refer back) is refused.
(RE2 would do this for us; but Alpine, of which many images are made, has no wheel of it.)
"""

import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Final

_parser: Final[Any] = import_module("re._parser")
_compiler: Final[Any] = import_module("re._compiler")

LONGEST: Final = 2048
LARGEST: Final = 1000
"""So many places a pattern may have, its repetitions written out: a step looks at each of them at most."""
REMEMBERED: Final = 4096
"""So many steps are remembered of a pattern."""
ENDLESS: Final = (
    "a pattern here does not look around or refer back, has no word's edge, and is not possessive or atomic "
    "(it always ends, after one step for each character)"
)
_IGNORED: Final = frozenset({"AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING"})
_ONE_SIGN: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})
_ACCEPT: Final = 0


class _Sign:
    """What one character must be: `re` itself says whether it is."""

    def __init__(self, item: Any, flags: int) -> None:
        state = _parser.State()
        state.flags = flags
        self._fits = _compiler.compile(_parser.SubPattern(state, [item]), flags).fullmatch
        self._known: dict[str, bool] = {}

    def __call__(self, sign: str) -> bool:
        found = self._known.get(sign)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[sign] = self._fits(sign) is not None
        return found


class _Node:
    """Where a walk may be: in several places at once. `fits` if the value may end here."""

    __slots__ = ("fits", "places", "steps")

    def __init__(self, places: Sequence[int], fits: bool) -> None:
        self.places, self.fits = places, fits
        self.steps: dict[str, _Node] = {}


class Pattern:
    def __init__(self, text: str) -> None:
        """Raises ValueError, which says what is wrong with it."""
        if len(text) > LONGEST:
            raise ValueError(f"a pattern has at most {LONGEST} characters")
        self.text = text
        self._signs: list[tuple[_Sign, int] | None] = [None]
        """By place: the character that is due there, and the next place; None for a place that only leads on."""
        self._onward: list[tuple[int, ...]] = [()]
        self._edge: list[str | None] = [None]
        """Of a place that only leads on: at which end of the value alone."""
        self._same: dict[tuple[str, int], _Sign] = {}
        self._work = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = _parser.parse(text)
            first = self._sequence(parsed, _ACCEPT, parsed.state.flags)
        except (RecursionError, OverflowError):
            raise ValueError("nested too deep, or too often repeated") from None
        except _parser.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        self._nodes: dict[frozenset[int], _Node] = {}
        self._taken = 0
        self._start = self._node([first], is_start=True)

    def fits(self, value: str) -> bool:
        """The whole of it."""
        node = self._start
        for sign in value:
            after = node.steps.get(sign)
            node = self._step(node, sign) if after is None else after
            if not node.places and not node.fits:
                return False
        return node.fits

    def _step(self, node: _Node, sign: str) -> _Node:
        found = {due[1] for place in node.places if (due := self._signs[place]) is not None and due[0](sign)}
        if self._taken >= REMEMBERED:
            self._taken = 0
            self._nodes.clear()
            self._start.steps.clear()
        key = frozenset(found)
        after = self._nodes.get(key)
        if after is None:
            after = self._nodes[key] = self._node(found, is_start=False)
        self._taken += 1
        node.steps[sign] = after
        return after

    def _node(self, places: Iterable[int], *, is_start: bool) -> _Node:
        edges = {"start"} if is_start else set[str]()
        inside = self._reached(places, edges)
        fits = _ACCEPT in self._reached(places, edges | {"end"})
        return _Node([place for place in inside if self._signs[place] is not None], fits)

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
                self._same[key] = _Sign(item, flags)
            return self._place((self._same[key], then))
        if kind == "BRANCH":
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

    def _place(self, sign: tuple[_Sign, int] | None = None, onward: Iterable[int] = (), edge: str | None = None) -> int:
        self._signs.append(sign)
        self._onward.append(tuple(onward))
        self._edge.append(edge)
        return len(self._signs) - 1

    def _count(self) -> None:
        self._work += 1
        if self._work > LARGEST:
            raise ValueError(f"too large: with its repetitions written out it has more than {LARGEST} parts")
