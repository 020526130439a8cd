"""Parameters of a request: what each may be, and how its text is read. Pure; a Long is Java's.

Source, where nothing else is said: api-facts 1, from the public OCP reference.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

Kind = Literal["string", "long", "integer", "enum", "enums"]
"""`enum` is one of the choices; `enums` is any number of them, comma-separated or repeated."""

LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1
INT_MAX: Final = 2**31 - 1
_DECIMAL: Final = re.compile(r"([+-]?)0*([0-9]+)")


class SubError(TypedDict):
    """One rejected parameter, as `sub-error.schema.json` has it."""

    object: str
    field: str
    rejectedValue: str
    message: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, by any of its names; a path parameter has neither alias nor default."""

    name: str
    kind: Kind
    description: str
    aliases: tuple[str, ...] = ()
    """Other spellings that are accepted; the first name that was sent counts, in this order."""
    choices: tuple[str, ...] = ()
    minimum: int = LONG_MIN
    maximum: int = LONG_MAX
    default: int | str | None = None
    example: int | None = None

    @property
    def schema(self) -> dict[str, object]:
        """As JSON Schema; `format` is OpenAPI's."""
        schema: dict[str, object] = {"type": "string"}
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.kind in ("long", "integer"):
            form = "int32" if self.maximum <= INT_MAX else "int64"
            schema = {"type": "integer", "format": form, "minimum": self.minimum, "maximum": self.maximum}
        elif self.kind == "enums":
            schema = {"type": "array", "items": schema}
        return schema if self.default is None else {**schema, "default": self.default}

    def parse(self, text: str) -> int | str:
        """One value. Raises ValueError, which says what is wrong with it."""
        if self.kind in ("long", "integer"):
            number = parse_long(text)
            if not self.minimum <= number <= self.maximum:
                raise ValueError(f"not between {self.minimum} and {self.maximum}")
            return number
        if self.choices and text not in self.choices:
            raise ValueError("none of " + ", ".join(self.choices))
        return text


PATH_PARAMETERS: Final = {
    "taskInstanceId": Parameter("taskInstanceId", "long", "The task's id.", example=1000),
    "subtaskInstanceId": Parameter("subtaskInstanceId", "long", "The id of a subtask of it.", example=10001),
}


def parse_long(text: str) -> int:
    """A Java Long in ASCII digits: `-1`, `0`, `+1`, `007`. Raises ValueError for all else (`1e0`, ` 1`, 2^63)."""
    match = _DECIMAL.fullmatch(text)
    if match is None or len(match[2]) > 19:  # int() refuses a very long text in other words
        raise ValueError("not a decimal Long")
    number = int(match[1] + match[2])
    if not LONG_MIN <= number <= LONG_MAX:
        raise ValueError("outside the range of a Long")
    return number


def parse_path(operation_id: str, texts: Sequence[str]) -> tuple[dict[str, int], list[SubError]]:
    """The path parameters by name, and a sub-error for each that is not a Long."""
    parsed: dict[str, int] = {}
    wrong: list[SubError] = []
    for name, text in zip(PATH_PARAMETERS, texts, strict=False):
        try:
            parsed[name] = parse_long(text)
        except ValueError as error:
            wrong.append(_rejected(operation_id, name, text, error))
    return parsed, wrong


def parse_query(
    operation_id: str, parameters: Sequence[Parameter], query: Mapping[str, Sequence[str]]
) -> tuple[dict[str, object], list[SubError]]:
    """The query parameters by their proper names, defaults included, and a sub-error for each value that is wrong.

    `query` has the values of each name in the order they were sent. Of a scalar that is repeated the first counts.
    What comes back is str, int or, for `enums`, a tuple of the different ones. An empty string is no filter where a
    string is due, and wrong elsewhere. Names that are no parameters are ignored.
    """
    parsed: dict[str, object] = {}
    wrong: list[SubError] = []
    for parameter in parameters:
        name = next((name for name in (parameter.name, *parameter.aliases) if query.get(name)), None)
        if name is None:
            if parameter.default is not None:
                parsed[parameter.name] = parameter.default
            continue
        if parameter.kind == "enums":
            texts = list(dict.fromkeys(part for text in query[name] for part in text.split(",")))
        else:
            texts = [query[name][0]]
        values: list[int | str] = []
        for text in texts:
            try:
                values.append(parameter.parse(text))
            except ValueError as error:
                wrong.append(_rejected(operation_id, name, text, error))
        if parameter.kind == "enums":
            parsed[parameter.name] = tuple(values)
        elif values and values[0] != "":
            parsed[parameter.name] = values[0]
    return parsed, wrong


def _rejected(operation_id: str, field: str, text: str, error: ValueError) -> SubError:
    return {"object": operation_id, "field": field, "rejectedValue": text, "message": f"{field} is {error}"}
