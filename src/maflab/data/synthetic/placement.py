"""Where the person stands in the picture: the box, its camera and the picture's pixels."""

from typing import NamedTuple

import numpy as np

from maflab.data.synthetic.recipe import Recipe
from maflab.geometry.cameras import FOCAL_IN_CROP


class Placement(NamedTuple):
    """The box around a person and the camera of the box' crop.

    A crop coordinate c of the box is at pixel centre + c * side / 2.
    """

    centre: np.ndarray  # (2,) pixels of the picture
    side: float  # pixels
    camera: np.ndarray  # (3,) weak perspective s, tx, ty of the box

    @property
    def focal(self) -> float:
        """Focal length in pixels of the picture; `centre` is its principal point."""
        return FOCAL_IN_CROP * self.side / 2


def place(rng: np.random.Generator, vertices: np.ndarray, size: int, recipe: Recipe) -> Placement:
    """Puts a body (V, 3) (body frame, metres) in a picture of `size` pixels: whole, or now and then cut."""
    low, high = vertices[:, :2].min(0), vertices[:, :2].max(0)
    extent, middle = float((high - low).max()), (low + high) / 2
    margin = rng.uniform(*recipe.box_margin)
    half = (size - 1) / 2
    if rng.random() < recipe.truncated:
        scale = rng.uniform(0.95, 1.4) * size / extent  # pixels a metre
        spare = np.maximum(0.5 * scale * (high - low) + 0.06 * size - half, 0.03 * size)
        # The head stays in more often than the feet do.
        at = half + spare * np.array([rng.uniform(-0.9, 0.9), rng.uniform(0.2, 1)])
        corners = at + scale * np.stack([low - middle, high - middle])
        corners = np.clip(corners, 0, size - 1)
        side = float((corners[1] - corners[0]).max()) * margin
        centre = corners.mean(0)
    else:
        side = rng.uniform(*recipe.box_share) * size
        scale = side / margin / extent
        # The box stays in the picture, so that a crop of it needs no padding before it is augmented.
        at = half + max(half - side / 2, 0.0) * rng.uniform(-0.9, 0.9, 2)
        centre = at + rng.normal(0, 0.01, 2) * side
    # scale = s * side / 2; the person's middle projects to `at`.
    translation = (at - centre) / scale - middle
    return Placement(centre, side, np.array([2 * scale / side, *translation]))
