"""Command-line flags, each of which can also be an environment variable: `--port-file` is OCP_MOCK_PORT_FILE.

A flag wins over its variable. A variable that is empty counts as not set.
"""

import argparse
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})
Convert = Callable[[str], Any]
"""Text to a value. Raises ValueError with what the text is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    name: str
    convert: Convert
    default: Any
    many: bool = False

    @property
    def key(self) -> str:
        return self.name.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        return f"OCP_MOCK_{self.key.upper()}"


class Flags:
    """The flags of one command. What was not given is looked up after parsing, so that `default` is known as such."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser
        self._flags: list[Flag] = []

    def add(self, name: str, convert: Convert, *, help: str, metavar: str, default: Any = None) -> None:
        flag = Flag(name=name, convert=convert, default=default)
        self._add(flag, help, default, type=_for_argparse(convert), metavar=metavar)

    def add_many(self, name: str, convert: Convert, *, help: str, metavar: str, default: list[Any]) -> None:
        """May be given several times; what is given replaces the default. Its variable is split at commas."""
        flag = Flag(name=name, convert=convert, default=default, many=True)
        shown = ", ".join(default)
        self._add(flag, help, shown, type=_for_argparse(convert), metavar=metavar, action="append")

    def add_switch(self, name: str, *, help: str, default: bool | None) -> None:
        """`--name` and `--no-name`, OCP_MOCK_NAME and OCP_MOCK_NO_NAME."""
        flag = Flag(name=name, convert=truth, default=default)
        self._add(flag, help, None, action=argparse.BooleanOptionalAction)

    def _add(self, flag: Flag, help: str, default: object, **options: Any) -> None:
        self._flags.append(flag)
        known = f"default: {default}; " if default is not None and default != "" else ""
        text = f"{help} ({known}{flag.variable})".replace("%", "%%")
        self._parser.add_argument(flag.name, dest=flag.key, default=argparse.SUPPRESS, help=text, **options)

    def complete(self, arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> None:
        """Gives every flag that was not given its value. A bad variable is a usage error that names it."""
        for flag in self._flags:
            if flag.key in arguments:
                continue
            value = flag.default
            for variable, convert in _variables(flag):
                text = environment.get(variable, "")
                if text:
                    try:
                        value = convert(text)
                    except ValueError as error:
                        self._parser.error(f"{variable}: {error}")
            setattr(arguments, flag.key, value)


def _variables(flag: Flag) -> list[tuple[str, Convert]]:
    if flag.convert is truth:
        negative = f"OCP_MOCK_NO_{flag.key.upper()}"
        return [(negative, lambda text: not truth(text)), (flag.variable, truth)]
    if flag.many:
        return [(flag.variable, lambda text: [flag.convert(one) for one in re.split(r"[\s,]+", text.strip(" ,"))])]
    return [(flag.variable, flag.convert)]


def _for_argparse(convert: Convert) -> Convert:
    """argparse shows its own message for a ValueError, and ours only for its own exception."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return converted


# --- what a text can be ---------------------------------------------------------------------------------------------


def truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError(f"{text!r} is neither 1 nor 0")
    return word in TRUE


def one_of(*choices: str) -> Convert:
    def chosen(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not {' or '.join(choices)}")
        return text

    return chosen


def whole(low: int, high: int) -> Convert:
    def number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", text) or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return number


def between(low: float, high: float) -> Convert:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ValueError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return number


def some(text: str) -> str:
    """Any text but none."""
    if not text.strip():
        raise ValueError("it is empty")
    return text
