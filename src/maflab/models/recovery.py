"""The assembled network, as Lightning trains it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.models.auxiliary import AuxiliaryHead, AuxiliaryLabeller
from maflab.models.maf import MAFLoop
from maflab.models.pyramid import FeaturePyramid
from maflab.models.trainable import Rows, Trainable
from maflab.structures import AuxiliaryTargets, Batch, Prediction


class MeshRecovery(Trainable):
    """Feature pyramid, MAF loop and auxiliary head; a body out of a picture.

    Args:
        pyramid: the encoder and its maps.
        maf: the loop over them.
        aux_head: reads the finest map in training; None trains without.
        body: the body model of loop and labels.
        loss: called with prediction, batch and auxiliary targets; returns a named tuple of `total` and `terms`.
        metrics: `update(estimates, batch)`, `compute()` (a row an iteration) and `reset()`.
        optimizer, scheduler: see `Trainable`.

    Source: Zhang et al., PyMAF, ICCV 2021, section 3.
    """

    def __init__(
        self,
        pyramid: FeaturePyramid,
        maf: MAFLoop,
        aux_head: AuxiliaryHead | None,
        body: BodyModel,
        loss: nn.Module,
        metrics: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        scheduler: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(loss, metrics, optimizer, scheduler)
        self.pyramid = pyramid
        self.maf = maf
        self.aux_head = aux_head
        self.body = body
        self.labeller = AuxiliaryLabeller(body)

    def forward(self, image: Tensor, with_auxiliary: bool = False) -> Prediction:
        """Estimates (and auxiliary maps, if asked for and there is a head) of normalised crops (B, 3, H, W)."""
        features = self.pyramid(image.contiguous(memory_format=torch.channels_last))
        auxiliary = self.aux_head(features.maps[-1]) if with_auxiliary and self.aux_head is not None else None
        return Prediction(self.maf(features), auxiliary)

    def auxiliary_targets(self, batch: Batch, prediction: Prediction) -> AuxiliaryTargets | None:
        """Labels of the size of the predicted maps, rendered from the batch; None where no maps are predicted."""
        if prediction.auxiliary is None:
            return None
        maps = prediction.auxiliary
        return self.labeller(batch, maps.part.shape[-1], maps.surface is not None)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of a batch; its terms are logged as `train/...`."""
        prediction = self(batch.image, with_auxiliary=True)
        loss = self.loss(prediction, batch, self.auxiliary_targets(batch, prediction))
        return self.log_terms(loss.total, loss.terms)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Adds a batch to the metrics."""
        self.metrics.update(self(batch.image).estimates, batch)

    test_step = validation_step

    def metric_rows(self) -> Rows:
        """A row an iteration, `iter0` (the mean parameters) first."""
        return self.metrics.compute()
