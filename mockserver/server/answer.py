"""`respond`, the straight line of a request: from what aiohttp has parsed to what it writes.

The body is read first, and from then on a request is answered in one go, unless a fault makes it wait.
"""

from aiohttp import hdrs, web

from mockserver.contract.credentials import NOBODY, Sent, parsed
from mockserver.contract.errors import (
    BAD_PARAMETER,
    ApiError,
)
from mockserver.contract.routes import NOWHERE, route
from mockserver.server import cors, fault_injection, responses, steps
from mockserver.server.routing import WORLD_HEADER
from mockserver.world.journal import KEPT, Asked
from mockserver.world.worlds import Site


async def respond(site: Site, request: web.Request, path: str | None) -> web.StreamResponse:
    """A request as aiohttp has parsed it. `path` is what follows prefix and slash; None under no prefix of the API."""
    failure: ApiError | None = None
    site.worlds.settle()
    name = request.headers.get(WORLD_HEADER)
    if name is not None and site.name is None:
        try:
            site = site.worlds.named(name)
        except ValueError as error:
            failure = ApiError(BAD_PARAMETER, problem=f"{WORLD_HEADER}: {error}")
    if request.method == hdrs.METH_OPTIONS and cors.is_preflight(request):
        site.account.valid += 1
        return cors.preflight(request)
    body = b""
    if request.body_exists:
        try:
            body = await responses.received(request, responses.MAX_BODY)
        except ApiError as error:
            failure = error
    exchange = steps.arrived(site.served, asked(request, path, body))
    if failure is None:
        failure = steps.meet_fault(site.served, exchange)
    if exchange.fault is not None:
        return await fault_injection.spoiled(site, exchange, request)
    done = steps.carry_out(site, exchange) if failure is None else steps.refuse(site, exchange, failure)
    reply = steps.concluded(site, exchange, done)
    headers = reply.headers
    if hdrs.ORIGIN in request.headers:
        headers = headers.copy()
        cors.share(headers, request.headers[hdrs.ORIGIN])
    response = web.Response(body=reply.content, status=reply.status, headers=headers)
    if done.failure is not None and done.failure.row in responses.UNREAD:
        response.force_close()  # the rest of the body is not wanted
    return response


async def routed(site: Site, request: web.Request) -> web.StreamResponse:
    """As aiohttp's router has found it."""
    return await respond(site, request, request.match_info.get("path"))


def asked(request: web.Request, path: str | None, body: bytes) -> Asked:
    to = NOWHERE if path is None else route(request.method, path)
    return Asked(
        method=request.method,
        target=request.raw_path,
        path=request.path,
        query=request.rel_url.raw_query_string,
        to=to,
        sent=sender(request.headers.get(hdrs.AUTHORIZATION)),
        headers=request.headers,
        body=body[:KEPT],
    )


def sender(authorization: str | None) -> Sent:
    return NOBODY if authorization is None else parsed(authorization)
