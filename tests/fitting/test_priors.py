"""Priors: gradients, limits against the anatomy that the synthetic people are made from, few labels and many."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from scipy.stats import multivariate_normal

from maflab.body.joints import SMPL24
from maflab.data.synthetic.angles import INDEX, LOWER, NAMES, UPPER, clip_to_limits, to_rotations
from maflab.fitting.energy import geman_mcclure
from maflab.fitting.priors import PosePrior, beyond_limits, joint_limits, pose_prior

SHOULDER = 3 * (SMPL24.index("left_shoulder") - 1)


def axis_angles(angles: np.ndarray) -> torch.Tensor:
    """Poses (N, 69) of anatomical angles (N, A) in degrees."""
    matrices = to_rotations(angles)[:, 1:]
    vectors = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec().reshape(len(angles), 69)
    return torch.from_numpy(vectors).float()


def test_prior_is_the_gaussian() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(69, 69))
    covariance, mean = root @ root.T + np.eye(69), rng.normal(size=69)
    prior = PosePrior(torch.from_numpy(mean), torch.from_numpy(covariance))
    poses = rng.normal(size=(5, 69))
    normal = multivariate_normal(mean, covariance)
    expected = normal.logpdf(mean) - normal.logpdf(poses)
    np.testing.assert_allclose(prior(torch.from_numpy(poses).float()).numpy(), expected, rtol=1e-3)
    centre = torch.from_numpy(poses).float()
    assert prior(centre, centre).abs().max() == 0


def test_gradients() -> None:
    prior = pose_prior(torch.zeros(69), torch.zeros(0, 69)).double()
    pose = torch.randn(2, 69, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(prior, pose)
    limits = joint_limits().double()
    assert beyond_limits(pose, limits).min() > 0, "or the gradient is 0 everywhere"
    assert torch.autograd.gradcheck(lambda p: beyond_limits(p, limits), pose)
    assert torch.autograd.gradcheck(lambda p: geman_mcclure(p.square(), 0.5), pose)


def test_prior_learns_from_many_poses_and_not_from_none() -> None:
    standing = torch.linspace(-1, 1, 69)
    without = pose_prior(standing, torch.zeros(0, 69), spread=0.3, label_std=0.0)
    assert torch.allclose(without.mean, standing)
    assert torch.allclose(without(standing[None] + 0.3), torch.tensor([69 / 2]), rtol=1e-4)
    deviations = torch.linspace(0.1, 0.5, 69)
    poses = 0.7 + deviations * torch.randn(20000, 69)
    learnt = pose_prior(standing, poses, label_std=0.0)
    assert torch.allclose(learnt.mean, torch.tensor(0.7), atol=0.02)
    assert learnt(poses).mean() == pytest.approx(69 / 2, rel=0.05)


def test_no_label_leaves_a_joint_without_freedom() -> None:
    poses = torch.zeros(50000, 69)
    stiff = pose_prior(torch.zeros(69), poses, label_std=0.05)
    assert stiff(torch.full((1, 69), 0.05)) < 69 / 2


def test_limits_are_those_of_anatomy() -> None:
    """Poses drawn evenly over the generator's ranges of motion, all joints at once, hardly leave the limits."""
    angles = np.random.default_rng(0).uniform(LOWER, UPPER, (2000, len(NAMES)))
    beyond = beyond_limits(axis_angles(clip_to_limits(angles))[:, :SHOULDER], joint_limits()[:, :SHOULDER])
    assert beyond.median() < np.radians(15.0) ** 2 / 2
    single = np.zeros((2, len(NAMES)))
    for name in ("knee", "elbow"):
        single[0, [INDEX[f"left_{name}"], INDEX[f"right_{name}"]]] = 140.0
    single[:, [INDEX["left_arm_raise"], INDEX["right_arm_raise"]]] = 20.0
    assert beyond_limits(axis_angles(single), joint_limits()).max() == 0


@pytest.mark.parametrize("side", ["left_", "right_"])
@pytest.mark.parametrize("joint", ["knee", "elbow"])
def test_limits_bite_where_a_joint_bends_the_wrong_way(side: str, joint: str) -> None:
    angles = np.zeros((3, len(NAMES)))
    angles[:, [INDEX["left_arm_raise"], INDEX["right_arm_raise"]]] = 20.0
    angles[1, INDEX[side + joint]] = -20.0
    angles[2, INDEX[side + joint]] = -40.0
    beyond = beyond_limits(axis_angles(angles), joint_limits())
    np.testing.assert_allclose(beyond, np.radians([0.0, 20.0, 40.0]) ** 2 / 2, atol=1e-5)


def test_robust_squares() -> None:
    squared = torch.tensor([1e-6, 1.0, 1e6])
    robust = geman_mcclure(squared, 0.5)
    assert robust[0] == pytest.approx(1e-6, rel=1e-3)
    assert robust[1] == pytest.approx(0.25 / 1.25)
    assert robust[2] == pytest.approx(0.25, rel=1e-3)
