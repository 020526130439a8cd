"""How long a page may take to show what has changed."""

from typing import Final

SOON_MS: Final = 1000
"""So long it may take until the page shows what has happened elsewhere."""
