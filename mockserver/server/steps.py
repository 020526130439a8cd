"""The steps of a request, in the order in which `answer` takes them; every check is here.

There is no await between a world's check and its change. Handlers raise, and only `carry_out` turns what they raise
into an error of the API.
"""

import logging
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from multidict import istr

from mockserver.contract.credentials import NOBODY
from mockserver.contract.errors import (
    BAD_CREDENTIALS,
    BAD_PARAMETER,
    CANNOT_SORT,
    NO_PERMISSION,
    NO_ROUTE,
    UNEXPECTED,
    WRONG_METHOD,
    ApiError,
    Violation,
)
from mockserver.contract.operations import Operation
from mockserver.contract.parameters import PATH_PARAMETERS, parse_query
from mockserver.contract.wire import Wire
from mockserver.faults.header import FAULT_HEADER, PREFER, own_fault
from mockserver.faults.rules import Incoming
from mockserver.redaction import shown_target, shown_text
from mockserver.server import handlers, hints, responses
from mockserver.server.auth import authenticate, is_foreign
from mockserver.server.handlers import LONG, Data, Query, Unwritten
from mockserver.server.logs import escaped
from mockserver.server.responses import Reply
from mockserver.tasks.step import UnknownSubtask
from mockserver.tasks.transitions import Refused
from mockserver.tasks.value import value
from mockserver.times import MS
from mockserver.world.account import CLIENT_ERRORS, SHOWN
from mockserver.world.clock import ticks
from mockserver.world.evidence.exchange import KEPT, REFUSED, Asked, Exchange
from mockserver.world.live import TooManyEvents, UnknownTask
from mockserver.world.served import Served
from mockserver.world.turns import ENOUGH, in_thread
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")

EXPECT: Final = istr("X-Mock-Expect")
"""The status of the client error that a request is on purpose."""
NO_QUERY: Final[Query] = {}
SENTENCE: Final = 300
"""So much is kept of what was wrong with a request."""


@value
class Done:
    """What became of an operation: its data, or why it was refused."""

    data: Data | Unwritten | Violation = None
    failure: ApiError | None = None


def arrived(served: Served, asked: Asked) -> Exchange:
    """The world is brought up to now, and the request stands in its journal."""
    live, clock = served.live, served.clock
    began = ticks()
    going_round = None
    try:
        live.advance(clock.now(), enough=lambda: ticks() - began > ENOUGH)
    except TooManyEvents as error:
        going_round = endless(error)
    world, traces, trace_id = live.world, live.traces, live.trace_id()
    resent = served.is_resent(asked)
    # By place: by name it would cost twice as much.
    exchange = Exchange(asked, world.now, trace_id, world, traces, served.generation, began, going_round, resent)
    served.journal.append(exchange)
    return exchange


def meet_fault(served: Served, exchange: Exchange) -> ApiError | None:
    """Which fault acts on it (`exchange.fault`); it has been counted. Returns what forbids even that."""
    if exchange.going_round is not None:
        return exchange.going_round
    if exchange.asked.to.operation is None:
        return None  # 404 and 405 come first
    return choose_fault(served, exchange)


def choose_fault(served: Served, exchange: Exchange) -> ApiError | None:
    """The same, of a request that somebody answers."""
    asked = exchange.asked
    if FAULT_HEADER in asked.headers or PREFER in asked.headers:
        try:
            exchange.fault = own_fault(asked.headers, exchange.traces + 1, served.world.settings.variant.row)
        except ApiError as error:
            return error
    before = served.live.world.faults
    if exchange.fault is None and before.ids:
        request = incoming(asked)
        exchange.fault = served.live.choose_fault(request)
        exchange.rate = served.live.world.faults.rate_of(before, request, exchange.time)
    return None


def may_meet_fault(served: Served, asked: Asked) -> bool:
    """Whether a rule is there that such a request may meet. (Its own headers are not asked.)"""
    operation, faults = asked.to.operation, served.live.world.faults
    return bool(faults.ids) and operation is not None and bool(faults.matching(incoming(asked)))


def may_be_long(served: Served, asked: Asked) -> bool:
    """Whether the answer may take long: one of a task with many subtasks, or a list in which one may be. (Of a request
    that is not about one subtask.)"""
    if served.live.longest <= LONG:
        return False
    to, tasks = asked.to, served.live.world.tasks
    return to.task is None or (to.task in tasks and len(tasks[to.task].subtasks) > LONG)


def answered(site: Site, exchange: Exchange, failure: ApiError | None) -> Reply:
    """Of a request that no fault acts on. `failure` is what came before the operation, if something did."""
    done = carry_out(site, exchange) if failure is None else refuse(site, exchange, failure)
    return concluded(site, exchange, done)


def endless(why: TooManyEvents) -> ApiError:
    return ApiError(UNEXPECTED, problem=f"The world cannot be brought up to now: {why}.")


def incoming(asked: Asked) -> Incoming:
    to = asked.to
    operation = "" if to.operation is None else to.operation.id
    return Incoming(operation, asked.method, asked.path, asked.sent.user, to.task, to.subtask)


def carry_out(site: Site, exchange: Exchange) -> Done:
    """Every check of who asks for what, then what was asked: credentials, route, parameters, permission, existence,
    state. What is refused has changed nothing."""
    asked, served = exchange.asked, site.served
    to, live = asked.to, served.live
    first = live.history.total
    try:
        world = live.world
        if (asked.sent is not NOBODY or world.settings.auth != "open") and to.is_api:
            authenticate(world, asked)
        operation = to.operation
        if operation is None:
            raise no_route(asked)
        query, forgiven = parameters(operation, asked)
        if forgiven is not None:
            exchange.client_error = forgiven[:SENTENCE]
        permit(served, operation, asked)
        if world.settings.array_order == "shuffled":
            served.shuffle(exchange.trace_id)
        data = handlers.HANDLERS[operation.id](served, to.ids, query, exchange.trace_id)
        exchange.changes = first, live.history.total
        return Done(data)
    except (UnknownTask, UnknownSubtask, Refused) as error:
        return refuse(site, exchange, handlers.refused(error, live.world, to))
    except ApiError as error:
        return refuse(site, exchange, error)
    except Violation as error:
        exchange.changes = first, live.history.total
        return Done(error)  # raised again where it is counted
    except Exception as error:
        return failed(asked, error)


async def whole(exchange: Exchange, done: Done) -> Done:
    """With the data written, in a thread if that takes long: what was asked for has happened already."""
    return await in_thread(partial(written, exchange.asked, done)) if isinstance(done.data, Unwritten) else done


def written(asked: Asked, done: Done) -> Done:
    assert isinstance(done.data, Unwritten)
    try:
        return Done(done.data.write())
    except Violation as error:
        return Done(error)  # raised again where it is counted
    except Exception as error:
        return failed(asked, error)


def failed(asked: Asked, error: Exception) -> Done:
    log.error("answering %s %s", asked.method, shown_target(asked.target), exc_info=error)
    problem = f"The mock server failed: {type(error).__name__}: {error}."
    return Done(failure=ApiError(UNEXPECTED, problem=problem))


def concluded(site: Site, exchange: Exchange, done: Done, wire: Wire | None = None) -> Reply:
    """The proven answer, counted, and in the journal. `wire` is of when the data was made, if that was before."""
    served = site.served
    now, duration = served.live.world.now, 0
    if served.clock.rate:
        now, duration = served.clock.now(), (ticks() - exchange.began) // MS
    wire, operation, data = wire or served.wire, exchange.asked.to.operation, done.data
    if TYPE_CHECKING:
        assert not isinstance(data, Unwritten)
    reply = responses.proven(wire, operation, data, done.failure, duration, now, exchange.trace_id)
    site.account.count(reply.verdict)
    exchange.status = reply.status
    exchange.headers, exchange.content, exchange.ended = reply.headers, reply.content[:KEPT], ticks()
    served.journal.answered(exchange)
    if exchange.client_error is not None or exchange.asked.expects is not None:
        judge(site, exchange)
    if done.failure is not None:
        exchange.rule, exchange.hint = done.failure.rule, done.failure.hint
    return reply


# --- the checks ----------------------------------------------------------------------------------------------------


def no_route(asked: Asked) -> ApiError:
    to = asked.to
    if not to.allowed:
        return ApiError(NO_ROUTE, path=asked.path)
    names = ", ".join(to.allowed)
    return ApiError(
        WRONG_METHOD, headers={"Allow": names}, hint=f"use {names}", method=asked.method, path=asked.path, allowed=names
    )


def parameters(operation: Operation, asked: Asked) -> tuple[Query, str | None]:
    """The query's, and what leaves the contract and is answered all the same. Raises ApiError for one of them, or of
    the path's, that is wrong."""
    to, query = asked.to, asked.query
    if not (query or operation.query or to.wrong):
        return NO_QUERY, asked.forgiven
    ids = dict(zip(PATH_PARAMETERS, to.ids, strict=False))
    parsed = parse_query(operation.id, operation.query, parse_qs(query, keep_blank_values=True), ids)
    wrong = (*to.wrong, *parsed.wrong)
    rejected = (*wrong, *parsed.unsortable)
    if wrong:
        raise ApiError(BAD_PARAMETER, sub_errors=rejected, problem="; ".join(one["message"] for one in rejected))
    if rejected:
        field = rejected[0]["rejectedValue"].partition(",")[0]
        raise ApiError(CANNOT_SORT, sub_errors=rejected, field=field)
    forgiven = [*parsed.forgiven, asked.forgiven] if asked.forgiven else parsed.forgiven
    return parsed.values, "; ".join(forgiven) or None


def permit(served: Served, operation: Operation, asked: Asked) -> None:
    """Raises ApiError; a denial that refuses has been counted."""
    world, permission, user = served.live.world, operation.permission, asked.sent.user
    if permission not in world.allowed(user):
        hint = f"{permission} is missing; {hints.holders(world, operation, asked.to.task)}"
        raise ApiError(NO_PERMISSION, user=user, permission=permission, hint=hint)
    if world.denials:
        denial = world.denied(permission, user, operation.id, asked.to.task)
        if denial is not None:
            hint = f"{denial.id} takes {permission} away; {hints.holders(world, operation, asked.to.task)}"
            served.live.count_denial(denial)
            raise ApiError(NO_PERMISSION, user=user, permission=permission, hint=hint, rule=denial.id)


def refuse(site: Site, exchange: Exchange, failure: ApiError) -> Done:
    """A refusal says why: in its hint, in the log, and in the account if the request left the contract."""
    row, asked, world = failure.row, exchange.asked, site.served.live.world
    exchange.denial = world.denials.get(failure.rule or "")
    if exchange.kind == REFUSED or row in CLIENT_ERRORS or (row is BAD_CREDENTIALS and is_foreign(world, asked.sent)):
        exchange.client_error = failure.message[:SENTENCE]
    if 400 <= row.status < 500:
        if failure.hint is None:
            place = hints.Place(asked.method, asked.path, site.prefixes, site.worlds.mount)
            failure.hint = hints.hint(failure, world, asked.to, place)
        if not site.access_logged:
            code = world.settings.variant.row.code(row.failure, failure.code)
            why = f"{failure.message} ({failure.hint})" if failure.hint else failure.message
            text = f"{asked.method} {shown_target(asked.path)}: {row.status} / {code}: {why}"
            log.info("%s", escaped(text))
    return Done(failure=failure)


def judge(site: Site, exchange: Exchange) -> None:
    """A client error, or what was expected to be one, in the account of its world. Its status is known by now."""
    asked, status = exchange.asked, exchange.status
    if asked.expects is not None:
        if asked.expects.strip() == str(status):
            exchange.expected = exchange.client_error is not None
            site.account.expected_errors += exchange.expected
            return
        missed = f"{EXPECT} is {asked.expects[:SHOWN]!r}, and the answer is {status or 'none'}"
        exchange.client_error = f"{missed}: {exchange.client_error}"[:SENTENCE] if exchange.client_error else missed
    assert exchange.client_error is not None
    operation, path = asked.to.operation, shown_target(asked.target).partition("?")[0]
    id = None if operation is None else operation.id
    exchange.client_error = shown_text(exchange.client_error)
    exchange.expected = site.account.complain(id, asked.method, path, status, exchange.client_error)
