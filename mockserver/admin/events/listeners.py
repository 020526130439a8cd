"""`GET /__admin/events`: who listens to a world, over HTTP, as server-sent events.

Twenty times a second, and only while somebody listens, one task writes what is new to every listener: the same bytes to
all. Nobody is waited for. A listener that does not read is dropped; it can come back, and say where it was.
"""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from mockserver.admin.calls import EVENT_STREAM
from mockserver.admin.events.feed import AT_ONCE, KEPT, Feed
from mockserver.contract.errors import Unprocessable
from mockserver.server.responses import CONTRACT
from mockserver.times import SECOND
from mockserver.world.account import VALID
from mockserver.world.clock import ticks
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")

LISTENERS: Final = 256
TICK_S: Final = 0.05
PING: Final = 10 * SECOND
BEHIND_BYTES: Final = 64 * 1024
BEHIND: Final = 5 * SECOND
"""A listener with so many bytes waiting, or with any for so long, is dropped."""
SEND_BUFFER: Final = 64 * 1024
"""The system's, of a connection: what waits there cannot be seen."""
REPLAY_S: Final = 5
HEADERS: Final[dict[str, str]] = {
    hdrs.CONTENT_TYPE: EVENT_STREAM,
    hdrs.CACHE_CONTROL: "no-store, no-transform",  # a proxy that compresses would collect it
    CONTRACT: VALID,
    "X-Accel-Buffering": "no",  # nginx would collect it
}
RETRY: Final = b"retry: 1000\n\n"


class Listener:
    """One open stream."""

    __slots__ = ("_behind_since", "_request", "joined", "over")

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._behind_since: int | None = None
        self.joined = False
        """Whether it has all that happened before, and is written to by `send`."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, events: bytes, chunk: bytes, now: int) -> None:
        """`chunk` is the same in HTTP/1.1's framing. Never waits."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self.end()
            return
        waiting = transport.get_write_buffer_size()
        if not waiting:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        if waiting > BEHIND_BYTES or (self._behind_since is not None and now - self._behind_since > BEHIND):
            self.drop()
        elif events:
            transport.write(chunk if self._request.version == HttpVersion11 else events)

    def end(self) -> None:
        """In good order, if it has read everything: nobody waits for one that has not."""
        transport = self._request.transport
        if transport is not None and (not self.joined or transport.get_write_buffer_size()):
            transport.abort()
        if not self.over.done():
            self.over.set_result(None)

    def drop(self) -> None:
        self.joined = False
        self.end()


class Channel:
    """A world's feed, and who listens to it."""

    def __init__(self, site: Site) -> None:
        self.feed = Feed(site)
        self.ended = False
        self.listeners: set[Listener] = set()
        self._ping = ticks() + PING

    def tick(self) -> bool:
        """What is new is collected, and sent to all who have joined. Whether more is left."""
        before = self.feed.latest
        left = self.feed.collect()
        events, now = self.feed.since(before), ticks()
        if now >= self._ping:
            self._ping = now + PING
            events += self.feed.ping()
        chunk = b"%x\r\n%b\r\n" % (len(events), events)
        for listener in list(self.listeners):
            listener.send(events, chunk, now)
        return left

    def end(self) -> None:
        self.ended = True
        for listener in list(self.listeners):
            listener.end()


class Listening:
    """Everybody who listens to a server."""

    def __init__(self) -> None:
        self._channels: dict[str | None, Channel] = {}
        """By the name of the world, and kept while nobody listens, for who comes back."""
        self._open: set[Listener] = set()
        self._pump: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    def open(self, request: web.Request) -> Listener:
        """Raises Unprocessable (503)."""
        if self._closed or len(self._open) >= LISTENERS:
            raise Unprocessable(f"{len(self._open)} listen already, and no more can", status=503)
        listener = Listener(request)
        self._open.add(listener)
        return listener

    def channel(self, site: Site) -> Channel:
        for one in self._current():
            if one.feed.site is site:
                return one
        channel = self._channels[site.name] = Channel(site)
        return channel

    def join(self, channel: Channel, listener: Listener) -> None:
        listener.joined = True
        if channel.ended or self._closed:
            listener.end()
            return
        channel.listeners.add(listener)
        if self._pump is None:
            self._pump = asyncio.create_task(self._pumping(), name="events of /__admin")

    def leave(self, channel: Channel, listener: Listener) -> None:
        channel.listeners.discard(listener)
        self._open.discard(listener)

    async def end(self, _: object) -> None:
        """At the server's shutdown: every stream, at once."""
        self._closed = True
        for listener in list(self._open):
            listener.end()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])

    def _current(self) -> Iterator[Channel]:
        """Those whose world is still there; the others end."""
        for name, channel in list(self._channels.items()):
            site = channel.feed.site
            site.worlds.settle()
            if site.worlds.has(site):
                yield channel
            else:
                del self._channels[name]
                channel.end()

    async def _pumping(self) -> None:
        while any(channel.listeners for channel in self._channels.values()):
            await asyncio.sleep(TICK_S)
            for channel in self._current():
                if channel.listeners:
                    try:
                        channel.tick()
                    except Exception:
                        log.exception("collecting events")
                        del self._channels[channel.feed.site.name]
                        channel.end()
        self._pump = None


LISTENING: Final = web.AppKey("listening", Listening)


async def get_events(site: Site, request: web.Request) -> web.StreamResponse:
    """Server-sent events: what happens in the world, as it happens. The first is `hello`, unless the stream goes on
    after the event that Last-Event-ID names; then nothing is sent twice and nothing is missing. After `hello`, `world`
    and `skipped` one looks at everything anew. Every 10 s there is a `ping`. Who does not read is dropped.
    """
    response = web.StreamResponse(headers=HEADERS)
    response.force_close()
    if request.method == hdrs.METH_HEAD:
        return response
    listening: Listening = request.app[LISTENING]
    listener, channel = listening.open(request), listening.channel(site)
    try:
        await response.prepare(request)
        await caught_up(channel, request, response)
        listening.join(channel, listener)
        await listener.over
    except (ConnectionError, TimeoutError):  # it has gone, or does not read
        listener.drop()
    except Exception:
        log.exception("sending events")
        listener.drop()
    finally:
        listening.leave(channel, listener)
    return response


async def caught_up(channel: Channel, request: web.Request, response: web.StreamResponse) -> None:
    """Sends what the listener has missed. When this returns, there is nothing more. Raises TimeoutError, if it does not
    read, and ConnectionError."""
    sock = request.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    for _ in range(KEPT // AT_ONCE + 1):
        if not channel.tick():
            break
    feed, known, events = channel.feed, last_event_id(request), RETRY
    async with asyncio.timeout(REPLAY_S):
        while events or known != feed.latest:
            events += feed.since(known)
            known = feed.latest
            await response.write(events)
            events = b""


def last_event_id(request: web.Request) -> int | None:
    """None for what is none of ours."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None
