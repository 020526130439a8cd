"""Parameters of a request: what each may be, and how its text is read. Pure; a Long is Java's.

Source, where nothing else is said: api-facts 1, from the public OCP reference.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Final, Literal, NamedTuple, TypedDict

Kind = Literal["string", "long", "integer", "enums", "sort"]
"""`enums` is any number of the choices, comma-separated or repeated; an `integer` is never refused; `sort` is a field,
alone or with a direction."""

LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1
INT_MAX: Final = 2**31 - 1
SHOWN: Final = 3
"""So many unknown parameters are named."""
_DECIMAL: Final = re.compile(r"([+-]?)0*([0-9]+)")


class SubError(TypedDict):
    """One rejected parameter, as `sub-error.schema.json` has it."""

    object: str
    field: str
    rejectedValue: str
    message: str


class Unsortable(ValueError):
    """The field that cannot be sorted by."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, by any of its names; a path parameter has neither alias nor default."""

    name: str
    kind: Kind
    description: str
    aliases: tuple[str, ...] = ()
    """Other spellings that are accepted; the first name with a value counts, in this order."""
    choices: tuple[str, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The documents' own misspellings, each with the choice that it means."""
    any_case: bool = False
    """Whether a choice is also taken in other letters, as the client's error."""
    minimum: int = LONG_MIN
    maximum: int = LONG_MAX
    is_cut: bool = False
    """Whether an integer past the maximum is the maximum, and not the default."""
    default: int | str | None = None
    example: int | None = None

    @property
    def schema(self) -> dict[str, object]:
        """As JSON Schema; `format` is OpenAPI's. What is only forgiven is not in it."""
        schema: dict[str, object] = {"type": "string"}
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.kind in ("long", "integer"):
            form = "int32" if self.maximum <= INT_MAX else "int64"
            schema = {"type": "integer", "format": form, "minimum": self.minimum, "maximum": self.maximum}
        elif self.kind == "enums":
            schema = {"type": "array", "items": schema}
        return schema if self.default is None else {**schema, "default": self.default}

    def parse(self, text: str) -> tuple[int | str, str | None]:
        """One value that is not empty, and what was wrong with it and is forgiven. Raises Unsortable, and else
        ValueError, which says what is wrong with it."""
        if self.kind == "integer":
            return self._integer(text)
        if self.kind == "long":
            return parse_long(text), None
        if self.kind == "sort":
            return self._sort(text), None
        if not self.choices or text in self.choices:
            return text, None
        if text in self.spellings:
            return self.spellings[text], None
        same = next((one for one in self.choices if self.any_case and one.lower() == text.lower()), None)
        if same is None:
            raise ValueError("none of " + ", ".join(self.choices))
        return same, f"not in capitals, and taken as {same}"

    def _integer(self, text: str) -> tuple[int, str | None]:
        """As Spring reads the number of a page and its size (a guess)."""
        default = self.default
        assert isinstance(default, int)
        match = _DECIMAL.fullmatch(text)
        if match is None:
            return default, f"no whole number, and taken as {default}"
        number = int(match[1] + match[2][:20])  # int() refuses a very long text
        if number < self.minimum:
            return default, f"less than {self.minimum}, and taken as {default}"
        if number > self.maximum:
            taken = self.maximum if self.is_cut else default
            return taken, f"more than {self.maximum}, and taken as {taken}"
        return number, None

    def _sort(self, text: str) -> str:
        by, comma, direction = text.partition(",")
        fields = {choice.partition(",")[0] for choice in self.choices}
        if comma and direction not in ("asc", "desc"):
            raise ValueError("followed by no direction, asc or desc")
        if by not in fields:
            raise Unsortable(by)
        return text if comma else f"{by},asc"


class Parsed(NamedTuple):
    """A query, as it is understood."""

    values: dict[str, object]
    """By the parameters' proper names, defaults included: str, int or, for `enums`, a tuple of the different ones."""
    wrong: list[SubError]
    """One for each value that is refused."""
    unsortable: list[SubError]
    """Likewise for a field that cannot be sorted by."""
    forgiven: list[str]
    """What leaves the contract, and is answered all the same."""


PATH_PARAMETERS: Final = {
    "taskInstanceId": Parameter("taskInstanceId", "long", "The task's id.", example=1000),
    "subtaskInstanceId": Parameter("subtaskInstanceId", "long", "The id of a subtask of it.", example=10001),
}


NO_IDS: Final[Mapping[str, int]] = {}


def parse_long(text: str) -> int:
    """A Java Long in ASCII digits: `-1`, `0`, `+1`, `007`. Raises ValueError for all else (`1e0`, ` 1`, 2^63)."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError("not a decimal Long")
    number = int(match[1] + match[2][:20])  # int() refuses a very long text
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
    operation_id: str,
    parameters: Sequence[Parameter],
    query: Mapping[str, Sequence[str]],
    ids: Mapping[str, int] = NO_IDS,
) -> Parsed:
    """`query` has the values of each name in the order they were sent, `ids` the path parameters, which a real client
    sends again. An empty value is none. Of a scalar that is repeated the first counts."""
    parsed = Parsed({}, [], [], [*islice(_strays(operation_id, parameters, query, ids), SHOWN)])
    given = {name: sent for name, texts in query.items() if (sent := [text for text in texts if text])}
    for parameter in parameters:
        name = next((name for name in (parameter.name, *parameter.aliases) if name in given), None)
        texts = [] if name is None else given[name]
        if parameter.kind == "enums":
            texts = [part for text in texts for part in text.split(",") if part]
        values = [*_values(operation_id, parameter, name or "", texts, parsed)]
        if parameter.kind == "enums" and texts:
            parsed.values[parameter.name] = tuple(dict.fromkeys(values))
        elif values:
            parsed.values[parameter.name] = values[0]
        elif parameter.default is not None:
            parsed.values[parameter.name] = parameter.default
    return parsed


def _values(
    operation_id: str, parameter: Parameter, name: str, texts: Sequence[str], parsed: Parsed
) -> Iterator[int | str]:
    """Those that are right, or forgiven; what is wrong with the others goes into `parsed`."""
    for text in dict.fromkeys(texts if parameter.kind == "enums" else texts[:1]):
        try:
            value, forgiven = parameter.parse(text)
        except Unsortable as error:
            problem = ValueError(f"by {error.args[0]!r}, which cannot be sorted by")
            parsed.unsortable.append(_rejected(operation_id, name, text, problem))
        except ValueError as error:
            parsed.wrong.append(_rejected(operation_id, name, text, error))
        else:
            if forgiven is not None:
                parsed.forgiven.append(f"{name}={text} is {forgiven}")
            yield value


def _strays(
    operation_id: str, parameters: Sequence[Parameter], query: Mapping[str, Sequence[str]], ids: Mapping[str, int]
) -> Iterator[str]:
    """What is wrong with a query that has nothing to do with a value of the operation's parameters."""
    known = [name for parameter in parameters for name in (parameter.name, *parameter.aliases)]
    for name, texts in query.items():
        if name in ids:
            if any(text and not _is_long(text, ids[name]) for text in texts):
                yield f"{name} is another in the query than in the path"
        elif name not in known:
            alike = get_close_matches(name[:100], known, n=1)
            yield f"{name} is no parameter of {operation_id}" + (f" (did you mean {alike[0]}?)" if alike else "")


def _is_long(text: str, number: int) -> bool:
    try:
        return parse_long(text) == number
    except ValueError:
        return False


def _rejected(operation_id: str, field: str, text: str, error: ValueError) -> SubError:
    return {"object": operation_id, "field": field, "rejectedValue": text, "message": f"{field} is {error}"}
