"""Camera paths as tables: a JSON of matrices or a CSV of quaternions; docs/motion.md has an example of each.

Convention: that of `camera_path`; poses take the camera to the world.
"""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maflab.inference.camera_path import CameraError, CameraPath, in_order, pose_from_quaternion

_POSE_COLUMNS = ("qw", "qx", "qy", "qz", "tx", "ty", "tz")


def read_json(path: Path) -> CameraPath:
    """A path from `{"frames": [{"frame": 0, "camera_to_world": ..., "focal": ..., "centre": ...}, ...]}`.

    `focal` and `centre` may stand at the top for all frames, or be missing; `size` and `up` may stand there too.

    Raises:
        CameraError: it is of another form.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CameraError(f"{path} is damaged or no JSON: {error}") from error
    if not isinstance(values, Mapping) or not isinstance(values.get("frames"), list):
        raise CameraError(f"{path} is no camera path: it has no list of frames")
    numbers, poses, lenses = [], [], []
    for position, frame in enumerate(values["frames"]):
        try:
            numbers.append(int(frame["frame"]))
            matrix = np.array(frame["camera_to_world"], np.float64)
            if matrix.shape not in ((3, 4), (4, 4)):
                raise ValueError(f"camera_to_world is {matrix.shape}, not (3, 4) or (4, 4)")
            poses.append(np.concatenate((matrix[:3], [[0, 0, 0, 1]])))
            lenses.append(_json_lens({**values, **frame}))
        except (KeyError, TypeError, ValueError) as error:
            raise CameraError(f"{path}: entry {position} of its frames is wrong or lacks a key ({error})") from error
    size = values.get("size")
    if size is not None and not (isinstance(size, list) and len(size) == 2 and min(size) > 0):
        raise CameraError(f"{path}: size must be [width, height], it is {size}")
    return in_order(path, numbers, poses, lenses, first=0, size=size and tuple(size), up=values.get("up"))


def _json_lens(values: Mapping[str, Any]) -> tuple[float, float, float] | None:
    if "focal" not in values:
        return None
    x, y = values.get("centre", (np.nan, np.nan))
    return float(values["focal"]), float(x), float(y)


def read_csv(path: Path) -> CameraPath:
    """A path from a table with a header: frame, qw, qx, qy, qz, tx, ty, tz, and focal, cx, cy where known.

    Raises:
        CameraError: it is of another form.
    """
    try:
        return _table(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CameraError(f"{path} is damaged or no CSV: {error}") from error


def _table(path: Path) -> CameraPath:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        columns = reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        lacking = [name for name in ("frame", *_POSE_COLUMNS) if name not in columns]
        if lacking:
            raise CameraError(f"{path} lacks the columns {', '.join(lacking)}")
        numbers, poses, lenses = [], [], []
        for row in reader:
            try:
                values = {name: float(row[name]) for name in columns}
                pose = [values[name] for name in _POSE_COLUMNS]
                numbers.append(int(values["frame"]))
                poses.append(pose_from_quaternion(np.array(pose[:4]), np.array(pose[4:])))
            except (TypeError, ValueError) as error:
                raise CameraError(f"{path}: line {reader.line_num} is wrong ({error})") from error
            centre = (values.get("cx", np.nan), values.get("cy", np.nan))
            lenses.append((values["focal"], *centre) if "focal" in values else None)
    return in_order(path, numbers, poses, lenses, first=0, size=None, up=None)
