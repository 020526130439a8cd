"""What of a request and its answer may be shown: no password, token, cookie or signature, wherever it stands.

A value is known to be a secret by its name: that of a header, a parameter, a key of JSON, a line of YAML.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from mockserver.contract.credentials import FORM_TYPE, split

REDACTED: Final = "[redacted]"
SECRET_WORD: Final = "passw|passphrase|pass(?![a-z])|pwd|secret|token|credential|(?:api|access|private|ssh)[-_]?key"
"""In any name, whatever the case: its value is nobody's business."""
_SECRETS: Final = (
    rf"{SECRET_WORD}|authorization|(?<![a-z])(?:auth|jwt|otp|pass|sig|sign)(?![a-z])|auth[-_]?(?:code|key)|cookie"
    r"|csrf|xsrf|session|signature"
)
"""In the name of a header, a parameter, or a key of JSON, too."""
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
_IN_QUERY: Final = re.compile(rf"((?:{SECRET_WORD})[^=&]{{0,40}}=)[^&#]+", re.IGNORECASE)
_IN_BODY: Final = re.compile(
    (
        rf"""((?:{SECRET_WORD})[\w.-]{{0,40}}[\\"']{{0,8}}\s{{0,9}}[:=]\s{{0,9}})"""
        rf"""(?:"(?:[^"\\]|\\.)*"?|([\\"']{{0,8}})[^&\s,}}"'\\[{{][^&\s,}}"'\\]*)"""
    ).encode(),
    re.IGNORECASE,
)
"""Quick on any body: it begins with a word, and nothing in it is both long and repeated."""
_USERINFO: Final = re.compile(r"^((?:[^/?#]*//)?)[^/?#]*@")
_IN_URL: Final = re.compile(r"(?<=//)[^/?#\s@]*@")
_SITE: Final = re.compile(r"[^\s?#,;=]*")


def redacted(target: str) -> str:
    """What a request asks for, without the name and password that a target such as http://user:password@host/ has, and
    without what its query calls a password, a secret or a token."""
    path, mark, query = target.partition("?")
    path = path if path.startswith("/") else _USERINFO.sub(r"\1", path)
    return path + mark + _in_query(query) if mark else path


def without_secrets(body: bytes, media_type: str = "") -> bytes:
    """A form, JSON or other text, without the values that its names say are passwords, secrets and tokens."""
    if media_type.strip().lower().startswith(FORM_TYPE):
        return _in_query(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return _IN_BODY.sub(_hidden, body)


def _hidden(found: re.Match[bytes]) -> bytes:
    """What was JSON stays so."""
    before, quote, mark = found[1], found[2], REDACTED.encode()
    key = b"".join(before.split())
    is_json = quote is None or (quote == b"" and key.endswith(b'":') and not key.endswith(b'\\":'))
    return before + (b'"%b"' % mark if is_json else quote + mark)


def _in_query(text: str) -> str:
    return _IN_QUERY.sub(rf"\1{REDACTED}", text)


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
