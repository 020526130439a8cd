"""Times and orders of random graphs."""

from hypothesis import given
from hypothesis import strategies as st

from mockserver.fixtures.graph import downstreams_of, sorted_or_cycles
from mockserver.fixtures.timeline import Span, created, fit
from mockserver.times import SECOND

NOW = 1_629_875_413_121_000_000


def graphs(size: int, *, acyclic: bool) -> st.SearchStrategy[dict[int, list[int]]]:
    def upstreams(id: int) -> st.SearchStrategy[list[int]]:
        others = [one for one in range(size) if (one < id if acyclic else one != id)]
        return st.lists(st.sampled_from(others), unique=True).map(sorted) if others else st.just([])

    return st.fixed_dictionaries({id: upstreams(id) for id in range(size)})


GRAPHS = st.integers(1, 12).flatmap(lambda size: graphs(size, acyclic=False))
ACYCLIC = st.integers(1, 12).flatmap(lambda size: graphs(size, acyclic=True))


@given(GRAPHS)
def test_an_order_has_each_after_its_upstreams_or_there_is_a_cycle(upstreams: dict[int, list[int]]) -> None:
    order, cycles = sorted_or_cycles(upstreams)
    assert sorted(order) == sorted(upstreams)
    if not cycles:
        assert all(order.index(upstream) < order.index(id) for id, ups in upstreams.items() for upstream in ups)
    for cycle in cycles:
        assert cycle[0] == min(cycle)
        assert all(one in upstreams[following] for one, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


@given(ACYCLIC)
def test_a_graph_without_a_cycle_has_none(upstreams: dict[int, list[int]]) -> None:
    assert sorted_or_cycles(upstreams)[1] == []


def test_two_cycles_are_two() -> None:
    _, cycles = sorted_or_cycles({1: [2], 2: [1], 3: [5], 4: [3], 5: [4], 6: [5]})
    assert cycles == [[1, 2], [3, 4, 5]]


def test_a_long_chain_needs_no_recursion() -> None:
    order, _ = sorted_or_cycles({id: [id - 1] if id else [] for id in range(5000)})
    assert order == list(range(5000))


@given(ACYCLIC, st.data())
def test_times_make_sense_in_every_graph(upstreams: dict[int, list[int]], data: st.DataObject) -> None:
    """Where those that are given do: made by a first fitting, of which some stay and the rest is fitted again."""
    order, _ = sorted_or_cycles(upstreams)

    def spans_of(first: dict[int, Span] | None) -> dict[int, Span]:
        spans = {}
        for id, ups in upstreams.items():
            span = spans[id] = Span(ups)
            span.wants_start = span.wants_finish = True
            if first is not None and data.draw(st.booleans()):
                span.start, span.wants_start = first[id].start, False
            if first is not None and data.draw(st.booleans()):
                span.finish, span.wants_finish = first[id].finish, False
        return spans

    first = spans_of(None)
    fit(first, order, None, NOW - data.draw(st.integers(0, 100)) * SECOND)
    spans = spans_of(first)
    fit(spans, order, None, NOW)
    create = created(spans, None, NOW)
    downstreams = downstreams_of(upstreams)
    for id, span in spans.items():
        assert span.create == create
        assert span.start is not None
        assert span.finish is not None
        assert create < span.start < span.finish <= NOW
        assert all(span.finish <= (spans[downstream].start or 0) for downstream in downstreams[id])
