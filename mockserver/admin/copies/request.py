"""A request of the journal, sent again: what it says of who asks, its path in a test, and a line for a shell.

Text is all that is made here. A password that was wrong is not shown, nor are credentials of any other kind.
"""

import base64
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from yarl import URL

from mockserver.contract.errors import BAD_PARAMETER
from mockserver.contract.parameters import parse_query
from mockserver.contract.permissions import User
from mockserver.contract.routes import NOWHERE, route
from mockserver.faults.effects import Error
from mockserver.faults.rules import Fault
from mockserver.server import credentials
from mockserver.server.fault_injection import OWN, PREFERRED
from mockserver.world.journal import BODY_BYTES, Exchange
from mockserver.world.moments import Lost

PREFIX: Final = "/api/v2"
OURS: Final = re.compile(r"/(w|__admin|openapi\.json)(/|$)")
Json = dict[str, Any]


class Asked(NamedTuple):
    """How a request is sent again: what it says of who asks, its other headers, its body."""

    sent: credentials.Sent
    headers: dict[str, str]
    body: bytes
    is_own: bool
    """Whether the fault that acted is one that the request itself asks for."""


def asked(entry: Exchange) -> Asked:
    """Raises Lost, if that is not known any more."""
    if len(entry.request_body) > BODY_BYTES:
        raise Lost("its body was longer than what is kept of one")
    if _is_wrong_elsewhere(entry):
        raise Lost("what was wrong with it is not kept: a header, or how its body was sent")
    if entry.content_type is not None and not entry.content_type.isascii():
        raise Lost("its Content-Type is not ASCII")
    headers: dict[str, str] = {}
    sent = credentials.NOBODY
    if entry.authorization is not None:
        sent, header = _shown(entry.authorization, entry.base.users)
        if header is not None:
            headers["Authorization"] = header
    if entry.request_body and entry.content_type is not None:
        headers["Content-Type"] = entry.content_type
    fault = entry.fault
    if fault is not None and fault.id == OWN:
        headers[OWN] = json.dumps(effects_of(fault))
    elif fault is not None and fault.id == PREFERRED:
        assert isinstance(fault.effect, Error)
        headers[PREFERRED] = f"code={fault.effect.status}"
    return Asked(sent, headers, entry.request_body, fault is not None and fault.id in (OWN, PREFERRED))


def _is_wrong_elsewhere(entry: Exchange) -> bool:
    """Whether it was refused as no valid request (10001), though its parameters are."""
    to, body = entry.to, entry.response_body
    if entry.fault is not None or entry.status not in (400, 408, 413) or len(body) > BODY_BYTES:
        return False
    if json.loads(body)["error"]["code"] != BAD_PARAMETER.code:
        return False
    values = parse_qs(target(entry).partition("?")[2], keep_blank_values=True)
    return to.operation is None or not (to.wrong or parse_query(to.operation.id, to.operation.query, values)[1])


def effects_of(fault: Fault) -> Json:
    """What a rule does, without whom it does it to, and how often."""
    described = {**(fault.effect.to_json() if fault.effect else {}), **(fault.delay.to_json() if fault.delay else {})}
    return described if fault.when == "before" else {"when": fault.when, **described}


NOT_SHOWN: Final = "not-shown"
WRONG: Final = ("a-wrong-password", "another-wrong-password")


def _shown(header: str, users: Mapping[str, User]) -> tuple[credentials.Sent, str | None]:
    """Credentials that are answered as these were, but say what is no secret; the header, if it is not a Basic one."""
    sent = credentials.parsed(header)
    if sent.wrong is not None:
        scheme, _ = credentials.split(header)
        shown = f"{scheme} {NOT_SHOWN}".lstrip()
        if scheme.lower() == "basic" and "colon" in sent.wrong:
            shown = f"{scheme} {base64.b64encode(NOT_SHOWN.encode()).decode()}"
        return credentials.parsed(shown), shown
    user = users.get(sent.user)
    if user is not None and user.password == sent.password:
        return sent, None
    real = None if user is None else user.password
    return credentials.Sent(sent.user, WRONG[real == WRONG[0]] if users else "any-password"), None


def target(entry: Exchange) -> str:
    """The path and query that were asked for; of an absolute one without who and where."""
    path = entry.path
    if not path.startswith("/"):
        _, _, rest = path.partition("://")
        path = "/" + rest.partition("/")[2] if rest else path
    return path


# --- curl ----------------------------------------------------------------------------------------------------------


def curl(entry: Exchange, base: str, world: str | None) -> str:
    """One line that sends it again. `base` is the server's URL; `world` one that is not in the path. Raises Lost."""
    request = asked(entry)
    words = ["curl", "-i"]
    path = target(entry)
    if re.search(r"[][{}]", path):
        words.append("--globoff")
    if _has_dots(path):
        words.append("--path-as-is")
    if entry.method == "HEAD":
        words.append("--head")
    elif entry.method != "GET" or request.body:
        words += ["-X", entry.method]
    headers = dict(request.headers)
    if world is not None:
        headers["X-Mock-World"] = world
    if request.sent.wrong is None and request.sent.password is not None:
        words += ["-u", f"{request.sent.user}:{request.sent.password}"]
        if "\0" in words[-1]:
            raise Lost("no shell takes the NUL in its credentials")
    body = request.body if entry.method != "HEAD" else b""
    if body and entry.content_type is None:
        words += ["-H", "Content-Type:"]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    words.append(base + path)
    if not body:
        return shlex.join(words)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return shlex.join([*words[:-1], "--data-raw", text, words[-1]])
    sending = shlex.join([*words[:-1], "--data-binary", "@-", words[-1]])
    return f"echo {base64.b64encode(body).decode()} | base64 -d | {sending}"


def _has_dots(path: str) -> bool:
    return any(unquote(step) in (".", "..") for step in path.partition("?")[0].split("/"))


# --- in a test ------------------------------------------------------------------------------------------------------


def path_in_test(entry: Exchange, prefixes: Sequence[str]) -> str:
    """Its path and query under the prefix that a test's server has. Raises Lost."""
    path, mark, query = target(entry).partition("?")
    if _has_dots(path):
        raise Lost("requests tidies up a path with dots")
    for prefix in sorted(prefixes, key=len, reverse=True):
        start = path.find(f"{prefix}/")
        while start >= 0:
            below = path[start + len(prefix) :]
            to = route(entry.method, URL(below, encoded=True).path_safe[1:])
            elsewhere = entry.to == NOWHERE and re.fullmatch(r"(/w/[^/]*)?", path[:start]) is None
            if to == entry.to and not elsewhere:
                return f"{PREFIX}{below}{mark}{query}"
            start = path.find(f"{prefix}/", start + 1)
    if OURS.match(path) or path.startswith(f"{PREFIX}/"):
        raise Lost("in a test that path is another's")
    return path + mark + query
