"""Patterns of stubs: they say what Python's own say of a whole value, and always end."""

import gc
import re
import weakref
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.stubs import patterns
from mockserver.stubs.patterns import LARGEST, LONGEST, Pattern

PATTERNS: Final = (
    *(
        "",
        "a*b",
        "(a|b)*c",
        "^/api/v[12](/[^/]+)*$",
        "(?i)abc.*",
        "a{2,4}",
        "x{0,3}y?",
        "(?:ab)+",
        "[^a-c]+",
        r"\d+-\w*",
    ),
    *("a|b|", "(a+)+b", "(?i:a)b", "a??b", "(a*)*", "((a|b)?){3}", ".*a.*b.*", "^a|b$", "a^b", r"\.", r"[\d.]+", "a$b"),
    *("(?P<id>[0-9]+)/x", "(?s).*", "a{3}", r"\/api\/.*"),
)


@pytest.mark.parametrize("text", PATTERNS)
@given(value=st.text("abcABC/12v-.xyapi", max_size=9))
def test_it_fits_what_python_s_own_fits_as_a_whole(text: str, value: str) -> None:
    assert Pattern(text).fits(value) is bool(re.fullmatch(text, value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(a+)+b", "a" * 8000),
        ("(a|a)*b", "a" * 8000),
        (".*.*.*.*.*x", "ab" * 4000),
        (r"^(\w+\s?)*$", "a b" * 2000 + "!"),
    ],
)
def test_what_python_s_own_would_try_for_ever_ends(text: str, value: str) -> None:
    """Without a clock: it would not end while a test lasts."""
    assert not Pattern(text).fits(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (r"(a)\1", "look around or refer back"),
        ("(?!a).*", "look around or refer back"),
        (r".*\bfoo", "look around or refer back"),
        ("a++", "possessive"),
        ("*a", "not a regular expression: nothing to repeat"),
        ("[a", "not a regular expression: unterminated"),
        (r"\p{L}+", "not a regular expression: bad escape"),
        ("a{1,100000}", "too large"),
        ("((a{99}){99}){99}", "too large"),
        ("(){99999}", "too large"),
        ("(" + "|" * LARGEST + ")*", "too large"),
        ("(" * 1000 + ")" * 1000, "nested too deep"),
        ("a" * (LONGEST + 1), f"at most {LONGEST} characters"),
    ],
)
def test_what_it_cannot_is_refused_at_once(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Pattern(text)


def test_more_than_it_remembers_is_no_other_answer() -> None:
    pattern = Pattern(".*x.*")
    for number in range(300):
        value = "".join(chr(0x4E00 + number * 20 + place) for place in range(20))
        assert pattern.fits(value + "x" + value)
        assert not pattern.fits(value)


def test_all_patterns_together_remember_so_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "REMEMBERED", 100)
    for number in range(50):
        assert Pattern(f"(x|{number})*").fits(f"{number}x")
        assert Pattern(".*a.{9}").fits("a" * 40)
    assert len(patterns._steps) <= 100


def test_what_is_remembered_of_a_pattern_keeps_it_from_nothing() -> None:
    pattern = Pattern("a*")
    assert pattern.fits("aa")
    gone = weakref.ref(pattern)
    del pattern
    gc.collect()
    assert gone() is None
