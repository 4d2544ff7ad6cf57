"""The auxiliary pixel-wise head, and the labels that it learns from."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.geometry.cameras import fit_camera
from maflab.render.raycast import RayCaster
from maflab.render.targets import auxiliary_targets
from maflab.structures import AuxiliaryMaps, AuxiliaryTargets, Batch

PARTS = 25
"""Part classes: background and DensePose's 24 parts."""
ANNOTATIONS = 15
"""Annotation classes: background and the 14 that DensePose's annotators used."""


class AuxiliaryHead(pl.LightningModule):
    """Part index, U, V and annotation index at every pixel of the finest map; training only.

    Args:
        channels: channels of the map it reads.
        kernel: size of its one convolution, odd.

    Source: Zhang et al., PyMAF, ICCV 2021, section 3.3; the outputs after DensePose (Guler et al., CVPR 2018).
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.predict = nn.Conv2d(channels, 3 * PARTS + ANNOTATIONS, kernel, padding=kernel // 2)
        nn.init.normal_(self.predict.weight, std=0.001)
        if self.predict.bias is not None:
            nn.init.zeros_(self.predict.bias)

    def forward(self, features: Tensor) -> AuxiliaryMaps:
        """Maps of the size of the features (B, C, h, w)."""
        return AuxiliaryMaps(*self.predict(features).split((PARTS, PARTS, PARTS, ANNOTATIONS), dim=1))


class AuxiliaryLabeller:
    """Renders the labels of the auxiliary head from a batch's pose and shape labels.

    The crop's camera is not a label: it is fitted to the 2D key points, which augmentation has moved with the picture.
    Samples without pose, shape or enough key points come out invalid.
    """

    def __init__(self, body: BodyModel) -> None:
        self.body = body
        self.casters: dict[torch.device, RayCaster] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Ray casters hold native meshes: a copy, or another process, makes its own.
        return {"body": self.body, "casters": {}}

    @torch.no_grad()
    def __call__(self, batch: Batch, size: int) -> AuxiliaryTargets:
        """Labels of (B, size, size) for a batch, on its device."""
        device = batch.image.device
        if device not in self.casters:
            self.casters[device] = RayCaster(self.body.faces, device=device)
        output = self.body(batch.rotations, batch.betas)
        camera, ok = fit_camera(self.body.keypoints(output), batch.keypoints_2d)
        valid = batch.has_pose * batch.has_betas * ok
        return auxiliary_targets(self.casters[device], self.body, output.vertices, camera, valid, size)
