"""Work done ahead in a thread: order, bounds, errors, and an end that leaves nothing running."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from maflab.inference.ahead import ahead


def test_items_come_in_order_and_no_more_are_made_than_may_wait() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    items = ahead(source(), depth=3)
    assert next(items) == 0
    time.sleep(0.1)
    assert len(made) <= 1 + 3 + 1, "the queue holds three, the maker one more"
    assert list(items) == list(range(1, 50))


def test_making_and_reading_overlap() -> None:
    """The maker is at work on the next item while the reader holds this one."""
    at_work = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        at_work.set()
        yield 1

    items = ahead(source(), depth=1)
    assert next(items) == 0
    assert at_work.wait(10)
    assert list(items) == [1]


def test_an_error_comes_where_its_item_would_have() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    items = ahead(source(), depth=4)
    assert next(items) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)


def test_the_maker_ends_with_its_reader() -> None:
    ended = threading.Event()

    def source() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            ended.set()

    before = threading.active_count()
    with closing(ahead(ahead(source(), depth=1), depth=1)) as items:
        assert next(items) == 0
    assert ended.is_set()
    assert threading.active_count() == before
