"""What one application serves, and how it was asked to serve it."""

from dataclasses import dataclass

from mockserver.account import Account
from mockserver.worlds import Hosted


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    prefixes: tuple[str, ...] = ("/api/v2",)
    admin_token: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    """Names, beside localhost, under which /__admin may be asked."""


class Site:
    """One world and the account of every reply. Nothing is shared between two of these."""

    def __init__(self, hosted: Hosted, options: Options) -> None:
        self.hosted = hosted
        self.options = options
        self.account = Account()
        self.access_logged = False
        """Whether a line per request is written anyway, which then has the hint."""
        self.alone = False
        """Whether nothing stands around the application: no other app, no middleware, no signal. Its runner knows."""
