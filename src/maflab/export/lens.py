"""The recording's camera as 3D tools describe one."""

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.export.actors import CAMERA_TURN
from maflab.export.errors import ExportError
from maflab.inference.recording import Recording

logger = logging.getLogger(__name__)
_SAME_FOCAL = 0.01


class Lens(NamedTuple):
    """A perspective that does not change over the clip."""

    focal: float  # pixels, the median over the frames
    width: int
    height: int
    shift: tuple[float, float]  # pixels by which the principal point lies right of and below the frame's middle

    @property
    def vertical_angle(self) -> float:
        """Field of view over the frame's height, radians."""
        return float(2 * np.arctan(self.height / (2 * self.focal)))


def recording_lens(recording: Recording) -> Lens:
    """The lens; a focal length that changes by more than 1% becomes its median, which the log says.

    Raises:
        ExportError: the recording has no frames, no size or no focal length.
    """
    width, height = recording.size
    if not len(recording.focal) or min(width, height) < 1 or not (recording.focal > 0).all():
        raise ExportError(f"{recording.source} has no frames with a size and a focal length, so there is no camera")
    focal = float(np.median(recording.focal))
    if float(np.ptp(recording.focal)) > _SAME_FOCAL * focal:
        logger.info("the focal length changes over the clip: the exported camera has its median, %.0f pixels", focal)
    # (0, 0) is the centre of a pixel, so the middle of the frame is at half of (size - 1).
    middle = np.median(recording.centre, axis=0) - (np.array([width, height]) - 1) / 2
    return Lens(focal, width, height, (float(middle[0]), float(middle[1])))


def camera_poses(recording: Recording) -> NDArray[np.float64] | None:
    """(N, 4, 4) from the camera's axes (x right, y up, looking along -z) to the scene; None: it stays at the origin."""
    if recording.camera_to_world is None:
        return None
    poses = recording.camera_to_world.astype(np.float64)
    poses[:, :3, :3] = poses[:, :3, :3] @ CAMERA_TURN
    return poses
