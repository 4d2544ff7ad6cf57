"""People of one's own, in a CSV or JSON file of a plain form; docs/own_data.md describes it, with an example.

A record is a picture, a box (left, top, width, height, pixels) or key points to take it from, key points by name, and
whatever else is known: SMPL's pose and betas, gender, focal length, sequence, frame, annotation and picture numbers.
A JSON file is an object with the records under `people`, JSON lines (`.jsonl`) have a record a line, CSV a line a
record; all are read one record after the other.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import BODY25, COCO17, H36M17, J17, LSP14, SMPL24, SPIN24, SPIN49, JointSet
from maflab.body.label_joints import HUMANS44, MODEL45, MPI17, MPI28, OPENPOSE18, placed
from maflab.data.sources.boxes import PADDING, box_of_points, square_box
from maflab.data.sources.entries import checked_confidence, gender_number
from maflab.data.sources.json_items import json_items
from maflab.data.sources.own_csv import check_columns, record_of_row
from maflab.data.sources.person import Person, SourceError, Unusable

JOINT_SETS = {
    joints.name: joints
    for joints in (
        COCO17, BODY25, OPENPOSE18, SPIN24, SPIN49, LSP14, J17, H36M17, SMPL24, MODEL45, HUMANS44, MPI17, MPI28
    )
}  # fmt: skip
_FIELDS = {
    "image", "box", "keypoints", "joints_3d", "pose", "betas", "gender", "focal", "sequence", "frame", "annotation",
    "image_id",
}  # fmt: skip
_GENDERS = ("male", "female", "neutral", "")


class OwnLabels:
    """People of a file of one's own.

    Args:
        labels: `.csv`, `.json` or `.jsonl`.
        images: the folder that `image` is relative to; None: the labels' folder.
        joints: the joint set that key points are named in: COCO17, BODY25, SPIN49, SMPL24, ... (`JOINT_SETS`).
        padding: side of the square box over the longer side of the one in the file.

    Raises:
        SourceError: the file is missing or damaged, or has a column of another name.
        ValueError: no such joint set.
    """

    def __init__(
        self, labels: str | Path, images: str | Path | None = None, joints: str = "COCO17", padding: float = PADDING
    ) -> None:
        if joints not in JOINT_SETS:
            raise ValueError(f"there is no joint set {joints!r}; there are {', '.join(JOINT_SETS)}")
        self.path, self.joints, self.padding = Path(labels), JOINT_SETS[joints], padding
        self.images = self.path.parent if images is None else Path(images)
        if self.path.suffix not in _READERS:
            raise SourceError(f"{self.path} must be one of {', '.join(_READERS)}")
        if not self.path.is_file():
            raise SourceError(f"{self.path} is missing; docs/own_data.md shows the form")
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self._records())
        return self._length

    def __iter__(self) -> Iterator[Person | Unusable]:
        for place, record in self._records():
            try:
                yield self._person(record_of_row(record) if self.path.suffix == ".csv" else record)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                image = str(record.get("image") or "") if isinstance(record, Mapping) else ""
                yield Unusable(image, f"{place}: {error.args[0] if error.args else error}")

    def _records(self) -> Iterator[tuple[str, Any]]:
        try:
            yield from _READERS[self.path.suffix](self.path, self.joints)
        except (ValueError, csv.Error) as error:
            raise SourceError(f"{self.path} cannot be read ({error}); docs/own_data.md shows the form") from error

    def _person(self, record: Mapping[str, Any]) -> Person:
        if not isinstance(record, Mapping):
            raise ValueError(f"a record is an object with names, not {type(record).__name__}")
        if unknown := set(record) - _FIELDS:
            raise ValueError(f"there is no field {', '.join(sorted(unknown))}; there are {', '.join(sorted(_FIELDS))}")
        if not record.get("image"):
            raise ValueError("it names no image")
        keypoints = _points(record.get("keypoints"), self.joints, 2)
        if (box := record.get("box")) is not None:
            left, top, width, height = _numbers(box, 4, "box").tolist()
            center, size = square_box(left, top, width, height, self.padding)
        elif keypoints is not None:
            center, size = box_of_points(keypoints[keypoints[:, 2] > 0, :2], self.padding)
        else:
            raise ValueError("it has neither a box nor key points to take one from")
        joints_3d = _points(record.get("joints_3d"), self.joints, 3)
        gender = str(record.get("gender") or "").lower()
        if gender not in _GENDERS:
            raise ValueError(f"the gender is male, female or neutral, not {gender!r}")
        pose, betas = record.get("pose"), record.get("betas")
        return Person(
            image=self.images / str(record["image"]),
            center=center,
            size=size,
            keypoints_2d=None if keypoints is None else placed(keypoints, self.joints, SPIN49),
            joints_3d=None if joints_3d is None else placed(joints_3d, self.joints, SPIN24),
            pose=None if pose is None else _numbers(pose, 72, "pose"),
            betas=None if betas is None else _numbers(betas, 10, "betas"),
            gender=gender_number(gender),
            focal=float(record.get("focal") or 0),
            sequence=str(record.get("sequence") or ""),
            frame=int(record.get("frame") or 0),
            annotation=int(record.get("annotation", -1)),
            image_id=int(record.get("image_id", -1)),
        )


def _points(given: Any, joints: JointSet, dimensions: int) -> NDArray[np.float64] | None:
    """(J, dimensions + 1) from a list in the set's order or an object by name; a confidence left out is 1."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in joints.names]:
            raise ValueError(f"{joints.name} has no joint {', '.join(unknown)}; it has {', '.join(joints.names)}")
        given = [given.get(name) for name in joints.names]
    if len(given) != len(joints):
        raise ValueError(f"{len(given)} key points are given for the {len(joints)} joints of {joints.name}")
    points = np.zeros((len(joints), dimensions + 1))
    for place, point in enumerate(given):
        if point is None:
            continue
        if len(point) not in (dimensions, dimensions + 1):
            raise ValueError(f"{joints.names[place]} has {len(point)} numbers, not {dimensions} and a confidence")
        points[place] = [*point, 1.0][: dimensions + 1]
    points = checked_confidence(points)
    return points if points[:, -1].any() else None


def _numbers(given: Any, count: int, name: str) -> NDArray[np.float32]:
    numbers = np.asarray(given, np.float32).ravel()
    if len(numbers) != count:
        raise ValueError(f"{name} has {len(numbers)} numbers, not {count}")
    return numbers


def _read_csv(path: Path, joints: JointSet) -> Iterator[tuple[str, Mapping[str | None, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        check_columns(reader.fieldnames or (), joints)
        for row in reader:
            yield f"line {reader.line_num}", row


def _read_json_lines(path: Path, _joints: JointSet) -> Iterator[tuple[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"line {number}", json.loads(line)


def _read_json(path: Path, _joints: JointSet) -> Iterator[tuple[str, Any]]:
    for number, record in enumerate(json_items(path, "people")):
        yield f"record {number}", record


_READERS = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_json_lines}
