"""A solved camera path as its file tells it.

Convention: camera axes x right, y down, z forward; pixel (0, 0) is the centre of the top-left one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

# How far a matrix may be from a rotation: four decimals of a text file.
_LOOSE = 2e-3


class CameraError(ValueError):
    """A camera that cannot be used; the message is one sentence for its user."""


class CameraPath(NamedTuple):
    """Poses in the file's own numbers, world and size."""

    numbers: NDArray[np.int64]  # (M,) as the file counts frames, ascending, each once
    first: int  # what the clip's first frame is called there, unless the user says otherwise
    focal: NDArray[np.float64] | None  # (M,) pixels
    centre: NDArray[np.float64] | None  # (M, 2) pixels
    camera_to_world: NDArray[np.float64]  # (M, 4, 4)
    size: tuple[int, int] | None  # width and height of the pictures that focal and centre belong to
    up: str | None  # the world's axis that points up, where the file says so


def in_order(
    path: Path,
    numbers: Sequence[int],
    poses: Sequence[NDArray[np.floating]],
    lenses: Sequence[tuple[float, float, float] | None],
    **rest: Any,
) -> CameraPath:
    """A path sorted by frame, and checked.

    Args:
        path: for messages.
        numbers, poses, lenses: of each frame; a lens is focal length and centre x, y, all frames have one or none.
        rest: the other fields of `CameraPath`.

    Raises:
        CameraError: no frame, one given twice, one of no rotation, or only some with a lens.
    """
    if not numbers:
        raise CameraError(f"{path} has no frames")
    order = np.argsort(numbers, kind="stable")
    sorted_numbers = np.array(numbers, np.int64)[order]
    twice = sorted_numbers[:-1][np.diff(sorted_numbers) == 0]
    if len(twice):
        raise CameraError(f"{path} has frame {twice[0]} twice")
    for number, pose in zip(numbers, poses, strict=True):
        turn = pose[:3, :3]
        if not np.isfinite(pose).all() or np.abs(turn @ turn.T - np.eye(3)).max() > _LOOSE or np.linalg.det(turn) < 0:
            raise CameraError(f"{path}: the camera of frame {number} is turned by no rotation")
    given = [lens for lens in lenses if lens is not None]
    if given and len(given) < len(lenses):
        raise CameraError(f"{path} gives the focal length of some frames only")
    if any(not 0 < lens[0] < np.inf for lens in given):
        raise CameraError(f"{path} has a focal length that is not positive")
    lens_table = np.array(given, np.float64)[order] if given else None
    return CameraPath(
        numbers=sorted_numbers,
        focal=None if lens_table is None else lens_table[:, 0],
        # NaN stands for a centre that was not given.
        centre=None if lens_table is None or np.isnan(lens_table).any() else lens_table[:, 1:],
        camera_to_world=np.stack(poses)[order],
        **rest,
    )


def pose_from_quaternion(quaternion: NDArray[np.floating], translation: NDArray[np.floating]) -> NDArray[np.float64]:
    """The pose (4, 4) of a quaternion w, x, y, z of any length but zero and a translation.

    Raises:
        ValueError: the quaternion is zero.
    """
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(np.roll(quaternion, -1)).as_matrix()
    pose[:3, 3] = translation
    return pose
