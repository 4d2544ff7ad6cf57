"""4D-Humans' label files (Goel et al., ICCV 2023): `.npz`, one a data set.

Keys read: imgname, center, scale (width and height of the box, or its side, in pixels: not over 200 as elsewhere),
body_keypoints_2d (25, 3) of OpenPose and extra_keypoints_2d (19, 3), or keypoints_2d (44 of both, or the 24 of SMPL
in TokenHMR's file of EMDB), the same in 3D with four numbers a joint, body_pose (72, the root included) and betas with
has_body_pose and has_betas, gender. What is absent is unlabelled; a missing has_... counts as 1. Its training shards
are read by `fourdhumans_tars`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import SMPL24, SPIN24, SPIN49
from maflab.body.label_joints import HUMANS44, placed
from maflab.data.sources.entries import checked_confidence, frame_number, gender_number, with_confidence
from maflab.data.sources.npz_labels import NpzLabels, label_files
from maflab.data.sources.person import Person

_BODY, _EXTRA = 25, 19
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "center": ((2,),),
    "scale": ((), (1,), (2,)),
    "body_keypoints_2d": ((_BODY, 3),),
    "extra_keypoints_2d": ((_EXTRA, 3),),
    "body_keypoints_3d": ((_BODY, 4),),
    "extra_keypoints_3d": ((_EXTRA, 4),),
    "keypoints_2d": ((len(HUMANS44), 3), (len(SMPL24), 3), (len(SMPL24), 2)),
    "body_pose": ((72,),),
    "betas": ((10,),),
    "has_body_pose": ((), (1,)),
    "has_betas": ((), (1,)),
    "gender": ((),),
}


class FourDHumansLabels:
    """People of one or more of 4D-Humans' `.npz`.

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
            for key, shapes in _SHAPES.items():
                if key in file or key in ("center", "scale"):
                    file.check(key, *shapes)

    def __len__(self) -> int:
        return sum(map(len, self.files))

    def __iter__(self) -> Iterator[Person]:
        for file in self.files:
            for row in file.rows(["imgname", *(key for key in _SHAPES if key in file)]):
                image = self.images / str(row["imgname"])
                yield humans_person(row, image, float(np.max(row["scale"])))


def humans_person(labels: Mapping[str, Any], image: Path, size: float) -> Person:
    """A person from 4D-Humans' labels, whichever file they were in.

    Args:
        labels: by the keys above. image: the picture. size: side of the box, pixels.
    """
    joints_3d = _both_halves(labels, "3d", 4)
    return Person(
        image=image,
        center=np.asarray(labels["center"], np.float32).reshape(2),
        size=size,
        keypoints_2d=_keypoints(labels),
        joints_3d=None if joints_3d is None else placed(joints_3d, HUMANS44, SPIN24),
        pose=_if_labelled(labels, "body_pose", 72),
        betas=_if_labelled(labels, "betas", 10),
        gender=gender_number(labels.get("gender")),
        sequence=image.parent.name,
        frame=frame_number(image),
    )


def _keypoints(labels: Mapping[str, Any]) -> NDArray[np.float32] | None:
    points = _both_halves(labels, "2d", 3)
    if points is not None:
        return placed(points, HUMANS44, SPIN49)
    if "keypoints_2d" not in labels:
        return None
    points = np.asarray(labels["keypoints_2d"])
    points = with_confidence(points) if points.shape[1] == 2 else checked_confidence(points)
    return placed(points, SMPL24, SPIN49)


def _both_halves(labels: Mapping[str, Any], dimension: str, width: int) -> NDArray[np.float64] | None:
    """The 44 points, (44, width), from their halves or as they are; None where they are not labelled."""
    whole = labels.get(f"keypoints_{dimension}")
    if whole is not None and np.shape(whole) == (len(HUMANS44), width):
        return _if_any(np.asarray(whole))
    halves = [labels.get(f"{half}_keypoints_{dimension}") for half in ("body", "extra")]
    if halves[0] is halves[1] is None:
        return None
    filled = [
        np.zeros((count, width)) if half is None else np.asarray(half)
        for half, count in zip(halves, (_BODY, _EXTRA), strict=True)
    ]
    return _if_any(np.concatenate(filled))


def _if_any(points: NDArray[Any]) -> NDArray[np.float64] | None:
    points = checked_confidence(points)
    return points if points[:, -1].any() else None


def _if_labelled(labels: Mapping[str, Any], key: str, width: int) -> NDArray[np.float32] | None:
    if key not in labels or not np.all(np.asarray(labels.get(f"has_{key}", 1)) > 0):
        return None
    return np.asarray(labels[key], np.float32).reshape(width)
