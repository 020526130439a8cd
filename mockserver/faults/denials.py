"""Denials: rules that take a permission away while they stand. Pure."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from mockserver.faults.rules import given, written


class Denial(NamedTuple):
    """Takes `permission` (and nothing that implies it or is implied by it) from whom and where its fields match."""

    id: str
    permission: str
    user: str | None = None
    operation: str | None = None
    task_instance_id: int | None = None
    times: int | None = None
    hits: int = 0

    @property
    def used_up(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def matches(self, permission: str, user: str, operation: str, task_instance_id: int | None) -> bool:
        return (
            self.permission == permission
            and self.user in (None, user)
            and self.operation in (None, operation)
            and self.task_instance_id in (None, task_instance_id)
        )

    def to_json(self) -> dict[str, Any]:
        """As POST /__admin/denials takes it, with its id and how often it has refused."""
        return written(self, self._fields)

    @classmethod
    def from_json(cls, body: Mapping[str, Any], id: str) -> "Denial":
        """A denial from a body that fits denial.schema.json. `id` is for one that has none."""
        return cls(**{"id": id, **given(body, cls._fields)})


ByTask = Mapping[int | None, tuple[int, Denial]]
"""The newest denial of each task, and, as None, of every task; with its age, by which they are told apart."""


def newest(denials: Collection[Denial], permission: str, operation: str) -> dict[str | None, ByTask]:
    """Those that act on an operation, by the user whom they name, and, as None, those of everybody. The last of
    `denials` is the newest."""
    found: dict[str | None, dict[int | None, tuple[int, Denial]]] = {}
    for age, denial in enumerate(reversed(list(denials))):
        user, task = denial.user, denial.task_instance_id
        if not denial.used_up and denial.matches(permission, user or "", operation, task):
            found.setdefault(user, {}).setdefault(task, (age, denial))
    return {**found}


def merged(one: ByTask, other: ByTask) -> ByTask:
    """Of each task the newest of both."""
    return {**one, **{task: min(of, one.get(task, of)) for task, of in other.items()}}
