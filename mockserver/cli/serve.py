"""The command `serve`: a fixture, a port, a greeting, and then answers until a signal comes."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from aiohttp import web

from mockserver.app import create_app
from mockserver.cli import endings, greeting, port_file, streams
from mockserver.cli.flags import FIXTURES
from mockserver.cli.gate import journal_file
from mockserver.fixtures import source
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.watch import Files
from mockserver.server import logs, runner
from mockserver.server.elsewhere.forwarding import FORWARDING
from mockserver.server.reloading import Reloader, watch
from mockserver.server.routing import SITE

log = logging.getLogger("mockserver")

GRACE_S: Final = 5
"""For requests in flight when the server is told to end."""


def run(arguments: argparse.Namespace) -> int:
    endings.on_signal(lambda *_: endings.leave(0))  # while it loads
    try:
        app, reloader, sockets = prepared(arguments)
        gc.set_threshold(20_000, 5, 400)  # requests leave no cycles; a long look at a large world would hold others up
        sys.setswitchinterval(0.001)  # so soon a thread that is at something long lets the loop go on
        if arguments.journal is not None:
            journal_file.begin(arguments.journal, app[SITE].worlds)
        with port_file.writing(arguments.port_file) as write_port:
            asyncio.run(until_told(arguments, app, reloader, sockets, write_port))
    except (FixtureError, OSError) as error:
        return refused(error)
    written = arguments.journal is None or journal_file.write(arguments.journal, app[SITE].worlds)
    endings.leave(0 if written else 1)


def refused(error: FixtureError | OSError) -> int:
    """Says why nothing is served, and returns the exit code."""
    if isinstance(error, FixtureError):
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    print(f"ocp-mockserver: {error.strerror}", file=sys.stderr)
    return 1


def prepared(arguments: argparse.Namespace) -> tuple[web.Application, Reloader, list[socket.socket]]:
    """A loaded world, and sockets that listen. Raises FixtureError and OSError; a usage error ends the process."""
    streams.install()
    dropped = logs.to_stderr(arguments.log_format)
    if isinstance(sys.stderr, streams.Unwaited):
        sys.stderr.told = dropped
    for warning in arguments.warnings:
        log.warning("%s", warning)
    parser: argparse.ArgumentParser = arguments.flags.parser
    paths = arguments.paths or source.paths_in(os.environ.get(FIXTURES, ""))
    try:
        overrides = source.overrides(
            clock=arguments.clock,
            speed=arguments.speed,
            auth=arguments.auth,
            seed=arguments.seed,
            dialect=arguments.dialect,
            nulls=arguments.nulls,
            field_names=arguments.field_names,
        )
        served = [path for path in paths if path] or None
        files = Files(served, overrides=overrides, warn=partial(log.warning, "%s"))
        app = create_app(
            files.read(),
            api_prefixes=arguments.api_prefix,
            admin=arguments.admin,
            admin_token=arguments.admin_token,
            allowed_hosts=[arguments.host, *arguments.allow_host],
            allowed_origins=arguments.allow_origin,
            forward=arguments.forward,
            forward_paths=arguments.forward_path,
            forward_ca=arguments.forward_ca,
            forward_insecure=arguments.forward_insecure,
        )
    except ValueError as error:
        parser.error(str(error))
    sockets = runner.bound(arguments.host, arguments.port)
    addresses = [str(one.getsockname()[0]) for one in sockets]
    if FORWARDING in app and app[FORWARDING].upstream.is_at(runner.port_of(sockets), ("localhost", *addresses)):
        parser.error(f"--forward {arguments.forward} is this server itself")
    strangers = any(address != "::1" and not address.startswith("127.") for address in addresses)
    if strangers and arguments.admin and arguments.admin_token is None:
        log.warning("other machines can reach %s, and /__admin has no --admin-token", arguments.host)
    gc.freeze()  # the world stays: without this, every full collection walks all of it, a pause that grows with it
    return app, Reloader(app[SITE].worlds, files), sockets


async def until_told(
    arguments: argparse.Namespace,
    app: web.Application,
    reloader: Reloader,
    sockets: Sequence[socket.socket],
    write_port: Callable[[int], object],
) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(*_: object) -> None:
        endings.begin()
        if not loop.is_closed():
            loop.call_soon_threadsafe(told.set)

    endings.on_signal(tell)
    if arguments.journal is not None and hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, partial(write_soon, loop, arguments.journal, app))
    url = runner.url_of(arguments.host, sockets)
    access_log = sys.stderr.isatty() if arguments.access_log is None else arguments.access_log
    async with woken(loop), runner.running(app, sockets, grace_s=GRACE_S, access_log=access_log):
        watched = reloader.files.paths if arguments.watch else []
        write_port(runner.port_of(sockets))
        upstream = app[FORWARDING].upstream if FORWARDING in app else None
        lines = greeting.greeting(app[SITE], url, admin=arguments.admin, watched=watched, forward=upstream)
        print(*lines, sep="\n")
        print(f"listening on {url}", flush=True)
        watching = asyncio.create_task(watch(reloader)) if watched else None
        await told.wait()
        if watching is not None:
            watching.cancel()


def write_soon(loop: asyncio.AbstractEventLoop, path: str, app: web.Application, *_: object) -> None:
    """A signal's handler. (At the end the journal is written anyway.)"""
    if not loop.is_closed():
        loop.call_soon_threadsafe(journal_file.write, path, app[SITE].worlds)


@asynccontextmanager
async def woken(loop: asyncio.AbstractEventLoop) -> AsyncIterator[None]:
    """The loop wakes up for a signal, and so handles it. Not by asyncio's own handlers, which it gives up before the
    process has ended. (On Windows it wakes up anyway.)"""
    if os.name != "posix":
        yield
        return
    with endings.waking() as reader:
        loop.add_reader(reader, os.read, reader, 4096)
        try:
            yield
        finally:
            loop.remove_reader(reader)
