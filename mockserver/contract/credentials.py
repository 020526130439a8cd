"""Who sends a request: what its Authorization header says (HTTP Basic, or a signature), and what of it may be shown.

A signature and its message are the document's; nothing here knows a user, a secret of a world's, or the time.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import md5
from hmac import digest
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from multidict import MultiMapping, istr

from mockserver.contract.permissions import ANONYMOUS

AUTHORIZATION: Final = istr("Authorization")  # looked up in every request, and an istr is in half of the time
BASIC: Final = "Basic"
SIGNED: Final = "OCP-ACCESS-KEY-HMACSHA1"
HIDDEN: Final = b"password=..."
_PASSWORD: Final = re.compile(rb"(?<![^&])password=[^&]*")
SESSION: Final = "OCP_MOCK_SESSION"
"""The cookie that stands for a user who has logged in by a stub."""
OCP_HEADERS: Final = "x-ocp-"
Scheme = Literal["Basic", "OCP-ACCESS-KEY-HMACSHA1"]
_SCHEMES: Final[dict[str, Scheme]] = {scheme.lower(): scheme for scheme in (BASIC, SIGNED)}
_NAMES: Final = frozenset(
    (
        *("aws4-hmac-sha256", "apikey", "bearer", "digest", "dpop", "gnap", "hawk", "hmac", "hoba", "jwt", "mutual"),
        *("negotiate", "ntlm", "oauth", "privatetoken", "scram-sha-1", "scram-sha-256", "token", "vapid"),
        *_SCHEMES,
    )
)
"""Of schemes, in lower case."""
_USERINFO: Final = re.compile(r"^((?:[^/?#]*//)?)[^/?#]*@")
_ORIGIN: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_WORLD: Final = re.compile(r"/w/[^/]+(?=/)")


class Signature(NamedTuple):
    """That of a request, with all that is needed to check it but the secret."""

    access_key: str
    sent: str
    """What was sent as the signature: Base64 of 20 bytes, if it is one."""
    date: str | None
    """The Date header."""
    messages: tuple[str, ...]
    """Any of these may have been signed; the first is as the document's words have it."""

    def fits(self, secret: str) -> Iterator[str]:
        """What would have been a signature: for each message one."""
        return (signature(secret, message) for message in self.messages)


class Sent(NamedTuple):
    """What an Authorization header says. `wrong` is what is wrong with the header itself."""

    user: str = ANONYMOUS
    """Of a signed request: whose access key it is, once a world has been asked."""
    password: str | None = None
    wrong: str | None = None
    scheme: Scheme | None = None
    """None for one that is neither of the two, and where there is no header."""
    signature: Signature | None = None
    session: bool | None = None
    """Whether a session stands for the user; False for one that is unknown or has ended, None where there is none."""


NOBODY: Final = Sent()


def sent_with(method: str, target: str, headers: MultiMapping[str], body: bytes) -> Sent:
    """Who a request says it is from. `target` and `headers` are as they were sent, and `body` is the whole."""
    header = headers.get(AUTHORIZATION)
    if header is None:
        return NOBODY
    sent = parsed(header)
    if sent.scheme != SIGNED or sent.wrong is not None:
        return sent
    access_key, _, given = split(header)[1].partition(":")
    messages = tuple(_messages(method, target, headers, body))
    return sent._replace(signature=Signature(access_key, given, headers.get("Date"), messages))


@lru_cache(maxsize=256)
def parsed(header: str) -> Sent:
    """What the header itself says: of a signed one no more than its scheme, and what is wrong with it."""
    name, token = split(header)
    scheme = _SCHEMES.get(name.lower())
    if scheme is None:
        return Sent(wrong=f"The Authorization scheme is {f'{name}, ' * bool(name)}not Basic")
    if scheme == SIGNED:
        access_key, colon, given = token.partition(":")
        is_whole = access_key and colon and given
        return Sent(wrong=None if is_whole else "The signature is not accessKey:signature", scheme=SIGNED)
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return Sent(wrong="The Basic credentials are not base64", scheme=BASIC)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    user, colon, password = text.partition(":")
    if not colon:
        return Sent(wrong="The Basic credentials have no colon between user and password", scheme=BASIC)
    return Sent(user, password, scheme=BASIC)


def split(header: str) -> tuple[str, str]:
    """The scheme and what follows it. One word alone, or one that nobody knows, may be a secret, and is no scheme."""
    scheme, _, token = header.strip().partition(" ")
    is_named = scheme.lower() in _NAMES and (token != "" or scheme.lower() in _SCHEMES)
    return scheme if is_named else "", token.strip()


def without_password(form: bytes) -> bytes:
    """A urlencoded form with HIDDEN in the place of its password."""
    return _PASSWORD.sub(HIDDEN, form)


def redacted(target: str) -> str:
    """What a request asks for, without the name and password that a target such as http://user:password@host/ has."""
    return target if target.startswith("/") else _USERINFO.sub(r"\1", target)


# --- signed requests (document) ------------------------------------------------------------------------------------


def signature(secret: str, message: str) -> str:
    """Base64 of HMAC-SHA1."""
    return base64.b64encode(digest(_bytes(secret), _bytes(message), "sha1")).decode()


def signed(access_key: str, secret: str, method: str, target: str, headers: MultiMapping[str]) -> str:
    """The Authorization header of a request without a body that is about to be sent with these headers, Date and Host
    among them."""
    message = next(_messages(method, target, headers, b""))
    return f"{SIGNED} {access_key}:{signature(secret, message)}"


def _messages(method: str, target: str, headers: MultiMapping[str], body: bytes) -> Iterator[str]:
    """What a client may have signed. The document's text joins the values of a parameter by a comma, its Java encodes
    that comma; and a client that was given `/w/{world}` as a part of its base URL may not know that it is in the path
    (ours)."""
    ours = sorted({name.lower() for name in headers if name.lower().startswith(OCP_HEADERS)})
    start = [
        method.upper(),
        md5(body, usedforsecurity=False).hexdigest().upper() if body else "",
        headers.get("Content-Type", ""),
        headers.get("Date", ""),
        headers.get("Host", ""),
        "\n".join(f"{name}:{','.join(headers.getall(name))}" for name in ours),
    ]
    path, _, query = _ORIGIN.sub("", target).partition("?")
    for signed_path in dict.fromkeys((path, _WORLD.sub("", path, count=1))):
        for signed_query in dict.fromkeys(_parameters(query, comma) for comma in (",", "%2C")):
            yield "\n".join([*start, f"{signed_path}?{signed_query}" if signed_query else signed_path])


def _parameters(query: str, comma: str) -> str:
    """Sorted by name; those of one name are one, with their values sorted."""
    values: dict[str, list[str]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
        values.setdefault(name, []).append(text)
    return "&".join(f"{_encoded(name)}={comma.join(map(_encoded, sorted(values[name])))}" for name in sorted(values))


def _encoded(text: str) -> str:
    """By RFC 3986: all but letters, digits and -._~."""
    return quote(text, safe="", errors="surrogateescape")


def _bytes(text: str) -> bytes:
    """As a header was on the wire."""
    return text.encode("utf-8", "surrogateescape")


# --- what may be shown ---------------------------------------------------------------------------------------------

REDACTED: Final = "[redacted]"
_SECRETS: Final = (
    r"authorization|(?<![a-z])(?:auth|jwt|otp|pass|sig|sign)(?![a-z])|auth[-_]?(?:code|key)"
    r"|(?:access|api|private)[-_]?key|cookie|credential|csrf|xsrf|passw|passphrase|pwd|secret|session|signature|token"
)
"""In the name of a header, a parameter, or a key of JSON: its value is nobody's business."""
_SECRET: Final = re.compile(_SECRETS, re.IGNORECASE)
_FORM: Final = re.compile(r"[^\s=&?;:\"'{}\[\]<>]+=")
"""How a urlencoded form begins. Its values are seldom as well encoded as they should be (`curl -d`)."""
_IN_TEXT: Final = (
    re.compile(r"((?:(?<=[?&;\s])|^)([^=&?;\s\"]+)=)[^&;\s\"]+"),  # a parameter
    re.compile(
        r"((?:^|(?<=[{,]))[ \t]*(?:- )?[\"']?([\w.-]{1,80})[\"']?[ \t]*:[ \t]*)[^\s\"][^\r\n]*", re.MULTILINE
    ),  # a line
    re.compile(r"(\bname=\"?([^\";\r\n]{1,80})\"?(?:\r?\n[^\r\n]{1,200}){0,5}\r?\n\r?\n)(?:(?!\r?\n--).)+", re.DOTALL),
)
"""The second group is a name, the first all before its value: of a parameter, a line (YAML, headers), a form's part."""
_IN_JSON: Final = re.compile(
    rf'("(?:[^"\\]|\\.){{0,80}}?(?:{_SECRETS})(?:[^"\\]|\\.){{0,80}}"\s*:\s*)("(?:[^"\\]|\\.)*"?|-?[0-9][0-9.eE+-]*|\[[^][{{}}"]*\]|[\[{{].*)',
    re.IGNORECASE | re.DOTALL,
)
"""A key that says so, and what it holds, perhaps no more than its beginning: then all that follows. Longer names are
none: a body that is one text full of such words would be searched from each of them to its end."""
_IN_URL: Final = re.compile(r"(?<=//)[^/?#\s@]*@")
_SITE: Final = re.compile(r"[^\s?#,;=]*")


def is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def shown_text(text: str) -> str:
    """Without the values of secrets in it, be it a form, a URL, or JSON, also a part of one."""
    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            value = json.loads(text)
            shown = shown_json(value)
            return text if shown == value else json.dumps(shown, ensure_ascii=False)
    return _without(_shown_parameters(text) if _FORM.match(text) else text)


def _without(text: str) -> str:
    if not ("=" in text or ":" in text or "@" in text):
        return text
    if "@" not in text and "%" not in text and not is_secret(text):
        return text  # the name of one is nowhere in it, nor encoded
    text = _IN_JSON.sub(rf'\1"{REDACTED}"', _IN_URL.sub("", text))
    for pattern in _IN_TEXT:
        text = pattern.sub(lambda one: one[1] + REDACTED if is_secret(unquote(one[2])) else one[0], text)
    return text


def _shown_parameters(text: str) -> str:
    """Of a form, or of a query as it was sent: also what a value holds, encoded, that has parameters of its own."""
    return "&".join(map(_shown_parameter, text.split("&")))


def _shown_parameter(text: str) -> str:
    name, _, value = text.partition("=")
    if value and is_secret(unquote(name)):
        return f"{name}={REDACTED}"
    plain = unquote_plus(value)
    shown = _without(plain)
    return text if shown == plain else f"{name}={quote(shown)}"


def shown_target(target: str) -> str:
    """What a request asks for, in a line that others read."""
    path, mark, query = redacted(target).partition("?")
    return f"{_without(path)}{mark}{_shown_parameters(query)}"


def shown_site(text: str) -> str:
    """Of a Host or an Origin what can be one: the rest may be anything, a line of another header, say."""
    found = _SITE.match(text.rpartition("@")[2])
    return shown_text(found[0]) if found else ""


def shown_json(value: Any) -> Any:
    """A value of JSON without the secrets in it."""
    if isinstance(value, str):
        return shown_text(value)
    if isinstance(value, list):
        return [shown_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: REDACTED if is_secret(key) and not isinstance(item, bool | None) else shown_json(item)
        for key, item in value.items()
    }


def shown_headers(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Name and value of each. Of credentials there is no more than the scheme."""
    for name, text in headers:
        if name.lower() in ("host", "origin", "access-control-allow-origin"):
            yield name, shown_site(text)
        elif not is_secret(name):
            yield name, shown_text(text)
        elif name.lower() == "authorization":
            yield name, f"{split(text)[0]} {REDACTED}".lstrip()
        else:
            yield name, REDACTED


def shown_query(query: str) -> Iterator[tuple[str, str]]:
    """Name and value of each parameter, decoded, in the order in which they were sent."""
    for name, text in parse_qsl(query, keep_blank_values=True, errors="replace"):
        yield name, REDACTED if is_secret(name) and text else _without(text)
