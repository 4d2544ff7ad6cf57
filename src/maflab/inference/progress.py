"""How a clip tells where it is: a bar where someone watches, a line every few seconds elsewhere."""

import datetime
import logging
import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

log = logging.getLogger(__name__)

_SECONDS = 5.0  # between lines
_BARS_A_SECOND = 5


class Progress:
    """Counts frames and people, tells frames a second and the time left. A context manager.

    Args:
        verb: what is being done, for the line: "estimated".
        total: frames, where it is known.
        interactive: a bar; None: where standard output is a terminal.
    """

    def __init__(self, verb: str, total: int | None, interactive: bool | None = None) -> None:
        self._verb = verb
        self._total = total
        self._bar: Bar | None = None
        if sys.stdout.isatty() if interactive is None else interactive:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[told]}"),
            )
            self._bar = Bar(*columns, refresh_per_second=_BARS_A_SECOND)
            self._task = self._bar.add_task(verb, total=total, told="")
        self.frames = 0
        self.people = 0
        self.skipped = 0
        self._start = self._told = time.perf_counter()

    def skip(self) -> None:
        """A frame was done before; it does not count for the speed."""
        self.skipped += 1
        self._start = time.perf_counter()

    def advance(self, people: int = 0) -> None:
        """A frame is done, with so many people in it."""
        self.frames += 1
        self.people += people
        now = time.perf_counter()
        if self._bar is not None:
            self._bar.update(self._task, completed=self.skipped + self.frames, told=self._figures(now))
        elif now - self._told >= _SECONDS:
            self._told = now
            done = self.skipped + self.frames
            log.info("%s %d/%s frames  %s", self._verb, done, self._total or "?", self._figures(now))

    @property
    def rate(self) -> float:
        """Frames a second so far."""
        return self.frames / max(time.perf_counter() - self._start, 1e-9)

    def _figures(self, now: float) -> str:
        rate = self.frames / max(now - self._start, 1e-9)
        told = f"{self.people / max(self.frames, 1):.1f} people  {rate:.1f} frames/s"
        if self._total:
            left = max(self._total - self.skipped - self.frames, 0) / rate
            told += f"  {datetime.timedelta(seconds=round(left))} left"
        return told

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None and self.frames:
            log.info("%s %d frames at %.1f a second", self._verb, self.frames, self.rate)
