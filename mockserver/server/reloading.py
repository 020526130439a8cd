"""Reading an application's files again while it serves: every world begins anew with what they say, or none does.

Files are read and looked at in a thread, and a world is made there: meanwhile requests are answered.
"""

import asyncio
import gc
import logging
import time
from typing import Final

from mockserver.fixtures.mistakes import FixtureError, counted
from mockserver.fixtures.watch import Files
from mockserver.server.logs import Seldom
from mockserver.world.fixture import Fixture
from mockserver.world.live import LiveWorld, TooManyEvents
from mockserver.world.turns import in_thread
from mockserver.world.worlds import FileMistake, Worlds

log = logging.getLogger("mockserver")

MISTAKES: Final = 20
"""So many are shown on the page; the log has all."""
POLL_S: Final = 0.25
SHARE: Final = 0.03
"""Of a core, that looking at files takes at most while none changes: where there are many, one looks less often."""


class Reloader:
    """One reading at a time: who reads last, loads last. What was read last when it is made is what is served."""

    def __init__(self, worlds: Worlds, files: Files) -> None:
        self.files = files
        self._worlds = worlds
        self._lock = asyncio.Lock()
        self._look_s = 0.0
        files.serve()
        worlds.library = files
        if files.again:
            worlds.reload = self.reload

    async def reload(self) -> Fixture:
        """Raises FixtureError, TooManyEvents, and OSError for a look that failed; then nothing has changed."""
        async with self._lock:
            return self._load(await in_thread(self._read))

    async def poll(self) -> Fixture | None:
        """One look at the files. What they say, if they have changed for good and it is loaded. Raises as `reload`."""
        async with self._lock:
            read = await in_thread(self._read_if_changed)
            return None if read is None else self._load(read)

    @property
    def pause_s(self) -> float:
        """Until the next look. Where something changes, that is soon."""
        return POLL_S if self.files.differ else max(POLL_S, self._look_s / SHARE)

    def _read(self) -> tuple[Fixture, LiveWorld]:
        fixture = self.files.read()
        live = LiveWorld(fixture)
        live.copy().advance(fixture.clock.now)  # one that goes round at once shows here
        if gc.get_freeze_count():
            gc.freeze()  # as `serve` did with the world before it
        return fixture, live

    def _read_if_changed(self) -> tuple[Fixture, LiveWorld] | None:
        began = time.thread_time()
        changed = self.files.have_changed()
        self._look_s = time.thread_time() - began
        if not changed:
            return None
        if self.files.are_served():
            self._worlds.mistakes = ()
            log.info("nothing is new in %s: the world goes on", ", ".join(self.files.paths))
            return None
        try:
            read = self._read()
        except FixtureError:
            if self.files.are_changing():
                return None
            raise
        return None if self.files.are_changing() else read

    def tell(self, error: FixtureError) -> None:
        """Whoever looks at the page sees what is wrong, until the files are right again."""
        self._worlds.mistakes = tuple(
            FileMistake(one.file, one.line, one.column, one.message if one.line else one.at_path)
            for one in error.problems[:MISTAKES]
        )

    def _load(self, read: tuple[Fixture, LiveWorld]) -> Fixture:
        fixture, live = read
        self._worlds.mistakes = ()
        self._worlds.load(live, fixture.clock)
        self.files.serve()
        return fixture


async def watch(reloader: Reloader) -> None:
    """Looks at the files until it is cancelled, and tells what came of each change."""
    paths, seldom = ", ".join(reloader.files.paths), Seldom(log)
    while True:
        await asyncio.sleep(reloader.pause_s)
        try:
            fixture = await reloader.poll()
        except FixtureError as error:
            reloader.tell(error)
            for problem in error.problems:
                log.error("%s", problem)
            log.error("not reloaded: %s; the world stays as it was", counted(len(error.problems), "mistake"))
        except TooManyEvents as error:
            log.error("not reloaded: %s; the world stays as it was", error)
        except OSError as error:
            seldom.error("cannot look at %s: %s; the world stays as it was", paths, error.strerror)
        except Exception:
            seldom.error("reading %s again", paths, exc_info=True)
        else:
            if fixture is not None:
                log.info("reloaded %s: %s", paths, counted(len(fixture.tasks), "task"))
