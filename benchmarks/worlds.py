"""Worlds to measure in, as fixture data."""

from typing import Any

STUBS = 500
AT_ONCE = {"dispatch": "0s", "run": "0s"}


def small(mode: str = "manual") -> dict[str, Any]:
    """One task of three subtasks, of which the second has FAILED and will at once fail again."""
    return {
        "clock": {"mode": mode},
        "scheduler": AT_ONCE,
        "tasks": [{"id": 1000, "name": "Uninstall ocp agent", "subtasks": subtasks(10000, 3)}],
    }


def stubbed() -> dict[str, Any]:
    """The same with stubs, of every kind of URL; each answers below a path of its own."""
    kinds = ("urlPath", "urlPathPattern", "urlPathTemplate")
    stubs = [
        {
            "request": {"method": "GET", kinds[n % 3]: f"/api/v2/info/{n}"},
            "response": {"jsonBody": {"successful": True, "data": {"number": n}}},
        }
        for n in range(STUBS)
    ]
    return {**small(), "stubs": stubs}


def large(tasks: int = 1000, each: int = 100) -> dict[str, Any]:
    return {
        "clock": {"mode": "manual"},
        "scheduler": AT_ONCE,
        "tasks": [
            {"id": 1000 + n, "name": f"Task {n}", "subtasks": subtasks(100_000 + n * each, each)} for n in range(tasks)
        ],
    }


def subtasks(first: int, count: int) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = [{"id": first, "name": "Check host", "status": "SUCCESSFUL"}]
    failing = {"status": "FAILED", "runs": [{"outcome": "FAILED", "duration": "0s"}]}
    chain.append({"id": first + 1, "name": "Uninstall ocp agent", "upstreams": [first], **failing})
    chain += [{"id": first + n, "name": f"Step {n}", "upstreams": [first + n - 1]} for n in range(2, count)]
    return chain
