"""The README and the chapters in docs/: their blocks, sections and tables."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
"""By path from the root, the README first."""
README: Final = PAGES["README.md"]
BASE: Final = "http://127.0.0.1:8080"
"""Where the server is that they show."""


def blocks(page: str, language: str = r"\w*") -> list[str]:
    """What stands between fences, in a language; without one, in any."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def block(language: str, text: str) -> str:
    """The one block in this language that has this text in it, on whichever page."""
    (found,) = (one for page in PAGES for one in blocks(page, language) if text in one)
    return found


def section(page: str, title: str) -> str:
    return PAGES[page].partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables in it, heads aside."""
    table = re.compile(r"^\|[^\n]*\n\|[-|]+\n((?:\|[^\n]*(?:\n|\Z))*)", re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for body in table.findall(text)
        for line in body.splitlines()
    ]


def coded(cells: list[list[str]]) -> list[str]:
    """The first cells of rows, those that are code."""
    return [row[0].strip("`") for row in cells if row[0].startswith("`")]
