"""The account of the whole run: of every server that the suite starts in this process, and what it should say.

Two counts that know nothing of each other: the servers' own accounts, and the requests that were handed over, by
aiohttp or by the protocol in front of it, and got an answer of the API's. Violations are those that tests have planted
(`@pytest.mark.planted(n)`), and no others.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import ref

import pytest
from aiohttp import web

from mockserver.server import answer
from mockserver.server.elsewhere import order
from mockserver.server.front.connection import Refused
from mockserver.server.front.reader import PlainRequest
from mockserver.server.routing import SITE
from mockserver.world.account import Account, Accounts
from mockserver.world.evidence.exchange import Asked
from mockserver.world.worlds import Site

COUNTED = (
    *("answered", "replies", "valid", "deliberatelyInvalid", "violations", "clientErrors", "expectedErrors", "planted"),
)


class Books:
    def __init__(self) -> None:
        self.accounts: list[Accounts] = []
        """Of each server."""
        self.answered = 0
        """Requests of the API that an application of ours was given and has answered."""
        self.handled = 0
        """Those, and all others."""
        self.planted = 0
        self._past: Counter[str] = Counter()
        """Of accounts that have begun anew."""
        self._latest: ref[Site] | None = None

    def open(self, site: Site) -> None:
        if site.name is None:
            self.accounts.append(site.worlds.accounts)
            self._latest = ref(site)

    def begin_anew(self, site: Site) -> None:
        """Its account is as that of a new server; and it is the latest."""
        site.worlds.accounts.clear()
        self._latest = ref(site)

    def close(self, account: Account) -> None:
        """It begins anew."""
        self._past.update(account.to_json())

    @property
    def latest(self) -> Site:
        """The server that was made last."""
        site = None if self._latest is None else self._latest()
        assert site is not None
        return site

    @property
    def violations(self) -> int:
        return self._past["violations"] + sum(account.violations for one in self.accounts for account in one.all())

    def sums(self) -> dict[str, int]:
        found = dict.fromkeys(COUNTED, 0) | {"answered": self.answered, "planted": self.planted}
        for sums in (self._past, *(one.total().to_json() for one in self.accounts)):
            for key, number in sums.items():
                found[key] += number
        return found


BOOKS = Books()


def keep() -> None:
    """From now on every server is in the books."""
    cleared, made, handled = Account.clear, Site.__init__, web.Application._handle
    respond, at_once, refused = answer.respond, answer.at_once, answer.refused
    elsewhere, plainly_elsewhere = order.elsewhere, order.at_once

    def init(self: Site, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        BOOKS.open(self)

    async def handle(self: web.Application, request: web.Request) -> web.StreamResponse:
        response = await handled(self, request)
        if any(SITE in app for app in (request.match_info.apps or (self,))):
            BOOKS.handled += 1
        return response

    async def responding(
        site: Site, request: web.Request, path: str | None, dialect_prefix: str | None = None
    ) -> web.StreamResponse:
        response = await respond(site, request, path, dialect_prefix)
        BOOKS.answered += 1
        return response

    async def not_counted(site: Site, request: web.Request, asked: Asked) -> web.StreamResponse | None:
        response = await elsewhere(site, request, asked)
        BOOKS.answered -= response is not None
        return response

    def not_counted_in_front(site: Site, asked: Asked) -> bytes | None:
        response = plainly_elsewhere(site, asked)
        BOOKS.answered -= response is not None
        return response

    def in_front(site: Site, plain: PlainRequest) -> bytes | None:
        response = at_once(site, plain)
        BOOKS.answered += response is not None
        BOOKS.handled += response is not None
        return response

    def refusing(site: Site, what: Refused) -> web.Response:
        BOOKS.answered += 1
        BOOKS.handled += 1
        return refused(site, what)

    def clear(self: Account) -> None:
        BOOKS.close(self)
        cleared(self)

    Account.clear = clear  # type: ignore[method-assign]  # to keep what it said
    Site.__init__ = init  # type: ignore[method-assign]  # to count them
    answer.respond, answer.at_once, answer.refused = responding, in_front, refusing
    order.elsewhere, order.at_once = not_counted, not_counted_in_front
    web.Application._handle = handle  # type: ignore[method-assign]  # to count them


def planted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Around a test: its violations are those that it says it plants."""
    mark = request.node.get_closest_marker("planted")
    expected = mark.args[0] if mark else 0
    before = BOOKS.violations
    yield
    BOOKS.planted += expected
    found = BOOKS.violations - before
    assert found == expected, f"{found} violations of the contract, of which the test has planted {expected}"


def mistakes(sums: Mapping[str, int]) -> list[str]:
    """What does not match in the sums of a run whose tests have all passed."""
    wrong = []
    if sums["violations"] != sums["planted"]:
        wrong.append(f"{sums['violations']} violations, of which the tests have planted {sums['planted']}")
    if sums["valid"] + sums["deliberatelyInvalid"] + sums["violations"] != sums["replies"]:
        wrong.append("the three verdicts do not add up to the replies")
    if sums["replies"] != sums["answered"]:
        wrong.append(f"{sums['replies']} replies in the accounts, but {sums['answered']} requests were answered")
    return wrong
