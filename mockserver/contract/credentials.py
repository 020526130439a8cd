"""Who sends a request: what its Authorization header says (HTTP Basic, or a signature).

A signature and its message are the document's; nothing here knows a user, a secret of a world's, or the time.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import md5
from hmac import digest
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl, quote

from multidict import MultiMapping, istr

from mockserver.contract.permissions import ANONYMOUS

AUTHORIZATION: Final = istr("Authorization")  # looked up in every request, and an istr is in half of the time
BASIC: Final = "Basic"
SIGNED: Final = "OCP-ACCESS-KEY-HMACSHA1"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
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
