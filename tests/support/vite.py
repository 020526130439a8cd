"""Vite's development server, started by its own API in a folder that has its configuration."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from processes import needed

SERVE: Final = """\
import { createServer } from "vite";
const server = await createServer({ server: { host: "127.0.0.1", port: Number(process.argv[2]), strictPort: true } });
await server.listen();
console.log("ready");
"""


@contextmanager
def starting() -> Iterator[Callable[[Path], str]]:
    """What starts one, in a folder in which Vite is installed, and gives its URL. They end with the block."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> str:
        (folder / "serve.js").write_text(SERVE)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [needed("node"), "serve.js", str(port)], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert any("ready" in line for line in process.stdout)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in started:
        with process:
            process.kill()
