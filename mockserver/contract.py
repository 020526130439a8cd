"""The contract: what is a valid value, proven by parts, and what is wrong with an invalid one.

`jsonschema` is the judge. It takes 0.3 ms for one envelope, so a schema is also compiled to checkers that prove a value
and write its JSON text in one pass. No keyword of our schemas ties one property of an object to another, so an object's
proof is the proof of its set of keys and of each property by its own subschema. Hence a value that is proven is not
proven again (`Proven`), and a change proves only what it changed (`Template`). A schema with any other keyword is
refused at start. tests/test_contract.py holds proof by parts against the judge on 20,000 values.
"""

import json
from collections.abc import Mapping
from functools import cache
from json.encoder import encode_basestring
from typing import Any, Final
from urllib.parse import quote, urljoin

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from mockserver.errors import Problem, Violation
from mockserver.explain import explained
from mockserver.packaged import folder
from mockserver.proof import ANNOTATIONS, Parts, Table, Wrong
from mockserver.times import is_wire_instant

BASE: Final = "https://ocp-mockserver.invalid/schemas/"
SUFFIX: Final = ".schema.json"
STEMS: Final = 64

FORMATS: Final = FormatChecker(formats=())
"""Only what we check ourselves. Without a checker `format` is not checked, and nothing says so."""


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or is_wire_instant(value)


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

    __slots__ = ("_contract", "name", "schema", "table", "uri")

    def __init__(self, contract: "Contract", uri: str, schema: Mapping[str, Any] | bool) -> None:
        self._contract = contract
        self.uri = uri
        self.name = uri.removeprefix(BASE).replace(SUFFIX, "")
        self.schema = schema
        self.table: Table = {}

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
        """Everything that is wrong with a plain value, in plain words, as the judge sees it."""
        return [problem for error in self._contract.judge(self.uri).iter_errors(value) for problem in explained(error)]

    def violation(self, value: object) -> Violation:
        problems = self.problems(_plain(value))
        return Violation(self.name, problems or [Problem((), "proof by parts refuses what the judge accepts")])

    def part(self, *steps: str | int) -> "Checker":
        return self._contract.at(_pointed(self.uri, *steps))

    def template(self, fixed: Mapping[str, object], *holes: str) -> "Template":
        return Template(self, fixed, holes)


class Template:
    """An object of which some properties are fixed and proven; a filling proves only the holes that are left."""

    __slots__ = ("_checker", "_fixed", "_format", "_holes", "_tables")

    def __init__(self, checker: Checker, fixed: Mapping[str, object], holes: tuple[str, ...]) -> None:
        """Raises Violation, also for keys that are not the object's."""
        schema = checker.schema
        assert isinstance(schema, Mapping)
        keys = {*fixed, *holes}
        if keys - schema["properties"].keys() or set(schema["required"]) - keys or fixed.keys() & set(holes):
            raise checker.violation({**fixed, **dict.fromkeys(holes)})
        texts = {key: checker.part("properties", key).prove(value).text for key, value in fixed.items()}
        escaped = {key: text.replace("%", "%%") for key, text in texts.items()}
        self._format = (
            "{" + ",".join(f"{encode_basestring(key)}:{escaped.get(key, '%s')}" for key in sorted(keys)) + "}"
        )
        self._checker = checker
        self._fixed = dict(fixed)
        self._holes = tuple(sorted(holes))
        self._tables = [checker.part("properties", key).table for key in self._holes]

    def fixed(self, **more: object) -> "Template":
        """The same with fewer holes."""
        return Template(self._checker, {**self._fixed, **more}, tuple(set(self._holes) - more.keys()))

    def fill(self, *values: object) -> Proven:
        """`values` are those of the holes in alphabetical order. Raises Violation."""
        tables = self._tables
        try:
            if len(values) == 1:
                text = self._format % tables[0][type(values[0])](values[0])
            else:
                text = self._format % tuple([tables[n][type(value)](value) for n, value in enumerate(values)])
        except (Wrong, KeyError, IndexError):
            whole = {**self._fixed, **dict(zip(self._holes, values, strict=True))}
            raise self._checker.violation(whole) from None
        return Proven(self._checker, text)


class Stems:
    """What a template becomes for values that come back, by a key that says which; bounded."""

    __slots__ = ("_kept", "template")

    def __init__(self, template: Template) -> None:
        self.template = template
        self._kept: dict[object, Template] = {}

    def get(self, key: object) -> Template | None:
        return self._kept.get(key)

    def keep(self, key: object, stem: Template) -> Template:
        if len(self._kept) >= STEMS:
            self._kept.clear()
        self._kept[key] = stem
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
        resources = [(f"{BASE}{name}{SUFFIX}", Resource.from_contents(file)) for name, file in self.files.items()]
        self._registry: Registry[Any] = Registry().with_resources(resources)
        self._checkers: dict[str, Checker] = {}
        self._judges: dict[str, Any] = {}

    def checker(self, name: str) -> Checker:
        """The compiled schema of that name."""
        return self.at(f"{BASE}{name}{SUFFIX}")

    def add(self, name: str, schema: Mapping[str, Any]) -> Checker:
        """Compile a schema that has no file of its own."""
        resource = Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        self._registry = self._registry.with_resource(f"{BASE}{name}{SUFFIX}", resource)
        return self.checker(name)

    def judge(self, uri: str) -> Any:
        if uri not in self._judges:
            self._judges[uri] = Draft202012Validator({"$ref": uri}, registry=self._registry, format_checker=FORMATS)
        return self._judges[uri]

    def at(self, uri: str) -> Checker:
        """The checker of the schema at a URI. A part that is only a reference is what it refers to."""
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


@cache
def contract(field_names: str = "sample") -> Contract:
    """The shipped contract. Compiled once in a process: it is immutable, but for what it remembers as proven."""
    return Contract(field_names)


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
