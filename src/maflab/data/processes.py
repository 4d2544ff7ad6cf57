"""Work on the pieces of a pack in several processes, in memory that does not grow with their number."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import cv2

from maflab.data.pack_format import PackError

_AHEAD = 2  # tasks that wait for each worker


def in_processes(
    function: Callable[..., Any],
    tasks: Iterable[tuple[Any, ...]],
    workers: int,
    what: str,
    start: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[Any]:
    """What a function gives for each task, as the tasks are finished.

    Args:
        function: of a module, called with a task's values.
        tasks: taken as they are needed.
        workers: processes, at least 1; each computes with one thread.
        what: what is being made, for the message.
        start: called once in each process with `arguments`, before its first task.

    Raises:
        PackError: a process died. What `function` or `tasks` raise.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(start, arguments))
    running: set[Future[Any]] = set()
    try:
        for task in tasks:
            running.add(pool.submit(function, *task))
            if len(running) >= workers * (1 + _AHEAD):
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise PackError(
            f"A worker that was making {what} died, most likely for want of memory; run the same command again "
            "with fewer workers: what is finished is kept."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread, as in a worker: more of them would only wait for each other, and could sum in another order."""
    torch = sys.modules.get("torch")  # takes seconds to import, and not all work needs it
    before = cv2.getNumThreads(), 1 if torch is None else torch.get_num_threads()
    _limit_threads()
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        if torch is not None:
            torch.set_num_threads(before[1])


def _limit_threads() -> None:
    cv2.setNumThreads(1)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


def _start(start: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops the pool
    _limit_threads()
    if start is not None:
        start(*arguments)
