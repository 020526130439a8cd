"""A request, from what was parsed of it to what is written: by aiohttp's way, or at once by the front's.

Both take the same straight line, which is in `steps`. From the moment that a request has been read it is answered in
one go, unless a fault makes it wait, or a task is so long that what happens to it is drafted or written in a thread.
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from aiohttp import hdrs, web
from multidict import MultiMapping

from mockserver.contract.credentials import NOBODY, sent_with
from mockserver.contract.errors import BAD_PARAMETER, BROKEN_BODY, NO_ROUTE, ApiError, bare
from mockserver.contract.routes import NOWHERE, OUTSIDE, Route, route
from mockserver.redaction import redacted
from mockserver.server import cors, fault_injection, handlers, responses, steps
from mockserver.server.auth import identified
from mockserver.server.elsewhere import order
from mockserver.server.elsewhere.foreign import is_foreign_page
from mockserver.server.front import head
from mockserver.server.front.connection import Refused
from mockserver.server.front.reader import KNOWN, PlainRequest
from mockserver.server.routing import WORLD_HEADER, origin_form
from mockserver.world.account import accept_problem, body_problem
from mockserver.world.evidence.exchange import KEPT, REFUSED, Asked, size_of
from mockserver.world.worlds import Site

FRAMING: Final = re.compile("chunk|content-(encoding|length)|transfer-encoding", re.IGNORECASE)
"""What aiohttp's words name where it is the body's framing that is broken."""


def at_once(site: Site, plain: PlainRequest) -> bytes | None:
    """The whole response to a plain request. None where a rule may act on it, where it takes long, and where it is not
    the task API's nor a plain stub's: then nothing has been counted, and `respond` is to answer."""
    site.worlds.settle()
    asked = asked_plainly(plain)
    if asked.to is NOWHERE:
        return order.at_once(site, asked)
    if asked.sent.signature is not None:
        asked = identified(site.served, asked)
    if steps.may_meet_fault(site.served, asked) or (asked.to.subtask is None and steps.may_be_long(site.served, asked)):
        return None
    exchange = steps.arrived(site.served, asked)
    reply = steps.answered(site, exchange, exchange.going_round)
    return head.response(reply.status, reply.headers, reply.content)


async def respond(
    site: Site, request: web.Request, path: str | None, dialect_prefix: str | None = None
) -> web.StreamResponse:
    """The response to a request as aiohttp has parsed it. `path` is what follows prefix and slash; None under no
    prefix of the API. `dialect_prefix` is that prefix if only worlds of its dialect have it."""
    failure: ApiError | None = None
    site.worlds.settle()
    name = request.headers.get(WORLD_HEADER)
    if name is not None and site.name is None:
        try:
            site = site.worlds.named(name, for_page=is_foreign_page(site.options, request))
        except ValueError as error:
            failure = ApiError(BAD_PARAMETER, problem=f"{WORLD_HEADER}: {error}", hint=str(error))
    if dialect_prefix is not None and dialect_prefix not in site.prefixes:
        path = None
    if failure is None and (path is None or route(request.method, path).is_elsewhere):
        response = await order.elsewhere(site, request, identified(site.served, asked_by(request, path, b"")))
        if response is not None:
            return response
    if request.method == hdrs.METH_OPTIONS and cors.is_preflight(request):
        site.account.valid += 1
        return cors.preflight(request)
    body, buffered = b"", request.app[responses.BUFFERED]
    if buffered.is_full:
        failure = responses.too_much(buffered)
    elif request.body_exists:
        site.calls += 1
        try:
            body = await responses.received(request, responses.MAX_BODY)
        except ApiError as error:
            failure = bare(error)
        finally:
            site.calls -= 1
    asked = asked_by(request, path, body)
    asked = identified(site.served, asked)
    async with handlers.foreseeing(site.served, asked.to):
        exchange = steps.arrived(site.served, asked)
    if failure is None:
        failure = steps.meet_fault(site.served, exchange)
    if exchange.fault is not None:
        site.served.foreseen.clear()
        return await fault_injection.spoiled(site, exchange, request)
    wire = site.served.wire
    done = steps.carry_out(site, exchange) if failure is None else steps.refuse(site, exchange, failure)
    site.served.foreseen.clear()
    reply = steps.concluded(site, exchange, await steps.whole(exchange, done), wire)
    headers = {**reply.headers}
    if exchange.rate is not None:
        headers |= responses.rate_headers(exchange.rate, site.served.world.now)
    if hdrs.ORIGIN in request.headers:
        cors.share(headers, request.headers[hdrs.ORIGIN])
    exchange.headers = headers
    response = responses.response(reply.status, [reply.content], headers)
    if failure is not None and failure.row in responses.UNREAD:
        response.force_close()  # the rest of the body is not wanted
    return response


async def routed(site: Site, request: web.Request, dialect_prefix: str | None = None) -> web.StreamResponse:
    """As aiohttp's router has found it."""
    return await respond(site, request, request.match_info.get("path"), dialect_prefix)


def refused(site: Site, what: Refused) -> web.Response:
    """The response to what aiohttp refuses: a client error of the world without a name. The status is aiohttp's."""
    site.worlds.settle()
    target = redacted(what.target)
    asked = Asked(
        method=what.method,
        target=target,
        path=target.partition("?")[0],
        query=target.partition("?")[2],
        to=OUTSIDE,
        sent=NOBODY,
        headers=what.headers,
        body=b"",
        size=size_of(target, what.headers, b""),
        expects=what.headers.get(steps.EXPECT),
    )
    exchange = steps.arrived(site.served, asked)
    exchange.kind = REFUSED
    if what.status == NO_ROUTE.status:
        row = NO_ROUTE
    elif what.status == BROKEN_BODY.status and FRAMING.search(what.why):
        row = BROKEN_BODY
    else:
        row = replace(BAD_PARAMETER, status=what.status)
    failure = ApiError(row, problem=what.why, path=target, headers=what.allowed)
    reply = steps.answered(site, exchange, failure)
    headers = {**reply.headers}
    if hdrs.ORIGIN in what.headers:
        cors.share(headers, what.headers[hdrs.ORIGIN])
    exchange.headers = headers
    return web.Response(body=reply.content, status=reply.status, headers=headers)


@lru_cache(maxsize=KNOWN)
def asked_plainly(plain: PlainRequest) -> Asked:
    to = route(plain.method, plain.path)
    return Asked(
        method=plain.method,
        target=plain.target,
        path=plain.target,
        query="",
        to=to,
        sent=sent_with(plain.method, plain.target, plain.headers, b""),
        headers=plain.headers,
        body=b"",
        size=size_of(plain.target, plain.headers, b""),
        forgiven=forgiven(to, plain.headers, b""),
        raw_headers=plain.raw_headers,
    )


def asked_by(request: web.Request, path: str | None, body: bytes) -> Asked:
    to = OUTSIDE if path is None else route(request.method, path)
    target = origin_form(request.raw_path)
    return Asked(
        method=request.method,
        target=target,
        path=request.path,
        query=request.rel_url.raw_query_string,
        to=to,
        sent=sent_with(request.method, target, request.headers, body),
        headers=request.headers,
        body=body[:KEPT],
        size=size_of(request.raw_path, request.headers, body),
        forgiven=forgiven(to, request.headers, body),
        expects=request.headers.get(steps.EXPECT),
        raw_headers=request.raw_headers,
    )


def forgiven(to: Route, headers: MultiMapping[str], body: bytes) -> str | None:
    """What leaves the contract in the headers and the body of a request, and is only counted."""
    if to.operation is None:
        return None
    accept = ", ".join(headers.getall(hdrs.ACCEPT, ()))
    found = (
        accept_problem(accept, to.operation.media_type),
        body_problem(headers.get(hdrs.CONTENT_TYPE), body) if body else None,
    )
    return "; ".join(filter(None, found)) or None
