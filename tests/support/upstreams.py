"""A real small system that requests are forwarded to: aiohttp's own server in a thread, with the handlers of a test."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import Any, Final

from aiohttp import web
from processes import END_S

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MEGABYTE: Final = 1024 * 1024


class Upstream:
    def __init__(self, loop: asyncio.AbstractEventLoop, url: str, stop: Callable[[], None]) -> None:
        self.loop, self.url, self._stop = loop, url, stop
        self.requests: list[web.Request] = []

    @property
    def latest(self) -> web.Request:
        return self.requests[-1]

    def kill(self) -> None:
        """Every connection is reset, and nobody listens any more."""
        self._stop()


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response({"method": request.method, "target": request.raw_path, "body": body.decode()})


@contextmanager
def upstream(
    handlers: Mapping[str, Handler] | None = None, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Upstream]:
    """Handlers by their paths, for any method; all other paths echo. They run in a thread of their own."""
    started: Future[Upstream] = Future()

    async def serve() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        known: list[Upstream] = []

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            known[0].requests.append(request)
            return await handler(request)

        app = web.Application(middlewares=[note], client_max_size=100 * MEGABYTE)
        for path, handler in {**(handlers or {}), "/{path:.*}": echo}.items():
            app.router.add_route("*", path, handler)
        runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        scheme = "http" if tls is None else "https"
        url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        ended: Future[None] = Future()

        def stop() -> None:
            loop.call_soon_threadsafe(stopped.set)
            ended.result(END_S)

        known.append(Upstream(loop, url, stop))
        started.set_result(known[0])
        await stopped.wait()
        assert runner.server is not None
        for connection in runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()
        ended.set_result(None)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    system = started.result(END_S)
    try:
        yield system
    finally:
        if thread.is_alive():
            system.kill()
        thread.join(END_S)


async def told(request: web.Request) -> dict[str, Any]:
    """What a request says, as JSON has it."""
    return {
        "method": request.method,
        "target": request.raw_path,
        "headers": [list(one) for one in request.headers.items()],
    }
