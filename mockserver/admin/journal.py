"""Control routes of what happened: the journal of requests, the history of changes."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeVar, get_args
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from mockserver import redaction
from mockserver.admin.calls import MANY, Later
from mockserver.contract.errors import Problem, Unprocessable
from mockserver.contract.json_text import finite
from mockserver.contract.operations import OPERATIONS
from mockserver.contract.parameters import LONG_MAX, LONG_MIN, parse_long
from mockserver.contract.permissions import ANONYMOUS
from mockserver.globs import fits
from mockserver.server import responses
from mockserver.times import parse_instant
from mockserver.world.account import VALID
from mockserver.world.evidence import har
from mockserver.world.evidence.exchange import BODY_BYTES, Exchange, Kind
from mockserver.world.history import Change
from mockserver.world.live import TIME
from mockserver.world.turns import in_thread
from mockserver.world.worlds import Site

LONG: Final[dict[str, object]] = {"type": "integer", "format": "int64", "minimum": LONG_MIN, "maximum": LONG_MAX}
TEXT: Final[dict[str, object]] = {"type": "string"}
R = TypeVar("R", Exchange, Change)


class Filter(NamedTuple):
    """A query parameter that narrows a list, for the document; numbers are read as Longs."""

    schema: dict[str, object]
    description: str


NAMES: Final[dict[str, tuple[str, ...]]] = {
    **{"operation": tuple(OPERATIONS), "kind": get_args(Kind), "worlds": ("all",), "format": ("json", "har")},
}
FILTERS: Final[dict[str, Filter]] = {
    "operation": Filter({"type": "string", "enum": list(OPERATIONS)}, "Only this operation."),
    "method": Filter(TEXT, "Only by this HTTP method."),
    "path": Filter(TEXT, "Only to paths that this glob is, in which * crosses slashes; with /w/{world} or without."),
    "status": Filter({"type": "integer", "minimum": 100, "maximum": 599}, "Only with this HTTP status."),
    "user": Filter(TEXT, "Only by this user, by the name that was sent."),
    "traceId": Filter(TEXT, "Only the one with this trace id."),
    "taskInstanceId": Filter(LONG, "Only about this task (and its subtasks)."),
    "subtaskInstanceId": Filter(LONG, "Only about the subtask with this id."),
    "kind": Filter({"type": "string", "enum": list(get_args(Kind))}, "Only of this kind."),
    "clientError": Filter({"type": "boolean"}, "Only those that left the contract; or only the others."),
    "since": Filter(TEXT, "Only from this instant on: an ISO 8601 date-time with offset."),
    "limit": Filter({"type": "integer", "minimum": 1}, "Only so many: the last of a record, the first of the tasks."),
    "format": Filter({"type": "string", "enum": ["json", "har"]}, "HAR 1.2, as a browser's network panel imports it."),
    "worlds": Filter({"type": "string", "enum": ["all"]}, "All worlds together, those that are gone too."),
    "name": Filter(TEXT, "Only those whose name contains this, in upper or lower case."),
}


class Asked(NamedTuple):
    """What a query asks for: all that is in `wanted` must hold."""

    wanted: dict[str, object]
    since: int | None
    limit: int | None

    def last(self, records: Iterable[tuple[int, R]], facts: Mapping[str, Callable[[R], object]]) -> list[tuple[int, R]]:
        """Of numbered records those for which it holds, by what `facts` reads of one."""
        since, wanted = self.since, self.wanted.items()
        chosen = [
            (number, one)
            for number, one in records
            if (since is None or one.time >= since) and all(holds(facts[key](one), value) for key, value in wanted)
        ]
        return chosen[-self.limit :] if self.limit else chosen


def holds(fact: object, value: object) -> bool:
    """Of several texts, that the glob is one of them."""
    return any(fits(one, str(value)) for one in dict.fromkeys(fact)) if isinstance(fact, tuple) else fact == value


def asked(request: web.Request, *known: str) -> Asked:
    """Raises Unprocessable."""
    wanted: dict[str, object] = {}
    since, limit = None, None
    given = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    names = [key for key, _ in given]
    for key, value in given:
        try:
            if key not in known:
                raise ValueError(f"no filter; there are {', '.join(known)}")
            if names.count(key) > 1:
                raise ValueError("not the only one: a filter is given once")
            if key == "since":
                since = parse_instant(value.replace(" ", "+"))[0]
            elif key == "limit":
                limit = parse_long(value)
                if limit < 1:
                    raise ValueError("less than 1")
            elif FILTERS[key].schema["type"] == "integer":
                number = wanted[key] = parse_long(value)
                if key == "status" and not 100 <= number <= 599:
                    raise ValueError("not from 100 to 599")
            elif FILTERS[key].schema["type"] == "boolean":
                if value not in ("true", "false"):
                    raise ValueError("neither true nor false")
                wanted[key] = value == "true"
            elif value not in (allowed := NAMES.get(key, (value,))):
                raise ValueError(f"none of {', '.join(allowed)}")
            else:
                wanted[key] = value
        except ValueError as error:
            raise Unprocessable("not a filter", [Problem((key,), f"{value!r} is {error}")]) from None
    return Asked(wanted, since, limit)


def user_of(entry: Exchange) -> str | None:
    """By the name that was sent, or whose access key was, or for whom the session stood."""
    sent = entry.asked.sent
    is_signed = sent.signature is not None and sent.user != ANONYMOUS
    return sent.user if sent.password is not None or is_signed or sent.session else None


def paths_of(entry: Exchange) -> tuple[str, ...]:
    """By which it may be found: as sent, and decoded; and without the world that it names."""
    paths = path_of(entry), entry.asked.path
    return (*paths, *(IN_WORLD.sub("", path) for path in paths))


def path_of(entry: Exchange) -> str:
    """As sent."""
    return redaction.shown_target(entry.asked.target).partition("?")[0]


IN_WORLD: Final = re.compile(r"^/w/[^/]+(?=/)")
FACTS: Final[dict[str, Callable[[Exchange], object]]] = {
    "operation": lambda entry: (operation := entry.asked.to.operation) and operation.id,
    "method": lambda entry: entry.asked.method,
    "path": paths_of,
    "status": lambda entry: entry.status,
    "user": user_of,
    "traceId": lambda entry: entry.trace_id,
    "taskInstanceId": lambda entry: entry.asked.to.task,
    "subtaskInstanceId": lambda entry: entry.asked.to.subtask,
    "kind": lambda entry: entry.kind,
    "clientError": lambda entry: entry.client_error is not None,
}
REQUEST_FILTERS: Final = (*FACTS, "since", "limit", "format")
MAX_DEPTH: Final = 100
HAR_TYPE: Final = "application/har+json"
WITH_BODIES: Final = 50
"""Of more requests an answer is made in a thread: each can have 32 KiB of bodies."""


async def get_requests(site: Site, request: web.Request) -> object:
    """Oldest first. With `format=har`, or where `application/har+json` is accepted: as HAR 1.2."""
    journal, wire = site.served.journal, site.served.wire
    filters = asked(request, *REQUEST_FILTERS)
    form = filters.wanted.pop("format", "har" if HAR_TYPE in request.headers.get(hdrs.ACCEPT, "") else "json")
    chosen = filters.last(journal.numbered(), FACTS)
    if form == "har":
        name = site.name
        content = await in_thread(
            lambda: har.text((name, number, entry) for number, entry in chosen).encode("utf-8", "replace")
        )
        return web.Response(body=content, content_type=HAR_TYPE, headers={responses.CONTRACT: VALID})
    total, dropped = journal.total, journal.dropped

    def told() -> dict[str, object]:
        entries = [entry_json(number, entry, wire.instant) for number, entry in chosen]
        return {"requests": entries, "total": total, "dropped": dropped}

    return Later(told) if len(chosen) > WITH_BODIES else told()


async def delete_requests(site: Site, request: web.Request) -> None:
    site.served.journal.forget()


def entry_json(
    number: int, entry: Exchange, render: Callable[[int], str | None], *, whole: bool = True
) -> dict[str, object]:
    """`whole`: with its headers and bodies."""
    asked, effect = entry.asked, entry.effect
    sent: dict[str, object] = {}
    received: dict[str, object] = {}
    if whole:
        answered = redaction.shown_headers((entry.headers or {}).items())
        sent = {"requestHeaders": headers_json(asked.shown_headers()), "requestBody": body_json(asked.body)}
        received = {
            "responseHeaders": headers_json(answered),
            "responseBody": body_json(entry.content),
        }
    return {
        "id": number,
        "time": render(entry.time),
        "kind": entry.kind,
        "operation": asked.to.operation and asked.to.operation.id,
        "method": asked.method,
        "path": path_of(entry),
        "query": query_json(asked.query),
        "user": user_of(entry),
        **sent,
        "status": entry.status,
        "errorCode": error_code(entry),
        **received,
        "duration": entry.duration_ms,
        "rule": entry.rule,
        "effect": f"{effect}, let go" if entry.let_go else effect,
        "hint": entry.hint,
        "clientError": entry.client_error,
        "expected": entry.expected,
        "traceId": entry.trace_id,
        "resent": entry.resent,
        "truncated": max(len(asked.body), len(entry.content)) > BODY_BYTES,
    }


def nested(body: bytes) -> int:
    """At least how deep its brackets go, those in strings included."""
    return max(accumulate((sign in b"[{") - (sign in b"]}") for sign in body))


def body_json(body: bytes) -> Any:
    if not body:
        return None
    try:
        if len(body) > BODY_BYTES or nested(body) > MAX_DEPTH:
            raise ValueError("cut, or too deep to be shown as JSON")
        return redaction.shown_json(json.loads(body, parse_constant=str, parse_float=finite))
    except (ValueError, RecursionError):
        return redaction.shown_text(body[:BODY_BYTES].decode("utf-8", "replace"))


def query_json(query: str) -> dict[str, object]:
    """The values of one that is repeated are a list."""
    found: dict[str, list[str]] = {}
    for name, text in redaction.shown_query(query):
        found.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


def headers_json(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of one name are one."""
    found: dict[str, str] = {}
    for name, text in headers:
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def error_code(entry: Exchange) -> object:
    """That of the envelope; None if there is none."""
    if entry.status is None or entry.status < 400 or len(entry.content) > BODY_BYTES:
        return None
    try:
        code = json.loads(entry.content)["error"]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return code if type(code) in (str, int) else None  # a fault may have put anything there


CHANGE_FACTS: Final[dict[str, Callable[[Change], object]]] = {
    "taskInstanceId": lambda change: change.task_instance_id,
    "subtaskInstanceId": lambda change: change.subtask_instance_id,
}
CHANGE_FILTERS: Final = (*CHANGE_FACTS, "since", "limit")


async def get_history(site: Site, request: web.Request) -> object:
    """In the order in which it happened, so that one task's part reads as its story."""
    filters = asked(request, *CHANGE_FILTERS)
    site.served.up_to_now()
    history, wire = site.served.live.history, site.served.wire
    chosen, total, dropped = filters.last(history.numbered(), CHANGE_FACTS), history.total, history.dropped

    def told() -> dict[str, object]:
        changes = [transition(change, wire.instant) for _, change in chosen]
        return {"history": changes, "total": total, "dropped": dropped}

    return Later(told) if len(chosen) > MANY else told()


def transition(change: Change, render: Callable[[int], str | None]) -> dict[str, object]:
    cause = change.cause
    return {
        "time": render(change.time),
        "taskInstanceId": change.task_instance_id,
        "subtaskInstanceId": change.subtask_instance_id,
        "from": change.before,
        "to": change.after,
        "operation": change.operation,
        "cause": cause if cause == TIME or " " in cause else f"request {cause}",
    }
