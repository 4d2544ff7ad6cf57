"""What a fit minimises: the negative logarithm of a posterior, up to the constant and the robust data term.

Source: Bogo et al., "Keep it SMPL: Automatic Estimation of 3D Human Pose and Shape from a Single Image", ECCV 2016,
section 3.2, without its interpenetration term and with a single Gaussian in place of the mixture.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.body.subset import FoldedBody
from maflab.fitting.priors import PosePrior, beyond_limits, joint_limits
from maflab.geometry.cameras import project
from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from maflab.structures import Estimate


class Unknowns(NamedTuple):
    """What is optimised."""

    turn: Tensor  # (B, 3) axis-angle in the camera's axes, multiplied on the start's root rotation from the left
    pose: Tensor  # (B, 69) axis-angle of the joints 1 to 23
    betas: Tensor  # (B, 10)
    camera: Tensor  # (B, 3) log s, tx, ty


class Origin(NamedTuple):
    """Where a fit starts, and what its priors are centred on."""

    root: Tensor  # (B, 3, 3)
    pose: Tensor  # (B, 69)
    betas: Tensor  # (B, 10)
    camera: Tensor  # (B, 3) log s, tx, ty
    estimated: bool  # an estimate from the picture, to stay near to; False: the mean body, which says nothing of it


def origin_of(start: Estimate, estimated: bool) -> Origin:
    """The origin of a start; a scale of the camera that is not positive becomes a very small one."""
    pose = matrix_to_axis_angle(start.rotations[:, 1:]).flatten(1)
    camera = torch.cat((start.camera[:, :1].clamp(min=1e-2).log(), start.camera[:, 1:]), dim=1)
    return Origin(start.rotations[:, 0], pose, start.betas, camera, estimated)


def unmoved(origin: Origin) -> Unknowns:
    """The unknowns at the origin."""
    return Unknowns(torch.zeros_like(origin.camera), origin.pose, origin.betas, origin.camera)


def geman_mcclure(squared: Tensor, scale: float) -> Tensor:
    """Robust squares: like `squared` (...) below `scale` squared, never more than that; the unit of `squared`.

    Source: Geman and McClure, "Statistical methods for tomographic image reconstruction", 1987.
    """
    return squared * (scale**2 / (scale**2 + squared))


class Energy(nn.Module):
    """The energy of bodies, sample by sample.

    Args:
        body: whose key points are fitted; the mesh is not built.
        prior: over poses.
        keypoint_std: noise of the key points, crop coordinates.
        robust: the distance, crop coordinates, from which on a key point is taken for an outlier.
        limit_std: how softly the angle limits end, radians.
        scale_std: of the logarithm of the camera's scale about the start's: how alike people fill their crops.
        estimate_std: how far the truth is from an estimate that a fit refines: radians of its root rotation, and in
            units of the prior's standard deviations of its pose and shape.
    """

    limits: Tensor

    def __init__(
        self,
        body: BodyModel,
        prior: PosePrior,
        keypoint_std: float,
        robust: float,
        limit_std: float,
        scale_std: float,
        estimate_std: float,
    ) -> None:
        super().__init__()
        self.folded = FoldedBody(body, num_points=1)  # one, because it has at least one: none is fitted
        self.prior = prior
        self.keypoint_std = keypoint_std
        self.robust = robust
        self.limit_std = limit_std
        self.scale_std = scale_std
        self.estimate_std = estimate_std
        self.register_buffer("limits", joint_limits(), persistent=False)

    def forward(self, unknowns: Unknowns, origin: Origin, keypoints: Tensor, prior_weight: float = 1.0) -> Tensor:
        """The energy (B,) of unknowns, given key points (B, 49, 3); the weight is that of pose and shape prior."""
        prior = prior_weight * self.prior_term(unknowns, origin)
        limit = beyond_limits(unknowns.pose, self.limits) / self.limit_std**2
        return self.data_term(unknowns, origin, keypoints) + self.scale_term(unknowns, origin) + prior + limit

    def data_term(self, unknowns: Unknowns, origin: Origin, keypoints: Tensor) -> Tensor:
        """How far (B,) the body's key points project from the labelled ones, weighted by their confidence."""
        estimate = self.estimate(unknowns, origin)
        squared = (estimate.keypoints_2d - keypoints[..., :2]).square().sum(-1)
        robust = geman_mcclure(squared, self.robust) * keypoints[..., 2]
        return robust.sum(-1) / (2 * self.keypoint_std**2)

    def prior_term(self, unknowns: Unknowns, origin: Origin) -> Tensor:
        """How unlikely (B,) pose and shape are, or how far from the estimate that is refined."""
        if not origin.estimated:
            return self.prior(unknowns.pose) + unknowns.betas.square().sum(-1) / 2
        pose = self.prior(unknowns.pose, origin.pose)
        rest = (unknowns.betas - origin.betas).square().sum(-1) + unknowns.turn.square().sum(-1)
        return (pose + rest / 2) / self.estimate_std**2

    def scale_term(self, unknowns: Unknowns, origin: Origin) -> Tensor:
        """How unusual (B,) the person's size in the crop is: key points tell it from depth and bending badly."""
        return ((unknowns.camera[:, 0] - origin.camera[:, 0]) / self.scale_std).square() / 2

    def estimate(self, unknowns: Unknowns, origin: Origin) -> Estimate:
        """The body that unknowns describe; its `points` are a single vertex."""
        root = axis_angle_to_matrix(unknowns.turn) @ origin.root
        joints = axis_angle_to_matrix(unknowns.pose.unflatten(1, (-1, 3)))
        rotations = torch.cat((root[:, None], joints), dim=1)
        camera = torch.cat((unknowns.camera[:, :1].exp(), unknowns.camera[:, 1:]), dim=1)
        points, keypoints = self.folded(rotations, unknowns.betas)
        return Estimate(rotations, unknowns.betas, camera, points, keypoints, project(keypoints, camera))
