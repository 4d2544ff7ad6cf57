"""The frames of a long track piece by piece."""

from collections.abc import Iterator


def blocks(count: int, size: int = 512) -> Iterator[slice]:
    """So many rows in pieces of at most `size`: bounds the memory of a long track."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
