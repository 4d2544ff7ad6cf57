"""Rotations over time as quaternions that never take the long way round."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def quaternion_paths(rotations: NDArray[np.float64], before: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Unit quaternions x, y, z, w (F, ..., 4) of rotations (F, ..., 3, 3); each is on the side of the one before.

    q and -q are the same rotation, but a reader that blends the numbers of two frames needs the nearer one.

    Args:
        before: (..., 4) of the frame before the first, where a path is made in pieces.
    """
    shape = rotations.shape[:-2]
    quaternions = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(*shape, 4)
    earlier = quaternions[:1] if before is None else before[None]
    agreement = (quaternions * np.concatenate((earlier, quaternions[:-1]))).sum(-1)
    return quaternions * np.cumprod(np.where(agreement < 0, -1.0, 1.0), axis=0)[..., None]
