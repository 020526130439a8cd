"""Control routes of snapshots: a world as it was, by name."""

from aiohttp import web

from mockserver.admin.calls import body_of, checked_body, name_in_path
from mockserver.contract.errors import Unprocessable
from mockserver.world.served import MAX_SNAPSHOTS, Snapshot
from mockserver.world.worlds import Site


async def get_snapshots(site: Site, request: web.Request) -> object:
    return {"snapshots": [snapshot_json(site, one) for one in site.served.snapshots.values()]}


async def post_snapshot(site: Site, request: web.Request) -> object:
    """One of the same name is replaced."""
    name = (await checked_body("snapshot", request))["name"]
    served = site.served
    if name not in served.snapshots and len(served.snapshots) >= MAX_SNAPSHOTS:
        raise Unprocessable(f"there are {MAX_SNAPSHOTS} snapshots already: delete some")
    return snapshot_json(site, served.take_snapshot(name))


async def restore_snapshot(site: Site, request: web.Request) -> object:
    await body_of(request)
    snapshot = site.served.snapshots[found_name(site, request)]
    site.served.restore(snapshot)
    return snapshot_json(site, snapshot)


async def delete_snapshot(site: Site, request: web.Request) -> None:
    del site.served.snapshots[found_name(site, request)]


def found_name(site: Site, request: web.Request) -> str:
    return name_in_path(request, "name", "snapshot", site.served.snapshots, " (a reset removes them)")


def snapshot_json(site: Site, snapshot: Snapshot) -> dict[str, object]:
    time = site.served.wire.instant(snapshot.clock.now)
    return {"name": snapshot.name, "time": time, "tasks": len(snapshot.live.world.tasks)}
