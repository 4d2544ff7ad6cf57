"""Rotations against SciPy, gradcheck and the layout of published checkpoints."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from maflab.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
)


def random_matrices(count: int) -> torch.Tensor:
    return torch.from_numpy(Rotation.random(count, random_state=0).as_matrix())


def test_6d_round_trip() -> None:
    matrices = random_matrices(50)
    torch.testing.assert_close(rotation_6d_to_matrix(matrix_to_rotation_6d(matrices)), matrices)


def test_6d_layout_is_interleaved() -> None:
    # SPIN's and PyMAF's init_pose starts with [1, 0, 0, -1, 0, 0] for diag(1, -1, -1).
    root = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    assert matrix_to_rotation_6d(root).tolist() == [1, 0, 0, -1, 0, 0]


def test_6d_gives_rotations_for_any_input() -> None:
    matrices = rotation_6d_to_matrix(torch.randn(100, 6, dtype=torch.float64))
    identity = torch.eye(3, dtype=torch.float64).expand(100, 3, 3)
    torch.testing.assert_close(matrices.transpose(1, 2) @ matrices, identity)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(100, dtype=torch.float64))


def test_6d_gradient() -> None:
    assert torch.autograd.gradcheck(rotation_6d_to_matrix, torch.randn(4, 6, dtype=torch.float64, requires_grad=True))


def test_axis_angle_against_scipy() -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 3))
    ours = axis_angle_to_matrix(torch.from_numpy(vectors)).numpy()
    np.testing.assert_allclose(ours, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)


def test_matrix_to_axis_angle_against_scipy() -> None:
    rotations = Rotation.random(100, random_state=1)
    ours = matrix_to_axis_angle(torch.from_numpy(rotations.as_matrix())).numpy()
    np.testing.assert_allclose(ours, rotations.as_rotvec(), atol=1e-9)
    assert matrix_to_axis_angle(torch.eye(3)).abs().max() == 0
