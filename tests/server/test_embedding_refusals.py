"""Embedded, the connections are aiohttp's: what it refuses itself is its own answer, as docs/python.md says."""

import pytest
from aiohttp.pytest_plugin import AiohttpClient

from mockserver import create_app


@pytest.mark.asyncio
async def test_what_aiohttp_refuses_is_its_own_and_in_no_account(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(create_app("failed-subtask"))
    answer = await client.get("/api/v2/tasks/instances", headers={"Expect": "x"})
    assert (answer.status, answer.content_type) == (417, "text/plain")
    assert (await (await client.get("/__admin/requests")).json())["total"] == 0
    assert (await (await client.get("/__admin/contract")).json())["replies"] == 0
