"""Templates: objects of which most is proven once, so that each answer proves only what changed.

Nothing here weakens a proof: what is fixed was proven when it was fixed, and a hole proves whatever is put into it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mockserver.contract.errors import Problem, Violation
from mockserver.contract.proof.parts import Table, Wrong
from mockserver.contract.schemas import Checker, Proven


class Template:
    """An object of which some properties are fixed and proven; a filling proves only the holes that are left.

    What is fixed may be a template itself: its holes are then holes of the whole.
    """

    __slots__ = ("_checker", "_fixed", "_format", "_holes", "_inner", "_tables")

    def __init__(self, checker: Checker, fixed: Mapping[str, object], *holes: str) -> None:
        """Raises Violation, also for keys that are not the object's."""
        schema = checker.schema
        assert isinstance(schema, Mapping)
        keys = {*fixed, *holes}
        if keys - schema["properties"].keys() or set(schema["required"]) - keys or fixed.keys() & set(holes):
            raise checker.violation({**fixed, **dict.fromkeys(holes)})
        self._checker = checker
        self._fixed = dict(fixed)
        self._inner: dict[str, Template] = {}
        texts: dict[str, str | None] = dict.fromkeys(sorted(keys))
        for key, value in fixed.items():
            part = checker.part("properties", key)
            if isinstance(value, Template):
                if value._checker is not part:
                    raise checker.violation(dict(fixed))
                texts[key], self._inner[key] = value._format, value
            else:
                try:
                    texts[key] = part.prove(value).text.replace("%", "%%")
                except Violation as violation:
                    problems = [Problem((key, *one.path), one.message) for one in violation.problems]
                    raise Violation(checker.name, problems) from None
        self._holes = tuple(key for key, text in texts.items() if text is None or key in self._inner)
        self._tables: list[Table] = []
        for key in self._holes:
            inner = self._inner.get(key)
            self._tables += inner._tables if inner else [checker.part("properties", key).table]
        self._format: str = "{" + ",".join(f'"{key}":{text or "%s"}' for key, text in texts.items()) + "}"

    def text(self, *values: object) -> str:
        """The whole object's JSON. `values` are those of the holes in alphabetical order, those of a template in a hole
        in its place. Raises Violation."""
        try:
            return self._format % tuple(
                [table[type(value)](value) for table, value in zip(self._tables, values, strict=True)]
            )
        except (Wrong, KeyError):
            raise self._checker.violation(self._whole(list(values))) from None

    def _whole(self, values: list[object]) -> dict[str, object]:
        """Takes its values from the front of the list."""
        whole = self._fixed.copy()
        for key in self._holes:
            inner = self._inner.get(key)
            whole[key] = inner._whole(values) if inner else values.pop(0)
        return whole

    def fill(self, *values: object) -> Proven:
        return Proven(self._checker, self.text(*values))


class Filling(NamedTuple):
    """A template and the values of its holes: an object not yet written."""

    template: Template
    values: tuple[object, ...]
