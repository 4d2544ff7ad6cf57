"""The square crops of people that the network looks at: the same cut as in training, out of whole frames."""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from maflab.data.crop_image import cut, normalised, reduction_for
from maflab.geometry.crops import crop_affine
from maflab.inference.frames import Picture


def square(box: NDArray[np.float32], margin: float) -> NDArray[np.float32]:
    """The crop (3,) of a box (4,): centre x, y and side, which is the box's longer side times `margin`, in pixels."""
    left, top, right, bottom = (float(value) for value in box)
    side = max(right - left, bottom - top, 1.0) * margin
    return np.array([(left + right) / 2, (top + bottom) / 2, side], np.float32)


def crop_input(image: Picture, crop: NDArray[np.float32], resolution: int) -> Tensor:
    """What the network sees of a person.

    A large person is averaged down before the bilinear warp, as the decoder of a pack's pictures does it.

    Args:
        image: the frame.
        crop: (3,) centre x, y and side, pixels; what lies outside the frame is black.
        resolution: the network's, pixels.

    Returns:
        (3, resolution, resolution) float32, normalised.
    """
    x, y, side = (float(value) for value in crop)
    reduction = reduction_for(side, resolution)
    if reduction == 1:
        return normalised(cut(image, crop_affine(np.array([x, y]), side, resolution), resolution))
    # Only what the crop covers is averaged, from a corner that is a multiple of the pixels that become one.
    height, width = image.shape[:2]
    reach = side / 2 + 2 * reduction
    left, top = (max(int(value - reach) // reduction * reduction, 0) for value in (x, y))
    columns = (min(int(x + reach) + 1, width) - left) // reduction
    rows = (min(int(y + reach) + 1, height) - top) // reduction
    affine = crop_affine(np.array([x - left, y - top]), side, resolution)
    if columns < 1 or rows < 1:
        return normalised(np.zeros((resolution, resolution, 3), np.uint8))
    part = image[top : top + rows * reduction, left : left + columns * reduction]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    return normalised(cut(small.astype(np.uint8, copy=False), affine, resolution, reduction))
