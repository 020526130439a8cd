"""The head of a response is the one that aiohttp's web.Response writes: held against it over a socket."""

import asyncio

import pytest
from aiohttp import web
from multidict import CIMultiDict
from processes import END_S

from mockserver.server.front import head

DATE = "Wed, 25 Aug 2021 07:10:13 GMT"
TYPE = {"Content-Type": "application/json"}


async def aiohttps(response: web.Response) -> bytes:
    """All that aiohttp writes to a client that asks once."""

    async def handler(_: web.BaseRequest) -> web.Response:
        return response

    listener = await asyncio.get_running_loop().create_server(web.Server(handler), "127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.sockets[0].getsockname()[1])
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(END_S):
            received = await reader.readuntil(b"\r\n\r\n")
            received += await reader.readexactly(response.content_length or 0)
        writer.close()
        await writer.wait_closed()
    finally:
        listener.close()
    return received


@pytest.mark.asyncio
@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize(
    ("status", "headers", "content"),
    [
        (200, TYPE, b"{}"),
        (200, CIMultiDict({"X-Mock-Contract": "valid", **TYPE, "x-lower": "case"}), b"x" * 70_000),
        (200, TYPE, b""),
        (404, {**TYPE, "X-Mock-Hint": "100 % of it\tand a tab"}, b"{}"),
        (405, {**TYPE, "Allow": "GET, HEAD"}, b"{}"),
        (418, TYPE, b"tea"),
        (429, CIMultiDict([*TYPE.items(), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=\xfc\u4e2d")]), b"{}"),
        (599, TYPE, b"without a phrase"),
    ],
)
async def test_the_same_bytes_as_aiohttps_own(
    monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], content: bytes, close: bool
) -> None:
    for name in ("aiohttp.web_response", "mockserver.server.front.head"):
        monkeypatch.setattr(f"{name}.rfc822_formatted_time", lambda: DATE)
    response = web.Response(status=status, headers=headers, body=content)
    if close:
        response.force_close()
    assert head.response(status, headers, content, close=close) == await aiohttps(response)


@pytest.mark.parametrize("sign", ["\r", "\n", "\0", "\x1f", "\x7f"])
@pytest.mark.parametrize("header", [("X-Name{}", "value"), ("X-Name", "va{}lue")])
def test_a_header_smuggles_no_line(header: tuple[str, str], sign: str) -> None:
    name, value = (part.format(sign) for part in header)
    with pytest.raises(ValueError, match="control character"):
        head.response(200, {**TYPE, name: value}, b"")


def test_a_date_is_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for date in (DATE, DATE.replace("13 GMT", "14 GMT"), DATE):
        monkeypatch.setattr(head, "rfc822_formatted_time", lambda date=date: date)
        assert f"\r\nDate: {date}\r\n".encode() in head.response(200, TYPE, b"")
