"""`serve --forward`: what it says at its start, what it refuses, and that its end waits for nobody."""

import asyncio
from threading import Event
from typing import Any

import pytest
import requests
from aiohttp import web
from processes import END_S, Served, run
from raw_sockets import connected, heard, request
from upstreams import upstream


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--forward", "http://ann:secret@127.0.0.1:1"), "--forward: not http:// or https://"),
        (("--forward-insecure",), "need --forward"),
    ],
)
def test_a_wrong_upstream_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    ended = run("serve", "--port", "0", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("more", "what"),
    [((), "whatever is none of these"), (("--forward-path", "/a/*", "--forward-path", "/b"), "/a/* and /b")],
)
def test_it_says_what_it_forwards_to_where(more: tuple[str, ...], what: str) -> None:
    with upstream() as system, Served("failed-subtask", "--forward", system.url, *more) as served:
        assert f"  forwards  {what} to {system.url}" in served.greeting
        assert requests.get(f"{served.url}/b", timeout=END_S).json()["target"] == "/b"


def test_a_variable_says_the_same() -> None:
    with upstream() as system, Served(env={"OCP_MOCK_FORWARD": system.url, "OCP_MOCK_FORWARD_PATH": "/a,/b"}) as served:
        assert requests.get(f"{served.url}/b", timeout=END_S).json()["target"] == "/b"
        assert requests.get(f"{served.url}/c", timeout=END_S).status_code == 404


def test_its_end_waits_for_no_forwarded_request() -> None:
    asked = Event()

    async def hang(_: web.Request) -> Any:
        asked.set()
        await asyncio.sleep(END_S)

    with (
        upstream({"/hang": hang}) as system,
        Served("--forward", system.url) as served,
        connected(served.port) as connection,
    ):
        connection.sendall(request("/hang"))
        assert asked.wait(END_S)
        assert served.end() == 0
        assert heard(connection).end == "closed"
