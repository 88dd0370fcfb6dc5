"""Importing large libraries without the garbage collector, which finds nothing in what they make and looks for long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around an import that brings large libraries, once a process: nothing looks through what it made, then or later.

    A tenth of a short command's time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
