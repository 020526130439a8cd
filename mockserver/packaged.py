"""Where the files that come with the package are: in its folder `shipped` in a wheel, beside it in a checkout."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def folder(name: str) -> Traversable:
    """`schemas` or `fixtures`."""
    inside = files("mockserver") / "shipped" / name
    return inside if inside.is_dir() else Path(__file__).resolve().parents[1] / name
