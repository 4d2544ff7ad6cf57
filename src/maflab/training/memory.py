"""Freed memory that is kept for the next step, or the next frames."""

import ctypes
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's `mallopt`, from its malloc.h."""
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, instead of returning it to the system.

    A training step on a processor frees and takes anew some hundred megabytes. By default glibc gives large blocks back
    at once, and the next step pays for each of their pages again: 5,000 page faults with the default network, 110,000
    with the paper's. The peak is the same; what is kept goes back when the process ends. Other C libraries are left as
    they are.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)  # no blocks of their own, which are unmapped when they are freed
        mallopt(_TRIM_THRESHOLD, _NEVER)


def give_back_freed_memory() -> None:
    """Return to the system what has been kept: what comes next needs other blocks, in other threads."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
