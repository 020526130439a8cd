"""The handle that tests hold: a mock server's control routes as methods, over plain blocking HTTP.

Standard library only, and no proxy on the way. Any thread may call; each call has a connection of its own.
"""

import json
import re
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

CALL_S: Final = 120
"""An `advance` over ten million events takes most of it."""
Json = dict[str, Any]


class ControlError(Exception):
    """The server refused a call, and nothing has changed. `details` say where: each has a path and a message."""

    def __init__(self, status: int, message: str, details: list[Json]) -> None:
        self.status = status
        self.message = message
        self.details = details
        super().__init__(f"{status}: " + "; ".join([message, *(f"{one['path']}: {one['message']}" for one in details)]))


class Handle:
    """Drives one mock server by its URL. Keyword arguments are the fields of the control routes, in snake_case."""

    def __init__(self, url: str, *, admin_token: str | None = None) -> None:
        self._url = url
        self._admin_token = admin_token

    @property
    def url(self) -> str:
        """Without an API prefix: `http://127.0.0.1:40123`."""
        return self._url

    def advance(self, by: str | float | None = None, *, to: str | None = None, until: str | Json | None = None) -> Json:
        """Moves the clock, and answers `{"now", "transitions"}`.

        `by` is a duration ("5s", "250ms", or a number of seconds), `to` an instant; `until` is "idle" (nothing is due
        any more), "next" (the next event) or `{"taskInstanceId": 1000, "status": "FAILED"}`.
        """
        body = {"by": by, "to": to, "until": until}
        return self._call("POST", "/clock/advance", {key: value for key, value in body.items() if value is not None})

    def reset(self) -> None:
        """The world as its fixture gave it, clock and rules included; the journal is empty."""
        self._call("POST", "/reset")

    def fault(self, **rule: Any) -> Json:
        """Adds a fault, such as `operation="retrySubtask", error={"status": 503}, when="after", times=1`."""
        return self._call("POST", "/faults", camel(rule))

    def deny(self, permission: str, **rule: Any) -> Json:
        """Takes a permission away: from everybody, or as `user`, `operation`, `task_instance_id` and `times` say."""
        return self._call("POST", "/denials", camel({"permission": permission, **rule}))

    def requests(self, **filters: str | int) -> list[Json]:
        """The journal of API requests, oldest first: `operation="retrySubtask", status=200, task_instance_id=1000`."""
        answer = self._call("GET", "/requests?" + urlencode(camel(filters)))
        entries: list[Json] = answer["requests"]
        return entries

    def state(self) -> Json:
        """The whole world as a fixture."""
        return self._call("GET", "/state")

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Raises ControlError if the server refuses, and OSError if it is not there."""
        parts = urlsplit(self.url)
        headers = {"Content-Type": "application/json"}
        if self._admin_token is not None:
            headers["Authorization"] = f"Bearer {self._admin_token}"
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"{parts.path}/__admin{path}", text, headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        answer: Json = json.loads(raw) if raw else {}
        if response.status >= 400:
            error = answer["error"]
            raise ControlError(response.status, error["message"], error.get("details", []))
        return answer


def camel(given: Json) -> Json:
    """task_instance_id → taskInstanceId; a name that is camelCase already stays."""
    return {re.sub(r"_([a-z])", lambda match: match[1].upper(), key): value for key, value in given.items()}
