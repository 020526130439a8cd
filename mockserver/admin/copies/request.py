"""A request of the journal, sent again: what it says of who asks, its path in a test, and a line for a shell.

Text is all that is made here. A password that was wrong is not shown, nor are credentials of any other kind: who signed
a request sends a password.
"""

import base64
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from yarl import URL

from mockserver import redaction
from mockserver.contract import credentials
from mockserver.contract.dialects import DIALECTS
from mockserver.contract.parameters import parse_query
from mockserver.contract.permissions import User
from mockserver.contract.routes import route
from mockserver.faults.effects import Error
from mockserver.faults.header import OWN, PREFERRED
from mockserver.faults.rules import Fault
from mockserver.world.evidence.exchange import API, BODY_BYTES, Exchange
from mockserver.world.served import GENERATIONS
from mockserver.world.value import World

LOST: Final = f"the world was replaced {GENERATIONS} times or more since then"
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a shell does not take, or a terminal obeys."""
OURS: Final = re.compile(r"/(w|__admin|openapi\.json)(/|$)")
Json = dict[str, Any]


class Lost(Exception):
    """A copy cannot be made exactly; the message says why. One that is not exact is none."""


class Again(NamedTuple):
    """How a request is sent again: what it says of who asks, its other headers, its body."""

    sent: credentials.Sent
    headers: dict[str, str]
    body: bytes


def again(entry: Exchange) -> Again:
    """Raises Lost, if that is not known any more."""
    asked = entry.asked
    content_type = asked.headers.get("Content-Type")
    if len(asked.body) > BODY_BYTES:
        raise Lost("its body was longer than what is kept of one")
    if entry.kind != API and _has_secret(asked.body.decode("utf-8", "replace")):
        raise Lost("its body has a secret, which is not shown")
    if _has_secret(target(entry)):
        raise Lost("its query has a secret, which is not shown")
    if _is_wrong_elsewhere(entry):
        raise Lost("what was wrong with it is not kept: a header, or how its body was sent")
    if content_type is not None and not content_type.isascii():
        raise Lost("its Content-Type is not ASCII")
    headers: dict[str, str] = {}
    sent = credentials.NOBODY
    authorization = asked.headers.get("Authorization")
    if asked.sent.signature is not None or asked.sent.session:
        sent = _unsigned(entry)
    elif asked.sent.session is False and world_before(entry).settings.auth == "open":
        raise Lost("its session had ended, and no session is shown")
    elif authorization is not None:
        sent, header = _shown(authorization, world_before(entry).users)
        if header is not None:
            headers["Authorization"] = header
    if asked.body and content_type is not None:
        headers["Content-Type"] = content_type
    fault = entry.fault
    if fault is not None and fault.id == OWN:
        headers[OWN] = json.dumps(effects_of(fault))
    elif fault is not None and fault.id == PREFERRED:
        assert isinstance(fault.effect, Error)
        headers[PREFERRED] = f"code={fault.effect.status}"
    return Again(sent, headers, asked.body)


def world_before(entry: Exchange) -> World:
    """The world that it met. Raises Lost."""
    if entry.before is None:
        raise Lost(LOST)
    return entry.before


def _is_wrong_elsewhere(entry: Exchange) -> bool:
    """Whether it was refused as no valid request, though its parameters are."""
    to = entry.asked.to
    if entry.fault is not None or entry.status not in (400, 408, 413) or entry.client_error is None:
        return False
    values = parse_qs(target(entry).partition("?")[2], keep_blank_values=True)
    if to.operation is None:
        return True
    parsed = parse_query(to.operation.id, to.operation.query, values)
    return not (to.wrong or parsed.wrong or parsed.unsortable)


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


def _unsigned(entry: Exchange) -> credentials.Sent:
    """The user's own credentials in the place of a signature, which would be too old anyway, or of a session. Raises
    Lost."""
    fault, world, sent = entry.fault, world_before(entry), entry.asked.sent
    if entry.status == 401 and (fault is None or not fault.replaces):
        raise Lost("it was signed, and no signature is shown")
    user = world.users.get(sent.user)
    if user is not None:
        return credentials.Sent(user.name, user.password)
    return credentials.Sent(sent.user, "any-password") if world.settings.auth == "basic" else credentials.NOBODY


def _has_secret(text: str) -> bool:
    return redaction.REDACTED in text or redaction.shown_text(text) != text


def target(entry: Exchange) -> str:
    """The path and query that were asked for; of an absolute one without who and where."""
    path = entry.asked.target
    if not path.startswith("/"):
        _, _, rest = path.partition("://")
        path = "/" + rest.partition("/")[2] if rest else path
    return path


def curl(entry: Exchange, base: str, world: str | None) -> str:
    """One line that sends it again. `base` is the server's URL; `world` one that is not in the path. Raises Lost."""
    request = again(entry)
    words = ["curl", "-i"]
    path = target(entry)
    if re.search(r"[][{}]", path):
        words.append("--globoff")
    if has_dots(path):
        words.append("--path-as-is")
    if entry.asked.method == "HEAD":
        words.append("--head")
    elif entry.asked.method != "GET" or request.body:
        words += ["-X", entry.asked.method]
    headers = dict(request.headers)
    if world is not None:
        headers["X-Mock-World"] = world
    if request.sent.wrong is None and request.sent.password is not None:
        login = f"{request.sent.user}:{request.sent.password}"
        if login.isprintable():
            words += ["-u", login]
        else:
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    body = request.body if entry.asked.method != "HEAD" else b""
    if body and "Content-Type" not in request.headers:
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
    if not CONTROLS.search(text):
        return shlex.join([*words[:-1], "--data-raw", text, words[-1]])
    sending = shlex.join([*words[:-1], "--data-binary", "@-", words[-1]])
    return f"echo {base64.b64encode(body).decode()} | base64 -d | {sending}"


def has_dots(path: str) -> bool:
    return any(unquote(step) in (".", "..") for step in path.partition("?")[0].split("/"))


def path_in_test(entry: Exchange, prefixes: Sequence[str]) -> str:
    """Its path and query under the prefix of its world's dialect, which a test's server has. Raises Lost."""
    path, mark, query = target(entry).partition("?")
    if has_dots(path):
        raise Lost("requests tidies up a path with dots")
    own = world_before(entry).settings.variant.row.prefix
    for prefix in sorted({own, *prefixes}, key=len, reverse=True):
        for match in re.finditer(f"(?={re.escape(prefix)}/)", path):
            start = match.start()
            below = path[start + len(prefix) :]
            to = route(entry.asked.method, URL(below, encoded=True).path_safe[1:])
            if to == entry.asked.to:
                if to.operation is None and f"{own}{below}" != path:
                    raise Lost("its answer names its path, which is another one in a test")
                return f"{own}{below}{mark}{query}"
    if OURS.match(path) or path.startswith(tuple(f"{one.prefix}/" for one in DIALECTS.values())):
        raise Lost("in a test that path is another's")
    return path + mark + query
