"""Templates: objects of which most is proven once, so that each answer proves only what changed.

Nothing here weakens a proof: what is fixed was proven when it was fixed, and a hole proves whatever is put into it.
"""

from collections.abc import Mapping
from itertools import chain, repeat
from typing import NamedTuple

from mockserver.contract.errors import Problem, Violation
from mockserver.contract.proof.parts import Table, Wrong
from mockserver.contract.schemas import Checker


class Template:
    """An object of which some properties are fixed and proven; a filling proves only the holes that are left.

    What is fixed may be a template itself: its holes are then holes of the whole.
    """

    __slots__ = ("_checker", "_fixed", "_holes", "_pieces", "_tables")

    def __init__(self, checker: Checker, fixed: Mapping[str, object], *holes: str) -> None:
        """Raises Violation, also for keys that are not the object's."""
        schema = checker.schema
        assert isinstance(schema, Mapping)
        keys = {*fixed, *holes}
        if keys - schema["properties"].keys() or set(schema.get("required", ())) - keys or fixed.keys() & set(holes):
            raise checker.violation({**fixed, **dict.fromkeys(holes)})
        self._checker = checker
        self._fixed = dict(fixed)
        self._holes: list[str] = []
        self._tables: list[Table] = []
        self._pieces = [""]
        """Fixed text and holes by turns: at odd places are the holes."""
        for key, before in zip(sorted(keys), chain("{", repeat(",")), strict=False):
            part, value = checker.part("properties", key), fixed.get(key)
            self._pieces[-1] += f'{before}"{key}":'
            if key not in fixed:
                self._tables.append(part.table)
                self._pieces += ["", ""]
            elif not isinstance(value, Template):
                self._pieces[-1] += self._proven(part, key, value)
                continue
            elif value._checker is not part:
                raise checker.violation(dict(fixed))
            else:
                first, *others = value._pieces
                self._tables += value._tables
                self._pieces[-1] += first
                self._pieces += others
            self._holes.append(key)
        self._pieces[-1] += "}"

    def _proven(self, part: Checker, key: str, value: object) -> str:
        try:
            return part.prove(value).text
        except Violation as violation:
            problems = [Problem((key, *one.path), one.message) for one in violation.problems]
            raise Violation(self._checker.name, problems) from None

    def text(self, *values: object) -> str:
        """The whole object's JSON. `values` are those of the holes in alphabetical order, those of a template in a hole
        in its place. Raises Violation."""
        try:
            pieces = self._pieces.copy()
            pieces[1::2] = [
                text if isinstance(text := table[type(value)](value), str) else "".join(text)
                for table, value in zip(self._tables, values, strict=True)
            ]
            return "".join(pieces)
        except (Wrong, KeyError):
            raise self._checker.violation(self._whole(list(values))) from None

    def _whole(self, values: list[object]) -> dict[str, object]:
        """Takes its values from the front of the list."""
        whole = self._fixed.copy()
        for key in self._holes:
            inner = whole.get(key)
            whole[key] = inner._whole(values) if isinstance(inner, Template) else values.pop(0)
        return whole


class Filling(NamedTuple):
    """A template and the values of its holes: an object not yet written."""

    template: Template
    values: tuple[object, ...]
