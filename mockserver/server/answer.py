"""`answer`, the straight line of a request: every check, in the order in which it is made.

There is no await between a world's check and its change: the body is read first, and from then on a request is answered
in one go. Handlers raise, and only `answer` turns what they raise into a reply.
"""

import logging
from functools import partial
from typing import Any, Final

from aiohttp import hdrs, web

from mockserver.contract.errors import BAD_PARAMETER, UNEXPECTED, ApiError, Violation
from mockserver.contract.routes import NOWHERE, Route, route
from mockserver.faults.rules import Fault, Incoming
from mockserver.server import cors, credentials, fault_injection, hints, responses, transport
from mockserver.server.acting import act, no_route
from mockserver.server.credentials import NOBODY, Sent, redacted
from mockserver.server.fault_injection import FAULT_HEADER, KEPT, PREFER
from mockserver.server.handlers import Data
from mockserver.server.routing import WORLD_HEADER
from mockserver.times import MS
from mockserver.world import moments
from mockserver.world.clock import ticks
from mockserver.world.journal import ACTED, DENIAL, MET
from mockserver.world.site import Site
from mockserver.world.world import TooManyEvents

log = logging.getLogger("mockserver")

CLIENT_ERRORS: Final = frozenset({10001, 10002})


async def answer(site: Site, request: web.Request, path: str | None) -> web.StreamResponse:
    """`path` is what follows prefix and slash; None under no prefix of the API."""
    failure: ApiError | None = None
    if site.worlds.coming:
        site.worlds.settle()
    given = request.headers
    if WORLD_HEADER in given and site.name is None:
        try:
            site = site.worlds.named(given[WORLD_HEADER])
        except ValueError as error:
            failure = ApiError(BAD_PARAMETER, problem=f"{WORLD_HEADER}: {error}")
    hosted, body = site.hosted, b""
    real = hosted.clock.rate != 0
    began = ticks() if real else 0
    if request.method == hdrs.METH_OPTIONS and cors.is_preflight(request):
        site.account.valid += 1
        return cors.preflight(request)
    if request.body_exists:
        try:
            body = await responses.received(request, responses.MAX_BODY)
        except ApiError as error:
            failure = error
    to = NOWHERE if path is None else route(request.method, path)
    header = given.get(hdrs.AUTHORIZATION)
    sent = NOBODY if header is None else credentials.parsed(header)
    world = hosted.world
    try:
        world.advance(hosted.clock.now())
    except TooManyEvents as error:
        failure = ApiError(UNEXPECTED, problem=f"The world cannot be brought up to now: {error}.")
    wire, trace_id = hosted.wire, world.trace_id()
    history = world.history
    length = len(history)
    latest = history[-1] if length else None
    base = history.notes.get(to.task)
    if base is None or length > base.until or base.edits != hosted.edits:
        base = moments.based(hosted, to.task)
    data: Data | Violation = None
    if failure is None:
        try:
            operation = to.operation
            if operation is None:
                raise no_route(request.method, request.path, to)
            fault = None
            if FAULT_HEADER in given or PREFER in given:
                fault = fault_injection.own_fault(request, world.traces)
            if fault is None and world.faults and path not in world.untouched:
                rules = world.fault_candidates(operation.id, to.task, to.subtask)
                if rules:
                    asked = Incoming(operation.id, request.method, request.path, sent.user, to.task, to.subtask)
                    fault = world.choose_fault(rules, asked)
                else:
                    world.untouch(str(path))
            if fault is not None:
                entry = noted(site, request, to, header, body, trace_id, fault)
                hosted.journal.append(entry)
                hosted.journal.trim()
                later = partial(perform, site, to, request, sent, trace_id, entry)
                return await fault_injection.spoiled(site, fault, request, to, trace_id, later, entry)
            data = act(world, wire, to, request, sent, trace_id)
        except ApiError as error:
            failure = error
        except Violation as error:
            data = error  # raised again where it is counted
        except Exception as error:
            failure = unexpected(request, error)
    if failure is not None:
        explain(site, failure, to, request)

    now, duration = (hosted.clock.now(), (ticks() - began) // MS) if real else (world.now, 0)
    status, content, headers = responses.proven(site.account, wire, to, data, failure, duration, now, trace_id)
    if hdrs.ORIGIN in given:
        headers = headers.copy()
        cors.share(headers, given[hdrs.ORIGIN])
    journal = hosted.journal
    journal.append(
        (
            world.now,
            to,
            request.method,
            request.raw_path,
            header,
            body[:KEPT],
            trace_id,
            hosted.is_resent(request.method, request.raw_path, header, body[:KEPT]) if hosted.spoiled else False,
            status,
            content[:KEPT],
            None if failure is None else failure.rule,
            None if failure is None else failure.hint,
            None,
            given.get(hdrs.CONTENT_TYPE) if body else None,
            latest,
            base,
            None if failure is None else world.denials.get(failure.rule or ""),
            None,
            None,
        )
    )
    if len(journal) >= journal.most:
        journal.trim()
    if headers is responses.JSON and site.alone and transport.suits(request, content):
        return transport.Plain(content)
    response = web.Response(body=content, status=status, headers=headers)
    if failure is not None and failure.row in responses.UNREAD:
        response.force_close()  # the rest of the body is not wanted
    return response


async def routed(site: Site, request: web.Request) -> web.StreamResponse:
    """As aiohttp's router has found it."""
    return await answer(site, request, request.match_info.get("path"))


def noted(
    site: Site, request: web.Request, to: Route, header: str | None, body: bytes, trace_id: str, fault: Fault
) -> list[Any]:
    """The entry in the journal of a request whose answer is yet to come."""
    hosted = site.hosted
    facts = (request.method, request.raw_path, header, body[:KEPT])
    entry = [hosted.world.now, to, *facts, trace_id, hosted.is_resent(*facts), None, b"", None, None, None]
    kind = request.headers.get(hdrs.CONTENT_TYPE) if body else None
    return [*entry, kind, *moments.met(hosted, to.task), None, fault, None]


def perform(
    site: Site, to: Route, request: web.Request, sent: Sent, trace_id: str, entry: list[Any]
) -> tuple[Data | Violation, ApiError | None]:
    """As `answer` does, of a request that met a fault, and perhaps later than it came."""
    hosted = site.hosted
    try:
        world = hosted.up_to_now()
        entry[MET], entry[ACTED] = moments.met(hosted, to.task), world.now
        return act(world, hosted.wire, to, request, sent, trace_id), None
    except ApiError as error:
        entry[DENIAL] = hosted.world.denials.get(error.rule or "")
        explain(site, error, to, request)
        return None, error
    except Violation as error:
        return error, None
    except Exception as error:
        return None, unexpected(request, error)


def explain(site: Site, failure: ApiError, to: Route, request: web.Request) -> None:
    """A refusal says why: in its hint, in the log, and in the account if the request broke the contract."""
    row = failure.row
    if row.code in CLIENT_ERRORS:
        site.account.client_errors += 1
    if 400 <= row.status < 500:
        if failure.hint is None:
            world, prefixes = site.hosted.world, site.options.prefixes
            failure.hint = hints.hint(failure, world, to, request.method, request.path, prefixes)
        if not site.access_logged:
            why = f" ({failure.hint})" if failure.hint else ""
            log.info("%s %s: %s%s", request.method, redacted(request.path), failure, why)


def unexpected(request: web.Request, error: Exception) -> ApiError:
    log.exception("answering %s %s", request.method, request.rel_url)
    return ApiError(UNEXPECTED, problem=f"The mock server failed: {type(error).__name__}: {error}.")
