"""Work in another thread of the server, stopped at its beginning until the test lets it go on."""

import threading
from typing import Any, Final

import pytest
from processes import END_S

IN_THREAD: Final = "beside the loop"


class Gate:
    """Something that is done in a thread waits here until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: Any, name: str) -> None:
        self.reached, self.open = threading.Semaphore(0), threading.Event()
        real = getattr(room, name)

        def waiting(*arguments: Any, **named: Any) -> Any:
            self.reached.release()
            assert self.open.wait(END_S)
            return real(*arguments, **named)

        monkeypatch.setattr(room, name, waiting)


def threads_of(monkeypatch: pytest.MonkeyPatch, room: Any, name: str) -> list[str]:
    """The name of the thread of each call, as they come. The server's work in threads has IN_THREAD."""
    found: list[str] = []
    real = getattr(room, name)

    def watched(*arguments: Any, **named: Any) -> Any:
        found.append(threading.current_thread().name)
        return real(*arguments, **named)

    monkeypatch.setattr(room, name, watched)
    return found
