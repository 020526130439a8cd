"""Requests of the journal, as the copies' tests look for them."""

from typing import Any

from clients import Client, Json


def latest(client: Client, below: str = "/copies") -> Any:
    number = client.admin("GET", "/requests")["total"]
    return client.admin("GET", f"/requests/{number}{below}")


def of_many(count: int) -> Json:
    return {"tasks": [{"id": 1, "subtasks": [{"id": id} for id in range(1, count + 1)]}]}
