"""CameraHMR's label files (Patel and Black, 3DV 2025): one `.npz` a data set, for many data sets alike.

Keys read: imgname, center, scale (the box's side is 200 scale), gtkps (44 or more joints, the first 44 in 4D-Humans'
order, pixels and confidence), pose_cam or pose (72 or 24 x 3, axis-angle with the root into the camera), shape (the
first ten count), cam_int. Its bodies are of the neutral model.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from maflab.body.joints import SPIN49
from maflab.body.label_joints import HUMANS44, placed
from maflab.data.sources.entries import checked_confidence, frame_number, with_confidence
from maflab.data.sources.npz_labels import NpzLabels, Row, label_files
from maflab.data.sources.person import Person, SourceError
from maflab.data.sources.upright import quarter_turns

_POSE_SHAPES = ((72,), (24, 3))


class CameraHMRLabels:
    """People of one or more of CameraHMR's label files.

    Args:
        labels: a file, or a folder of them.
        images: the folder that `imgname` is relative to.

    Raises:
        SourceError: there are no label files, or one is damaged or of another form.
    """

    def __init__(self, labels: str | Path, images: str | Path) -> None:
        self.images = Path(images)
        self.files = [NpzLabels(path) for path in label_files(Path(labels))]
        for file in self.files:
            _check(file)

    def __len__(self) -> int:
        return sum(map(len, self.files))

    def __iter__(self) -> Iterator[Person]:
        for file in self.files:
            pose = _pose_key(file)
            keys = ["imgname", "center", "scale", "gtkps", pose, *(k for k in ("shape", "cam_int") if k in file)]
            for row in file.rows([key for key in keys if key]):
                yield _person(row, self.images, pose)


def _pose_key(file: NpzLabels) -> str:
    return next((key for key in ("pose_cam", "pose") if key in file), "")


def _check(file: NpzLabels) -> None:
    file.check("center", (2,))
    file.check("scale", (), (1,))
    file.check("gtkps")
    if len(file.shape("gtkps")) != 2 or file.shape("gtkps")[0] < len(HUMANS44) or file.shape("gtkps")[1] not in (2, 3):
        raise SourceError(
            f"{file.path}: 'gtkps' has the shape {file.shape('gtkps')} a person; CameraHMR's are {len(HUMANS44)} "
            "joints or more, of x, y and a confidence (BEDLAM's own files: source=bedlam)"
        )
    if pose := _pose_key(file):
        file.check(pose, *_POSE_SHAPES)
    if "cam_int" in file:
        file.check("cam_int", (3, 3))
    if "shape" in file and (len(file.shape("shape")) != 1 or file.shape("shape")[0] < 10):
        file.check("shape", (10,))


def _person(row: Row, images: Path, pose: str) -> Person:
    points = row["gtkps"][: len(HUMANS44)]
    points = checked_confidence(points) if points.shape[1] == 3 else with_confidence(points)
    name = Path(str(row["imgname"]))
    return Person(
        image=images / name,
        center=row["center"].astype(np.float32),
        size=200 * float(row["scale"].item()),
        keypoints_2d=placed(points, HUMANS44, SPIN49),
        pose=row[pose].reshape(72).astype(np.float32) if pose else None,
        betas=row["shape"][:10].astype(np.float32) if "shape" in row else None,
        focal=float(row["cam_int"][0, 0]) if "cam_int" in row else 0.0,
        sequence=str(name.parent),
        frame=frame_number(name),
        turns=quarter_turns(images / name, row.get("cam_int")),
    )
