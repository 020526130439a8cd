"""Who has logged in: the users for whom sessions stand. Their tokens are shown to nobody but who gets one."""

import secrets
from collections.abc import Iterable
from typing import Final

MOST: Final = 1000


class Sessions:
    def __init__(self) -> None:
        self._users: dict[str, str] = {}
        """By token, oldest first."""

    def __len__(self) -> int:
        return len(self._users)

    def begin(self, user: str) -> str:
        """Its token. One more than MOST ends the oldest."""
        if len(self._users) >= MOST:
            del self._users[next(iter(self._users))]
        token = secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def user(self, tokens: Iterable[str]) -> str | None:
        """Of the first that is a session's."""
        return next((self._users[token] for token in tokens if token in self._users), None)

    def end(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            self._users.pop(token, None)
