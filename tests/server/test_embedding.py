"""The application in other hands: below another one, in aiohttp's test client, and several in one process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientError, ClientSession, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from clients import RETRY, TASK, failed_world

from mockserver import create_app
from mockserver.server.routing import SITE

pytestmark = pytest.mark.asyncio

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest_asyncio.fixture
async def below(aiohttp_client: AiohttpClient) -> TestClient[Any, Any]:
    """An application with a middleware, a route of its own, and two mock servers below it."""

    @web.middleware
    async def stamped(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        response.headers["X-Own"] = "yes"
        return response

    async def own(request: web.Request) -> web.Response:
        return web.Response(text="own")

    app = web.Application(middlewares=[stamped])
    app.router.add_get("/api/v2/tasks/instances", own)
    app.add_subapp("/one", create_app(failed_world()))
    app.add_subapp("/two", create_app(failed_world(seed=9)))
    return await aiohttp_client(app)


async def subtask(client: TestClient[Any, Any], base: str) -> str:
    task = await (await client.get(base + TASK)).json()
    return str(task["data"]["subtasks"][1]["status"])


@pytest.mark.slow
async def test_below_another_application_it_serves_the_api(below: TestClient[Any, Any]) -> None:
    answer = await below.post("/one" + RETRY)
    assert answer.status == 200
    assert (answer.headers["X-Mock-Contract"], answer.headers["X-Own"]) == ("valid", "yes")
    assert (await answer.json())["data"]["status"] == "READY"
    assert await (await below.get("/api/v2/tasks/instances")).text() == "own"


async def test_two_below_one_share_nothing(below: TestClient[Any, Any]) -> None:
    await below.post("/one" + RETRY)
    await below.post("/one/__admin/faults", json={"error": {"status": 503}, "operation": "skipSubtask"})
    await below.post("/one/__admin/clock/advance", json={"by": "1h"})
    assert await subtask(below, "/two") == "FAILED"
    assert (await (await below.get("/two/__admin/faults")).json())["faults"] == []
    assert (await (await below.get("/two/__admin/requests")).json())["total"] == 1
    first, second = [await (await below.get(base + "/__admin/contract")).json() for base in ("/one", "/two")]
    assert (first["replies"], second["replies"]) == (1, 1)
    clocks = [(await (await below.get(base + "/__admin/clock")).json())["now"] for base in ("/one", "/two")]
    assert clocks[0] > clocks[1]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/one/api/v2/nowhere", 404),
        ("GET", "/one/elsewhere", 404),
        ("DELETE", "/one" + RETRY, 405),
        ("GET", "/one/api/v2/tasks/instances/abc", 400),
    ],
)
async def test_refusals_are_envelopes_below_too(
    below: TestClient[Any, Any], method: str, path: str, status: int
) -> None:
    answer = await below.request(method, path)
    assert answer.status == status
    body = await answer.json()
    assert (body["status"], body["successful"]) == (status, False)


async def test_worlds_below(below: TestClient[Any, Any]) -> None:
    assert (await below.post("/one/w/mine" + RETRY)).status == 200
    assert await subtask(below, "/one/w/mine") == "READY"
    assert await subtask(below, "/one") == "FAILED"
    assert (await below.post("/one/w/mine/__admin/reset")).status == 200
    assert await subtask(below, "/one/w/mine") == "FAILED"


async def test_the_document_below_says_where_it_is(below: TestClient[Any, Any]) -> None:
    for base in ("/one", "/one/w/mine"):
        document = await (await below.get(base + "/openapi.json")).json()
        assert [server["url"] for server in document["servers"]] == [base + "/api/v2"]


@pytest.mark.parametrize("fault", ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"])
async def test_faults_of_the_connection_work_below(below: TestClient[Any, Any], fault: str) -> None:
    await below.post("/one/__admin/faults", json={"fault": fault, "operation": "retrySubtask"})
    with pytest.raises((ClientError, ConnectionError)):
        await below.post("/one" + RETRY)
    assert await subtask(below, "/one") == "FAILED"


async def test_the_end_of_the_application_lets_held_answers_go(aiohttp_client: AiohttpClient) -> None:
    app = web.Application()
    mock = create_app(failed_world(faults=[{"fault": "HANG", "operation": "retrySubtask"}]))
    app.add_subapp("/one", mock)
    client = await aiohttp_client(app)
    waiting = asyncio.create_task(client.post("/one" + RETRY))
    while not mock[SITE].served.held:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await client.server.close()
        with pytest.raises((ClientError, ConnectionError)):
            await waiting


async def test_in_aiohttps_test_client(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(create_app("failed-subtask"))
    assert (await client.post(RETRY)).status == 200
    assert (await client.post(RETRY)).status == 400


async def test_several_in_one_process_share_nothing(aiohttp_client: AiohttpClient) -> None:
    """Each is driven by itself, at once: sixteen of them, and none sees another's retry, clock or account."""
    clients = [await aiohttp_client(create_app(failed_world(seed=n))) for n in range(16)]

    async def drive(n: int, client: TestClient[Any, Any]) -> tuple[list[int], str, int]:
        statuses = [(await client.post(RETRY)).status for _ in range(n % 3)]
        await client.post("/__admin/clock/advance", json={"by": f"{n}s"})
        now = (await (await client.get("/__admin/clock")).json())["now"]
        return statuses, now[17:19], (await (await client.get("/__admin/contract")).json())["replies"]

    found = await asyncio.gather(*(drive(n, client) for n, client in enumerate(clients)))
    expected = [([200, 400][: n % 3], f"{13 + n:02}", n % 3) for n in range(16)]
    assert found == expected


async def test_it_may_be_asked_by_its_host(aiohttp_client: AiohttpClient) -> None:
    """The application under test, and the mock server that it asks, in one: as an integration test has them."""
    mock = await aiohttp_client(create_app("failed-subtask"))

    async def retry(request: web.Request) -> web.Response:
        async with ClientSession() as session, session.post(mock.make_url(RETRY)) as answer:
            return web.json_response(await answer.json())

    app = web.Application()
    app.router.add_post("/", retry)
    client = await aiohttp_client(app)
    assert (await (await client.post("/")).json())["data"]["operation"] == "RETRY"
