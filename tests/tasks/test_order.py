"""Subtasks, upstreams and downstreams keep the order of the fixture, and what happens goes by id all the same."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

import pytest
from builders import (
    MANUAL,
    at,
    changes,
    execution,
    pace,
    retry_task,
    rollback_task,
    skip,
    statuses,
    subtask,
    task,
    world,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import fixtures

from mockserver.tasks.state import TaskState
from mockserver.tasks.transitions import Refused
from mockserver.times import SECOND
from mockserver.world.fixture import Fixture
from mockserver.world.history import Change
from mockserver.world.live import LiveWorld


def went(live: LiveWorld, status: str) -> list[int | None]:
    """The subtasks that came to that status, in the order in which they did."""
    return [one.subtask_instance_id for one in changes(live) if one.after == status and one.subtask_instance_id]


def test_subtasks_become_ready_and_end_in_order_of_id() -> None:
    it = world(task(subtask(9), subtask(2), subtask(5), subtask(1, 9, 2, 5)), pace=pace(concurrency=2))
    assert list(execution(it).subtasks) == [9, 2, 5, 1]
    assert [id for id, status in statuses(it).items() if status == "READY"] == [2, 5]
    it.advance(at(60))
    assert went(it, "SUCCESSFUL") == [2, 5, 9, 1]


def test_a_task_s_retry_goes_by_id() -> None:
    it = world(task(*(subtask(id, status="FAILED") for id in (9, 2, 5))))
    retry_task(it)
    assert went(it, "READY") == [2, 5, 9]


def test_automatic_retries_go_by_id() -> None:
    """They follow when an operator's skip has made the task RUNNING."""
    it = world(task(*(subtask(id, status="FAILED", retry_count=1) for id in (9, 5, 2))))
    skip(it, 9)
    assert went(it, "READY") == [9, 2, 5]


def test_a_rollback_goes_by_id() -> None:
    it = world(task(subtask(9, status="FAILED"), subtask(2, status="SUCCESSFUL"), subtask(5, status="SUCCESSFUL")))
    rollback_task(it)
    assert went(it, "READY") == [2, 5, 9]


def turned_round(fixture: Fixture) -> Fixture:
    """The same with everything that has an order in the opposite one."""

    def turned(state: TaskState) -> TaskState:
        subtasks = {}
        for id, one in reversed(list(state.subtasks.items())):
            known = one.definition
            known = replace(known, upstreams=known.upstreams[::-1], downstreams=known.downstreams[::-1])
            subtasks[id] = replace(one, definition=known)
        return replace(state, subtasks=subtasks)

    return replace(fixture, tasks={id: turned(state) for id, state in fixture.tasks.items()})


def told(change: Change) -> tuple[object, ...]:
    return (change.time, change.task_instance_id, change.subtask_instance_id, change.before, change.after)


ACTS: Final[list[Callable[..., object]]] = [retry_task, rollback_task]


@pytest.mark.slow
@settings(max_examples=60)
@given(fixtures(), st.lists(st.sampled_from(ACTS), max_size=4))
def test_the_order_of_a_fixture_changes_nothing_that_happens(
    drawn: tuple[Fixture, bool], acts: list[Callable[..., object]]
) -> None:
    worlds = [LiveWorld(drawn[0]), LiveWorld(turned_round(drawn[0]))]
    for act in acts:
        for live in worlds:
            live.advance(live.world.now + 4 * SECOND)
            for id in live.world.tasks:
                with suppress(Refused):
                    act(live, id)
    one, other = worlds
    for live in worlds:
        live.advance(live.world.now + 4 * SECOND)
    assert [told(change) for change in changes(one)] == [told(change) for change in changes(other)]
    assert [statuses(one, id) for id in one.world.tasks] == [statuses(other, id) for id in other.world.tasks]


@pytest.mark.parametrize("turn", [lambda fixture: fixture, turned_round])
def test_what_may_move_is_sorted(turn: Callable[[Fixture], Fixture]) -> None:
    """It is looked for in a sorted tuple."""
    live = LiveWorld(turn(world(task(*(subtask(id) for id in (3, 1, 2))), pace=pace(concurrency=1)).as_fixture(MANUAL)))
    assert execution(live).open == (2, 3)
