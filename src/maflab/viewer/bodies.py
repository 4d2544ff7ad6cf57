"""Meshes and joints of people as the page wants them: a few frames of one track at a time, small and exact enough.

A stage is what one iteration of the loop believed, the mean parameters first; the last stage is the result, smoothed
if that was asked for. A recording without refinements has this last stage alone.
"""

import threading
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.inference.lifting import lift
from maflab.inference.recording import Recording, Track

BLOCK = 16
"""Frames of a track that are sent together."""

_SAMPLES = 48


class Posed(NamedTuple):
    """People of one track, a row a frame."""

    vertices: Tensor  # (F, V, 3) metres, before the translation
    joints: Tensor  # (F, 24, 3) metres, before the translation
    translation: Tensor  # (F, 3) metres, camera frame


class Bodies:
    """Poses a recording's people on request.

    Args:
        recording: whose people.
        body: its body model; used by one thread at a time.
    """

    def __init__(self, recording: Recording, body: BodyModel) -> None:
        self.recording = recording
        self.body = body
        self._lock = threading.Lock()

    def stages(self, track: int) -> int:
        """How many stages a track has."""
        refinement = self.recording.tracks[track].refinement
        return 1 if refinement is None else refinement.rotations.shape[1] + 1

    def blocks(self, track: int) -> int:
        """How many blocks a track has; the last may be shorter."""
        return -(-len(self.recording.tracks[track].frames) // BLOCK)

    def block(self, track: int, stage: int, block: int) -> bytes:
        """A block of a track at a stage.

        Returns:
            Little-endian: for each of n frames 76 float32, the translation (3), the vertices' unit (1) and the joints
            (24, 3), in metres; then for each frame (V, 3) int16, the vertices in their unit. A unit is the largest
            coordinate over 32767, so that vertices are exact to 0.03 mm for a person of two metres.

        Raises:
            IndexError: there is no such track, stage or block.
        """
        if not (track < len(self.recording.tracks) and stage < self.stages(track) and block < self.blocks(track)):
            raise IndexError(f"track {track} has no block {block} of stage {stage}")
        posed = self.posed(track, stage, np.arange(block * BLOCK, (block + 1) * BLOCK))
        vertices = posed.vertices.numpy()
        unit = np.maximum(np.abs(vertices).max(axis=(1, 2)), 1e-6) / 32767
        head = (posed.translation.numpy(), unit[:, None], posed.joints.flatten(1).numpy())
        steps = np.rint(vertices / unit[:, None, None])
        return np.concatenate(head, axis=1).astype("<f4").tobytes() + steps.astype("<i2").tobytes()

    def posed(self, track: int, stage: int, rows: NDArray[np.int64]) -> Posed:
        """The people of rows of a track; rows past its end are left out."""
        person = self.recording.tracks[track]
        rows = rows[rows < len(person.frames)]
        with self._lock, torch.no_grad():
            rotations, betas, translation = self._parameters(person, stage, rows)
            vertices, joints = self.body(rotations, betas)
        return Posed(vertices, joints, translation)

    def _parameters(self, person: Track, stage: int, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        def tensor(values: NDArray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values, np.float32))

        refinement = person.refinement
        if refinement is None or stage == refinement.rotations.shape[1]:
            return tensor(person.rotations[rows]), tensor(person.betas[rows]), tensor(person.translation[rows])
        frames = person.frames[rows]
        betas = tensor(refinement.betas[rows, stage])
        lifted = lift(
            self.body,
            tensor(refinement.rotations[rows, stage]),
            betas,
            tensor(refinement.camera[rows, stage]),
            tensor(person.crops[rows]),
            tensor(self.recording.focal[frames]),
            tensor(self.recording.centre[frames]),
        )
        return lifted.rotations, betas, lifted.translation


class Place(NamedTuple):
    """Where the people are, in the page's axes: right-handed, y up, metres."""

    floor: float  # height of the ground under them
    centre: list[float]  # (3,) in the middle of where they are


def place_of(bodies: Bodies) -> Place:
    """Of a sample of frames, since a clip may be long; the floor is where people stand lowest, leaving outliers out."""
    low, middle = [], []
    for number, person in enumerate(bodies.recording.tracks):
        if not len(person.frames):
            continue
        rows = np.unique(np.linspace(0, len(person.frames) - 1, _SAMPLES).astype(np.int64))
        posed = bodies.posed(number, bodies.stages(number) - 1, rows)
        axes = display_axes(bodies.recording, person.frames[rows])
        points = (posed.vertices + posed.translation[:, None]).double().numpy()
        points = points @ axes[:, :3, :3].swapaxes(1, 2) + axes[:, None, :3, 3]
        low.append(points[..., 1].min(1))
        middle.append((points.min(1) + points.max(1)) / 2)
    if not low:
        return Place(0.0, [0.0, 0.0, 0.0])
    centre = np.median(np.concatenate(middle), axis=0)
    return Place(float(np.quantile(np.concatenate(low), 0.1)), [float(c) for c in centre])


def display_axes(recording: Recording, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """(F, 4, 4) from the camera frame to the page's axes: the world's, or else the camera's own, turned upright."""
    if recording.camera_to_world is not None:
        return recording.camera_to_world[frames]
    return np.broadcast_to(np.diag([1.0, -1.0, -1.0, 1.0]), (len(frames), 4, 4))
