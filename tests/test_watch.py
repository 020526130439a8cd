"""Files that are saved while a server runs: read again once they stand still, loaded if nothing is wrong with them."""

import asyncio
import logging
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from clients import RETRY
from processes import END_S, Served

from mockserver import MockServer, reloading, sources
from mockserver import world as world_room
from mockserver.app import SITE, create_app
from mockserver.fixture import Fixture
from mockserver.mistakes import FixtureError
from mockserver.reloading import Reloader, watch
from mockserver.site import Site
from mockserver.sources import Files
from mockserver.world import TooManyEvents

ONE = "tasks:\n  - {id: 1}\n"
TWO = "tasks:\n  - {id: 1}\n  - {id: 2}\n"
BROKEN = "tasks:\n  - {id: 1, statsu: FAILED}\n"
MISTAKE = ":2:13: "
"""Where BROKEN is: the line and column of its misspelled key."""
ROUND_AND_ROUND = (
    "clock: {mode: manual}\nscheduler: {dispatch: 0}\ntasks:\n  - id: 1\n    subtasks:\n"
    "      - {id: 1, status: READY, retryCount: 200000, runs: [{outcome: FAILED, duration: 0}]}\n"
)


# --- when to read: by looks alone ----------------------------------------------------------------------------------


class Looks:
    """What the files look like, as a test says; no file is touched."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now: object = "as loaded"
        patch.setattr(sources, "looks", lambda paths: self.now)
        patch.setattr(sources, "load", lambda *_, **__: Fixture())

    def loaded(self) -> Files:
        files = Files("some.yaml")
        files.read()
        return files


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def polled(looks: Looks, files: Files, *seen: object) -> list[bool]:
    answers = []
    for looks.now in seen:
        answers.append(files.have_changed())
    return answers


def test_what_has_not_changed_is_not_read_again(looks: Looks) -> None:
    assert polled(looks, looks.loaded(), "as loaded", "as loaded") == [False, False]


def test_what_has_changed_is_read_once_it_stands_still(looks: Looks) -> None:
    assert polled(looks, looks.loaded(), "saved", "saved") == [False, True]


def test_what_keeps_changing_is_not_read(looks: Looks) -> None:
    """A half-written file, an editor that moves one away and another there: wait until it is over."""
    files = looks.loaded()
    assert polled(looks, files, "empty", "half", "gone", "whole") == [False] * 4
    assert polled(looks, files, "whole") == [True]


def test_what_is_again_as_it_was_is_not_read(looks: Looks) -> None:
    assert polled(looks, looks.loaded(), "saved", "as loaded", "as loaded") == [False] * 3


def test_what_was_read_has_not_changed(looks: Looks) -> None:
    files = looks.loaded()
    polled(looks, files, "saved", "saved")
    files.read()
    assert polled(looks, files, "saved", "saved") == [False, False]


def test_what_could_not_be_loaded_counts_as_read(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mistakes are told once."""
    files = looks.loaded()

    def fail(*_: object, **__: object) -> Fixture:
        raise FixtureError([])

    monkeypatch.setattr(sources, "load", fail)
    polled(looks, files, "broken", "broken")
    with pytest.raises(FixtureError):
        files.read()
    assert polled(looks, files, "broken", "broken") == [False, False]


def test_a_change_since_the_first_reading_began_is_seen(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    def saved_meanwhile(*_: object, **__: object) -> Fixture:
        looks.now = "saved"
        return Fixture()

    monkeypatch.setattr(sources, "load", saved_meanwhile)
    assert polled(looks, looks.loaded(), "saved", "saved") == [False, True]


# --- what a change is ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "fixtures"
    folder.mkdir()
    (folder / "a.yaml").write_text(ONE)
    return folder


CHANGES: Mapping[str, Callable[[Path], object]] = {
    "a save": lambda folder: (folder / "a.yaml").write_text(TWO),
    "a save of the same length": lambda folder: saved_later(folder / "a.yaml", ONE.replace("1", "3")),
    "a new file": lambda folder: (folder / "b.json").write_text("{}"),
    "a file that is gone": lambda folder: (folder / "a.yaml").unlink(),
    "another name": lambda folder: (folder / "a.yaml").rename(folder / "b.yaml"),
    "another file in its place": lambda folder: moved_there(folder / "a.yaml", TWO),
    "a file that may not be read": lambda folder: (folder / "a.yaml").chmod(0),
    "a folder that is gone": shutil.rmtree,
}
NO_CHANGES: Mapping[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "a file that is no fixture": lambda folder: (folder / "README.md").write_text("…"),
    "an editor's file": lambda folder: (folder / ".a.yaml.swp").write_text("…"),
    "a hidden fixture": lambda folder: (folder / ".b.yaml").write_text("…"),
    "a folder": lambda folder: (folder / "more.yaml").mkdir(),
    "a look into the file": lambda folder: os.utime(folder / "a.yaml", ns=(0, (folder / "a.yaml").stat().st_mtime_ns)),
}


def saved_later(file: Path, text: str) -> None:
    """With an instant of its own, however coarse those of this file system are."""
    then = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(then + 10**9, then + 10**9))


def moved_there(file: Path, text: str) -> None:
    """As careful editors save: written beside it, then renamed."""
    draft = file.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(file)


def moved(folder: Path, name: str) -> Path:
    return folder.rename(folder.with_name(name))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change(folder: Path, change: str) -> None:
    whole, one = Files(str(folder)), Files(str(folder / "a.yaml"))
    CHANGES[change](folder)
    assert whole.are_changing()
    assert one.are_changing() == (change != "a new file"), "which is none of ours where one file is served"


@pytest.mark.parametrize("change", NO_CHANGES)
def test_no_change(folder: Path, change: str) -> None:
    files = Files(str(folder))
    NO_CHANGES[change](folder)
    assert not files.are_changing()


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        (None, []),
        ({"tasks": []}, []),
        ("failed-subtask", []),
        (["failed-subtask", "mine.yaml"], ["mine.yaml"]),
        (Path("mine.yaml"), ["mine.yaml"]),
    ],
)
def test_what_is_shipped_is_not_watched(source: sources.Source, paths: list[str]) -> None:
    """A path that is not there may come."""
    assert Files(source).paths == paths


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """`serve <(generate)`: asked again, it has nothing more to say."""
    os.mkfifo(tmp_path / "pipe")
    files = Files([str(tmp_path), str(tmp_path / "pipe")])
    assert (files.again, files.paths) == (False, [])


# --- watching ------------------------------------------------------------------------------------------------------


class Watched:
    """An application whose files are watched, and what is logged meanwhile."""

    def __init__(self, site: Site, reloader: Reloader) -> None:
        self.site = site
        self.reloader = reloader
        self._said: asyncio.Queue[str] = asyncio.Queue()

    async def until(self, text: str) -> list[str]:
        """What is said, up to the line with this text."""
        lines: list[str] = []
        async with asyncio.timeout(END_S):
            while not lines or text not in lines[-1]:
                lines.append(await self._said.get())
        return lines

    @property
    def tasks(self) -> list[int]:
        return list(self.site.hosted.world.executions)

    def say(self, record: logging.LogRecord) -> bool:
        self._said.put_nowait(record.getMessage())
        return True


@pytest.fixture
def round_and_round(monkeypatch: pytest.MonkeyPatch) -> str:
    """A world in which events go on and on at one instant; where that ends comes soon."""
    monkeypatch.setattr(world_room, "EVENTS_AT_ONE_INSTANT", 100)
    return ROUND_AND_ROUND


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "POLL_S", 0.005)


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[Watched]:
    files = Files(str(path))
    site = create_app(files.read())[SITE]
    watched = Watched(site, Reloader(site.worlds, files))
    reloading.log.addFilter(watched.say)
    reloading.log.setLevel(logging.INFO)
    task = asyncio.create_task(watch(watched.reloader))
    try:
        yield watched
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        reloading.log.removeFilter(watched.say)
        reloading.log.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("fast")
@pytest.mark.asyncio
@pytest.mark.parametrize("save", [Path.write_text, moved_there], ids=["in place", "renamed"])
@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
async def test_a_broken_save_changes_nothing_and_a_mended_one_is_loaded_ten_times_in_a_row(
    folder: Path, whole: bool, save: Callable[[Path, str], object]
) -> None:
    file = folder / "a.yaml"
    async with watching(folder if whole else file) as watched:
        for count in range(2, 12):
            world = watched.site.hosted.world
            save(file, BROKEN + "#" * count)
            *mistakes, summary = await watched.until("not reloaded")
            assert [line.partition(" ")[0] for line in mistakes] == [f"{file}{MISTAKE}".strip()]
            assert summary == "not reloaded: 1 mistake; the world stays as it was"
            assert watched.site.hosted.world is world
            save(file, "tasks:\n" + "".join(f"  - {{id: {id}}}\n" for id in range(count)))
            assert await watched.until("reloaded") == [f"reloaded {folder if whole else file}: {count} tasks"]
            assert watched.tasks == list(range(count))


@pytest.mark.usefixtures("fast")
@pytest.mark.asyncio
async def test_a_deleted_file_changes_nothing_and_is_loaded_when_it_is_back(folder: Path) -> None:
    file = folder / "a.yaml"
    async with watching(file) as watched:
        for _ in range(2):
            file.unlink()
            mistake, _ = await watched.until("not reloaded")
            assert mistake.startswith(f"{file}: there is no such file or folder")
            assert 1 in watched.tasks
            file.write_text(TWO)
            await watched.until("reloaded")
            assert watched.tasks == [1, 2]


@pytest.mark.usefixtures("fast")
@pytest.mark.asyncio
async def test_files_come_and_go_in_a_folder(folder: Path) -> None:
    async with watching(folder) as watched:
        (folder / "b.json").write_text('{"tasks": [{"id": 7}]}')
        await watched.until("2 tasks")
        assert watched.tasks == [1, 7]
        (folder / "a.yaml").unlink()
        await watched.until("1 task")
        assert watched.tasks == [7]
        (folder / "b.json").unlink()
        mistake, _ = await watched.until("not reloaded")
        assert mistake.startswith(f"{folder}: no *.yaml")
        assert watched.tasks == [7]


@pytest.mark.usefixtures("fast")
@pytest.mark.asyncio
async def test_the_folder_itself_may_go_and_come_back(folder: Path) -> None:
    async with watching(folder) as watched:
        away = moved(folder, "away")
        mistake, _ = await watched.until("not reloaded")
        assert mistake.startswith(f"{folder}: there is no such file or folder")
        (away / "a.yaml").write_text(TWO)
        moved(away, folder.name)
        await watched.until("reloaded")
        assert watched.tasks == [1, 2]


@pytest.mark.usefixtures("fast")
@pytest.mark.asyncio
async def test_a_world_that_goes_round_at_once_is_not_loaded(folder: Path, round_and_round: str) -> None:
    async with watching(folder) as watched:
        (folder / "a.yaml").write_text(round_and_round)
        (line,) = await watched.until("not reloaded")
        assert "the world stays as it was" in line
        assert watched.site.hosted.up_to_now().executions[1].subtasks == {}


@pytest.mark.usefixtures("fast")
@pytest.mark.asyncio
async def test_watching_goes_on_after_a_failure_of_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(folder) as watched:
        with monkeypatch.context() as patch:
            patch.setattr(sources, "load", lambda *_, **__: 1 / 0)
            (folder / "a.yaml").write_text(TWO)
            assert await watched.until("again") == [f"reading {folder} again"]
        (folder / "a.yaml").write_text(TWO + "#")
        await watched.until("reloaded")
        assert watched.tasks == [1, 2]


@pytest.mark.asyncio
async def test_what_changes_while_it_is_read_is_not_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it may be what was read, right or wrong."""
    file = folder / "a.yaml"
    load = sources.load

    def saved_meanwhile(*given: Any, **more: Any) -> Fixture:
        try:
            return load(*given, **more)
        finally:
            file.write_text(TWO + "#" * next(lengths))

    lengths = iter(range(1, 9))
    files = Files(str(folder))
    site = create_app(files.read())[SITE]
    reloader = Reloader(site.worlds, files)
    for half in (ONE + "#", BROKEN):
        with monkeypatch.context() as patch:
            patch.setattr(sources, "load", saved_meanwhile)
            file.write_text(half)
            assert [await reloader.poll() for _ in range(2)] == [None, None]
            assert list(site.hosted.world.executions) == [1]
    assert [await reloader.poll() for _ in range(1)] == [None]
    fixture = await reloader.poll()
    assert fixture is not None
    assert list(site.hosted.world.executions) == [1, 2]


# --- POST /__admin/fixtures/reload ---------------------------------------------------------------------------------


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[MockServer, Path]]:
    with MockServer(folder, auth="basic") as mock:
        yield mock, folder / "a.yaml"


def call(mock: MockServer, method: str, path: str, **options: Any) -> Any:
    return requests.request(method, mock.url + path, timeout=END_S, **options)


def test_reload_reads_the_files_again_in_every_world(served: tuple[MockServer, Path]) -> None:
    mock, file = served
    assert call(mock, "GET", "/w/ci/__admin/health").json()["tasks"] == 1
    file.write_text(TWO)
    answer = call(mock, "POST", "/__admin/fixtures/reload")
    assert (answer.status_code, answer.json()["tasks"]) == (200, 2)
    assert call(mock, "GET", "/w/ci/__admin/health").json()["tasks"] == 2
    assert call(mock, "GET", "/w/new/__admin/health").json()["tasks"] == 2


def test_reload_from_a_named_world_is_of_every_world_too(served: tuple[MockServer, Path]) -> None:
    mock, file = served
    file.write_text(TWO)
    assert call(mock, "POST", "/w/ci/__admin/fixtures/reload").json()["tasks"] == 2
    assert call(mock, "GET", "/__admin/health").json()["tasks"] == 2


def test_reload_is_a_reset_too_and_reset_is_no_reload(served: tuple[MockServer, Path]) -> None:
    mock, file = served
    file.write_text(TWO)
    assert call(mock, "POST", "/__admin/reset").json()["tasks"] == 1
    call(mock, "POST", "/__admin/faults", json={"error": {"status": 503}})
    call(mock, "POST", "/__admin/denials", json={"permission": "TASK_MANAGER"})
    call(mock, "POST", "/__admin/clock/advance", json={"by": "1h"})
    call(mock, "GET", "/api/v2/tasks/instances")
    call(mock, "POST", "/__admin/fixtures/reload")
    assert call(mock, "GET", "/__admin/faults").json() == {"faults": []}
    assert call(mock, "GET", "/__admin/denials").json() == {"denials": []}
    assert call(mock, "GET", "/__admin/requests").json()["total"] == 0
    assert call(mock, "GET", "/__admin/clock").json()["now"] == "2021-08-25T15:10:13+08:00"
    assert call(mock, "POST", "/__admin/reset").json()["tasks"] == 2, "what it resets to is what was read last"


def test_reload_keeps_what_was_asked_for_beside_the_files(served: tuple[MockServer, Path]) -> None:
    mock, file = served
    file.write_text("auth: open\nclock: {mode: real}\n")
    call(mock, "POST", "/__admin/fixtures/reload")
    assert call(mock, "GET", "/api/v2/tasks/instances").status_code == 401
    assert call(mock, "GET", "/__admin/clock").json()["mode"] == "manual"


def test_reload_of_mistakes_tells_every_one_and_changes_nothing(served: tuple[MockServer, Path]) -> None:
    mock, file = served
    other = file.with_name("b.yaml")
    file.write_text("auht: basic\n" + BROKEN)
    other.write_text("tasks: [{id: one}]\n")
    call(mock, "POST", "/__admin/faults", json={"error": {"status": 503}})
    before = call(mock, "GET", "/__admin/state").json()
    answer = call(mock, "POST", "/__admin/fixtures/reload")
    assert answer.status_code == 422
    details = answer.json()["error"]["details"]
    assert [one["path"] for one in details] == [f"{file}:1:1", f"{file}:3:13", f"{other}:1:14"]
    assert "did you mean status?" in details[1]["message"]
    assert call(mock, "GET", "/__admin/state").json() == before


def test_reload_without_files_says_so() -> None:
    with MockServer({"tasks": [{"id": 1}]}) as mock:
        answer = call(mock, "POST", "/__admin/fixtures/reload")
    assert answer.status_code == 422
    assert "there are no files" in answer.json()["error"]["message"]


def test_reload_lets_held_answers_go(served: tuple[MockServer, Path]) -> None:
    mock, _ = served
    call(mock, "POST", "/__admin/faults", json={"fault": "HANG"})
    ended = threading.Event()

    def hang() -> None:
        with suppress(OSError):
            call(mock, "GET", "/api/v2/tasks/instances")
        ended.set()

    threading.Thread(target=hang).start()
    while not call(mock, "GET", "/__admin/faults").json()["faults"][0]["hits"]:
        pass
    call(mock, "POST", "/__admin/fixtures/reload")
    assert ended.wait(END_S)


def test_requests_are_answered_while_files_are_read(
    served: tuple[MockServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mock, _ = served
    load, begun, go_on = sources.load, threading.Event(), threading.Event()

    def slow(*given: Any, **more: Any) -> Fixture:
        begun.set()
        assert go_on.wait(END_S)
        return load(*given, **more)

    monkeypatch.setattr(sources, "load", slow)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call(mock, "POST", "/__admin/fixtures/reload")))
    thread.start()
    assert begun.wait(END_S)
    assert call(mock, "GET", "/__admin/health").status_code == 200
    assert not answers
    go_on.set()
    thread.join(END_S)
    assert answers[0].status_code == 200


def test_a_server_that_is_told_to_end_does_not_wait_for_what_it_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, begun, go_on = sources.load, threading.Event(), threading.Event()

    def slow(*given: Any, **more: Any) -> Fixture:
        begun.set()
        go_on.wait(END_S)
        return load(*given, **more)

    with MockServer(folder) as mock:
        monkeypatch.setattr(sources, "load", slow)
        threading.Thread(target=ignoring(mock.url)).start()
        assert begun.wait(END_S)
    assert not go_on.is_set()
    go_on.set()


def ignoring(url: str) -> Callable[[], None]:
    def ask() -> None:
        with suppress(requests.RequestException):
            requests.post(f"{url}/__admin/fixtures/reload", timeout=END_S)

    return ask


@pytest.mark.asyncio
async def test_who_reads_last_loads_last(folder: Path) -> None:
    """Many at once: whichever of them read first does not undo what a later one has read."""
    files = Files(str(folder))
    site = create_app(files.read())[SITE]
    reloader = Reloader(site.worlds, files)
    calls = [asyncio.create_task(reloader.reload()) for _ in range(20)]
    (folder / "a.yaml").write_text(TWO)
    await asyncio.gather(*calls, reloader.reload())
    assert list(site.hosted.world.executions) == [1, 2]


@pytest.mark.asyncio
async def test_a_reload_that_was_asked_for_is_not_watched_as_a_change(folder: Path) -> None:
    """Or else the world would begin anew under the feet of who asked."""
    files = Files(str(folder))
    reloader = Reloader(create_app(files.read())[SITE].worlds, files)
    (folder / "a.yaml").write_text(TWO)
    await reloader.reload()
    assert [await reloader.poll() for _ in range(3)] == [None] * 3


@pytest.mark.asyncio
async def test_a_reload_of_what_goes_round_at_once_changes_nothing(folder: Path, round_and_round: str) -> None:
    files = Files(str(folder))
    site = create_app(files.read())[SITE]
    world = site.hosted.world
    (folder / "a.yaml").write_text(round_and_round)
    with pytest.raises(TooManyEvents):
        await Reloader(site.worlds, files).reload()
    assert site.hosted.world is world


# --- the command ---------------------------------------------------------------------------------------------------


class Lines:
    """What a process writes, line by line, as it comes."""

    def __init__(self) -> None:
        ours, self.theirs = os.pipe()
        self._stream = os.fdopen(ours, encoding="utf-8")
        self._lines: list[str] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._more:
                    self._lines.append(line.rstrip("\n"))
                    self._more.notify()

    def until(self, text: str) -> list[str]:
        """The lines up to the one with this text; the next call goes on after it."""

        def found() -> int:
            return next((number for number, line in enumerate(self._lines, 1) if text in line), 0)

        with self._more:
            assert self._more.wait_for(found, END_S), self._lines
            end = found()
            taken, self._lines = self._lines[:end], self._lines[end:]
        return taken


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    with suppress(OSError):
        os.close(lines.theirs)


def saved_and_told(folder: Path, served: Served, lines: Lines, times: int) -> None:
    file = folder / "a.yaml"
    for count in range(times):
        file.write_text(BROKEN + "#" * count)
        mistake, _ = lines.until("not reloaded")
        assert f"{file}{MISTAKE}" in mistake
        assert served.get("/api/v2/tasks/instances/1").status_code == 200
        file.write_text(TWO + "#" * count)
        assert lines.until("reloaded")[-1].endswith(f"reloaded {folder}: 2 tasks")
        assert served.get("/__admin/health").json()["tasks"] == 2


def test_serve_watches_its_files(folder: Path, lines: Lines) -> None:
    with Served(str(folder), stderr=lines.theirs) as served:
        assert any(str(folder) in line and "watching" in line for line in served.greeting)
        saved_and_told(folder, served, lines, 1)


@pytest.mark.slow
def test_serve_watches_its_files_ten_times_in_a_row(folder: Path, lines: Lines) -> None:
    with Served(str(folder), stderr=lines.theirs) as served:
        saved_and_told(folder, served, lines, 10)


@pytest.mark.parametrize("arguments", [("--no-watch",), ()])
def test_without_files_or_with_no_watch_nothing_is_watched(folder: Path, arguments: tuple[str, ...]) -> None:
    with Served(*([str(folder), *arguments] if arguments else ["failed-subtask"])) as served:
        assert not any("watching" in line for line in served.greeting)


def test_a_retry_under_way_is_gone_with_the_world_that_was(folder: Path) -> None:
    text = "tasks:\n  - {id: 1000, subtasks: [{id: 10001, status: FAILED}]}\n"
    (folder / "a.yaml").write_text(text)
    with MockServer(folder) as mock:
        assert call(mock, "POST", RETRY).json()["data"]["status"] == "READY"
        call(mock, "POST", "/__admin/fixtures/reload")
        assert call(mock, "POST", RETRY).json()["data"]["runTime"] == 2
