"""Rotations over time as quaternions that never take the long way round."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def quaternion_paths(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternions x, y, z, w (F, ..., 4) of rotations (F, ..., 3, 3); each is on the side of the one before.

    q and -q are the same rotation, but a reader that blends the numbers of two frames needs the nearer one.
    """
    shape = rotations.shape[:-2]
    quaternions = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(*shape, 4)
    agreement = (quaternions[1:] * quaternions[:-1]).sum(-1)
    sides = np.cumprod(np.where(agreement < 0, -1.0, 1.0), axis=0)
    quaternions[1:] *= sides[..., None]
    return quaternions
