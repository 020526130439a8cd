"""What the handle's methods take, in snake_case, and how it goes on the wire.

Nothing here talks to a server: its schemas judge the values.
"""

from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, Literal, NotRequired, TypedDict, get_args

from mockserver.contract.dialects import DialectName, FieldNames, Nulls
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.parameters import parse_long
from mockserver.redaction import is_secret, shown_json
from mockserver.testing.naming import camel
from mockserver.times import parse_instant
from mockserver.world.evidence.exchange import Kind

Json = dict[str, Any]
Instant = str | datetime
"""ISO 8601 with an offset, or a datetime that has one."""


class RequestFilters(TypedDict, total=False):
    """Which requests; all that is given must hold."""

    method: str
    path: str
    """A glob; * crosses slashes. Of a named world: with /w/{world} or without."""
    query: Mapping[str, object]
    """These parameters, whatever others there are; of one that is repeated a list."""
    headers: Mapping[str, object]
    """These, in letters of any case, whatever others there are."""
    json: Any
    """The whole body; None: there was none."""
    status: int
    user: str
    """The name that was sent, right password or not."""
    task_instance_id: int
    subtask_instance_id: int
    trace_id: str
    client_error: bool
    """Whether it left the contract."""
    kind: Literal["api", "stub", "forwarded", "refused"]
    """What is not the task API is a `stub`'s or `forwarded`; what never became a request of the API is `refused`."""
    since: Instant


class FaultFields(TypedDict, total=False):
    """Which requests a fault spoils, how often, and how: one effect, and a delay alone or beside it.

    `error={"status": 503}` · `fault="CONNECTION_RESET_BY_PEER"` (or EMPTY_RESPONSE, MALFORMED_RESPONSE_CHUNK,
    RANDOM_DATA_THEN_CLOSE, HANG) · `response={"status": 502, "headers": {…}, "body": "<html>"}` ·
    `truncate_body_at_fraction=0.5` · `chunked_dribble_delay={"number_of_chunks": 5, "total_duration": 3000}` ·
    `violate="random"` (or `{"remove": "/data/status"}`, `{"set": {"/data/status": "EXPLODED"}}`) ·
    `rate_limit={"limit": 5, "per_seconds": 1}`; and `fixed_delay_milliseconds=2000` or
    `delay_distribution={"type": "uniform", "lower": 10, "upper": 90}`.
    """

    operation: str
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    path: str
    """A glob; * crosses slashes."""
    task_instance_id: int
    subtask_instance_id: int
    user: str
    when: Literal["before", "after"]
    """before (default): nothing happens. after: what was asked for happens, and its answer is lost."""
    skip: int
    times: int
    probability: float
    error: Mapping[str, Any]
    fault: str
    response: Mapping[str, Any]
    truncate_body_at_fraction: float
    chunked_dribble_delay: Mapping[str, Any]
    violate: str | Mapping[str, Any]
    rate_limit: Mapping[str, Any]
    fixed_delay_milliseconds: float
    delay_distribution: Mapping[str, Any]


class DenialFields(TypedDict, total=False):
    """From whom (default: everybody), for what, and how often a permission is taken away."""

    user: str
    operation: str
    task_instance_id: int
    times: int


class HistoryFilters(TypedDict, total=False):
    task_instance_id: int
    subtask_instance_id: int
    since: Instant
    limit: int


class SettingFields(TypedDict, total=False):
    auth: Literal["open", "basic"]
    dialect: DialectName
    nulls: Nulls
    array_order: Literal["fixture", "shuffled"]
    field_names: FieldNames
    scheduler: Mapping[str, Any]
    """`{"dispatch": "1s", "run": "2s", "concurrency": 10}`, or some of them."""
    server: str
    seed: int


class Until(TypedDict):
    """A status to wait for, of a task or of one of its subtasks; snake_case does too."""

    taskInstanceId: int
    status: str
    subtaskInstanceId: NotRequired[int]


NESTED: Final = frozenset({"chunked_dribble_delay", "delay_distribution", "rate_limit"})
"""The effects whose own keys are ours too. Those of `response` and `violate` are the reader's."""


def instant(given: Instant) -> str:
    """Raises ValueError for a datetime without a time zone."""
    if not isinstance(given, datetime):
        return given
    if given.tzinfo is None:
        raise ValueError(f"{given!r} has no time zone, and a server's is not this machine's")
    return given.isoformat()


def wire(filters: Mapping[str, Any]) -> Json:
    """Filters as the control routes have them."""
    return {camel(key): instant(value) if key == "since" else value for key, value in filters.items()}


def query(filters: Mapping[str, Any]) -> Json:
    """The same, in a query."""
    return {key: str(value).lower() if isinstance(value, bool) else value for key, value in wire(filters).items()}


def check_operation(name: str | None) -> None:
    """Raises ValueError: a misspelt name would match nothing, and prove anything."""
    if name is not None and name not in OPERATIONS:
        near = get_close_matches(camel(name), OPERATIONS, n=1)
        advice = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"{name!r} is no operation{advice}; there are {', '.join(OPERATIONS)}")


KINDS: Final = get_args(Kind)
TYPES: Final[Mapping[str, type]] = {
    **{"method": str, "path": str, "query": Mapping, "headers": Mapping},
    **{"user": str, "traceId": str, "clientError": bool, "kind": str},
}
LOCAL: Final = ("query", "headers", "json")
"""The filters that the server does not have."""


def wanted(operation: str | None, filters: Mapping[str, Any]) -> Json:
    """All filters, as an entry of the journal has them. Raises ValueError for what can't be looked for: what is
    misspelt would match nothing, and of a secret the journal knows nothing."""
    check_operation(operation)
    found: Json = {} if operation is None else {"operation": operation}
    found |= {key: value if value is None else _sought(key, value) for key, value in wire(filters).items()}
    for key in ("query", "headers"):
        if key in found:
            secret = next((name for name in found[key] if is_secret(name)), None)
            if secret is not None:
                raise ValueError(f"{key}: the journal does not keep {secret}, which is a secret")
            found[key] = {name: texts(value) for name, value in found[key].items()}
    if "json" in found:
        found["json"] = shown_json(found["json"])
    return found


def _sought(key: str, value: Any) -> Any:
    """Raises ValueError for what no request ever has there."""
    if key in ("status", "taskInstanceId", "subtaskInstanceId"):
        try:
            return parse_long(str(value))
        except ValueError as error:
            raise ValueError(f"{key}: {value!r} is {error}") from None
    if key == "since":
        parse_instant(value)
    elif key in TYPES and not isinstance(value, TYPES[key]):
        raise ValueError(f"{key} is a {TYPES[key].__name__}, not {value!r}")
    elif key == "method" and value != value.upper():
        raise ValueError(f"method: {value!r} is none (did you mean {value.upper()}?)")
    elif key == "path" and not value.startswith(("/", "*", "?", "[")) and ":" not in value:
        raise ValueError(f"path: {value!r} is none, since it begins with a slash, as {f'/{value}'!r}")
    elif key == "kind" and value not in KINDS:
        raise ValueError(f"kind: {value!r} is none of {', '.join(KINDS)}")
    return value


def texts(value: object) -> str | list[str]:
    """As they are sent."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
