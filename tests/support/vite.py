"""Vite's development server, started by its own API in a folder that has its configuration."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from processes import needed

SERVE: Final = """\
import { createServer } from "vite";
const server = await createServer({ server: { host: "127.0.0.1", port: 0 } });
await server.listen();
console.log(`listening on ${server.httpServer.address().port}`);
"""


@contextmanager
def starting() -> Iterator[Callable[[Path], str]]:
    """What starts one, in a folder in which Vite is installed, and gives its URL. They end with the block."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> str:
        (folder / "serve.js").write_text(SERVE)
        process = subprocess.Popen([needed("node"), "serve.js"], cwd=folder, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("listening"))
        return f"http://127.0.0.1:{line.split()[-1]}"

    yield start
    for process in started:
        with process:
            process.kill()
