"""Control routes of the account: the counts, and the client errors that nobody expected. Of a world, or of all."""

from typing import Final

from aiohttp import web

from mockserver.admin.journal import asked
from mockserver.world.account import Account
from mockserver.world.worlds import Site

WORLDS: Final = "worlds"


def of_all(request: web.Request) -> bool:
    """Whether it asks for all worlds together, those that are gone too. Raises Unprocessable."""
    return WORLDS in asked(request, WORLDS).wanted


def accounts(site: Site, request: web.Request) -> list[Account]:
    return site.worlds.accounts.all() if of_all(request) else [site.account]


async def get_contract(site: Site, request: web.Request) -> object:
    """Of this world; with `worlds=all` of the server: all worlds together, those that are gone too. Replies of the API
    only; but a control answer that breaks its schema is a violation, too."""
    return (site.worlds.accounts.total() if of_all(request) else site.account).to_json()


async def delete_contract(site: Site, request: web.Request) -> None:
    """Sets it to zero; the server's sum is less by as much. Expectations stay, as not met yet. With `worlds=all`: that
    of every world, and nothing is left of those that are gone."""
    if of_all(request):
        site.worlds.accounts.clear()
    else:
        site.account.clear()


async def get_client_errors(site: Site, request: web.Request) -> object:
    """The latest requests that left the contract unexpectedly, oldest first, since the account was zero; a reset does
    not empty it. `omitted` is how many more there were."""
    found = accounts(site, request)
    told = [one.to_json() for account in found for one in account.complaints]
    return {"clientErrors": told, "omitted": sum(account.client_errors for account in found) - len(told)}
