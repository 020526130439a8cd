"""Who sends a request, and whether the world knows them: HTTP Basic, and signed requests."""

from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from hmac import compare_digest
from typing import Final

from multidict import MultiMapping

from mockserver.contract.credentials import NOBODY, SESSION, SIGNED, Sent, Signature
from mockserver.contract.errors import BAD_CREDENTIALS, NO_CREDENTIALS, ApiError
from mockserver.contract.permissions import ANONYMOUS, User
from mockserver.stubs.matchers import cookies
from mockserver.times import SECOND
from mockserver.world.clock import wall
from mockserver.world.evidence.exchange import Asked
from mockserver.world.served import Served
from mockserver.world.value import World

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="OCP"'}
NO_CHALLENGE: Final[Mapping[str, str]] = {}
DATE_WITHIN: Final = 15 * 60 * SECOND
"""How far the Date of a signed request may be from the machine's own clock (not the world's), either way."""


def takes_signed(world: World) -> bool:
    """Whether signed requests are a scheme that the world knows."""
    return world.settings.variant.row.takes_signed


def is_foreign(world: World, sent: Sent) -> bool:
    """Whether the credentials are of a kind that the world does not take. (A cookie is none.)"""
    return not takes_signed(world) if sent.scheme == SIGNED else sent.scheme is None and sent.wrong is not None


def identified(served: Served, asked: Asked) -> Asked:
    """A signed request, as one by the user whose access key it names, still to be authenticated; and one without
    credentials, as one by the user for whom its session stands."""
    world = served.world
    if asked.sent is NOBODY:
        tokens = cookies(asked.headers).get(SESSION)
        # Nobody can log in without a stub for it: then it is a cookie of some other server's.
        if not tokens or not (world.stubs.has_login or served.sessions):
            return asked
        user = served.sessions.user(tokens)
        is_known = user is not None and (user in world.users or not world.users)
        return replace(asked, sent=Sent(user or ANONYMOUS, session=True) if is_known else Sent(session=False))
    signature = asked.sent.signature
    owner = owner_of(world, signature.access_key) if signature is not None and takes_signed(world) else None
    return asked if owner is None else replace(asked, sent=asked.sent._replace(user=owner.name))


def owner_of(world: World, access_key: str) -> User | None:
    return next((user for user in world.users.values() if access_key in user.access_keys), None)


def authenticate(world: World, asked: Asked) -> None:
    """Raises ApiError (401).

    Where no credentials are required, those of a scheme that the world does not know are none, and so is an access key
    that nobody has. A world without users takes any credentials, if they are well formed.
    """
    sent = asked.sent
    is_open = world.settings.auth == "open"
    if sent.scheme == SIGNED and takes_signed(world):
        if sent.signature is not None:
            _check_signature(world, sent.signature, asked.headers, is_open)
            return
    elif sent.scheme == SIGNED:
        sent = Sent(wrong=f"The Authorization scheme is {SIGNED}, not Basic")
    if sent.wrong is not None:
        if is_open and sent.scheme is None:
            return
        hint = "send accessKey:signature, and a Date header" if sent.scheme == SIGNED else None
        raise refused(asked.headers, sent.wrong, hint)
    if sent.password is None:
        if sent.session or (is_open and sent.session is None):
            return
        names = ", ".join(world.users)
        hint = f"the fixture's users are {names}" if names else "the fixture names no users: any credentials will do"
        if sent.session is False:
            hint = "the session has ended, or is another world's: log in again"
        or_sign = ", or a signed request" if takes_signed(world) else ""
        raise ApiError(NO_CREDENTIALS, headers=challenge(asked.headers), hint=hint, or_sign=or_sign)
    if not world.users:
        return
    user = world.users.get(sent.user)
    if user is None or not compare_digest(user.password.encode(), sent.password.encode()):
        hint = (
            f"the fixture's users are {', '.join(world.users)}" if user is None else f"{sent.user} has another password"
        )
        raise refused(asked.headers, "Wrong user name or password", hint)


def _check_signature(world: World, signature: Signature, headers: MultiMapping[str], is_open: bool) -> None:
    if not world.users:
        return
    owner = owner_of(world, signature.access_key)
    if owner is None:
        if is_open:
            return
        known = [key for user in world.users.values() for key in user.access_keys]
        hint = f"the fixture's access keys are {', '.join(known)}" if known else "no user of the fixture has accessKeys"
        raise refused(headers, "Unknown access key", hint)
    sent_at = instant_of(signature.date)
    if sent_at is None:
        problem = "A signed request has a Date header"
        problem = problem if signature.date is None else "The Date header is no date in GMT"
        raise refused(headers, problem, "such as Date: Tue, 17 Jan 2023 04:14:02 GMT")
    if abs(sent_at - wall()) > DATE_WITHIN:
        hint = "the server's Date header says what time it is by the machine's clock, which counts here"
        raise refused(headers, "The Date header is more than 15 minutes from the server's time", hint)
    sent = signature.sent.encode("utf-8", "surrogateescape")
    secret = owner.access_keys[signature.access_key]
    if not any(compare_digest(one.encode(), sent) for one in signature.fits(secret)):
        hint = f"another secret, or not signed: {signature.messages[0]!r}"
        raise refused(headers, "Wrong signature", hint)


def instant_of(date: str | None) -> int | None:
    """Of a Date header (RFC 1123, in GMT), in nanoseconds since 1970; None if it is none."""
    if date is None or not date.endswith(" GMT"):
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None


def refused(headers: MultiMapping[str], problem: str, hint: str | None = None) -> ApiError:
    return ApiError(BAD_CREDENTIALS, headers=challenge(headers), problem=problem, hint=hint)


def challenge(headers: MultiMapping[str]) -> Mapping[str, str]:
    """What a 401 says of how to log in, by the headers of its request. A browser's script is told nothing: the browser
    would open a dialog of its own, and the script's request would not end. (The real server says nothing to anybody.)
    """
    mode = headers.get("Sec-Fetch-Mode")
    is_script = headers.get("User-Agent", "").startswith("Mozilla/") if mode is None else mode != "navigate"
    return NO_CHALLENGE if is_script or "Origin" in headers or "X-Requested-With" in headers else CHALLENGE
