"""The columns of one's own CSV file, as docs/own_data.md describes them, put together to records."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from maflab.body.joints import JointSet

_BOX = ("box_left", "box_top", "box_width", "box_height")
_NUMBERED = re.compile(r"(pose|betas)_(\d+)")
_LENGTHS = {"pose": 72, "betas": 10}
_TEXTS = ("image", "gender", "sequence")
_WHOLE = ("frame", "annotation", "image_id")
_COORDINATES = ("x", "y", "confidence")


def check_columns(names: Iterable[str], joints: JointSet) -> None:
    """Raises ValueError for a column that is none of those of `record_of_row`."""
    plain = {*_TEXTS, *_WHOLE, *_BOX, "focal"}
    for name in names:
        joint, _, coordinate = name.rpartition("_")
        of_joint = joint in joints.names and coordinate in _COORDINATES
        if not (name in plain or of_joint or _NUMBERED.fullmatch(name)):
            raise ValueError(f"there is no column {name!r}; {joints.name} has no such joint, if it is one")


def record_of_row(row: Mapping[str | None, Any]) -> dict[str, Any]:
    """The record of a CSV line; an empty cell is an absent label.

    Args:
        row: cells by column: image, box_left, box_top, box_width, box_height, <joint>_x, <joint>_y,
            <joint>_confidence, pose_0 ... pose_71, betas_0 ... betas_9, gender, focal, sequence, frame, annotation,
            image_id; no others, see `check_columns`.

    Raises:
        ValueError: a cell that is no number, too many cells, or a label with some of its cells empty.
    """
    cells = {column: cell.strip() for column, cell in row.items() if isinstance(cell, str) and cell.strip()}
    if None in row or any(column is None for column in row):
        raise ValueError("it has more cells than there are columns")
    record: dict[str, Any] = {}
    keypoints: dict[str, dict[str, float]] = {}
    numbered: dict[str, dict[int, float]] = {}
    for column, cell in cells.items():
        name = str(column)
        joint, _, coordinate = name.rpartition("_")
        if name in _TEXTS:
            record[name] = cell
        elif name in _WHOLE:
            record[name] = int(_number(name, cell))
        elif name == "focal" or name in _BOX:
            record[name] = _number(name, cell)
        elif match := _NUMBERED.fullmatch(name):
            numbered.setdefault(match[1], {})[int(match[2])] = _number(name, cell)
        else:
            keypoints.setdefault(joint, {})[coordinate] = _number(name, cell)
    if box := [record.pop(side) for side in _BOX if side in record]:
        if len(box) != len(_BOX):
            raise ValueError(f"a box is {', '.join(_BOX)}; {len(box)} of them are given")
        record["box"] = box
    for label, numbers in numbered.items():
        if sorted(numbers) != list(range(_LENGTHS[label])):
            raise ValueError(f"{label} is {label}_0 ... {label}_{_LENGTHS[label] - 1}; {len(numbers)} cells are filled")
        record[label] = [numbers[place] for place in range(len(numbers))]
    if keypoints:
        record["keypoints"] = {joint: _point(joint, point) for joint, point in keypoints.items()}
    return record


def _number(column: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{column} is {cell!r}, not a number") from None


def _point(joint: str, point: Mapping[str, float]) -> list[float] | None:
    if "x" not in point and "y" not in point:
        return None  # a confidence alone says nothing
    if "x" not in point or "y" not in point:
        raise ValueError(f"{joint} has one coordinate of two")
    return [point["x"], point["y"], point.get("confidence", 1.0)]
