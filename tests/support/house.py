"""Where the packages are, and which stands above which."""

from pathlib import Path
from typing import Final

import mockserver

HOUSE: Final = Path(mockserver.__file__).parent

FLOORS: Final = (
    *(
        "times",
        "globs",
        "packaged",
        "tasks",
        "contract",
        "redaction",
        "faults",
        "stubs",
        "world",
        "fixtures",
        "server",
        "admin",
        "app",
        "testing",
    ),
    *("pytest_plugin", "remote", "cli", "__main__"),
)
"""Every package, and every module beside them. One imports only those that stand before it, and its own modules."""
