"""Work that is done in a thread before it is asked for, so that the steps of a pipeline overlap."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")

_PATIENCE = 0.1  # seconds between looks at whether the reader is still there


def ahead(items: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    """The same items; up to `depth` of them are made ahead of time in a thread of their own.

    An error of the maker is raised where the item would have come. When the reader stops, the maker does too, and its
    `finally` blocks have run when the reader's `close` returns.
    """
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stopped = threading.Event()

    def offer(kind: str, value: Any) -> bool:
        while not stopped.is_set():
            try:
                ready.put((kind, value), timeout=_PATIENCE)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        source = iter(items)
        try:
            for item in source:
                if not offer("item", item):
                    return
            offer("end", None)
        except BaseException as error:  # whatever it is, it is the reader's to handle
            offer("error", error)
        finally:
            if hasattr(source, "close"):
                source.close()

    maker = threading.Thread(target=work, name="maflab-ahead", daemon=True)
    maker.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        maker.join()
