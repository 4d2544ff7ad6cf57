"""Affine maps from a picture to a square crop of a person, and between the crop's pixels and crop coordinates.

Convention: pixel (0, 0) is the centre of the top-left pixel, x right, y down; crop coordinates [-1, 1] put -1 and 1 on
the centres of the border pixels (`align_corners=True` of `grid_sample`). Angles in degrees.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Points = TypeVar("Points", Tensor, NDArray[np.floating])


def crop_affine(
    center: NDArray[np.floating], side: float, resolution: int, rotation_degrees: float = 0.0
) -> NDArray[np.float64]:
    """The affine map (2, 3) from source pixels to the pixels of a square crop, as `cv2.warpAffine` wants it.

    Args:
        center: (2,) the box's centre, source pixels; it lands on the crop's centre.
        side: the box's side, source pixels; it spans the crop from the first pixel's centre to the last one's.
        resolution: the crop's side in pixels.
        rotation_degrees: how far the picture's content turns, positive from x (right) towards y (down), so clockwise
            as seen.

    Raises:
        ValueError: a box without extent.
    """
    if not side > 0:
        raise ValueError(f"A crop needs a box with a positive side, not {side}")
    scale = (resolution - 1) / side
    angle = np.deg2rad(rotation_degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (resolution - 1) / 2
    offset = middle - linear @ np.asarray(center, dtype=np.float64)
    return np.concatenate((linear, offset[:, None]), axis=1)


def pixels_to_crop(points: Points, resolution: int) -> Points:
    """Crop coordinates (..., 2) of points (..., 2) in the pixels of a crop of the given resolution."""
    return points * (2 / (resolution - 1)) - 1


def crop_to_pixels(points: Points, resolution: int) -> Points:
    """Pixels (..., 2) of points (..., 2) in crop coordinates: the inverse of `pixels_to_crop`."""
    return (points + 1) * ((resolution - 1) / 2)
