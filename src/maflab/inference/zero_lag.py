"""Smoothing that looks both ways, so that nothing is delayed: local polynomials over time stamps, also of rotations."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from maflab.inference.blocks import blocks

_SIGMA_SECONDS = 0.1
_REACH = 3.0
_DEGREE = 2
_ROUNDS = 2
# Frames at once: bounds the memory of a long track, some 500 rotations a frame.
_BLOCK = 64
_ALL = slice(None)


class ZeroLag(NamedTuple):
    """For clips that are complete: every frame is fitted to what came before and what comes after it.

    A motion of constant velocity or acceleration stays as it is, a sine keeps its phase, and the time stamps count,
    not the frames' numbers. Turning the world turns the result.

    Args:
        strength: width of the window; 1 is a Gaussian of 0.1 s standard deviation, 0 changes nothing.
    """

    strength: float = 1.0

    def __call__(self, times: NDArray[np.float64], rotations: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Smooth one unbroken piece of a track.

        Args:
            times: (F,) seconds, ascending.
            rotations: (F, J, 3, 3).
            positions: (F, 3).

        Returns:
            The smoothed rotations and positions, in the precision that they were given in.

        Raises:
            ValueError: a negative strength.
        """
        if self.strength < 0:
            raise ValueError(f"motion.smoothing.strength must not be negative, it is {self.strength}")
        if self.strength == 0 or len(times) < 3:
            return rotations, positions
        turned, moved = torch.empty_like(rotations), torch.empty_like(positions)
        for rows in blocks(len(times), _BLOCK):
            window = local_window(times, _SIGMA_SECONDS * self.strength, rows)
            turned[rows] = smooth_rotations(rotations, window, rows).to(turned)
            moved[rows] = smooth_vectors(positions, window)
        return turned, moved


class Window(NamedTuple):
    """Which frames each of f frames is made of."""

    frames: Tensor  # (f, K) int64
    weight: Tensor  # (f, K) float64, sum 1; some may be negative, those of padding are 0


def local_window(times: NDArray[np.float64], sigma: float, rows: slice = _ALL) -> Window:
    """The weights that give, at every frame, the value there of the parabola fitted to its surroundings.

    Source: locally weighted regression (Cleveland, "Robust Locally Weighted Regression and Smoothing Scatterplots",
    JASA 1979, section 2) with a Gaussian weight; at equal steps it is a Savitzky-Golay filter with a soft window.

    Args:
        times: (F,) seconds, ascending.
        sigma: standard deviation of the weight, seconds; frames beyond three of them do not count.
        rows: the frames that are asked for.
    """
    own = times[rows]
    first = np.searchsorted(times, own - _REACH * sigma, "left")
    last = np.searchsorted(times, own + _REACH * sigma, "right")
    index = first[:, None] + np.arange((last - first).max())
    inside = index < last[:, None]
    index = np.minimum(index, len(times) - 1)
    offset = torch.from_numpy((times[index] - own[:, None]) / sigma)
    root = torch.exp(-(offset**2) / 4) * torch.from_numpy(inside)
    # Where fewer frames are near than a parabola has numbers, the pseudo-inverse gives the frame itself back.
    powers = offset[..., None] ** torch.arange(_DEGREE + 1)
    weight = torch.linalg.pinv(root[..., None] * powers)[:, 0] * root
    return Window(torch.from_numpy(index), weight)


def smooth_vectors(vectors: Tensor, window: Window) -> Tensor:
    """(F, D) -> (f, D), weighted by the window."""
    return torch.einsum("fk,fkd->fd", window.weight.to(vectors), vectors[window.frames])


def smooth_rotations(rotations: Tensor, window: Window, rows: slice = _ALL) -> Tensor:
    """(F, J, 3, 3) -> (f, J, 3, 3) float64: the windows of the `rows` as rotation vectors seen from these, weighted.

    The second round sees them from the first one's result, so that noise of the frame in the middle does not bend
    the others.
    """
    neighbours = rotations[window.frames].double()  # (f, K, J, 3, 3)
    base = rotations[rows].double()
    for _ in range(_ROUNDS):
        increments = matrix_to_axis_angle(base[:, None].mT @ neighbours)
        base = base @ axis_angle_to_matrix(torch.einsum("fk,fkjd->fjd", window.weight, increments))
    return base
