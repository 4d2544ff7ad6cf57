"""The One-Euro filter: smoothing that knows the past alone, strong at rest and quick in movement.

Source: Casiez, Roussel and Vogel, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems", CHI 2012, algorithm 1. A vector has one speed, its norm, so that the result does not depend on the axes; a
rotation is filtered by the same formulas along the shortest turn, its speed the norm of its angular velocity.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

_ROTATION_SLOPE = 0.5
_POSITION_SLOPE = 1.0


class OneEuro(NamedTuple):
    """For motion that is shown while it is made.

    Args:
        strength: divides the cut-off frequency; 0 changes nothing.
        min_cutoff: Hz at rest: less is smoother and slower.
        responsiveness: times 0.5 Hz a rad/s of a joint, or 1 Hz a m/s of the body, is what movement adds to the
            cut-off (the paper's beta): more follows faster.
        derivative_cutoff: Hz, of the speed's own filter.
    """

    strength: float = 1.0
    min_cutoff: float = 1.5
    responsiveness: float = 1.0
    derivative_cutoff: float = 1.0

    def start(self) -> "OnlineMotion":
        """A filter at the beginning of a track.

        Raises:
            ValueError: a setting is out of range.
        """
        if self.strength < 0 or self.responsiveness < 0:
            raise ValueError("motion.smoothing: strength and responsiveness must not be negative")
        if self.min_cutoff <= 0 or self.derivative_cutoff <= 0:
            raise ValueError("motion.smoothing: min_cutoff and derivative_cutoff must be positive")
        return OnlineMotion(self)

    def __call__(self, times: NDArray[np.float64], rotations: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Smooth one unbroken piece of a track, frame after frame.

        Args:
            times: (F,) seconds, ascending.
            rotations: (F, J, 3, 3).
            positions: (F, 3).

        Returns:
            The smoothed rotations and positions, in the precision that they were given in.

        Raises:
            ValueError: a setting is out of range.
        """
        online = self.start()
        turned, moved = torch.empty_like(rotations), torch.empty_like(positions)
        for frame, time in enumerate(times.tolist()):
            turned[frame], moved[frame] = online.step(time, rotations[frame].double(), positions[frame].double())
        return turned, moved


class OnlineMotion:
    """The state of one track: hand it frame after frame."""

    def __init__(self, settings: OneEuro) -> None:
        cutoff = settings.min_cutoff / settings.strength if settings.strength else math.inf
        # Strength stretches the whole filter, not only its rest.
        slope = settings.responsiveness / settings.strength if settings.strength else 0.0
        self._rotations = OneEuroFilter(cutoff, slope * _ROTATION_SLOPE, settings.derivative_cutoff, rotation=True)
        self._position = OneEuroFilter(cutoff, slope * _POSITION_SLOPE, settings.derivative_cutoff, rotation=False)

    def step(self, time: float, rotations: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """The smoothed rotations (J, 3, 3) and position (3,) of the frame at `time` seconds."""
        return self._rotations.step(time, rotations), self._position.step(time, position)


class OneEuroFilter:
    """Filters vectors (..., D) or rotations (..., 3, 3), each with a speed of its own.

    Args:
        min_cutoff: Hz; infinity passes everything.
        slope: Hz that a unit of speed adds (the paper's beta).
        derivative_cutoff: Hz.
        rotation: whether the values are rotations.
    """

    def __init__(self, min_cutoff: float, slope: float, derivative_cutoff: float, rotation: bool) -> None:
        self._min_cutoff, self._slope, self._derivative_cutoff = min_cutoff, slope, derivative_cutoff
        self._rotation = rotation
        self._time = math.nan
        self._value: Tensor | None = None
        self._velocity: Tensor | None = None

    def step(self, time: float, value: Tensor) -> Tensor:
        """The filtered value at `time` seconds; a value at the same time as the last one changes nothing."""
        if self._value is None:
            self._time, self._value = time, value
            return value
        elapsed = time - self._time
        if elapsed <= 0:
            return self._value
        # Rotations: the turn since the last result, in that result's own axes.
        change = matrix_to_axis_angle(self._value.mT @ value) if self._rotation else value - self._value
        velocity = change / elapsed
        # As in the paper, the speed is zero before the first step.
        before = torch.zeros_like(velocity) if self._velocity is None else self._velocity
        share = _smoothing_factor(elapsed, velocity.new_tensor(self._derivative_cutoff))
        velocity = torch.lerp(before, velocity, share)
        cutoff = self._min_cutoff + self._slope * velocity.norm(dim=-1, keepdim=True)
        step = _smoothing_factor(elapsed, cutoff) * change
        self._value = self._value @ axis_angle_to_matrix(step) if self._rotation else self._value + step
        self._time, self._velocity = time, velocity
        return self._value


def _smoothing_factor(elapsed: float, cutoff: Tensor) -> Tensor:
    """The share of the new value: 1 / (1 + τ / T), τ = 1 / (2 π f)."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * elapsed))
