"""Boxes of people whose label files have none, or have them in another form."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

PADDING = 1.2  # SPIN's: the side of the square box is 1.2 times the longer side of the tight one


def square_box(
    left: float, top: float, width: float, height: float, padding: float = PADDING
) -> tuple[NDArray[np.float32], float]:
    """Centre (2,) and side, in pixels, of the square box around a tight one (pixels of the picture)."""
    return np.array([left + width / 2, top + height / 2], np.float32), float(padding * max(width, height))


def box_of_points(points: ArrayLike, padding: float = PADDING) -> tuple[NDArray[np.float32], float]:
    """Centre (2,) and side, in pixels, of the square box around points (N, 2); side 0 where there are none."""
    array = np.asarray(points, np.float64).reshape(-1, 2)
    array = array[np.isfinite(array).all(1)]
    if not len(array):
        return np.zeros(2, np.float32), 0.0
    (left, top), (right, bottom) = array.min(0), array.max(0)
    return square_box(left, top, right - left, bottom - top, padding)


def points_inside(points: NDArray[np.float64], width: float, height: float) -> NDArray[np.bool_]:
    """Which of the points (N, 2) lie in a picture of that many pixels, (N,)."""
    return np.asarray(((points >= 0) & (points < (width, height))).all(axis=1))
