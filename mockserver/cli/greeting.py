"""What `serve` says at its start: where it is, what to try, and a curl line that works in the world that is loaded."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from mockserver import __version__
from mockserver.contract.permissions import ANONYMOUS, TASK_MANAGER
from mockserver.fixtures.mistakes import counted
from mockserver.server.elsewhere.upstream import Upstream
from mockserver.tasks import transitions, values
from mockserver.tasks.transitions import Refused
from mockserver.world.value import World
from mockserver.world.worlds import Site

OPERATION: Final = "retrySubtask"
ANYBODY: Final = ("operator", "operator:operator")
"""Where a world names no users, any credentials will do."""


def greeting(
    site: Site, url: str, *, admin: bool, watched: Sequence[str] = (), forward: Upstream | None = None
) -> list[str]:
    """Lines for people. A line that starts with `curl` can be run as it stands."""
    world, served = site.served.world, site.served
    subtasks = sum(len(execution.subtasks) for execution in world.tasks.values())
    base = url + quote(site.prefixes[0])
    task = next(iter(world.tasks), None)
    lines = [
        f"ocp-mockserver {__version__}: {counted(len(world.tasks), 'task')}, {counted(subtasks, 'subtask')}; "
        f"{served.clock.mode} clock, auth {world.settings.auth}, dialect {world.settings.dialect}",
        "",
        *(f"  base URL  {url}{quote(prefix)}" for prefix in site.prefixes),
        f"  try       GET {base}/tasks/instances",
    ]
    if task is not None:
        lines.append(f"            GET {base}/tasks/instances/{task}")
    lines.append(f"  contract  {url}/openapi.json")
    if admin:
        lines.append(f"  page      {url}/__admin/")
        lines.append(f"  control   {url}/__admin (GET /__admin/health, POST /__admin/reset …)")
    if forward is not None:
        what = " and ".join(forward.paths) if forward.paths else "whatever is none of these"
        lines.append(f"  forwards  {what} to {forward.origin}")
    if watched:
        lines.append(f"  watching  {', '.join(watched)}: what is saved is loaded")
    curl = curl_line(world, base)
    return [*lines, "", *([curl, ""] if curl else [])]


def curl_line(world: World, base: str) -> str | None:
    """Retries the first subtask that can be retried, as the first user who may; None if there is nothing to retry."""
    for task, id in retriable(world):
        for credentials in who_may(world, task):
            target = f"{base}/tasks/instances/{task}/subtasks/{id}/retry"
            login = [] if credentials is None else ["-u", credentials]
            return shlex.join(["curl", "-X", "POST", *login, target])
    return None


def retriable(world: World) -> Iterator[tuple[int, int]]:
    for execution in world.tasks.values():
        for subtask in execution.subtasks.values() if execution.counts[values.FAILED] else ():
            with suppress(Refused):
                transitions.retry(subtask, execution.task, world.now, world.settings.pace)
                yield execution.id, subtask.definition.id


def who_may(world: World, task: int) -> Iterator[str | None]:
    """Credentials with which a retry in that task is permitted; None where none are needed."""
    candidates: list[tuple[str, str | None]] = [(ANONYMOUS, None)] if world.settings.auth == "open" else []
    candidates += [(user.name, f"{user.name}:{user.password}") for user in world.users.values()] or [ANYBODY]
    for name, credentials in candidates:
        if TASK_MANAGER in world.allowed(name) and world.denied(TASK_MANAGER, name, OPERATION, task) is None:
            yield credentials
