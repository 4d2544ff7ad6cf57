"""From one estimate a frame to a motion: one shape, people in the frame's camera, gaps filled, jitter smoothed."""

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.inference.blocks import blocks
from maflab.inference.gaps import fill_gaps, pieces
from maflab.inference.lifting import lift
from maflab.inference.recording import Recording, Track
from maflab.inference.world import camera_placement, placed_track, rest_root, to_camera, world_placement

logger = logging.getLogger(__name__)

Smoothing = Callable[[NDArray[np.float64], Tensor, Tensor], tuple[Tensor, Tensor]]
"""Times (F,), rotations (F, J, 3, 3) and positions (F, 3) of an unbroken piece; gives the last two back, smoothed."""

_ROUNDS = 50


class Motion(NamedTuple):
    """How the estimates of a track become its motion.

    Args:
        one_shape: whether a track has one shape, the robust mean of its frames' betas.
        max_gap: seconds; shorter gaps are filled, and nothing is smoothed over longer ones.
        smoothing: `ZeroLag`, `OneEuro`, or None for none.
        turn: see `lifting.lift`.
    """

    one_shape: bool = True
    max_gap: float = 1.0
    smoothing: Smoothing | None = None
    turn: bool = True


def settle(recording: Recording, body: BodyModel, motion: Motion) -> Recording:
    """Make motions of a recording's estimates.

    Args:
        recording: its tracks hold what was estimated from their crops: rotations, betas, camera and crops; their
            translation is not read.
        body: the recording's.
        motion: what is to be done.

    Returns:
        The recording with tracks in its camera's frame (rotations of the root included). `camera`, `crops` and
        `refinement` stay those of the crops.

    Raises:
        ValueError: a setting of the smoothing is out of range.
    """
    if motion.max_gap < 0:
        raise ValueError(f"motion.max_gap must not be negative, it is {motion.max_gap}")
    return recording._replace(tracks=[_settled(track, recording, body, motion) for track in recording.tracks])


def robust_shape(betas: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The geometric median (10,) of betas (F, 10) with weights (F,): half of them may be wrong.

    Where no frame has any weight, all count the same.

    Source: Weiszfeld's iteration, with distances kept from zero (Vardi and Zhang, PNAS 2000, discuss the case).
    """
    values = betas.astype(np.float64)
    share = weight.astype(np.float64) if weight.sum() > 0 else np.ones(len(betas))
    middle = np.average(values, axis=0, weights=share)
    for _ in range(_ROUNDS):
        pull = share / np.maximum(np.linalg.norm(values - middle, axis=1), 1e-6)
        middle = np.average(values, axis=0, weights=pull)
    return middle.astype(np.float32)


def lifted(track: Track, recording: Recording, body: BodyModel, betas: NDArray[np.float32], turn: bool) -> Track:
    """The track with these betas (F, 10), in the recording's camera; its rotations are as estimated from the crops."""
    frames = track.frames
    view = (recording.focal[frames], recording.centre[frames])
    fields = (track.rotations, track.betas, track.camera, track.crops, *view, betas)
    rotations, translation = track.rotations.copy(), track.translation.copy()
    error = 0.0
    for block in blocks(len(frames)):
        *given, shape = (torch.from_numpy(field[block]).to(body.rest_joints.device) for field in fields)
        placed = lift(body, *given, shape=shape, turn=turn)
        rotations[block], translation[block] = placed.rotations.cpu().numpy(), placed.translation.cpu().numpy()
        error += float(placed.error.sum())
    logger.debug("person %d: %.1f px from the crops' joints", track.identity, error / max(len(frames), 1))
    return track._replace(rotations=rotations, betas=betas, translation=translation)


def _settled(track: Track, recording: Recording, body: BodyModel, motion: Motion) -> Track:
    if not len(track.frames):
        return track
    betas = track.betas
    if motion.one_shape:
        betas = np.repeat(robust_shape(betas, track.confidence)[None], len(betas), axis=0)
    track = lifted(track, recording, body, betas, motion.turn)
    moving = recording.camera_to_world is not None
    if moving:
        track = placed_track(track, world_placement(track, recording, body), body)
    track = fill_gaps(track, recording.times, recording.shots, motion.max_gap)
    if motion.smoothing is not None:
        track = _smoothed(track, recording, body, motion.smoothing, motion.max_gap)
    if moving:
        track = placed_track(track, to_camera(camera_placement(track, body), track.frames, recording), body)
    return track


def _smoothed(track: Track, recording: Recording, body: BodyModel, smoothing: Smoothing, max_gap: float) -> Track:
    """The track with each of its pieces smoothed, in the frame of reference that it is given in."""
    given = torch.from_numpy(track.rotations), torch.from_numpy(camera_placement(track, body).position)
    parts = []
    for piece in pieces(track.frames, recording.times, recording.shots, max_gap):
        parts.append(smoothing(recording.times[track.frames[piece]], *(values[piece] for values in given)))
    # Most tracks are one piece, which need not be held twice.
    rotations, positions = parts[0] if len(parts) == 1 else (torch.cat(some) for some in zip(*parts, strict=True))
    translation = (positions.numpy() - rest_root(body, track.betas)).astype(np.float32)
    return track._replace(rotations=rotations.numpy(), translation=translation)
