"""A stub: one of WireMock's stub mappings, as a value; and what no schema says of one.

The words are WireMock's, but for `response.session`, which is ours. Nothing here answers anything.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from mimetypes import guess_type
from typing import Any, Final

from multidict import CIMultiDict, MultiMapping

from mockserver.contract.dialects import DIALECTS
from mockserver.contract.errors import Problem
from mockserver.faults import effects
from mockserver.faults.effects import Delay, Dribble, TransportFault, delay_of
from mockserver.stubs.matchers import URLS, VARIABLE, WORDS, Request
from mockserver.stubs.patterns import Pattern
from mockserver.tasks.value import value

PRIORITY: Final = 5
BODIES: Final = ("body", "jsonBody", "base64Body", "bodyFileName")
PLAIN_BYTES: Final = 64 * 1024
FORM: Final = "form"
END: Final = "end"
MATCHED: Final = ("pathParameters", "queryParameters", "headers", "cookies")
MOST_NAMES: Final = 100
"""Of headers, say, in one stub."""
_TWO_IN_A_STEP: Final = re.compile(r"\}[^/]*\{")
Json = Mapping[str, Any]


@value
class Response:
    """What a stub answers. Its headers are as they were given, and its body's type where none was."""

    status: int
    reason: str | None
    headers: MultiMapping[str]
    body: bytes = b""
    file: str | None = None
    """The name below `__files` of what is its body."""
    delay: Delay | None = None
    dribble: Dribble | None = None
    fault: TransportFault | None = None
    session: str | None = None
    """FORM, END, or the name of a user."""
    is_plain: bool = False
    """Whether it is nothing but a status that has content, headers and a body that is known."""


@value
class Stub:
    id: str
    priority: int
    request: Request
    response: Response
    json: Json
    """As it was given."""

    def to_json(self) -> Json:
        return {**self.json, "id": self.id}


def id_in(body: Json) -> str | None:
    """WireMock calls it by both names."""
    given: str | None = body.get("id", body.get("uuid"))
    return given


def from_json(body: Json, id: str) -> Stub:
    """From a body that fits stub.schema.json and has no `problems`."""
    return Stub(
        id=id,
        priority=int(body.get("priority", PRIORITY)),
        request=Request.of(body.get("request", {})),
        response=_response(body.get("response", {})),
        json=body,
    )


def _response(body: Json) -> Response:
    headers = [
        (name, text)
        for name, given in body.get("headers", {}).items()
        for text in ([given] if isinstance(given, str) else given)
    ]
    content, media_type = b"", None
    match body:
        case {"body": str(text)}:
            content, media_type = text.encode("utf-8", "replace"), "text/plain; charset=utf-8"
        case {"jsonBody": data}:
            content, media_type = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"), "application/json"
        case {"base64Body": str(text)}:
            content, media_type = base64.b64decode(text), "application/octet-stream"
        case {"bodyFileName": str(name)}:
            media_type = guess_type(name)[0] or "application/octet-stream"
    if media_type is not None and "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", media_type))
    dribble = body.get("chunkedDribbleDelay")
    made = Response(
        status=int(body.get("status", 200)),
        reason=body.get("statusMessage"),
        headers=CIMultiDict(headers),
        body=content,
        file=body.get("bodyFileName"),
        delay=delay_of(dict(body)),
        dribble=dribble and Dribble(chunks=int(dribble["numberOfChunks"]), total_ms=dribble["totalDuration"]),
        fault=body.get("fault"),
        session=body.get("session"),
    )
    special = (made.reason, made.file, made.delay, made.dribble, made.fault, made.session)
    is_plain = (
        not any(special)
        and made.status not in (204, 304)
        and len(content) <= PLAIN_BYTES
        and "Content-Type" in made.headers
        and not any(name in made.headers for name in ("Date", "Server"))
    )
    return replace(made, is_plain=is_plain)


# --- what no schema says of a stub -----------------------------------------------------------------------------------


def problems(body: Json, users: Collection[str], is_file: Callable[[str], bool]) -> list[Problem]:
    """Which keys go together, what is no pattern, and what is not there: a user of the world (where it has none, any
    will do), or a file below `__files`. `body` fits stub.schema.json."""
    request, response = body.get("request", {}), body.get("response", {})
    return [
        *(Problem(("request", *path), message) for path, message in _of_request(request)),
        *(Problem(("response", *path), message) for path, message in _of_response(response, users)),
        *(
            Problem(("response", "bodyFileName"), message)
            for message in _of_file(response.get("bodyFileName"), is_file)
        ),
    ]


def _of_request(body: Json) -> Iterator[Problem]:
    given = [key for key in URLS if key in body]
    yield from (Problem((key,), f"one URL only, and {given[0]} is one already") for key in given[1:])
    for key in given:
        text: str = body[key]
        if key in ("urlPattern", "urlPathPattern"):
            yield from _pattern((key,), text)
        elif not text.startswith("/"):
            yield Problem((key,), "a URL begins with a slash here, without scheme and host")
        elif key != "url" and "?" in text:
            yield Problem((key,), "a path has no query (see url and queryParameters)")
    template = body.get("urlPathTemplate", "")
    names = VARIABLE.findall(template)
    if len(names) != len({*names}) or _TWO_IN_A_STEP.search(template):
        yield Problem(("urlPathTemplate",), "a variable stands once, and one at most in a step of the path")
    for name in body.get("pathParameters", {}):
        if name not in names:
            yield Problem(("pathParameters", name), "urlPathTemplate has no such variable in braces")
    for key in MATCHED:
        matchers = body.get(key, {})
        if len(matchers) > MOST_NAMES:
            yield Problem((key,), f"more than {MOST_NAMES} names")
            continue
        for name, matcher in matchers.items():
            yield from (Problem((key, name, *path), message) for path, message in _of_matcher(matcher))


def _of_matcher(body: Json) -> Iterator[Problem]:
    given = [word for word in WORDS if word in body]
    if not given:
        yield Problem((), f"what it must be is missing: one of {', '.join(WORDS)}")
    yield from (Problem((word,), f"one of these only, and {given[0]} is one already") for word in given[1:])
    if "caseInsensitive" in body and "equalTo" not in body:
        yield Problem(("caseInsensitive",), "goes with equalTo only; a pattern may begin with (?i)")
    for word in ("matches", "doesNotMatch"):
        if word in body:
            yield from _pattern((word,), body[word])


def _pattern(path: tuple[str, ...], text: str) -> Iterator[Problem]:
    try:
        Pattern(text)
    except ValueError as error:
        yield Problem(path, str(error))


def _of_response(body: Json, users: Collection[str]) -> Iterator[Problem]:
    given = [key for key in BODIES if key in body]
    yield from (Problem((key,), f"one body only, and {given[0]} is one already") for key in given[1:])
    if body.get("status") in (204, 304):
        yield from (Problem((key,), f"a {body['status']} has no body") for key in given if body[key] != "")
    try:
        base64.b64decode(body.get("base64Body", ""), validate=True)
    except (binascii.Error, ValueError):
        yield Problem(("base64Body",), "not Base64")
    reason: str = body.get("statusMessage", "")
    if not (reason.isascii() and reason.isprintable()):
        yield Problem(("statusMessage",), "printable ASCII is all that a status line takes")
    for name, texts in body.get("headers", {}).items():
        for text in [texts] if isinstance(texts, str) else texts:
            wrong = effects.wrong_header(name, text)
            if wrong is not None:
                yield Problem(("headers", name), wrong)
    delays = {key: body[key] for key in effects.DELAYS if key in body}
    if delays:
        yield from effects.problems(delays, DIALECTS["ocp-4.2.2"])
    if "fault" in body and "session" in body:
        yield Problem(("session",), f"no cookie is sent, since fault is {body['fault']}")
    session = body.get("session", FORM)
    if session not in (FORM, END) and users and session not in users:
        yield Problem(("session",), f"{session!r} is none of {FORM}, {END} or the users {', '.join(users)}")


def _of_file(name: str | None, is_file: Callable[[str], bool]) -> Iterator[str]:
    if name is None:
        return
    steps = name.replace("\\", "/").split("/")
    if not name.isprintable() or ":" in name or not all(steps) or {".", ".."} & {*steps}:
        yield "not the name of a file below __files, without . or .. on its way"
    elif not is_file(name):
        yield "there is no such file in the folder __files beside the fixtures"
