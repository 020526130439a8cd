"""Worlds of one task with very many subtasks, in the shapes that graphs have: the same each time."""

from random import Random
from typing import Any, Final

from clients import Json

SHAPES: Final = ("chain", "wide", "layered", "random")
TASK_ID: Final = 5
LAYER: Final = 40
AGAIN: Final[list[Json]] = [{"outcome": "FAILED", "duration": "1s"}, {"outcome": "SUCCESSFUL"}]


def large(shape: str, count: int, *failed: int, **more: Any) -> Json:
    """`failed` are FAILED, and fail once more when retried; what they wait for is SUCCESSFUL. As much as can happens
    at once."""
    ups = upstreams(shape, count)
    done: set[int] = set()
    todo = [up for id in failed for up in ups[id]]
    while todo:
        one = todo.pop()
        if one not in done:
            done.add(one)
            todo += ups[one]
    subtasks: list[Json] = [{"id": id, "name": f"Step {id}", "upstreams": ups[id]} for id in range(count)]
    for id in done - set(failed):
        subtasks[id]["status"] = "SUCCESSFUL"
    for id in failed:
        subtasks[id] |= {"status": "FAILED", "log": "It failed.", "runs": AGAIN}
    task = {"id": TASK_ID, "name": f"{count} subtasks, {shape}", "subtasks": subtasks}
    return {"clock": {"mode": "manual"}, "scheduler": {"concurrency": 100}, "tasks": [task], **more}


def upstreams(shape: str, count: int) -> list[list[int]]:
    """Of each, in order."""
    dice, last = Random(count), count - 1

    def of(id: int) -> list[int]:
        match shape:
            case "chain":
                return [id - 1] if id else []
            case "wide":
                return list(range(1, last)) if id == last else [0] if id else []
            case "layered":
                return [] if id < LAYER else [id - LAYER, id // LAYER * LAYER - LAYER + (id + 7) % LAYER]
        return sorted(dice.sample(range(max(0, id - 60), id), min(id, dice.randrange(1, 4)))) if id else []

    return [of(id) for id in range(count)]
