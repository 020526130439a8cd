"""The port file of `serve`: there while the server is ready, whole or not at all.

Regular files only: a pipe without a reader would be waited for. A link is followed.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def remove(path: str) -> None:
    """That of a server that was killed. Raises OSError, which says where."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(None, "not a regular file")
        os.unlink(os.path.realpath(path))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _told(path, error) from None


@contextmanager
def writing(path: str | None) -> Iterator[Callable[[int], None]]:
    """A function that writes the port. At the end the file is removed, unless it is another server's by then. Raises
    OSError, which says where."""
    if path is None:
        yield lambda port: None
        return
    target = Path(os.path.realpath(path))
    draft = target.with_name(f"{target.name}.{os.urandom(4).hex()}")
    ours: tuple[str, os.stat_result] | None = None

    def write(port: int) -> None:
        nonlocal ours
        try:
            draft.write_text(f"{port}\n", encoding="ascii")
            ours = f"{port}\n", draft.stat()
            draft.replace(target)
        except OSError as error:
            raise _told(path, error) from None

    try:
        yield write
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
            if ours is not None and os.path.samestat(target.stat(), ours[1]) and target.read_text() == ours[0]:
                target.unlink()


def _told(path: str, error: OSError) -> OSError:
    return OSError(error.errno, f"--port-file {path}: {error.strerror}")
