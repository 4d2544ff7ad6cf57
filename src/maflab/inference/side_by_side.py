"""Several batches through the network at once, each on its share of the processor's cores.

A batch that is split between cores waits at every layer for the slowest of them; whole batches side by side do not wait
for each other, nor for the thread that decodes.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], lanes: int) -> Generator[Result, None, None]:
    """What `work` makes of each item, in their order.

    Torch's threads are divided between the lanes until the end. An error comes where its result would have; what was
    begun by then is waited for and dropped.

    Args:
        work: must bear being called by several threads.
        items: as many as the lanes, and one more, are taken ahead.
        lanes: items that are worked on at once; with one it is done in the caller's thread.
    """
    if lanes == 1:
        yield from map(work, items)
        return
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(lanes, "maflab-lane", torch.set_num_threads, (max(threads // lanes, 1),))
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > lanes:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)
