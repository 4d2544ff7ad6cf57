"""What comes out of a video: people who move, seen by one camera; the typed tuples between inference and export.

Convention: x right, y down, z forward, metres; a body's vertices in the camera frame of its video frame are
`body(rotations, betas).vertices + translation`. Pixels of the frame: (0, 0) is the centre of the top-left one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Refinement(NamedTuple):
    """What each iteration of the loop believed, estimate 0 (the mean parameters) first; T estimates a frame."""

    rotations: NDArray[np.float32]  # (F, T, 24, 3, 3)
    betas: NDArray[np.float32]  # (F, T, 10)
    camera: NDArray[np.float32]  # (F, T, 3) weak perspective s, tx, ty of the frame's crop


class Track(NamedTuple):
    """One person over the frames in which they are."""

    identity: int
    frames: NDArray[np.int64]  # (F,) indices of the recording's frames, ascending
    rotations: NDArray[np.float32]  # (F, 24, 3, 3) local joint rotations; the root's takes the body into camera axes
    betas: NDArray[np.float32]  # (F, 10)
    translation: NDArray[np.float32]  # (F, 3) metres, camera frame
    camera: NDArray[np.float32]  # (F, 3) weak perspective s, tx, ty of the crop
    crops: NDArray[np.float32]  # (F, 3) centre x, y and side of the square crop, pixels of the frame
    confidence: NDArray[np.float32]  # (F,) of the detection, 0 where the frame was filled in
    filled: NDArray[np.bool_]  # (F,) frames that no detection was made in
    refinement: Refinement | None = None  # kept only when asked for


class Recording(NamedTuple):
    """All people of a clip and the camera that saw them."""

    source: str  # the file, or what it is called
    body: str  # name of the body model: anny, smpl or tiny
    gender: str
    size: tuple[int, int]  # width, height of the frames in pixels
    times: NDArray[np.float64]  # (N,) seconds from the first frame, of every frame
    focal: NDArray[np.float32]  # (N,) pixels
    centre: NDArray[np.float32]  # (N, 2) principal point, pixels
    focal_source: str  # where the focal length came from: "given", "exif", "field of view", "assumed", "camera path"
    camera_to_world: NDArray[np.float64] | None  # (N, 4, 4) where a solved camera path was given, or None
    shots: NDArray[np.int64]  # (S,) first frame of every shot; the first is 0
    tracks: list[Track]
