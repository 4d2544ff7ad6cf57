"""COLMAP's text model: `cameras.txt` and `images.txt` (Schönberger and Frahm, CVPR 2016; COLMAP's documentation).

There a pose takes the world to the camera, and (0.5, 0.5) is the centre of the top-left pixel.
"""

import logging
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from maflab.inference.camera_path import CameraError, CameraPath, in_order, pose_from_quaternion

logger = logging.getLogger(__name__)

# Where the focal lengths are among a model's numbers, the principal point follows them; the rest is distortion.
_FOCALS = {"SIMPLE_PINHOLE": 1, "PINHOLE": 2, "SIMPLE_RADIAL": 1, "RADIAL": 1, "OPENCV": 2, "FULL_OPENCV": 2}
_SQUARE = 0.02
# Video frames are extracted under numbers from one on.
_FIRST_NUMBER = 1


class _Lens(NamedTuple):
    focal: float
    x: float
    y: float
    size: tuple[int, int]


def read_colmap(folder: Path) -> CameraPath:
    """A path from a folder with both files; a picture's frame is the last number in its name.

    Raises:
        CameraError: a file is missing or wrong, or a camera is of a kind that a pinhole does not stand for.
    """
    for name in ("cameras.txt", "images.txt"):
        if not (folder / name).is_file():
            remedy = ""
            if (folder / name).with_suffix(".bin").is_file():
                remedy = "; its binary form becomes text by `colmap model_converter --output_type TXT`"
            raise CameraError(f"{folder} has no {name}, so it is no COLMAP model as text{remedy}")
    cameras = _cameras(folder / "cameras.txt")
    path = folder / "images.txt"
    numbers, poses, lenses = [], [], []
    used = set()
    for line in _lines(path)[::2]:  # every second line lists points
        try:
            _, *pose, camera, name = line.split(maxsplit=9)
            values = np.array(pose, np.float64)
            lens = cameras[camera]
            world_to_camera = pose_from_quaternion(values[:4], values[4:])
        except (KeyError, ValueError) as error:
            raise CameraError(f"{path}: this line is wrong or names no camera: {line[:80]!r}") from error
        digits = re.findall(r"\d+", Path(name).stem)
        if not digits:
            raise CameraError(f"{path}: the picture {name!r} has no number, so its frame is not known")
        numbers.append(int(digits[-1]))
        poses.append(np.linalg.inv(world_to_camera))
        lenses.append((lens.focal, lens.x, lens.y))
        used.add(lens.size)
    if len(used) > 1:
        raise CameraError(f"{folder} has pictures of different sizes, so they are not one clip's frames")
    return in_order(path, numbers, poses, lenses, first=_FIRST_NUMBER, size=next(iter(used), None), up=None)


def _cameras(path: Path) -> dict[str, _Lens]:
    cameras = {}
    for line in filter(None, _lines(path)):
        try:
            number, model, width, height, *rest = line.split()
            parameters = [float(value) for value in rest]
            size = (int(width), int(height))
        except ValueError as error:
            raise CameraError(f"{path}: this line is wrong: {line[:80]!r}") from error
        if model not in _FOCALS:
            raise CameraError(f"{path}: a camera {model} is not near a pinhole; use one of {', '.join(_FOCALS)}")
        focals = parameters[: _FOCALS[model]]
        if len(parameters) < len(focals) + 2:
            raise CameraError(f"{path}: camera {number} has too few parameters for {model}")
        if max(focals) > min(focals) * (1 + _SQUARE):
            raise CameraError(f"{path}: camera {number} has focal lengths {focals}, but pixels are taken for square")
        distortion = parameters[len(focals) + 2 :]
        if any(abs(value) > 0.01 for value in distortion):
            logger.warning("%s: the lens distortion of camera %s is not taken into account", path, number)
        x, y = parameters[len(focals) : len(focals) + 2]
        cameras[number] = _Lens(float(np.mean(focals)), x - 0.5, y - 0.5, size)
    return cameras


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CameraError(f"{path} is no text file") from error
    # A picture without points has an empty second line, so empty lines count.
    return [line for line in text.rstrip().split("\n") if not line.startswith("#")] if text.strip() else []
