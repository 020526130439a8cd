"""What was written of a task and of a subtask is kept while the value is the same, and only then."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from builders import execution, retry, subtask, task, world

from mockserver.contract.dialects import Variant
from mockserver.contract.schemas import Proven
from mockserver.contract.wire import Texts, Wire
from mockserver.tasks.execution import Execution

WIRE: Final = Wire(Variant(), "127.0.0.1", 0)


@pytest.mark.parametrize("write", [WIRE.task, WIRE.basic_task])
def test_a_task_is_written_once_and_anew_when_it_has_changed(write: Callable[[Texts, Execution], Proven]) -> None:
    texts, live = Texts(), world(task(subtask(1, status="FAILED"), subtask(2)))
    failed = write(texts, execution(live))
    assert write(texts, execution(live)) is failed
    retry(live, 1)
    retried = write(texts, execution(live))
    assert (failed.text.count("FAILED"), retried.text.count("FAILED")) == (2, 0)
    assert write(texts, execution(live)) is retried


def test_of_a_task_that_has_changed_only_the_subtasks_that_have_are_written_anew() -> None:
    texts, live = Texts(), world(task(subtask(1, status="FAILED"), subtask(2, status="SUCCESSFUL")))
    WIRE.task(texts, execution(live))
    before = {one.id: proven for one, proven in texts.parts.values()}
    retry(live, 1)
    assert '"id":2' in WIRE.task(texts, execution(live)).text
    after = {one.id: proven for one, proven in texts.parts.values()}
    assert (after[1] is before[1], after[2] is before[2]) == (False, True)


@pytest.mark.parametrize(
    ("attribute", "key"), [("executor", "executor"), ("start_time", "startTime"), ("finish_time", "finishTime")]
)
def test_what_is_not_known_of_a_subtask_is_left_out(attribute: str, key: str) -> None:
    whole = subtask(1, status="FAILED", start=0, finish=1, executor="node")
    lacking: dict[str, Any] = {attribute: None}
    written = [WIRE.subtask(Texts(), one) for one in (whole, replace(whole, **lacking))]
    known, unknown = (json.loads(filling.template.text(*filling.values)).keys() for filling in written)
    assert known - unknown == {key}


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (100, 10)])
def test_a_page_that_is_not_full_is_one(total: int, pages: int) -> None:
    page = json.loads(WIRE.page(Texts(), [], total=total, number=3, size=10).text)["page"]
    assert page == {"totalElements": total, "totalPages": pages, "number": 3, "size": 10}
