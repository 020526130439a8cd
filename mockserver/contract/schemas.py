"""The contract: what is a valid value, proven by parts, and what is wrong with an invalid one.

`jsonschema` is the judge. It takes 0.3 ms for one envelope, so a schema is also compiled to checkers that prove a value
and write its JSON text in one pass. No keyword of our schemas ties one property of an object to another, so an object's
proof is the proof of its set of keys and of each property by its own subschema. Hence a value that is proven is not
proven again (`Proven`), and a change proves only what it changed (`templates`). A schema with any other keyword is
refused at start. tests/contract/test_contract.py holds proof by parts against the judge on 20,000 values.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from threading import RLock
from typing import Any, Final
from urllib.parse import quote, urljoin

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from mockserver.contract.bundles import SUFFIX, THROTTLED, Schemas, base, bundle, response_schema, schema_files
from mockserver.contract.dialects import DEFAULT_VARIANT, Variant
from mockserver.contract.errors import Problem, Violation
from mockserver.contract.proof.explanation import Finding, explained
from mockserver.contract.proof.parts import ANNOTATIONS, Parts, Table, Wrong, regex
from mockserver.times import is_wire_instant

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
"""jsonschema's own, but for `$` in a pattern: see `parts.regex`."""


@dataclass(slots=True, eq=False)
class Proven:
    """JSON text whose value is known to fit `checker`'s schema."""

    checker: "Checker"
    text: str


class Checker:
    """One compiled schema: a table from Python type to what proves a value of it."""

    __slots__ = ("_contract", "_parts", "name", "schema", "table", "uri")

    def __init__(self, contract: "Contract", uri: str, schema: Mapping[str, Any] | bool) -> None:
        self._contract = contract
        self.uri = uri
        self.name = uri.removeprefix(contract.base).replace(SUFFIX, "")
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
        return Proven(self, "".join(self.prove_in_parts(value)))

    def prove_in_parts(self, value: object) -> list[str]:
        """Likewise, and returns its text as it was put together: a long one in parts."""
        try:
            text = self.table[type(value)](value)
            return [text] if isinstance(text, str) else text
        except (Wrong, KeyError):
            raise self.violation(value) from None

    @property
    def judge(self) -> Any:
        """jsonschema's validator of the same schema."""
        return Judge({"$ref": self.uri}, registry=self._contract.registry, format_checker=FORMATS)

    def problems(self, value: object) -> list[Problem]:
        return [Problem(finding.path, finding.sentence) for finding in self.findings(value)]

    def findings(self, value: object) -> list[Finding]:
        """Everything that is wrong with a plain value, as the judge sees it."""
        return [finding for error in self.judge.iter_errors(value) for finding in explained(error)]

    def violation(self, value: object) -> Violation:
        problems = self.problems(_plain(value))
        return Violation(self.name, problems or [Problem((), "proof by parts refuses what the judge accepts")])

    def part(self, *steps: str | int) -> "Checker":
        part = self._parts.get(steps)
        if part is None:  # a world's first change asks for dozens
            part = self._parts[steps] = self._contract._at(_pointed(self.uri, *steps))
        return part


class Contract:
    """The schemas of one variant, compiled on demand; every part is known by its URI."""

    def __init__(self, variant: Variant = DEFAULT_VARIANT, files: Schemas | None = None) -> None:
        """`files` are the shipped ones as the variant has them, by default."""
        self.variant = variant
        self.base = base(variant)
        self.files = bundle(variant, schema_files()) if files is None else files
        resources = [(self.uri(name), _resource(file)) for name, file in self.files.items()]
        self.registry: Registry[Any] = Registry().with_resources(resources)
        self._checkers: dict[str, Checker] = {}
        self._compiling = RLock()

    def uri(self, name: str) -> str:
        return f"{self.base}{name}{SUFFIX}"

    def response(self, operation: str) -> Checker:
        """The schema of an operation's success."""
        return self.add(f"{operation}-response", response_schema(operation, self.files, self.variant))

    def error(self, status: int) -> Checker:
        """The schema of an error with that status."""
        return self.checker(THROTTLED if status == 429 else "error")

    def checker(self, name: str) -> Checker:
        """The compiled schema of that name."""
        return self._at(self.uri(name))

    def add(self, name: str, schema: Mapping[str, Any]) -> Checker:
        """Compile a schema that has no file of its own, once."""
        with self._compiling:
            if self.uri(name) not in self._checkers:
                self.registry = self.registry.with_resource(self.uri(name), _resource(schema))
            return self.checker(name)

    def _at(self, uri: str) -> Checker:
        """The checker of the schema at a URI. A part that is only a reference is what it refers to."""
        with self._compiling:  # schemas refer to each other: nobody sees one of which a part is missing
            if uri not in self._checkers:
                schema = self.registry.resolver().lookup(uri).contents
                if isinstance(schema, Mapping) and "$ref" in schema:
                    extra = schema.keys() - ANNOTATIONS - {"$ref"}
                    if extra:
                        raise ValueError(f"{uri}: {', '.join(sorted(extra))} beside $ref cannot be proven by parts")
                    self._checkers[uri] = self._at(urljoin(uri, schema["$ref"]))
                else:
                    checker = self._checkers[uri] = Checker(self, uri, schema)
                    checker.table.update(Parts(uri, lambda *steps: checker.part(*steps).table).table(schema))
                    checker.table.setdefault(Proven, checker.text_of)
            return self._checkers[uri]


def contract(variant: Variant = DEFAULT_VARIANT) -> Contract:
    """The shipped contract. Compiled once in a process: it is immutable, but for what it remembers as proven."""
    with _MAKING:  # two of it would not accept each other's proofs
        return _contract(variant)


_contract, _MAKING = cache(Contract), RLock()


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
