"""Reads what users of the package can name, call, type and write, so that `test_public_surface` can hold it to tables.

It asks the package itself: its objects, the help of its command, its documents and schemas. No module of ours but those
that users import.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args, get_type_hints

from processes import run

PROPERTY: Final = "a property"


def assert_same(table: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Fails with a line for all that is lost, changed or new."""
    said = [f"lost: {name!r}" for name in wanted if name not in found]
    for name in found:
        if name not in wanted:
            said.append(
                f"new: {name!r}{found[name] and f' ({found[name]})'}: if it is meant, give it its line in {table}"
            )
    for name in wanted:
        if name in found and found[name] != wanted[name]:
            said.append(f"changed: {name!r} was {wanted[name]!r} and is {found[name]!r}")
    assert not said, "\n".join([f"the public surface differs from {table}:", *said])


def spread(table: Mapping[str, str], joint: str) -> dict[str, str]:
    """A row for each word of a row: `{"fixture-run": "outcome log"}` as `fixture-run.outcome`, `fixture-run.log`."""
    return {f"{row}{joint}{word}": "" for row, words in table.items() for word in words.split()}


def signature(function: Callable[..., Any]) -> str:
    """Names, kinds and defaults of the parameters, without self and types: `name, *, count=None, **filters`."""
    given = inspect.signature(function)
    bare = [one.replace(annotation=one.empty) for one in given.parameters.values() if one.name != "self"]
    return str(given.replace(parameters=bare, return_annotation=given.empty))


def keywords(function: Callable[..., Any]) -> str:
    """The names that its `**name` takes, where the type says so."""
    taken = [name for name, one in inspect.signature(function).parameters.items() if one.kind is one.VAR_KEYWORD]
    typed = [get_args(get_type_hints(function, include_extras=True)[name]) for name in taken]
    return " ".join(word for arguments in typed if arguments for word in get_type_hints(arguments[0]))


def members(kind: type) -> dict[str, str]:
    """Public methods with their signatures, and properties."""
    return {name: signature(one) if callable(one) else PROPERTY for name, one in public(kind).items()}


def taken_keywords(kind: type) -> dict[str, str]:
    """The keywords of the public methods that take any by `**`."""
    found = {name: keywords(one) for name, one in public(kind).items() if callable(one)}
    return {name: words for name, words in found.items() if words}


def public(kind: type) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


def attributes(error: Exception) -> str:
    return " ".join(name for name in dir(error) if not name.startswith("_") and not hasattr(Exception(), name))


def routes(document: Any) -> dict[str, str]:
    """`GET /__admin/tasks`, with the names of its query parameters. A document's server is in front of its paths."""
    base = document["servers"][0]["url"].rstrip("/")
    found = {}
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            given = [*item.get("parameters", []), *item[method].get("parameters", [])]
            found[f"{method.upper()} {base}{path}"] = " ".join(one["name"] for one in given if one["in"] == "query")
    return found


def command_help(command: str) -> str:
    ended = run(*command.split(), "--help", env={"NO_COLOR": "1"})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def section(text: str, title: str) -> str:
    """What a help lists under a title, indented as it is."""
    found = re.search(rf"^{title}:\n((?:  .*\n?)+)", text, re.MULTILINE)
    return found[1].rstrip() if found else ""


def entries(text: str, title: str) -> list[str]:
    """One section of a help, an entry a line: a flag or a name, two blanks, what it is."""
    return re.sub(r"\n {4,}", "  ", section(text, title)).splitlines()


def flags(text: str) -> dict[str, str]:
    """`--port PORT`, and `8080 OCP_MOCK_PORT`: its default, if the help names one, and its variable."""
    found = {}
    for entry in entries(text, "options"):
        flag, _, about = entry.strip().partition("  ")
        default = re.search(r"\(default: +([^;)]+);", about)
        variable = re.search(r"\bOCP_MOCK_[A-Z_]+(?=\)$)", about)
        found[flag] = " ".join(match[match.lastindex or 0] for match in (default, variable) if match)
    return found


def positionals(text: str) -> dict[str, str]:
    return {entry.split()[0]: "" for entry in entries(text, "positional arguments")}


def commands(text: str) -> list[str]:
    return re.findall(r"^    (\w+)", section(text, "commands"), re.MULTILINE)


def keys(schema: Any, trail: str) -> Iterator[tuple[str, str]]:
    """The keys of a schema's objects, also of those inside it: `fault.error` and `status code message`."""
    if isinstance(schema, list):
        for one in schema:
            yield from keys(one, trail)
    elif isinstance(schema, dict):
        if "properties" in schema:
            yield trail, " ".join(schema["properties"])
        for word, one in schema.items():
            for below, inner in one.items() if word in ("properties", "$defs") else ():
                yield from keys(inner, f"{trail}.{below}")
            if word in ("anyOf", "oneOf", "allOf", "items", "additionalProperties"):
                yield from keys(one, trail)
