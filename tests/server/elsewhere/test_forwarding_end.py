"""The end of what forwards: it waits for the connections that say good-bye, and not for ever."""

import asyncio
import socket

import pytest
from aiohttp import web
from processes import END_S

from mockserver.server.elsewhere import forwarding as room
from mockserver.server.elsewhere.forwarding import Forwarding
from mockserver.server.elsewhere.upstream import Upstream

ANY = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))


async def ends_within(seconds: float, forwarding: Forwarding) -> bool:
    assert not forwarding.session.closed
    return bool((await asyncio.wait([asyncio.create_task(forwarding.close(web.Application()))], timeout=seconds))[0])


@pytest.mark.asyncio
async def test_it_waits_for_a_socket_that_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CLOSED_S", END_S)
    forwarding = Forwarding(Upstream(origin="https://real.test"))
    with forwarding._socket(ANY) as left:
        asyncio.get_running_loop().call_later(0.05, left.close)
        assert await ends_within(END_S, forwarding)
        assert left.fileno() == -1


@pytest.mark.asyncio
async def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CLOSED_S", 0.01)
    forwarding = Forwarding(Upstream(origin="https://real.test"))
    with forwarding._socket(ANY) as left:
        assert await ends_within(END_S, forwarding)
        assert left.fileno() != -1
