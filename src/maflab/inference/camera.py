"""The camera of a clip: its focal length, from whatever tells it, and its path through the world, where one was solved.

Convention: pixel (0, 0) is the centre of the top-left one. The world of a path is turned so that y points up; it is
right-handed and in metres.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from maflab.inference.camera_path import CameraError, CameraPath
from maflab.inference.camera_tables import read_csv, read_json
from maflab.inference.colmap_text import read_colmap

logger = logging.getLogger(__name__)

# Rows of the world that is wanted, y up, in the axes of the file's.
_UPRIGHT = {
    "+x": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "-x": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    "+y": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "+z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "-z": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
}


class Camera(NamedTuple):
    """What is known of the camera. Where nothing here tells the focal length, the picture's EXIF data may.

    Args:
        focal: pixels of the frame.
        field_of_view: degrees across the frame's width.
        path: a solved camera path, see `read_path`.
        first_number: what the path calls the clip's first frame; None: 0 in JSON and CSV, 1 in COLMAP's names.
        up: the axis of the path's world that points up, +x, -x ... -z; None: what the file says, or -y, which is a
            world with the axes of an upright camera.
        scale: metres a unit of the path's world; structure from motion leaves it open.
    """

    focal: float | None = None
    field_of_view: float | None = None
    path: str | None = None
    first_number: int | None = None
    up: str | None = None
    scale: float = 1.0


class View(NamedTuple):
    """The camera of every frame, in the form that `Recording` has it."""

    focal: NDArray[np.float32]  # (N,) pixels
    centre: NDArray[np.float32]  # (N, 2) pixels
    focal_source: str
    camera_to_world: NDArray[np.float64] | None  # (N, 4, 4)


def view_of(camera: Camera, size: tuple[int, int], count: int, exif: Sequence[float | None] = ()) -> View:
    """The camera of a clip's frames.

    Where nothing tells the focal length it is taken to be the frame's diagonal, a field of view of some 53 degrees
    across it (as Li et al., CLIFF, ECCV 2022, do), which the result says.

    Args:
        camera: settings.
        size: width and height of the frames.
        count: how many frames there are.
        exif: focal lengths in pixels of the frames' pictures, from `exif.exif_focal`; empty for a video.

    Raises:
        CameraError: a setting is out of range or contradicts another, or the path's file is wrong or not of this clip.
    """
    _check(camera)
    focal, source = _focal(camera, size, count, exif)
    centre = np.tile((np.array(size) - 1) / 2, (count, 1))
    poses = None
    if camera.path is not None:
        path = read_path(Path(camera.path))
        frames = _frames_of(path, camera, count)
        poses = _poses(path, camera, frames, count)
        ratio = _ratio(path, size, camera.path)
        every = np.arange(count)
        if path.focal is not None:
            if source in ("given", "field of view"):
                raise CameraError(
                    f"{camera.path} tells the focal length; leave camera.focal and camera.field_of_view out"
                )
            focal, source = ratio * np.interp(every, frames, path.focal), "camera path"
        if path.centre is not None:
            # Centres of pixels stand half a pixel from the border at either size.
            scaled = (path.centre + 0.5) * ratio - 0.5
            centre = np.stack([np.interp(every, frames, axis) for axis in scaled.T], 1)
    return View(focal.astype(np.float32), centre.astype(np.float32), source, poses)


def read_path(path: Path) -> CameraPath:
    """Read a solved path: a `.json` or `.csv` file, or a folder with COLMAP's `cameras.txt` and `images.txt`.

    Raises:
        CameraError: it is not there, of another form, or wrong; the message says where.
    """
    if not path.exists():
        raise CameraError(f"camera.path={path} is not there")
    if path.is_dir() or path.name in ("images.txt", "cameras.txt"):
        return read_colmap(path if path.is_dir() else path.parent)
    readers = {".json": read_json, ".csv": read_csv}
    if path.suffix.lower() not in readers:
        raise CameraError(f"{path} is no camera path: give a .json, a .csv, or the folder of COLMAP's text files")
    return readers[path.suffix.lower()](path)


def _check(camera: Camera) -> None:
    if camera.focal is not None and camera.field_of_view is not None:
        raise CameraError("camera.focal and camera.field_of_view both tell the focal length: give one of them")
    if camera.focal is not None and not 0 < camera.focal < math.inf:
        raise CameraError(f"camera.focal must be a positive number of pixels, it is {camera.focal}")
    if camera.field_of_view is not None and not 0 < camera.field_of_view < 180:
        raise CameraError(f"camera.field_of_view must be between 0 and 180 degrees, it is {camera.field_of_view}")
    if not 0 < camera.scale < math.inf:
        raise CameraError(f"camera.scale must be positive, it is {camera.scale}")
    if camera.up is not None and camera.up not in _UPRIGHT:
        raise CameraError(f"camera.up must be one of {', '.join(_UPRIGHT)}, it is {camera.up}")
    idle = [name for name in ("first_number", "up") if getattr(camera, name) is not None]
    idle += ["scale"] if camera.scale != 1 else []
    if camera.path is None and idle:
        raise CameraError(f"camera.{idle[0]} is read only with camera.path, which is not given")


def _focal(
    camera: Camera, size: tuple[int, int], count: int, exif: Sequence[float | None]
) -> tuple[NDArray[np.float64], str]:
    """(N,) and where it came from, the path left aside."""
    if camera.focal is not None:
        return np.full(count, camera.focal), "given"
    if camera.field_of_view is not None:
        return np.full(count, size[0] / 2 / math.tan(math.radians(camera.field_of_view) / 2)), "field of view"
    told = [value for value in exif if value]
    if told:
        # Pictures that do not tell are taken for the others' camera.
        usual = float(np.median(told))
        return np.array([value or usual for value in exif]), "exif"
    return np.full(count, math.hypot(*size)), "assumed"


def _frames_of(path: CameraPath, camera: Camera, count: int) -> NDArray[np.int64]:
    """The clip's frames (M,) that the path's entries belong to."""
    first = path.first if camera.first_number is None else camera.first_number
    frames = path.numbers - first
    outside = path.numbers[(frames < 0) | (frames >= count)]
    if len(outside):
        raise CameraError(
            f"{camera.path} has a frame {outside[0]}, but the clip's {count} frames are {first} to "
            f"{first + count - 1} there; set camera.first_number to what the path calls the first one"
        )
    between = int(frames[-1] - frames[0] + 1 - len(frames))
    held = count - between - len(frames)
    if between or held:
        logger.warning(
            "%s lacks %d of %d frames: %d lie between others and are interpolated, %d at the ends stand still",
            camera.path,
            between + held,
            count,
            between,
            held,
        )
    return frames


def _poses(path: CameraPath, camera: Camera, frames: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(N, 4, 4) camera to world, the world y up and in metres."""
    # That a matrix is a rotation to four decimals was checked; here it becomes one.
    turns = Rotation.from_matrix(path.camera_to_world[:, :3, :3])
    upright = np.array(_UPRIGHT[camera.up or _stated_up(path, camera)], np.float64)
    every = np.arange(count)
    within = np.clip(every, frames[0], frames[-1])
    poses = np.tile(np.eye(4), (count, 1, 1))
    between = Slerp(frames, turns)(within) if len(frames) > 1 else turns[np.zeros(count, int)]
    poses[:, :3, :3] = upright @ between.as_matrix()
    places = path.camera_to_world[:, :3, 3] * camera.scale
    poses[:, :3, 3] = np.stack([np.interp(every, frames, axis) for axis in places.T], 1) @ upright.T
    return poses


def _stated_up(path: CameraPath, camera: Camera) -> str:
    up = path.up if path.up is not None else "-y"
    up = up if up.startswith(("+", "-")) else f"+{up}"
    if up not in _UPRIGHT:
        raise CameraError(f"{camera.path} says that {path.up!r} points up; one of {', '.join(_UPRIGHT)} can")
    return up


def _ratio(path: CameraPath, size: tuple[int, int], name: str) -> float:
    """Pixels of the clip a pixel of the path's pictures."""
    if path.size is None:
        return 1.0
    across, down = size[0] / path.size[0], size[1] / path.size[1]
    if abs(across / down - 1) > 0.02:
        raise CameraError(f"{name} is for pictures of {path.size}, which have another shape than the clip's {size}")
    return across
