"""Command-line flags, each of which can also be an environment variable: `--port-file` is OCP_MOCK_PORT_FILE.

A flag wins over its variable. A variable that is empty counts as not set, unless its flag says otherwise. Those that
Kubernetes makes of a Service whose name begins with ocp-mock are nobody's setting, and are passed over.
"""

import argparse
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})
PREFIX: Final = "OCP_MOCK_"
FIXTURES: Final = "OCP_MOCK_FIXTURES"
"""No flag's: what is served where no PATH is given."""
_SERVICE: Final = re.compile(r".*_SERVICE_(HOST|PORT(_.*)?)|.*_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
_SERVICE_PORT: Final = re.compile(r"(tcp|udp|sctp)://.*")
Convert = Callable[[str], Any]
"""Text to a value. Raises ArgumentTypeError with what the text is not."""


class Flag(NamedTuple):
    key: str
    default: Any
    variables: dict[str, Convert]
    """By which it can be given, too: the last that is set counts."""
    may_be_empty: bool
    """Whether an empty variable is none; else it is a mistake."""


class Flags:
    """The flags of one command. What was not given is looked up after parsing, so that `default` is known as such."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        self._flags: list[Flag] = []

    @property
    def variables(self) -> list[str]:
        return [variable for flag in self._flags for variable in flag.variables]

    def add(
        self,
        name: str,
        convert: Convert,
        *,
        help: str,
        metavar: str,
        default: Any = None,
        may_be_empty: bool = True,
        short: str | None = None,
    ) -> None:
        names = [name] if short is None else [short, name]
        self._add(name, {"": convert}, help, default, default, may_be_empty, names, type=convert, metavar=metavar)

    def add_many(
        self,
        name: str,
        convert: Convert,
        *,
        help: str,
        metavar: str,
        default: list[Any] | None,
        several: bool = False,
    ) -> None:
        """May be given several times; what is given replaces the default. Its variable is split at commas. Where there
        are `several`, one flag takes them, too."""

        def split(text: str) -> list[Any]:
            return [convert(one) for one in re.split(r"[\s,]+", text.strip(" ,"))]

        shown = ", ".join(default or ())
        action: dict[str, Any] = {"action": "extend", "nargs": "+"} if several else {"action": "append"}
        self._add(name, {"": split}, help, default, shown, type=convert, metavar=metavar, **action)

    def add_switch(self, name: str, *, help: str, default: bool | None) -> None:
        """`--name` and `--no-name`, OCP_MOCK_NAME and OCP_MOCK_NO_NAME."""
        both: dict[str, Convert] = {"NO_": lambda text: not truth(text), "": truth}
        self._add(name, both, help, default, None, action=argparse.BooleanOptionalAction)

    def _add(
        self,
        name: str,
        converts: dict[str, Convert],
        help: str,
        default: object,
        shown: object,
        may_be_empty: bool = True,
        names: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """`converts` by what stands before the name in a variable's."""
        key = name.removeprefix("--").replace("-", "_")
        variables = {f"{PREFIX}{before}{key.upper()}": convert for before, convert in converts.items()}
        self._flags.append(Flag(key, default, variables, may_be_empty))
        known = f"default: {shown}; " if shown not in (None, "") else ""
        text = f"{help} ({known}{PREFIX}{key.upper()})".replace("%", "%%")
        self.parser.add_argument(*(names or [name]), dest=key, default=argparse.SUPPRESS, help=text, **options)

    def complete(self, arguments: argparse.Namespace) -> None:
        """Gives every flag that was not given its value. A bad variable is a usage error that names it."""
        for key, value, variables, may_be_empty in self._flags:
            if key in arguments:
                continue
            for variable, convert in variables.items():
                text = os.environ.get(variable)
                if text is not None and (text or not may_be_empty) and not is_of_kubernetes(variable, text):
                    try:
                        value = convert(text)
                    except argparse.ArgumentTypeError as error:
                        self.parser.error(f"{variable}: {error}")
            setattr(arguments, key, value)


def unknown(known: Collection[str]) -> Iterator[str]:
    """A warning for each variable that looks like one of ours, and is none."""
    for name, text in sorted(os.environ.items()):
        if name.startswith(PREFIX) and name not in known and not is_of_kubernetes(name, text):
            from difflib import get_close_matches

            meant = get_close_matches(name, known, 1)
            yield f"no setting is called {name}" + "".join(f"; did you mean {one}?" for one in meant)


def is_of_kubernetes(variable: str, text: str) -> bool:
    """A Service ocp-mock makes OCP_MOCK_PORT=tcp://10.0.0.1:80, OCP_MOCK_SERVICE_HOST, OCP_MOCK_PORT_80_TCP_ADDR."""
    return _SERVICE.fullmatch(variable) is not None or (
        variable.endswith("_PORT") and _SERVICE_PORT.fullmatch(text) is not None
    )


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
