"""From a picture to what the network sees of it: one crop, cut and normalised the same way in training and in use."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

_MEAN = np.array(IMAGENET_DEFAULT_MEAN)
_STD = np.array(IMAGENET_DEFAULT_STD)
LEVELS: NDArray[np.float64] = np.arange(256)[:, None] / 255
"""(256, 1) the values in [0, 1] that 8-bit levels stand for."""


def reduction_for(side: float, resolution: int) -> int:
    """How much a picture is averaged, 1, 2, 4 or 8 pixels to one, so that the bilinear warp of a crop skips none.

    Args:
        side: of the crop in the picture, pixels.
        resolution: the crop's side in its own pixels.
    """
    return max(k for k in (1, 2, 4, 8) if k == 1 or side >= k * resolution)


def shown(affine: NDArray[np.float64], resolution: int, beside: float) -> tuple[list[float], list[float]]:
    """Between which pixels of a picture lies what a crop shows of it.

    Args:
        affine: (2, 3) from the pixels of the picture to those of the crop.
        resolution: the crop's side.
        beside: pixels more on each side, for the interpolation.

    Returns:
        x, y of the corners with the lowest and with the highest numbers; they may lie outside the picture.
    """
    (a, b, x), (c, d, y) = affine.tolist()
    scale, last = a * d - b * c, resolution - 1
    corners = [(u - x, v - y) for u in (0, last) for v in (0, last)]
    columns = [(d * u - b * v) / scale for u, v in corners]
    rows = [(a * v - c * u) / scale for u, v in corners]
    return [min(columns) - beside, min(rows) - beside], [max(columns) + beside, max(rows) + beside]


def cut(picture: NDArray[np.uint8], affine: NDArray[np.float64], resolution: int, reduction: int = 1) -> NDArray:
    """The crop (resolution, resolution, 3) of an RGB picture; what lies outside the picture is black.

    Args:
        picture: (H, W, 3), averaged by `reduction` already.
        affine: (2, 3) from the pixels of the picture before it was averaged to those of the crop.
        resolution: the crop's side.
        reduction: how many pixels became one.
    """
    return cv2.warpAffine(picture, _from_reduced(affine, reduction), (resolution, resolution))


def normalised(crop: NDArray[np.uint8], levels: NDArray[np.float64] = LEVELS) -> Tensor:
    """The network's input (3, H, W) float32 of an RGB crop (H, W, 3): ImageNet's mean and deviation taken out.

    Args:
        crop: 8 bits.
        levels: (256, 1) or (256, 3), the value in [0, 1] of each level, a column a channel; changed by augmentation.
    """
    # Gain, clipping and normalisation of 8-bit values are one table a channel.
    table = ((levels - _MEAN) / _STD).astype(np.float32)
    planes = np.empty((3, *crop.shape[:2]), np.float32)
    for channel, plane in enumerate(cv2.split(crop)):
        cv2.LUT(plane, table[:, channel], dst=planes[channel])
    return torch.from_numpy(planes)


def _from_reduced(affine: NDArray[np.float64], reduction: int) -> NDArray[np.float64]:
    """The same map, for a picture averaged to 1 / reduction: p = reduction (q + 0.5) - 0.5."""
    if reduction == 1:
        return affine
    offset = affine[:, 2] + affine[:, :2].sum(axis=1) * (reduction - 1) / 2
    return np.concatenate((affine[:, :2] * reduction, offset[:, None]), axis=1)
