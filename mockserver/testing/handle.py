"""The handle that tests hold: a mock server's control routes as methods, wherever that server runs.

`MockServer` is one, of a server in a thread of this process; `MockServer.connect` gives one of a server elsewhere. Any
thread may call. Keyword arguments are the fields of the control routes in snake_case (`task_instance_id`); their
camelCase is taken too, so that JSON can be given as `**rule`. A name that there is not is a TypeError that lists those
that there are; what the server refuses is a ControlError with its status, message and details.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack
from urllib.parse import quote, urlencode, urljoin

from mockserver.testing import report
from mockserver.testing.arguments import (
    LOCAL,
    NESTED,
    DenialFields,
    FaultFields,
    HistoryFilters,
    Instant,
    RequestFilters,
    SettingFields,
    Until,
    check_operation,
    instant,
    query,
    wanted,
)
from mockserver.testing.client import Json, Line
from mockserver.testing.expecting import expecting
from mockserver.testing.naming import camel, camel_keys, refuse_unknown
from mockserver.testing.tasks import TaskHandle

if TYPE_CHECKING:
    from mockserver.fixtures.source import Source


class Handle:
    """Drives one mock server, or one world of it, by its URL."""

    def __init__(self, line: Line | None = None) -> None:
        self._connected = line
        self._settings: Mapping[str, object] = {}
        """Keys of a fixture that win over those of one that is loaded."""
        self._marked: Mapping[str, object] = {}
        """Likewise, those of the test that has it; they win over the others."""

    @property
    def _line(self) -> Line:
        if self._connected is None:
            raise RuntimeError("this MockServer does not run: use it in a `with` block")
        return self._connected

    @property
    def url(self) -> str:
        """Without an API prefix: `http://127.0.0.1:40123`. Raises RuntimeError while a MockServer does not run."""
        return self._line.url

    @property
    def api_url(self) -> str:
        """With the API prefix of the world's dialect: `http://127.0.0.1:40123/api/v2`. Asks the server."""
        path: str = self._line.fetch("/openapi.json")["servers"][0]["url"]
        return urljoin(self.url, path).rstrip("/")

    # --- time ------------------------------------------------------------------------------------------------------

    def advance(
        self,
        by: str | float | timedelta | None = None,
        *,
        to: Instant | None = None,
        until: Literal["idle", "next"] | Until | Mapping[str, Any] | None = None,
    ) -> Json:
        """Moves the clock, whatever its mode, and answers `{"now", "transitions", "omitted"}`.

        `by` is a duration ("5s", "250ms", a number of seconds, a timedelta), `to` an instant; `until` is "idle"
        (nothing is due any more), "next" (the next event) or `{"task_instance_id": 1000, "status": "FAILED"}`. What
        never comes is a ControlError (409), and a clock never goes backwards (422); then nothing has moved.
        """
        body: Json = {}
        if by is not None:
            body["by"] = by.total_seconds() if isinstance(by, timedelta) else by
        if to is not None:
            body["to"] = instant(to)
        if until is not None:
            body["until"] = until if isinstance(until, str) else camel_keys(until)
        if len(body) != 1:
            raise TypeError('advance() takes one of by ("5s"), to (an instant) and until ("idle", "next", a status)')
        return self._line.call("POST", "/clock/advance", body)

    def clock(self) -> Json:
        """`{"mode": "manual", "now": "2021-08-25T15:10:13+08:00", "speed": 1}`"""
        return self._line.call("GET", "/clock")

    def set_clock(
        self, mode: Literal["manual", "real"], *, now: Instant | None = None, speed: float | None = None
    ) -> Json:
        """`speed` is of a real clock: 10 is ten times as fast. Answers as `clock` does."""
        body = {"mode": mode, "now": None if now is None else instant(now), "speed": speed}
        return self._line.call("PUT", "/clock", {key: value for key, value in body.items() if value is not None})

    # --- the world -------------------------------------------------------------------------------------------------

    def task(self, id: int) -> TaskHandle:
        """A task, whose attributes are read from the server: `mock.task(1000).subtask(10001).status`."""
        return TaskHandle(self._line, "/tasks", id)

    def reset(self) -> None:
        """The world as its fixture gave it, clock and rules included; journal, history and snapshots are empty."""
        self._line.call("POST", "/reset")

    def load(self, source: "Source") -> None:
        """Another world in the place of this one: a path, several, the name of a shipped fixture, or a mapping.

        It is read here, not by the server. The journal stays; `reset` goes back to the world before. Raises
        FixtureError, with every mistake in it, and then nothing has changed.
        """
        from mockserver.fixtures import source as fixture_source
        from mockserver.fixtures.writer import to_data

        overrides = {**self._settings, **self._marked}
        self._line.call("PUT", "/state", to_data(fixture_source.load(source, overrides=overrides)))

    def fixtures(self) -> list[Json]:
        """What the server can load by name, shipped or served: `{"name", "origin", "about"}`."""
        return self._listed("fixtures")

    def state(self) -> Json:
        """The whole world as a fixture, also in mid-run: `load(state)` goes on from there."""
        return self._line.call("GET", "/state")

    def snapshot(self, name: str) -> Json:
        """Keeps a copy of the world under a name; one of that name is replaced."""
        return self._line.call("POST", "/snapshots", {"name": name})

    def restore(self, name: str) -> Json:
        """The world, its rules and its clock as they were. Journal and history stay. 404 if there is no such copy."""
        return self._line.call("POST", f"/snapshots/{quote(name, safe='')}/restore")

    def settings(self) -> Json:
        """`{"auth", "dialect", "nulls", "arrayOrder", "fieldNames", "scheduler", "server", "seed"}`"""
        return self._line.call("GET", "/settings")

    def set_settings(self, **fields: Unpack[SettingFields]) -> Json:
        """Only what is given changes; what is under way keeps its `due`. Answers as `settings` does."""
        refuse_unknown("set_settings()", fields, SettingFields.__annotations__)
        return self._line.call("PUT", "/settings", camel_keys(fields))

    # --- rules -----------------------------------------------------------------------------------------------------

    def fault(self, **rule: Unpack[FaultFields]) -> Json:
        """Adds a fault, and answers with it and its `id`. The newest that matches acts; see FaultFields for all of it.

        `mock.fault(operation="retrySubtask", error={"status": 503}, when="after", times=1)`: the retry happens, and
        its answer is lost.
        """
        refuse_unknown("fault()", rule, FaultFields.__annotations__)
        check_operation(rule.get("operation"))
        body = camel_keys(rule)
        for key in map(camel, NESTED):
            if isinstance(body.get(key), Mapping):
                body[key] = camel_keys(body[key])
        return self._line.call("POST", "/faults", body)

    def faults(self) -> list[Json]:
        """Those that there are, used-up ones too, with their `hits`."""
        return self._listed("faults")

    def clear_faults(self, id: str | None = None) -> None:
        """Removes one, or all; answers that they hold back are let go."""
        self._line.call("DELETE", "/faults" if id is None else f"/faults/{quote(id, safe='')}")

    def stub(self, mapping: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Json:
        """Adds what answers requests that are not the task API's: a stub mapping of WireMock's, in its own words.

        `mock.stub({"request": {"urlPath": "/api/v2/info"}, "response": {"jsonBody": {"version": "4.2.2"}}})`

        Answers with it and its `id`; of several (a list, or `{"mappings": […]}`) with `{"stubs": […]}`. The lowest
        `priority` that fits answers, of those the newest.
        """
        return self._line.call("POST", "/stubs", mapping)

    def stubs(self) -> list[Json]:
        return self._listed("stubs")

    def clear_stubs(self, id: str | None = None) -> None:
        """Removes one, or all, those of the fixture too; answers that they hold back are let go."""
        self._line.call("DELETE", "/stubs" if id is None else f"/stubs/{quote(id, safe='')}")

    def deny(self, permission: Literal["TASK_VIEWER", "TASK_MANAGER"], **rule: Unpack[DenialFields]) -> Json:
        """Takes a permission away, from all or from one `user`, and answers with the denial and its `id`."""
        refuse_unknown("deny()", rule, DenialFields.__annotations__)
        check_operation(rule.get("operation"))
        return self._line.call("POST", "/denials", {"permission": permission, **camel_keys(rule)})

    def denials(self) -> list[Json]:
        return self._listed("denials")

    def clear_denials(self, id: str | None = None) -> None:
        """Gives back what one denial took, or all of it."""
        self._line.call("DELETE", "/denials" if id is None else f"/denials/{quote(id, safe='')}")

    def permissions(self) -> list[Json]:
        """Who may do what: `{"user", "operation", "permission", "allowed", "rule", …}` for each user and operation."""
        return self._listed("permissions")

    # --- what happened ---------------------------------------------------------------------------------------------

    def requests(
        self, operation: str | None = None, *, limit: int | None = None, **filters: Unpack[RequestFilters]
    ) -> list[Json]:
        """The journal, oldest first: 1,000 at most, of which those that act stay longest; `limit=1` is the last.

        An entry has `id, time, kind, operation, method, path, query, user, requestHeaders, requestBody, status,
        errorCode, responseHeaders, responseBody, duration, rule, hint, clientError, traceId` and more.
        `requests("retrySubtask", status=200, headers={"X-Request-Id": "7"})`
        """
        refuse_unknown("requests()", filters, ["operation", "limit", *RequestFilters.__annotations__])
        sought = wanted(operation, filters)
        if not any(key in sought for key in LOCAL):
            return self._listed("requests", limit=limit, **sought)
        found = report.matching(self._journal()["requests"], sought)
        return found if limit is None else found[-limit:]

    def clear_requests(self) -> None:
        """Empties the journal."""
        self._line.call("DELETE", "/requests")

    def assert_requested(
        self, operation: str | None = None, *, count: int | None = None, **filters: Unpack[RequestFilters]
    ) -> list[Json]:
        """That such requests came: `count` of them (0: none), or at least one. Answers with them.

        The AssertionError of a failure shows what came instead, nearest first. If the journal has dropped requests
        that might have decided it, it says so, and fails.
        """
        __tracebackhide__ = True
        refuse_unknown("assert_requested()", filters, ["operation", "count", *RequestFilters.__annotations__])
        sought = wanted(operation, filters)
        if count is not None and (type(count) is not int or count < 0):
            raise ValueError(f"count is a number of requests, 0 or more, or None for at least one; not {count!r}")
        answer = self._journal()
        problem = report.verdict(answer, sought, count)
        if problem is not None:
            raise AssertionError(problem)
        return report.matching(answer["requests"], sought)

    def _journal(self) -> Json:
        return self._line.call("GET", "/requests")

    def _listed(self, name: str, **filters: Any) -> list[Json]:
        given = query({key: value for key, value in filters.items() if value is not None})
        found: list[Json] = self._line.call("GET", f"/{name}?{urlencode(given)}")[name]
        return found

    def history(self, **filters: Unpack[HistoryFilters]) -> list[Json]:
        """Every change of a status, oldest first.

        A change has `time, taskInstanceId, subtaskInstanceId, from, to, operation, cause`.
        """
        refuse_unknown("history()", filters, HistoryFilters.__annotations__)
        return self._listed("history", **filters)

    def contract(self, *, worlds: Literal["all"] | None = None) -> Json:
        """The account of this world, or of all: `{"replies", "valid", "deliberatelyInvalid", "violations",
        "clientErrors", "expectedErrors"}`."""
        return self._line.call("GET", "/contract" if worlds is None else f"/contract?worlds={worlds}")

    def clear_contract(self) -> None:
        """This world's account is zero."""
        self._line.call("DELETE", "/contract")

    def expecting_client_errors(
        self, *, status: int | None = None, operation: str | None = None, times: int | None = None
    ) -> AbstractContextManager[Json]:
        """In a `with` block, client errors that the test makes on purpose: they count as expected, and fail nothing.
        An AssertionError if there were none (or not `times`).

        `with mock.expecting_client_errors(status=400): requests.get(f"{mock.api_url}/tasks/instances/x")`
        """
        check_operation(operation)
        given = {"status": status, "operation": operation, "times": times}
        return expecting(self._line, {key: value for key, value in given.items() if value is not None})

    def close(self) -> None:
        """Its connections. It can be used again."""
        if self._connected is not None:
            self._connected.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "not running" if self._connected is None else self._connected.url
        return f"<{type(self).__name__} {where}>"
