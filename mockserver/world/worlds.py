"""What one application serves, and how it was asked to serve it: one world, and more of them by name."""

import re
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from mockserver.world.account import Account, Accounts
from mockserver.world.clock import MANUAL
from mockserver.world.fixture import ClockSetting, Fixture
from mockserver.world.journal import SharedBytes, Told
from mockserver.world.live import LiveWorld
from mockserver.world.served import Served

WORLDS: Final = 256
NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_NAME: Final = re.compile(NAME)
NAMES: Final = (
    "a world's name is 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or a digit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    prefixes: tuple[str, ...] = ("/api/v2",)
    """Under which every world's API is."""
    others: tuple[str, ...] = ()
    """The prefixes of other dialects, each for the worlds of its own alone."""
    admin_token: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    """Names, beside localhost, under which /__admin may be asked."""
    allowed_origins: frozenset[str] = frozenset()
    """Of pages that may ask /__admin, beside those of the Host, as foreign.normal_origin has them."""


class FileMistake(NamedTuple):
    """What is wrong with a file that is served, and where; lines and columns count from 1."""

    file: str | None
    line: int | None
    column: int | None
    message: str


class Listed(NamedTuple):
    """A fixture that can be loaded by its name."""

    name: str
    origin: Literal["shipped", "file"]
    about: str
    """How its first comment begins."""


class Library(Protocol):
    """Both look into files, and may take long."""

    @property
    def name(self) -> str:
        """What is served, in a word."""

    def listed(self) -> list[Listed]: ...

    def load(self, name: str, overrides: Mapping[str, object]) -> Fixture:
        """`overrides` are keys that win over it. Raises KeyError for an unknown name, ValueError for that of an
        unknown scenario, and FixtureError."""


class Site:
    """One world as it is served. All worlds of an application share its options and `worlds`."""

    def __init__(self, worlds: "Worlds", served: Served, name: str | None = None) -> None:
        """Its account is that of worlds that are gone, until it is one of those that there are."""
        self.worlds = worlds
        self.served = served
        served.journal.world = name
        self.name = name
        """None for the world without a name."""
        self.options = worlds.options
        self.account = worlds.accounts.gone
        self.loaded: str | None = None
        """The fixture that was loaded here by its name."""
        self.access_logged = False
        """Whether a line per request is written anyway, which then has the hint."""
        self.calls = 0
        """How many control calls and uploads are under way: a listener's stream is such a call."""
        self.for_page = False
        """Whether only web pages of other origins have asked for it, which anybody may happen to visit."""

    @property
    def fixture(self) -> str:
        """What it was made from, and resets to, in a word."""
        library = self.worlds.library
        return self.loaded or ("data" if library is None else library.name)

    @property
    def is_idle(self) -> bool:
        """Whether nobody has changed it, listens to it or waits in it: another one could stand in its place."""
        is_changed = self.served.live.touched and not self.for_page
        return not (is_changed or self.served.held or self.calls)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Those of this world's API, that of its dialect first."""
        own = self.served.world.settings.variant.row.prefix
        return (own, *self.options.prefixes) if own in self.options.others else self.options.prefixes


class Worlds:
    """Every world of an application: the one without a name, and by name those that were asked for.

    A named world is a copy of the loaded fixtures, made when it is first asked for. Copies share what none has changed.
    Past the limit an idle one goes, or else any, and of those the one that was not used for the longest time. What a
    web page of another origin asks for costs nobody his world.
    """

    def __init__(self, fixture: Fixture, options: Options, limit: int = WORLDS) -> None:
        self.options = options
        self.accounts = Accounts()
        self.limit = limit
        self.mount = ""
        """The path under which another application has this one, before every prefix."""
        self.evicted = 0
        """How many worlds went past the limit."""
        self.mistakes: tuple[FileMistake, ...] = ()
        """Of the files as they are now, while what they said before is served."""
        self.reload: Callable[[], Awaitable[Fixture]] | None = None
        """Reads the files again, for every world. Raises FixtureError. None where there are no files."""
        self.library: Library | None = None
        """The fixtures that can be loaded by their names."""
        self.coming: deque[tuple[LiveWorld, ClockSetting]] = deque(maxlen=1)
        """What to be renewed to before the next request is looked at. Another thread may put it there."""
        self._pristine, self._setting = LiveWorld(fixture), fixture.clock
        self._named: OrderedDict[str, Site] = OrderedDict()
        self._journals = SharedBytes()
        self.main = Site(self, self._served())
        self.main.account = self.accounts.open(None)

    def named(self, name: str, *, for_page: bool = False) -> Site:
        """Made, if it is not there; `for_page` if there is room. Raises ValueError for what is no name."""
        site = self.made(name, for_page=for_page)
        self.make_room(site)
        return site

    def made(self, name: str, *, for_page: bool = False) -> Site:
        """Likewise, but others stay until there is to be room."""
        site = self.look(name)
        if name not in self._named:
            self._named[name] = site
            site.account, site.for_page = self.accounts.open(name), for_page
        site.for_page &= for_page
        self._named.move_to_end(name)
        return site

    def make_room(self, latest: Site) -> None:
        """One that only a page asks for makes none but its own."""
        while len(self._named) > self.limit:
            may_go = [one for one in self._named.values() if one is not latest or one.for_page]
            gone = next((one for one in may_go if one.is_idle), may_go[0])
            self.remove(gone.name or "")
            self.evicted += 1

    def look(self, name: str) -> Site:
        """The one of that name, or one such as it would be; nobody has used it or made it by that. Raises ValueError
        for what is no name."""
        site = self._named.get(name)
        if site is None:
            if not _NAME.fullmatch(name):
                raise ValueError(NAMES)
            site = Site(self, self._served(), name)
            site.access_logged = self.main.access_logged
            site.account = Account(name)
        return site

    def _served(self) -> Served:
        return Served(self._pristine, self._setting, self._journals)

    def unmake(self, site: Site) -> None:
        """Whoever made it was refused. It stays if somebody else has used it since."""
        if site.is_idle and not site.served.journal.total and self.has(site):
            self.remove(site.name or "")

    def names(self) -> list[str]:
        """The least recently used one first."""
        return list(self._named)

    def has(self, site: Site) -> bool:
        """Whether it is still one of these. Nobody has used it by asking that."""
        return site is self.main or (site.name is not None and self._named.get(site.name) is site)

    def remove(self, name: str) -> None:
        """Raises KeyError. Who asks for it again gets a new one."""
        site = self._named.pop(name)
        site.account = self.accounts.close(site.account)
        self._journals.keep(site.served.journal)
        site.served.let_go()

    def load(self, pristine: LiveWorld, setting: ClockSetting) -> None:
        """What the files give now, for every world, each of which is reset to it."""
        self._pristine, self._setting = pristine, setting
        for site in self.all():
            site.served.load(self._pristine, self._setting)
            site.loaded = None

    def renew(self, pristine: LiveWorld, setting: ClockSetting) -> None:
        """As if the server had just started with these: no world by name, nothing that was or is expected; the account
        goes on."""
        self.let_go()
        for name in self.names():
            self.remove(name)
        for account in self.accounts.all():
            account.expectations.clear()
            account.numbered = 0
        self._pristine, self._setting = pristine, setting
        self.main.served = self._served()

    def renew_later(self, pristine: LiveWorld, setting: ClockSetting) -> bool:
        """`renew`, before the next request is looked at. Any thread may ask for it.

        Whether that may be too late, because time passes or somebody may be waiting: then `settle` is due now.
        """
        self.coming.append((pristine, setting))
        return setting.mode != MANUAL or bool(self._named) or bool(self.main.served.held)

    def settle(self) -> None:
        """First thing in every request."""
        if self.coming:
            self.renew(*self.coming.pop())

    def keep_requests(self) -> None:
        """From now on, also what resets take out of the journals; for `requests`."""
        self._journals.past = deque()

    def requests(self) -> list[Told]:
        """Those of all journals, as they came."""
        told = [*(self._journals.past or ())]
        for site in self.all():
            told += [(site.name, number, entry) for number, entry in site.served.journal.numbered()]
        return sorted(told, key=lambda one: one[2].began)

    @property
    def lost(self) -> int:
        """How many requests no journal has any more, because there was no room."""
        return self._journals.lost + sum(site.served.journal.dropped for site in self.all())

    def all(self) -> list[Site]:
        return [self.main, *self._named.values()]

    def let_go(self) -> None:
        """Every answer that waits, and every move of a clock, in every world."""
        for site in self.all():
            site.served.let_go()
