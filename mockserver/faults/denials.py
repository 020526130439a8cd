"""Denials: rules that take a permission away while they stand. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple


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
        body: dict[str, Any] = {
            "id": self.id,
            "permission": self.permission,
            "user": self.user,
            "operation": self.operation,
            "taskInstanceId": self.task_instance_id,
            "times": self.times,
            "hits": self.hits,
        }
        return {key: value for key, value in body.items() if value is not None}

    @classmethod
    def from_json(cls, body: Mapping[str, Any], id: str) -> "Denial":
        """A denial from a body that fits denial.schema.json. `id` is for one that has none."""
        return cls(
            id=body.get("id", id),
            permission=body["permission"],
            user=body.get("user"),
            operation=body.get("operation"),
            task_instance_id=body.get("taskInstanceId"),
            times=body.get("times"),
            hits=body.get("hits", 0),
        )
