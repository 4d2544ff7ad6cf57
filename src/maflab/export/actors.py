"""The people of a recording as 3D tools want them: one shape each, in axes that have y upwards.

Convention: the scene is right-handed, y up, metres. With a camera path it is the path's world; without one the camera
stands at the origin and looks along -z, x to the right (glTF's and USD's own camera axes).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.body.model import BodyModel
from maflab.export.errors import ExportError
from maflab.inference.blocks import blocks
from maflab.inference.drawing import colour_of
from maflab.inference.recording import Recording, Track
from maflab.inference.world import camera_placement, world_placement

# Turns the axes of a picture's camera (y down, z forward) into those of a 3D tool's (y up, z backward), and back.
CAMERA_TURN = np.diag([1.0, -1.0, -1.0])


class Actor(NamedTuple):
    """One person of a recording."""

    name: str  # person_IDENTITY, unlike any other actor's
    identity: int
    colour: tuple[float, float, float]  # sRGB in [0, 1], that of the overlay
    frames: NDArray[np.int64]  # (F,) of the recording, ascending
    times: NDArray[np.float64]  # (F,) seconds
    betas: NDArray[np.float32]  # (10,)
    rest_vertices: NDArray[np.float64]  # (V, 3) unposed, metres, the body's frame: y up, facing +z
    rest_joints: NDArray[np.float64]  # (24, 3)
    local: NDArray[np.float32]  # (F, 24, 3, 3) rotations as the recording has them; the root's is not of the scene
    root: NDArray[np.float64]  # (F, 3, 3) takes the body into the scene
    positions: NDArray[np.float64]  # (F, 3) of the root joint in the scene

    def rotations(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """Local joint rotations (f, 24, 3, 3) in some of the F frames; the root's takes the body into the scene."""
        rotations = self.local[rows].astype(np.float64)
        rotations[:, 0] = self.root[rows]
        return rotations

    def blocks(self) -> Iterator[slice]:
        """The F frames in pieces that are small enough to be held at once."""
        return blocks(len(self.frames))


def scene_actors(recording: Recording, body: BodyModel) -> list[Actor]:
    """Everyone who is in a frame: tracks without frames are left out.

    A person whose betas change gets their mean, and stays where the root joint was.

    Raises:
        ExportError: nobody is in any frame; the frames of a track do not ascend or are not the recording's; or its
            motion has numbers that are not finite.
    """
    actors: list[Actor] = []
    for track in recording.tracks:
        if not len(track.frames):
            continue
        name = _unused(f"person_{track.identity}", {actor.name for actor in actors})
        actors.append(_actor(track, name, recording, body))
    if not actors:
        raise ExportError(f"there is nobody in {recording.source}, so there is no body to export")
    return actors


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if a track of the same identity has it."""
    number, result = 1, name
    while result in taken:
        number += 1
        result = f"{name}_{number}"
    return result


def _actor(track: Track, name: str, recording: Recording, body: BodyModel) -> Actor:
    frames = track.frames
    if frames.min() < 0 or frames.max() >= len(recording.times) or (np.diff(frames) <= 0).any():
        raise ExportError(f"the frames of {name} do not ascend within the recording's {len(recording.times)}")
    if not all(np.isfinite(values).all() for values in (track.rotations, track.translation, track.betas)):
        raise ExportError(f"the motion of {name} has numbers that are not finite")
    betas = track.betas.mean(0, dtype=np.float64).astype(np.float32)
    if recording.camera_to_world is not None:
        root, positions = world_placement(track, recording, body)
    else:
        placed = camera_placement(track, body)
        root, positions = CAMERA_TURN @ placed.root, placed.position @ CAMERA_TURN
    with torch.no_grad():
        vertices = body.template.double() + body.shape_dirs.double() @ torch.from_numpy(betas).double()
        joints = body.rest_joints.double() + body.joint_shape_dirs.double() @ torch.from_numpy(betas).double()
    return Actor(
        name=name,
        identity=track.identity,
        colour=colour_of(track.identity),
        frames=frames,
        times=recording.times[frames],
        betas=betas,
        rest_vertices=vertices.numpy(),
        rest_joints=joints.numpy(),
        local=track.rotations,
        root=root,
        positions=positions,
    )
