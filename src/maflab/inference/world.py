"""A track in the world of a solved camera path, and back: the camera moves, the person's motion should not.

Convention: the world is right-handed, y up, metres (see camera_path); a body's vertices in the world are
`body(rotations, betas).vertices + translation`, as in the camera frame. The root joint is not at the body's origin, so
a turn of the axes moves the translation too.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.body.model import BodyModel
from maflab.inference.recording import Recording, Track


class Placement(NamedTuple):
    """Where a body is and how it is turned, in one frame of reference."""

    root: NDArray[np.float64]  # (F, 3, 3) rotation of the root joint
    position: NDArray[np.float64]  # (F, 3) of the root joint, metres


def rest_root(body: BodyModel, betas: NDArray[np.float32]) -> NDArray[np.float64]:
    """The root joint (F, 3) of unposed, untranslated bodies with betas (F, 10), metres."""
    with torch.no_grad():
        offset = torch.from_numpy(betas).to(body.rest_joints) @ body.joint_shape_dirs[0].T
        return (body.rest_joints[0] + offset).double().cpu().numpy()


def camera_placement(track: Track, body: BodyModel) -> Placement:
    """In the camera frame of each of the track's frames."""
    return Placement(track.rotations[:, 0].astype(np.float64), track.translation + rest_root(body, track.betas))


def world_placement(track: Track, recording: Recording, body: BodyModel) -> Placement:
    """In the world.

    Raises:
        ValueError: the recording has no camera path.
    """
    turn, shift = _path(recording, track.frames)
    placed = camera_placement(track, body)
    return Placement(turn @ placed.root, (turn @ placed.position[..., None])[..., 0] + shift)


def to_camera(placed: Placement, frames: NDArray[np.int64], recording: Recording) -> Placement:
    """From the world to the camera frames of the recording's frames (F,): the inverse of `world_placement`."""
    turn, shift = _path(recording, frames)
    back = np.swapaxes(turn, 1, 2)
    return Placement(back @ placed.root, (back @ (placed.position - shift)[..., None])[..., 0])


def placed_track(track: Track, placed: Placement, body: BodyModel) -> Track:
    """The track with another placement, given in the frame of reference that the result is to be in."""
    rotations = track.rotations.copy()
    rotations[:, 0] = placed.root
    translation = (placed.position - rest_root(body, track.betas)).astype(np.float32)
    return track._replace(rotations=rotations, translation=translation)


def world_track(track: Track, recording: Recording, body: BodyModel) -> Track:
    """The track with its root's rotation and its translation in the world, for exports.

    Raises:
        ValueError: the recording has no camera path.
    """
    return placed_track(track, world_placement(track, recording, body), body)


def _path(recording: Recording, frames: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if recording.camera_to_world is None:
        raise ValueError(f"{recording.source} has no camera path, so nothing is known of its world")
    poses = recording.camera_to_world[frames]
    return poses[:, :3, :3], poses[:, :3, 3]
