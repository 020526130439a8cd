"""The graph of a task's subtasks: an order in which they can run, and the cycles that forbid one. Pure."""

from collections.abc import Mapping, Sequence


def downstreams_of(upstreams: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Every id that is a key of `upstreams`, with the ids that wait for it, in order."""
    downstreams: dict[int, list[int]] = {id: [] for id in upstreams}
    for id in sorted(upstreams):
        for upstream in upstreams[id]:
            downstreams[upstream].append(id)
    return downstreams


def sorted_or_cycles(upstreams: Mapping[int, Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """All ids, each after its upstreams; and the cycles, none of whose members is in two of them.

    A cycle starts at its smallest member, and each member is an upstream of the next (the last of the first).
    """
    waiting = {id: len(before) for id, before in upstreams.items()}
    downstreams = downstreams_of(upstreams)
    free = sorted((id for id, count in waiting.items() if not count), reverse=True)
    order: list[int] = []
    cycles: list[list[int]] = []
    while waiting:
        while free:
            id = free.pop()
            if waiting.pop(id, None) is None:
                continue
            order.append(id)
            for downstream in downstreams[id]:
                if downstream in waiting:
                    waiting[downstream] -= 1
                    if not waiting[downstream]:
                        free.append(downstream)
        if waiting:
            cycle = _cycle(upstreams, waiting)
            cycles.append(cycle)
            free.extend(cycle)
    return order, cycles


def _cycle(upstreams: Mapping[int, Sequence[int]], waiting: Mapping[int, int]) -> list[int]:
    """Everything that waits has an upstream that waits: whoever goes upstream comes round at last."""
    id = min(waiting)
    seen: dict[int, int] = {}
    while id not in seen:
        seen[id] = len(seen)
        id = min(upstream for upstream in upstreams[id] if upstream in waiting)
    cycle = list(seen)[seen[id] :][::-1]
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]
