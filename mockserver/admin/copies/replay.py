"""A request of the journal, played again in a world that is made for it: how it would be answered there."""

import json
from typing import Any, NamedTuple

from yarl import URL

from mockserver.admin.copies.request import PREFIX
from mockserver.contract.errors import ApiError, Violation
from mockserver.contract.routes import NOWHERE, Route, route
from mockserver.contract.wire import wire_of
from mockserver.server import credentials
from mockserver.server.acting import act, no_route
from mockserver.world.fixture import Fixture
from mockserver.world.journal import BODY_BYTES, Exchange
from mockserver.world.moments import Lost
from mockserver.world.world import World


class _Target(NamedTuple):
    rel_url: URL


class Played(NamedTuple):
    """How a request is answered in the world of a test."""

    status: int
    code: int | None = None
    message: str | None = None
    data: Any = None

    @classmethod
    def of(cls, fixture: Fixture, entry: Exchange, path: str, sent: credentials.Sent) -> "Played":
        world, url = World(fixture), URL(path, encoded=True)
        world.advance(fixture.clock.now)
        wire = wire_of(fixture.settings)
        to: Route = NOWHERE
        if url.raw_path.startswith(f"{PREFIX}/"):
            to = route(entry.method, url.path_safe[len(PREFIX) + 1 :])
        denial = entry.denial
        if denial is not None:
            world.add_denial(lambda id: denial._replace(id=id, user=sent.user, task_instance_id=None, hits=0, times=1))
        try:
            if to.operation is None:
                raise no_route(entry.method, url.path, to)
            data = act(world, wire, to, _Target(url), sent, entry.trace_id)
            if isinstance(data, bytes):
                return cls(200)
            text = wire.success(to.operation.id, data, 0, world.now, entry.trace_id)
            return cls(200, data=json.loads(text).get("data"))
        except ApiError as error:
            return cls(error.row.status, error.row.code, error.message)
        except Violation as error:
            raise Lost(str(error)) from None

    def hold_against(self, entry: Exchange, *, violated: bool) -> None:
        """Raises Lost, if it was answered otherwise."""
        found = (self.status, self.code, self.data)
        was: tuple[object, ...] = (entry.status, self.code, self.data)
        if not violated and 0 < len(entry.response_body) <= BODY_BYTES and entry.response_body[:1] == b"{":
            body = json.loads(entry.response_body)
            was = (entry.status, body.get("error", {}).get("code"), body.get("data"))
        if was != found:
            raise Lost("played again in the world that is known of then, it is answered otherwise")
