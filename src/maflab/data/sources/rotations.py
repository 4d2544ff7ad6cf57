"""Root rotations out of the world and into the camera."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation


def turned_pose(pose: ArrayLike, rotation: ArrayLike) -> NDArray[np.float32]:
    """The pose seen from a turned frame: the root is turned, the other joints are relative to it and stay.

    Args:
        pose: (72,) axis-angle, radians, the root's into some frame A.
        rotation: (3, 3) from A into a frame B.

    Returns:
        (72,) float32 axis-angle, the root's into B.

    Raises:
        ValueError: `rotation` is no rotation (not finite, or a mirror image).
    """
    turned = np.array(pose, np.float64)
    matrix = np.asarray(rotation, np.float64)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix) <= 0:
        raise ValueError("the camera's rotation is not one")
    turned[:3] = (Rotation.from_matrix(matrix) * Rotation.from_rotvec(turned[:3])).as_rotvec()
    return turned.astype(np.float32)
