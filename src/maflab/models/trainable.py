"""What every network that is trained here shares: terms logged by step, metrics by epoch, an optimizer handed in."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Rows = dict[str, dict[str, float]]
"""A metric table: figures by name, a row an iteration."""
Samples = dict[str, NDArray[Any]]
"""Errors sample by sample: `index` (N,) and (rows, N) an error."""


class Trainable(pl.LightningModule):
    """A LightningModule that is given its loss, metrics, optimizer and scheduler.

    Args:
        loss: computes the terms of a batch.
        metrics: has `reset()` and what the subclass' `metric_rows` reads.
        optimizer: called with the list of trainable parameters; None: for inference.
        scheduler: called with the optimizer and `total_steps`; stepped after every training step. None: constant.
    """

    def __init__(
        self,
        loss: nn.Module,
        metrics: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer] | None,
        scheduler: Callable[..., Any] | None,
    ) -> None:
        super().__init__()
        self.loss: Any = loss
        self.metrics: Any = metrics
        self.optimizer = optimizer
        self.scheduler = scheduler
        self._table: Rows = {}
        self._samples: Samples = {}

    def metric_rows(self) -> Rows:
        """The table of what the metrics have seen; the last row is the one that models are chosen by."""
        raise NotImplementedError

    def metric_table(self) -> Rows:
        """The table of the last finished evaluation; empty before the first."""
        return self._table

    def metric_samples(self) -> Samples:
        """The errors behind `metric_table`, sample by sample; empty where they are not kept."""
        return self._samples

    def log_terms(self, total: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Logs a training step's loss as `train/loss` and its terms as `train/TERM`; returns the loss.

        The terms only where the trainer writes them down (`log_every_n_steps`): twenty small reductions that nobody
        reads cost 3% of the default step.
        """
        self.log("train/loss", total, prog_bar=True)
        if (self.trainer.global_step + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.log_dict({f"train/{name}": value for name, value in terms.items()})
        return total

    def on_validation_epoch_end(self) -> None:
        """Logs `val/ROW/METRIC`, and the last row as `val/METRIC`."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Logs `test/...` as validation does."""
        self._log_metrics("test")

    def configure_optimizers(self) -> Any:
        """The optimizer and the scheduler that were handed in.

        Raises:
            ValueError: no optimizer: the module was built for inference.
        """
        if self.optimizer is None:
            raise ValueError("This module was built without an optimizer, for inference; build it from a config")
        built = self.optimizer([p for p in self.parameters() if p.requires_grad])
        if self.scheduler is None:
            return built
        total = int(self.trainer.estimated_stepping_batches)
        schedule = {"scheduler": self.scheduler(built, total_steps=total), "interval": "step"}
        return {"optimizer": built, "lr_scheduler": schedule}

    def on_train_start(self) -> None:
        """Brings restored optimizers into the memory layout of this model's weights."""
        for optimizer in self.trainer.optimizers:
            match_layouts(optimizer)

    def _log_metrics(self, stage: str) -> None:
        # The metrics have reduced over the processes already, so every rank logs the same figure.
        self._table = self.metric_rows()
        self._samples = self.metrics.samples() if hasattr(self.metrics, "samples") else {}
        self.metrics.reset()
        *earlier, last = self._table.items()
        for row, values in [*earlier, last] if earlier else []:
            self.log_dict({f"{stage}/{row}/{name}": value for name, value in values.items()})
        self.log_dict({f"{stage}/{name}": value for name, value in last[1].items()})


def match_layouts(optimizer: torch.optim.Optimizer) -> None:
    """Give what an optimizer remembers of a parameter the parameter's own memory layout.

    They differ where a training with `model.channels_last` goes on without it, or the other way. PyTorch's fused Adam
    on a CPU pairs numbers by their place in memory (2.15), and so would mix up those of a convolution.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter).copy_(value)
