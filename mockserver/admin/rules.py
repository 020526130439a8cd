"""Control routes of the rules that stand (faults, denials, stubs), of the users, and who may do what while they do."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from aiohttp import web

from mockserver.admin.calls import AT_ONCE, Later, body_of, checked_body, name_in_path
from mockserver.contract.errors import Problem, Unprocessable
from mockserver.contract.json_text import is_longer
from mockserver.contract.operations import OPERATIONS, Operation
from mockserver.contract.permissions import ANONYMOUS, EVERYTHING, User
from mockserver.contract.schemas import contract
from mockserver.faults import effects
from mockserver.faults import rules as fault_rules
from mockserver.faults.contradictions import contradictions
from mockserver.faults.denials import ByTask, Denial, merged, newest
from mockserver.fixtures.stubs.folders import body_file
from mockserver.fixtures.stubs.reading import items
from mockserver.fixtures.text.constructor import MAX_DEPTH
from mockserver.stubs.collection import MOST, TooMany, stubs_of
from mockserver.stubs.mapping import Stub, id_in
from mockserver.stubs.mapping import problems as stub_problems
from mockserver.world.turns import in_thread
from mockserver.world.value import World
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")

MAX_RULES: Final = 1000
WITHIN: Final = 2
"""A world's data has its faults so many levels deep: what could not be PUT back is refused."""
MOST_EXCEPTIONS: Final = 1_000_000
"""In the matrix of who may do what: each user has one for each task of which something is denied."""
ALLOWED: Final[dict[str, Any]] = {"allowed": True, "rule": None, "remaining": None, "reason": None, "exceptions": []}
ANYBODY: Final = "*"
"""In the matrix of a world without users: whoever sends credentials."""


async def get_faults(site: Site, request: web.Request) -> object:
    rules = site.served.world.faults.values()
    return Later(lambda: {"faults": [rule.to_json() for rule in rules]})


async def post_fault(site: Site, request: web.Request) -> object:
    body = await checked_body("fault", request)
    look = partial(wrong_with, body)
    wrong = await in_thread(look) if is_longer(body, AT_ONCE) else look()
    wrong = [*effects.code_problems(body, site.served.world.settings.variant.row), *wrong]
    if wrong:
        raise Unprocessable("not a fault", wrong)
    check_new(body, site.served.up_to_now().faults)
    return Later(site.served.live.add_fault(lambda id: fault_rules.from_json(body, id)).to_json)


def wrong_with(fault: dict[str, Any]) -> list[Problem]:
    wrong = [*effects.key_problems(fault), *contradictions(fault)]
    if is_nested(fault, MAX_DEPTH - WITHIN):
        wrong.append(Problem((), f"nested more than {MAX_DEPTH - WITHIN} levels deep"))
    return wrong


async def delete_faults(site: Site, request: web.Request) -> None:
    site.served.remove_faults()


async def get_fault(site: Site, request: web.Request) -> object:
    faults = site.served.world.faults
    return Later(faults[name_in_path(request, "id", "fault", faults)].to_json)


async def delete_fault(site: Site, request: web.Request) -> None:
    site.served.remove_faults(name_in_path(request, "id", "fault", site.served.world.faults))


def is_nested(value: object, depth: int) -> bool:
    """Whether a value of JSON has more levels of lists and objects than that."""
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return depth <= 0 or any(is_nested(item, depth - 1) for item in items)


def check_new(body: dict[str, Any], rules: Mapping[str, object]) -> None:
    """Raises Unprocessable."""
    given = [Problem((key,), "the server gives it") for key in ("id", "hits", "matches", "window") if key in body]
    if given:
        raise Unprocessable("not for a new rule", given)
    if len(rules) >= MAX_RULES:
        raise Unprocessable(f"there are {MAX_RULES} rules already: delete some")


async def get_denials(site: Site, request: web.Request) -> object:
    denials = site.served.world.denials.values()
    return Later(lambda: {"denials": [denial.to_json() for denial in denials]})


async def post_denial(site: Site, request: web.Request) -> object:
    body = await checked_body("denial", request)
    world = site.served.up_to_now()
    check_new(body, world.denials)
    denial = site.served.live.add_denial(lambda id: Denial.from_json(body, id))
    if denial.user not in (None, ANONYMOUS, *world.users) and world.users:
        log.warning("%s names the user %s, whom the world does not know", denial.id, denial.user)
    return denial.to_json()


async def delete_denials(site: Site, request: web.Request) -> None:
    site.served.live.remove_denials()


async def get_denial(site: Site, request: web.Request) -> object:
    denials = site.served.world.denials
    return denials[name_in_path(request, "id", "denial", denials)].to_json()


async def delete_denial(site: Site, request: web.Request) -> None:
    site.served.live.remove_denials(name_in_path(request, "id", "denial", site.served.world.denials))


async def get_stubs(site: Site, request: web.Request) -> object:
    stubs = site.served.world.stubs
    return Later(lambda: {"stubs": [stub.to_json() for stub in stubs.values()]})


async def post_stubs(site: Site, request: web.Request) -> object:
    """One stub mapping, a list of them, or a file of WireMock's with several: all or none. The last is the newest; one
    of an id that is there takes its place."""
    given = await body_of(request)
    found, served = [*islice(items(given), MOST + 1)], site.served
    async with served.being_replaced:  # else two calls could give the same ids
        try:
            added = await in_thread(partial(stubs_from, found, served.world))  # of a few, too: each can be of any size
            stubs = served.world.stubs.added(added)
        except TooMany as error:
            raise Unprocessable(f"{error}: delete some") from None
        served.live.change_stubs(stubs)
    if found[:1] and found[0][0] == ():
        return Later(added[0].to_json)
    return Later(lambda: {"stubs": [stub.to_json() for stub in added]})


def stubs_from(found: Sequence[tuple[tuple[str | int, ...], Any]], world: World) -> list[Stub]:
    """Raises Unprocessable, with everything that is wrong with them."""
    checker, stubs = contract().checker("stub"), world.stubs
    wrong: list[Problem] = []
    taken: set[str] = set()
    for path, body in found:
        problems = [] if checker.accepts(body) else checker.problems(body)
        if not problems:
            problems = stub_problems(body, world.users, lambda name: body_file(stubs.files, name) is not None)
        if not problems and is_nested(body, MAX_DEPTH - WITHIN):
            problems = [Problem((), f"nested more than {MAX_DEPTH - WITHIN} levels deep")]
        if not problems and (id := id_in(body)) is not None:
            problems = [Problem((), f"the stub {id} is given twice")] if id in taken else []
            taken.add(id)
        wrong += [Problem((*path, *problem.path), problem.message) for problem in problems]
    if wrong:
        raise Unprocessable("not a stub", wrong)
    return stubs_of([body for _, body in found], stubs)


async def delete_stubs(site: Site, request: web.Request) -> None:
    remove_stubs(site, *site.served.world.stubs)


async def get_stub(site: Site, request: web.Request) -> object:
    stubs = site.served.world.stubs
    return Later(stubs[name_in_path(request, "id", "stub", stubs)].to_json)


async def delete_stub(site: Site, request: web.Request) -> None:
    remove_stubs(site, name_in_path(request, "id", "stub", site.served.world.stubs))


def remove_stubs(site: Site, *ids: str) -> None:
    """These, which it has. The answers that they hold are let go."""
    served = site.served
    if ids:
        served.live.change_stubs(served.world.stubs.without(*ids))
        served.held.let_go(*ids)


async def get_users(site: Site, request: web.Request) -> object:
    users = site.served.world.users.values()
    return Later(lambda: {"users": [user_json(user) for user in users]})


def user_json(user: User) -> dict[str, object]:
    return {"name": user.name, "password": user.password, "permissions": list(user.permissions)}


async def get_permissions(site: Site, request: web.Request) -> object:
    """Who may do what now. Nothing is counted as a hit."""
    world = site.served.world
    return Later(lambda: {"permissions": permissions(world)})


def permissions(world: World) -> list[dict[str, object]]:
    """Each user with each operation. What denials make of an operation is found out once for each user whom they name,
    and once for all others. Raises Unprocessable for more exceptions than an answer takes."""
    verdicts = {operation.id: verdicts_by_user(world, operation) for operation in OPERATIONS.values()}
    lacking = {name: {**ALLOWED, "allowed": False, "reason": f"lacks {name}"} for name in EVERYTHING}
    rows: list[dict[str, object]] = []
    left = MOST_EXCEPTIONS
    for user in known_users(world):
        allowed = world.allowed(user)
        for id, operation in OPERATIONS.items():
            name, by_user = operation.permission, verdicts[id]
            verdict = by_user.get(user, by_user[None]) if name in allowed else lacking[name]
            left -= len(verdict["exceptions"])
            rows.append({"user": user, "operation": id, "permission": name, **verdict})
        if left < 0:
            raise Unprocessable(f"more than {MOST_EXCEPTIONS} exceptions: delete denials of single tasks")
    return rows


def known_users(world: World) -> list[str]:
    """Where a world names no users, any credentials will do: then those whom a denial names, and anybody else."""
    users = list(world.users)
    if not users:
        named = [denial.user for denial in world.denials.values() if denial.user is not None]
        users = [*(user for user in dict.fromkeys(named) if user != ANONYMOUS), ANYBODY]
    return users if world.settings.auth == "basic" or ANONYMOUS in users else [*users, ANONYMOUS]


def verdicts_by_user(world: World, operation: Operation) -> dict[str | None, dict[str, Any]]:
    """For each user whom a denial names, and, as None, for everybody else."""
    by_user = newest(world.denials.values(), operation.permission, operation.id)
    of_all = by_user.setdefault(None, {})
    return {user: verdict(merged(of_all, own), operation) for user, own in by_user.items()}


def verdict(denials: ByTask, operation: Operation) -> dict[str, Any]:
    everywhere = denials.get(None)
    no = ALLOWED if everywhere is None else {**ALLOWED, "allowed": False, **denial_json(everywhere[1])}
    if not operation.path_parameters:
        return no
    acting = {  # what is older than one of every task never acts
        task: denial
        for task, (age, denial) in denials.items()
        if task is not None and (everywhere is None or age < everywhere[0])
    }
    return {**no, "exceptions": [{"taskInstanceId": task, **denial_json(acting[task])} for task in sorted(acting)]}


def denial_json(denial: Denial) -> dict[str, object]:
    remaining = None if denial.times is None else denial.times - denial.hits
    often = "" if remaining is None else f", {remaining} more time{'s' * (remaining != 1)}"
    return {"rule": denial.id, "remaining": remaining, "reason": f"denied by {denial.id}{often}"}
