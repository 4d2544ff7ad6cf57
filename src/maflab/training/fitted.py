"""The optimisation baseline, as Lightning tests it: alone, or behind a network whose last estimate it refines."""

import logging
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.data.datamodule import PackDataModule
from maflab.data.pack_reader import PackReader
from maflab.fitting.fit import Fitter
from maflab.fitting.priors import PosePrior, pose_prior
from maflab.geometry.cameras import project
from maflab.geometry.rotations import matrix_to_axis_angle
from maflab.metrics.estimates import IterationErrors
from maflab.models.maf import MEAN_CAMERA
from maflab.models.recovery import MeshRecovery
from maflab.models.trainable import Rows, Trainable
from maflab.structures import Batch, Estimate

log = logging.getLogger(__name__)

FIT = "fit"
"""The row of the fits in the tables."""

NOTE = (
    "fit is given the labelled 2D key points of the very pictures that are evaluated, as SMPLify is given detected "
    "ones; the other rows see the picture alone"
)


class FittedErrors(IterationErrors):
    """`IterationErrors` whose last estimate is the fit."""

    def compute(self) -> Rows:
        """A row an iteration, `iter0` first, and the row `fit`."""
        *earlier, (_, last) = super().compute().items()
        return dict(earlier) | {FIT: last}


class FittedModel(Trainable):
    """Fits behind the estimates of a network, or of nobody.

    Args:
        body: the body model.
        fitter: fits or refines.
        network: whose last estimate is refined; None: the fits start from the body's mean parameters.
    """

    def __init__(self, body: BodyModel, fitter: Fitter, network: MeshRecovery | None) -> None:
        iterations = 1 if network is None else network.maf.iterations + 1
        super().__init__(nn.Identity(), FittedErrors(body, iterations), None, None)
        self.body = body
        self.fitter = fitter
        self.network = network

    def forward(self, batch: Batch) -> list[Estimate]:
        """The estimates of a batch: the mean parameters, the network's iterations if there is one, the fits."""
        if self.network is None:
            start = self._mean(len(batch.image))
            return [start, self.fitter.fit(start, batch.keypoints_2d)]
        estimates = self.network(batch.image).estimates
        return [*estimates, self.fitter.refine(estimates[-1], batch.keypoints_2d)]

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Adds a batch to the metrics."""
        self.metrics.update(self(batch), batch)

    test_step = validation_step

    def metric_rows(self) -> Rows:
        """`iter0` (the mean parameters), the iterations if there is a network, `fit`."""
        return self.metrics.compute()

    def _mean(self, count: int) -> Estimate:
        rotations = self.body.mean_rotations.expand(count, -1, -1, -1)
        betas = self.body.mean_betas.expand(count, -1)
        camera = betas.new_tensor(MEAN_CAMERA).expand(count, -1)
        points, keypoints = self.fitter.energy.folded(rotations, betas)
        return Estimate(rotations, betas, camera, points, keypoints, project(keypoints, camera))


def learnt_prior(body: BodyModel, datamodule: pl.LightningDataModule) -> tuple[PosePrior, str]:
    """The pose prior of a data set, and a phrase about what it was learnt from.

    It is the Gaussian of the pose labels of the training packs; nothing else of them is used. Packs that are not on
    this machine are left out, and without any label it is a broad one about the body's mean pose.

    Args:
        body: its mean pose stands in where labels are few.
        datamodule: prepared.
    """
    standing = matrix_to_axis_angle(body.mean_rotations[1:]).flatten()
    packs = datamodule.train_sources if isinstance(datamodule, PackDataModule) else []
    paths = [Path(path) for group, _ in packs for path in group if Path(path).is_file()]
    poses = [_labelled_poses(PackReader(path)) for path in paths]
    known = torch.cat(poses) if poses else torch.zeros(0, len(standing))
    if len(known) == 0:
        return pose_prior(
            standing, known
        ), "a broad Gaussian about the mean pose: there are no pose labels to learn from"
    return pose_prior(standing, known), f"the Gaussian of {len(known)} pose labels of the training data"


def _labelled_poses(reader: PackReader) -> Tensor:
    labels = reader.labels
    return torch.from_numpy(labels["pose"][labels["has_pose"] > 0])[:, 3:]
