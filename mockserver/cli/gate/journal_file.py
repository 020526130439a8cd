"""The journal as a file that is left behind: HAR 1.2, or JSON as `GET /__admin/requests` answers it, of all worlds.

It has what resets, and worlds that went, have put out of the journals, too, as far as there is room.
"""

import argparse
import errno
import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mockserver.cli.flags import Flags

if TYPE_CHECKING:  # a command that writes none needs none
    from mockserver.world.worlds import Worlds

ENDINGS: Final = (".har", ".json")


def add_to(flags: Flags, when: str) -> None:
    """The flag `--journal`."""
    help = f"gets the requests and their answers {when}: .har (a browser's network panel opens it) or .json"
    flags.add("--journal", file_name, metavar="FILE", help=help)


def file_name(text: str) -> str:
    if not text.endswith(ENDINGS):
        raise argparse.ArgumentTypeError(f"{text!r} ends neither in {' nor in '.join(ENDINGS)}")
    return text


def begin(path: str, worlds: "Worlds") -> None:
    """Requests are kept for it from now on. Raises OSError for a file that could never be written."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise OSError(errno.ENOENT, f"--journal {path}: there is no folder {folder}")
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        number = errno.EISDIR if os.path.isdir(path) else errno.EACCES
        raise OSError(number, f"--journal {path}: {os.strerror(number)}")
    worlds.keep_requests()


def write(path: str, worlds: "Worlds") -> bool:
    """Whole or not at all. Whether it could be written; if not, it says why."""
    from mockserver.admin.journal import entry_json
    from mockserver.world.evidence import har

    told, instant = worlds.requests(), worlds.main.served.wire.instant
    if path.endswith(".har"):
        text = har.text(told)
    else:
        entries = [{"world": world, **entry_json(number, one, instant)} for world, number, one in told]
        everything = {"requests": entries, "total": len(told) + worlds.lost, "dropped": worlds.lost}
        text = json.dumps(everything, ensure_ascii=False, indent=1)
    return _replaced(path, text)


def _replaced(path: str, text: str) -> bool:
    coming = f"{path}.{os.getpid()}.tmp"
    try:
        with open(coming, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
        os.replace(coming, path)
    except OSError as error:
        print(f"ocp-mockserver: the journal cannot be written: {path}: {error.strerror}", file=sys.stderr)
        with suppress(OSError):
            os.remove(coming)
        return False
    return True
