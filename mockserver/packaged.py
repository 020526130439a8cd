"""Where the files that come with the package are: inside it in a wheel, beside it in a checkout."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def folder(name: str) -> Traversable:
    inside = files("mockserver") / name
    return inside if inside.is_dir() else Path(__file__).resolve().parent.parent / name
