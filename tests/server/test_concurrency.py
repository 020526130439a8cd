"""Many clients at once: of those who ask for the same retry one gets it, and nobody waits for anybody."""

import asyncio
import socket
import time
from collections import Counter

import pytest
from clients import TASK, Json
from processes import END_S
from slow import slow_but
from together import HEAD, LAST, answer, released_together

from mockserver import MockServer

CLIENTS = 100
ROUNDS = 10


@pytest.mark.asyncio
@pytest.mark.parametrize("clock", slow_but(["manual"], ["manual", "real"]))
async def test_of_a_hundred_retries_at_once_one_is_granted(clock: str) -> None:
    """Ten rounds: each time one 200 and ninety-nine 400 / TSK10007; and runTime says how many there really were."""
    subtask = {"id": 10001, "status": "FAILED", "runs": [{"outcome": "FAILED"}]}
    world: Json = {"scheduler": {"dispatch": "1h"}, "tasks": [{"id": 1000, "subtasks": [subtask]}]}
    with MockServer(world, clock=clock) as mock:  # type: ignore[arg-type]  # mypy sees `str`
        connections = [await asyncio.open_connection("127.0.0.1", mock.port) for _ in range(CLIENTS)]
        async with asyncio.timeout(END_S):
            for _ in range(ROUNDS):
                told = Counter(await released_together(connections))
                assert told == {(200, None): 1, (400, "TSK10007"): CLIENTS - 1}
                await asyncio.to_thread(mock.advance, until={"taskInstanceId": 1000, "status": "FAILED"})
        for _, writer in connections:
            writer.close()
            await writer.wait_closed()
        [task] = mock.state()["tasks"]
        assert task["subtasks"][0]["runTime"] == 1 + ROUNDS
        assert len(mock.requests(status=200)) == 1000 // CLIENTS  # the journal has the last thousand


@pytest.mark.asyncio
async def test_a_slow_client_keeps_nobody_waiting() -> None:
    """One that has sent half its request does nothing yet, and others are answered."""
    with MockServer("failed-subtask") as mock:
        slow_reader, slow = await asyncio.open_connection("127.0.0.1", mock.port)
        slow.write(HEAD)
        await slow.drain()
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(f"GET {TASK} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(END_S):
            assert await answer(reader) == (200, None)
            writer.write(HEAD + LAST)
            assert await answer(reader) == (200, None)
            slow.write(LAST)
            assert await answer(slow_reader) == (400, "TSK10007")
        for one in (slow, writer):
            one.close()
            await one.wait_closed()


def test_a_client_that_hangs_up_undoes_nothing() -> None:
    """It does not stay for the answer; what it asked for has happened."""
    with MockServer("failed-subtask") as mock:
        with socket.create_connection(("127.0.0.1", mock.port), timeout=END_S) as connection:
            connection.sendall(HEAD + LAST)
        deadline = time.monotonic() + END_S
        while not mock.requests():
            assert time.monotonic() < deadline
        assert mock.state()["tasks"][0]["subtasks"][1]["status"] == "READY"
