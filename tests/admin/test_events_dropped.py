"""What the journal drops before the stream has read it is told as skipped, and never passed over in silence."""

import re
from itertools import repeat

import pytest
from multidict import CIMultiDict

from mockserver.admin.events.feed import Feed
from mockserver.contract.credentials import NOBODY
from mockserver.contract.routes import route
from mockserver.world.evidence.exchange import Asked, Exchange
from mockserver.world.fixture import Fixture
from mockserver.world.journal import REQUESTS
from mockserver.world.worlds import Options, Site, Worlds


@pytest.fixture
def site() -> Site:
    """Half of its journal is full of operations."""
    site = Worlds(Fixture(), Options()).main
    ask(site, "POST", REQUESTS)
    ask(site, "GET", REQUESTS)
    return site


def ask(site: Site, method: str, times: int) -> None:
    to = route(method, "tasks/instances/1/retry" if method == "POST" else "tasks/instances/1")
    asked = Asked(method=method, target="/", path="/", query="", to=to, sent=NOBODY, headers=CIMultiDict(), body=b"")
    for _ in repeat(None, times):
        site.served.journal.append(Exchange(asked, 0, "0" * 16, None, 0, 0, 0, status=200))


def names(feed: Feed) -> set[str]:
    before = feed.latest
    while feed.collect():
        pass
    return set(re.findall(r"(?m)^event: (\w+)$", feed.since(before).decode()))


@pytest.mark.parametrize(("times", "told"), [(REQUESTS // 2, {"request"}), (REQUESTS // 2 + 1, {"skipped"})])
def test_so_many_requests_at_once(site: Site, times: int, told: set[str]) -> None:
    feed = Feed(site)
    ask(site, "GET", times)
    assert names(feed) == told
    assert names(feed) == set()
