"""A glob fits what fnmatch says it fits, whatever is sent."""

from fnmatch import fnmatchcase
from itertools import product
from random import Random

import pytest

from mockserver.globs import fits

SIGNS = "ab*"


def test_every_short_glob_and_path() -> None:
    texts = ["".join(signs) for length in range(6) for signs in product("ab", repeat=length)]
    globs = ["".join(signs) for length in range(6) for signs in product(SIGNS, repeat=length)]
    for glob in globs:
        assert [fits(text, glob) for text in texts] == [fnmatchcase(text, glob) for text in texts], glob


@pytest.mark.parametrize("glob", ["/api/*/1[0-9]", "*?", "/a?c*", "[!a]*", "*.js"])
def test_signs_that_stand_for_one(glob: str) -> None:
    for path in ("/api/v2/tasks/10", "/abc", "/abcd/e", "", "a", "/a.js", "/a.js\n"):
        assert fits(path, glob) == fnmatchcase(path, glob)


def test_a_long_one_is_found_in_what_resembles_it() -> None:
    """With fnmatch this would be a minute."""
    random = Random(1)
    path = "/" + "a" * 1_000_000
    for _ in range(20):
        length = random.randrange(1, 400_000)
        assert fits(path + "b" + "c", f"*{'a' * length}b*")
        assert not fits(path, f"*{'a' * length}b*")
