"""One operation, carried out in a world: the checks of who asks for what, in their order, and then what was asked.

Nothing here knows whether the request came over HTTP or is played again from the journal.
"""

from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from yarl import URL

from mockserver.contract.errors import BAD_PARAMETER, NO_PERMISSION, NO_ROUTE, WRONG_METHOD, ApiError
from mockserver.contract.parameters import parse_query
from mockserver.contract.routes import Route
from mockserver.contract.wire import Wire
from mockserver.server import credentials, handlers
from mockserver.server.credentials import NOBODY, Sent
from mockserver.server.handlers import Data
from mockserver.world.world import World

NO_QUERY: Final[dict[str, Any]] = {}


class Target(Protocol):
    @property
    def rel_url(self) -> URL: ...


def act(world: World, wire: Wire, to: Route, request: Target, sent: Sent, trace_id: str) -> Data:
    """Parameter types → credentials → permission → existence → state. Raises ApiError, and then nothing has changed."""
    operation, query, wrong = to.operation, NO_QUERY, to.wrong
    assert operation is not None
    if operation.query:
        values = parse_qs(request.rel_url.raw_query_string, keep_blank_values=True)
        query, wrong_too = parse_query(operation.id, operation.query, values)
        wrong = (*wrong, *wrong_too)
    if wrong:
        raise ApiError(BAD_PARAMETER, sub_errors=wrong, problem="; ".join(one["message"] for one in wrong))
    if sent is not NOBODY or world.settings.auth != "open":
        credentials.authenticate(world, sent)
    permission = operation.permission
    if permission not in world.allowed(sent.user):
        holders = [name for name in world.users if permission in world.allowed(name)]
        hint = f"{', '.join(holders) or 'no user of the fixture'} may do this"
        raise ApiError(NO_PERMISSION, user=sent.user, permission=permission, hint=hint)
    if world.denials:
        denial = world.denied(permission, sent.user, operation.id, to.task)
        if denial is not None:
            world.count_denial(denial)
            hint = f"{denial.id} takes it away"
            raise ApiError(NO_PERMISSION, user=sent.user, permission=permission, hint=hint, rule=denial.id)
    return handlers.HANDLERS[operation.id](world, wire, to.ids, query, trace_id)


def no_route(method: str, path: str, to: Route) -> ApiError:
    if to.allowed:
        names = ", ".join(to.allowed)
        headers = {"Allow": names}
        return ApiError(WRONG_METHOD, headers=headers, hint=f"use {names}", method=method, path=path, allowed=names)
    return ApiError(NO_ROUTE, path=path)
