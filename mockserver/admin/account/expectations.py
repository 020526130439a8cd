"""Control routes of expectations: the client errors that a test makes on purpose."""

from typing import Final

from aiohttp import web

from mockserver.admin.account.counts import accounts
from mockserver.admin.calls import checked_body, name_in_path
from mockserver.contract.errors import Problem, Unprocessable
from mockserver.world.account import EXPECTATIONS, Expectation
from mockserver.world.worlds import Site

GIVEN: Final = ("id", "met", "world")


async def get_expectations(site: Site, request: web.Request) -> object:
    """How often each was met: it is to be met `times` times, or at least once."""
    found = accounts(site, request)
    return {"expectations": [one.to_json() for account in found for one in account.expectations.values()]}


async def post_expectation(site: Site, request: web.Request) -> object:
    """Client errors with this `status` and of this `operation` (without: with any, of any or none) count as
    `expectedErrors`: the next `times`, or all."""
    body = await checked_body("expectation", request)
    given = [Problem((key,), "the server gives it") for key in GIVEN if key in body]
    if given:
        raise Unprocessable("not for a new expectation", given)
    if len(site.account.expectations) >= EXPECTATIONS:
        raise Unprocessable(f"there are {EXPECTATIONS} expectations already: delete some")
    status, times = (None if key not in body else int(body[key]) for key in ("status", "times"))
    return site.account.expect(body.get("operation"), status, times).to_json()


async def delete_expectations(site: Site, request: web.Request) -> None:
    """Client errors are unexpected again; those that were expected stay so."""
    for account in accounts(site, request):
        account.expectations.clear()


async def get_expectation(site: Site, request: web.Request) -> object:
    return found(site, request).to_json()


async def delete_expectation(site: Site, request: web.Request) -> None:
    del site.account.expectations[found(site, request).id]


def found(site: Site, request: web.Request) -> Expectation:
    """Raises Unprocessable (404)."""
    there = site.account.expectations
    return there[name_in_path(request, "id", "expectation", there)]
