"""Frames in which a person was missed for a moment: rotations on the shortest way, the rest on a straight line."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from maflab.inference.recording import Refinement, Track


def fill_gaps(track: Track, times: NDArray[np.float64], shots: NDArray[np.int64], max_gap: float) -> Track:
    """The track with the frames between its own filled in, where the gap is short and no cut lies in it.

    Args:
        track: of F frames.
        times: (N,) seconds, of every frame of the recording.
        shots: (S,) first frame of every shot.
        max_gap: seconds between the frames on both sides of a gap; 0 fills nothing.

    Returns:
        A track of at least as many frames; new ones have a confidence of 0 and `filled` set.
    """
    before, after = track.frames[:-1], track.frames[1:]
    short = times[after] - times[before] <= max_gap
    whole = shot_of(before, shots) == shot_of(after, shots)
    spans = [
        np.arange(first, last) if fills else np.array([first])
        for first, last, fills in zip(before, after, short & whole, strict=True)
    ]
    frames = np.concatenate([*spans, track.frames[-1:]]) if len(track.frames) else track.frames
    if len(frames) == len(track.frames):
        return track
    left = np.searchsorted(track.frames, frames, "right") - 1
    right = np.minimum(left + 1, len(track.frames) - 1)
    own = track.frames[left] == frames
    start, end = times[track.frames[left]], times[track.frames[right]]
    share = np.where(own, 0.0, (times[frames] - start) / np.where(end > start, end - start, 1.0))
    blend = _Blend(left, right, share)
    refinement = None
    if track.refinement is not None:
        old = track.refinement
        refinement = Refinement(blend.turn(old.rotations), blend.line(old.betas), blend.line(old.camera))
    return Track(
        identity=track.identity,
        frames=frames.astype(np.int64),
        rotations=blend.turn(track.rotations),
        betas=blend.line(track.betas),
        translation=blend.line(track.translation),
        camera=blend.line(track.camera),
        crops=blend.line(track.crops),
        confidence=np.where(own, track.confidence[left], 0).astype(np.float32),
        filled=np.where(own, track.filled[left], True),
        refinement=refinement,
    )


def shot_of(frames: NDArray[np.int64], shots: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of the shot that each frame is in."""
    return np.searchsorted(shots, frames, "right") - 1


def pieces(
    frames: NDArray[np.int64], times: NDArray[np.float64], shots: NDArray[np.int64], max_gap: float
) -> list[slice]:
    """The unbroken pieces of a track: no cut inside, and no gap longer than `max_gap` seconds.

    A gap of a single step between the recording's frames is none, however long the step is.
    """
    if not len(frames):
        return []
    far = (np.diff(times[frames]) > max_gap) & (np.diff(frames) > 1)
    cut = np.diff(shot_of(frames, shots)) > 0
    bounds = [0, *(np.flatnonzero(far | cut) + 1).tolist(), len(frames)]
    return [slice(start, end) for start, end in pairwise(bounds)]


class _Blend:
    """Values between two frames of a track."""

    def __init__(self, left: NDArray[np.int64], right: NDArray[np.int64], share: NDArray[np.float64]) -> None:
        self._left, self._right, self._share = left, right, share

    def line(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        share = self._share.reshape(-1, *[1] * (values.ndim - 1))
        start = values[self._left].astype(np.float64)
        return (start + share * (values[self._right] - start)).astype(values.dtype)

    def turn(self, rotations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Spherical linear interpolation (..., 3, 3); the frames that were there stay as they are."""
        result = rotations[self._left]
        new = self._share > 0
        start = torch.from_numpy(rotations[self._left][new]).double()
        end = torch.from_numpy(rotations[self._right][new]).double()
        share = torch.from_numpy(self._share[new]).view(-1, *[1] * (start.ndim - 2))
        turned = start @ axis_angle_to_matrix(share * matrix_to_axis_angle(start.mT @ end))
        result[new] = turned.numpy().astype(rotations.dtype)
        return result
