"""Requests of the journal as HAR 1.2, as a browser's network panel imports it: without passwords, cookies, tokens and
signatures. Times are the machine's.

Source: the HAR 1.2 specification. What is ours is in `_mock`, and in the comment.
"""

import base64
import json
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from mockserver import __version__
from mockserver.redaction import shown_headers, shown_query, shown_site, shown_target, shown_text
from mockserver.times import SECOND
from mockserver.world.clock import ticks, wall
from mockserver.world.evidence.exchange import BODY_BYTES, KEPT, Exchange
from mockserver.world.journal import Told

Json = dict[str, Any]
HTTP: Final = "HTTP/1.1"
PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
UNKNOWN: Final = "x-unknown"


def text(told: Iterable[Told]) -> str:
    """The whole file."""
    since_boot = wall() - ticks()
    log = {
        "version": "1.2",
        "creator": {"name": "ocp-mockserver", "version": __version__},
        "pages": [],  # not needed by the specification, but by Firefox
        "entries": [_entry(*one, since_boot) for one in told],
    }
    return json.dumps({"log": log}, ensure_ascii=False)


def _entry(world: str | None, number: int, one: Exchange, since_boot: int) -> Json:
    """`since_boot` makes ticks an instant of the machine's."""
    began = datetime.fromtimestamp((one.began + since_boot) / SECOND, UTC)
    took = one.duration_ms or 0
    operation = one.asked.to.operation
    return {
        "startedDateTime": began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": took,
        "request": _request(one),
        "response": _response(one),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": "; ".join(_comments(one)),
        "_mock": {
            "world": world,
            "id": number,
            "kind": one.kind,
            "operation": operation and operation.id,
            "rule": one.rule,
            "effect": one.effect,
            "hint": one.hint,
            "clientError": one.client_error,
            "expected": one.expected,
            "traceId": one.trace_id,
            "resent": one.resent,
        },
    }


def _comments(one: Exchange) -> Iterator[str]:
    if one.client_error is not None:
        yield f"{'expected ' if one.expected else ''}client error: {one.client_error}"
    if one.rule is not None:
        yield f"{one.rule} acted" + (f": {one.effect}" if one.effect else "")
    if one.status is None:
        yield "no answer"
    if max(len(one.asked.body), len(one.content)) > BODY_BYTES:
        yield f"of each body {BODY_BYTES} bytes are kept"


def _request(one: Exchange) -> Json:
    asked, body = one.asked, one.asked.body
    target = shown_target(asked.target)
    host = shown_site(asked.headers.get("Host", "localhost"))
    shown: Json = {
        "method": asked.method,
        "url": f"http://{host}{target}" if target.startswith("/") or not target else target,
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _pairs(asked.shown_headers()),
        "queryString": _pairs(shown_query(asked.query)),
        "headersSize": -1,
        "bodySize": _size(body),
    }
    if body:
        content, encoding = _content(body)
        encoded = {"encoding": encoding} if encoding else {}
        shown["postData"] = {
            "mimeType": shown_text(asked.headers.get("Content-Type", UNKNOWN)),
            "text": content,
            **encoded,
        }
    return shown


def _response(one: Exchange) -> Json:
    status, headers = one.status or 0, one.headers or {}
    content: Json = {"size": len(one.content), "mimeType": shown_text(_value(headers, "Content-Type")) or UNKNOWN}
    if one.content:
        content["text"], encoding = _content(one.content)
        content |= {"encoding": encoding} if encoding else {}
    return {
        "status": status,
        "statusText": PHRASES.get(status, ""),
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _pairs(shown_headers(headers.items())),
        "content": content,
        "redirectURL": shown_text(_value(headers, "Location")),
        "headersSize": -1,
        "bodySize": _size(one.content),
    }


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]


def _value(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted.lower()), "")


def _size(body: bytes) -> int:
    """-1 is HAR's for what is not known."""
    return -1 if len(body) >= KEPT else len(body)


def _content(body: bytes) -> tuple[str, str | None]:
    """The text of what is kept, and how it is encoded if it is no text."""
    kept = body[:BODY_BYTES]
    try:
        text = getincrementaldecoder("utf-8")().decode(kept, final=len(body) < KEPT)
    except UnicodeDecodeError:
        return base64.b64encode(kept).decode(), "base64"
    return shown_text(text), None
