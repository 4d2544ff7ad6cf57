"""EMDB's own files (Kaufmann et al., ICCV 2023): `P<subject>/<sequence>/*_data.pkl` beside the folder `images`.

Keys read: name, gender, emdb1, emdb2, n_frames, good_frames_mask (N), camera.intrinsics (3, 3), camera.extrinsics
(N, 4, 4) from the world into the camera, smpl.poses_root (N, 3) in the world, smpl.poses_body (N, 69), smpl.betas
(10), kp2d (N, 24, 2) SMPL's joints in pixels, bboxes.bboxes (N, 4) left, top, right, bottom, bboxes.invalid_idxs.
Pictures are `images/<frame, 5 digits>.jpg`. Frames that its authors excluded (mask or box) are left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import SMPL24, SPIN49
from maflab.body.label_joints import placed
from maflab.data.sources.boxes import square_box
from maflab.data.sources.entries import gender_number, with_confidence
from maflab.data.sources.person import Person, SourceError, Unusable
from maflab.data.sources.rotations import turned_pose
from maflab.data.sources.sequence_pickle import check_shapes, read_sequence

_PARTS = ("emdb1", "emdb2", "all")
_KEYS = (
    "name", "gender", "n_frames", "good_frames_mask", "kp2d", "camera.intrinsics", "camera.extrinsics",
    "smpl.poses_root", "smpl.poses_body", "smpl.betas", "bboxes.bboxes",
)  # fmt: skip


class EMDBSequences:
    """People of EMDB, sequence by sequence.

    Args:
        labels: the folder with P0 ... P9.
        images: the folder with P0 ... P9 and the pictures; the same one, unless they lie apart.
        part: `emdb1` (the protocol of methods that work frame by frame), `emdb2` (global trajectories), or `all`.

    Raises:
        SourceError: there are no sequences, or (when its turn comes) one is damaged or lacks something.
        ValueError: no such part.
    """

    def __init__(self, labels: str | Path, images: str | Path, part: str = "emdb1") -> None:
        if part not in _PARTS:
            raise ValueError(f"EMDB has the parts {', '.join(_PARTS)}, not {part!r}")
        self.labels, self.images, self.part = Path(labels), Path(images), part
        self.files = sorted(self.labels.glob("P*/*/*_data.pkl"))
        if not self.files:
            raise SourceError(f"{self.labels} has no P*/*/*_data.pkl; unpack EMDB's archives there")
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(len(_usable_frames(sequence)) for _, sequence in self._sequences())
        return self._length

    def __iter__(self) -> Iterator[Person | Unusable]:
        for path, sequence in self._sequences():
            folder = self.images / path.parent.relative_to(self.labels) / "images"
            for frame in _usable_frames(sequence).tolist():
                yield _person(sequence, frame, folder / f"{frame:05d}.jpg")

    def _sequences(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in self.files:
            sequence = _read(path)
            if self.part == "all" or bool(sequence.get(self.part)):
                yield path, sequence


def _read(path: Path) -> dict[str, Any]:
    """A sequence, its arrays checked. SourceError when it is damaged or incomplete."""
    sequence = read_sequence(path, _KEYS, "EMDB")
    frames = int(sequence["n_frames"])
    smpl, camera = sequence["smpl"], sequence["camera"]
    arrays = {
        "good_frames_mask": (sequence["good_frames_mask"], (frames,)),
        "kp2d": (sequence["kp2d"], (frames, 24, 2)),
        "camera.intrinsics": (camera["intrinsics"], (3, 3)),
        "camera.extrinsics": (camera["extrinsics"], (frames, 4, 4)),
        "smpl.poses_root": (smpl["poses_root"], (frames, 3)),
        "smpl.poses_body": (smpl["poses_body"], (frames, 69)),
        "smpl.betas": (np.ravel(smpl["betas"])[:10], (10,)),
        "bboxes.bboxes": (sequence["bboxes"]["bboxes"], (frames, 4)),
    }
    check_shapes(path, arrays)
    return sequence


def _usable_frames(sequence: dict[str, Any]) -> NDArray[np.int64]:
    usable = np.asarray(sequence["good_frames_mask"]).astype(bool)
    invalid = np.asarray(sequence["bboxes"].get("invalid_idxs", ()), np.int64)
    usable[invalid] = False
    return np.flatnonzero(usable)


def _person(sequence: dict[str, Any], frame: int, image: Path) -> Person | Unusable:
    left, top, right, bottom = (float(edge) for edge in sequence["bboxes"]["bboxes"][frame])
    center, size = square_box(left, top, right - left, bottom - top)
    smpl, camera = sequence["smpl"], sequence["camera"]
    pose = np.concatenate([smpl["poses_root"][frame], smpl["poses_body"][frame]])
    try:
        pose = turned_pose(pose, camera["extrinsics"][frame][:3, :3])
    except ValueError as error:
        return Unusable(str(image), str(error))
    return Person(
        image=image,
        center=center,
        size=size,
        keypoints_2d=placed(with_confidence(np.asarray(sequence["kp2d"][frame], np.float64)), SMPL24, SPIN49),
        pose=pose,
        betas=np.asarray(smpl["betas"], np.float32).ravel()[:10],
        gender=gender_number(sequence["gender"]),
        focal=float(camera["intrinsics"][0, 0]),
        sequence=str(sequence["name"]),
        frame=frame,
    )
