"""HTTP Basic: who sends a request, and whether the world knows them."""

import base64
import binascii
import re
from functools import lru_cache
from hmac import compare_digest
from typing import Final, NamedTuple

from mockserver.contract.errors import BAD_CREDENTIALS, NO_CREDENTIALS, ApiError
from mockserver.contract.permissions import ANONYMOUS
from mockserver.world.world import World

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="OCP"'}
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


def authenticate(world: World, sent: Sent) -> None:
    """Raises ApiError (401). A world without users takes any credentials, if they are well formed."""
    if sent.wrong is not None:
        raise ApiError(BAD_CREDENTIALS, headers=CHALLENGE, problem=sent.wrong)
    if sent.password is None:
        if world.settings.auth == "basic":
            names = ", ".join(world.users)
            hint = (
                f"the fixture's users are {names}" if names else "the fixture names no users: any credentials will do"
            )
            raise ApiError(NO_CREDENTIALS, headers=CHALLENGE, hint=hint)
        return
    if not world.users:
        return
    user = world.users.get(sent.user)
    if user is None or not compare_digest(user.password.encode(), sent.password.encode()):
        problem = "Wrong user name or password"
        hint = (
            f"the fixture's users are {', '.join(world.users)}" if user is None else f"{sent.user} has another password"
        )
        raise ApiError(BAD_CREDENTIALS, headers=CHALLENGE, problem=problem, hint=hint)
