"""What the keys of a result file hold: their types, their shapes, and rotations as axis-angle vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from maflab.inference.blocks import blocks

FORMAT = "maflab-recording"
VERSION = 1
_BLOCK = 20_000

# Type and shape; F stands for the frames of the recording or the track, None for any number.
_KEYS: dict[str, tuple[type, tuple[int | str | None, ...]]] = {
    "size": (np.int64, (2,)),
    "times": (np.float64, ("F",)),
    "focal": (np.float32, ("F",)),
    "centre": (np.float32, ("F", 2)),
    "camera_to_world": (np.float64, ("F", 4, 4)),
    "shots": (np.int64, (None,)),
    "identity": (np.int64, ()),
    "frames": (np.int64, ("F",)),
    "poses": (np.float32, ("F", 72)),
    "betas": (np.float32, (10,)),
    "betas_by_frame": (np.float32, ("F", 10)),
    "trans": (np.float32, ("F", 3)),
    "camera": (np.float32, ("F", 3)),
    "crops": (np.float32, ("F", 3)),
    "confidence": (np.float32, ("F",)),
    "filled": (np.bool_, ("F",)),
    "refinement_poses": (np.float32, ("F", None, 72)),
    "refinement_betas": (np.float32, ("F", None, 10)),
    "refinement_camera": (np.float32, ("F", None, 3)),
}


class RecordingError(ValueError):
    """A result file that cannot be read or written; the message is one sentence for its user."""


def checked(values: dict[str, Any], owner: str, frames: int) -> dict[str, Any]:
    """The values as arrays of their keys' types; what has no declared type is handed on.

    Args:
        values: by key.
        owner: whose they are, for the message.
        frames: what F stands for.

    Raises:
        RecordingError: a value has another shape, or holds a number that is not finite.
    """
    result = dict(values)
    for key, (dtype, shape) in _KEYS.items():
        if key not in values:
            continue
        array: NDArray[Any] = np.asarray(values[key], dtype)
        wanted: tuple[int | str | None, ...] = tuple(frames if size == "F" else size for size in shape)
        if array.size == 0 and frames == 0 and "F" in shape:
            # JSON cannot tell the shape of an empty list.
            array = array.reshape([size if isinstance(size, int) else 0 for size in wanted])
        fits = len(wanted) == array.ndim and all(w in (None, n) for w, n in zip(wanted, array.shape, strict=True))
        if not fits:
            raise RecordingError(f"{key} of the {owner} has the shape {array.shape}, not {shape} with F = {frames}")
        if not np.isfinite(array).all():
            raise RecordingError(f"{key} of the {owner} holds a number that is not finite")
        result[key] = array
    return result


def poses_of(rotations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Axis-angle vectors (..., 72) of the rotations (..., 24, 3, 3) of a body's joints."""
    shape = rotations.shape[:-3]
    return _in_blocks(matrix_to_axis_angle, rotations.reshape(-1, 3, 3), (3,)).reshape(*shape, 72)


def rotations_of(poses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotations (..., 24, 3, 3) of axis-angle vectors (..., 72): the inverse of `poses_of`."""
    shape = poses.shape[:-1]
    return _in_blocks(axis_angle_to_matrix, poses.reshape(-1, 3), (3, 3)).reshape(*shape, 24, 3, 3)


def _in_blocks(
    convert: Callable[[Tensor], Tensor], values: NDArray[np.float32], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Convert in double precision, in blocks that keep a long clip's memory small."""
    result = np.empty((len(values), *shape), np.float32)
    for block in blocks(len(values), _BLOCK):
        result[block] = convert(torch.from_numpy(values[block].astype(np.float64))).numpy()
    return result
