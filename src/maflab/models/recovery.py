"""The assembled network, as Lightning trains it."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.models.auxiliary import AuxiliaryHead, AuxiliaryLabeller
from maflab.models.maf import MAFLoop
from maflab.models.optimization import configure_optimization
from maflab.models.pyramid import FeaturePyramid
from maflab.structures import AuxiliaryTargets, Batch, Prediction


class MeshRecovery(pl.LightningModule):
    """Feature pyramid, MAF loop and auxiliary head; a body out of a picture.

    Args:
        pyramid: the encoder and its maps.
        maf: the loop over them.
        aux_head: reads the finest map in training; None trains without.
        body: the body model of loop and labels.
        loss: called with prediction, batch and auxiliary targets; returns a named tuple of `total` and `terms`.
        metrics: `update(estimates, batch)`, `compute()` (a row an iteration) and `reset()`.
        optimizer: called with the parameters.
        scheduler: called with the optimizer and `total_steps`; stepped every training step.

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
        super().__init__()
        self.pyramid = pyramid
        self.maf = maf
        self.aux_head = aux_head
        self.body = body
        self.loss = loss
        self.metrics = metrics
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.labeller = AuxiliaryLabeller(body)
        self._table: dict[str, dict[str, float]] = {}

    def forward(self, image: Tensor, with_auxiliary: bool = False) -> Prediction:
        """Estimates (and auxiliary maps, if asked for and there is a head) of normalised crops (B, 3, H, W)."""
        features = self.pyramid(image.contiguous(memory_format=torch.channels_last))
        wanted = with_auxiliary and self.aux_head is not None
        auxiliary = self.aux_head(features.maps[-1]) if wanted else None
        return Prediction(self.maf(features), auxiliary)

    def auxiliary_targets(self, batch: Batch, prediction: Prediction) -> AuxiliaryTargets | None:
        """Labels of the size of the predicted maps, rendered from the batch; None where no maps are predicted."""
        if prediction.auxiliary is None:
            return None
        return self.labeller(batch, prediction.auxiliary.part.shape[-1])

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of a batch; its terms are logged as `train/...`."""
        prediction = self(batch.image, with_auxiliary=True)
        loss = self.loss(prediction, batch, self.auxiliary_targets(batch, prediction))
        self.log("train/loss", loss.total, prog_bar=True)
        self.log_dict({f"train/{name}": value for name, value in loss.terms.items()})
        return loss.total

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Adds a batch to the metrics."""
        self.metrics.update(self(batch.image).estimates, batch)

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """Logs `val/iterN/METRIC`, and the last iteration's as `val/METRIC`."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Logs `test/...` as validation does."""
        self._log_metrics("test")

    def metric_table(self) -> dict[str, dict[str, float]]:
        """The rows `iter0` ... of the last finished evaluation; empty before the first."""
        return self._table

    def configure_optimizers(self) -> Any:
        """The optimizer and scheduler that were handed in."""
        return configure_optimization(self, self.optimizer, self.scheduler)

    def _log_metrics(self, stage: str) -> None:
        # The metrics have reduced over the processes already, so every rank logs the same figure.
        self._table = self.metrics.compute()
        self.metrics.reset()
        for row, values in self._table.items():
            self.log_dict({f"{stage}/{row}/{name}": value for name, value in values.items()}, rank_zero_only=False)
        last = list(self._table.values())[-1]
        self.log_dict({f"{stage}/{name}": value for name, value in last.items()}, rank_zero_only=False)
