"""The stubs of a world as a value: how many there may be, and when it is slow to choose among them."""

from collections.abc import Iterator
from typing import Any

import pytest
from multidict import CIMultiDict

from mockserver.stubs import collection
from mockserver.stubs.collection import Stubs, TooMany, stubs_of
from mockserver.stubs.matchers import Request, Target

NO_HEADERS = CIMultiDict[str]()


def stub(**request: Any) -> dict[str, Any]:
    return {"request": request, "response": {}}


def pattern(text: str) -> dict[str, Any]:
    return stub(urlPattern=text)


@pytest.mark.parametrize(
    "one", [pattern("a{5}"), stub(headers={"x": {"matches": "a{5}"}}), stub(cookies={"x": {"doesNotMatch": "a{5}"}})]
)
def test_patterns_have_so_many_parts_all_together(monkeypatch: pytest.MonkeyPatch, one: dict[str, Any]) -> None:
    """A repetition and each of its five: eleven."""
    monkeypatch.setattr(collection, "PARTS", 22)
    two = Stubs(stubs_of([one, one]))
    with pytest.raises(TooMany, match="have more than 22 parts"):
        two.added(stubs_of([one], two))


def test_what_is_no_pattern_is_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "PARTS", 2)
    one = stub(queryParameters={"x": {"equalTo": "a" * 100}})
    Stubs(stubs_of([one, one, stub(urlPath="/x" * 100)]))
    with pytest.raises(TooMany):
        stubs_of([one, one, one])


def test_no_more_are_made_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST", 2)
    made = stubs_of([stub(), stub()])

    def endless() -> Iterator[Any]:
        while True:
            yield made[0]

    with pytest.raises(TooMany, match="more than 2 stubs"):
        [*collection.bounded(endless())]


def test_one_that_takes_another_s_place_is_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST", 1)
    one = Stubs(stubs_of([stub()]))
    assert len(one.added(stubs_of([{"id": "stub-1", **stub()}]))) == 1


def test_it_is_slow_where_patterns_and_what_they_look_at_are_long() -> None:
    stubs = Stubs(stubs_of([pattern("a{400}")]))
    short, long = Target("GET", "/"), Target("GET", "/" + "a" * 1000)
    assert not stubs.is_slow(short, NO_HEADERS)
    assert stubs.is_slow(long, NO_HEADERS)
    assert not Stubs(stubs_of([stub(urlPath="/")])).is_slow(long, NO_HEADERS)


def test_it_is_slow_once_and_then_known() -> None:
    stubs, target = Stubs(stubs_of([pattern("a{400}")])), Target("GET", "/" + "a" * 1000)
    stubs.choose(target, NO_HEADERS)
    assert not stubs.is_slow(target, NO_HEADERS)


def test_it_is_slow_by_headers_each_time() -> None:
    stubs = Stubs(stubs_of([stub(headers={"X-A": {"matches": "a{400}"}})]))
    target, long = Target("GET", "/"), CIMultiDict({"X-A": "a" * 1000})
    stubs.choose(target, long)
    assert stubs.is_slow(target, long)
    assert not stubs.is_slow(target, CIMultiDict({"X-A": "a"}))


def test_to_go_without_many_compares_none_of_them_with_all() -> None:
    compared = 0

    class Id(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    stubs = Stubs(stubs_of([stub()] * 100))
    left = stubs.without(*map(Id, list(stubs)[1:]))
    assert (list(left), list(stubs.without())) == (["stub-1"], [])
    assert compared <= 2 * len(stubs)


@pytest.mark.parametrize(
    ("template", "path", "found"),
    [
        ("/a/{x}", "/a/b%20c", {"x": "b c"}),
        ("/a/{x}", "/a/", None),
        ("/a/{x}", "/a/b/c", None),
        ("/a/{x}/", "/a/b/", {"x": "b"}),
        ("/a/v{x}.json/{y}", "/a/v1.json/2", {"x": "1", "y": "2"}),
        ("/a/v{x}.json", "/a/v.json", None),
        ("/{x}aba", "/aba", None),
        ("/ab{x}ba", "/aba", None),
        ("/{x}longer", "/r", None),
        ("/a.c", "/abc", None),
        ("/a", "/a", {}),
        ("/a", "/ab", None),
    ],
)
def test_a_template(template: str, path: str, found: dict[str, str] | None) -> None:
    assert Request.of({"urlPathTemplate": template}).leads(Target("GET", f"{path}?q=1")) == found


def test_a_template_is_no_regular_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would try what stands after a variable from each of its characters: 5,000 templates took 100 s."""
    monkeypatch.setattr("mockserver.stubs.matchers.re", None)
    template = Request.of({"urlPathTemplate": "/{x}" + "a" * 2000 + "b"})
    assert template.leads(Target("GET", "/" + "a" * 8000)) is None
    assert template.target_parts == 1
