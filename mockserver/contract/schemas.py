"""The contract: what is a valid value, proven by parts, and what is wrong with an invalid one.

`jsonschema` is the judge. It takes 0.3 ms for one envelope, so a schema is also compiled to checkers that prove a value
and write its JSON text in one pass. No keyword of our schemas ties one property of an object to another, so an object's
proof is the proof of its set of keys and of each property by its own subschema. Hence a value that is proven is not
proven again (`Proven`), and a change proves only what it changed (`Template`). A schema with any other keyword is
refused at start. tests/test_contract.py holds proof by parts against the judge on 20,000 values.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from threading import RLock
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urljoin

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from mockserver.contract.errors import Problem, Violation
from mockserver.contract.explanation import Finding, explained
from mockserver.contract.packaged import folder
from mockserver.contract.proof import ANNOTATIONS, Parts, Table, Wrong, regex
from mockserver.times import is_wire_instant

BASE: Final = "https://ocp-mockserver.invalid/schemas/"
SUFFIX: Final = ".schema.json"
STEMS: Final = 8

FORMATS: Final = FormatChecker(formats=())
"""Only what we check ourselves. Without a checker `format` is not checked, and nothing says so."""


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or is_wire_instant(value)


def _pattern(judge: Any, pattern: str, value: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not regex(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _resource(schema: Mapping[str, Any]) -> Resource[Any]:
    """Without its `$schema`, at which jsonschema would take its own judge instead of ours."""
    return DRAFT202012.create_resource({key: value for key, value in schema.items() if key != "$schema"})


Judge: Final[Any] = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # jsonschema has no types of it
"""jsonschema's own, but for `$` in a pattern: see `proof.regex`."""


@cache
def schema_files() -> Mapping[str, dict[str, Any]]:
    """Every shipped schema by its name: `subtask-instance`, `error` …"""
    return {
        entry.name.removesuffix(SUFFIX): json.loads(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder("schemas").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(SUFFIX)
    }


class Proven:
    """JSON text whose value is known to fit `checker`'s schema."""

    __slots__ = ("checker", "text")

    def __init__(self, checker: "Checker", text: str) -> None:
        self.checker = checker
        self.text = text


class Checker:
    """One compiled schema: a table from Python type to what proves a value of it."""

    __slots__ = ("_contract", "_parts", "name", "schema", "table", "uri")

    def __init__(self, contract: "Contract", uri: str, schema: Mapping[str, Any] | bool) -> None:
        self._contract = contract
        self.uri = uri
        self.name = uri.removeprefix(BASE).replace(SUFFIX, "")
        self.schema = schema
        self.table: Table = {}
        self._parts: dict[tuple[str | int, ...], Checker] = {}

    def text_of(self, value: Proven) -> str:
        if value.checker is not self:
            raise Wrong
        return value.text

    def accepts(self, value: object) -> bool:
        try:
            self.table[type(value)](value)
        except (Wrong, KeyError, RecursionError):
            return False
        return True

    def prove(self, value: object) -> Proven:
        """Raises Violation, with what the judge says."""
        try:
            return Proven(self, self.table[type(value)](value))
        except (Wrong, KeyError):
            raise self.violation(value) from None

    def problems(self, value: object) -> list[Problem]:
        return [finding.problem for finding in self.findings(value)]

    def findings(self, value: object) -> list[Finding]:
        """Everything that is wrong with a plain value, as the judge sees it."""
        return [finding for error in self._contract.judge(self.uri).iter_errors(value) for finding in explained(error)]

    def violation(self, value: object) -> Violation:
        problems = self.problems(_plain(value))
        return Violation(self.name, problems or [Problem((), "proof by parts refuses what the judge accepts")])

    def part(self, *steps: str | int) -> "Checker":
        part = self._parts.get(steps)
        if part is None:  # a world's first change asks for dozens
            part = self._parts[steps] = self._contract.at(_pointed(self.uri, *steps))
        return part

    def template(self, fixed: Mapping[str, object], *holes: str) -> "Template":
        return Template(self, fixed, holes)


class Template:
    """An object of which some properties are fixed and proven; a filling proves only the holes that are left.

    What is fixed may be a template itself: its holes are then holes of the whole.
    """

    __slots__ = ("_checker", "_fixed", "_format", "_holes", "_inner", "_tables", "_texts")

    def __init__(self, checker: Checker, fixed: Mapping[str, object], holes: tuple[str, ...]) -> None:
        """Raises Violation, also for keys that are not the object's."""
        schema = checker.schema
        assert isinstance(schema, Mapping)
        keys = {*fixed, *holes}
        if keys - schema["properties"].keys() or set(schema["required"]) - keys or fixed.keys() & set(holes):
            raise checker.violation({**fixed, **dict.fromkeys(holes)})
        self._checker = checker
        self._format: str
        self._tables: list[Table]
        self._texts: dict[str, str | None] = dict.fromkeys(sorted(keys))
        self._fixed: dict[str, object] = {}
        self._inner: dict[str, Template] = {}
        self._fix(fixed)

    def _fix(self, more: Mapping[str, object]) -> None:
        for key, value in more.items():
            part = self._checker.part("properties", key)
            if isinstance(value, Template):
                if value._checker is not part:
                    raise self._checker.violation({**self._fixed, **more})
                self._texts[key], self._inner[key] = value._format, value
            else:
                try:
                    self._texts[key] = part.prove(value).text.replace("%", "%%")
                except Violation as violation:
                    problems = [Problem((key, *one.path), one.message) for one in violation.problems]
                    raise Violation(self._checker.name, problems) from None
        self._fixed |= more
        self._holes = tuple(key for key, text in self._texts.items() if text is None or key in self._inner)
        self._tables = []
        for key in self._holes:
            inner = self._inner.get(key)
            self._tables += inner._tables if inner else [self._checker.part("properties", key).table]
        self._format = "{" + ",".join(f'"{key}":{text or "%s"}' for key, text in self._texts.items()) + "}"

    def fixed(self, **more: object) -> "Template":
        """The same with fewer holes; only what is new is proven."""
        twin = object.__new__(Template)
        twin._checker, twin._texts, twin._fixed = self._checker, self._texts.copy(), self._fixed.copy()
        twin._inner = self._inner.copy()
        twin._fix(more)
        return twin

    def text(self, *values: object) -> str:
        """The whole object's JSON. `values` are those of the holes in alphabetical order, those of a template in a hole
        in its place. Raises Violation."""
        tables = self._tables
        try:
            if len(values) == 2 == len(tables):  # every retry
                one, two = values
                return self._format % (tables[0][type(one)](one), tables[1][type(two)](two))
            return self._format % tuple(
                [table[type(value)](value) for table, value in zip(tables, values, strict=True)]
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


class Stems(dict[object, Template]):
    """What a template becomes for values that come back, by a key that says which; bounded."""

    __slots__ = ("template",)

    def __init__(self, template: Template) -> None:
        self.template = template

    def keep(self, key: object, **more: object) -> Template:
        if len(self) >= STEMS:
            self.clear()
        stem = self[key] = self.template.fixed(**more)
        return stem


class Contract:
    """The schemas of one spelling (`fieldNames`), compiled on demand; every part is known by its URI."""

    def __init__(self, field_names: str = "sample", files: Mapping[str, dict[str, Any]] | None = None) -> None:
        """`files` are schemas by name, the shipped ones by default."""
        self.field_names = field_names
        self.files = dict(schema_files() if files is None else files)
        if field_names == "table":
            self.files["subtask-instance"] = {
                **self.files["subtask-instance.table"],
                "$id": self.files["subtask-instance"]["$id"],
            }
        resources = [(f"{BASE}{name}{SUFFIX}", _resource(file)) for name, file in self.files.items()]
        self._registry: Registry[Any] = Registry().with_resources(resources)
        self._checkers: dict[str, Checker] = {}
        self._compiling = RLock()
        self._judges: dict[str, Any] = {}

    def checker(self, name: str) -> Checker:
        """The compiled schema of that name."""
        return self.at(f"{BASE}{name}{SUFFIX}")

    def add(self, name: str, schema: Mapping[str, Any]) -> Checker:
        """Compile a schema that has no file of its own, once."""
        with self._compiling:
            if f"{BASE}{name}{SUFFIX}" not in self._checkers:
                self._registry = self._registry.with_resource(f"{BASE}{name}{SUFFIX}", _resource(schema))
            return self.checker(name)

    def judge(self, uri: str) -> Any:
        if uri not in self._judges:
            self._judges[uri] = Judge({"$ref": uri}, registry=self._registry, format_checker=FORMATS)
        return self._judges[uri]

    def at(self, uri: str) -> Checker:
        """The checker of the schema at a URI. A part that is only a reference is what it refers to."""
        with self._compiling:  # schemas refer to each other: nobody sees one of which a part is missing
            if uri not in self._checkers:
                schema = self._registry.resolver().lookup(uri).contents
                if isinstance(schema, Mapping) and "$ref" in schema:
                    extra = schema.keys() - ANNOTATIONS - {"$ref"}
                    if extra:
                        raise ValueError(f"{uri}: {', '.join(sorted(extra))} beside $ref cannot be proven by parts")
                    self._checkers[uri] = self.at(urljoin(uri, schema["$ref"]))
                else:
                    checker = self._checkers[uri] = Checker(self, uri, schema)
                    checker.table.update(Parts(uri, lambda *steps: checker.part(*steps).table).table(schema))
                    checker.table.setdefault(Proven, checker.text_of)
            return self._checkers[uri]


def contract(field_names: str = "sample") -> Contract:
    """The shipped contract. Compiled once in a process: it is immutable, but for what it remembers as proven."""
    with _MAKING:  # two of it would not accept each other's proofs
        return _contract(field_names)


_contract, _MAKING = cache(Contract), RLock()


def compiled(name: str) -> Checker:
    return contract().checker(name)


def _pointed(uri: str, *steps: str | int) -> str:
    stem, _, fragment = uri.partition("#")
    pointer = "/".join(quote(str(step).replace("~", "~0").replace("/", "~1"), safe="~") for step in steps)
    return f"{stem}#{fragment}/{pointer}"


def _plain(value: object) -> Any:
    if isinstance(value, Proven):
        return json.loads(value.text)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
