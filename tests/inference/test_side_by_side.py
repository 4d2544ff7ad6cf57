"""Lanes: the same results in the same order, together in time, and nothing left behind."""

import threading
from collections.abc import Iterator

import pytest
import torch

from maflab.inference.side_by_side import side_by_side


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_results_come_in_order(lanes: int) -> None:
    threads = torch.get_num_threads()
    assert list(side_by_side(lambda number: number * number, range(20), lanes)) == [n * n for n in range(20)]
    assert torch.get_num_threads() == threads


def test_lanes_work_at_the_same_time() -> None:
    """Neither of two items is done before both have been begun."""
    both = threading.Barrier(2, timeout=20)

    def work(item: int) -> int:
        both.wait()
        return item

    assert list(side_by_side(work, range(4), 2)) == [0, 1, 2, 3]


def test_items_are_not_taken_far_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    for done in side_by_side(lambda number: number, items(), 2):
        assert len(taken) <= done + 3


def test_an_error_comes_in_its_place_and_the_threads_end() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise OSError("full")
        return number

    before = threading.active_count()
    results = side_by_side(work, range(20), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="full"):
        next(results)
    assert threading.active_count() == before
