"""A small network with a will of its own: its estimates depend on the picture."""

import pytest
import torch

from maflab.body.model import BodyModel
from maflab.losses import MeshRecoveryLoss
from maflab.metrics.estimates import IterationErrors
from maflab.models.maf import MAFLoop
from maflab.models.pyramid import FeaturePyramid
from maflab.models.recovery import MeshRecovery


@pytest.fixture(scope="module")
def model(tiny_body: BodyModel) -> MeshRecovery:
    torch.manual_seed(3)
    pyramid = FeaturePyramid("test_resnet", levels=2, channels=8, weights="none")
    maf = MAFLoop(
        tiny_body, 8, pyramid.global_channels, levels=2, iterations=2, points=30, grid=4, reduction=(8, 5), hidden=32
    )
    for regressor in maf.regressors:
        for head in (regressor.pose, regressor.shape, regressor.camera):
            torch.nn.init.xavier_uniform_(head.weight, gain=0.2)  # as if trained: they start near zero
    return MeshRecovery(pyramid, maf, None, tiny_body, MeshRecoveryLoss(), IterationErrors(tiny_body, 2)).eval()
