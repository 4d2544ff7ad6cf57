"""3DPW's own files (von Marcard et al., ECCV 2018): `sequenceFiles/<split>/<sequence>.pkl`, pickled by Python 2.

Keys read, lists with one entry an actor: poses (N, 72) in the world, betas, genders ('m', 'f'), campose_valid (N),
poses2d (N, 3, 18) detections in OpenPose's old order, jointPositions (N, 72) of SMPL's joints in the world, metres;
and for all: sequence, cam_poses (N, 4, 4) from the world into the camera, cam_intrinsics (3, 3). Pictures are
`imageFiles/<sequence>/image_<frame, 5 digits>.jpg`. Frames whose camera was not aligned (campose_valid 0) are left out,
as in SPIN's preprocessing; the box is that of the detections, padded by 1.2, or of the joints where there are none.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import SMPL24, SPIN24, SPIN49
from maflab.body.label_joints import OPENPOSE18, placed
from maflab.data.sources.boxes import box_of_points
from maflab.data.sources.entries import checked_confidence, gender_number, with_confidence
from maflab.data.sources.person import Person, SourceError, Unusable
from maflab.data.sources.rotations import turned_pose
from maflab.data.sources.sequence_pickle import check_shapes, read_sequence

_KEYS = ("sequence", "poses", "betas", "genders", "campose_valid", "cam_poses", "cam_intrinsics")
_OF_ACTORS = ("poses", "betas", "genders", "campose_valid", "jointPositions", "poses2d")


class ThreeDPWSequences:
    """People of a split of 3DPW: sequence by sequence, actor by actor.

    Args:
        labels: a folder of sequences, `sequenceFiles/test` for example.
        images: the folder `imageFiles`.

    Raises:
        SourceError: there are no sequences, or (when its turn comes) one is damaged or lacks something.
    """

    def __init__(self, labels: str | Path, images: str | Path) -> None:
        self.images = Path(images)
        self.files = sorted(Path(labels).glob("*.pkl"))
        if not self.files:
            raise SourceError(f"{labels} is missing or holds no .pkl; unpack 3DPW's sequenceFiles.zip there")
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(int(_valid(sequence).sum()) for sequence in map(_read, self.files))
        return self._length

    def __iter__(self) -> Iterator[Person | Unusable]:
        for path in self.files:
            sequence = _read(path)
            for actor, frame in np.argwhere(_valid(sequence)):
                yield _person(sequence, int(actor), int(frame), self.images)


def _read(path: Path) -> dict[str, Any]:
    """A sequence, its arrays checked. SourceError when it is damaged or incomplete."""
    sequence = read_sequence(path, _KEYS, "3DPW")
    actors = {key: len(sequence[key]) for key in _OF_ACTORS if key in sequence}
    if len(set(actors.values())) != 1:
        raise SourceError(f"{path} has different numbers of actors: {actors}")
    frames = len(sequence["cam_poses"])
    shapes = {
        "poses": (frames, 72),
        "campose_valid": (frames,),
        "jointPositions": (frames, 72),
        "poses2d": (frames, 3, 18),
    }
    arrays: dict[str, tuple[Any, tuple[int, ...]]] = {
        f"{key} of actor {actor}": (values, shape)
        for key, shape in shapes.items()
        for actor, values in enumerate(sequence.get(key, ()))
    }
    for actor, betas in enumerate(sequence["betas"]):
        arrays[f"betas of actor {actor}"] = (np.ravel(betas)[:10], (10,))
    arrays |= {"cam_poses": (sequence["cam_poses"], (frames, 4, 4))}
    arrays |= {"cam_intrinsics": (sequence["cam_intrinsics"], (3, 3))}
    check_shapes(path, arrays)
    return sequence


def _valid(sequence: dict[str, Any]) -> NDArray[np.bool_]:
    """(actors, frames)."""
    return np.stack([np.asarray(valid).astype(bool) for valid in sequence["campose_valid"]])


def _person(sequence: dict[str, Any], actor: int, frame: int, images: Path) -> Person | Unusable:
    name = str(sequence["sequence"])
    image = images / name / f"image_{frame:05d}.jpg"
    camera = np.asarray(sequence["cam_poses"][frame], np.float64)
    intrinsics = np.asarray(sequence["cam_intrinsics"], np.float64)
    try:
        pose = turned_pose(sequence["poses"][actor][frame], camera[:3, :3])
    except ValueError as error:
        return Unusable(str(image), f"actor {actor}: {error}")
    joints = None
    if "jointPositions" in sequence:
        world = np.asarray(sequence["jointPositions"][actor][frame], np.float64).reshape(24, 3)
        joints = world @ camera[:3, :3].T + camera[:3, 3]
    keypoints = _detections(sequence, actor, frame)
    seen = np.empty((0, 2)) if keypoints is None else keypoints[keypoints[:, 2] > 0, :2]
    if not len(seen) and joints is not None:
        projected = joints @ intrinsics.T
        seen = projected[:, :2] / projected[:, 2:]
    center, size = box_of_points(seen)
    return Person(
        image=image,
        center=center,
        size=size,
        keypoints_2d=None if keypoints is None else placed(keypoints, OPENPOSE18, SPIN49),
        joints_3d=None if joints is None else placed(with_confidence(joints), SMPL24, SPIN24),
        pose=pose,
        betas=np.asarray(sequence["betas"][actor], np.float32).ravel()[:10],
        gender=gender_number(sequence["genders"][actor]),
        focal=float(intrinsics[0, 0]),
        sequence=f"{name}/{actor}",
        frame=frame,
    )


def _detections(sequence: dict[str, Any], actor: int, frame: int) -> NDArray[np.float64] | None:
    """(18, 3) pixels and confidence; None where nothing was detected."""
    if "poses2d" not in sequence:
        return None
    points = checked_confidence(np.asarray(sequence["poses2d"][actor][frame], np.float64).T)
    return points if points[:, 2].any() else None
