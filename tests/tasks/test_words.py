"""Words that were read from a file equal ours, and are other objects: what happens is the same."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar, cast

import pytest
from builders import (
    at,
    cancel,
    changes,
    pace,
    retry,
    retry_task,
    rollback_task,
    run,
    skip,
    statuses,
    subtask,
    task,
    world,
)

from mockserver.tasks.execution import Execution
from mockserver.tasks.state import TaskState
from mockserver.tasks.step import Step, UnknownSubtask
from mockserver.tasks.transitions import Refused
from mockserver.tasks.values import Run, Subtask

Word = TypeVar("Word", bound=str)
RUNS: Final = [run("FAILED", 1), run("SUCCESSFUL", 1)]
STATES: Final = {
    "failed": task(
        subtask(1, status="SUCCESSFUL"),
        subtask(2, 1, status="FAILED", runs=RUNS, rollbacks=RUNS, retry_count=2),
        subtask(3, 2),
        subtask(4, status="FAILED", operation="CANCEL", retry_count=2),
        subtask(5, status="FAILED", operation="ROLLBACK"),
        subtask(6, status="FAILED", retry_count=2),
    ),
    "under way": task(
        subtask(1, status="READY", runs=RUNS, retry_count=1),
        subtask(2, status="RUNNING", runs=RUNS),
        subtask(3, status="RUNNING", due=9, coming=run()),
        subtask(4, status="CANCELING"),
        subtask(5, 1),
        subtask(6, status="SUCCESSFUL"),
        subtask(7, 6),
    ),
    "rolling back": task(
        subtask(1, status="SUCCESSFUL"),
        subtask(2, 1, status="FAILED", operation="ROLLBACK", rollbacks=RUNS),
        subtask(3, 1, status="FAILED"),
        subtask(4, 1, operation="ROLLBACK"),
        subtask(5, 1, status="READY", operation="ROLLBACK", rollbacks=RUNS),
        operation="ROLLBACK",
    ),
    "skipped": task(
        subtask(1, status="READY", operation="SKIP"), subtask(2, 1, status="READY", operation="ROLLBACK_SKIP")
    ),
    "failed alone": task(subtask(1, status="FAILED", operation="ROLLBACK"), subtask(2, status="FAILED", retry_count=1)),
}
ACTS: Final[dict[str, Callable[..., object]]] = {
    "retry": retry,
    "skip": skip,
    "cancel": cancel,
    "retry the task": lambda live, _: retry_task(live),
    "roll back": lambda live, _: rollback_task(live),
}


def read(word: Word) -> Word:
    """An equal word, and another object."""
    return cast(Word, "".join([*word]))


def as_read(state: TaskState) -> TaskState:
    def runs(entries: tuple[Run, ...]) -> tuple[Run, ...]:
        return tuple(one._replace(outcome=read(one.outcome)) for one in entries)

    def subtask(one: Subtask) -> Subtask:
        known = one.definition
        known = replace(known, runs=runs(known.runs), rollbacks=runs(known.rollbacks))
        return replace(one, definition=known, status=read(one.status), operation=read(one.operation))

    whole = replace(state.task, status=read(state.task.status), operation=read(state.task.operation))
    return replace(state, task=whole, subtasks={id: subtask(one) for id, one in state.subtasks.items()})


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("act", ACTS)
def test_words_that_were_read_count_like_our_own(name: str, act: str) -> None:
    state = STATES[name]
    assert as_read(state).task.status is not state.task.status
    happened = []
    for live in (world(state), world(as_read(state))):
        for seconds, id in enumerate((2, 3, 4, 5, 1, 2)):
            live.advance(at(seconds))
            with suppress(Refused, UnknownSubtask):
                ACTS[act](live, id)
        live.advance(at(60))
        told = [(one.time, one.subtask_instance_id, one.before, one.after, one.operation) for one in changes(live)]
        happened.append((told, statuses(live)))
    assert happened[0] == happened[1]


def test_what_is_set_to_the_words_that_it_has_is_no_change() -> None:
    it = Step(Execution.of(STATES["failed"]), at(10), pace(), "server")
    same = as_read(STATES["failed"])
    it.replace(same.task, same.subtasks, dict.fromkeys(same.subtasks, ()))
    assert it.changes == []
    it.replace(replace(as_read(STATES["failed"]).task, operation="RETRY"), {}, {})
    assert len(it.changes) == 1
