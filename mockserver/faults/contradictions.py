"""A rule that can never act, because it contradicts itself: its operation has not that method, that path or that id.

Pure. It knows no prefixes: an operation's path is looked for at the end of a path.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from mockserver.contract.errors import Problem
from mockserver.contract.operations import OPERATIONS

ANY: Final = "*"
ID: Final = "[!/]"
"""Of the text of an id, one character as a glob; the text has at least one."""
_GLOB: Final = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
WORDS: Final = frozenset(word for one in OPERATIONS.values() for word in re.findall(r"(?<=/)\w+", one.path))
_IDS: Final = ("taskInstanceId", "subtaskInstanceId")


def contradictions(rule: Mapping[str, Any]) -> Iterator[Problem]:
    """Of a rule whose single keys are right, as its JSON has it."""
    operation = OPERATIONS.get(rule.get("operation", ""))
    if operation is None:
        return
    methods = (operation.method, "HEAD") if operation.method == "GET" else (operation.method,)
    if rule.get("method", operation.method) not in methods:
        yield Problem(("method",), f"{operation.id} is a {operation.method}, so this never acts")
    path = operation.path
    for name in _IDS:
        hole = f"{{{name}}}"
        if name in rule and hole not in path:
            yield Problem((name,), f"{operation.id} has no {name}, so this never acts")
        if name in rule:
            path = path.replace(hole, str(int(rule[name])))
    if not meets(rule.get("path", ANY), path):
        yield Problem(("path",), f"{operation.id} is …{path}, which this never is, so this never acts")


def meets(glob: str, path: str) -> bool:
    """Whether there is a path that a glob matches and that ends as an operation's, with ids in its braces. What comes
    before has no word of an operation's path."""
    ours = _GLOB.findall(glob)
    if not _is(ours[0], "/") or not WORDS.intersection(glob.split("/")) <= {*path.split("/")}:
        return False
    theirs = [ANY]
    for part in re.split(r"(\{\w+\})", path):
        theirs += [ID, ID + ANY] if part.startswith("{") else list(part)
    signs = {*glob, *path, "0", "x", "/"}
    seen: set[tuple[int, int]] = set()
    coming = [(0, 0)]
    while coming:
        place = coming.pop()
        if place in seen:
            continue
        seen.add(place)
        one, other = place
        if place == (len(ours), len(theirs)):
            return True
        coming += [(one + 1, other)] * _may_end(ours, one) + [(one, other + 1)] * _may_end(theirs, other)
        if one < len(ours) and other < len(theirs) and any(_is(ours[one], x) and _is(theirs[other], x) for x in signs):
            coming.append((one + (not _may_end(ours, one)), other + (not _may_end(theirs, other))))
    return False


def _may_end(tokens: list[str], place: int) -> bool:
    """Whether the token stands for any number of signs, none included."""
    return place < len(tokens) and tokens[place].endswith("*")


def _is(token: str, sign: str) -> bool:
    """Whether a token takes a sign; one that repeats takes it once."""
    return token.startswith("*") or fnmatchcase(sign, token.removesuffix("*") if token.startswith("[") else token)
