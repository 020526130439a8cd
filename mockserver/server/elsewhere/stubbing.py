"""A request that a stub answers: its body is read, its answer made, and perhaps somebody is logged in."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hmac import compare_digest
from math import inf
from typing import Final
from urllib.parse import parse_qs

from aiohttp import hdrs, web
from multidict import CIMultiDict, MultiMapping

from mockserver.contract.credentials import FORM_TYPE, SESSION
from mockserver.contract.errors import BAD_CREDENTIALS, UNEXPECTED, ApiError, Row, bare
from mockserver.fixtures.source import FACTS
from mockserver.fixtures.stubs.folders import body_file
from mockserver.redaction import without_secrets
from mockserver.server import cors, responses, steps
from mockserver.server.elsewhere.answering import Answer, answered, delayed, refusal
from mockserver.server.front import head
from mockserver.server.routing import target_in_world
from mockserver.stubs.collection import Stubs
from mockserver.stubs.mapping import END, FORM, Stub
from mockserver.stubs.matchers import Target, cookies
from mockserver.world.clock import ticks
from mockserver.world.evidence.exchange import KEPT, STUB, Asked, Exchange, size_of
from mockserver.world.turns import Result, in_thread
from mockserver.world.value import World
from mockserver.world.worlds import Site

NOT_NOW: Final = Row("unexpected", "ours", 503, "{problem}")
MAX_FORM: Final = 16 * 1024
"""Bytes of one with which somebody logs in: taken apart, and what is secret in it hidden, while others wait."""


async def stubbed(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
    stubs = site.served.world.stubs
    if not stubs:
        return None
    target = Target(asked.method, target_in_world(site, request))
    if cors.is_preflight(request):
        wanted = target._replace(method=request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD])
        asking = await looked_up(stubs, wanted, asked.headers, partial(stubs.asked_for, wanted))
        return cors.preflight(request) if asking else None
    stub = await looked_up(stubs, target, asked.headers, partial(stubs.choose, target, asked.headers))
    if stub is None:
        return None
    body, failure = b"", None
    if request.body_exists:
        is_form = stub.response.session == FORM
        site.calls += 1
        try:
            limits = (MAX_FORM, None) if is_form else (inf, KEPT)
            body = await responses.received(request, *limits)
        except ApiError as error:
            failure = bare(error)
        finally:
            site.calls -= 1
        shown = without_secrets(body, FORM_TYPE) if is_form else body
        asked = replace(asked, body=shown[:KEPT], size=size_of(asked.target, asked.headers, shown))
    served = site.served
    exchange = steps.arrived(served, asked)
    exchange.kind = STUB
    failure = failure or steps.choose_fault(served, exchange)

    async def own() -> Answer | None:
        return await answer(site, exchange, request, stub, body)

    async def refused() -> Answer | None:
        return None if failure is None else refusal(served, exchange, failure)

    response = await answered(site, exchange, request, own if failure is None else refused)
    if failure is not None and failure.row in responses.UNREAD:
        response.force_close()
    return response


async def looked_up(stubs: Stubs, target: Target, headers: MultiMapping[str], call: Callable[[], Result]) -> Result:
    """In a thread, if it may take long."""
    return await in_thread(call) if stubs.is_slow(target, headers) else call()


def at_once(site: Site, asked: Asked) -> bytes | None:
    """That of a stub that does nothing but say what it says, where no rule may act on it."""
    served = site.served
    world = served.world
    if not world.stubs:
        return None
    target = Target(asked.method, asked.target)
    if world.stubs.is_slow(target, asked.headers):
        return None
    stub = world.stubs.choose(target, asked.headers)
    if stub is None or not stub.response.is_plain:
        return None
    if world.faults.ids and world.faults.matching(steps.incoming(asked)):
        return None
    exchange = steps.arrived(served, asked)
    exchange.kind, says = STUB, stub.response
    exchange.status, exchange.content = says.status, says.body[:KEPT]
    exchange.headers, exchange.ended = says.headers, ticks()
    served.journal.answered(exchange)
    return head.response(says.status, says.headers, says.body)


async def answer(site: Site, exchange: Exchange, request: web.Request, stub: Stub, body: bytes) -> Answer | None:
    """The stub's own, after its own delay. None if it was let go."""
    says, served = stub.response, site.served
    if says.delay is not None and not await delayed(served, exchange, stub.id, says.delay):
        return None
    content, headers = says.body, CIMultiDict(says.headers)
    try:
        if says.session is not None:
            headers.add(hdrs.SET_COOKIE, session(site, request, exchange.asked, says.session, body))
        if says.file is not None:
            content = await in_thread(partial(body_of, served.world, says.file))
    except ApiError as error:
        return refusal(served, exchange, error)
    return Answer(says.status, content, headers, says.reason, says.fault, says.dribble)


def body_of(world: World, name: str) -> bytes:
    """Raises ApiError, if the file is not there any more, or cannot be read now."""
    path = body_file(world.stubs.files, name)
    if path is None:
        raise ApiError(UNEXPECTED, problem=f"The stub's body, {name}, is not below __files.")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        row = UNEXPECTED if error.errno in FACTS else NOT_NOW
        raise ApiError(row, problem=f"The stub's body, {name}, cannot be read: {error.strerror}.") from None


# --- sessions --------------------------------------------------------------------------------------------------------


def session(site: Site, request: web.Request, asked: Asked, how: str, body: bytes) -> str:
    """Begins one, or ends it: the cookie that says so. Raises ApiError (401) for a form with whom nobody knows."""
    sessions = site.served.sessions
    if how == END:
        sessions.end(cookies(asked.headers).get(SESSION, ()))
        return cookie(site, request, "", "; Max-Age=0")
    user = logged_in(site.served.world, body) if how == FORM else how
    return cookie(site, request, sessions.begin(user))


def cookie(site: Site, request: web.Request, token: str, more: str = "") -> str:
    path = site.worlds.mount + (f"/w/{site.name}" if "world" in request.match_info else "")
    return f"{SESSION}={token}; Path={path or '/'}; HttpOnly{more}"


def logged_in(world: World, body: bytes) -> str:
    """Raises ApiError (401). A world without users takes any name."""
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    name, password = (form.get(key, [""])[0] for key in ("username", "password"))
    if name and not world.users:
        return name
    user = world.users.get(name)
    if user is None or not compare_digest(user.password.encode(), password.encode("utf-8", "replace")):
        known = f"the fixture's users are {', '.join(world.users)}" if user is None else f"{name} has another password"
        hint = known if name else "a form such as username=operator&password=operator logs in"
        raise ApiError(BAD_CREDENTIALS, problem="Wrong user name or password", hint=hint)
    return name
