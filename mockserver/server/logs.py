"""Logs, to stderr: text for people, without colours, or a JSON object per line; and a line per request."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

from mockserver.redaction import shown_target
from mockserver.server.responses import HINT, RULE, header_safe
from mockserver.times import SECOND
from mockserver.world.clock import ticks

ACCESS: Final = logging.getLogger("mockserver.access")


DROPPED: Final = "lines dropped here, since nobody read them: %d"


def to_stderr(form: str) -> Callable[[int], str]:
    """`form` is text or json. Ours from INFO up, everybody else's from WARNING up. Gives what makes a line of the log
    that says how many others are missing."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = Json() if form == "json" else Text("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("mockserver").setLevel(logging.INFO)

    def dropped(count: int) -> str:
        record = logging.LogRecord("mockserver", logging.WARNING, __file__, 0, DROPPED, (count,), None)
        return formatter.format(record)

    return dropped


class Seldom:
    """A line a second at most, about what may go wrong all the time."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger, self._next = logger, 0

    def error(self, message: str, *facts: object, exc_info: bool = False) -> None:
        now = ticks()
        if now >= self._next:
            self._next = now + SECOND
            self._logger.error(message, *facts, exc_info=exc_info)


def escaped(text: str) -> str:
    """In one line, and harmless at a terminal: what cannot be printed is `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class Text(logging.Formatter):
    """A line each; those of a traceback are indented, since they may quote a request, line breaks and all."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return escaped(super().formatMessage(record))

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return "\n".join(f"  {escaped(line)}" for line in super().formatException(ei).split("\n"))


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
            "path": header_safe(shown_target(request.raw_path)),
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
