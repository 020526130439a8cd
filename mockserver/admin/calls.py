"""A control call from its two ends: a row of the table of routes, and a body, read and held against its schema.

What raises Unprocessable has changed nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from aiohttp import hdrs, web

from mockserver.contract.errors import Problem, Unprocessable
from mockserver.contract.json_text import strict_json
from mockserver.contract.parameters import parse_long
from mockserver.contract.schemas import contract
from mockserver.fixtures.coercion import shape, with_longs
from mockserver.server import responses
from mockserver.times import NEVER, parse_duration, parse_instant
from mockserver.world.turns import in_thread
from mockserver.world.worlds import Site

MAX_BODY: Final = 256 * 1024 * 1024
JSON_TYPE: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
YAML_TYPES: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})

NAMED: Final = {"advance": "an advance", "settings": "settings", "expectation": "an expectation"}

AT_ONCE: Final = 16 * 1024
"""A body of more bytes is read in a thread."""
LARGE_BODY: Final = 1024 * 1024
"""One of more bytes waits for others that are as large, and for nothing else."""
MANY: Final = 1000
"""An answer that tells of more things is made in a thread."""
Result = TypeVar("Result")


class Later(NamedTuple):
    """The body of an answer that may take long: it is made and proven in a thread, while others are answered. `make`
    only looks at values, which nobody changes."""

    make: Callable[[], object]


Handler = Callable[[Site, web.Request], Awaitable[object]]
"""Returns the body of its answer, or a Later; None where there is none."""


class ControlRoute(NamedTuple):
    """One route and method: who answers it, with what, and what it takes. Bodies are schemas by their names."""

    handler: Handler
    summary: str
    reply: str | None = None
    """None is a 204."""
    body: str | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    """The filters it knows, by their names in `journal.FILTERS`."""
    refusals: tuple[int, ...] = ()
    """The statuses with which it can say no, beside those that its path, its query and its body bring with them."""
    edits: bool = False
    """Whether one has to look at the world anew after it. What has events of its own, rules and the clock, does not."""
    looks: bool = False
    """Whether it only looks at a world, and makes none that is not there: what it answers is the same for all."""
    events: Mapping[str, str] | None = None
    """Of a stream of server-sent events, which `reply` is as a whole: the schema of each event's data, by its name."""


def id_in_path(request: web.Request, name: str, kind: str) -> int:
    """Raises Unprocessable (404)."""
    text = request.match_info[name]
    try:
        return parse_long(text)
    except ValueError as error:
        raise Unprocessable(f"no {kind} {text}: it is {error}", status=404) from None


def name_in_path(request: web.Request, key: str, kind: str, there: Collection[str], note: str = "") -> str:
    """Raises Unprocessable (404) for one that is not there."""
    name = request.match_info[key]
    if name not in there:
        raise Unprocessable(f"no {kind} {name}: there are {', '.join(there) or 'none'}{note}", status=404)
    return name


async def raw_body(request: web.Request) -> tuple[bytes, str]:
    """The body as it was sent, and its type: `application/json` or a YAML type. An empty body needs none.

    Raises Unprocessable (415), and ApiError for one that is too large or too slow.
    """
    raw = await responses.received(request, MAX_BODY)
    kind = request.content_type.lower() if hdrs.CONTENT_TYPE in request.headers else ""
    if not raw or kind == JSON_TYPE or kind.endswith("+json"):
        return raw, JSON_TYPE
    if kind in YAML_TYPES:
        return raw, kind
    raise Unprocessable(
        f"a body of type {kind or 'none'} is refused: curl needs -H 'Content-Type: application/json'", status=415
    )


def decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unprocessable(f"the body is not UTF-8: {error}", status=400) from None


async def body_of(request: web.Request) -> Any:
    """The JSON body; {} if there is none. Raises Unprocessable: 415 for another type, 400 for what is not JSON."""
    raw = await _json_body(request)
    return await aside(raw, partial(_parsed, raw))


async def checked_body(schema: str, request: web.Request) -> dict[str, Any]:
    """Raises Unprocessable, with everything that is wrong with it."""
    raw = await _json_body(request)
    return await aside(raw, lambda: checked(schema, _parsed(raw)))


async def aside(raw: bytes, call: Callable[[], Result]) -> Result:
    """What is done with a large body is done in a thread, so that nobody else waits: a megabyte can have 100,000
    mistakes. With a small one it is done at once."""
    return await in_thread(call, is_large=len(raw) > LARGE_BODY) if len(raw) > AT_ONCE else call()


async def _json_body(request: web.Request) -> bytes:
    raw, kind = await raw_body(request)
    if kind != JSON_TYPE:
        raise Unprocessable("only /__admin/state takes YAML", status=415)
    return raw


def _parsed(raw: bytes) -> Any:
    if not raw:
        return {}
    try:
        return strict_json(decoded(raw))
    except (ValueError, RecursionError) as error:
        raise Unprocessable(f"the body is not JSON: {error}", status=400) from None


def checked(schema: str, body: Any) -> dict[str, Any]:
    """Raises Unprocessable. A Long in it may be a string of digits."""
    checker = contract().checker(schema)
    body = with_longs(body, shape(checker))
    if not checker.accepts(body):
        raise Unprocessable(f"not {NAMED.get(schema, f'a {schema}')}", checker.problems(body))
    assert isinstance(body, dict)
    return body


def instant(text: str, *path: str) -> int:
    try:
        return parse_instant(text)[0]
    except ValueError as error:
        raise Unprocessable("not an instant", [Problem(path, str(error))]) from None


def duration(value: object, *path: str, endless: bool = False) -> int:
    """Nanoseconds; `never` (NEVER) only if it may be `endless`."""
    try:
        nanos = parse_duration(value)
        if nanos >= NEVER and not endless:
            raise ValueError("never does not end")
    except ValueError as error:
        raise Unprocessable("not a duration", [Problem(path, str(error))]) from None
    return nanos
