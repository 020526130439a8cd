"""Ten thousand requests that are broken somehow: no traceback, no hang, and by both ways the same answer."""

import asyncio
import logging
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from bytes_read import Heard, counting
from clients import failed_world
from mutations import mutations
from processes import END_S

from mockserver import create_app
from mockserver.fixtures.writer import to_data
from mockserver.server import answer, runner
from mockserver.server.routing import SITE
from mockserver.world.worlds import Site

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

SEEDS: Final = range(10)
EACH: Final = 1000
TURNS: Final = 12
"""So many of the loop, once all is read, and nobody has anything more to say; what is done in a thread comes first."""
USERS: Final = {"operator": {"password": "operator", "permissions": ["TASK_MANAGER"]}}
CHANCE: Final = re.compile(rb'\r\n(?:Date|Content-Length): [^\r]*|"duration":[\d.]+')
"""What two servers say differently: the date; and in the journal how long each took, and so how long its text is."""
VERDICT: Final = re.compile(rb"(?i)\r\nX-Mock-Contract: ([a-z-]+)\r\n")
OF_THE_API: Final = re.compile(rb'(?i)\r\nX-Mock-Contract: ([a-z-]+)\r\n(?:[^\r\n]+\r\n)*\r\n\{"(?:data|duration)"')


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return counting(monkeypatch)


class Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


class Way:
    """A server, and the verdicts that its clients were told."""

    def __init__(self, site: Site, port: int, heard: Heard) -> None:
        self.site, self.port, self._heard = site, port, heard
        self.told: Counter[str] = Counter()
        self.told_by_api: Counter[str] = Counter()
        """Of these, those with an envelope that has not been spoiled."""

    async def ask(self, parts: list[bytes]) -> bytes:
        """All that comes, but for its dates. Once there is nothing more to say, the client hangs up."""
        loop, heard = asyncio.get_running_loop(), self._heard
        transport, client = await loop.create_connection(Client, "127.0.0.1", self.port)
        sent = heard.total
        for part in parts:
            transport.write(part)
            sent += len(part)
            while heard.total < sent and not client.ended.is_set():  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0)
        quiet = 0
        while quiet < TURNS and not client.ended.is_set():
            await asyncio.sleep(0)
            quiet = 0 if any(one.name == "beside the loop" for one in threading.enumerate()) else quiet + 1
        if not client.ended.is_set():
            transport.write_eof()
            await client.ended.wait()
        received = bytes(client.received)
        self.told.update(verdict.decode() for verdict in VERDICT.findall(received))
        self.told_by_api.update(verdict.decode() for verdict in OF_THE_API.findall(received))
        return CHANCE.sub(b"", received)

    def left(self) -> object:
        """Account, journal and world."""
        served = self.site.served
        journal = [
            (one.asked.method, one.asked.target, one.status, one.content, one.client_error, one.kind, one.changes)
            for one in served.journal
        ]
        return self.site.account.to_json(), self.site.worlds.names(), journal, to_data(served.state()())


@asynccontextmanager
async def serving(heard: Heard) -> AsyncIterator[Way]:
    app = create_app(failed_world(users=USERS, auth="open"))
    sockets = runner.bound("127.0.0.1", 0)
    async with runner.running(app, sockets, grace_s=1):
        yield Way(app[SITE], runner.port_of(sockets), heard)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_broken_request_is_answered_or_hung_up_on(
    seed: int,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    errors, loop = list[Any](), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    caplog.set_level(logging.WARNING)
    async with serving(heard) as front:
        monkeypatch.setattr(answer, "at_once", lambda *_: None)
        async with serving(heard) as alone:
            for parts in mutations(seed, EACH):
                async with asyncio.timeout(END_S):
                    one, other = [await way.ask(parts) for way in (front, alone)]
                assert one == other, parts
                assert not errors, parts
                assert not [record for record in caplog.records if record.levelno >= logging.ERROR], parts
            assert front.left() == alone.left()
        for way in (front, alone):
            account = way.site.worlds.accounts.total()
            assert account.violations == 0
            assert account.valid * 0.8 <= way.told_by_api["valid"] <= account.valid
            assert way.told["deliberately-invalid"] <= account.deliberately_invalid
            assert sum(way.told.values()) >= account.replies * 0.9
    assert "Traceback" not in capfd.readouterr().err
