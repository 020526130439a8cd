"""A bare aiohttp handler that returns the bytes it is given: what a mock of one fixed answer costs.

`python -m benchmarks.bare METHOD PATH FILE`: FILE has the body to return; prints the port.
"""

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from benchmarks.load import pin

HEADERS = {"Content-Type": "application/json", "X-Mock-Contract": "valid"}


async def main(method: str, path: str, file: str) -> None:
    body = Path(file).read_bytes()  # noqa: ASYNC240 - before anything is served

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, headers=HEADERS)

    app = web.Application()
    app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    pin(0)
    asyncio.run(main(*sys.argv[1:]))
