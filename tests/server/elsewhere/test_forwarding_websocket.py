"""A websocket through the server: development servers tell their pages by one that something has changed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from threading import Event
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web
from processes import END_S
from upstreams import Upstream, upstream

from mockserver import MockServer

pytestmark = pytest.mark.asyncio

ENDED = Event()


async def talk(request: web.Request) -> web.StreamResponse:
    """Says everything again; `close` and `die` are orders."""
    socket = web.WebSocketResponse(protocols=("vite-hmr", "chat"), autoping=False)
    await socket.prepare(request)
    try:
        async for message in socket:
            if message.data == "close":
                await socket.close(code=4321, message=b"as asked")
            elif message.data == "die":
                assert request.transport is not None
                request.transport.abort()
            elif message.type is WSMsgType.PING:
                await socket.pong(b"pong of the upstream")
            elif message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
    finally:
        ENDED.set()
    return socket


async def refusing(_: web.Request) -> web.Response:
    return web.Response(status=403, headers={"X-Why": "no"}, text="not for you")


async def no_socket(_: web.Request) -> web.Response:
    return web.Response(text="a page")


@pytest.fixture(scope="module")
def system() -> Iterator[Upstream]:
    with upstream({"/talk": talk, "/lost/talk": talk, "/refusing": refusing, "/page": no_socket}) as running:
        yield running


@pytest.fixture(scope="module")
def mock(system: Upstream) -> Iterator[MockServer]:
    with MockServer("failed-subtask", forward=system.url) as mock:
        yield mock


@pytest_asyncio.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session, asyncio.timeout(END_S):
        ENDED.clear()
        yield session


def connected(session: ClientSession, mock: MockServer, path: str = "/talk", **more: Any) -> Any:
    return session.ws_connect(mock.url + path, **more)


async def ended() -> bool:
    return await asyncio.get_running_loop().run_in_executor(None, ENDED.wait, END_S)


async def said_again(socket: ClientWebSocketResponse[bool], text: str) -> bool:
    await socket.send_str(text)
    return bool(await socket.receive_str() == text)


async def test_text_and_bytes_go_both_ways(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock) as socket:
        assert await said_again(socket, "ü")
        await socket.send_bytes(b"\0" * 100_000)
        assert await socket.receive_bytes() == b"\0" * 100_000


async def test_a_ping_is_answered_by_the_upstream(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock, autoping=False) as socket:
        await socket.ping(b"ping")
        message = await socket.receive()
    assert (message.type, message.data) == (WSMsgType.PONG, b"pong of the upstream")


@pytest.mark.parametrize(("offered", "chosen"), [((), None), (("chat",), "chat"), (("other", "vite-hmr"), "vite-hmr")])
async def test_the_upstream_chooses_the_protocol(
    mock: MockServer, session: ClientSession, offered: tuple[str, ...], chosen: str | None
) -> None:
    async with connected(session, mock, protocols=offered) as socket:
        assert socket.protocol == chosen


async def test_the_origin_is_the_upstreams(mock: MockServer, system: Upstream, session: ClientSession) -> None:
    headers = {"Cookie": "a=1; OCP_MOCK_SESSION=ours", "X-Mock-World": "anna"}
    async with connected(session, mock, "/w/anna/talk?token=1", origin=mock.url, headers=headers) as socket:
        assert await said_again(socket, "there")
    told = system.latest.headers
    assert (told["Origin"], told["Cookie"], system.latest.raw_path) == (system.url, "a=1", "/talk?token=1")
    assert "X-Mock-World" not in told


async def test_the_reason_of_a_close_is_told_to_the_other(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock) as socket:
        await socket.send_str("close")
        message = await socket.receive()
    assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4321, "as asked")


async def test_who_closes_closes_it_for_the_upstream(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock) as socket:
        await socket.close(code=1001)
    assert await ended()


async def test_who_breaks_off_ends_it_for_the_upstream(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock) as socket:
        assert await said_again(socket, "there")
        socket._response.connection.transport.abort()
        assert await ended()


async def test_an_upstream_that_breaks_off_ends_it_here(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock) as socket:
        await socket.send_str("die")
        message = await socket.receive()
    assert message.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert socket.close_code == 1006


async def test_a_refusal_is_the_upstreams(mock: MockServer, session: ClientSession) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await connected(session, mock, "/refusing")
    assert refused.value.status == 403
    assert refused.value.headers is not None
    assert refused.value.headers["X-Why"] == "no"


async def test_what_takes_no_socket_is_a_502(mock: MockServer, session: ClientSession) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await connected(session, mock, "/page")
    assert refused.value.status == 502


async def test_a_foreign_page_is_refused(mock: MockServer, system: Upstream, session: ClientSession) -> None:
    before = len(system.requests)
    with pytest.raises(WSServerHandshakeError) as refused:
        await connected(session, mock, origin="http://evil.example")
    assert refused.value.status == 403
    assert len(system.requests) == before


async def test_one_whose_answer_is_lost_is_ended(mock: MockServer, session: ClientSession) -> None:
    mock.fault(path="/lost/talk", error={"status": 500}, when="after")
    with pytest.raises(WSServerHandshakeError) as refused:
        await connected(session, mock, "/lost/talk")
    assert refused.value.status == 500
    assert await ended()


async def test_it_stands_in_the_journal(mock: MockServer, session: ClientSession) -> None:
    async with connected(session, mock, "/w/sockets/talk"):
        pass
    async with session.get(f"{mock.url}/w/sockets/__admin/requests") as answer:
        (entry,) = (await answer.json())["requests"]
    assert (entry["kind"], entry["status"], entry["path"]) == ("forwarded", 101, "/w/sockets/talk")


async def test_the_end_of_the_server_ends_it(system: Upstream, session: ClientSession) -> None:
    with MockServer("failed-subtask", forward=system.url) as mock:
        async with connected(session, mock) as socket:
            assert await said_again(socket, "there")
            await asyncio.get_running_loop().run_in_executor(None, mock.stop)
            message = await socket.receive()
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
            assert await ended()
