"""Small worlds at random, as Hypothesis draws them."""

from typing import Final

from builders import fixture, subtask, task
from hypothesis import strategies as st

from mockserver.tasks.state import TaskState
from mockserver.tasks.values import OPERATIONS, STATUSES, Operation, Pace, Run, Status, Subtask
from mockserver.times import NEVER, SECOND
from mockserver.world.fixture import Fixture

HALF: Final = SECOND // 2
BORN: Final[tuple[Status, Operation]] = ("PENDING", "EXECUTE")

runs = st.builds(
    Run,
    st.sampled_from(["SUCCESSFUL", "FAILED"]),
    st.sampled_from([None, 0, HALF, SECOND, 3 * SECOND, NEVER]),
    st.sampled_from(["", "some text", "two\nlines\n", "1\n2\n3\n4\n5\n6\n7"]),
)
some_runs = st.lists(runs, min_size=1, max_size=3)
paces = st.builds(
    Pace,
    st.sampled_from([0, HALF, SECOND]),
    st.sampled_from([0, SECOND, 2 * SECOND]),
    st.integers(1, 4),
    counts_retry=st.just(True),  # which no fixture says
)


@st.composite
def standings(draw: st.DrawFn, rolling_back: bool) -> tuple[Status, Operation]:
    """Any status in any operation, but for a PENDING subtask that is rolled back for ever, in no time."""
    status = draw(st.sampled_from(STATUSES))
    operations = list(OPERATIONS)
    if not rolling_back and status in ("PENDING", "READY", "RUNNING"):
        operations = ["EXECUTE", "RETRY", "SKIP", "CANCEL"]
    return status, draw(st.sampled_from(operations))


@st.composite
def tasks(draw: st.DrawFn, id: int, born: bool) -> TaskState:
    """A graph of up to eight subtasks whose ids don't follow its edges; `born`: none of them has run."""
    size = draw(st.integers(0 if draw(st.integers(0, 9)) == 0 else 1, 8))
    ids = draw(st.permutations(range(1, size + 1)))
    rolling_back = not born and draw(st.booleans())
    subtasks: list[Subtask] = []
    for place, number in enumerate(ids):
        upstreams = draw(st.sets(st.sampled_from(ids[:place]), max_size=3)) if place else set()
        status, operation = draw(standings(rolling_back) if not born else st.just(BORN))
        subtasks.append(
            subtask(
                number,
                *upstreams,
                status=status,
                operation=operation,
                timeout=draw(st.sampled_from([1800, 1800, 2, 0])),
                prohibit_rollback=draw(st.integers(0, 19)) == 0,
                skippable=draw(st.integers(0, 19)) > 0,
                retry_count=draw(st.sampled_from([0, 0, 1, 2])),
                runs=draw(some_runs),
                rollbacks=draw(some_runs),
            )
        )
    prohibited = draw(st.integers(0, 19)) == 0
    return task(*subtasks, id=id, operation="ROLLBACK" if rolling_back else "EXECUTE", prohibit_rollback=prohibited)


@st.composite
def fixtures(draw: st.DrawFn) -> tuple[Fixture, bool]:
    """A world, and whether all of it is just born."""
    born = draw(st.integers(0, 2)) > 0
    states = [draw(tasks(id, born)) for id in range(1000, 1001 + draw(st.integers(0, 1)))]
    return fixture(*states, pace=draw(paces)), born
