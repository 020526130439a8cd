"""What a test measures of the memory of this process."""

import gc
import tracemalloc
from collections.abc import Iterator


def uncollected() -> Iterator[None]:
    """A fixture: memory is traced, and the garbage collector does not come, as it seldom does in `serve`."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
        gc.enable()
        gc.collect()
