"""Logs, to stderr: text for people, without colours, or a JSON object per line; and a line per request."""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

from mockserver.contract.credentials import redacted
from mockserver.server.responses import HINT, RULE, header_safe

ACCESS: Final = logging.getLogger("mockserver.access")


def to_stderr(form: str) -> None:
    """`form` is text or json. Ours from INFO up, everybody else's from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("mockserver").setLevel(logging.INFO)


class Seldom:
    """A line a second at most, about what may go wrong all the time."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger, self._next_s = logger, 0.0

    def error(self, message: str, *facts: object, exc_info: bool = False) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + 1
            self._logger.error(message, *facts, exc_info=exc_info)


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class AccessLog(AbstractAccessLogger):
    """Method, path, status, milliseconds; where there are any, the rule that acted and what would have worked."""

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        facts: dict[str, object] = {
            "method": request.method,
            "path": header_safe(redacted(request.raw_path)),
            "status": response.status,
            "milliseconds": round(time * 1000, 1),
        }
        line = " ".join(str(fact) for fact in facts.values()) + " ms"
        headers = getattr(response, "_headers", {})  # what `transport` has written itself has none to keep
        for key, header in (("rule", RULE), ("hint", HINT)):
            if header in headers:
                facts[key] = headers[header]
                line += f", {key}: {facts[key]}"
        self.logger.info("%s", line, extra={"facts": facts})
