"""A labelled batch whose labels agree with each other."""

import torch

from maflab.body.joints import BODY25
from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.geometry.rotations import axis_angle_to_matrix
from maflab.structures import Batch


def labelled_batch(body: BodyModel, count: int, resolution: int = 32) -> Batch:
    """Bodies in random poses near the mean, seen by known cameras, over pictures of noise."""
    rotations = body.mean_rotations @ axis_angle_to_matrix(0.2 * torch.randn(count, 24, 3))
    betas = torch.randn(count, 10)
    camera = torch.cat((0.8 + 0.2 * torch.rand(count, 1), 0.1 * torch.randn(count, 2)), dim=1)
    keypoints = body.keypoints(body(rotations, betas))
    ones = torch.ones(count)
    return Batch(
        image=torch.randn(count, 3, resolution, resolution),
        keypoints_2d=torch.cat((project(keypoints, camera), torch.ones(count, 49, 1)), dim=-1),
        joints_3d=torch.cat((keypoints[:, len(BODY25) :], torch.ones(count, 24, 1)), dim=-1),
        rotations=rotations,
        betas=betas,
        has_pose=ones,
        has_betas=ones.clone(),
        has_joints_3d=ones.clone(),
        gender=-ones.long(),
        index=torch.arange(count),
    )
