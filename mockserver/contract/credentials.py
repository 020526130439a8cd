"""Who sends a request: what an Authorization header says (HTTP Basic), and what of a request may be shown."""

import base64
import binascii
import re
from functools import lru_cache
from typing import Final, NamedTuple

from mockserver.contract.permissions import ANONYMOUS

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,19}")
_USERINFO: Final = re.compile(r"^([^/?#]*//)[^/?#]*@")


class Sent(NamedTuple):
    """What an Authorization header says. `wrong` is what is wrong with the header itself."""

    user: str = ANONYMOUS
    password: str | None = None
    wrong: str | None = None


NOBODY: Final = Sent()


@lru_cache(maxsize=256)
def parsed(header: str) -> Sent:
    scheme, token = split(header)
    if scheme.lower() != "basic":
        return Sent(wrong=f"The Authorization scheme is {f'{scheme}, ' * bool(scheme)}not Basic")
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return Sent(wrong="The Basic credentials are not base64")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    user, colon, password = text.partition(":")
    if not colon:
        return Sent(wrong="The Basic credentials have no colon between user and password")
    return Sent(user, password)


def split(header: str) -> tuple[str, str]:
    """The scheme and what follows it. One word alone, or one that is no name, may be a secret, and is no scheme."""
    scheme, _, token = header.strip().partition(" ")
    is_named = _SCHEME.fullmatch(scheme) is not None and (token != "" or scheme.lower() == "basic")
    return scheme if is_named else "", token.strip()


def redacted(target: str) -> str:
    """What a request asks for, without the name and password that a target such as http://user:password@host/ has."""
    return target if target.startswith("/") else _USERINFO.sub(r"\1", target)
