"""A folder of fixtures to be watched. A test says in its own file `folder = pytest.fixture(folders.of_one)`."""

from pathlib import Path
from typing import Final

ONE: Final = "tasks:\n  - {id: 1}\n"


def of_one(tmp_path: Path) -> Path:
    """With one task, in a.yaml."""
    folder = tmp_path / "fixtures"
    folder.mkdir()
    (folder / "a.yaml").write_text(ONE)
    return folder
