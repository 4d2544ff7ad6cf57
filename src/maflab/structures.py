"""The two typed structures that travel between the rooms: a batch of labelled crops and an estimate of the body.

They import nothing of maflab, so that data sets, models, losses and metrics can share them without importing
each other. Named tuples, because PyTorch's collation, pinning and Lightning's device transfer understand them.
"""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Crops of people with whatever labels they have.

    Absent labels are zeros with a validity of zero, never NaN. Frames and units: camera frame x right, y down,
    z forward, metres; crop coordinates [-1, 1], x right, y down.
    """

    image: Tensor  # (B, 3, H, W) float32 RGB, ImageNet-normalised
    keypoints_2d: Tensor  # (B, 49, 3) x, y in crop coordinates; confidence in [0, 1]
    joints_3d: Tensor  # (B, 24, 4) the SPIN24 joints, metres, any origin; confidence in [0, 1]
    rotations: Tensor  # (B, 24, 3, 3) local joint rotations, root first
    betas: Tensor  # (B, 10)
    has_pose: Tensor  # (B,) float32, 1 where `rotations` is a label
    has_betas: Tensor  # (B,) float32
    has_joints_3d: Tensor  # (B,) float32
    gender: Tensor  # (B,) int64: 0 male, 1 female, -1 neutral or unknown
    index: Tensor  # type: ignore[assignment]  # (B,) int64 row in the data set, so that a sampler's padding can be told apart


class Estimate(NamedTuple):
    """What one iteration of the loop believes, and what follows from it."""

    rotations: Tensor  # (B, 24, 3, 3)
    betas: Tensor  # (B, 10)
    camera: Tensor  # (B, 3) weak perspective s, tx, ty of the crop
    points: Tensor  # (B, P, 3) the coarsened mesh, metres, body frame (before the camera's translation)
    keypoints_3d: Tensor  # (B, 49, 3) metres, body frame
    keypoints_2d: Tensor  # (B, 49, 2) projected, crop coordinates


class AuxiliaryMaps(NamedTuple):
    """Pixel-wise logits and coordinates predicted by the auxiliary head; class 0 is background."""

    part: Tensor  # (B, 25, h, w) logits of the part index
    u: Tensor  # (B, 25, h, w) U in [0, 1], one channel a part
    v: Tensor  # (B, 25, h, w)
    annotation: Tensor  # (B, 15, h, w) logits of the coarser annotation index
    surface: Tensor | None = None  # (B, 4, h, w) normal and depth as in the targets, where the head predicts them


class AuxiliaryTargets(NamedTuple):
    """Pixel-wise labels rendered from a body."""

    part: Tensor  # (B, h, w) int64 0..24, 0 is background
    u: Tensor  # (B, h, w) float32 in [0, 1], 0 on background
    v: Tensor  # (B, h, w)
    valid: Tensor  # (B,) float32, 1 where the sample could be rendered (it has pose, shape and a camera)
    surface: Tensor | None = None  # (B, 4, h, w) unit normal in camera axes, and metres behind the pelvis; 0 outside


class Prediction(NamedTuple):
    """What `MeshRecovery` returns: an estimate an iteration (0 = mean parameters) and the auxiliary maps."""

    estimates: list[Estimate]
    auxiliary: AuxiliaryMaps | None  # None without an auxiliary head, and outside training unless asked for
