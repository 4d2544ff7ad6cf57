"""How a run tells where it is: a line every so many steps, or a bar where someone watches."""

import datetime
import logging
import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar
from torch import Tensor

log = logging.getLogger(__name__)


class Stopwatch:
    """Samples a second of training alone: validation and checkpoints are not in it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.samples = 0
        self._mark: float | None = None

    def resume(self) -> None:
        """Time runs from now on."""
        self._mark = time.perf_counter()

    def pause(self) -> None:
        """Time stands still until `resume`."""
        self._mark = None

    def count(self, samples: int) -> None:
        """A step over so many samples has ended."""
        now = time.perf_counter()
        if self._mark is not None:
            self.seconds += now - self._mark
            self.samples += samples
        self._mark = now

    @property
    def rate(self) -> float:
        """Samples a second so far; 0 before the first step."""
        return self.samples / self.seconds if self.seconds else 0.0


class _Timed:
    """Keeps a stopwatch for a progress bar. The first step, with its start-up costs, is not counted."""

    stopwatch: Stopwatch

    def count(self, trainer: pl.Trainer, batch: Any) -> None:
        """A training step has ended."""
        self.stopwatch.count(len(batch[0]) * trainer.world_size)


class LineProgress(ProgressBar, _Timed):
    """One line every N steps: step, loss, samples a second, time left.

    Args:
        every_n_steps: N.
    """

    def __init__(self, every_n_steps: int = 20) -> None:
        super().__init__()
        self.every_n_steps = every_n_steps
        self.stopwatch = Stopwatch()
        self._enabled = True

    def disable(self) -> None:
        """Lightning calls this on all processes but the first."""
        self._enabled = False

    def enable(self) -> None:
        """The opposite."""
        self._enabled = True

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts, and now and then prints."""
        self.count(trainer, batch)
        step, total = trainer.global_step, trainer.estimated_stepping_batches
        if self._enabled and (step % self.every_n_steps == 0 or step == total) and not _accumulating(trainer):
            loss = outputs["loss"] if isinstance(outputs, dict) else outputs
            log.info(_line(step, total, loss, self.stopwatch, len(batch[0]) * trainer.world_size))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stops the watch."""
        self.stopwatch.pause()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Prints the metrics of the last iteration."""
        super().on_validation_end(trainer, pl_module)
        self.stopwatch.resume()
        values = {k: v for k, v in trainer.callback_metrics.items() if k.startswith("val/") and k.count("/") == 1}
        if self._enabled and values:
            log.info("validation: %s", "  ".join(f"{k[4:]} {float(v):.2f}" for k, v in values.items()))


class InteractiveProgress(RichProgressBar, _Timed):
    """Rich's bar, with samples a second."""

    def __init__(self) -> None:
        super().__init__(leave=True)
        self.stopwatch = Stopwatch()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts."""
        self.count(trainer, batch)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stops the watch."""
        self.stopwatch.pause()
        super().on_validation_start(trainer, pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts it again."""
        super().on_validation_end(trainer, pl_module)
        self.stopwatch.resume()

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Lightning's, and the rate."""
        return super().get_metrics(trainer, pl_module) | {"samples/s": round(self.stopwatch.rate, 1)}


def progress(every_n_steps: int = 20) -> LineProgress | InteractiveProgress:
    """A bar on a terminal, lines elsewhere."""
    return InteractiveProgress() if sys.stdout.isatty() else LineProgress(every_n_steps)


def _accumulating(trainer: pl.Trainer) -> bool:
    return (trainer.fit_loop.total_batch_idx + 1) % trainer.accumulate_grad_batches != 0


def _line(step: int, total: float, loss: Tensor, watch: Stopwatch, batch: int) -> str:
    line = f"step {step}/{total:.0f}  loss {float(loss):.3f}"
    if watch.rate:
        left = datetime.timedelta(seconds=round((total - step) * batch / watch.rate))
        line += f"  {watch.rate:.1f} samples/s  {left} left"
    return line
