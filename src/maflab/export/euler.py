"""Euler angles over time that do not jump."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

ORDER = "ZXY"


def euler_paths(rotations: NDArray[np.float64], before: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Degrees (F, J, 3) about z, x, y with R = Rz Rx Ry, of rotations (F, J, 3, 3).

    Each frame has, of the two sets of angles below a full turn that give its rotation and of their full turns, those
    nearest to the frame before, so that a reader that blends frames does not spin.

    Args:
        before: (J, 3) angles of the frame before the first, where a path is made in pieces.
    """
    with warnings.catch_warnings():
        # At the poles the angles are not unique; scipy warns and sets the last one to zero, which is one of them.
        warnings.filterwarnings("ignore", message="Gimbal lock")
        angles = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_euler(ORDER, degrees=True)
    angles = angles.reshape(*rotations.shape[:2], 3)
    other = np.stack([angles[..., 0] + 180, 180 - angles[..., 1], angles[..., 2] + 180], axis=-1)
    for frame in range(len(angles)):
        if before is None:
            before = angles[0]
            continue
        candidates = np.stack([angles[frame], other[frame]])
        candidates = candidates - 360 * np.round((candidates - before) / 360)
        nearer = np.abs(candidates - before).sum(-1).argmin(0)
        angles[frame] = before = np.take_along_axis(candidates, nearer[None, :, None], axis=0)[0]
    return angles
