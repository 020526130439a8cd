"""How many bytes all servers of this process have read: when a server has had what was sent, without waiting."""

import pytest
from aiohttp import web

from mockserver.server.front.protocol import Front


class Heard:
    total = 0


def counting(monkeypatch: pytest.MonkeyPatch) -> Heard:
    heard, in_front, inner = Heard(), Front.buffer_updated, web.RequestHandler.data_received

    def buffer_updated(self: Front, nbytes: int) -> None:
        now = heard.total + nbytes
        in_front(self, nbytes)
        heard.total = now  # and what it handed over is not counted twice

    def data_received(self: web.RequestHandler, data: bytes) -> None:
        heard.total += len(data)
        inner(self, data)

    monkeypatch.setattr(Front, "buffer_updated", buffer_updated)
    monkeypatch.setattr(web.RequestHandler, "data_received", data_received)
    return heard
