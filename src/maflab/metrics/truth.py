"""What a protocol compares with: joints and meshes of labels and of estimates, brought to one root."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from maflab.body.joints import H36M17, SMPL24, SPIN24
from maflab.body.model import BodyModel, BodyOutput
from maflab.data.protocol import Protocol, label_places
from maflab.structures import Batch

Pose = Callable[[Tensor, Tensor, Tensor], BodyOutput]
"""Rotations (B, 24, 3, 3), betas (B, 10) and gender (B,) to a posed body."""

_HIPS = [SMPL24.index("left_hip"), SMPL24.index("right_hip")]
_PELVIS = SPIN24.index("Pelvis")


class Skeleton(NamedTuple):
    """The joints of a mesh, and the point that is brought to the origin; metres, body frame."""

    joints: Tensor  # (B, J, 3) relative to the root
    root: Tensor  # (B, 1, 3)


class Truth(NamedTuple):
    """The labels of a batch as a protocol takes them; metres."""

    joints: Tensor  # (B, J, 3) relative to their root
    has_joints: Tensor  # (B,) bool
    vertices: Tensor  # (B, V, 3) body frame
    root: Tensor  # (B, 1, 3) of the vertices
    has_mesh: Tensor  # (B,) bool


def skeleton(protocol: Protocol, body: BodyModel, posed: BodyOutput) -> Skeleton:
    """The protocol's joints of a posed body, by the body's Human3.6M regressor or of its kinematic tree."""
    joints = body.h36m_joints(posed.vertices) if protocol.regressed else posed.joints
    root = joints[:, :1] if protocol.root == "pelvis" else joints[:, _HIPS].mean(1, keepdim=True)
    places = (H36M17 if protocol.regressed else SMPL24).map_to(protocol.joints)
    return Skeleton((joints - root)[:, places], root)


def batch_truth(protocol: Protocol, body: BodyModel, pose: Pose, batch: Batch) -> Truth:
    """The labels of a batch.

    Args:
        protocol: one of 3D errors.
        body: its regressor gives the joints of the labelled meshes too.
        pose: makes the labelled meshes.
        batch: samples that lack the labels count for nothing.
    """
    has_mesh = (batch.has_pose * batch.has_betas) > 0
    posed = pose(batch.rotations, batch.betas, batch.gender)
    of_mesh = skeleton(protocol, body, posed)
    if protocol.truth == "mesh":
        return Truth(of_mesh.joints, has_mesh, posed.vertices, of_mesh.root, has_mesh)
    labelled = batch.joints_3d[:, label_places(protocol)]
    root = batch.joints_3d[:, _PELVIS, None]
    whole = (torch.cat((labelled, root), dim=1)[..., 3] > 0).all(1)
    joints = labelled[..., :3] - root[..., :3]
    return Truth(joints, (batch.has_joints_3d > 0) & whole, posed.vertices, of_mesh.root, has_mesh)
