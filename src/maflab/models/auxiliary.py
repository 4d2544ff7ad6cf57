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
SURFACE = 4
"""Channels of the surface: a unit normal and a depth."""


class AuxiliaryHead(pl.LightningModule):
    """Part index, U, V and annotation index at every pixel of the finest map; training only.

    Args:
        channels: channels of the map it reads.
        kernel: size of its one convolution, odd.
        surface: whether to predict the surface's normal and its depth behind the pelvis as well. Not in the paper: it
            tells the pyramid in pre-training what part and UV maps leave open, whether a limb points to the camera.

    Source: Zhang et al., PyMAF, ICCV 2021, section 3.3; the outputs after DensePose (Guler et al., CVPR 2018).
    """

    def __init__(self, channels: int, kernel: int = 3, surface: bool = False) -> None:
        super().__init__()
        self.predict = _predictor(channels, 3 * PARTS + ANNOTATIONS, kernel)
        self.surface = _predictor(channels, SURFACE, kernel) if surface else None

    def forward(self, features: Tensor) -> AuxiliaryMaps:
        """Maps of the size of the features (B, C, h, w)."""
        part, u, v, annotation = self.predict(features).split((PARTS, PARTS, PARTS, ANNOTATIONS), dim=1)
        return AuxiliaryMaps(part, u, v, annotation, None if self.surface is None else self.surface(features))


def _predictor(channels: int, outputs: int, kernel: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, outputs, kernel, padding=kernel // 2)
    nn.init.normal_(layer.weight, std=0.001)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


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
    def __call__(self, batch: Batch, size: int, surface: bool = False) -> AuxiliaryTargets:
        """Labels of (B, size, size) for a batch, on its device, with normals and depth where they are asked for."""
        device = batch.image.device
        if device not in self.casters:
            self.casters[device] = RayCaster(self.body.faces, device=device)
        output = self.body(batch.rotations, batch.betas)
        camera, ok = fit_camera(self.body.keypoints(output), batch.keypoints_2d)
        valid = batch.has_pose * batch.has_betas * ok
        root = output.joints[:, 0] if surface else None
        return auxiliary_targets(self.casters[device], self.body, output.vertices, camera, valid, size, root)
