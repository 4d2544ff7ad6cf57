"""Estimates made by the whole body model, independent of the fitter's folded one."""

import torch

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.structures import Estimate


def posed(body: BodyModel, rotations: torch.Tensor, betas: torch.Tensor, camera: torch.Tensor) -> Estimate:
    """The estimate that rotations (B, 24, 3, 3), betas (B, 10) and cameras (B, 3) describe."""
    output = body(rotations, betas)
    keypoints = body.keypoints(output)
    return Estimate(rotations, betas, camera, output.vertices[:, :1], keypoints, project(keypoints, camera))


def mean_start(body: BodyModel, count: int) -> Estimate:
    """Mean parameters."""
    camera = torch.tensor([[0.9, 0.0, 0.0]]).expand(count, 3)
    return posed(body, body.mean_rotations.expand(count, 24, 3, 3), body.mean_betas.expand(count, 10), camera)
