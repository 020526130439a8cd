"""Callables that are released in the same moment."""

import asyncio
import json
import re
from asyncio import StreamReader, StreamWriter

from clients import RETRY

HEAD = f"POST {RETRY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{".encode()


LAST = b"}"
"""The byte without which a request is not complete."""


async def answer(reader: StreamReader) -> tuple[int, int | str | None]:
    """HTTP status and error code of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: ([0-9]+)", head)
    assert length
    body = await reader.readexactly(int(length[1]))
    return int(head.split(b" ")[1]), json.loads(body).get("error", {}).get("code")


async def released_together(connections: list[tuple[StreamReader, StreamWriter]]) -> list[tuple[int, int | str | None]]:
    """Each sends a whole request but for its last byte; then all send that."""
    for _, writer in connections:
        writer.write(HEAD)
    await asyncio.gather(*(writer.drain() for _, writer in connections))
    for _, writer in connections:
        writer.write(LAST)
    return await asyncio.gather(*(answer(reader) for reader, _ in connections))
