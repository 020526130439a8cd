"""Globs over a path: `*` is anything, slashes too, `?` one sign, and `[ab]` one of these. Pure."""

from fnmatch import fnmatchcase


def fits(path: str, glob: str) -> bool:
    """As fnmatchcase has it, whose time is that of the one length times the other's: with a `*`, and without a `?` or a
    bracket, it is that of their sum."""
    if "*" not in glob or "?" in glob or "[" in glob:
        return fnmatchcase(path, glob)
    first, *between, last = glob.split("*")
    if not path.startswith(first):
        return False
    at, end = len(first), len(path) - len(last)
    for part in between:
        found = path.find(part, at, max(end, 0))
        if found < 0:
            return False
        at = found + len(part)
    return at <= end and path.endswith(last)
