"""What is known of a body before it is looked at: which poses people take, and how far their joints turn.

Poses are vectors of axis-angle (B, 69) in radians: SMPL's joints 1 to 23, T-pose zero.
"""

import math

import torch
from torch import Tensor, nn

from maflab.body.joints import SMPL24

POSE_SIZE = 3 * (len(SMPL24) - 1)

# Ranges of the axis-angle components x, y, z in degrees, of left joints; the right ones mirror y and z. In the T-pose
# x bends forward or back, y turns about the vertical, z raises sideways: a knee bends about +x, a left elbow about
# -y. Ranges of motion of healthy adults (American Academy of Orthopaedic Surgeons, "Joint Motion", 1965) with some
# room, because the components are anatomy's angles only where a joint turns about one axis.
_SPINE = ((-20.0, 35.0), (-25.0, 25.0), (-20.0, 20.0))
_NECK = ((-35.0, 35.0), (-45.0, 45.0), (-30.0, 30.0))
_RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "hip": ((-125.0, 35.0), (-45.0, 70.0), (-35.0, 60.0)),
    "knee": ((0.0, 150.0), (-10.0, 10.0), (-10.0, 10.0)),
    "ankle": ((-30.0, 50.0), (-25.0, 25.0), (-15.0, 15.0)),
    "foot": ((-40.0, 20.0), (-10.0, 10.0), (-10.0, 10.0)),
    "spine1": _SPINE,
    "spine2": _SPINE,
    "spine3": _SPINE,
    "neck": _NECK,
    "head": _NECK,
    "collar": ((-15.0, 15.0), (-30.0, 25.0), (-15.0, 35.0)),
    "shoulder": ((-140.0, 120.0), (-125.0, 75.0), (-150.0, 95.0)),
    "elbow": ((-40.0, 40.0), (-150.0, 0.0), (-40.0, 40.0)),
    "wrist": ((-60.0, 60.0), (-45.0, 45.0), (-65.0, 65.0)),
    "hand": ((-15.0, 15.0), (-15.0, 15.0), (-50.0, 30.0)),
}


class PosePrior(nn.Module):
    """A Gaussian over poses.

    Args:
        mean: (69,) axis-angle, radians.
        covariance: (69, 69), positive definite.
    """

    mean: Tensor
    whitening: Tensor

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        super().__init__()
        root = torch.linalg.cholesky(covariance.double())
        whitening = torch.linalg.solve_triangular(root, torch.eye(len(mean), dtype=torch.float64), upper=False)
        self.register_buffer("mean", mean.float(), persistent=False)
        self.register_buffer("whitening", whitening.float(), persistent=False)

    def forward(self, pose: Tensor, centre: Tensor | None = None) -> Tensor:
        """Half the squared Mahalanobis distance (B,) of poses (B, 69) from the mean, or from a centre (B, 69)."""
        away = pose - (self.mean if centre is None else centre)
        return (away @ self.whitening.T).square().sum(-1) / 2


def pose_prior(standing: Tensor, poses: Tensor, spread: float = 0.3, label_std: float = 0.05) -> PosePrior:
    """The Gaussian of labelled poses, leaning on a broad one about a standing person where they are few.

    The broad one counts as much as 69 poses: mean and covariance are those of the posterior under a conjugate
    (normal-inverse-Wishart) prior. Without any pose it is the result.

    Args:
        standing: (69,) axis-angle of the body's mean pose.
        poses: (N, 69) labelled poses, N >= 0.
        spread: standard deviation of every component about the standing pose, radians.
        label_std: noise of the labels, radians; no component is held more tightly than this.
    """
    poses, standing = poses.double(), standing.double()
    count, trust = len(poses), POSE_SIZE
    mean = (poses.sum(0) + trust * standing) / (count + trust)
    own_mean = poses.mean(0) if count else standing
    scatter = (poses - own_mean).T @ (poses - own_mean)
    between = count * trust / (count + trust) * torch.outer(own_mean - standing, own_mean - standing)
    broad = trust * spread**2 * torch.eye(POSE_SIZE, dtype=torch.float64)
    covariance = (scatter + between + broad) / (count + trust)
    return PosePrior(mean, covariance + label_std**2 * torch.eye(POSE_SIZE, dtype=torch.float64))


def joint_limits() -> Tensor:
    """Lowest and highest axis-angle components (2, 69) of the joints 1 to 23, radians."""
    low, high = [], []
    for name in SMPL24.names[1:]:
        for axis, (least, most) in enumerate(_RANGES[name.removeprefix("left_").removeprefix("right_")]):
            mirrored = name.startswith("right_") and axis > 0
            low.append(-most if mirrored else least)
            high.append(-least if mirrored else most)
    return torch.tensor([low, high]) * (math.pi / 180)


def beyond_limits(pose: Tensor, limits: Tensor) -> Tensor:
    """Half the squared distance (B,) by which poses (B, 69) leave the limits (2, 69), radians squared; 0 inside."""
    return ((limits[0] - pose).clamp(min=0) + (pose - limits[1]).clamp(min=0)).square().sum(-1) / 2
