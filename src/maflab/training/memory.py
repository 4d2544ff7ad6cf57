"""Freed memory that is kept for the next step, or the next frames."""

import ctypes
import sys

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
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)  # no blocks of their own, which are unmapped when they are freed
        mallopt(_TRIM_THRESHOLD, _NEVER)
