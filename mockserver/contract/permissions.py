"""Users, and what each may do. Pure.

Source: the seed (a retry needs TASK_MANAGER); that TASK_MANAGER reads too and that ADMIN is both is the document's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

Permission = Literal["TASK_VIEWER", "TASK_MANAGER", "ADMIN"]
TASK_VIEWER: Final = "TASK_VIEWER"
TASK_MANAGER: Final = "TASK_MANAGER"
ADMIN: Final = "ADMIN"
ANONYMOUS: Final = "anonymous"
IMPLIED: Final[dict[str, frozenset[str]]] = {
    TASK_VIEWER: frozenset({TASK_VIEWER}),
    TASK_MANAGER: frozenset({TASK_VIEWER, TASK_MANAGER}),
    ADMIN: frozenset({TASK_VIEWER, TASK_MANAGER}),
}
EVERYTHING: Final = IMPLIED[ADMIN]
NOTHING: Final[frozenset[str]] = frozenset()


@cache
def implied(permissions: tuple[Permission, ...]) -> frozenset[str]:
    """They themselves, and what comes with them."""
    return frozenset[str]().union(*(IMPLIED[permission] for permission in permissions))


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str
    password: str
    permissions: tuple[Permission, ...]
    """As the fixture gives them; `allowed` has what they imply."""
    access_keys: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    """The secret of each access key that signs requests as this user."""

    @property
    def allowed(self) -> frozenset[str]:
        return implied(self.permissions)
