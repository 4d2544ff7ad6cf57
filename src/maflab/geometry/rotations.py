"""Conversions between the three forms a rotation takes here: matrix inside, 6D at the network, axis-angle in files.

Convention: right-handed, active rotations that act on column vectors; angles in radians.
"""

import roma
import torch
import torch.nn.functional as F
from torch import Tensor


def rotation_6d_to_matrix(rotation_6d: Tensor) -> Tensor:
    """Rotation matrices from the continuous 6D form, by Gram-Schmidt.

    Args:
        rotation_6d: (..., 6), the first two columns of the matrix interleaved: `view(..., 3, 2)` has them as columns.
            They need not be orthonormal, but must be neither zero nor parallel.

    Returns:
        (..., 3, 3) rotation matrices.

    Source: Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019, eq. 15; the
    interleaved layout is that of SPIN's and PyMAF's checkpoints.
    """
    columns = rotation_6d.unflatten(-1, (3, 2))
    first = F.normalize(columns[..., 0], dim=-1)
    second = columns[..., 1]
    second = F.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    third = torch.linalg.cross(first, second, dim=-1)
    return torch.stack((first, second, third), dim=-1)


def matrix_to_rotation_6d(matrix: Tensor) -> Tensor:
    """The interleaved 6D form (..., 6) of rotation matrices (..., 3, 3): the inverse of `rotation_6d_to_matrix`."""
    return matrix[..., :2].flatten(-2)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3): direction the axis, norm the angle (Rodrigues)."""
    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Axis-angle vectors (..., 3), norm in [0, pi], of rotation matrices (..., 3, 3).

    Meant for files and reports: its gradient is not defined at the identity, so keep it out of training graphs.
    """
    return roma.rotmat_to_rotvec(matrix)
