"""The protocol in front of aiohttp's: answers a plain request where it arrives, and hands over everything else.

The first thing on a connection that is not plain, or that `answer` leaves to aiohttp, hands the connection over for
good. This is where speed is bought; it parses, calls, writes, and knows nothing of what is asked for.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final, cast

from mockserver.server.front import head
from mockserver.server.front.buffered import Buffered
from mockserver.server.front.reader import PlainRequest, Reader

log = logging.getLogger("mockserver")

BUFFER: Final = 64 * 1024
FAILED: Final = HTTPStatus.INTERNAL_SERVER_ERROR
_FAILURE: Final = f"{FAILED} {FAILED.phrase}\n\n{FAILED.description}".encode()
"""What aiohttp says when a handler raises."""

Answer = Callable[[PlainRequest], bytes | None]
"""The whole response, head and body. None: aiohttp is to answer, and nothing has been counted or changed."""


class Fronts:
    """The connections of one server that aiohttp does not have. Called, it makes the protocol of a new one."""

    def __init__(
        self,
        reader: Reader,
        answer: Answer,
        server: Callable[[], asyncio.Protocol],
        buffered: Buffered,
        *,
        keepalive_s: float,
    ) -> None:
        """`server` makes protocols of aiohttp's. A connection on which nothing comes for `keepalive_s`, or for twice
        that at most, is closed."""
        self.reader, self.answer, self.server, self.keepalive_s = reader, answer, server, keepalive_s
        self.buffered = buffered
        self.open: set[Front] = set()
        self.closing = False
        self._left = asyncio.Event()
        # One for all of them, since what was received is read before anything else is; and not one for all threads.
        self.received = memoryview(bytearray(BUFFER))

    def __call__(self) -> "Front":
        return Front(self)

    async def close(self) -> None:
        """What has come is answered, and then nothing more is read. (aiohttp's runner does not know of them.)"""
        self.closing = True
        for _ in range(2):  # in a whole turn of the loop each of them is read once
            await asyncio.sleep(0)
        for front in tuple(self.open):
            front.transport.close()

    async def closed(self) -> None:
        """Waits, once they are told to close, until every answer has been sent."""
        if self.open:
            await self._left.wait()

    def leave(self, front: "Front") -> None:
        self.open.discard(front)
        if self.closing and not self.open:
            self._left.set()

    def abort(self) -> None:
        """Forgets what nobody has read."""
        for front in tuple(self.open):
            front.transport.abort()


class Front(asyncio.BufferedProtocol):
    """One connection. (asyncio's other protocol receives into 256 KiB that it allocates anew each time.)"""

    __slots__ = ("_fronts", "_loop", "_timer", "_unread", "_used", "transport")

    transport: asyncio.Transport

    def __init__(self, fronts: Fronts) -> None:
        self._fronts = fronts
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._unread = 0
        """How many bytes of answers wait for a client that does not read."""
        self._used = False
        """Whether something came since the timer began to run."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._fronts.open.add(self)
        if self._fronts.closing:
            transport.close()
            return
        self._wait()
        with suppress(OSError):  # its client has gone already
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._fronts.received

    def buffer_updated(self, nbytes: int) -> None:
        fronts = self._fronts
        data = bytes(fronts.received[:nbytes])
        try:
            request = fronts.reader.read(data)
            response = None if request is None or fronts.buffered.is_full else fronts.answer(request)
            if response is not None:
                self._used = True
                self.transport.write(response)
                return
        except Exception:  # asyncio would close the connection without a word
            log.exception("answering %r", data[: data.find(b"\r\n")])
            self._fail()
            return
        self._hand_over(data)

    def pause_writing(self) -> None:
        """Who does not read is not read. So nothing is handed over that aiohttp would have to be told of."""
        self.transport.pause_reading()
        self._count(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._count(0)
        self.transport.resume_reading()

    def expired(self) -> None:
        """The timer has run out."""
        if self._used or self.transport.get_write_buffer_size():
            self._wait()
        else:
            self.transport.close()

    def _wait(self) -> None:
        self._used = False
        self._timer = self._loop.call_later(self._fronts.keepalive_s, self.expired)

    def _fail(self) -> None:
        content_type = {"Content-Type": "text/plain; charset=utf-8"}
        self.transport.write(head.response(FAILED, content_type, _FAILURE, close=True))
        self.transport.close()

    def _hand_over(self, data: bytes) -> None:
        """For good: aiohttp's protocol is the connection's from now on, as if these were its first bytes."""
        self._leave()
        inner = self._fronts.server()
        self.transport.set_protocol(inner)
        inner.connection_made(self.transport)
        inner.data_received(data)

    def _count(self, unread: int) -> None:
        self._fronts.buffered.size += unread - self._unread
        self._unread = unread

    def _leave(self) -> None:
        self._count(0)
        self._fronts.leave(self)
        if self._timer is not None:
            self._timer.cancel()
