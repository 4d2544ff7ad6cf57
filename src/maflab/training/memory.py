"""Freed memory that is kept for the next step, or the next frames."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's `mallopt`, from its malloc.h."""
_USUAL_TRIM, _USUAL_MMAPS = 128 * 1024, 65_536
"""What glibc starts with."""
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, instead of returning it to the system.

    A training step on a processor frees and takes anew some hundred megabytes. By default glibc gives large blocks back
    at once, and the next step pays for each of their pages again: 5,000 page faults with the default network, 110,000
    with the paper's. The peak is the same; what is kept goes back when the process ends. Other C libraries are left as
    they are.
    """
    # No blocks of their own, which are unmapped when they are freed.
    _allocate(mmaps=0, trim=_NEVER)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """`keep_freed_memory` until the end of the block, and what has been kept goes back then.

    What follows needs blocks of other sizes, in other threads, and would take them beside those that are kept. glibc
    cannot be asked how it was set before, so it is left as it starts.
    """
    keep_freed_memory()
    try:
        yield
    finally:
        _allocate(mmaps=_USUAL_MMAPS, trim=_USUAL_TRIM)
        if (give_back := _of_glibc("malloc_trim")) is not None:
            give_back(0)


def _allocate(mmaps: int, trim: int) -> None:
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_MMAP_MAX, mmaps)
        mallopt(_TRIM_THRESHOLD, trim)


def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
