"""What is asked of the C library (glibc): to keep the memory that it has got, or to give it back.

It keeps what is freed in its middle, and gives Linux back what is freed at its end, which clears it
page by page when it is asked for again.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h


def keep_memory() -> None:
    """Let this process keep what it frees.

    Training makes and drops batches of tens of megabytes at each step: so, a step takes three
    quarters of the time on two cores.
    """
    if (library := _library("mallopt")) is not None:
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def give_back() -> None:
    """Give back all that is free, after work that took much for a short while."""
    if (library := _library("malloc_trim")) is not None:
        library.malloc_trim(0)


def _library(function: str) -> ctypes.CDLL | None:
    """Return the C library where it has the function, as glibc has."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, function) else None
