"""Command-line flags, each of which can also be an environment variable: `--port-file` is OCP_MOCK_PORT_FILE.

A flag wins over its variable. A variable that is empty counts as not set.
"""

import argparse
import os
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})
Convert = Callable[[str], Any]
"""Text to a value. Raises ArgumentTypeError with what the text is not."""


class Flag(NamedTuple):
    key: str
    default: Any
    variables: dict[str, Convert]
    """By which it can be given, too: the last that is set counts."""


class Flags:
    """The flags of one command. What was not given is looked up after parsing, so that `default` is known as such."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        self._flags: list[Flag] = []

    def add(self, name: str, convert: Convert, *, help: str, metavar: str, default: Any = None) -> None:
        self._add(name, {"": convert}, help, default, default, type=convert, metavar=metavar)

    def add_many(self, name: str, convert: Convert, *, help: str, metavar: str, default: list[Any] | None) -> None:
        """May be given several times; what is given replaces the default. Its variable is split at commas."""

        def split(text: str) -> list[Any]:
            return [convert(one) for one in re.split(r"[\s,]+", text.strip(" ,"))]

        shown = ", ".join(default or ())
        self._add(name, {"": split}, help, default, shown, type=convert, metavar=metavar, action="append")

    def add_switch(self, name: str, *, help: str, default: bool | None) -> None:
        """`--name` and `--no-name`, OCP_MOCK_NAME and OCP_MOCK_NO_NAME."""
        both: dict[str, Convert] = {"NO_": lambda text: not truth(text), "": truth}
        self._add(name, both, help, default, None, action=argparse.BooleanOptionalAction)

    def _add(
        self, name: str, converts: dict[str, Convert], help: str, default: object, shown: object, **options: Any
    ) -> None:
        """`converts` by what stands before the name in a variable's."""
        key = name.removeprefix("--").replace("-", "_")
        variables = {f"OCP_MOCK_{before}{key.upper()}": convert for before, convert in converts.items()}
        self._flags.append(Flag(key, default, variables))
        known = f"default: {shown}; " if shown not in (None, "") else ""
        text = f"{help} ({known}OCP_MOCK_{key.upper()})".replace("%", "%%")
        self.parser.add_argument(name, dest=key, default=argparse.SUPPRESS, help=text, **options)

    def complete(self, arguments: argparse.Namespace) -> None:
        """Gives every flag that was not given its value. A bad variable is a usage error that names it."""
        for key, value, variables in self._flags:
            if key in arguments:
                continue
            for variable, convert in variables.items():
                if text := os.environ.get(variable):
                    try:
                        value = convert(text)
                    except argparse.ArgumentTypeError as error:
                        self.parser.error(f"{variable}: {error}")
            setattr(arguments, key, value)


def truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 1 nor 0")
    return word in TRUE


def one_of(*choices: str) -> Convert:
    def chosen(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"{text!r} is not {' or '.join(choices)}")
        return text

    return chosen


def whole(low: int, high: int) -> Convert:
    def number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return number


def between(low: float, high: float) -> Convert:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return number


def some(text: str) -> str:
    """Any text but none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text
