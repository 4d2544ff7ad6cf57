"""Pre-training of the pyramid on dense labels: where is which part of the body?"""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.models.auxiliary import AuxiliaryHead, AuxiliaryLabeller
from maflab.models.optimization import configure_optimization
from maflab.models.pyramid import FeaturePyramid
from maflab.structures import AuxiliaryMaps, Batch


class DensePretraining(pl.LightningModule):
    """Feature pyramid and auxiliary head on their own: every pixel is a label, so the encoder learns fast from scratch.

    Args:
        pyramid, aux_head, body: as in `MeshRecovery`.
        loss: an object whose `total(maps, targets)` returns a named tuple of `total` and `terms`.
        metrics: a torchmetrics.Metric over maps and targets whose `compute` gives a dictionary.
        optimizer, scheduler: as in `MeshRecovery`.
    """

    def __init__(
        self,
        pyramid: FeaturePyramid,
        aux_head: AuxiliaryHead,
        body: BodyModel,
        loss: nn.Module,
        metrics: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        scheduler: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.aux_head = aux_head
        self.body = body
        self.loss = loss
        self.metrics = metrics
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.labeller = AuxiliaryLabeller(body)
        self._table: dict[str, dict[str, float]] = {}

    def forward(self, image: Tensor) -> AuxiliaryMaps:
        """Auxiliary maps of normalised crops (B, 3, H, W)."""
        return self.aux_head(self.pyramid(image.contiguous(memory_format=torch.channels_last)).maps[-1])

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of a batch; its terms are logged as `train/...`."""
        maps = self(batch.image)
        loss = self.loss.total(maps, self.labeller(batch, maps.part.shape[-1]))
        self.log("train/loss", loss.total, prog_bar=True)
        self.log_dict({f"train/{name}": value for name, value in loss.terms.items()})
        return loss.total

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Adds a batch to the metrics."""
        maps = self(batch.image)
        self.metrics.update(maps, self.labeller(batch, maps.part.shape[-1]))

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """Logs `val/part_accuracy`, `val/part_iou` and `val/uv_error`."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Logs `test/...` as validation does."""
        self._log_metrics("test")

    def metric_table(self) -> dict[str, dict[str, float]]:
        """One row, `dense`, of the last finished evaluation; empty before the first."""
        return self._table

    def configure_optimizers(self) -> Any:
        """The optimizer and scheduler that were handed in."""
        return configure_optimization(self, self.optimizer, self.scheduler)

    def _log_metrics(self, stage: str) -> None:
        values = {name: float(value) for name, value in self.metrics.compute().items()}
        self.metrics.reset()
        self._table = {"dense": values}
        self.log_dict({f"{stage}/{name}": value for name, value in values.items()})
