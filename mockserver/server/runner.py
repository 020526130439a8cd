"""Serving an application: sockets that are bound before anything else is promised, and an end that is bounded.

The same for `serve`, for `exec` and for MockServer; only who waits differs.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from threading import Thread
from typing import Any, Final

from aiohttp import web

from mockserver.server import answer
from mockserver.server.front.connection import Connections
from mockserver.server.front.protocol import Fronts
from mockserver.server.front.reader import Reader
from mockserver.server.logs import ACCESS, AccessLog, Seldom
from mockserver.server.responses import BUFFERED
from mockserver.server.routing import SITE
from mockserver.world.clock import loop_time

log = logging.getLogger("mockserver")

BACKLOG: Final = 1024
KEEPALIVE_S: Final = 75
"""Also how long aiohttp waits for the rest of a header; its own default is an hour."""
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
Handler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def bound(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on every address of `host`, all on one port (0: a free one). Raises OSError, which says where.

    Listening, and not only bound: two sockets can be bound to one port as long as neither listens. No SO_REUSEPORT:
    two servers would share one port in silence.
    """
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, kind, protocol, _, address in _addresses(host, port):
            if sockets:
                address = (address[0], port_of(sockets), *address[2:])
            try:
                sockets.append(_listening(socket.socket(family, kind, protocol), address))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                absent = error
        if not sockets and absent is not None:
            raise absent
    except OSError as error:
        for one in sockets:
            one.close()
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is in use; choose another, or 0 for a free one"
        raise OSError(error.errno, f"cannot listen on {host}: {reason}") from None
    return sockets


def _addresses(host: str, port: int) -> Iterable[tuple[int, int, int, str, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:
        raise OSError(errno.EINVAL, "not a host name") from None
    return dict.fromkeys(found)


def _listening(one: socket.socket, address: Any) -> socket.socket:
    try:
        if hasattr(socket, "AF_INET6") and one.family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR steals a port that is in use
            one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)
        one.listen(BACKLOG)
        one.setblocking(False)
    except BaseException:
        one.close()
        raise
    return one


def port_of(sockets: Sequence[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port


def url_of(host: str, sockets: Sequence[socket.socket]) -> str:
    """Where a client on this machine finds it: every address there is (0.0.0.0, ::) is not one to connect to."""
    name = _EVERYWHERE.get(sockets[0].getsockname()[0], host).replace("%", "%25")
    return f"http://[{name}]:{port_of(sockets)}" if ":" in name else f"http://{name}:{port_of(sockets)}"


@asynccontextmanager
async def running(
    app: web.Application,
    sockets: Sequence[socket.socket],
    *,
    grace_s: float,
    access_log: bool = False,
) -> AsyncIterator[None]:
    """An application of create_app's on these sockets, which are closed at the end.

    Requests in flight have `grace_s` to end. Plain ones are answered in front of aiohttp, where nothing stands around
    the application and no line per request is wanted.
    """
    site = app[SITE]
    site.access_logged = access_log
    runner = web.AppRunner(
        app,
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=grace_s,  # never 0, which aiohttp takes for "wait for ever"
        access_log=ACCESS if access_log else None,
        access_log_class=AccessLog,
    )
    loop, listeners, fronts = asyncio.get_running_loop(), list[asyncio.Server](), None
    loop.set_exception_handler(_telling_seldom(loop.get_exception_handler()))  # also for what is late after the end
    try:
        await runner.setup()
        assert runner.server is not None
        buffered = app[BUFFERED]
        server = Connections(runner.server, partial(answer.refused, site), buffered)
        if not (access_log or app.middlewares or app.on_response_prepare):
            reader = Reader(site.options.prefixes, loop)
            fronts = Fronts(reader, partial(answer.at_once, site), server, buffered, keepalive_s=KEEPALIVE_S)
        for one in sockets:
            listeners.append(await loop.create_server(fronts or server, sock=one, backlog=BACKLOG))
        yield
    finally:
        # aiohttp waits twice, before and after it cancels a handler. Nobody waits that long.
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s + 0.25):
                await _nobody_more(sockets)
                for listener in listeners:
                    listener.close()  # no wait_closed: from Python 3.12.1 on that waits for connections, without an end
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_s):
                        await _bodies_received(runner)
                if fronts is not None:
                    await fronts.close()
                await runner.cleanup()
                if fronts is not None:
                    await fronts.closed()
        if fronts is not None:
            fronts.abort()
        for one in sockets:
            one.close()


@contextmanager
def running_in_thread(
    app: web.Application,
    sockets: Sequence[socket.socket],
    *,
    grace_s: float,
    access_log: bool = False,
    name: str | None = None,
) -> Iterator[asyncio.AbstractEventLoop]:
    """`running`, in a thread with a loop of its own. Requests are answered when the block begins; when it has ended,
    the thread is gone. Gives that loop. What goes wrong at the start is raised here."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def until_told() -> None:
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        async with running(app, sockets, grace_s=grace_s, access_log=access_log):
            started.set_result((loop, told))
            await told.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=_in_real_time) as loops:
                loops.run(until_told())
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    def end(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        if started.exception() is None:
            loop, told = started.result()
            loop.call_soon_threadsafe(told.set)

    thread = Thread(target=run, name=name or f"mock server on port {port_of(sockets)}", daemon=True)
    try:
        thread.start()
        yield started.result()[0]
    finally:
        started.add_done_callback(end)  # what is raised in this thread at the start (a test's timeout) comes before it
        with suppress(RuntimeError):  # not even the thread has started
            thread.join()


def _in_real_time() -> asyncio.AbstractEventLoop:
    """A loop whose delays end, also while somebody has frozen the time of this process (freezegun)."""
    loop = asyncio.new_event_loop()
    with suppress(AttributeError):  # uvloop asks the system itself
        loop.time = loop_time  # type: ignore[method-assign]  # all that asyncio takes its time from
    return loop


def _telling_seldom(usual: Handler | None) -> Handler:
    """asyncio tells, with a traceback, of each connection that it cannot accept; and tries again after a second, also
    where the socket has been closed by then."""
    seldom = Seldom(log)

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _EXHAUSTED and "socket" in context:
            seldom.error("connections wait, since none can be accepted: %s", error.strerror)
        elif not (isinstance(error, ValueError) and "_start_serving" in str(context.get("message"))):
            (usual or type(loop).default_exception_handler)(loop, context)

    return tell


async def _nobody_more(sockets: Sequence[socket.socket]) -> None:
    """Accepts no connection any more, and gets those ready that just were: the loop knows of one only a turn later, and
    would forget one that is accepted in the turn in which it closes the socket (Python 3.11)."""
    loop = asyncio.get_running_loop()
    for one in sockets:
        with suppress(NotImplementedError):  # a proactor accepts otherwise
            loop.remove_reader(one)
    await asyncio.sleep(0)


async def _bodies_received(runner: web.AppRunner) -> None:
    """aiohttp, once it is told to close, drops the rest of a body that is on its way: so wait for that before."""
    await asyncio.sleep(0)
    while runner.server is not None:
        answering = [getattr(connection, "_current_request", None) for connection in runner.server.connections]
        if all(request is None or request.content.is_eof() for request in answering):
            return
        await asyncio.sleep(0.01)
