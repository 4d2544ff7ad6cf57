"""Pre-training of the pyramid on dense labels: where is which part of the body?"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.models.auxiliary import AuxiliaryHead, AuxiliaryLabeller
from maflab.models.pyramid import FeaturePyramid
from maflab.models.trainable import Rows, Trainable
from maflab.structures import AuxiliaryMaps, AuxiliaryTargets, Batch


class DensePretraining(Trainable):
    """Feature pyramid and auxiliary head on their own: every pixel is a label, so the encoder learns fast from scratch.

    Args:
        pyramid, aux_head, body: as in `MeshRecovery`.
        loss: an object whose `total(maps, targets)` returns a named tuple of `total` and `terms`.
        metrics: a torchmetrics.Metric over maps and targets whose `compute` gives a dictionary.
        optimizer, scheduler: see `Trainable`.
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
        super().__init__(loss, metrics, optimizer, scheduler)
        self.pyramid = pyramid
        self.aux_head = aux_head
        self.body = body
        self.labeller = AuxiliaryLabeller(body)

    def forward(self, image: Tensor) -> AuxiliaryMaps:
        """Auxiliary maps of normalised crops (B, 3, H, W)."""
        return self.aux_head(self.pyramid(image.contiguous(memory_format=torch.channels_last)).maps[-1])

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of a batch; its terms are logged as `train/...`."""
        maps = self(batch.image)
        loss = self.loss.total(maps, self._targets(batch, maps))
        return self.log_terms(loss.total, loss.terms)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Adds a batch to the metrics."""
        maps = self(batch.image)
        self.metrics.update(maps, self._targets(batch, maps))

    test_step = validation_step

    def _targets(self, batch: Batch, maps: AuxiliaryMaps) -> AuxiliaryTargets:
        return self.labeller(batch, maps.part.shape[-1], maps.surface is not None)

    def metric_rows(self) -> Rows:
        """One row, `dense`."""
        return {"dense": {name: float(value) for name, value in self.metrics.compute().items()}}
