"""The command `serve`: a fixture, a port, a greeting, and then answers until a signal comes."""

import argparse
import asyncio
import gc
import logging
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from mockserver.app import create_app
from mockserver.cli import endings, greeting
from mockserver.fixtures import source
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.watch import Files
from mockserver.server import logs, runner
from mockserver.server.reloading import Reloader, watch
from mockserver.server.routing import SITE

log = logging.getLogger("mockserver")

GRACE_S: Final = 5
"""For requests in flight when the server is told to end."""
FIXTURES: Final = "OCP_MOCK_FIXTURES"


def run(arguments: argparse.Namespace) -> int:
    endings.on_signal(end_now)  # while it loads
    try:
        app, reloader, sockets = prepared(arguments)
        gc.set_threshold(20_000, 20, 100)  # requests leave no cycles: looking for some every 700 values finds none
        with port_file(arguments.port_file) as write_port:
            asyncio.run(until_told(arguments, app, reloader, sockets, write_port))
    except BrokenPipeError:
        raise
    except (FixtureError, OSError) as error:
        return refused(error)
    except KeyboardInterrupt:
        pass
    endings.finish()
    return 0


def end_now(*_: object) -> None:
    if endings.begin():
        raise KeyboardInterrupt


def refused(error: FixtureError | OSError) -> int:
    """Says why nothing is served, and returns the exit code."""
    if isinstance(error, FixtureError):
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    print(f"ocp-mockserver: {error.strerror}", file=sys.stderr)
    return 1


def prepared(arguments: argparse.Namespace) -> tuple[web.Application, Reloader, list[socket.socket]]:
    """A loaded world, and sockets that listen. Raises FixtureError and OSError; a usage error ends the process."""
    logs.to_stderr(arguments.log_format)
    parser: argparse.ArgumentParser = arguments.flags.parser
    paths = arguments.paths or os.environ.get(FIXTURES, "").split(os.pathsep)
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
        )
    except ValueError as error:
        parser.error(str(error))
    sockets = runner.bound(arguments.host, arguments.port)
    addresses = [str(one.getsockname()[0]) for one in sockets]
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
    url = runner.url_of(arguments.host, sockets)
    access_log = sys.stderr.isatty() if arguments.access_log is None else arguments.access_log
    async with runner.running(app, sockets, grace_s=GRACE_S, access_log=access_log):
        watched = reloader.files.paths if arguments.watch else []
        print(*greeting.greeting(app[SITE], url, admin=arguments.admin, watched=watched), sep="\n")
        write_port(runner.port_of(sockets))
        print(f"listening on {url}", flush=True)
        watching = asyncio.create_task(watch(reloader)) if watched else None
        await told.wait()
        if watching is not None:
            watching.cancel()


@contextmanager
def port_file(path: str | None) -> Iterator[Callable[[int], object]]:
    """A function that writes the port, whole or not at all. While no server is ready, there is no such file.

    What is no regular file (a pipe, a link) is only written to. Raises OSError.
    """
    if path is None:
        yield lambda port: None
        return
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        yield lambda port: Path(path).write_text(f"{port}\n", encoding="ascii")
        return
    draft = Path(f"{path}.{os.getpid()}")
    try:
        draft.write_text("")  # whether it can be written shows before anything is served
    except OSError as error:
        raise OSError(error.errno, f"--port-file {path}: {error.strerror}") from None

    def write(port: int) -> None:
        draft.write_text(f"{port}\n", encoding="ascii")
        draft.replace(path)

    try:
        Path(path).unlink(missing_ok=True)  # of a server that was killed
        yield write
    finally:
        draft.unlink(missing_ok=True)
        Path(path).unlink(missing_ok=True)
